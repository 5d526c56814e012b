"""Verified blocks whose headers are kept: those with facts, and the latest."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from chainwallet.evm import BlockNumber, Hash32, from_hex
from chainwallet.store.database import Transaction
from chainwallet.store.schema import blocks, cursors


@dataclass(frozen=True)
class KeptBlock:
    """A verified block whose header is kept: one with facts, or one of the latest."""

    number: BlockNumber
    hash: Hash32
    timestamp_s: int


def first_block(tx: Transaction, token: str) -> BlockNumber:
    """The block from which ``token`` is followed."""
    return BlockNumber(tx.execute(select(cursors.c.first_block).where(cursors.c.token == token)).scalar_one())


def kept_up_to(tx: Transaction, chain: str, number: int) -> KeptBlock | None:
    """The highest verified block that is kept, at most ``number``; between the two there are no facts."""
    row = tx.execute(_KEPT, {"chain": chain, "number": number}).one_or_none()
    return KeptBlock(BlockNumber(row.number), Hash32(from_hex(row.hash)), row.timestamp_s) if row else None


_KEPT = (
    select(blocks.c.number, blocks.c.hash, blocks.c.timestamp_s)
    .where(blocks.c.chain == bindparam("chain"), blocks.c.number <= bindparam("number"))
    .where(blocks.c.orphaned_at_s.is_(None))
    .order_by(blocks.c.number.desc())
    .limit(1)
)


def kept_as_of(tx: Transaction, chain: str, first: int, last: int, time_s: int) -> KeptBlock | None:
    """The highest verified block that is kept from ``first`` to ``last`` and is not later than ``time_s``.

    Found by halving: no block has an earlier time than its parent.
    """
    best: KeptBlock | None = None
    low, high = first, last
    while low <= high:
        middle = (low + high) // 2
        kept = kept_up_to(tx, chain, middle)
        if kept is None or kept.number < low:  # none is kept from low to middle: what was found below is as good
            low = middle + 1
        elif kept.timestamp_s <= time_s:
            best, low = kept, middle + 1
        else:
            high = kept.number - 1
    return best
