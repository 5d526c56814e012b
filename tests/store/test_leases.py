"""Leases: one holder at a time, the dead taken over, and the paused not acting when they wake up."""

import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import text, update

from chainwallet.errors import LeaseLost
from chainwallet.evm import Address
from chainwallet.store import leases
from chainwallet.store.database import Database, Transaction
from chainwallet.store.leases import Lease
from chainwallet.store.schema import leases as table
from tests.postgres import on_both

CHAIN, OTHER_CHAIN = "7-0a0b0c0d", "7-01020304"
ANA, BEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
LASTS_S = 60


class Shared:
    """A database whose clock the test moves: SQLite's callers are told the time, a server's leases are moved."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now_s = 1_000

    def acquire(self, holder: str, chain: str = CHAIN, sender: Address = ANA) -> Lease | None:
        with self.database.transaction() as tx:
            return leases.acquire(tx, chain, sender, holder, LASTS_S, self.now_s)

    def held(self, holder: str) -> Lease:
        lease = self.acquire(holder)
        assert lease is not None
        return lease

    def renew(self, lease: Lease) -> Lease:
        with self.database.transaction() as tx:
            return leases.renew(tx, lease, LASTS_S, self.now_s)

    def require(self, lease: Lease) -> None:
        with self.database.transaction() as tx:
            leases.require_held(tx, lease, self.now_s)

    def release(self, lease: Lease) -> None:
        with self.database.transaction() as tx:
            leases.release(tx, lease)

    def left_s(self, lease: Lease) -> int:
        with self.database.transaction() as tx:
            return lease.expires_at_s - leases.clock_s(tx, self.now_s)

    def pass_time(self, seconds: int) -> None:
        with self.database.transaction() as tx:
            if tx.dialect.name == "postgresql":
                tx.execute(update(table).values(expires_at_s=table.c.expires_at_s - seconds))
            else:
                self.now_s += seconds


@pytest.fixture
def shared(database: Database) -> Shared:
    return Shared(database)


@on_both
def test_one_holder_at_a_time(shared: Shared) -> None:
    """While one holds a sender's lease nobody else gets it; other senders and chains are free."""
    lease = shared.held("one")
    assert (lease.chain, lease.sender, lease.holder, lease.epoch) == (CHAIN, ANA, "one", 1)
    assert LASTS_S - 5 <= shared.left_s(lease) <= LASTS_S
    assert shared.acquire("two") is None
    assert shared.acquire("two", sender=BEN) is not None
    assert shared.acquire("two", chain=OTHER_CHAIN) is not None
    shared.require(lease)


@on_both
def test_a_holder_keeps_its_lease_by_renewing_it(shared: Shared) -> None:
    """A lease that is renewed in time goes on under its epoch, however long."""
    lease = shared.held("one")
    for step in (shared.renew, lambda _: shared.held("one")):
        shared.pass_time(LASTS_S - 10)
        renewed = step(lease)
        assert renewed.epoch == lease.epoch
        assert shared.left_s(renewed) >= LASTS_S - 5
        assert shared.acquire("two") is None


@on_both
def test_a_dead_holder_is_taken_over(shared: Shared) -> None:
    """A lease that expired is the next one's, under a higher epoch."""
    lease = shared.held("one")
    shared.pass_time(LASTS_S - 10)
    assert shared.acquire("two") is None
    shared.pass_time(11)
    assert shared.held("two").epoch == lease.epoch + 1


@on_both
def test_who_was_paused_acts_no_more(shared: Shared) -> None:
    """A holder that wakes up after its lease was taken over may neither act nor renew, also when that one is over."""
    lost = shared.held("one")
    shared.pass_time(LASTS_S + 1)
    held = shared.held("two")
    for _ in range(2):
        for act in (shared.require, shared.renew):
            with pytest.raises(LeaseLost) as refusal:
                act(lost)
            assert refusal.value.holder == "one"
        shared.release(lost)
        shared.require(held)
        shared.release(held)
        held = shared.held("three")


