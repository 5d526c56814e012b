"""What the verified history says: the facts that the indexer wrote, asked for by payments, balances and auditors.

Only canonical facts answer, unless a time is named: ``known_at_s`` asks what was known at the end of that second, so
that an answer given before a reorg can be given again. A question about a second that is not over may change.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, literal_column, or_, select

from chainwallet.errors import BadValue
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.rules.fact import Fact, Place
from chainwallet.rules.ledger import Ledger
from chainwallet.rules.window import (
    NONCE_END,
    WIDE_END,
    Dead,
    Free,
    NonceFate,
    Used,
    dies_by_use_of,
    is_tagged,
    is_window,
)
from chainwallet.store.bulk import asked_later, rows_asked
from chainwallet.store.database import Transaction
from chainwallet.store.schema import cursors, facts, holdings, quarantines
from chainwallet.store.words import address_or_none, from_json, hash_or_none, number_or_none, word

REFS_AT_ONCE = 500  # bound values in one statement stay far below SQLite's 32,766
ROWS_AT_ONCE = 1_000  # rows that a long read holds in memory
ABOVE_ALL = 2**62  # no chain has so many blocks

IS_TRANSFER = facts.c.kind == literal_column("'Transfer'")
"""Written out, not bound: so the databases know that the indexes of movements hold all that is asked for."""

_EACH_FOLLOWED = select(cursors).where(cursors.c.token.in_(bindparam("tokens", expanding=True)))
_PAID = (  # these two are asked for all payments, so made once
    select(facts)
    .where(facts.c.token == bindparam("token"), facts.c.ref.in_(bindparam("refs", expanding=True)))
    .where(facts.c.kind == "Paid", facts.c.orphaned_at_s.is_(None))
    .order_by(facts.c.block + 0, facts.c.log_index, facts.c.part)  # found by their references, and then sorted
)

USING = ("Paid", "Consented", "AuthorizationUsed", "AuthorizationCanceled")
"""Kinds of facts that use up the nonce of a document."""


# ------------------------------------------------------------------------------------------------ how far it goes


@dataclass(frozen=True)
class Followed:
    """How far the verified history goes: the last verified block, and why it goes no further now, if for a reason."""

    number: BlockNumber
    hash: Hash32
    timestamp_s: int
    waits_because: str | None
    """What the indexer met when it last tried to go on; None while it goes on, or is at the node's head."""
    waits_since_s: int | None


@dataclass(frozen=True)
class Quarantine:
    """What a node said of a block that is not what the block's hash commits to. Nothing of it was taken in."""

    block: BlockNumber
    what: str
    expected: str
    found: str
    node: str
    times: int
    first_seen_at_s: int
    last_seen_at_s: int
    healed_at_s: int | None
    """When a true answer took its place."""


def head(tx: Transaction, chain: str) -> Followed | None:
    """The last block up to which every followed token of ``chain`` is verified; None before the first."""
    return _followed(tx, cursors.c.chain == chain)


def followed(tx: Transaction, token: str) -> Followed | None:
    """The last block up to which ``token`` is verified; None before the first."""
    return _followed(tx, cursors.c.token == token)


def each_followed(tx: Transaction, tokens: Collection[str]) -> Mapping[str, Followed]:
    """The last block up to which each of ``tokens`` is verified, by token; those with none yet are not there."""
    rows = tx.execute(_EACH_FOLLOWED, {"tokens": list(tokens)})
    return {row.token: _followed_of(row) for row in rows if row.hash is not None}


def every_token(tx: Transaction) -> tuple[str, ...]:
    """Everything that is followed, by name."""
    return tuple(tx.execute(select(cursors.c.token).order_by(cursors.c.token)).scalars())


def waiting(tx: Transaction, chain: str) -> tuple[str, int] | None:
    """Why no history of ``chain`` comes in, and since when (seconds since 1970); None while it does."""
    reason = select(cursors.c.waits_because, cursors.c.waits_since_s).where(
        cursors.c.chain == chain, cursors.c.waits_because.is_not(None)
    )
    row = tx.execute(reason.order_by(cursors.c.waits_since_s).limit(1)).one_or_none()
    return (row.waits_because, row.waits_since_s) if row else None


