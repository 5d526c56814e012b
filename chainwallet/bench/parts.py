"""The two processes of a running service, as the bench runs them: one accepts payments, one carries them.

They meet in the database alone. Each prints lines of JSON that ``bench.payments`` reads.
"""

import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import IO

from chainwallet import payments
from chainwallet.bench.memory import peak_rss_mb
from chainwallet.bench.stages import Stages
from chainwallet.errors import NodeTrouble, StoreTrouble
from chainwallet.evm import Address, keccak256
from chainwallet.indexer import Indexer
from chainwallet.keys.signer import LocalSigner, verify_signature
from chainwallet.payments import Desk, Order
from chainwallet.relayer import Relayer, Tools, taking
from chainwallet.relayer.carrying import Carrying
from chainwallet.relayer.judging import Judging
from chainwallet.relayer.signing import Signing
from chainwallet.rules.money import Money
from chainwallet.store import happenings, promises
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker

AHEAD = 5_000  # payments that are accepted and not final, at most: a payer's documents fit into the window of 64
TRIES = 10  # of a call, where the database is busy
AT_ONCE = 200  # payments that are asked for in one call
YIELD_S = 0.002  # between two calls: who waits for SQLite's only writer polls, and must find it free now and then
ROOM_S = 0.02  # between two looks whether there is room for more
MOST_MINOR = 100  # of one payment; the least is 1
LINES_AT_ONCE = 10_000  # of the journal

ACCEPTING = {
    payments.accept_many.__code__: "store",
    LocalSigner.sign.__code__: "sign",
    verify_signature.__code__: "sign",
}
CARRYING = {
    Relayer.tick.__code__: "other",
    taking.take_up.__code__: "pack",
    Signing.sign_batches.__code__: "pack",
    Carrying.step.__code__: "send",
    Indexer.tick.__code__: "index",
    Judging.judge.__code__: "judge",
}
"""By stage, the product's functions. "pack" simulates, signs and stores a transaction; "send" follows it too; "index"
takes facts in, and "judge" says what they mean for the payments."""


def payer(number: int) -> LocalSigner:
    """Who pays: a key that everybody knows, of no use elsewhere."""
    return LocalSigner(keccak256(b"chainwallet bench: who pays %d" % number))


def payee(number: int) -> Address:
    """Who is paid."""
    return Address(keccak256(b"chainwallet bench: who is paid %d" % number)[12:])


def orders(desk: Desk, count: int, payers: int) -> Iterator[Order]:
    """``count`` payments, by the payers in turns; each payee is another's at each round."""
    addresses = [payer(number).address for number in range(payers)]
    for number in range(count):
        turn, who = divmod(number, payers)
        amount = Money(1 + number % MOST_MINOR, desk.cash.currency)
        yield Order(f"bench {number}", addresses[who], payee((who + turn) % payers), amount, None)


def say(line: Mapping[str, object]) -> None:
    """One line of JSON on stdout."""
    print(json.dumps(line), flush=True)


# ------------------------------------------------------------------------------------------------ accepting


def accept(desk: Desk, count: int, payers: int, now_s: Callable[[], int]) -> None:
    """Accepts ``count`` payments as fast as there is room, and says at the end when each was.

    The numbers are the store's.
    """
    keys = {signer.address: signer for signer in map(payer, range(payers))}
    accepted: dict[int, float] = {}
    stages = Stages(ACCEPTING, "room")
    began_s = time.monotonic()
    waiting = orders(desk, count, payers)
    with stages:
        while some := list(islice(waiting, AT_ONCE)):
            while _open(desk) > AHEAD - len(some):
                time.sleep(ROOM_S)
            kept = _accepted(desk, some, keys, now_s)
            accepted_s = time.monotonic()
            accepted |= {one.number: accepted_s for one in kept}
            time.sleep(YIELD_S)
    say({"began_s": began_s, "accepted_s": accepted, **_spent(stages)})


def _accepted(
    desk: Desk, some: list[Order], keys: Mapping[Address, LocalSigner], now_s: Callable[[], int]
) -> list[Promise]:
    """As a client does, the same again where the database was busy: they are the same payments."""
    for _ in range(TRIES):
        with suppress(StoreTrouble):
            return payments.accept_many(desk, some, keys.__getitem__, lambda: os.urandom(32), now_s())
    return payments.accept_many(desk, some, keys.__getitem__, lambda: os.urandom(32), now_s())


def _open(desk: Desk) -> int:
    with desk.database.read() as tx:
        return promises.count_live(tx, desk.cash.token)


def _spent(stages: Stages) -> dict[str, object]:
    return {"wall_s": stages.wall_s, "cpu_s": stages.cpu_s, "peak_rss_mb": peak_rss_mb()}


# ------------------------------------------------------------------------------------------------ carrying


@dataclass(frozen=True)
class Carrier:
    """The ordinary worker, which has the payers' keys."""

    tools: Tools
    follow: Callable[[], Indexer]

    def run(self, payers: int, stop: IO[str] = sys.stdin) -> None:
        """Carries what is accepted until ``stop`` ends; says at once what has become final, and at the end the rest."""
        keys = {signer.address: signer for signer in map(payer, range(payers))}
        tools = replace(self.tools, payers=keys.get, managed=lambda: tuple(keys))
        relayer = Relayer(tools)
        worker = Worker(tools, relayer, cache(self.follow))
        worker.catch_up()
        say({"ready": True})
        stages = Stages({**CARRYING, _has_ended.__code__: "wait"})
        seen, pause_s = 0, tools.limits.poll_ms / 1_000
        with stages:
            while True:
                moved = _tick(worker)
                seen = self._say_final(seen) if moved else seen
                if _has_ended(stop, 0 if moved else pause_s):
                    break
        relayer.close()
        say(_spent(stages))

    def _say_final(self, seen: int) -> int:
        """Says which payments became final since line ``seen`` of the journal; the last line now."""
        while True:
            with self.tools.database.read() as tx:
                some = (seen, LINES_AT_ONCE)
                numbers, last = happenings.promises_after(tx, self.tools.chain.key, "WasConfirmed", *some)
            if numbers:
                say({"final": numbers, "at_s": time.monotonic()})
            if last is None:
                return seen
            seen = last


def _tick(worker: Worker) -> int:
    try:
        return worker.tick()
    except (NodeTrouble, StoreTrouble) as trouble:  # as `relayer run` does: what it is, the next tick goes on
        print(trouble, file=sys.stderr)
        return 0


def _has_ended(stream: IO[str], pause_s: float) -> bool:
    """Waits ``pause_s`` seconds, or until ``stream`` ends; whether it has."""
    readable, _, _ = select.select([stream], [], [], pause_s)
    return bool(readable) and not stream.read(1)
