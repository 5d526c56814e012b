"""Writing by many threads: in common transactions on SQLite, each in its own on PostgreSQL, answered when committed."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest
from sqlalchemy import Pool, insert, select
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import DatabaseBusy, DatabaseRefused, HomeNotWritable
from chainwallet.store import sqlite, writer
from chainwallet.store.backend import POOL_CONNECTIONS, POOL_MORE_CONNECTIONS
from chainwallet.store.database import Database, Transaction
from chainwallet.store.postgres import PostgresServer
from chainwallet.store.schema import wallets
from chainwallet.store.sqlite import SqliteFile
from tests.postgres import on_both

ROOT = Path(__file__).resolve().parents[2]


def adding(name: str) -> Callable[[Transaction], str]:
    """A request that stores a row called ``name``."""

    def work(tx: Transaction) -> str:
        row = {"name": name, "address": name, "custody": "external", "purpose": "person", "created_at_s": 5}
        tx.execute(insert(wallets).values(row))
        return name

    return work


def pool_of(database: Database) -> Pool:
    """The connections that readers use."""
    backend = database._backend
    assert isinstance(backend, SqliteFile | PostgresServer)
    return backend._reading.pool


def names(database: Database) -> list[str]:
    with database.read() as tx:
        return list(tx.execute(select(wallets.c.name).order_by(wallets.c.name)).scalars())


class Threads:
    """Calls in threads of their own; what each returned or raised, in their order."""

    def __init__(self, *works: Callable[[], object]) -> None:
        self.outcomes: dict[int, object] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(place, work), daemon=True) for place, work in enumerate(works)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, place: int, work: Callable[[], object]) -> None:
        try:
            self.outcomes[place] = work()
        except BaseException as error:
            self.outcomes[place] = error

    def ended(self) -> list[object]:
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        return [self.outcomes[place] for place in range(len(self._threads))]


@on_both
def test_what_was_answered_is_there(database: Database) -> None:
    """Every request that many threads made at the same time is answered with its own result, and stored."""
    made = [[f"{thread:02} {number:02}" for number in range(20)] for thread in range(16)]
    threads = Threads(*(lambda wanted=wanted: [database.write(adding(name)) for name in wanted] for wanted in made))
    assert threads.ended() == made
    assert names(database) == [name for wanted in made for name in wanted]


@on_both
def test_a_request_that_raises_is_undone_alone(database: Database) -> None:
    """A request that raises changes nothing, its caller gets what it raised, and all others are stored."""
    database.write(adding("taken"))

    def half(name: str) -> None:
        def work(tx: Transaction) -> None:
            adding(f"{name} before")(tx)
            adding("taken")(tx)

        database.write(work)

    def fail(name: str) -> None:
        def work(tx: Transaction) -> None:
            adding(name)(tx)
            raise KeyError(name)

        database.write(work)

    good = [lambda name=f"good {number}": database.write(adding(name)) for number in range(8)]
    bad = [lambda: half("half"), lambda: fail("own")]
    outcomes = Threads(*good[:4], *bad, *good[4:]).ended()
    assert [type(outcome) for outcome in outcomes] == [str] * 4 + [IntegrityError, KeyError] + [str] * 4
    assert names(database) == [f"good {number}" for number in range(8)] + ["taken"]


@on_both
def test_a_reader_sees_one_state_and_holds_nobody_up(database: Database) -> None:
    """A reader sees the state of its first question throughout, while others write; the next one sees what is new."""
    database.write(adding("a"))
    with database.read() as tx:
        question = select(wallets.c.name).order_by(wallets.c.name)
        assert list(tx.execute(question).scalars()) == ["a"]
        assert Threads(lambda: database.write(adding("b"))).ended() == ["b"]
        assert list(tx.execute(question).scalars()) == ["a"]
        assert names(database) == ["a", "b"]


@on_both
def test_a_reader_waits_for_nobody(database: Database) -> None:
    """While somebody writes, readers are answered with what was committed before."""
    with database.transaction() as tx:
        adding("a")(tx)
        assert names(database) == []
    assert names(database) == ["a"]


@on_both
def test_a_reader_cannot_write(database: Database) -> None:
    """The database itself refuses what a reader would change."""

    def change() -> None:
        with database.read() as tx:
            adding("a")(tx)

    with pytest.raises((HomeNotWritable, DatabaseRefused)):
        change()
    assert names(database) == []


@on_both
def test_ticks_and_requests_take_turns(database: Database) -> None:
    """Transactions of threads of their own and requests to write wait for each other, and none is lost."""

    def tick(name: str) -> str:
        with database.transaction() as tx:
            return adding(name)(tx)

    ticks = [lambda name=f"tick {number}": [tick(f"{name} {again}") for again in range(20)] for number in range(4)]
    writes = [
        lambda name=f"write {number}": [database.write(adding(f"{name} {again}")) for again in range(20)]
        for number in range(8)
    ]
    assert not [one for one in Threads(*ticks, *writes).ended() if isinstance(one, BaseException)]
    assert len(names(database)) == 12 * 20


@on_both
def test_more_threads_than_connections(database: Database) -> None:
    """More readers and writers than there are connections wait for one, and all get it."""
    threads = [lambda: names(database), lambda: database.write(lambda tx: tx.execute(select(1)).scalar_one())] * 40
    assert not [one for one in Threads(*threads).ended() if isinstance(one, BaseException)]


@on_both
def test_without_a_free_connection_that_is_said(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets no connection because all are at work is told so, after a while."""
    monkeypatch.setattr(pool_of(database), "_timeout", 0.01)
    with ExitStack() as stack:
        for _ in range(POOL_CONNECTIONS + POOL_MORE_CONNECTIONS):
            stack.enter_context(database.read())
        with pytest.raises(DatabaseBusy, match="no free connection"), database.read():
            pass
    assert names(database) == []


