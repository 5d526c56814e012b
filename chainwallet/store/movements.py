"""Movements page by page from the newest back, for statements and auditors, and what their payers know of them.

A page goes on below a place in the order of the chain, so that neither new movements nor a reorg above that place
change what is on it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    literal_column,
    select,
    union_all,
)

from chainwallet.evm import Address, Hash32, from_hex, to_hex
from chainwallet.rules.fact import Fact, Place
from chainwallet.store.database import Transaction
from chainwallet.store.facts import ABOVE_ALL, IS_TRANSFER, ROWS_AT_ONCE, Movement
from chainwallet.store.promises import OPEN, Kind
from chainwallet.store.schema import IS_LIVE, facts, holdings, promises
from chainwallet.store.words import hash_or_none


@dataclass(frozen=True)
class Seen:
    """A movement of ``token`` as its side ``owner`` sees it."""

    token: str
    owner: Address
    movement: Movement


_SHOWN: tuple[ColumnElement[Any], ...] = (
    facts.c.block,
    facts.c.log_index,
    facts.c.block_hash,
    facts.c.tx,
    facts.c.payer,
    facts.c.payee,
    facts.c.value,
    facts.c.ref,
    facts.c.cause,
    facts.c.happened_at_s,
    facts.c.learned_at_s,
)
"""What a movement has; ``_movement`` reads them in this order."""


def _side(column: Column[str], *, of_others: bool) -> Select[Any]:
    """One side's page, along the index of that side's movements, whose blocks are in order already."""
    is_lower = (facts.c.block < bindparam("block")) | (facts.c.log_index < bindparam("log_index"))
    query = select(*_SHOWN).where(
        facts.c.token == bindparam("token"),
        IS_TRANSFER,
        column == bindparam("owner"),
        facts.c.orphaned_at_s.is_(None),
        facts.c.block <= bindparam("block"),
        is_lower,
    )
    if of_others:
        query = query.where(facts.c.payer != bindparam("owner"))
    page = query.order_by(facts.c.block.desc(), (facts.c.log_index + 0).desc()).limit(bindparam("limit")).subquery()
    return select(*page.c)


_PAGE: CompoundSelect[Any] = union_all(_side(facts.c.payer, of_others=False), _side(facts.c.payee, of_others=True))


def latest(
    tx: Transaction, tokens: Sequence[str], owners: Sequence[Address], before: tuple[int, int] | None, limit: int
) -> tuple[list[Seen], bool]:
    """The last ``limit`` movements of ``owners`` before the place ``before`` (block and log), the newest first.

    And whether there are more. One between two of ``owners`` is two at one place, which are not taken apart: then there
    may be more than ``limit``.
    """
    block, log_index = before or (ABOVE_ALL, 0)
    found: list[tuple[tuple[int, int], str, Address, tuple[Any, ...]]] = []
    for token in tokens:
        for owner in owners:
            asked = {"token": token, "owner": to_hex(owner), "block": block, "log_index": log_index, "limit": limit + 1}
            rows = tx.execute(_PAGE, asked).all()
            found += [((row[0], row[1]), token, owner, tuple(row)) for row in rows]
    found.sort(key=lambda one: (one[0], one[2]), reverse=True)
    end = min(limit, len(found))
    while 0 < end < len(found) and found[end][0] == found[end - 1][0]:
        end += 1
    return [Seen(token, owner, _movement(row)) for _, token, owner, row in found[:end]], end < len(found)


@lru_cache(maxsize=8_192)
def _movement(row: tuple[Any, ...]) -> Movement:
    """Facts never change: those that were read lately need not be taken apart again."""
    block, log_index, block_hash, tx, payer, payee, value, ref, cause, happened_at_s, learned_at_s = row
    place = Place(block, Hash32(from_hex(block_hash)), Hash32(from_hex(tx)), log_index, happened_at_s)
    sides = (Address(from_hex(payer)), Address(from_hex(payee)))
    return Movement(Fact("Transfer", place, 0, *sides, int(value, 16), hash_or_none(ref), None, cause), learned_at_s)


# ------------------------------------------------------------------------------------------------ what payers know


@dataclass(frozen=True)
class Purpose:
    """What the payer's own promise says of a movement: its id, and the memo, which is nobody else's."""

    kind: Kind
    id: str
    memo: str | None


_SAID = (promises.c.payer, promises.c.ref, promises.c.kind, promises.c.id, promises.c.memo)
_USES = facts.c.kind.in_((literal_column("'Paid'"), literal_column("'Consented'")))
_BY_NONCE = select(*_SAID).where(
    facts.c.token == bindparam("token"),
    facts.c.ref.in_(bindparam("refs", expanding=True)),
    (facts.c.payer + literal_column("''")).in_(bindparam("payers", expanding=True)),  # the sum: go by references
    _USES,
    facts.c.orphaned_at_s.is_(None),
    promises.c.token == facts.c.token,
    promises.c.payer == facts.c.payer,
    promises.c.nonce == facts.c.nonce,
    promises.c.ref == facts.c.ref,
)
"""The fact that used up the nonce leads to the promise that has it."""
_PURPOSES = union_all(
    _BY_NONCE.where(promises.c.adopted_at_s.is_(None)), _BY_NONCE.where(promises.c.adopted_at_s.is_not(None))
)
"""In two parts, one for each index of nonces."""


def purposes(
    tx: Transaction, token: str, payers: Collection[Address], refs: Collection[Hash32]
) -> Mapping[tuple[Address, Hash32], Purpose]:
    """By payer and reference, what those of ``payers`` promised that carried out the references ``refs``."""
    if not refs:
        return {}
    asked = {"token": token, "payers": list(map(to_hex, payers)), "refs": list(map(to_hex, refs))}
    return {
        (Address(from_hex(row.payer)), Hash32(from_hex(row.ref))): Purpose(row.kind, row.id, row.memo)
        for row in tx.execute(_PURPOSES, asked).all()
    }


# ------------------------------------------------------------------------------------------------ balances


@dataclass(frozen=True)
class Holding:
    """What one owner has of one token: by facts, and what open promises may still take of that."""

    token: str
    owner: Address
    held: int
    reserved: int

    @property
    def available(self) -> int:
        """What may be promised now."""
        return max(0, self.held - self.reserved)


_TOKENS: BindParameter[list[str]] = bindparam("tokens", expanding=True)
_OWNERS: BindParameter[list[str]] = bindparam("owners", expanding=True)
_HELD = select(holdings.c.token, holdings.c.owner, holdings.c.balance).where(
    holdings.c.token.in_(_TOKENS), holdings.c.owner.in_(_OWNERS)
)
_RESERVED = select(promises.c.token, promises.c.payer, promises.c.value).where(
    promises.c.token.in_(_TOKENS), promises.c.payer.in_(_OWNERS), IS_LIVE, promises.c.stage.in_(OPEN)
)


def holdings_of(tx: Transaction, tokens: Sequence[str], owners: Sequence[Address]) -> tuple[Holding, ...]:
    """What each of ``owners`` has of each of ``tokens``, in their order, at the last verified block."""
    asked = {"tokens": list(tokens), "owners": list(map(to_hex, owners))}
    held = {(token, owner): int(units, 16) for token, owner, units in tx.execute(_HELD, asked)}
    reserved: dict[tuple[str, str], int] = {}
    for token, payer, units in tx.execute(_RESERVED, asked):
        reserved[token, payer] = reserved.get((token, payer), 0) + int(units, 16)
    return tuple(
        Holding(token, owner, held.get((token, to_hex(owner)), 0), reserved.get((token, to_hex(owner)), 0))
        for token in tokens
        for owner in owners
    )


# ------------------------------------------------------------------------------------------------ the past


def net(tx: Transaction, token: str, owner: Address, first: int, last: int) -> int:
    """What the movements in the blocks ``first`` to ``last``, both included, added to ``owner``'s balance."""
    asked = {"token": token, "owner": to_hex(owner), "first": first, "last": last}
    paid, got = (
        sum(int(value, 16) for (value,) in tx.execute(side, asked).yield_per(ROWS_AT_ONCE)) for side in _BETWEEN
    )
    return got - paid


_BETWEEN = tuple(
    select(facts.c.value).where(
        facts.c.token == bindparam("token"),
        IS_TRANSFER,
        side == bindparam("owner"),
        facts.c.orphaned_at_s.is_(None),
        facts.c.block.between(bindparam("first"), bindparam("last")),
    )
    for side in (facts.c.payer, facts.c.payee)
)
