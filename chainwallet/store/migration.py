"""Brings a database's schema to this version, step by step through ``migrations``."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chainwallet.errors import NewerDatabase
from chainwallet.store.backend import Backend


def bring_up_to_date(backend: Backend) -> None:
    """Migrates the database, unless it is up to date; of several processes one does, and the others wait for it.

    Raises ``NewerDatabase`` where its schema is none of ours, and what ``Backend.foreign`` says where its tables are.
    """
    known = revisions()
    try:
        with backend.read() as tx:
            if revision_of(tx) == known[-1]:
                return
        with backend.migration() as tx:
            found = revision_of(tx)
            if found is not None and found not in known:
                raise NewerDatabase(backend.name, found, known[-1])
            upgrade(tx, known[-1])
    except DBAPIError as error:  # a schema that is not ours
        raise backend.foreign(error) from error


def upgrade(tx: Connection, revision: str) -> None:
    """Carries out in ``tx`` the steps from the revision that the database has to ``revision``."""
    config = _config()
    config.attributes["connection"] = tx
    command.upgrade(config, revision)


def revision_of(tx: Connection) -> str | None:
    """The revision that the database has; None where it is empty."""
    return MigrationContext.configure(tx).get_current_revision()


def revisions() -> list[str]:
    """All revisions, the first first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "chainwallet:store/migrations")
    return config
