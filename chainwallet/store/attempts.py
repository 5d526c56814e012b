"""Signed bytes as they were stored, for a local chain that was killed and has forgotten its last blocks."""

from collections.abc import Mapping

from sqlalchemy import and_, or_, select

from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.schema import attempts


def senders(tx: Transaction, chain: str) -> tuple[Address, ...]:
    """Whose signed bytes are stored for ``chain``."""
    rows = tx.execute(select(attempts.c.sender).where(attempts.c.chain == chain).distinct().order_by(attempts.c.sender))
    return tuple(Address(from_hex(sender)) for (sender,) in rows)


def unseen(tx: Transaction, chain: str, counts: Mapping[Address, int]) -> tuple[bytes, ...]:
    """The signed bytes for ``chain`` whose nonce its ``counts`` of transactions do not reach, as they were signed."""
    if not counts:
        return ()
    above = [and_(attempts.c.sender == to_hex(sender), attempts.c.nonce >= count) for sender, count in counts.items()]
    wanted = select(attempts.c.raw).where(attempts.c.chain == chain, or_(*above))
    rows = tx.execute(wanted.order_by(attempts.c.created_at_s, attempts.c.submission_id, attempts.c.nonce))
    return tuple(raw for (raw,) in rows)
