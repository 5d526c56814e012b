"""Who did what in a group: written with what was done, kept for good, and told to its people by the notifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import group_events

MARKED_AT_ONCE = 500  # bound values in one statement stay far below SQLite's 32,766


@dataclass(frozen=True)
class GroupEvent:
    """Something that ``actor`` (an account; None: the service) did at ``at_s``, in words for a person.

    All of the group are told, or, where ``account_id`` is set, that account alone. ``kind`` is ``bill.added`` and the
    like, ``subject`` the id of the bill, member, plan or request.
    """

    at_s: int
    group_id: str | None
    actor: int | None
    kind: str
    subject: str
    words: str
    account_id: int | None = None
    id: int = 0
    """0 until it is stored."""


def note(tx: Transaction, event: GroupEvent) -> None:
    """Stores what was done, in the transaction that does it."""
    row = {
        "at_s": event.at_s,
        "group_id": event.group_id,
        "account_id": event.account_id,
        "actor": event.actor,
        "kind": event.kind,
        "subject": event.subject,
        "words": event.words,
    }
    tx.execute(insert(group_events).values(row))


def of_group(tx: Transaction, group_id: str, below: int | None, limit: int) -> tuple[GroupEvent, ...]:
    """The latest ``limit`` events that all of a group were told, numbered under ``below``, the newest first."""
    query = select(group_events).where(group_events.c.group_id == group_id, group_events.c.account_id.is_(None))
    if below is not None:
        query = query.where(group_events.c.id < below)
    return tuple(map(event_of, tx.execute(query.order_by(group_events.c.id.desc()).limit(limit))))


def about(tx: Transaction, group_id: str, subject: str) -> tuple[GroupEvent, ...]:
    """All that a group was told about a bill, member, plan or request, in the order in which it happened."""
    query = select(group_events).where(group_events.c.group_id == group_id, group_events.c.subject == subject)
    told_to_all = query.where(group_events.c.account_id.is_(None))
    return tuple(map(event_of, tx.execute(told_to_all.order_by(group_events.c.id))))


def untold(tx: Transaction, limit: int) -> tuple[GroupEvent, ...]:
    """The first ``limit`` events that nobody has been told yet."""
    query = select(group_events).where(group_events.c.told_at_s.is_(None)).order_by(group_events.c.id)
    return tuple(map(event_of, tx.execute(query.limit(limit))))


def mark_told(tx: Transaction, numbers: Sequence[int], now_s: int) -> None:
    """Notes that the events with these numbers were told."""
    for start in range(0, len(numbers), MARKED_AT_ONCE):
        some = numbers[start : start + MARKED_AT_ONCE]
        tx.execute(update(group_events).where(group_events.c.id.in_(some)).values(told_at_s=now_s))


def event_of(row: Row[Any]) -> GroupEvent:
    """The event in a row of ``group_events``."""
    return GroupEvent(
        row.at_s, row.group_id, row.actor, row.kind, row.subject, row.words, account_id=row.account_id, id=row.id
    )
