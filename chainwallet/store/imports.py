"""Files of other apps that were sent to be imported into a group."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import imports


@dataclass(frozen=True)
class Chosen:
    """As whom somebody in a file takes part: as a member that there is, or as a new guest with this id."""

    member_id: str
    is_new: bool


@dataclass(frozen=True)
class Import:
    """A file, and what became of it; ``people`` by their names in it."""

    id: str
    group_id: str
    file_name: str
    content: bytes
    people: Mapping[str, Chosen]
    made_by: str
    made_at_s: int
    committed_at_s: int | None = None
    undone_at_s: int | None = None


def add(tx: Transaction, made: Import) -> None:
    """Stores a new one."""
    people = {name: [chosen.member_id, chosen.is_new] for name, chosen in made.people.items()}
    row = {
        "id": made.id,
        "group_id": made.group_id,
        "file_name": made.file_name,
        "content": made.content,
        "people": json.dumps(people, ensure_ascii=False),
        "made_by": made.made_by,
        "made_at_s": made.made_at_s,
    }
    tx.execute(insert(imports).values(row))


def by_id(tx: Transaction, group_id: str, import_id: str) -> Import | None:
    """The import into a group with this id."""
    row = tx.execute(select(imports).where(imports.c.id == import_id, imports.c.group_id == group_id)).one_or_none()
    return _import(row) if row else None


def of_group(tx: Transaction, group_id: str, limit: int) -> tuple[Import, ...]:
    """The latest ``limit`` imports into a group, the newest first."""
    query = select(imports).where(imports.c.group_id == group_id)
    return tuple(map(_import, tx.execute(query.order_by(imports.c.made_at_s.desc(), imports.c.id).limit(limit))))


def set_committed(tx: Transaction, import_id: str, at_s: int) -> None:
    """Notes that its bills are in the group."""
    tx.execute(update(imports).where(imports.c.id == import_id).values(committed_at_s=at_s))


def set_undone(tx: Transaction, import_id: str, at_s: int) -> None:
    """Notes that its bills were taken out again."""
    tx.execute(update(imports).where(imports.c.id == import_id).values(undone_at_s=at_s))


def _import(row: Row[Any]) -> Import:
    people = {name: Chosen(member_id, is_new) for name, (member_id, is_new) in json.loads(row.people).items()}
    return Import(
        row.id,
        row.group_id,
        row.file_name,
        row.content,
        people,
        row.made_by,
        row.made_at_s,
        row.committed_at_s,
        row.undone_at_s,
    )
