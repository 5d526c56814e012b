"""Many rows at once, handed to the driver as they are: looking at each value takes as long as storing it."""

from collections.abc import Sequence

from sqlalchemy import Table, insert

from chainwallet.store.database import Transaction


def insert_many(tx: Transaction, table: Table, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Inserts ``rows``, the values of ``columns`` in their order: numbers and texts, which drivers take as they are."""
    if not rows:
        return
    statement = insert(table).compile(dialect=tx.dialect, column_keys=list(columns))
    if statement.positiontup is None:
        tx.exec_driver_sql(str(statement), [dict(zip(columns, row, strict=True)) for row in rows])
        return
    assert tuple(statement.positiontup) == tuple(columns)  # noqa: S101 - in the order of the table, as they stand here
    tx.exec_driver_sql(str(statement), list(rows))
