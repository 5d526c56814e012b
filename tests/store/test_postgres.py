"""PostgreSQL as a server that breaks, stops, refuses and comes back; and what people are shown of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import select, text

from chainwallet.errors import BadValue, ChainwalletError, DatabaseBusy, DatabaseRefused, DatabaseUnreachable
from chainwallet.evm import Address
from chainwallet.store import leases
from chainwallet.store import postgres as postgres_module
from chainwallet.store.database import Database, Transaction
from chainwallet.store.locks import free_rows, lock_payer, lock_sender, take_turns
from chainwallet.store.schema import wallets
from tests.postgres import PostgresProcess
from tests.store.test_writing import Threads, adding, names, wait_for

CHAIN = "7-0a0b0c0d"
ANA, BEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
SECRET = "geheim-geheim"


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresProcess]:
    """A server that the tests of this module may kill."""
    with PostgresProcess() as server:
        yield server


@pytest.fixture
def mortal(own_server: PostgresProcess) -> Iterator[Database]:
    """A database on it; the server runs again afterwards."""
    with own_server.migrated() as url, closing(Database.open(url)) as database:
        yield database
        own_server.stop()
        own_server.start()


# ------------------------------------------------------------------------------------------------ what is shown


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ana:{SECRET}@127.0.0.1:1/wallet",
        f"postgres://ana@127.0.0.1:1/wallet?password={SECRET}",
        f"postgresql://ana:x%40{SECRET}@127.0.0.1:1/wallet?sslpassword={SECRET}&application_name=x",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    """Nothing that is said about a database holds its password, wherever the URL has it."""
    with pytest.raises(DatabaseUnreachable) as refusal:
        Database.open(url)
    said = f"{refusal.value} {refusal.value!r} {refusal.value.__cause__}"
    assert SECRET not in said
    assert "postgresql://ana@127.0.0.1:1/wallet" in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://ana:{SECRET}@host/wallet",
        f"sqlite:///{SECRET}",
        f"postgresql://ana:{SECRET}@host:port/wallet",
        f"postgresql://ana:{SECRET}@host:70000000/wallet",
        f"postgresql://ana:{SECRET}@host",
        f"postgresql://ana:{SECRET}@host/",
        f"://{SECRET}",
    ],
)
def test_what_is_no_database_is_refused(url: str) -> None:
    """A URL of something else, or of no database, is refused in one line, without what may be its password."""
    with pytest.raises(BadValue) as refusal:
        Database.open(url)
    assert "postgresql://USER@HOST/DATABASE" in str(refusal.value)
    assert SECRET not in f"{refusal.value} {refusal.value!r}"


def test_a_database_is_shown_by_its_place(database: Database) -> None:
    """A database is shown by its server, user and name."""
    assert repr(database) == f"Database({database.name!r})"
    assert database.name.startswith("postgresql://postgres@/test_")


def test_errors_do_not_repeat_what_was_to_be_stored(database: Database) -> None:
    """A refused statement's error does not hold the values: memos and signatures stay where they are."""
    database.write(adding(SECRET))
    with pytest.raises(Exception, match=r"uq_wallets_address|pk_wallets") as refusal:
        database.write(adding(SECRET))
    assert "INSERT INTO wallets" in str(refusal.value)
    assert SECRET not in str(refusal.value).replace(f"(name)=({SECRET})", "")


# ------------------------------------------------------------------------------------------------ gone and back


def test_a_killed_server_loses_nothing_that_was_answered(own_server: PostgresProcess, mortal: Database) -> None:
    """When all of the server is killed during writes, everything answered is there, and writing goes on by itself."""
    answered: list[list[str]] = [[] for _ in range(4)]
    lost: list[ChainwalletError] = []
    is_over = threading.Event()

    def keep_writing(number: int) -> None:
        count = 0
        while not is_over.is_set():
            count += 1
            try:
                answered[number].append(mortal.write(adding(f"{number} {count}")))
            except DatabaseUnreachable as error:
                lost.append(error)
                is_over.wait(0.01)

    def total() -> int:
        return sum(map(len, answered))

    writers = Threads(*(lambda number=number: keep_writing(number) for number in range(4)))
    wait_for(lambda: total() > 200)
    own_server.kill()
    wait_for(lambda: len(lost) >= 4)
    before, while_gone = total(), list(lost)
    own_server.start()
    back_at = time.monotonic()
    wait_for(lambda: total() > before)
    assert time.monotonic() - back_at < 5
    wait_for(lambda: total() > before + 200)
    is_over.set()
    assert writers.ended() == [None] * 4
    assert {name for made in answered for name in made} <= set(names(mortal))
    assert len({error.since for error in while_gone if isinstance(error, DatabaseUnreachable)}) == 1


