"""Withdrawals: a customer pays the issuer, a bank pays the customer out, and the issuer burns what it was paid.

The customer signs an ordinary payment to the issuer. The issuer, who has paid out at the bank, names that payment and
the bank's reference; the worker burns once the payment is final. Where the chain refuses the burn the issuer holds the
money: the same request tries again, or ``give_back`` pays it back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chainwallet.abi.calls import bank_ref
from chainwallet.errors import BadValue, NotFound
from chainwallet.evm import Address, checksum
from chainwallet.issuing.counter import Counter, call_of, checked_amount, done_of
from chainwallet.payments import Order, waits_for
from chainwallet.relayer.burning import queue_burn
from chainwallet.rules import promise as rules
from chainwallet.rules.issue import (
    Refused,
    Return,
    Returned,
    Returning,
    Stage,
    checked_reference,
    payback_id,
    withdrawal_stage,
)
from chainwallet.rules.money import Money, amount_text, from_token_units
from chainwallet.store import bank_refs, promises, submissions, withdrawals
from chainwallet.store.database import Transaction
from chainwallet.store.promises import Promise
from chainwallet.store.withdrawals import Withdrawal


@dataclass(frozen=True)
class ShownWithdrawal:
    """A withdrawal, the payment that it stands for, and how it stands now."""

    withdrawal: Withdrawal
    payment: Promise
    amount: Money
    stage: Stage


def request_withdrawal(
    counter: Counter, reference: str, payer: Address, payment_id: str, amount: Money, asked_by: str, now_s: int
) -> ShownWithdrawal:
    """Asks that the payment ``payment_id`` of ``payer`` to the issuer be burned under the bank's ``reference``.

    The same again is the same withdrawal; one whose burn was refused is tried again. Raises ``NotFound`` for a payment
    that is not here, ``BadValue`` for one to somebody else, of another amount, that has ended unpaid or that stands for
    another withdrawal, and for a reference that stands for something else. Then nothing is stored.
    """
    reference = checked_reference(reference)
    value = checked_amount(amount, counter.cash)

    def ask(tx: Transaction) -> ShownWithdrawal:
        if bank_refs.use(tx, counter.cash.token, reference) == "top-up":
            raise BadValue("reference", reference, "a reference that no top-up has")
        payment = promises.by_id(tx, counter.cash.token, payer, "payment", payment_id)
        if payment is None:
            raise NotFound("payment", payment_id, f"none of {checksum(payer)} has this id")
        known = withdrawals.hold(tx, counter.cash.token, reference)
        if known is None:
            return _shown(tx, counter, _add(tx, counter, reference, payment, value, asked_by, now_s))
        if (known.promise, payment.value) != (payment.number, value):
            raise BadValue("reference", reference, "the same payment and amount as when it was first used")
        return _again(tx, counter, _shown(tx, counter, known), now_s)

    return counter.database.write(ask)


def find_withdrawal(counter: Counter, reference: str) -> ShownWithdrawal:
    """The withdrawal with the bank's ``reference``. Raises ``NotFound``."""
    with counter.database.read() as tx:
        found = withdrawals.by_reference(tx, counter.cash.token, reference)
        if found is None:
            raise NotFound("withdrawal", reference, "none was asked for with this bank reference")
        return _shown(tx, counter, found)


def give_back(counter: Counter, accept: Callable[[Order], Promise], reference: str, now_s: int) -> ShownWithdrawal:
    """Gives a refused withdrawal up and has the issuer pay the money back, once: asked again, it is the same payment.

    Raises ``NotFound``, ``BadValue`` for a withdrawal whose burn was not refused, and what ``accept`` raises: then the
    same question again goes on.
    """

    def give_up(tx: Transaction) -> ShownWithdrawal:
        bank_refs.use(tx, counter.cash.token, reference)
        held = withdrawals.hold(tx, counter.cash.token, reference)
        if held is None:
            raise NotFound("withdrawal", reference, "none was asked for with this bank reference")
        shown = _shown(tx, counter, held)
        if isinstance(shown.stage, Returning | Returned):
            return shown
        if not isinstance(shown.stage, Refused):
            raise BadValue("withdrawal", reference, "one whose burn the chain refused")
        withdrawals.give_back(tx, held, now_s)
        return replace(shown, withdrawal=replace(held, given_back_at_s=now_s))

    given_up = counter.database.write(give_up)
    accept(
        Order(
            id=payback_id(reference),
            payer=counter.issuer,
            payee=given_up.payment.payer,
            amount=given_up.amount,
            memo=None,
        )
    )
    return find_withdrawal(counter, reference)


# ------------------------------------------------------------------------------------------------ in one transaction


def _add(
    tx: Transaction, counter: Counter, reference: str, payment: Promise, value: int, asked_by: str, now_s: int
) -> Withdrawal:
    cash, currency = counter.cash, counter.cash.currency
    if payment.payee != counter.issuer:
        raise BadValue("payment", payment.id, f"a payment to the issuer, {checksum(counter.issuer)}")
    if payment.value != value:
        raise BadValue("amount", f"{amount_text(value, currency)} {currency}", f"the amount of payment {payment.id}")
    if isinstance(payment.stage, rules.Canceled | rules.Expired):
        raise BadValue("payment", payment.id, "one that is paid or can be; it ended unpaid")
    if withdrawals.of_promise(tx, payment.number) is not None:
        raise BadValue("payment", payment.id, "a payment that stands for no other withdrawal")
    ref = bank_ref(reference)
    done = bank_refs.used(tx, cash.token, ref, counter.confirmations)
    if done is not None and (done.issuer, done.payee, done.value) != (counter.issuer, None, value):
        raise BadValue("reference", reference, "a reference that the chain has not accepted before")
    added = Withdrawal(cash.token, reference, ref, counter.issuer, payment.number, asked_by, now_s)
    withdrawals.add(tx, added)
    return added


def _again(tx: Transaction, counter: Counter, shown: ShownWithdrawal, now_s: int) -> ShownWithdrawal:
    """Where its burn was refused, and the payment is still there to be burned, another burn is queued."""
    held = shown.withdrawal
    if not isinstance(shown.stage, Refused) or not isinstance(shown.payment.stage, rules.Final):
        return shown
    return _shown(tx, counter, queue_burn(tx, held, shown.payment.value, now_s))


def _shown(tx: Transaction, counter: Counter, withdrawal: Withdrawal) -> ShownWithdrawal:
    payment = promises.by_number(tx, withdrawal.promise)
    assert payment is not None  # noqa: S101 - promises are never removed
    used = bank_refs.used(tx, withdrawal.token, withdrawal.ref, counter.confirmations)
    done = done_of(used) if used is not None and used.payee is None else None
    given_back = None if withdrawal.given_back_at_s is None else _return(tx, counter, withdrawal)
    call = call_of(tx, withdrawal.submission_id)
    stage = withdrawal_stage(payment.stage, payment.reason, call, done, given_back)
    return ShownWithdrawal(withdrawal, payment, from_token_units(payment.value, counter.cash.currency), stage)


def _return(tx: Transaction, counter: Counter, withdrawal: Withdrawal) -> Return:
    payment_id = payback_id(withdrawal.reference)
    paid = promises.by_id(tx, withdrawal.token, withdrawal.issuer, "payment", payment_id)
    if paid is None:
        return Return(payment_id, None, "the payment back has not been accepted yet; ask for it again")
    carrier = submissions.by_id(tx, paid.submission_id) if paid.submission_id is not None else None
    return Return(payment_id, paid.stage, waits_for(tx, paid, carrier, counter.confirmations) or paid.reason)
