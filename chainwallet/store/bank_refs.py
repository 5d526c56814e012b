"""Bank references: what each one was used for here, and what the facts say that the chain did under it."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Table, select

from chainwallet.evm import Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.store import evidence
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns
from chainwallet.store.schema import facts, topups, withdrawals
from chainwallet.store.words import address_or_none

Use = Literal["top-up", "withdrawal"]


@dataclass(frozen=True)
class Used:
    """The fact that used a reference up: ``issuer`` made ``value`` token units for ``payee``, or (None) burned them."""

    issuer: Address
    payee: Address | None
    value: int
    tx: Hash32
    block: BlockNumber
    is_final: bool


def use(tx: Transaction, token: str, reference: str) -> Use | None:
    """What ``reference`` stands for here; from here to its end ``tx`` is alone in what it decides about it."""
    take_turns(tx, "bank reference", token, reference)
    for table, use_of_it in _USES:
        is_it = (table.c.token == token) & (table.c.reference == reference)
        if tx.execute(select(table.c.token).where(is_it)).first() is not None:
            return use_of_it
    return None


_USES: tuple[tuple[Table, Use], ...] = ((topups, "top-up"), (withdrawals, "withdrawal"))


def used(tx: Transaction, token: str, ref: Hash32, confirmations: int) -> Used | None:
    """The canonical fact under ``ref``; ``confirmations`` is how deep is final."""
    query = select(facts).where(
        facts.c.token == token,
        facts.c.ref == to_hex(ref),
        facts.c.kind.in_(("Minted", "Burned")),
        facts.c.orphaned_at_s.is_(None),
    )
    row = tx.execute(query.limit(1)).one_or_none()
    if row is None:
        return None
    at = evidence.horizon(tx, token, confirmations)
    return Used(
        Address(from_hex(row.payer)),
        address_or_none(row.payee),
        int(row.value, 16),
        Hash32(from_hex(row.tx)),
        BlockNumber(row.block),
        at is not None and row.block <= at.final_block,
    )