def test_a_server_that_is_gone_says_since_when(own_server: PostgresProcess, mortal: Database) -> None:
    """While the server is gone everything says since when, the same time throughout; then it begins anew."""
    own_server.stop()
    said = []
    for _ in range(2):
        for ask in (lambda: names(mortal), lambda: mortal.write(adding("a"))):
            with pytest.raises(DatabaseUnreachable) as refusal:
                ask()
            said.append(refusal.value.since)
        second = int(time.time())
        wait_for(lambda second=second: time.time() >= second + 1)  # type: ignore[misc]  # it is an int
    assert len(set(said)) == 1
    own_server.start()
    assert mortal.write(adding("a")) == "a"
    assert mortal._backend._lost_since_s is None  # type: ignore[attr-defined]  # it is a PostgresServer
    with closing(Database.open(own_server.url())) as other:
        assert names(other) == []


def backend_pid(tx: Transaction) -> int:
    return int(tx.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_an_idle_connection_that_broke_is_replaced(database: Database, postgres: PostgresProcess) -> None:
    """A connection that the server ended while it was idle costs nobody an error."""
    with database.transaction() as tx:
        pid = backend_pid(tx)
    postgres.do(f"SELECT pg_terminate_backend({pid}, 5000)")
    assert database.write(adding("a")) == "a"


def test_a_transaction_whose_connection_breaks_changes_nothing(database: Database, postgres: PostgresProcess) -> None:
    """A transaction that loses its connection in its midst says so, and nothing of it is stored."""

    def lose_it(tx: Transaction) -> None:
        adding("a")(tx)
        postgres.do(f"SELECT pg_terminate_backend({backend_pid(tx)}, 5000)")
        adding("b")(tx)

    def in_transaction() -> None:
        with database.transaction() as tx:
            lose_it(tx)

    for work in (in_transaction, lambda: database.write(lose_it)):
        with pytest.raises(DatabaseUnreachable):
            work()
    assert names(database) == []


def test_a_paused_process_does_not_hold_others_up(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that pauses in a transaction loses it; others go on, and it finds out when it wakes up."""
    monkeypatch.setattr(postgres_module, "IDLE_TRANSACTION_TIMEOUT_S", 1)
    with closing(Database.open(where)) as paused, closing(Database.open(where)) as other:
        with other.transaction() as tx:
            held = leases.acquire(tx, CHAIN, ANA, "paused", 60, 0)
        assert held is not None

        def sleep() -> None:
            with paused.transaction() as tx:
                leases.require_held(tx, held, 0)
                adding("too late")(tx)
                with other.transaction() as other_tx:  # waits until the server has ended the first
                    assert leases.find(other_tx, CHAIN, ANA) == held
                    leases.require_held(other_tx, held, 0)

        with pytest.raises(DatabaseUnreachable):
            sleep()
        assert names(other) == []


# ------------------------------------------------------------------------------------------------ in each other's way


def test_a_lock_that_is_not_given_up_is_told(database: Database, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Who waits too long for another transaction is told that the database is busy, and has changed nothing."""
    monkeypatch.setattr(postgres_module, "LOCK_TIMEOUT_S", 1)
    with closing(Database.open(where)) as other, database.transaction() as tx:
        lock_payer(tx, "token", ANA)

        def work(other_tx: Transaction) -> None:
            adding("a")(other_tx)
            lock_payer(other_tx, "token", ANA)

        with pytest.raises(DatabaseBusy, match="a lock took too long"):
            other.write(work)
    assert names(database) == []


def test_a_statement_without_end_is_ended(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that takes too long is ended by the server, and that is said."""
    monkeypatch.setattr(postgres_module, "STATEMENT_TIMEOUT_S", 1)
    with closing(Database.open(where)) as database:
        with pytest.raises(DatabaseBusy, match="a statement took too long"), database.read() as tx:
            tx.execute(text("SELECT pg_sleep(60)"))
        assert names(database) == []


def crossing(locked: threading.Barrier) -> tuple[Callable[[Transaction], str], Callable[[Transaction], str]]:
    """Two requests that lock the same two things in opposite order, and meet in the middle the first time."""

    def work(first: str, second: str) -> Callable[[Transaction], str]:
        tried: list[int] = []

        def crossed(tx: Transaction) -> str:
            take_turns(tx, first)
            if not tried:
                tried.append(1)
                locked.wait(20)
            take_turns(tx, second)
            return adding(f"{first} {second}")(tx)

        return crossed

    return work("a", "b"), work("b", "a")


def test_requests_in_each_others_way_both_get_through(database: Database) -> None:
    """Of two requests that wait for each other the server ends one; it is carried out again, and both are stored."""
    one, two = crossing(threading.Barrier(2))
    assert Threads(lambda: database.write(one), lambda: database.write(two)).ended() == ["a b", "b a"]
    assert names(database) == ["a b", "b a"]


def test_a_tick_in_anothers_way_says_so(database: Database) -> None:
    """A transaction that the server ends for another one's sake says that the database is busy; the next tick tries."""

    def tick(work: Callable[[Transaction], str]) -> str:
        with database.transaction() as tx:
            return work(tx)

    one, two = crossing(threading.Barrier(2))
    outcomes = Threads(lambda: tick(one), lambda: tick(two)).ended()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DatabaseBusy", "str"]
    assert names(database) == [outcome for outcome in outcomes if isinstance(outcome, str)]


def test_others_are_not_locked_out(database: Database, where: str) -> None:
    """A lock concerns one payer on one token, or one sender on one chain, and nobody else."""
    with closing(Database.open(where)) as other, database.transaction() as tx, other.transaction() as other_tx:
        lock_payer(tx, "eur", ANA)
        lock_payer(other_tx, "eur", BEN)
        lock_payer(other_tx, "usd", ANA)
        lock_sender(other_tx, "eur", ANA)


def test_due_rows_are_shared_out(database: Database, where: str) -> None:
    """Rows that one transaction has taken to work on are passed over by the next one, until the first ends."""
    for name in "abcd":
        database.write(adding(name))
    due = free_rows(select(wallets.c.name).order_by(wallets.c.name).limit(2), wallets)
    with closing(Database.open(where)) as other:
        with database.transaction() as tx, other.transaction() as other_tx:
            assert list(tx.execute(due).scalars()) == ["a", "b"]
            assert list(other_tx.execute(due).scalars()) == ["c", "d"]
        with other.transaction() as other_tx:
            assert list(other_tx.execute(due).scalars()) == ["a", "b"]


# ------------------------------------------------------------------------------------------------ what it will not do


def test_a_role_without_rights_is_refused(postgres: PostgresProcess, empty_place: Callable[[], str]) -> None:
    """A role that may not make the tables is told so."""
    url = empty_place()
    postgres.do("CREATE ROLE guest LOGIN")
    try:
        with pytest.raises(DatabaseRefused, match="permission denied"):
            Database.open(url.replace("postgres@", "guest@"))
    finally:
        postgres.do("DROP ROLE guest")


def test_a_server_that_only_reads_is_refused(database: Database, where: str) -> None:
    """A stand-by server, or a database that was made read-only, refuses to write and says so."""
    with database.transaction() as tx:
        tx.execute(text(f"ALTER DATABASE {tx.engine.url.database} SET default_transaction_read_only = on"))
    with closing(Database.open(where)) as other, pytest.raises(DatabaseRefused, match="read-only"):
        other.write(adding("a"))


def test_a_database_that_is_not_there_is_said(own_server: PostgresProcess) -> None:
    """A name that the server does not have is told in the server's words."""
    with pytest.raises(DatabaseUnreachable, match='database "nowhere" does not exist'):
        Database.open(own_server.url("nowhere"))


def test_what_is_answered_is_on_the_disk(database: Database, where: str) -> None:
    """Also where the server was told not to wait for its disk, our transactions wait for it."""
    with database.transaction() as tx:
        tx.execute(text(f"ALTER DATABASE {tx.engine.url.database} SET synchronous_commit = off"))
    with closing(Database.open(where)) as other, other.read() as tx:
        assert tx.execute(text("SHOW synchronous_commit")).scalar_one() == "on"


def test_every_wait_is_bounded(database: Database) -> None:
    """Each connection has limits for locks, statements and idle transactions, and reads what is committed."""
    expected = {"lock_timeout": "10s", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "15s"}
    for use, level in ((database.transaction, "read committed"), (database.read, "repeatable read")):
        with use() as tx:
            assert {name: tx.execute(text(f"SHOW {name}")).scalar_one() for name in expected} == expected
            assert tx.execute(text("SHOW transaction_isolation")).scalar_one() == level
