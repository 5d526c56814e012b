"""Tables whose rows are neither changed nor removed: the database itself refuses it, whoever asks.

In some, one column may be filled in later, once: when a reorg removed what the row says.
"""

from collections.abc import Sequence
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


def append_only_but(table: Table, column: str) -> Table:
    """``table``, protected wherever it is created from its declaration, but for ``column``, which may be set once."""

    def protect_created(_table: Table, connection: Connection, **_: Any) -> None:
        protect_but(connection, table.name, column, [one.name for one in table.c if one.name != column])

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


def protect_but(tx: Connection, table: str, column: str, others: Sequence[str]) -> None:
    """As ``protect``, but ``column`` may be set where it is NULL; ``others`` are all other columns. For migrations."""
    if tx.dialect.name == "postgresql":
        tx.execute(text(_FUNCTION))
        old, new = (", ".join(f"{row}.{name}" for name in others) for row in ("OLD", "NEW"))
        changed = f"OLD.{column} IS NOT NULL OR NEW.{column} IS NULL OR ({old}) IS DISTINCT FROM ({new})"
        for trigger, change, when in (
            ("rows", "UPDATE", f"FOR EACH ROW WHEN ({changed})"),
            ("append_only", "DELETE OR TRUNCATE", "FOR EACH STATEMENT"),
        ):
            tx.execute(
                text(
                    f"CREATE TRIGGER {table}_{trigger} BEFORE {change} ON {table} {when} "
                    "EXECUTE FUNCTION chainwallet_append_only()"
                )
            )
        return
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in others)
    for change, when in (
        ("UPDATE", f"WHEN OLD.{column} IS NOT NULL OR NEW.{column} IS NULL OR {changed}"),
        ("DELETE", ""),
    ):
        tx.execute(
            text(
                f"CREATE TRIGGER {table}_append_only_{change.lower()} BEFORE {change} ON {table} {when} "
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
