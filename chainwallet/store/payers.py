"""Payers by the promises they made: what is kept back from them, and which nonces they were given. Many at once."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, select

from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.rules.window import NONCE_END
from chainwallet.store.bulk import asked_later, rows_asked
from chainwallet.store.database import Transaction
from chainwallet.store.promises import OPEN
from chainwallet.store.schema import IS_LIVE, promises
from chainwallet.store.words import word

_FIRST_WIDE = word(NONCE_END)


@dataclass(frozen=True)
class Standing:
    """One payer's on one token, by what was promised here.

    ``reserved`` are the token units that open promises may still take; ``highest`` is the highest window nonce that was
    ever handed out, ``lowest_live`` the lowest of a live document (None where there is none).
    """

    reserved: int = 0
    highest: int | None = None
    lowest_live: int | None = None


def standing(tx: Transaction, token: str, payers: Collection[Address]) -> dict[Address, Standing]:
    """That of each of ``payers``. Who decides something by it has locked them first (``locks.lock_payers``)."""
    found = dict.fromkeys(payers, Standing())
    asking = {"token": token, **rows_asked(tx, payer=sorted(map(to_hex, found)))}
    highest, live = _questions(tx.dialect.name)
    for payer, *nonces in tx.execute(highest, asking):
        known = [int(nonce, 16) for nonce in nonces if nonce is not None]
        if known:
            found[Address(from_hex(payer))] = Standing(highest=max(known))
    for payer, stage, value, nonce in tx.execute(live, asking):
        address = Address(from_hex(payer))
        found[address] = with_live(found[address], int(value, 16) if stage in OPEN else 0, int(nonce, 16))
    return found


def with_live(one: Standing, kept: int, nonce: int) -> Standing:
    """``one`` with a further live document, which has ``nonce`` and keeps ``kept`` token units back."""
    if nonce >= NONCE_END:
        return replace(one, reserved=one.reserved + kept)
    lowest = nonce if one.lowest_live is None else min(one.lowest_live, nonce)
    highest = nonce if one.highest is None else max(one.highest, nonce)
    return Standing(one.reserved + kept, highest, lowest)


@lru_cache
def _questions(engine: str) -> tuple[Select[Any], Select[Any]]:
    """Asked for all payments: the payers' highest nonces, and their live documents."""
    them = asked_later(engine, "payer")
    highest = select(them.c.payer, *(_highest(them, is_ours) for is_ours in (True, False)))
    theirs = (promises.c.token == bindparam("token")) & promises.c.payer.in_(select(them.c.payer))
    live = select(promises.c.payer, promises.c.stage, promises.c.value, promises.c.nonce)
    return highest, live.where(theirs, IS_LIVE)


def _highest(them: FromClause, is_ours: bool) -> ColumnElement[str | None]:
    """Read from the end of an index, however many there are: of nonces handed out here, or of adopted ones."""
    which = promises.c.adopted_at_s.is_(None) if is_ours else promises.c.adopted_at_s.is_not(None)
    theirs = (promises.c.token == bindparam("token")) & (promises.c.payer == them.c.payer)
    query = select(promises.c.nonce).where(theirs, promises.c.nonce < _FIRST_WIDE, which)
    return query.order_by(promises.c.nonce.desc()).limit(1).correlate(them).scalar_subquery()
