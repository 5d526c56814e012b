"""A bill as it stands: its current version, what was said to that, and its debts."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from chainwallet.errors import NotFound
from chainwallet.evm import to_hex
from chainwallet.rules import bill as life
from chainwallet.rules.bill import Accepted, Answer, Proposed, Rejected, Withdrawn
from chainwallet.rules.canonical import canonical
from chainwallet.rules.debts import debts_of
from chainwallet.rules.money import Currency, Money, currency_of
from chainwallet.rules.split import BillLine
from chainwallet.rules.terms import Terms
from chainwallet.rules.terms_document import from_document, split_document, split_of, terms_document, terms_hash
from chainwallet.store import bills, debts
from chainwallet.store.bills import AnswerKind, Bill, Line, Said, StoredState, Version
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt


@dataclass(frozen=True)
class Record:
    """A bill with its current ``version``; ``said`` has the latest answer to that by member."""

    bill: Bill
    version: Version
    said: Mapping[str, Said]
    debts: tuple[Debt, ...]

    @property
    def currency(self) -> Currency:
        """That of all its amounts."""
        return currency_of(self.version.currency)

    @cached_property
    def terms(self) -> Terms:
        """What the version says."""
        return from_document(json.loads(self.version.document))

    @cached_property
    def lines(self) -> tuple[BillLine, ...]:
        """Everyone's line."""
        return bill_lines(self.version)

    @cached_property
    def answers(self) -> Mapping[str, Answer]:
        """The latest answers by member."""
        return {member: answer_of(said, self.currency) for member, said in self.said.items()}

    @property
    def standing(self) -> life.Standing:
        """How it stands."""
        return life.standing(self.lines, self.answers, is_deleted=self.bill.is_deleted)

    def debts_owed_by(self, member: str) -> tuple[Debt, ...]:
        """The debts that ``member`` has by it."""
        return tuple(debt for debt in self.debts if debt.debtor == member)


def load(tx: Transaction, group_id: str, bill_id: str) -> Record:
    """The bill of a group. Raises ``NotFound``."""
    bill = bills.by_id(tx, group_id, bill_id)
    if bill is None:
        raise NotFound("bill", bill_id, "the list of the group's bills names those there are")
    return load_each(tx, [bill])[0]


def load_each(tx: Transaction, some: Collection[Bill]) -> tuple[Record, ...]:
    """Each of ``some`` as it stands, in their order."""
    versions, said = bills.current_versions(tx, some), bills.latest_said(tx, some)
    owed = debts.of_bills(tx, [one.id for one in some])
    return tuple(Record(one, versions[one.id], said[one.id], owed[one.id]) for one in some)


def bill_lines(version: Version) -> tuple[BillLine, ...]:
    """Everyone's line in a stored version."""
    currency = currency_of(version.currency)
    return tuple(
        BillLine(
            line.member_id,
            Money(line.share_minor, currency),
            Money(line.paid_minor, currency),
            Money(line.net_minor, currency),
        )
        for line in version.lines
    )


def version_of(
    bill: Bill, number: int, terms: Terms, lines: tuple[BillLine, ...], by: str, at_s: int, reason: str | None
) -> Version:
    """The version ``number`` of a bill as it is stored, made by the member ``by``."""
    return Version(
        bill_id=bill.id,
        version=number,
        hash=to_hex(terms_hash(terms)),
        document=canonical(terms_document(terms)).decode("utf-8"),
        title=terms.title,
        currency=terms.currency.code,
        total_minor=terms.total.amount_minor,
        made_by=by,
        made_at_s=at_s,
        lines=tuple(Line(line.person, line.share.amount_minor, line.paid.amount_minor) for line in lines),
        reason=reason,
    )


def debts_from(bill: Bill, version: int, lines: tuple[BillLine, ...], currency: Currency) -> tuple[Debt, ...]:
    """The debts that a version makes, as they are stored."""
    return tuple(
        Debt(bill.group_id, bill.id, currency.code, one.debtor, one.creditor, one.amount_minor, version)
        for one in debts_of(lines)
    )


def answer_of(said: Said, currency: Currency) -> Answer:
    """What was said, as a value."""
    match said.answer:
        case "accepted":
            return Accepted()
        case "withdrawn":
            return Withdrawn()
        case "rejected":
            return Rejected(said.reason or "")
        case "proposed":
            return Proposed(split_of(json.loads(said.proposal or ""), currency), said.reason or "")


def said_from(
    bill: Bill, version: int, member: str, answer: Answer, at_s: int, *, is_carried_over: bool = False
) -> Said:
    """An answer as it is stored."""
    said = Said(bill.id, version, member, _KINDS[type(answer)], at_s, is_carried_over=is_carried_over)
    match answer:
        case Rejected(reason):
            return replace(said, reason=reason)
        case Proposed(split, reason):
            document = canonical(split_document(split)).decode("utf-8")
            return replace(said, reason=reason, proposal=document)
        case _:
            return said


def stored_state(standing: life.Standing) -> StoredState:
    """The state of a version, whatever becomes of its bill."""
    if standing.disputing:
        return "disputed"
    return "open" if standing.asked else "accepted"


_KINDS: Mapping[type[Answer], AnswerKind] = {
    Accepted: "accepted",
    Rejected: "rejected",
    Proposed: "proposed",
    Withdrawn: "withdrawn",
}
