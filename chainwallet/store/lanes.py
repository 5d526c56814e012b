"""What each sender's queue waits for, as its relayer last said."""

from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.schema import lanes


@dataclass(frozen=True)
class LaneState:
    """``waits`` is for a person, and empty where the queue moves; it has been so since ``since_s``."""

    sender: Address
    waits: str
    since_s: int


def every(tx: Transaction, chain: str) -> tuple[LaneState, ...]:
    """All lanes that were ever at work on ``chain``."""
    rows = tx.execute(_EVERY, {"chain": chain})
    return tuple(LaneState(Address(from_hex(row.sender)), row.waits, row.since_s) for row in rows)


_EVERY = select(lanes).where(lanes.c.chain == bindparam("chain")).order_by(lanes.c.sender)


def note(tx: Transaction, chain: str, sender: Address, waits: str, now_s: int) -> bool:
    """Notes what the lane of ``sender`` waits for; whether that is news."""
    lane = (lanes.c.chain == chain) & (lanes.c.sender == to_hex(sender))
    known = tx.execute(select(lanes.c.waits).where(lane)).scalar_one_or_none()
    if known == waits:
        return False
    if known is None:
        try:
            with tx.begin_nested():
                row = {"chain": chain, "sender": to_hex(sender), "waits": waits, "since_s": now_s}
                tx.execute(insert(lanes).values(row))
        except IntegrityError:  # another process noted the first line
            return False
    else:
        tx.execute(update(lanes).where(lane).values(waits=waits, since_s=now_s))
    return True
