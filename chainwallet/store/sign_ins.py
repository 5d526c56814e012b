"""Tries to sign in, and from where an account's owner has done so."""

import hashlib
from typing import Literal

from sqlalchemy import delete, insert, select, update

from chainwallet.rules.handle import Handle
from chainwallet.rules.throttle import HANDLE_FORGOTTEN_AFTER_S, OF_BOTH, OF_PLACE, Counts, Tries
from chainwallet.store.account_schema import account_places, sign_in_tries
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns

Kind = Literal["both", "place", "handle"]

FORGOTTEN_AFTER_S: dict[Kind, int] = {
    "both": OF_BOTH.forgotten_after_s,
    "place": OF_PLACE.forgotten_after_s,
    "handle": HANDLE_FORGOTTEN_AFTER_S,
}
"""Rows of this kind are removed so long after the last try; none that still counts for anything is younger."""

MOST_PLACES = 100
"""So many of an account's places are remembered, the latest."""


def before(tx: Transaction, handle: Handle, place: str) -> Counts:
    """What came before a try for ``handle`` from ``place``; from here to its end ``tx`` is alone in what it decides."""
    take_turns(tx, "sign-in from", place)
    take_turns(tx, "sign-in of", handle)
    subjects = _subjects(handle, place)
    rows = tx.execute(select(sign_in_tries).where(sign_in_tries.c.subject.in_(subjects.values())))
    found = {row.kind: Tries(row.tries, row.last_at_s) for row in rows}
    return Counts(*(found.get(kind, Tries()) for kind in ("both", "place", "handle")))


def count(tx: Transaction, handle: Handle, place: str, counts: Counts, now_s: int) -> None:
    """Stores ``counts``, a try made now included, and removes what is long over."""
    for kind, lasts_s in FORGOTTEN_AFTER_S.items():
        is_over = (sign_in_tries.c.kind == kind) & (sign_in_tries.c.last_at_s < now_s - lasts_s)
        tx.execute(delete(sign_in_tries).where(is_over))
    subjects = _subjects(handle, place)
    for kind, tries in (("both", counts.of_both), ("place", counts.of_place), ("handle", counts.of_handle)):
        row = {"kind": kind, "subject": subjects[kind], "tries": tries.count, "last_at_s": tries.last_at_s}
        is_it = (sign_in_tries.c.kind == kind) & (sign_in_tries.c.subject == subjects[kind])
        if tx.execute(update(sign_in_tries).where(is_it).values(row)).rowcount == 0:
            tx.execute(insert(sign_in_tries).values(row))


def take_back(tx: Transaction, handle: Handle, place: str) -> None:
    """Takes one try back that ``count`` stored: it came to no end, and says nothing of who made it."""
    is_it = sign_in_tries.c.subject.in_(_subjects(handle, place).values()) & (sign_in_tries.c.tries > 0)
    tx.execute(update(sign_in_tries).where(is_it).values(tries=sign_in_tries.c.tries - 1))


def forget(tx: Transaction, handle: Handle, place: str | None = None) -> None:
    """Begins to count anew for ``handle``, and for ``handle`` from ``place``, but not for the place itself.

    From here to its end ``tx`` is alone in what it decides about the handle's sign-ins.
    """
    take_turns(tx, "sign-in of", handle)
    subjects = _subjects(handle, place or "")
    over = [subjects["handle"], *([subjects["both"]] if place is not None else [])]
    tx.execute(delete(sign_in_tries).where(sign_in_tries.c.subject.in_(over)))


def is_familiar(tx: Transaction, account_id: int, place: str) -> bool:
    """Whether the account's owner has signed in from ``place``."""
    is_it = (account_places.c.account_id == account_id) & (account_places.c.place == place)
    return tx.execute(select(account_places.c.place).where(is_it)).first() is not None


def remember(tx: Transaction, account_id: int, place: str, now_s: int) -> None:
    """Notes that the account's owner has signed in from ``place``."""
    own = account_places.c.account_id == account_id
    is_it = own & (account_places.c.place == place)
    if tx.execute(update(account_places).where(is_it).values(last_at_s=now_s)).rowcount:
        return
    latest = select(account_places.c.place).where(own).order_by(account_places.c.last_at_s.desc())
    kept = tx.execute(latest.limit(MOST_PLACES - 1)).scalars().all()
    tx.execute(delete(account_places).where(own, account_places.c.place.not_in(kept)))
    tx.execute(insert(account_places).values(account_id=account_id, place=place, last_at_s=now_s))


def _subjects(handle: Handle, place: str) -> dict[Kind, str]:
    return {
        "both": _hashed("both", handle, place),
        "place": _hashed("place", place),
        "handle": _hashed("handle", handle),
    }


def _hashed(*words: str) -> str:
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogateescape")).hexdigest()
