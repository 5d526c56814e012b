"""The database on real SQLite files: its schema, its safety settings, and what it says of files that are not ours."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from chainwallet.errors import DamagedHome, HomeInUse, HomeNotWritable, NewerDatabase
from chainwallet.evm import Address
from chainwallet.rules.submission import Queued, Submission
from chainwallet.store import sqlite, submissions
from chainwallet.store.database import Database
from chainwallet.store.schema import metadata

CHAIN = "7-0a0b0c0d"
ANA, TOKEN = Address(b"\x0a" * 20), Address(b"\xca" * 20)


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
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "busy_timeout": 10_000,
    }
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


def test_a_writer_that_does_not_end_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process writes for too long, the home is in use; it is not taken for damaged."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 1)

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
