"""The journal: everything that happened to promises and submissions, when, in the words that a person is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from chainwallet.store.bulk import insert_many
from chainwallet.store.database import Transaction
from chainwallet.store.schema import carriages, happenings

_NAMES = ("at_s", "chain", "promise", "submission_id", "name", "words")


@dataclass(frozen=True)
class Happened:
    """One line of a story; it happened to the promise with this number, or to this submission."""

    at_s: int
    name: str
    words: str
    promise: int | None
    submission_id: int | None


def of_promise(tx: Transaction, number: int) -> tuple[Happened, ...]:
    """The story of a promise: what happened to it and, while they carried it or after, to its submissions."""
    own = select(happenings).where(happenings.c.promise == number)
    carrying = select(carriages.c.submission_id).where(carriages.c.promise == number)
    theirs = select(happenings).where(happenings.c.submission_id.in_(carrying), happenings.c.promise.is_(None))
    rows = sorted([*tx.execute(own), *tx.execute(theirs)], key=lambda row: row.id)
    return tuple(map(_happened, rows))


def of_submission(tx: Transaction, submission_id: int) -> tuple[Happened, ...]:
    """What happened to a submission."""
    query = select(happenings).where(happenings.c.submission_id == submission_id, happenings.c.promise.is_(None))
    return tuple(map(_happened, tx.execute(query.order_by(happenings.c.id))))


def latest(tx: Transaction, chain: str, after: int, limit: int) -> tuple[tuple[int, Happened], ...]:
    """The first ``limit`` of ``chain`` after the one numbered ``after``, each with its number."""
    query = select(happenings).where(happenings.c.chain == chain, happenings.c.id > after)
    return tuple((row.id, _happened(row)) for row in tx.execute(query.order_by(happenings.c.id).limit(limit)))


def promises_after(tx: Transaction, chain: str, name: str, after: int, limit: int) -> tuple[list[int], int | None]:
    """To which promises ``name`` happened, by the first ``limit`` lines of ``chain`` after the one numbered ``after``.

    With the number of the last of those lines; None where there are none.
    """
    lines = (
        select(happenings.c.id, happenings.c.promise, happenings.c.name)
        .where(happenings.c.chain == chain, happenings.c.id > after)
        .order_by(happenings.c.id)
        .limit(limit)
    )
    rows = tx.execute(lines).all()
    found = [promise for _, promise, what in rows if what == name and promise is not None]
    return found, rows[-1][0] if rows else None


def newest(tx: Transaction, chain: str) -> int:
    """The number of the last line about ``chain``; 0 before the first."""
    found = tx.execute(select(func.max(happenings.c.id)).where(happenings.c.chain == chain)).scalar_one_or_none()
    return found or 0


def note(tx: Transaction, rows: list[dict[str, Any]]) -> None:
    """Adds lines; each has ``at_s``, ``chain``, ``promise`` or ``submission_id``, ``name`` and ``words``."""
    note_rows(tx, [tuple(map(row.get, _NAMES)) for row in rows])


def note_rows(tx: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
    """As ``note``; each line is a tuple of these values in this order."""
    insert_many(tx, happenings, _NAMES, rows)


def _happened(row: Row[Any]) -> Happened:
    return Happened(row.at_s, row.name, row.words, row.promise, row.submission_id)
