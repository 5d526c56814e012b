"""Payments that were carried out once, that a reorg undid, and that are on their way again."""

from sqlalchemy import func, or_, select

from chainwallet.rules.window import NONCE_END, dies_by_use_of
from chainwallet.store.database import Transaction
from chainwallet.store.schema import IS_UNDONE, promises
from chainwallet.store.words import word


def outrun_from(tx: Transaction, chain: str, now_s: int) -> dict[tuple[str, str], str]:
    """By token and payer, the lowest nonce whose use would kill that of such a payment, as a word.

    Of those alone that can be carried out now: one that was set aside holds nothing up until its next turn.
    """
    is_due = or_(promises.c.stage == "carried", promises.c.due_at_s <= now_s)
    query = select(promises.c.token, promises.c.payer, func.min(promises.c.nonce)).where(
        promises.c.chain == chain,
        IS_UNDONE,
        promises.c.nonce < word(NONCE_END),
        is_due,
    )
    found = tx.execute(query.group_by(promises.c.token, promises.c.payer))
    return {(token, payer): word(dies_by_use_of(int(nonce, 16))) for token, payer, nonce in found}
