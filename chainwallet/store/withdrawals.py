"""Withdrawals: payments to the issuer that were paid out at a bank, and are burned under its reference."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from chainwallet.evm import Address, Hash32, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.locks import held_rows
from chainwallet.store.schema import promises, withdrawals


@dataclass(frozen=True)
class Withdrawal:
    """The payment with the number ``promise``, to be burned by ``issuer`` under what the chain takes of ``reference``.

    ``submission_id`` is the burn that was queued last, None before the first. After ``given_back_at_s`` nothing is
    burned any more.
    """

    token: str
    reference: str
    ref: Hash32
    issuer: Address
    promise: int
    asked_by: str
    created_at_s: int
    submission_id: int | None = None
    given_back_at_s: int | None = None


@dataclass(frozen=True)
class ToBurn:
    """A withdrawal whose payment is final and whose burn is not queued; ``value`` are the payment's token units."""

    withdrawal: Withdrawal
    value: int


def add(tx: Transaction, withdrawal: Withdrawal) -> None:
    """Stores a new one; the caller has seen that its reference and its payment are free."""
    tx.execute(
        insert(withdrawals).values(
            token=withdrawal.token,
            reference=withdrawal.reference,
            chain=withdrawal.token.partition("/")[0],
            ref=to_hex(withdrawal.ref),
            issuer=to_hex(withdrawal.issuer),
            promise=withdrawal.promise,
            asked_by=withdrawal.asked_by,
            submission_id=withdrawal.submission_id,
            given_back_at_s=withdrawal.given_back_at_s,
            created_at_s=withdrawal.created_at_s,
        )
    )


def by_reference(tx: Transaction, token: str, reference: str) -> Withdrawal | None:
    """The withdrawal with the bank's ``reference``."""
    row = tx.execute(select(withdrawals).where(_is(token, reference))).one_or_none()
    return _withdrawal(row) if row else None


def hold(tx: Transaction, token: str, reference: str) -> Withdrawal | None:
    """As ``by_reference``; ``tx`` holds it until it ends."""
    row = tx.execute(held_rows(select(withdrawals).where(_is(token, reference)), withdrawals)).one_or_none()
    return _withdrawal(row) if row else None


def of_promise(tx: Transaction, number: int) -> Withdrawal | None:
    """The withdrawal that the payment with this number stands for."""
    row = tx.execute(select(withdrawals).where(withdrawals.c.promise == number)).one_or_none()
    return _withdrawal(row) if row else None


def to_burn(tx: Transaction, chain: str, limit: int) -> tuple[ToBurn, ...]:
    """The first ``limit`` on ``chain`` whose payment is final and whose burn is not queued."""
    return tuple(ToBurn(_withdrawal(row), int(row.value, 16)) for row in tx.execute(_due(chain, limit)))


def held_to_burn(tx: Transaction, chain: str, limit: int) -> tuple[ToBurn, ...]:
    """As ``to_burn``; ``tx`` holds them and their payments until it ends."""
    rows = tx.execute(_due(chain, limit).with_for_update())
    return tuple(ToBurn(_withdrawal(row), int(row.value, 16)) for row in rows)


def burn(tx: Transaction, withdrawal: Withdrawal, submission_id: int) -> None:
    """Notes the burn that carries it from now on."""
    tx.execute(
        update(withdrawals).where(_is(withdrawal.token, withdrawal.reference)).values(submission_id=submission_id)
    )


def give_back(tx: Transaction, withdrawal: Withdrawal, now_s: int) -> None:
    """Notes that nothing is burned any more: the money goes back."""
    tx.execute(update(withdrawals).where(_is(withdrawal.token, withdrawal.reference)).values(given_back_at_s=now_s))


def _due(chain: str, limit: int) -> Any:
    return (
        select(withdrawals, promises.c.value)
        .join(promises, promises.c.number == withdrawals.c.promise)
        .where(
            withdrawals.c.chain == chain,
            withdrawals.c.submission_id.is_(None),
            promises.c.stage == "final",
        )
        .order_by(withdrawals.c.promise)
        .limit(limit)
    )


def _is(token: str, reference: str) -> Any:
    return (withdrawals.c.token == token) & (withdrawals.c.reference == reference)


def _withdrawal(row: Row[Any]) -> Withdrawal:
    return Withdrawal(
        row.token,
        row.reference,
        Hash32(from_hex(row.ref)),
        Address(from_hex(row.issuer)),
        row.promise,
        row.asked_by,
        row.created_at_s,
        row.submission_id,
        row.given_back_at_s,
    )
