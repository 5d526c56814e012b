"""Opens the database file, brings its schema to this version, and gives out transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from chainwallet.errors import DamagedHome, NewerDatabase

BUSY_TIMEOUT_MS = 10_000  # how long a writer waits for another process

Transaction = Connection
"""An open transaction; the store's functions read and write through it."""


class Database:
    """One SQLite file (WAL, ``synchronous=FULL``), migrated to this version's schema when opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _set_up_connection)
        event.listen(self._engine, "begin", _begin_immediate)
        try:
            _migrate(self._engine, path)
        except DatabaseError as error:
            self.close()
            raise DamagedHome(str(path), f"an SQLite database ({error.orig})") from error
        path.chmod(0o600)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


def _set_up_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
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
