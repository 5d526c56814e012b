"""Many rows at once, handed to the driver as they are: looking at each value takes as long as storing it."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    Dialect,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
)
from sqlalchemy.types import TypeEngine

from chainwallet.store.database import Transaction


def asked(tx: Transaction, **columns: Sequence[str]) -> FromClause:
    """A table of texts, one row for each that is asked about; all ``columns`` are of one length.

    However many they are, it is a bound value or two, and the same statement. To be read from, or with IN: in a join
    SQLite may take it for the larger table.
    """
    return _table(tx.dialect.name, tuple(columns), rows_asked(tx, **columns))


def asked_later(engine: str, *columns: str) -> FromClause:
    """As ``asked``, for a statement that is made once for each kind of database: ``rows_asked`` are bound to it.

    Making a statement takes as long as having it answered.
    """
    return _table(engine, columns, None)


def rows_asked(tx: Transaction, **columns: Sequence[str]) -> dict[str, object]:
    """What a statement with the table ``asked_later`` is executed with."""
    if tx.dialect.name == "postgresql":
        return {f"asked_{name}": list(texts) for name, texts in columns.items()}
    return {"asked": json.dumps(list(zip(*columns.values(), strict=True)))}


def _table(engine: str, columns: Sequence[str], rows: Mapping[str, object] | None) -> FromClause:
    if engine == "postgresql":
        arrays = [cast(_bound(f"asked_{name}", ARRAY(Text), rows), ARRAY(Text)) for name in columns]
        return func.unnest(*arrays).table_valued(*columns, name="asked").render_derived()
    each = func.json_each(_bound("asked", Text(), rows)).table_valued("value", name="row")
    names = enumerate(columns)
    return select(*(func.json_extract(each.c.value, f"$[{at}]").label(name) for at, name in names)).subquery("asked")


def _bound(name: str, of: TypeEngine[Any], rows: Mapping[str, object] | None) -> BindParameter[Any]:
    return bindparam(name, type_=of) if rows is None else bindparam(name, rows[name], of, unique=True)


def next_numbers(tx: Transaction, column: Column[int], count: int) -> range | list[int]:
    """Numbers for ``count`` new rows of ``column``'s table, growing, which nobody else gets."""
    if tx.dialect.name != "postgresql":  # the only writer, until it ends
        first = int(tx.execute(select(func.coalesce(func.max(column), 0))).scalar_one()) + 1
        return range(first, first + count)
    sequence = func.pg_get_serial_sequence(column.table.name, column.name)
    return list(tx.execute(select(func.nextval(sequence)).select_from(func.generate_series(1, count))).scalars())


def insert_many(tx: Transaction, table: Table, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Inserts ``rows``, the values of ``columns`` in their order: numbers and texts, which drivers take as they are."""
    if not rows:
        return
    statement = _insert(table, tuple(columns), tx.dialect)
    if statement is None:
        _insert_arrays(tx, table, columns, rows)
    else:
        tx.exec_driver_sql(statement, list(rows))


@lru_cache
def _insert(table: Table, columns: tuple[str, ...], dialect: Dialect) -> str | None:
    """The statement, written once; None where its values are not told apart by their places."""
    statement = insert(table).compile(dialect=dialect, column_keys=list(columns))
    if statement.positiontup is None:
        return None
    assert tuple(statement.positiontup) == columns  # noqa: S101 - in the order of the table, as they stand here
    return str(statement)


def _insert_arrays(tx: Transaction, table: Table, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """One statement with an array for each column, where PostgreSQL would be asked once for each row."""
    arrays = []
    for name, values in zip(columns, map(list, zip(*rows, strict=True)), strict=True):
        its_type = table.c[name].type
        array = ARRAY(Text() if isinstance(its_type, Text) else its_type)  # without a collation
        arrays.append(cast(bindparam(f"all_{name}", values, array), array))
    found = func.unnest(*arrays).table_valued(*columns, name="row").render_derived()
    tx.execute(insert(table).from_select(list(columns), select(*found.c)))
