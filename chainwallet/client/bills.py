"""Bills of groups and their balances, and the methods of the client for them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from chainwallet.client.asking import USUAL_LIMIT, Asking, route, through
from chainwallet.client.documents import read
from chainwallet.client.payments import Payment


@dataclass(frozen=True)
class Person:
    """A member by id and name."""

    id: str
    name: str


@dataclass(frozen=True)
class MemberAmount:
    """A member and an amount in the bill's currency."""

    member: str
    amount: Decimal


@dataclass(frozen=True)
class BillLine:
    """Somebody's line of a bill: ``net`` is what they are owed, below 0 what they owe.

    ``answer`` is their latest to this version (accepted, rejected, proposed, withdrawn; None: none).
    """

    member: Person
    share: Decimal
    paid: Decimal
    net: Decimal
    answer: str | None
    reason: str | None
    proposal: Mapping[str, Any] | None
    carried_over: bool


@dataclass(frozen=True)
class Debt:
    """What a bill makes one member owe another; ``state`` is open, locked, paying or settled."""

    debtor: Person
    creditor: Person
    amount: Decimal
    state: str
    payments: tuple[str, ...]
    plan: str | None
    paid_elsewhere_at: datetime | None
    paid_elsewhere_note: str | None


@dataclass(frozen=True)
class Bill:
    """A bill as it stands; ``state`` is open, accepted, disputed or deleted. ``split`` is as it was sent."""

    id: str
    version: int
    hash: str
    state: str
    asks_me: bool
    title: str
    note: str
    date: str
    currency: str
    total: Decimal
    split: Mapping[str, Any]
    payers: tuple[MemberAmount, ...]
    lines: tuple[BillLine, ...]
    debts: tuple[Debt, ...]
    asked: tuple[Person, ...]
    reverses: str | None
    made_by: Person
    made_at: datetime
    amended_by: Person | None
    amended_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True)
class BillVersion:
    """A version of a bill; ``hash`` is the Keccak-256 of ``document``."""

    version: int
    hash: str
    document: str
    made_by: Person
    made_at: datetime
    reason: str | None


@dataclass(frozen=True)
class Said:
    """What somebody said to a version."""

    at: datetime
    version: int
    member: Person
    answer: str
    reason: str | None
    carried_over: bool


@dataclass(frozen=True)
class Done:
    """Something that was done with a bill, in words."""

    at: datetime
    kind: str
    words: str


@dataclass(frozen=True)
class BillStory(Bill):
    """A bill, and all that ever became of it."""

    versions: tuple[BillVersion, ...]
    answers: tuple[Said, ...]
    reversals: tuple[str, ...]
    activity: tuple[Done, ...]