def quarantined(tx: Transaction, chain: str, *, healed: bool = False) -> tuple[Quarantine, ...]:
    """The open quarantines of ``chain``, and with ``healed`` the others too, in the order of their blocks."""
    query = select(quarantines).where(quarantines.c.chain == chain)
    if not healed:
        query = query.where(quarantines.c.healed_at_s.is_(None))
    return tuple(_quarantine(row) for row in tx.execute(query.order_by(quarantines.c.block, quarantines.c.id)))


def _followed(tx: Transaction, condition: ColumnElement[bool]) -> Followed | None:
    row = tx.execute(select(cursors).where(condition).order_by(cursors.c.number).limit(1)).one_or_none()
    return None if row is None or row.hash is None else _followed_of(row)


def _followed_of(row: Row[Any]) -> Followed:
    return Followed(
        BlockNumber(row.number), Hash32(from_hex(row.hash)), row.timestamp_s, row.waits_because, row.waits_since_s
    )


def _quarantine(row: Row[Any]) -> Quarantine:
    return Quarantine(
        BlockNumber(row.block),
        row.what,
        row.expected,
        row.found,
        row.node,
        row.times,
        row.first_seen_at_s,
        row.last_seen_at_s,
        row.healed_at_s,
    )


# ------------------------------------------------------------------------------------------------ executions


@dataclass(frozen=True)
class Execution:
    """The fact that carried out a payment or a settlement."""

    fact: Fact
    learned_at_s: int

    @property
    def tx(self) -> Hash32:
        """The transaction that carried it, whoever sent it."""
        return self.fact.place.tx

    @property
    def block(self) -> BlockNumber:
        """The block's number."""
        return self.fact.place.block

    @property
    def block_hash(self) -> Hash32:
        """The block's hash."""
        return self.fact.place.block_hash

    @property
    def happened_at_s(self) -> int:
        """The block's timestamp."""
        return self.fact.place.happened_at_s


def execution(
    tx: Transaction, token: str, payer: Address, payee: Address, value: int, payment_ref: Hash32, nonce: int
) -> Execution | None:
    """The canonical fact that paid exactly this: payer, payee, value, reference and nonce."""
    wanted = (payer, payee, value, nonce)
    return next((one for one in _paid(tx, token, [payment_ref]) if _terms(one.fact) == wanted), None)


def executions(tx: Transaction, token: str, payment_refs: Collection[Hash32]) -> Mapping[Hash32, tuple[Execution, ...]]:
    """The canonical ``Paid`` facts with these references, whatever else they say, in the order of the chain."""
    found: dict[Hash32, tuple[Execution, ...]] = {}
    for one in _paid(tx, token, payment_refs):
        assert one.fact.ref is not None  # noqa: S101 - it was found by it
        found[one.fact.ref] = (*found.get(one.fact.ref, ()), one)
    return found


def settlement(tx: Transaction, token: str, settlement_hash: Hash32) -> Execution | None:
    """The canonical fact that carried out the settlement with this hash; its debtors' parts are ``Consented`` facts."""
    condition = (facts.c.kind == "Settled") & (facts.c.ref == to_hex(settlement_hash))
    row = tx.execute(_select(token).where(condition, facts.c.orphaned_at_s.is_(None)).limit(1)).one_or_none()
    return Execution(fact_of(row), row.learned_at_s) if row else None


def _paid(tx: Transaction, token: str, refs: Collection[Hash32]) -> Iterator[Execution]:
    texts = sorted(map(to_hex, refs))
    for start in range(0, len(texts), REFS_AT_ONCE):
        for row in tx.execute(_PAID, {"token": token, "refs": texts[start : start + REFS_AT_ONCE]}):
            yield Execution(fact_of(row), row.learned_at_s)


def _terms(fact: Fact) -> tuple[Address | None, Address | None, int | None, int | None]:
    return (fact.payer, fact.payee, fact.value, fact.nonce)


# ------------------------------------------------------------------------------------------------ nonces


