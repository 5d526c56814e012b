"""Opens the database file, brings its schema to this version, and gives out transactions."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError

from chainwallet.errors import DamagedHome, HomeInUse, HomeNotWritable, Installation, NewerDatabase

BUSY_TIMEOUT_MS = 10_000  # how long a writer waits for another process
SMALLEST_DATABASE_BYTES = 512  # one page of SQLite's smallest page size

Transaction = Connection
"""An open transaction; the store's functions read and write through it."""

_IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NOT_WRITABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY_CODE = 0xFF  # of an extended SQLite result code


class Database:
    """One SQLite file (WAL, ``synchronous=FULL``), migrated to this version's schema when opened.

    Opening it and every transaction raise ``HomeInUse`` where another process writes for too long,
    ``HomeNotWritable`` (no room, no permission) and ``DamagedHome``; opening also ``NewerDatabase``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _create_private(path)
        self._engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(self._engine, "connect", _set_up_connection)
        event.listen(self._engine, "begin", _begin_immediate)
        try:
            with _in_our_words(path):
                _migrate(self._engine, path)
        except DatabaseError as error:  # a schema that is not ours
            self.close()
            raise DamagedHome(str(path), f"a database of chainwallet ({error.orig})") from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""
        with _in_our_words(self.path), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    """Raises what SQLite says about the file as our errors; what it says about a statement stays as it is."""
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        meaning = _meaning(path, error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(path: Path, error: DatabaseError) -> Installation | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & _PRIMARY_CODE
    if primary in _IN_USE:
        return HomeInUse(str(path), "a process that writes to the database")
    if primary in _NOT_WRITABLE:
        return HomeNotWritable(str(path), str(error.orig))
    return DamagedHome(str(path), f"an SQLite database ({error.orig})") if primary in _DAMAGED else None


def _create_private(path: Path) -> None:
    """The file for its owner alone before SQLite writes to it: SQLite gives its side files the same mode.

    A file that is there is not opened: closing it would drop the locks of this process's other connections.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        size = path.stat().st_size
    except OSError as error:
        raise HomeNotWritable(str(path), error.strerror or type(error).__name__) from error
    if 0 < size < SMALLEST_DATABASE_BYTES:  # SQLite would take it for an empty one
        raise DamagedHome(str(path), f"an SQLite database (it has {size} bytes)")


def _set_up_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    # Immediate: two writers wait for each other here, not with an error at their first write.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine, path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "chainwallet:store/migrations")
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    with engine.begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found == head:
            return
        if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
            raise NewerDatabase(str(path), found, str(head))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
