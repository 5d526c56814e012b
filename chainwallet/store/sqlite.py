"""SQLite: one file, written by one transaction at a time and read beside it."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from chainwallet.errors import ChainwalletError, DamagedHome, DatabaseBusy, HomeNotWritable
from chainwallet.store.backend import POOL_CONNECTIONS, POOL_MORE_CONNECTIONS, POOL_WAIT_S, Backend
from chainwallet.store.writer import Writer

BUSY_TIMEOUT_MS = 10_000  # how long a writer waits for another process
SMALLEST_DATABASE_BYTES = 512  # one page of SQLite's smallest page size

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

T = TypeVar("T")


class SqliteFile(Backend):
    """One SQLite file (WAL, ``synchronous=FULL``) for its owner alone.

    Asking it raises ``DatabaseBusy`` where others write for too long, ``HomeNotWritable`` (no room, no permission) and
    ``DamagedHome``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        _create_private(path)
        self._writing = _engine(path, "BEGIN IMMEDIATE")  # two writers wait here, not with an error at a first write
        self._reading = _engine(path, "BEGIN", "query_only=ON")
        self._turn = threading.Lock()  # between threads a lock is fairer and faster than SQLite's polling
        self._turn_of: int | None = None  # the thread that holds it
        self._writer = Writer(self.name, self.transaction, self.in_our_words)

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """As ``transaction``: SQLite has one writer at a time."""
        with self.transaction() as tx:
            yield tx

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction of this thread's own, alone among all writers."""
        self._require_no_turn()
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise DatabaseBusy(self.name, "another thread writes for too long")
        self._turn_of = threading.get_ident()
        try:
            with self.in_our_words(), self._writing.begin() as tx:
                yield tx
        finally:
            self._turn_of = None
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The state at the block's first statement, whatever is written meanwhile."""
        with self.in_our_words(), self._reading.connect() as tx:
            yield tx  # and roll back: it has changed nothing

    def write(self, work: Callable[[Connection], T]) -> T:
        """Carried out by the writer thread, in one transaction with what other threads ask for at the same time."""
        self._require_no_turn()
        return self._writer.write(work)

    def _require_no_turn(self) -> None:
        if self._turn_of == threading.get_ident():
            raise AssertionError("a transaction inside a transaction of the same thread would wait for itself")

    def foreign(self, error: DBAPIError) -> ChainwalletError:
        """The file is a database of another program."""
        return DamagedHome(self.name, f"a database of chainwallet ({error.orig})")

    def close(self) -> None:
        """Ends the writer when it has done what was asked for, and closes all connections."""
        self._writer.close()
        self._writing.dispose()
        self._reading.dispose()

    def meaning(self, error: DBAPIError) -> ChainwalletError | None:
        """By SQLite's primary result code."""
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is None:
            return None
        primary = code & _PRIMARY_CODE
        if primary in _IN_USE:
            return DatabaseBusy(self.name, "another process writes for too long")
        if primary in _NOT_WRITABLE:
            return HomeNotWritable(self.name, str(error.orig))
        return DamagedHome(self.name, f"an SQLite database ({error.orig})") if primary in _DAMAGED else None


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


def _engine(path: Path, begin: str, *more_pragmas: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_MORE_CONNECTIONS,
        pool_timeout=POOL_WAIT_S,
        hide_parameters=True,  # memos and signatures do not belong into an error's text
    )
    pragmas = (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",  # else INSERT OR REPLACE removes rows that are append-only
    )

    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (*pragmas, *more_pragmas):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", set_up)
    if begin == "BEGIN":  # it asks nothing of the file and cannot fail: no need for the long way
        event.listen(engine, "begin", lambda connection: connection.connection.driver_connection.execute(begin))
    else:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