def nonce_fate(tx: Transaction, token: str, payer: Address, nonce: int, up_to_block: int) -> NonceFate:
    """What became of ``nonce`` of ``payer`` in the canonical facts up to ``up_to_block``, one that is verified.

    Raises ``BadValue`` for a number that no document of ours may have: a tagged one, or one of more than 256 bits.
    """
    if not 0 <= nonce < WIDE_END or is_tagged(nonce):
        raise BadValue("nonce", nonce, "a nonce that a document of ours may have")
    by_then = (facts.c.block + 0 <= up_to_block) & facts.c.orphaned_at_s.is_(None)  # not by the index of blocks
    theirs = _select(token).where(facts.c.payer == to_hex(payer), by_then)
    used = _first(tx, theirs.where(facts.c.kind.in_(USING), facts.c.nonce == word(nonce)))
    if used is not None:
        return Used(used)
    if not is_window(nonce):
        return Free()
    is_higher = (facts.c.nonce >= word(dies_by_use_of(nonce))) & (facts.c.nonce < word(NONCE_END))
    slid = facts.c.kind.in_(USING) & is_higher
    killed = _first(tx, theirs.where(facts.c.nonce > word(nonce), or_(slid, facts.c.kind == "NoncesCanceled")))
    return Free() if killed is None else Dead(killed)


def account_facts(tx: Transaction, token: str, up_to_block: int) -> Iterator[Fact]:
    """All canonical facts up to ``up_to_block`` about nonces, permits and freezes, in the order of the chain."""
    kinds = facts.c.kind.in_((*USING, "NoncesCanceled", "Approval", "Frozen", "Unfrozen"))
    query = _select(token).where(kinds, facts.c.block <= up_to_block, facts.c.orphaned_at_s.is_(None))
    yield from map(fact_of, tx.execute(_in_order(query)).yield_per(ROWS_AT_ONCE))


def _first(tx: Transaction, query: Select[Any]) -> Fact | None:
    row = tx.execute(_sorted(query).limit(1)).one_or_none()
    return fact_of(row) if row else None


# ------------------------------------------------------------------------------------------------ balances


@dataclass(frozen=True)
class Movement:
    """A ``Transfer`` that its owner made or got, with when we learned of it."""

    fact: Fact
    learned_at_s: int

    @property
    def at(self) -> tuple[int, int]:
        """Its place in the order of the chain: block and log; ``movements`` goes on after one."""
        return self.fact.place.block, self.fact.place.log_index


def balance(tx: Transaction, token: str, owner: Address) -> int:
    """What ``owner`` holds at the last verified block, in token units."""
    query = select(holdings.c.balance).where(holdings.c.token == token, holdings.c.owner == to_hex(owner))
    held = tx.execute(query).scalar_one_or_none()
    return 0 if held is None else int(held, 16)


def balances_of(tx: Transaction, token: str, owners: Collection[Address]) -> dict[Address, int]:
    """As ``balance``, by owner."""
    asking = rows_asked(tx, owner=sorted(set(map(to_hex, owners))))
    held = tx.execute(_held(tx.dialect.name), {"token": token, **asking})
    return dict.fromkeys(owners, 0) | {Address(from_hex(owner)): int(amount, 16) for owner, amount in held}


@lru_cache
def _held(engine: str) -> Select[Any]:
    """Asked for all payments, so made once for each kind of database."""
    theirs = (holdings.c.token == bindparam("token")) & holdings.c.owner.in_(
        select(asked_later(engine, "owner").c.owner)
    )
    return select(holdings.c.owner, holdings.c.balance).where(theirs)


def supply(tx: Transaction, token: str) -> int:
    """All token units there are at the last verified block."""
    return balance(tx, token, ZERO_ADDRESS)


def balances(tx: Transaction, token: str) -> dict[Address, int]:
    """What everybody holds at the last verified block; who holds nothing any more is there with 0."""
    query = select(holdings.c.owner, holdings.c.balance).where(holdings.c.token == token)
    held = {Address(from_hex(owner)): int(amount, 16) for owner, amount in tx.execute(query)}
    held.pop(ZERO_ADDRESS, None)
    return held


def balance_at(tx: Transaction, token: str, owner: Address, block: int, *, known_at_s: int | None = None) -> int:
    """What ``owner`` held after ``block``."""
    until = (facts.c.token == token) & IS_TRANSFER & (facts.c.block <= block) & _known(known_at_s)
    held = 0
    for side, sign in ((facts.c.payer, -1), (facts.c.payee, 1)):  # an index each
        query = select(facts.c.value).where(until, side == to_hex(owner))
        held += sign * sum(int(value, 16) for value in tx.execute(query).yield_per(ROWS_AT_ONCE).scalars())
    return held


def block_as_of(tx: Transaction, token: str, time_s: int, *, known_at_s: int | None = None) -> BlockNumber:
    """The last block with facts of ``token`` whose timestamp is not after ``time_s``; 0 where there is none."""
    latest = select(func.max(facts.c.block)).where(
        facts.c.token == token, facts.c.happened_at_s <= time_s, _known(known_at_s)
    )
    return BlockNumber(tx.execute(latest).scalar_one_or_none() or 0)


