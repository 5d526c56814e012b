"""Tables whose rows are neither changed nor removed: the database itself refuses it, whoever asks."""

from typing import Any

from sqlalchemy import Connection, Table, event, text

SQLITE_EVENTS = ("UPDATE", "DELETE")

_FUNCTION = """
CREATE OR REPLACE FUNCTION chainwallet_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def append_only(table: Table) -> Table:
    """``table``, protected wherever it is created from its declaration."""

    def protect_created(_table: Table, connection: Connection, **_: Any) -> None:
        protect(connection, table.name)

    event.listen(table, "after_create", protect_created)
    return table


def protect(tx: Connection, table: str) -> None:
    """Makes ``table`` append-only: to update, delete or truncate it raises an ``IntegrityError`` from now on.

    For migrations. One that makes an SQLite table anew, as Alembic's batches do, protects it again afterwards.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text(_FUNCTION))
        tx.execute(
            text(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION chainwallet_append_only()"
            )
        )
        return
    for change in SQLITE_EVENTS:
        tx.execute(
            text(
                f"CREATE TRIGGER {table}_append_only_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        )


def unprotect(tx: Connection, table: str) -> None:
    """Undoes ``protect`` for the rest of a migration that must change rows; it protects the table again afterwards."""
    if tx.dialect.name == "postgresql":
        tx.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        return
    for change in SQLITE_EVENTS:
        tx.execute(text(f"DROP TRIGGER {table}_append_only_{change.lower()}"))
