"""Settling the shares of one bill: by an ordinary payment for each debt, or said by the creditor to be paid elsewhere.

A payment's id comes from bill and creditor, and is the payer's own: asked for again it is the same payment. Only where
one ended without being paid does the next have a number behind it. It is stored in one transaction with the debt that
it pays.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from chainwallet.bills.record import Record, load, said_from, stored_state
from chainwallet.bills.writing import note
from chainwallet.errors import BadValue, BillLocked, BillSettled, ChainwalletError
from chainwallet.evm import Address
from chainwallet.groups import Standing, wallet_of
from chainwallet.keys.signer import Signer
from chainwallet.payments import Desk, Order
from chainwallet.payments.deciding import decide
from chainwallet.rules import bill as life
from chainwallet.rules.bill import Accepted
from chainwallet.rules.money import Money
from chainwallet.rules.promise import Canceled, Expired
from chainwallet.store import bills, debts
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt, PaidElsewhere
from chainwallet.store.promises import Promise


@dataclass(frozen=True)
class Purse:
    """What pays a share: the wallet of the debtor, at a desk; ``signer`` is None where its key is elsewhere."""

    desk: Desk
    payer: Address
    signer: Signer | None
    salt: Callable[[], bytes]


def payment_id(bill_id: str, creditor: str, number: int) -> str:
    """The id of the payment ``number`` (from 1) of somebody's debt to ``creditor`` by a bill."""
    first = f"bill:{bill_id}:{creditor}"
    return first if number == 1 else f"{first}:{number}"


def pay_shares(
    tx: Transaction, here: Standing, bill_id: str, version: int, purse: Purse, now_s: int
) -> tuple[tuple[Order, Promise], ...]:
    """The payments of what the caller owes by a bill, one for each creditor, begun or found; who pays accepts.

    Raises ``NotFound``, ``StaleVersion``, ``TooLate`` for a deleted bill, ``BillDisputed``, ``BillLocked`` where a plan
    under way has a debt, ``BillSettled`` where nothing is owed any more; ``BadValue`` of ``bill`` for a bill by which
    the caller never owed, and of ``creditor`` for one without a wallet; and what accepting a payment raises. Then
    nothing is stored.
    """
    record = load(tx, here.group.id, bill_id)
    life.check_version(bill_id, version, record.bill.version)
    owed = record.debts_owed_by(here.me.id)
    if not owed:
        raise BadValue("bill", bill_id, "a bill by which you owe something")
    standing = record.standing
    if here.me.id in standing.asked:
        standing = _accept(tx, here, record, now_s)
    due = [debt for debt in owed if debt.state != "settled"]
    if not due:
        raise BillSettled(bill_id, "paid")
    for debt in due:
        if debt.state == "locked":
            raise BillLocked(bill_id, "paid", "locked")
        life.check_may_settle(bill_id, standing, "open")
    orders = [_order(tx, here, record, debt, purse) for debt in due]
    return _begin(tx, here, record, list(zip(due, orders, strict=True)), purse, now_s)


def say_paid_elsewhere(
    tx: Transaction,
    here: Standing,
    bill_id: str,
    version: int,
    debtors: Collection[str],
    note_text: str | None,
    now_s: int,
) -> Record:
    """The bill after its creditor, the caller, said that ``debtors`` (none: all that still owe) paid elsewhere.

    Raises ``NotFound``, ``StaleVersion``, ``TooLate`` for a deleted bill, ``BillDisputed``, ``BillLocked`` and
    ``BillSettled`` where a debt is not open, and ``BadValue`` of ``debtors`` for who does not owe the caller by it.
    """
    record = load(tx, here.group.id, bill_id)
    life.check_version(bill_id, version, record.bill.version)
    owed = {debt.debtor: debt for debt in record.debts if debt.creditor == here.me.id}
    for debtor in debtors:
        if debtor not in owed:
            raise BadValue("debtors", debtor, "somebody who owes you by this bill")
    if not owed:
        raise BadValue("bill", bill_id, "a bill by which you are owed something")
    named = [owed[debtor] for debtor in dict.fromkeys(debtors)]
    said = named or [debt for debt in owed.values() if debt.state == "open"]
    if not said:
        life.check_unmoved(bill_id, "paid", [debt.state for debt in owed.values()])
    for debt in said:
        life.check_may_settle(bill_id, record.standing, debt.state)
    debts.note_paid_elsewhere(tx, [PaidElsewhere(debt.id, here.me.id, note_text, now_s) for debt in said])
    who = ", ".join(f"{here.by_id[debt.debtor].name} ({Money(debt.amount_minor, record.currency)})" for debt in said)
    words = f"{here.me.name} says that {who} paid for {record.version.title} elsewhere"
    note(tx, here, "bill.paid_elsewhere", bill_id, words, now_s)
    return load(tx, here.group.id, bill_id)


def _accept(tx: Transaction, here: Standing, record: Record, now_s: int) -> life.Standing:
    """Who pays a share consents to it."""
    me = here.me.id
    bills.say_all(tx, [said_from(record.bill, record.bill.version, me, Accepted(), now_s)])
    now = life.standing(record.lines, {**record.answers, me: Accepted()}, is_deleted=record.bill.is_deleted)
    bills.set_state(tx, record.bill.id, stored_state(now))
    return now


def _order(tx: Transaction, here: Standing, record: Record, debt: Debt, purse: Purse) -> Order:
    """The payment of a debt: the one under way, or a new one."""
    earlier = debts.payments_between(tx, record.bill.id, debt.debtor, debt.creditor)
    going = [one for one in earlier if not isinstance(one.stage, Canceled | Expired)]
    creditor = here.by_id[debt.creditor]
    amount = Money(debt.amount_minor, record.currency)
    if going:
        return _order_of(going[-1], amount)
    name = payment_id(record.bill.id, debt.creditor, len(earlier) + 1)
    known = promise_rows.by_id(tx, purse.desk.cash.token, purse.payer, "payment", name)
    if known is not None:
        return _order_of(known, amount)
    paid = wallet_of(tx, creditor)
    if paid is None:
        expected = f"one with a wallet; {creditor.name} is a guest, or says that it was paid elsewhere"
        raise BadValue("creditor", creditor.name, expected)
    return Order(name, purse.payer, paid.address, amount, record.version.title)


def _order_of(promise: Promise, amount: Money) -> Order:
    """A payment that was asked for before, as it was."""
    assert promise.payee is not None  # noqa: S101 - it is a payment
    return Order(promise.id, promise.payer, promise.payee, amount, promise.memo)


def _begin(
    tx: Transaction,
    here: Standing,
    record: Record,
    due: Collection[tuple[Debt, Order]],
    purse: Purse,
    now_s: int,
) -> tuple[tuple[Order, Promise], ...]:
    desk = purse.desk
    orders = [(order.checked(desk.cash), purse.salt()) for _, order in due]
    signers = {} if purse.signer is None else {purse.payer: purse.signer}
    begun: list[tuple[Order, Promise]] = []
    for (debt, order), outcome in zip(due, decide(tx, desk, orders, now_s, signers), strict=True):
        if isinstance(outcome, ChainwalletError):
            raise outcome
        debts.note_payment(tx, debt.id, outcome.promise.number, now_s)
        begun.append((order, outcome.promise))
        if debt.state == "open":
            words = f"{here.me.name} pays {here.by_id[debt.creditor].name} {order.amount} for {record.version.title}"
            note(tx, here, "bill.paying", record.bill.id, words, now_s)
    return tuple(begun)