# ------------------------------------------------------------------------------------------------ one writer (SQLite)


def queued(database: Database) -> int:
    """How many requests wait for the writer thread."""
    backend = database._backend
    assert isinstance(backend, SqliteFile)
    return backend._writer._group._waiting.qsize()


def wait_for(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.001)


class Holder:
    """A request that stays in the writer thread until it may go on."""

    def __init__(self) -> None:
        self.arrived, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, tx: Transaction) -> object:
        self.arrived.set()
        assert self.may_go_on.wait(20)
        return tx.get_transaction()


@contextmanager
def held_writer(database: Database) -> Iterator[None]:
    """While the writer thread is at work for somebody else."""
    holder = Holder()
    threads = Threads(lambda: database.write(holder))
    assert holder.arrived.wait(20)
    yield
    holder.may_go_on.set()
    threads.ended()


def queue_up(database: Database, *works: Callable[[Transaction], object]) -> list[Threads]:
    """Requests in threads of their own that wait for the writer in this order."""
    waiting: list[Threads] = []
    for work in works:
        before = queued(database)
        waiting.append(Threads(partial(database.write, work)))
        wait_for(lambda before=before: queued(database) > before)  # type: ignore[misc]  # it is an int
    return waiting


def ended(waiting: list[Threads]) -> list[object]:
    return [outcome for threads in waiting for outcome in threads.ended()]


def own_transaction(tx: Transaction) -> object:
    return tx.get_transaction()


def test_who_waits_at_the_same_time_shares_a_transaction(database: Database) -> None:
    """Requests that wait at the same time are carried out in common transactions of at most 128."""
    with held_writer(database):
        waiting = queue_up(database, *[own_transaction] * 300)
    transactions = ended(waiting)
    sizes = [len(list(group)) for _, group in groupby(transactions, id)]
    assert sizes == [128, 128, 44]


def test_nobody_is_answered_before_the_commit(database: Database) -> None:
    """While the shared transaction still works for others, nobody is answered, and nobody sees what it wrote."""
    holder = Holder()
    with held_writer(database):
        waiting = queue_up(database, adding("first"), holder)
    assert holder.arrived.wait(20)
    assert (waiting[0].outcomes, names(database)) == ({}, [])
    holder.may_go_on.set()
    assert ended(waiting)[0] == "first"
    assert names(database) == ["first"]


