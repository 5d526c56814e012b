"""The store on real SQLite files: schema, safety settings, submissions and promises."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import BadValue, DamagedHome, HomeInUse, HomeNotWritable, NewerDatabase
from chainwallet.evm import Address, BlockNumber, Hash32
from chainwallet.rules.submission import Failed, Mined, Queued, Sent, Signed, Stage, Submission
from chainwallet.store import database as database_module
from chainwallet.store import promises, submissions
from chainwallet.store.database import Database
from chainwallet.store.promises import Kind, Promise
from chainwallet.store.schema import metadata

CHAIN, OTHER_CHAIN = "7-0a0b0c0d", "7-01020304"
ANA, BEN, TOKEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20), Address(b"\xca" * 20)
CASH = f"{CHAIN}/0xCash"


def tx_of(number: int) -> Hash32:
    return Hash32(number.to_bytes(32, "big"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chainwallet.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as opened:
        yield opened


# ------------------------------------------------------------------------------------------------ schema


def test_migrations_give_exactly_the_schema(database: Database) -> None:
    """A database migrated from nothing has exactly the tables, columns, keys and indexes that the code declares."""
    with database.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []


def described(path: Path) -> dict[str, Any]:
    """Columns, keys, checks and indexes as SQLite sees them."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        tables = {name: sql for name, sql in rows if name != "alembic_version"}

        def ask(pragma: str, name: str) -> list[Any]:
            return connection.execute(f"PRAGMA {pragma}({name})").fetchall()

        return {
            name: (
                sorted(ask("table_info", name)),
                ask("foreign_key_list", name),
                sorted(tuple(ask("index_info", row[1])) for row in ask("index_list", name)),
                sorted(part for part in sql.replace(",", "\n").split("\n") if "CHECK" in part),
            )
            for name, sql in tables.items()
        }


def test_migrated_and_declared_schemas_are_one_to_sqlite(database: Database, tmp_path: Path) -> None:
    """SQLite itself sees no difference between the migrated schema and the declared one, checks and keys included."""
    declared = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{declared}")
    metadata.create_all(engine)
    engine.dispose()
    migrated = described(database.path)
    assert migrated.keys() == metadata.tables.keys()
    for name, table in described(declared).items():
        assert [column[1:] for column in migrated[name][0]] == [column[1:] for column in table[0]]
        assert migrated[name][1:3] == table[1:3]
        assert len(migrated[name][3]) == len(table[3])


def test_opening_again_keeps_what_is_there(path: Path) -> None:
    """A database that is up to date is opened as it is, with its rows."""
    with closing(Database(path)) as first, first.transaction() as tx:
        submission_id = submissions.put(tx, CHAIN, "key", ANA, TOKEN, b"data", 5)
    with closing(Database(path)) as second, second.transaction() as tx:
        assert submissions.by_key(tx, CHAIN, "key") == Submission(
            submission_id, CHAIN, "key", ANA, TOKEN, b"data", Queued()
        )


