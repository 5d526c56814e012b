"""Deeds: relayers are killed, paused and doubled; node and database are killed; an old backup takes their place."""

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from chainwallet.errors import ChainwalletError, StoreTrouble
from tests.chain.bench import key_of
from tests.chaos.clients import accept, new_orders
from tests.chaos.crew import RELAYERS
from tests.chaos.ground import DEEPEST, LOOK_S, PATIENCE_S, Ground

REQUESTS = 60
"""A relayer is killed after at most so many more requests to the node."""
HOUR_S = 3_600
FORGOTTEN = 20


def kill_relayer(ground: Ground) -> None:
    """``kill -9`` at a random point: after a number of further requests to the node."""
    name = ground.dice.choice(RELAYERS)
    until, give_up_at = ground.proxy.served + ground.dice.randrange(REQUESTS), time.monotonic() + PATIENCE_S
    while ground.proxy.served < until:
        assert time.monotonic() < give_up_at, "nobody asks the node anything"
        time.sleep(0.001)
    ground.crew.kill(name)
    ground.injected["relayer killed -9"] += 1
    ground.crew.hire(name)


def pause_relayer(ground: Ground) -> None:
    """A relayer sleeps past its lease, another process takes its lane, and it wakes up beside that one."""
    name = ground.dice.choice(RELAYERS)
    sender = f"0x{key_of(name).address.hex()}"
    epoch = "SELECT max(epoch) AS epoch FROM leases WHERE sender = ?"
    with ground.crew.doubled(RELAYERS):
        with _asleep(ground, name):
            before = ground.count(epoch, sender)
            accept(ground, new_orders(ground, FORGOTTEN))
            ground.wait_until(lambda: ground.count(epoch, sender) > before, "the lane is taken over")
            ground.injected["relayer paused past its lease"] += 1
        served = ground.proxy.served
        ground.wait_until(lambda: ground.proxy.served > served + REQUESTS, "both relayers of a lane are awake")
    ground.injected["two relayers of one lane"] += 1


@contextlib.contextmanager
def _asleep(ground: Ground, name: str) -> Iterator[None]:
    """The relayer stands still, and not in the middle of a transaction: there it would hold everybody up."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        with ground.crew.paused(name):
            if not ground.is_held_up():
                yield
                return
        assert time.monotonic() < give_up_at, "it is always in a transaction"
        time.sleep(LOOK_S)


def kill_anvil(ground: Ground) -> None:
    """The node dies, and comes back with the state of its last save: some blocks are gone."""
    accept(ground, new_orders(ground, 5))
    with ground.pulse.held():
        ground.bench.node.mine(2)
        before = ground.bench.node.block_number()
        os.kill(ground.chain.anvil_pid, signal.SIGKILL)
        with contextlib.suppress(ChainwalletError):
            ground.chain.stop()
        ground.restart_chain()
        node = ground.bench.node
        ground.injected["node killed -9 and rewound"] += node.block_number() < before
        while node.block_number() <= before:
            node.mine(before + 1 - node.block_number())  # else a rewind is believed only after 30 s
        ground.first = node.block_number()
        node.mine(DEEPEST)


def kill_postgres(ground: Ground) -> None:
    """All processes of the server die at once, while relayers are connected; it is started again."""
    assert ground.server is not None
    ground.server.kill()
    ground.server.start()
    ground.injected["PostgreSQL killed -9 and restarted"] += 1
    _until_the_store_answers(lambda: ground.stage_of(ground.orders[0]))


def _until_the_store_answers(ask: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            ask()
            return
        except StoreTrouble:
            assert time.monotonic() < give_up_at, "the database does not come back"
            time.sleep(LOOK_S)


# ------------------------------------------------------------------------------------------------ a backup


def restore(ground: Ground) -> None:
    """A backup is made; payments are accepted and paid; an hour later the backup takes the database's place.

    Whoever was told that a payment is accepted asks for it again.
    """
    backup = _save(ground)
    forgotten = new_orders(ground, FORGOTTEN)
    accept(ground, forgotten)
    ground.wait_until(lambda: any(ground.stage_of(one) == "final" for one in forgotten), "a payment is final")
    ground.pass_time(HOUR_S)
    ground.crew.kill_all()
    ground.bench.database.close()
    _put_back(ground, backup)
    ground.reopen()
    unknown = [one for one in forgotten if not ground.stage_of(one)]
    ground.injected["a backup of an hour ago restored"] += bool(unknown)
    ground.crew.hire(*RELAYERS)
    accept(ground, forgotten)


def _save(ground: Ground) -> str:
    """A backup of the database as it is now; its place."""
    if ground.server is None:
        backup = str(ground.place / "backup.db")
        with closing(sqlite3.connect(ground.where)) as now, closing(sqlite3.connect(backup)) as copy:
            now.backup(copy)
        return backup
    backup = f"backup_{len(ground.orders)}"
    with ground.crew.paused(*RELAYERS):
        name = _name(ground)
        ground.bench.database.close()
        others = f"FROM pg_stat_activity WHERE datname = '{name}'"
        ground.server.do(f"SELECT pg_terminate_backend(pid) {others}")
        ground.server.do(f"CREATE DATABASE {backup} TEMPLATE {name}")
    ground.reopen()
    return backup


def _put_back(ground: Ground, backup: str) -> None:
    if ground.server is None:
        for left in ground.place.glob("chainwallet.db*"):
            left.unlink()
        shutil.copy(backup, ground.where)
        return
    ground.server.do(f"DROP DATABASE {_name(ground)} WITH (FORCE)")
    ground.server.do(f"ALTER DATABASE {backup} RENAME TO {_name(ground)}")


def _name(ground: Ground) -> str:
    return ground.where.partition("@/")[2].partition("?")[0]


def lanes_used(ground: Ground) -> int:
    """Through how many lanes payments went: each relayer's process has one of its own."""
    return ground.count("SELECT count(DISTINCT sender) FROM submissions WHERE kind = 'payments' AND stage = 'final'")
