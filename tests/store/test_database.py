"""The database on real SQLite files: its safety settings, and what it says of files that are not ours."""

import fcntl
import os
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from chainwallet.errors import DamagedHome, DatabaseBusy, HomeNotWritable
from chainwallet.evm import Address
from chainwallet.store import gate, sqlite, submissions
from chainwallet.store.database import Database

CHAIN = "7-0a0b0c0d"
ANA, TOKEN = Address(b"\x0a" * 20), Address(b"\xca" * 20)


# ------------------------------------------------------------------------------------------------ the file


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one " * 40, b"x"])
def test_a_file_that_is_no_database_is_damaged(path: Path, content: bytes) -> None:
    """A file that SQLite cannot read is named as damaged, and its bytes are left as they were."""
    path.write_bytes(content)
    with pytest.raises(DamagedHome) as refusal:
        Database(path)
    assert refusal.value.path == str(path)
    assert path.read_bytes() == content


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
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, f"{path.name}-turn"}


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
    assert modes == {path.name + beside: 0o600 for beside in ("", "-wal", "-shm", "-turn")}


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
    """Where another process writes for too long, the database is busy, which is waited out; it is not damaged."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 1)

    def open_and_write() -> None:
        with closing(Database(database.path)) as second, second.transaction():
            pass

    with database.transaction():
        with pytest.raises(DatabaseBusy) as refusal:
            open_and_write()
        assert refusal.value.where == str(database.path)
    open_and_write()


# ------------------------------------------------------------------------------------------------ turns


def stands_in_gate(path: Path) -> bool:
    """Whether somebody waits to write."""
    with path.with_name(f"{path.name}-turn").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_who_has_just_written_comes_after_who_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However soon a process writes again, another that waited comes first: here two databases stand for processes."""
    monkeypatch.setattr(gate, "PASSED_S", 5.0)
    order = []
    with closing(Database(path)) as first, closing(Database(path)) as second:

        def write() -> None:
            with second.transaction():
                order.append("second")

        for _ in range(3):
            other = threading.Thread(target=write)
            with first.transaction():
                other.start()
                until_s = time.monotonic() + 5
                while not stands_in_gate(path) and time.monotonic() < until_s:
                    time.sleep(0.001)
            with first.transaction():
                order.append("first")
            other.join()
    assert order == ["second", "first"] * 3


def test_who_is_stopped_in_the_gate_is_passed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stands in the gate and does nothing holds nobody up for long."""
    monkeypatch.setattr(gate, "PASSED_S", 0.01)
    with closing(Database(path)) as database, path.with_name(f"{path.name}-turn").open() as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        with database.transaction() as tx:
            assert tx.execute(text("SELECT 1")).scalar_one() == 1