def test_a_newer_database_is_left_alone(path: Path) -> None:
    """A database of a newer version is refused with both revisions, and nothing in it is changed."""
    Database(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(NewerDatabase) as refusal:
        Database(path)
    assert (refusal.value.found, refusal.value.path) == ("9999", str(path))
    assert refusal.value.known != "9999"
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one " * 40, b"x"])
def test_a_file_that_is_no_database_is_damaged(path: Path, content: bytes) -> None:
    """A file that SQLite cannot read is named as damaged, and its bytes are left as they were."""
    path.write_bytes(content)
    with pytest.raises(DamagedHome) as refusal:
        Database(path)
    assert refusal.value.path == str(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_damaged(path: Path) -> None:
    """A database whose tables are somebody else's is refused, and gets none of ours."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE wallets (owner TEXT)")
    with pytest.raises(DamagedHome):
        Database(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("wallets",)]


@pytest.mark.parametrize("kind", ["missing directory", "directory"])
def test_a_place_that_cannot_be_written(path: Path, kind: str) -> None:
    """A place where no database can be made is named as not writable, not as damaged."""
    if kind == "directory":
        path.mkdir()
    where = path if kind == "directory" else path / "nowhere.db"
    with pytest.raises(HomeNotWritable) as refusal:
        Database(where)
    assert refusal.value.path == str(where)


def test_any_path_is_taken_as_it_is(tmp_path: Path) -> None:
    """A path with characters that mean something in URLs names exactly that file."""
    path = tmp_path / "a?b=c #%20é.db"
    Database(path).close()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


# ------------------------------------------------------------------------------------------------ safety


def test_safety_settings_are_really_on(database: Database) -> None:
    """Every connection writes ahead, syncs fully, enforces foreign keys and waits for other writers."""
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    for _ in range(2):
        with database.transaction() as tx:
            assert {name: tx.execute(text(f"PRAGMA {name}")).scalar_one() for name in expected} == expected


def test_only_the_owner_may_read(path: Path) -> None:
    """The database and the files beside it are readable by their owner alone, whatever the umask."""
    old = os.umask(0)
    try:
        with closing(Database(path)) as database, database.transaction() as tx:
            submissions.put(tx, CHAIN, "key", ANA, TOKEN, b"", 5)
            modes = {entry.name: entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes == {path.name: 0o600, f"{path.name}-wal": 0o600, f"{path.name}-shm": 0o600}


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    """An older database that others may read is made private when it is opened."""
    path.touch(0o644)
    Database(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_block_that_raises_changes_nothing(database: Database) -> None:
    """A transaction is carried out whole or, where its block raises, not at all."""

    def fail_in_between() -> None:
        with database.transaction() as tx:
            submissions.put(tx, CHAIN, "key", ANA, TOKEN, b"", 5)
            raise KeyError("in between")

    with pytest.raises(KeyError):
        fail_in_between()
    with database.transaction() as tx:
        assert submissions.by_key(tx, CHAIN, "key") is None


def test_rows_need_what_they_point_to(database: Database) -> None:
    """A promise cannot name a submission that is not there."""

    def point_nowhere() -> None:
        with database.transaction() as tx:
            promises.add(tx, promise(submission_id=99), None, 5)

    with pytest.raises(IntegrityError):
        point_nowhere()


def test_a_writer_that_does_not_end_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process writes for too long, the home is in use; it is not taken for damaged."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 1)

    def open_and_write() -> None:
        with closing(Database(database.path)) as second, second.transaction():
            pass

    with database.transaction():
        with pytest.raises(HomeInUse) as refusal:
            open_and_write()
        assert refusal.value.path == str(database.path)
    open_and_write()


OPEN_AND_COUNT = """
import sys
from pathlib import Path
from chainwallet.store import submissions
from chainwallet.store.database import Database
database = Database(Path(sys.argv[1]))
for number in range(20):
    with database.transaction() as tx:
        submissions.put(tx, "7-0a0b0c0d", f"{sys.argv[2]} {number}", b"\\x0a" * 20, None, b"", 5)
database.close()
"""


def test_processes_make_and_write_one_database_at_once(path: Path) -> None:
    """Processes that open a new database at the same time make it once, and lose none of each other's rows."""
    running = [subprocess.Popen([sys.executable, "-c", OPEN_AND_COUNT, path, name]) for name in "abc"]
    assert [process.wait() for process in running] == [0] * 3
    with closing(Database(path)) as database, database.transaction() as tx:
        assert len(submissions.unfinished(tx, CHAIN, [ANA], 100)) == 60


# ------------------------------------------------------------------------------------------------ submissions


def put(database: Database, key: str = "key", **changes: Any) -> int:
    content: dict[str, Any] = {"chain": CHAIN, "sender": ANA, "to": TOKEN, "data": b"data", "now_s": 5}
    with database.transaction() as tx:
        return submissions.put(tx, key=key, **{**content, **changes})


def found(database: Database, submission_id: int) -> Submission:
    with database.transaction() as tx:
        submission = submissions.by_id(tx, submission_id)
    assert submission is not None
    return submission


def move(database: Database, submission_id: int, *stages: Stage) -> bool:
    moved = True
    for stage in stages:
        submission = found(database, submission_id)
        with database.transaction() as tx:
            moved = submissions.move(tx, submission, stage, 6) and moved
    return moved


def signed(nonce: int, number: int | None = None) -> Signed:
    return Signed(nonce, tx_of(nonce if number is None else number), b"raw %d" % nonce)


def sent(nonce: int) -> Sent:
    return Sent(nonce, tx_of(nonce), b"raw %d" % nonce)


def test_the_same_key_is_the_same_submission(database: Database) -> None:
    """The same key with the same content is one submission; on another chain it is another one."""
    first = put(database)
    assert put(database) == first
    assert put(database, to=None, key="creation") == put(database, to=None, key="creation") != first
    assert put(database, chain=OTHER_CHAIN) != first


@pytest.mark.parametrize("changes", [{"sender": BEN}, {"to": BEN}, {"to": None}, {"data": b"other"}])
def test_the_same_key_with_other_content_is_refused(database: Database, changes: dict[str, Any]) -> None:
    """A key that stands for a submission is refused for another sender, receiver or call data."""
    first = put(database)
    for stage in (None, signed(0), sent(0), Mined(tx_of(0), BlockNumber(1), 5, None)):
        assert stage is None or move(database, first, stage)
        with pytest.raises(BadValue):
            put(database, **changes)
        assert found(database, first).data == b"data"


@pytest.mark.parametrize("data", [b"data", b"other"])
def test_a_failed_submission_gives_its_key_up(database: Database, data: bytes) -> None:
    """What failed can be asked for again, also with other content, as a new submission; the old one stays on record."""
    unsent, reverted = put(database), put(database, key="reverted")
    move(database, unsent, Failed(None, "paused"))
    move(database, reverted, signed(0), sent(0), Failed(tx_of(0), "paused"))
    for old, key in ((unsent, "key"), (reverted, "reverted")):
        new = put(database, key=key, data=data)
        assert new == put(database, key=key, data=data) != old
        assert found(database, new).stage == Queued()
        assert isinstance(found(database, old).stage, Failed)


def test_a_mined_submission_is_repeated_only_where_its_effect_is_missing(database: Database) -> None:
    """A mined submission keeps its key, unless the caller says that it did not have its effect."""
    first = put(database)
    assert put(database, again=True) == first
    move(database, first, signed(0), sent(0), Mined(tx_of(0), BlockNumber(1), 5, None))
    assert put(database) == first
    second = put(database, again=True)
    assert second == put(database) == put(database, again=True) != first


STAGES: list[Stage] = [
    Queued(),
    signed(3),
    sent(3),
    Mined(tx_of(3), BlockNumber(8), 21_000, TOKEN),
    Failed(tx_of(3), "paused"),
]


def test_every_stage_reads_back(database: Database) -> None:
    """A submission reads back in each stage of its life as it was stored, its signed bytes included."""
    first, second, unsent = put(database), put(database, key="second"), put(database, key="unsent")
    for stage in STAGES[1:4]:
        assert move(database, first, stage)
        assert found(database, first).stage == stage
    failed = Failed(tx_of(4), "paused")
    assert move(database, second, signed(4), sent(4), failed)
    assert found(database, second).stage == failed
    assert move(database, unsent, Failed(None, "paused"))
    assert found(database, unsent).stage == Failed(None, "paused")


def test_signed_bytes_are_stored_with_the_move_to_signed(database: Database) -> None:
    """The bytes are in the store in the same transaction that says they were signed, under their nonce."""
    submission_id = put(database)
    with database.transaction() as tx:
        assert submissions.highest_nonce(tx, CHAIN, ANA) is None
    assert move(database, submission_id, signed(7))
    with database.transaction() as tx:
        raw = tx.execute(text("SELECT raw, nonce, submission_id FROM attempts")).one()
        assert tuple(raw) == (b"raw 7", 7, submission_id)
        assert submissions.highest_nonce(tx, CHAIN, ANA) == 7
        assert submissions.highest_nonce(tx, CHAIN, BEN) is None
        assert submissions.highest_nonce(tx, OTHER_CHAIN, ANA) is None


def test_only_the_first_of_two_movers_moves(database: Database) -> None:
    """Of two processes that saw the same stage only one moves it; the other's signed bytes are not even stored."""
    submission_id = put(database)
    seen = found(database, submission_id)
    with database.transaction() as tx:
        assert submissions.move(tx, seen, signed(0), 6)
    with database.transaction() as tx:
        assert not submissions.move(tx, seen, signed(1), 6)
        assert not submissions.move(tx, seen, Failed(None, "paused"), 6)
    assert found(database, submission_id).stage == signed(0)
    with database.transaction() as tx:
        assert submissions.highest_nonce(tx, CHAIN, ANA) == 0


def test_a_nonce_belongs_to_one_submission(database: Database) -> None:
    """A nonce in stored bytes of a sender is not given to a second submission, whichever process chose it."""
    first, second = put(database), put(database, key="second")
    assert move(database, first, signed(5))
    for taken in (5, 4):
        assert not move(database, second, signed(taken, number=50 + taken))
        assert found(database, second).stage == Queued()
    assert move(database, second, signed(6))
    other_sender = put(database, key="other sender", sender=BEN)
    assert move(database, other_sender, signed(5, number=55))


def test_unfinished_is_bounded_oldest_first_and_of_the_senders_asked_for(database: Database) -> None:
    """The relayer sees the oldest open submissions of its own senders; others' cannot crowd them out."""
    theirs = [put(database, key=f"theirs {number}", sender=BEN) for number in range(5)]
    ours = [put(database, key=f"ours {number}") for number in range(4)]
    put(database, key="other chain", chain=OTHER_CHAIN)
    move(database, ours[0], Failed(None, "paused"))
    move(database, ours[1], signed(0))
    with database.transaction() as tx:
        assert [s.id for s in submissions.unfinished(tx, CHAIN, [ANA], 2)] == ours[1:3]
        assert [s.id for s in submissions.unfinished(tx, CHAIN, [BEN, ANA], 50)] == theirs + ours[1:]
        assert submissions.unfinished(tx, CHAIN, [], 50) == ()


# ------------------------------------------------------------------------------------------------ promises


def promise(**changes: Any) -> Promise:
    fields: dict[str, Any] = {
        "token": CASH,
        "payer": ANA,
        "kind": "payment",
        "id": "42",
        "nonce": 0,
        "content_hash": tx_of(1),
        "document": "{}",
        "signature": None,
        "memo": "dinner",
        "submission_id": None,
        "made_at_block": BlockNumber(3),
    }
    return Promise(**{**fields, **changes})


def test_a_promise_reads_back(database: Database) -> None:
    """A promise reads back as it was stored, and so do its signature, its newer document and its submission."""
    carrier = put(database)
    made = promise(nonce=2**200 + 1)
    with database.transaction() as tx:
        promises.add(tx, made, b"salt", 5)
        promises.set_document(tx, made, '{"new": 1}', b"signature")
        promises.set_submission(tx, made, carrier)
    expected = promise(nonce=2**200 + 1, document='{"new": 1}', signature=b"signature", submission_id=carrier)
    with database.transaction() as tx:
        assert promises.by_id(tx, CASH, ANA, "payment", "42") == expected
        assert promises.by_id(tx, CASH, ANA, "payment", "4") is None


def test_the_same_id_is_free_for_others(database: Database) -> None:
    """An id is the payer's own on one token and for one kind of promise: nobody can take it from somebody else."""
    kinds: list[tuple[str, Address, Kind]] = [
        (CASH, ANA, "payment"),
        (CASH, ANA, "consent"),
        (CASH, BEN, "payment"),
        ("other", ANA, "payment"),
    ]
    for nonce, (token, payer, kind) in enumerate(kinds):
        with database.transaction() as tx:
            promises.add(tx, promise(token=token, payer=payer, kind=kind, nonce=nonce), None, 5)
    with database.transaction() as tx:
        stored = [promises.by_id(tx, token, payer, kind, "42") for token, payer, kind in kinds]
    assert [one.nonce for one in stored if one is not None] == [0, 1, 2, 3]


def refused(database: Database, *made: Promise) -> None:
    def add_all() -> None:
        with database.transaction() as tx:
            for one in made:
                promises.add(tx, one, None, 5)

    with pytest.raises(IntegrityError):
        add_all()


def test_a_promise_is_stored_once_and_its_nonce_too(database: Database) -> None:
    """The store itself refuses a second promise with the same id, and a second one with the same nonce."""
    refused(database, promise(), promise(nonce=1))
    refused(database, promise(), promise(id="43"))
    refused(database, promise(), promise(kind="consent"))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([ANA, BEN]), st.sampled_from(["eur", "usd"]), st.integers(0, 400))))