def test_one_that_raises_leaves_those_it_shares_with_alone(database: Database) -> None:
    """Of requests in one transaction, one that raises in its midst is undone; those before and after it are stored."""

    def half(tx: Transaction) -> None:
        adding("half")(tx)
        adding("first")(tx)

    with held_writer(database):
        waiting = queue_up(database, own_transaction, adding("first"), half, adding("last"), own_transaction)
    before, first, refused, last, after = ended(waiting)
    assert before is after
    assert (first, type(refused), last) == ("first", IntegrityError, "last")
    assert names(database) == ["first", "last"]


def test_who_is_alone_does_not_wait_for_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single thread's requests are carried out at once, one after the other."""
    monkeypatch.setattr(writer, "GROUP_WAIT_S", 30)
    with closing(Database(path)) as database:
        began_at = time.monotonic()
        for number in range(5):
            database.write(adding(str(number)))
        assert time.monotonic() - began_at < 20


def test_closing_carries_out_what_waits(database: Database) -> None:
    """Who waits when the database is closed is still answered; then the thread ends, and nothing more is taken."""
    with held_writer(database):
        waiting = queue_up(database, adding("a"), adding("b"))
        closing_it = Threads(database.close)
        wait_for(lambda: queued(database) == 3)
        with pytest.raises(DatabaseBusy, match="closed"):
            database.write(adding("too late"))
        assert closing_it.outcomes == {}
    assert ended(waiting) == ["a", "b"]
    assert closing_it.ended() == [None]
    assert not [thread for thread in threading.enumerate() if database.name in thread.name]


def test_all_who_share_a_transaction_are_told_why_it_failed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process keeps the file, all who wait are told; afterwards all is well again."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 1)
    with closing(Database(path)) as database:
        with held_writer(database):
            waiting = queue_up(database, adding("a"), adding("b"))
        assert ended(waiting) == ["a", "b"]
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcomes = Threads(*[lambda: database.write(adding("c"))] * 5).ended()
            assert {type(outcome) for outcome in outcomes} == {DatabaseBusy}
        assert database.write(adding("c")) == "c"


FULL_DISK = """
import resource, sys, threading
from pathlib import Path
from chainwallet.errors import HomeNotWritable
from chainwallet.store.database import Database
from tests.store.test_writing import adding, ended, held_writer, names, queue_up
path = Path(sys.argv[1])
database = Database(path)
database.write(adding("before"))
carried_out = []
def work(name):
    def noted(tx):
        adding(name)(tx)
        carried_out.append(name)
    return noted
size = path.with_name(path.name + "-wal").stat().st_size
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, hard))
with held_writer(database):
    waiting = queue_up(database, *map(work, "abc"))
print(carried_out, [type(outcome).__name__ for outcome in ended(waiting)], names(database))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(database.write(adding("after")), names(database))
database.close()
"""


def test_a_full_disk_reaches_everybody_and_passes(path: Path) -> None:
    """Where the disk has no room for the commit, all who share it are told, nothing is stored, and later all is well.

    The system's limit on the size of files stands for the full disk.
    """
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ran.stderr, ran.stdout.splitlines()) == (
        "",
        [
            "['a', 'b', 'c'] ['HomeNotWritable', 'HomeNotWritable', 'HomeNotWritable'] ['before']",
            "after ['after', 'before']",
        ],
    )


NESTED: dict[str, Callable[[Database], object]] = {
    "write in write": lambda database: database.write(lambda _: database.write(adding("a"))),
    "transaction in write": lambda database: database.write(lambda _: database.transaction().__enter__()),
    "write in transaction": lambda database: in_transaction(database, lambda: database.write(adding("a"))),
    "transaction in transaction": lambda database: in_transaction(database, lambda: database.transaction().__enter__()),
}


def in_transaction(database: Database, work: Callable[[], object]) -> None:
    with database.transaction():
        work()


@pytest.mark.parametrize("name", NESTED)
def test_a_thread_that_would_wait_for_itself_is_stopped(database: Database, name: str) -> None:
    """A transaction inside a transaction of the same thread is a fault, and is said at once; others go on."""
    with pytest.raises(AssertionError, match="would wait for itself"):
        NESTED[name](database)
    assert database.write(adding("b")) == "b"
    assert names(database) == ["b"]
