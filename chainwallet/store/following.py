"""What the indexer writes: verified blocks, their facts, balances and cursors, together in one transaction.

Several indexers may work on one database: who moves a cursor says from where, and changes nothing where it moved on.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from chainwallet.errors import HistoryMismatch, UnverifiedBlock
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, Hash32, checksum, from_hex, to_hex
from chainwallet.rules.fact import Fact
from chainwallet.rules.following import Cursor, Point
from chainwallet.store.bulk import insert_many
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns
from chainwallet.store.schema import blocks, cursors, facts, holdings, quarantines
from chainwallet.store.words import hex_or_none, to_json, word

KEPT_BLOCKS = 1_024
"""So many of the latest blocks are kept even without facts, to find the last one in common after a reorg."""
OWNERS_AT_ONCE = 500  # bound values in one statement stay far below SQLite's 32,766

Cursors = Mapping[str, Cursor]
"""By token."""


@dataclass(frozen=True)
class VerifiedBlock:
    """A block whose header, and where it has facts also receipts, were proved to be what its hash commits to."""

    point: Point
    parent: Hash32
    timestamp_s: int
    state_root: Hash32
    facts: Mapping[str, Sequence[Fact]]
    """By token, in order; empty where the block has none."""


# ------------------------------------------------------------------------------------------------ where we stand


def follow(tx: Transaction, chain: str, token: str, first: BlockNumber, now_s: int) -> None:
    """Has ``token`` followed from block ``first`` on, unless it is already."""
    take_turns(tx, "following", chain)
    if tx.execute(select(cursors.c.token).where(cursors.c.token == token)).one_or_none() is None:
        row = {"token": token, "chain": chain, "first_block": first, "number": first - 1, "moved_at_s": now_s}
        tx.execute(insert(cursors).values(row))


def followed(tx: Transaction, chain: str) -> Cursors:
    """Every token followed on ``chain``, and how far."""
    rows = tx.execute(select(cursors).where(cursors.c.chain == chain).order_by(cursors.c.token))
    return {row.token: _cursor(row) for row in rows}


def kept_at(tx: Transaction, chain: str, number: int) -> Hash32 | None:
    """The hash of the verified block that is kept at ``number``, if one is."""
    one = select(blocks.c.hash).where(
        blocks.c.chain == chain, blocks.c.number == number, blocks.c.orphaned_at_s.is_(None)
    )
    found = tx.execute(one).scalar_one_or_none()
    return None if found is None else Hash32(from_hex(found))


def kept_below(tx: Transaction, chain: str, number: int, limit: int = KEPT_BLOCKS) -> tuple[Point, ...]:
    """The ``limit`` highest verified blocks that are kept below ``number``, ascending."""
    query = select(blocks.c.number, blocks.c.hash).where(
        blocks.c.chain == chain, blocks.c.number < number, blocks.c.orphaned_at_s.is_(None)
    )
    rows = tx.execute(query.order_by(blocks.c.number.desc()).limit(limit)).all()
    return tuple(Point(BlockNumber(row.number), Hash32(from_hex(row.hash))) for row in reversed(rows))


def _cursor(row: Row[Any]) -> Cursor:
    at = None if row.hash is None else Point(BlockNumber(row.number), Hash32(from_hex(row.hash)))
    return Cursor(BlockNumber(row.first_block), at)


# ------------------------------------------------------------------------------------------------ going on


def advance(tx: Transaction, chain: str, expected: Cursors, verified: Sequence[VerifiedBlock], now_s: int) -> bool:
    """Takes in ``verified``, in order and without a gap, and moves the cursors of ``expected`` to the last of them.

    False, and nothing is changed, where another indexer moved one of them. Raises ``HistoryMismatch`` where somebody
    would hold less than nothing, and ``UnverifiedBlock`` where another token's history has another block at a number.
    """
    time_s = _locked(tx, chain, expected, now_s)
    if time_s is None:
        return False
    last = verified[-1]
    _add_blocks(tx, chain, verified, time_s)
    _add_facts(tx, verified, time_s)
    for token in expected:
        _add_to_holdings(tx, token, _changes(each for block in verified for each in block.facts.get(token, ())))
    tx.execute(
        update(cursors)
        .where(cursors.c.token.in_(list(expected)))
        .values(
            number=last.point.number,
            hash=to_hex(last.point.hash),
            timestamp_s=last.timestamp_s,
            moved_at_s=time_s,
            waits_because=None,
            waits_since_s=None,
        )
    )
    tx.execute(
        update(quarantines)
        .where(
            quarantines.c.chain == chain, quarantines.c.block <= last.point.number, quarantines.c.healed_at_s.is_(None)
        )
        .values(healed_at_s=time_s)
    )
    return True


def _locked(tx: Transaction, chain: str, expected: Cursors, now_s: int) -> int | None:
    """The time of a change that begins here; None where a cursor is not as expected.

    Times never go back, whatever the clocks of several machines do: what was known at a time stays known.
    """
    take_turns(tx, "following", chain)
    rows = tx.execute(select(cursors).where(cursors.c.chain == chain)).all()
    found = {row.token: _cursor(row) for row in rows if row.token in expected}
    return max(now_s, *(row.moved_at_s for row in rows)) if found == expected else None


def _add_blocks(tx: Transaction, chain: str, verified: Sequence[VerifiedBlock], time_s: int) -> None:
    """Keeps those with facts and the latest; those that have become old and have none are let go."""
    first, last = verified[0].point.number, verified[-1].point.number
    between = (blocks.c.chain == chain) & blocks.c.number.between(first, last) & blocks.c.orphaned_at_s.is_(None)
    known = {row.number: row for row in tx.execute(select(blocks).where(between))}
    fresh, found_facts = [], []
    for block in verified:
        number, row = block.point.number, known.get(block.point.number)
        if row is not None and row.hash != to_hex(block.point.hash):
            raise UnverifiedBlock(number, "hash", row.hash, to_hex(block.point.hash))
        if row is not None and block.facts and not row.has_facts:
            found_facts.append(row.id)
        if row is None and (block.facts or number > last - KEPT_BLOCKS):
            fresh.append(_block_row(chain, block, time_s))
    if fresh:
        tx.execute(insert(blocks), fresh)
    if found_facts:
        tx.execute(update(blocks).where(blocks.c.id.in_(found_facts)).values(has_facts=True))
    aged = blocks.c.number.between(first - KEPT_BLOCKS, last - KEPT_BLOCKS) & blocks.c.has_facts.is_(False)
    tx.execute(delete(blocks).where(blocks.c.chain == chain, aged, blocks.c.orphaned_at_s.is_(None)))


def _block_row(chain: str, block: VerifiedBlock, time_s: int) -> dict[str, object]:
    return {
        "chain": chain,
        "number": block.point.number,
        "hash": to_hex(block.point.hash),
        "parent": to_hex(block.parent),
        "timestamp_s": block.timestamp_s,
        "state_root": to_hex(block.state_root),
        "has_facts": bool(block.facts),
        "learned_at_s": time_s,
    }


def _add_facts(tx: Transaction, verified: Sequence[VerifiedBlock], time_s: int) -> None:
    rows = [
        _fact_row(token, fact, time_s) for block in verified for token, some in block.facts.items() for fact in some
    ]
    insert_many(tx, facts, _FACT_COLUMNS, rows)


_FACT_COLUMNS = (
    *("token", "block", "block_hash", "tx", "log_index", "part", "kind", "payer", "payee", "value", "ref", "nonce"),
    *("cause", "detail", "happened_at_s", "learned_at_s"),
)


def _fact_row(token: str, fact: Fact, time_s: int) -> tuple[object, ...]:
    """The values of ``_FACT_COLUMNS``."""
    place = fact.place
    return (
        token,
        place.block,
        to_hex(place.block_hash),
        to_hex(place.tx),
        place.log_index,
        fact.part,
        fact.kind,
        hex_or_none(fact.payer),
        hex_or_none(fact.payee),
        None if fact.value is None else word(fact.value),
        hex_or_none(fact.ref),
        None if fact.nonce is None else word(fact.nonce),
        fact.cause,
        to_json(fact.detail),
        place.happened_at_s,
        time_s,
    )


# ------------------------------------------------------------------------------------------------ going back


def rewind(tx: Transaction, chain: str, expected: Cursors, to: Point | None, now_s: int) -> int | None:
    """Takes back everything of ``chain`` above ``to`` (None: everything); how many facts were orphaned.

    They stay as they are, with the time noted at which we learned that they are no longer on the chain. None, and
    nothing is changed, where another indexer moved a cursor: ``expected`` are all of the chain.
    """
    time_s = _locked(tx, chain, expected, now_s)
    if time_s is None:
        return None
    floor = -1 if to is None else to.number
    orphaned = 0
    for token, cursor in expected.items():
        above = (facts.c.token == token) & (facts.c.block > floor) & facts.c.orphaned_at_s.is_(None)
        moved = tx.execute(select(facts.c.payer, facts.c.payee, facts.c.value).where(above, facts.c.kind == "Transfer"))
        back: dict[str, int] = defaultdict(int)
        for payer, payee, value in moved:
            _move(back, payee, payer, int(value, 16))
        orphaned += tx.execute(update(facts).where(above).values(orphaned_at_s=time_s)).rowcount
        _add_to_holdings(tx, token, back)
        _move_back(tx, chain, token, cursor, to, time_s)
    tx.execute(
        update(blocks)
        .where(blocks.c.chain == chain, blocks.c.number > floor, blocks.c.orphaned_at_s.is_(None))
        .values(orphaned_at_s=time_s)
    )
    wait(tx, chain, None, time_s)
    return orphaned


def _move_back(tx: Transaction, chain: str, token: str, cursor: Cursor, to: Point | None, time_s: int) -> None:
    if cursor.at is None or (to is not None and cursor.at.number <= to.number):
        return
    values: dict[str, object] = {"number": cursor.first - 1, "hash": None, "timestamp_s": None, "moved_at_s": time_s}
    if to is not None and to.number >= cursor.first:
        kept = (blocks.c.chain == chain) & (blocks.c.number == to.number) & blocks.c.orphaned_at_s.is_(None)
        timestamp_s = tx.execute(select(blocks.c.timestamp_s).where(kept)).scalar_one()
        values |= {"number": to.number, "hash": to_hex(to.hash), "timestamp_s": timestamp_s}
    tx.execute(update(cursors).where(cursors.c.token == token).values(values))


# ------------------------------------------------------------------------------------------------ holdings


def _changes(found: Iterable[Fact]) -> dict[str, int]:
    """By owner, what the transfers among ``found`` add."""
    changes: dict[str, int] = defaultdict(int)
    for fact in found:
        if fact.kind == "Transfer":
            assert fact.payer and fact.payee and fact.value is not None  # noqa: S101, PT018 - a Transfer has them
            _move(changes, to_hex(fact.payer), to_hex(fact.payee), fact.value)
    return changes


def _move(changes: dict[str, int], payer: str, payee: str, value: int) -> None:
    """The supply, kept under the zero address, grows where the zero address pays."""
    changes[payer] += value if payer == _NOBODY else -value
    changes[payee] += -value if payee == _NOBODY else value


_NOBODY = to_hex(ZERO_ADDRESS)


def _add_to_holdings(tx: Transaction, token: str, changes: Mapping[str, int]) -> None:
    owners = sorted(owner for owner, change in changes.items() if change)
    for start in range(0, len(owners), OWNERS_AT_ONCE):
        some = owners[start : start + OWNERS_AT_ONCE]
        query = select(holdings.c.owner, holdings.c.balance).where(
            holdings.c.token == token, holdings.c.owner.in_(some)
        )
        held = {owner: int(balance, 16) for owner, balance in tx.execute(query)}
        after = {owner: held.get(owner, 0) + changes[owner] for owner in some}
        _require_nothing_below_zero(after)
        fresh = [{"token": token, "owner": owner, "balance": word(after[owner])} for owner in some if owner not in held]
        if fresh:
            tx.execute(insert(holdings), fresh)
        if held:
            tx.execute(_SET_BALANCE, [{"of": token, "whose": owner, "to": word(after[owner])} for owner in held])


_SET_BALANCE = (
    update(holdings)
    .where(holdings.c.token == bindparam("of"), holdings.c.owner == bindparam("whose"))
    .values(balance=bindparam("to"))
)


def _require_nothing_below_zero(after: Mapping[str, int]) -> None:
    for owner, balance in after.items():
        if balance < 0:
            who = "supply" if owner == _NOBODY else f"balance of {checksum(Address(from_hex(owner)))}"
            raise HistoryMismatch(f"{who} by events", "at least 0", str(balance))


# ------------------------------------------------------------------------------------------------ standing still


def is_waiting(tx: Transaction, chain: str, because: str | None) -> bool:
    """Whether it is noted already for all of ``chain`` that nothing comes in for this reason; None: that it goes on."""
    reasons = tx.execute(select(cursors.c.waits_because).where(cursors.c.chain == chain)).scalars()
    return all(reason == because for reason in reasons)


def wait(tx: Transaction, chain: str, because: str | None, now_s: int) -> None:
    """Notes why nothing comes in; since when is kept while a reason holds. None: it goes on."""
    of_chain = cursors.c.chain == chain
    if because is None:
        tx.execute(
            update(cursors)
            .where(of_chain, cursors.c.waits_because.is_not(None))
            .values(waits_because=None, waits_since_s=None)
        )
        return
    tx.execute(update(cursors).where(of_chain, cursors.c.waits_since_s.is_(None)).values(waits_since_s=now_s))
    tx.execute(update(cursors).where(of_chain).values(waits_because=because))


def quarantine(tx: Transaction, chain: str, lie: UnverifiedBlock, node: str, now_s: int) -> None:
    """Records what ``node`` said of a block; the same said again is counted."""
    take_turns(tx, "following", chain)
    same = (
        (quarantines.c.chain == chain)
        & (quarantines.c.block == lie.block)
        & (quarantines.c.what == lie.what)
        & (quarantines.c.expected == lie.expected)
        & (quarantines.c.found == lie.found)
        & (quarantines.c.node == node)
        & quarantines.c.healed_at_s.is_(None)
    )
    again = tx.execute(update(quarantines).where(same).values(times=quarantines.c.times + 1, last_seen_at_s=now_s))
    if again.rowcount == 0:
        row = {"block": lie.block, "what": lie.what, "expected": lie.expected, "found": lie.found, "node": node}
        seen = {"times": 1, "first_seen_at_s": now_s, "last_seen_at_s": now_s}
        tx.execute(insert(quarantines).values(chain=chain, **row, **seen))