@on_both
def test_an_expired_lease_is_not_held_although_nobody_took_it(shared: Shared) -> None:
    """Who let its lease expire must acquire it anew, and gets another epoch, even where nobody was waiting."""
    lease = shared.held("one")
    shared.pass_time(LASTS_S + 1)
    for act in (shared.require, shared.renew):
        with pytest.raises(LeaseLost):
            act(lease)
    again = shared.held("one")
    assert again.epoch == lease.epoch + 1
    with pytest.raises(LeaseLost):
        shared.require(lease)


@on_both
def test_a_released_lease_is_free_at_once(shared: Shared) -> None:
    """Who ends its work releases its lease, and the next one need not wait; the epoch grows all the same."""
    lease = shared.held("one")
    shared.release(lease)
    with pytest.raises(LeaseLost):
        shared.require(lease)
    assert shared.held("two").epoch == lease.epoch + 1


@on_both
def test_the_last_lease_is_known(shared: Shared) -> None:
    """Whoever looks sees the last lease of a sender."""
    with shared.database.read() as tx:
        assert leases.find(tx, CHAIN, ANA) is None
    lease = shared.held("one")
    with shared.database.read() as tx:
        assert leases.find(tx, CHAIN, ANA) == lease


@pytest.mark.parametrize("engine", ["postgres"])
@pytest.mark.parametrize("off_s", [-(10**9), 10**9])
def test_clocks_of_machines_do_not_matter(shared: Shared, off_s: int) -> None:
    """On a server its clock counts: a machine whose own is years off neither takes a lease nor loses its own."""
    lease = shared.held("one")
    shared.now_s += off_s
    assert shared.acquire("two") is None
    shared.require(lease)
    assert 0 < shared.left_s(shared.renew(lease)) <= LASTS_S


# ------------------------------------------------------------------------------------------------ at the same time


@on_both
def test_of_many_at_once_one_gets_it(where: str, database: Database) -> None:
    """Of many that ask at the same moment exactly one gets the lease, the first time and after it expired."""
    for round_number in range(2):
        got: list[Lease] = []
        start = threading.Barrier(6)

        def ask(number: int, got: list[Lease] = got, start: threading.Barrier = start) -> None:
            with closing(Database.open(where)) as mine:
                start.wait(20)
                with mine.transaction() as tx:
                    lease = leases.acquire(tx, CHAIN, ANA, f"holder {number}", LASTS_S, 1_000)
                got.extend([lease] if lease else [])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [lease.epoch for lease in got] == [round_number + 1]
        with database.transaction() as tx:
            leases.release(tx, got[0])


def wait_for(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.005)


def is_waiting(tx: Transaction) -> bool:
    """Whether another transaction waits for a lock of this one (a server tells; SQLite's writers wait outside)."""
    if tx.dialect.name != "postgresql":
        return True
    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    return bool(tx.execute(text(blocked)).scalar_one())


@on_both
def test_nobody_takes_over_in_the_midst_of_an_act(shared: Shared, where: str) -> None:
    """From the check until its transaction ends a lease cannot change hands, even where it expires meanwhile."""
    lease = shared.held("one")
    taken: list[Lease | None] = []

    def take_over() -> None:
        with closing(Database.open(where)) as other, other.transaction() as tx:
            taken.append(leases.acquire(tx, CHAIN, ANA, "two", LASTS_S, shared.now_s + 2 * LASTS_S))

    other = threading.Thread(target=take_over)
    with shared.database.transaction() as tx:
        leases.require_held(tx, lease, shared.now_s)
        other.start()
        wait_for(lambda: is_waiting(tx))
        assert taken == []
        leases.release(tx, lease)  # what is done under the lease
    other.join(30)
    assert [one and one.epoch for one in taken] == [lease.epoch + 1]
