"""Top-ups: money asked for against money at a bank, one for each of the bank's references."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from chainwallet.evm import Address, Hash32, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.schema import submissions, topups
from chainwallet.store.words import word


@dataclass(frozen=True)
class TopUp:
    """``value`` token units for ``payee``, made by ``issuer`` under what the chain accepts of ``reference``.

    ``submission_id`` is the mint that was queued last; None where the chain had carried it out before.
    """

    token: str
    reference: str
    ref: Hash32
    issuer: Address
    payee: Address
    value: int
    asked_by: str
    created_at_s: int
    submission_id: int | None


def add(tx: Transaction, topup: TopUp) -> None:
    """Stores a new one; the caller has seen that its reference is free."""
    tx.execute(
        insert(topups).values(
            token=topup.token,
            reference=topup.reference,
            chain=topup.token.partition("/")[0],
            ref=to_hex(topup.ref),
            issuer=to_hex(topup.issuer),
            payee=to_hex(topup.payee),
            value=word(topup.value),
            asked_by=topup.asked_by,
            submission_id=topup.submission_id,
            created_at_s=topup.created_at_s,
        )
    )


def by_reference(tx: Transaction, token: str, reference: str) -> TopUp | None:
    """The top-up with the bank's ``reference``."""
    is_it = (topups.c.token == token) & (topups.c.reference == reference)
    row = tx.execute(select(topups).where(is_it)).one_or_none()
    return _topup(row) if row else None


def carry(tx: Transaction, topup: TopUp, submission_id: int) -> None:
    """Notes the mint that carries it from now on."""
    is_it = (topups.c.token == topup.token) & (topups.c.reference == topup.reference)
    tx.execute(update(topups).where(is_it).values(submission_id=submission_id))


def to_be_minted(tx: Transaction, token: str, issuer: Address) -> int:
    """Token units that mints of ``issuer`` will take from its quota which have not reached the chain."""
    waiting = submissions.c.stage.in_(("queued", "signed", "sent"))
    query = (
        select(topups.c.value)
        .join(submissions, submissions.c.id == topups.c.submission_id)
        .where(topups.c.token == token, topups.c.issuer == to_hex(issuer), waiting)
    )
    return sum(int(value, 16) for (value,) in tx.execute(query))


def _topup(row: Row[Any]) -> TopUp:
    return TopUp(
        row.token,
        row.reference,
        Hash32(from_hex(row.ref)),
        Address(from_hex(row.issuer)),
        Address(from_hex(row.payee)),
        int(row.value, 16),
        row.asked_by,
        row.created_at_s,
        row.submission_id,
    )