def test_nonces_only_grow(tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[Address, str, int]]) -> None:
    """A payer's next nonce on a token is above all of theirs there and not below what the chain has seen."""
    with closing(Database(tmp_path_factory.mktemp("nonces") / "chainwallet.db")) as database:
        highest: dict[tuple[Address, str], int] = {}
        for number, (payer, token, first_unused) in enumerate(drawn):
            with database.transaction() as tx:
                nonce = promises.next_nonce(tx, token, payer, first_unused)
                promises.add(tx, promise(token=token, payer=payer, id=str(number), nonce=nonce), None, 5)
            assert nonce == max(first_unused, highest.get((payer, token), -1) + 1)
            highest[payer, token] = nonce


def in_threads(work: Callable[[int], None], count: int) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_threads_never_share_a_nonce(path: Path) -> None:
    """Promises made at the same time, also over several connections, get one nonce each, without a gap."""
    Database(path).close()

    def make(worker: int) -> None:
        with closing(Database(path)) as database:
            for number in range(10):
                with database.transaction() as tx:
                    nonce = promises.next_nonce(tx, CASH, ANA, 5)
                    promises.add(tx, promise(id=f"{worker} {number}", nonce=nonce), None, 5)

    in_threads(make, 4)
    with closing(Database(path)) as database, database.transaction() as tx:
        nonces = [int(row.nonce, 16) for row in tx.execute(text("SELECT nonce FROM promises"))]
    assert sorted(nonces) == list(range(5, 45))