@dataclass(frozen=True)
class BillPage:
    """Bills, the newest first."""

    bills: tuple[Bill, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class AcceptedBills:
    """The bills that were accepted."""

    bills: tuple[Bill, ...]


@dataclass(frozen=True)
class SharePayments:
    """The payments of what one owes by a bill."""

    payments: tuple[Payment, ...]


@dataclass(frozen=True)
class Behind:
    """What one bill adds to a balance; below 0 it takes away."""

    bill: str
    title: str
    amount: Decimal


@dataclass(frozen=True)
class Between:
    """Oneself and another member: ``amount`` is owed to one, below 0 by one. ``words`` says it."""

    member: Person
    amount: Decimal
    words: str
    bills: tuple[Behind, ...]


@dataclass(frozen=True)
class Net:
    """What a member is owed, below 0 what they owe."""

    member: Person
    amount: Decimal


@dataclass(frozen=True)
class Owed:
    """What one member owes another."""

    debtor: Person
    creditor: Person
    amount: Decimal


@dataclass(frozen=True)
class CurrencyBalances:
    """A group in one currency: one's own balances by accepted, open and disputed bills, and everybody's.

    ``debts`` are as they are, ``transfers`` would do in their stead, and ``plan`` is what could be cleared now.
    """

    currency: str
    owed: tuple[Between, ...]
    pending: tuple[Between, ...]
    disputed: tuple[Between, ...]
    nets: tuple[Net, ...]
    debts: tuple[Owed, ...]
    transfers: tuple[Owed, ...]
    plan: tuple[Net, ...]


@dataclass(frozen=True)
class GroupBalances:
    """A group's balances, by currency."""

    balances: tuple[CurrencyBalances, ...]


class Paying(Asking, Protocol):
    """What the methods are of that give payments."""

    def _ours(self, payment: Payment) -> Payment:
        """The payment, which may be asked for again here."""


class BillMethods:
    """The client's methods about bills; each raises as all of its do.

    ``split`` is a document such as ``{"mode": "equal", "people": [...]}``, ``payers`` says what each member paid. What
    is made is made once for the Idempotency-Key ``key`` (None: a new one). Answers name the version that they are
    about: one that was amended meanwhile raises ``StaleVersion``.
    """

    def add_bill(
        self: Asking,
        group_id: str,
        title: str,
        currency: str,
        split: Mapping[str, Any],
        payers: Mapping[str, Decimal | str],
        *,
        total: Decimal | str | None = None,
        note: str = "",
        on: date | None = None,
        key: str | None = None,
    ) -> Bill:
        """A new bill; ``total`` may be left out where its items say it, and ``on`` for today."""
        body = _terms(title, currency, split, payers, total, note, on)
        return read(Bill, self._transport.make(_path(group_id), body, key))

    def bills(
        self: Asking,
        group_id: str,
        *,
        state: str | None = None,
        currency: str | None = None,
        member: str | None = None,
        asks: str | None = None,
    ) -> Iterator[Bill]:
        """All bills of a group, the newest first, deleted ones only where ``state`` asks for them."""
        query = {"state": state, "currency": currency, "member": member, "asks": asks}
        return through(lambda cursor: _page(self, group_id, **query, cursor=cursor), lambda page: page.bills)

    def bills_page(self: Asking, group_id: str, *, limit: int = USUAL_LIMIT, cursor: str | None = None) -> BillPage:
        """A page of a group's bills; ``cursor`` is the ``next_cursor`` of the page before."""
        return _page(self, group_id, cursor=cursor, limit=limit)

    def bill(self: Asking, group_id: str, bill_id: str) -> BillStory:
        """A bill, and all that ever became of it."""
        return read(BillStory, self._transport.get(_path(group_id, bill_id)))

    def amend_bill(
        self: Asking,
        group_id: str,
        bill_id: str,
        version: int,
        title: str,
        currency: str,
        split: Mapping[str, Any],
        payers: Mapping[str, Decimal | str],
        *,
        total: Decimal | str | None = None,
        note: str = "",
        on: date | None = None,
        reason: str | None = None,
    ) -> Bill:
        """The next version of a bill, after ``version``."""
        body = {**_terms(title, currency, split, payers, total, note, on), "version": version}
        body |= {} if reason is None else {"reason": reason}
        return read(Bill, self._transport.put(_path(group_id, bill_id), body))

    def delete_bill(self: Asking, group_id: str, bill_id: str) -> None:
        """Gives a bill a tombstone."""
        self._transport.delete(_path(group_id, bill_id))

    def restore_bill(self: Asking, group_id: str, bill_id: str, *, key: str | None = None) -> Bill:
        """Takes a bill's tombstone away."""
        return read(Bill, self._transport.make(_path(group_id, bill_id, "restore"), None, key))

    def reverse_bill(self: Asking, group_id: str, bill_id: str, *, note: str = "", key: str | None = None) -> Bill:
        """A new bill that undoes one."""
        return read(Bill, self._transport.make(_path(group_id, bill_id, "reversal"), {"note": note}, key))

    def accept_bill(self: Asking, group_id: str, bill_id: str, version: int, *, key: str | None = None) -> Bill:
        """Accepts a bill."""
        return read(Bill, self._transport.make(_path(group_id, bill_id, "accept"), {"version": version}, key))

    def accept_bills(self: Asking, group_id: str, *, key: str | None = None) -> tuple[Bill, ...]:
        """Accepts all bills of a group that ask one and that one has said nothing to."""
        path = route("groups", group_id, "accept-bills")
        return read(AcceptedBills, self._transport.make(path, None, key)).bills

    def reject_bill(
        self: Asking, group_id: str, bill_id: str, version: int, reason: str, *, key: str | None = None
    ) -> Bill:
        """Rejects a bill."""
        body = {"version": version, "reason": reason}
        return read(Bill, self._transport.make(_path(group_id, bill_id, "reject"), body, key))

    def propose_split(
        self: Asking,
        group_id: str,
        bill_id: str,
        version: int,
        split: Mapping[str, Any],
        reason: str,
        *,
        key: str | None = None,
    ) -> Bill:
        """Proposes to divide a bill another way."""
        body = {"version": version, "split": dict(split), "reason": reason}
        return read(Bill, self._transport.make(_path(group_id, bill_id, "propose"), body, key))

    def adopt_proposal(
        self: Asking, group_id: str, bill_id: str, version: int, member: str, *, key: str | None = None
    ) -> Bill:
        """Makes what ``member`` proposes the next version of a bill."""
        body = {"version": version, "member": member}
        return read(Bill, self._transport.make(_path(group_id, bill_id, "adopt"), body, key))

    def withdraw_dispute(self: Asking, group_id: str, bill_id: str, version: int, *, key: str | None = None) -> Bill:
        """Takes one's rejection or proposal back."""
        return read(Bill, self._transport.make(_path(group_id, bill_id, "withdraw"), {"version": version}, key))

    def pay_share(self: Paying, group_id: str, bill_id: str, version: int) -> tuple[Payment, ...]:
        """Pays what one owes by a bill: a payment to each whom one owes, the same ones where asked for again."""
        answer = self._transport.post(_path(group_id, bill_id, "payments"), {"version": version}, repeats=True)
        return tuple(self._ours(one) for one in read(SharePayments, answer).payments)

    def say_paid_elsewhere(
        self: Asking,
        group_id: str,
        bill_id: str,
        version: int,
        debtors: Collection[str] = (),
        *,
        note: str | None = None,
        key: str | None = None,
    ) -> Bill:
        """Says that ``debtors`` (none: all who still owe one by the bill) paid in cash or at a bank."""
        body = {"version": version, "debtors": list(debtors)} | ({} if note is None else {"note": note})
        return read(Bill, self._transport.make(_path(group_id, bill_id, "paid-elsewhere"), body, key))

    def group_balances(self: Asking, group_id: str) -> tuple[CurrencyBalances, ...]:
        """What is owed in a group, by currency."""
        return read(GroupBalances, self._transport.get(route("groups", group_id, "balances"))).balances


def _terms(
    title: str,
    currency: str,
    split: Mapping[str, Any],
    payers: Mapping[str, Decimal | str],
    total: Decimal | str | None,
    note: str,
    on: date | None,
) -> dict[str, Any]:
    paid = [{"member": member, "amount": _text(amount)} for member, amount in payers.items()]
    body = {"title": title, "note": note, "currency": currency, "split": dict(split), "payers": paid}
    body |= {} if total is None else {"total": _text(total)}
    return body | ({} if on is None else {"date": on.isoformat()})


def _text(amount: Decimal | str) -> str:
    return amount if isinstance(amount, str) else format(amount, "f")


def _page(client: Asking, group_id: str, **query: str | int | None) -> BillPage:
    return read(BillPage, client._transport.get(_path(group_id), query))


def _path(group_id: str, *parts: str) -> str:
    return route("groups", group_id, "bills", *parts)
