"""Signed bytes as they were stored, for a chain that forgot what it had: killed, or reorganised."""

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


def with_nonces(tx: Transaction, chain: str, sender: Address, nonces: range) -> dict[int, bytes]:
    """By nonce, the newest signed bytes of ``sender`` for ``chain`` among ``nonces``."""
    theirs = (attempts.c.chain == chain) & (attempts.c.sender == to_hex(sender))
    within = attempts.c.nonce.between(nonces.start, nonces.stop - 1)
    query = select(attempts.c.nonce, attempts.c.raw).where(theirs, within)
    rows = tx.execute(query.order_by(attempts.c.created_at_s, attempts.c.max_fee_per_gas_wei))
    return {row.nonce: row.raw for row in rows}
