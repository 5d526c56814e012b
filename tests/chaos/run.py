"""Chaos: real workers, a real node behind the fault proxy, a real database; everything fails, and all is paid once.

    python -m tests.chaos.run --payments 50000 --kills 100 --reorgs 100 --store sqlite

Prints how often each fault was really injected and what the independent checker found; the exit status is 1 where a
fault was never injected, or the checker has a problem.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

from chainwallet import deployment, issuing, payments
from chainwallet.anvil import RunningChain, find_anvil
from chainwallet.config import Limits
from chainwallet.errors import ChainwalletError, NodeTrouble, Recovering, StoreTrouble
from chainwallet.evm import Transaction, to_hex
from chainwallet.faults import Faults, Rates
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import parse_money
from chainwallet.rules.promise import Queued
from chainwallet.store import promises
from chainwallet.store.database import Database
from scripts.check_payments import Report, check, rows_of
from tests.chain.bench import ETHER, EUR, GROUP, ROLES, SERVICES, Bench, Deployed, key_of, relayer_for, wait_for
from tests.chain.carriers import worker_process
from tests.chain.signed_payments import deliver_for_somebody, document_of, item_of, send
from tests.postgres import PostgresProcess

CONFIRMATIONS = 2
LIMITS = Limits(confirmations=CONFIRMATIONS, lease_s=1, resend_after_s=1, bump_after_s=2, batch_items=100)
RATES = Rates(5_000, 20_000, 5_000, 10_000, 5_000, 10_000, 20_000, 10_000)
RELAYERS = ("relayer", "relayer two")
PAYERS = ("ana", *GROUP)
AT_ONCE = 200
DAY_S = 86_400
MOST_WAITED_S = 600.0
DEEPEST = 20


@dataclass
class Chaos:
    """One run."""

    place: Path
    where: str
    dice: Random
    server: PostgresProcess | None = None
    injected: Counter[str] = field(default_factory=Counter)
    orders: list[payments.Order] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)
    workers: dict[str, tuple[ExitStack, BaseProcess]] = field(default_factory=dict)

    def begin(self, units: int) -> None:
        configured = os.environ.get("CHAINWALLET_ANVIL")
        self.anvil = find_anvil(Path(configured) if configured else None)
        self.chain = RunningChain.start(self.place / "chain", self.anvil, Node)
        self.stack.callback(self._stop_chain)
        node = Node(self.chain.url)
        for name in (*SERVICES, *RELAYERS, *PAYERS, "stranger"):
            node.set_balance(key_of(name).address, 10**6 * ETHER)
        chain, database = deployment.chain_of(node), Database.open(self.where)
        deliver = relayer_for(database, node, chain).deliver
        manifest, _ = deployment.deploy(node, database, deliver, self.place, ROLES, [EUR], int(time.time()))
        contract = manifest.contract(EUR)
        assert contract is not None
        cash = Cash(chain, EUR, contract.address)
        for payer in PAYERS:
            amounts = {key_of(payer).address: parse_money(str(units), EUR)}
            issuing.top_up(database, deliver, ROLES.issuer, cash, amounts, f"{payer}'s", int(time.time()))
        self.bench = Bench(node, self.chain.url, self.where, database, Deployed(chain, manifest, self.place), cash)
        relayer_for(database, node, chain).close()
        self.proxy = self.stack.enter_context(Faults(self.chain.url, RATES, self.dice.randrange(10**6)))
        self.first = node.block_number()  # no reorg takes the ledger itself away
        node.mine(DEEPEST)
        self.chain.save()
        for relayer in RELAYERS:
            self.hire(relayer)

    def _stop_chain(self) -> None:
        self.chain.stop()

    @contextlib.contextmanager
    def _process(self, name: str) -> Iterator[BaseProcess]:
        """A worker; while it starts, nothing fails."""
        self.proxy.rates = Rates()
        with worker_process(self.bench, self.proxy.url, name, limits=LIMITS) as process:
            self.proxy.rates = RATES
            yield process

    def hire(self, name: str) -> None:
        one = ExitStack()
        self.workers[name] = one, one.enter_context(self._process(name))
        self.stack.callback(one.close)

    # -------------------------------------------------------------------------------------------- clients

    def accept(self, orders: list[payments.Order], lifetime_s: int = DAY_S) -> None:
        """Accepts ``orders``, asked for again until they are."""
        keys = {key_of(name).address: key_of(name) for name in PAYERS}
        give_up_at = time.monotonic() + MOST_WAITED_S
        while True:
            with contextlib.suppress(NodeTrouble, StoreTrouble, Recovering):
                self._wait_out()
                self.bench.indexer().catch_up()
                desk = self.bench.desk(confirmations=CONFIRMATIONS, lifetime_s=lifetime_s)
                payments.accept_many(desk, orders, keys.__getitem__, lambda: b"salt", self.bench.now_s)
                break
            assert time.monotonic() < give_up_at, "nothing is accepted"
            time.sleep(0.05)
        known = {order.id for order in self.orders}
        self.orders += [order for order in orders if order.id not in known]

    def _wait_out(self) -> None:
        """Where the chain knows more than the database, nothing is accepted for a day of the chain's time."""
        if rows_of(self.where, "SELECT id FROM recoveries WHERE ended_at_s IS NULL"):
            self.bench.node.set_time(max(self.bench.now_s, int(time.time())) + DAY_S + 60)
            self.bench.node.mine(CONFIRMATIONS + 1)
            self.injected["recovery waited out"] += 1
            wait_for(lambda: not rows_of(self.where, "SELECT id FROM recoveries WHERE ended_at_s IS NULL"), 60)

    def new_orders(self, count: int, payer: str | None = None) -> list[payments.Order]:
        first = len(self.orders)
        names = [payer or self.dice.choice(PAYERS) for _ in range(count)]
        return [self.bench.order(name, "ben", "0.01", id=f"c{first + at}") for at, name in enumerate(names)]

    def burst(self) -> None:
        self.accept(self.new_orders(500, "ana"))
        self.injected["500 payments at once"] += 1

    def owner_asks_again(self) -> None:
        """An external owner's answer is lost: the order is offered twice, and signed once."""
        (order,) = self.new_orders(1, "gina")
        self.bench.indexer().catch_up()
        desk = self.bench.desk(confirmations=CONFIRMATIONS)
        begun = [payments.offer(desk, order, b"salt", self.bench.now_s) for _ in range(2)]
        assert begun[0].document == begun[1].document
        self.accept([order])
        self.injected["external owner asks again"] += 1

    def expiry(self) -> None:
        """A document expires in the queue, because the ledger is paused until its time is over."""
        self.bench.act("pauser", "pause()")
        self.accept(self.new_orders(1, "hugo"), lifetime_s=30)
        self.bench.node.set_time(self.bench.now_s + 40)
        self.bench.node.mine(CONFIRMATIONS)
        order = self.orders[-1]
        wait_for(lambda: self.stage_of(order) == "expired", 60)
        self.bench.act("pauser", "unpause()")
        self.injected["expired in the queue"] += 1

    def stage_of(self, order: payments.Order) -> str:
        rows = rows_of(self.where, "SELECT stage FROM promises WHERE id = ?", order.id)
        return str(rows[0]["stage"]) if rows else ""

    # -------------------------------------------------------------------------------------------- processes

    def kill_relayer(self) -> None:
        name = self.dice.choice(RELAYERS)
        one, process = self.workers.pop(name)
        process.kill()
        one.close()
        self.hire(name)
        self.injected["relayer killed"] += 1

    def pause_relayer(self) -> None:
        """A relayer sleeps past its lease, another process takes its lane, and it wakes up."""
        _, process = self.workers[RELAYERS[0]]
        os.kill(process.pid or 0, signal.SIGSTOP)
        with ExitStack() as other:
            self.accept(self.new_orders(20))
            for name in RELAYERS:
                other.enter_context(self._process(name))
            time.sleep(2 * LIMITS.lease_s)  # what is waited for is the lease's own time
            os.kill(process.pid or 0, signal.SIGCONT)
            time.sleep(0.5)  # both are awake
        self.injected["paused past its lease"] += 1
        self.injected["two relayers of one lane"] += 1

    def kill_anvil(self) -> None:
        """The node dies, and comes back with the state of its last save: some blocks are gone."""
        self.accept(self.new_orders(5))
        wait_for(lambda: self.bench.node.block_number() > 3)
        self.bench.node.mine(2)
        before = self.bench.node.block_number()
        os.kill(self.chain.anvil_pid, signal.SIGKILL)
        with contextlib.suppress(ChainwalletError):
            self.chain.stop()
        self.chain = RunningChain.start(self.place / "chain", self.anvil, Node)
        self.proxy.redirect(self.chain.url)
        self.bench = replace(self.bench, node=Node(self.chain.url), url=self.chain.url)
        if self.bench.node.block_number() < before:
            self.injected["node killed and rewound"] += 1
        while self.bench.node.block_number() <= before:
            self.bench.node.mine(before + 1 - self.bench.node.block_number())  # else a rewind waits out 30 s
        self.first = self.bench.node.block_number()  # of what it loaded, Anvil can take back nothing
        self.bench.node.mine(DEEPEST)

    def kill_postgres(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.start()
            self.injected["PostgreSQL killed"] += 1

    # -------------------------------------------------------------------------------------------- the chain

    def reorg(self) -> None:
        depth = self.dice.randint(1, min(DEEPEST, self.bench.node.block_number() - self.first))
        while depth > 0:
            try:
                self.bench.ask("anvil_reorg", depth, [])
                break
            except KeyError:  # Anvil refuses: it has not the state of that block any more
                depth //= 2
        if not depth:
            return
        self.injected["reorg"] += 1
        self.injected["deep reorg"] += depth > CONFIRMATIONS

    def foreign_nonce(self) -> None:
        key = key_of(self.dice.choice(RELAYERS))
        fees = self.bench.node.fees()
        count = self.bench.node.transaction_count(key.address)
        rival = Transaction(self.bench.chain.chain_id, count, key.address, b"", 21_000, 50 * fees[0], 50 * fees[0])
        self.bench.node.send_raw(key.sign_transaction(rival))
        self.injected["nonce used behind our back"] += 1

    def stuck(self) -> None:
        """Nothing is mined for a while: a fee bump, in a pool full of other people's transactions."""
        self.bench.ask("evm_setAutomine", False)
        self.accept(self.new_orders(10))
        before = self._attempts()
        key, fees = key_of("stranger"), self.bench.node.fees()
        count = self.bench.node.transaction_count(key.address)
        for nonce in range(count, count + 300):
            full = Transaction(self.bench.chain.chain_id, nonce, key.address, b"", 21_000, fees[0] * 4, fees[1])
            self.bench.node.send_raw(key.sign_transaction(full))
        self.injected["full pool"] += 1
        with contextlib.suppress(AssertionError):
            wait_for(lambda: self._attempts() > before, 10)
            self.injected["stuck fee bumped"] += 1
        self.bench.ask("evm_setAutomine", True)
        self.bench.node.mine(2)

    def _attempts(self) -> int:
        query = "SELECT count(*) AS more FROM (SELECT nonce FROM attempts GROUP BY sender, nonce HAVING count(*) > 1) x"
        return int(rows_of(self.where, query)[0]["more"])

    def stranger(self) -> None:
        """Somebody executes one of our items first, and has the ledger say of another that it was skipped."""
        self.accept(self.new_orders(3))
        with self.bench.database.read() as tx:
            found = promises.listed(tx, self.bench.chain.key, stages=["queued", "carried"], limit=3)
        for promise in found[:1]:
            deliver_for_somebody(self.bench, promise)
            self.injected["executed by a stranger"] += 1
        for promise in found[1:2]:
            forged = replace(document_of(promise), value=1)
            send(self.bench, "stranger", item_of(self.bench, forged, key_of("eve"), as_payer=forged.payer))
            self.injected["skip provoked"] += 1
        assert all(isinstance(one.stage, Queued) or one.submission_id for one in found)

    # -------------------------------------------------------------------------------------------- a backup

    def restore(self) -> None:
        """An old backup takes the database's place; a day later everybody asks again."""
        if self.server is not None:
            return
        backup = self.place / "backup.db"
        with closing(sqlite3.connect(self.where)) as now, closing(sqlite3.connect(backup)) as copy:
            now.backup(copy)
        forgotten = self.new_orders(20)
        self.accept(forgotten)
        give_up_at = time.monotonic() + 60
        while not any(self.stage_of(order) == "final" for order in forgotten):
            assert time.monotonic() < give_up_at, "nothing goes on"
            self._wait_out()
            self._wait_out()
            self.bench.node.mine()
            time.sleep(0.2)  # the workers' turn
        for one, _ in self.workers.values():
            one.close()
        self.workers.clear()
        self.bench.database.close()
        for left in self.place.glob("chainwallet.db*"):
            left.unlink()
        shutil.copy(backup, self.where)
        self.bench = replace(self.bench, database=Database.open(self.where))
        self.injected["restored backup"] += 1
        for name in RELAYERS:
            self.hire(name)
        wait_for(lambda: bool(rows_of(self.where, "SELECT id FROM recoveries WHERE ended_at_s IS NULL")), 60)
        self.accept(list(self.orders))

    # -------------------------------------------------------------------------------------------- the end

    def finish(self) -> Report:
        """Nothing fails any more; all must end, and the checker has the last word."""
        self.proxy.rates = Rates()
        give_up_at = time.monotonic() + MOST_WAITED_S
        while self._open() and time.monotonic() < give_up_at:
            self._wait_out()
            self.bench.node.mine()
            time.sleep(0.2)  # the workers' turn
        for one, _ in self.workers.values():
            one.close()
        worker = self.bench.worker(limits=LIMITS)
        give_up_at = time.monotonic() + 10
        while (worker.tick() or self._open()) and time.monotonic() < give_up_at:
            time.sleep(0.05)
        asked = [
            {"payer": to_hex(o.payer), "payee": to_hex(o.payee), "value": o.amount.token_units, "id": o.id}
            for o in self.orders
        ]
        return check(self.where, self.chain.url, asked, CONFIRMATIONS)

    def _open(self) -> list[dict[str, Any]]:
        query = "SELECT id FROM promises WHERE stage NOT IN ('final', 'expired', 'canceled')"
        under_way = "SELECT id FROM submissions WHERE stage IN ('queued', 'signed', 'sent', 'mined')"
        return rows_of(self.where, query) + rows_of(self.where, under_way)


def expected(store: str) -> set[str]:
    """What must have been injected at least once."""
    both = {
        *("relayer killed", "paused past its lease", "two relayers of one lane", "node killed and rewound", "reorg"),
        *("nonce used behind our back", "stuck fee bumped", "full pool", "executed by a stranger", "skip provoked"),
        *("external owner asks again", "expired in the queue", "500 payments at once"),
    }
    return both | ({"PostgreSQL killed"} if store == "postgres" else {"restored backup"})


def run(chaos: Chaos, payments_: int, kills: int, reorgs: int) -> Report:
    """The whole run."""
    chaos.begin(units=payments_ + 1_000)
    deeds: list[Callable[[], None]] = [chaos.kill_relayer] * kills + [chaos.reorg] * reorgs
    often = max(1, kills // 20)
    others = (chaos.pause_relayer, chaos.kill_anvil, chaos.foreign_nonce, chaos.stuck, chaos.stranger)
    more = (chaos.owner_asks_again, chaos.kill_postgres)
    deeds += [deed for deed in (*others, *more) for _ in range(often)] + [chaos.expiry, chaos.burst]
    chaos.dice.shuffle(deeds)
    each = max(1, (payments_ - 500) // len(deeds))
    for deed in deeds:
        left = each
        while left > 0:
            chaos.accept(chaos.new_orders(min(left, AT_ONCE)))
            left -= AT_ONCE
        print(f"{len(chaos.orders):,} accepted; {deed.__name__}", file=sys.stderr, flush=True)
        for _ in range(5):
            try:
                deed()
                break
            except (NodeTrouble, StoreTrouble, Recovering) as trouble:
                print(f"again: {trouble}", file=sys.stderr, flush=True)
        chaos.chain.save() if deed != chaos.kill_anvil and chaos.dice.random() < 0.3 else None
    chaos.restore()
    return chaos.finish()


@contextlib.contextmanager
def prepared(store: str, seed: int) -> Iterator[Chaos]:
    """A run in a directory of its own, gone afterwards."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chainwallet-chaos-")))
        server = stack.enter_context(PostgresProcess()) if store == "postgres" else None
        where = stack.enter_context(server.migrated()) if server else str(place / "chainwallet.db")
        dice = Random(seed)  # noqa: S311 - chance that can be repeated is what is wanted
        chaos = Chaos(place, where, dice, server)
        with chaos.stack:
            yield chaos
            chaos.bench.database.close()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Carry payments through everything that can go wrong.")
    parser.add_argument("--payments", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--reorgs", type=int, default=100)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with prepared(given.store, given.seed) as chaos:
        report = run(chaos, given.payments, given.kills, given.reorgs)
        through = {name: times for name, times in chaos.proxy.counts.items() if name not in ("behind", "disagreements")}
    missing = [name for name in sorted(expected(given.store)) if not chaos.injected[name]]
    missing += [name for name, times in through.items() if not times]
    shown = {"injected": dict(sorted(chaos.injected.items())), "through the proxy": through, "never": missing}
    found = {"problems": len(report.problems), "first_problems": report.problems[:20], **report.figures}
    print(json.dumps({"seed": given.seed, **shown, "checker": found}, indent=2))
    return 1 if missing or report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