def movements(
    tx: Transaction,
    token: str,
    owner: Address,
    after: tuple[int, int] | None,
    limit: int,
    *,
    known_at_s: int | None = None,
) -> tuple[Movement, ...]:
    """The first ``limit`` movements of ``owner`` after the place ``after`` (None: from the first), in order."""
    query = _select(token).where(IS_TRANSFER, _known(known_at_s))
    if after is not None:
        block, log_index = after
        is_later = (facts.c.block == block) & (facts.c.log_index > log_index)
        query = query.where(facts.c.block >= block, or_(facts.c.block > block, is_later))
    paid, got = facts.c.payer == to_hex(owner), facts.c.payee == to_hex(owner)
    found = [
        Movement(fact_of(row), row.learned_at_s)
        for side in (paid, got & ~paid)
        for row in tx.execute(_paged(query.where(side)).limit(limit))
    ]
    return tuple(sorted(found, key=lambda movement: movement.at)[:limit])


def rebuilt(tx: Transaction, token: str, block: int, *, known_at_s: int | None = None) -> Ledger:
    """The ledger after ``block`` from nothing but the facts.

    Raises ``HistoryMismatch`` where a payer would go below zero.
    """
    query = select(facts.c.payer, facts.c.payee, facts.c.value).where(
        facts.c.token == token, IS_TRANSFER, facts.c.block <= block, _known(known_at_s)
    )
    ledger = Ledger()
    for payer, payee, value in tx.execute(_in_order(query)).yield_per(ROWS_AT_ONCE):
        ledger.apply(Address(from_hex(payer)), Address(from_hex(payee)), int(value, 16))
    return ledger


# ------------------------------------------------------------------------------------------------ rows


def canonical_rows(tx: Transaction, token: str) -> Iterator[tuple[object, ...]]:
    """Every canonical fact as plain values, in the order of the chain, without when it was learned.

    Two independent histories of one chain give the same rows.
    """
    columns = [column for column in facts.c if column.name not in ("id", "learned_at_s", "orphaned_at_s")]
    query = select(*columns).where(facts.c.token == token, facts.c.orphaned_at_s.is_(None))
    yield from map(tuple, tx.execute(_in_order(query)).yield_per(ROWS_AT_ONCE))


def _select(token: str) -> Select[Any]:
    return select(facts).where(facts.c.token == token)


def _in_order(query: Select[Any]) -> Select[Any]:
    """A long read in the order of the chain, along the index of canonical facts."""
    return query.order_by(facts.c.block, facts.c.log_index, facts.c.part)


def _paged(query: Select[Any]) -> Select[Any]:
    """A page in the order of the chain: along the index of an owner's movements, whose blocks are in order already."""
    return query.order_by(facts.c.block, facts.c.log_index + 0, facts.c.part)


def _sorted(query: Select[Any]) -> Select[Any]:
    """A few facts in the order of the chain: found by what is asked for and then sorted, which the sums compel."""
    return query.order_by(facts.c.block + 0, facts.c.log_index, facts.c.part)


def _known(known_at_s: int | None) -> ColumnElement[bool]:
    if known_at_s is None:
        return facts.c.orphaned_at_s.is_(None)
    was_there = or_(facts.c.orphaned_at_s.is_(None), facts.c.orphaned_at_s > known_at_s)
    return (facts.c.learned_at_s <= known_at_s) & was_there


def fact_of(row: Row[Any], prefix: str = "") -> Fact:
    """The fact in a row of ``facts``, whose columns have ``prefix`` before their names."""
    column = {name: getattr(row, prefix + name) for name in _FACT_COLUMNS} if prefix else row._mapping
    place = Place(
        BlockNumber(column["block"]),
        Hash32(from_hex(column["block_hash"])),
        Hash32(from_hex(column["tx"])),
        column["log_index"],
        column["happened_at_s"],
    )
    return Fact(
        column["kind"],
        place,
        column["part"],
        address_or_none(column["payer"]),
        address_or_none(column["payee"]),
        number_or_none(column["value"]),
        hash_or_none(column["ref"]),
        number_or_none(column["nonce"]),
        column["cause"],
        from_json(column["detail"]),
    )


_FACT_COLUMNS = [column.name for column in facts.c]
