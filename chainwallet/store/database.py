"""Opens a database, brings its schema to this version, and gives out transactions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection

from chainwallet.store.backend import Backend
from chainwallet.store.migration import bring_up_to_date
from chainwallet.store.postgres import PostgresServer, server_url
from chainwallet.store.sqlite import SqliteFile

Transaction = Connection
"""An open transaction; the store's functions read and write through it."""

T = TypeVar("T")


class Database:
    """An SQLite file, or a database of a PostgreSQL server; migrated to this version's schema when opened.

    Many threads may use it. Opening it raises ``NewerDatabase``; opening and every use raise what the kind of database
    raises (``SqliteFile``, ``PostgresServer``).
    """

    def __init__(self, place: Path | URL) -> None:
        self._backend: Backend = SqliteFile(place) if isinstance(place, Path) else PostgresServer(place)
        try:
            bring_up_to_date(self._backend)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, where: str | Path) -> "Database":
        """The database at ``where``: a path, or ``postgresql://...``. Raises ``BadValue`` for another URL."""
        return cls(server_url(where) if isinstance(where, str) and "://" in where else Path(where))

    def __repr__(self) -> str:
        return f"Database({self.name!r})"

    @property
    def name(self) -> str:
        """Where it is, as people are shown it: without a password."""
        return self._backend.name

    @property
    def is_file(self) -> bool:
        """Whether it is an SQLite file, read in this process: nobody else need be waited for."""
        return isinstance(self._backend, SqliteFile)

    @property
    def path(self) -> Path:
        """Of an SQLite file; a server has none."""
        assert isinstance(self._backend, SqliteFile)  # noqa: S101 - the caller knows which it opened
        return self._backend.path

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""
        with self._backend.transaction() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads: the state at its first statement, throughout. It holds no writer up."""
        with self._backend.read() as tx:
            yield tx

    def write(self, work: Callable[[Transaction], T]) -> T:
        """What ``work`` returns, once its changes are committed: for the requests of many threads at once.

        On SQLite those that wait at the same time share one transaction. ``work`` may be called again after its changes
        were undone, and in another thread: it acts through its transaction and on nothing else. What it raises is
        raised here, and its changes alone are undone.
        """
        return self._backend.write(work)

    def close(self) -> None:
        """Carries out what waits, ends the threads and closes all connections."""
        self._backend.close()
