"""Bills of groups: written, agreed to and settled; and what follows from them."""

import datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.payments import PaymentDocument, with_examples
from chainwallet.api.schemas.splits import (
    Amounts,
    PeopleIds,
    PersonId,
    SignedText,
    SplitDocument,
    amounts_from,
    amounts_shown,
    split_from,
    split_shown,
)
from chainwallet.api.schemas.words import HashText, TimeText, whole
from chainwallet.bills import BillStory, SeenBill
from chainwallet.errors import BadValue
from chainwallet.rules.bill import MAX_REASON_CHARS, Answer, BillState, DebtState, Proposed, Rejected
from chainwallet.rules.itemised import Itemised, itemised_total
from chainwallet.rules.money import Money, currency_of, parse_money
from chainwallet.rules.terms import MAX_NOTE_CHARS, MAX_TITLE_CHARS, Terms
from chainwallet.rules.terms_document import parse_date
from chainwallet.rules.text import clean_line, clean_note
from chainwallet.rules.timestamp import time_text
from chainwallet.store.bills import Said, Version
from chainwallet.store.debts import Debt
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.members import Member

ReasonText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4 * MAX_REASON_CHARS,
        description=f"Why: up to {MAX_REASON_CHARS} characters on one line",
        examples=["I had no wine"],
    ),
]
NoteText = Annotated[
    str,
    Field(max_length=4 * MAX_NOTE_CHARS, description=f"Up to {MAX_NOTE_CHARS} characters", examples=["paid by card"]),
]
VersionNumber = Annotated[
    int,
    Field(ge=1, le=2**31 - 1, description="The current version, as you were shown it", examples=[1]),
    BeforeValidator(whole),
]
AnswerText = Literal["accepted", "rejected", "proposed", "withdrawn"]

_ANA, _BO, _CY = "3f1c0d5e9a7b2468", "a01b2c3d4e5f6071", "77c0ffee12345678"
_PAID_BY_ANA = [{"member": _ANA, "amount": "84.60"}]
_EQUAL = {"mode": "equal", "people": [_ANA, _BO, _CY]}
_ORDER = {"title": "Dinner", "currency": "EUR", "total": "84.60", "split": _EQUAL, "payers": _PAID_BY_ANA}
_MODES = (
    {"mode": "exact", "amounts": [{"member": _ANA, "amount": "50.00"}, {"member": _BO, "amount": "34.60"}]},
    {"mode": "percent", "percentages": [{"member": _ANA, "percent": "60"}, {"member": _BO, "percent": "40"}]},
    {"mode": "shares", "weights": [{"member": _ANA, "weight": "2"}, {"member": _BO, "weight": "1/2"}]},
    {"mode": "adjustments", "people": [_ANA, _BO], "amounts": [{"member": _BO, "amount": "-4.00"}]},
)
_ITEMISED = {
    "mode": "itemised",
    "items": [
        {"label": "Bacalhau", "price": "18.50", "people": [{"member": _ANA}, {"member": _BO}]},
        {"label": "Vinho verde", "price": "9.90", "quantity": 2, "people": [{"member": _CY}]},
    ],
    "tip": {"percent": "10"},
    "discount": {"amount": "3.00", "spread": "equal"},
}


_STATES = (
    "open: somebody whom it charges has not accepted yet; accepted: all have; disputed: somebody rejects it or "
    "proposes another split; deleted: it has a tombstone, which can be taken away"
)
_DEBT_STATES = "open; locked: in a plan under way; paying: a payment of it is under way; settled"


class BillOrder(Document):
    """A bill that is wanted, or its next version: who had what, and who paid it."""

    model_config = with_examples(
        _ORDER,
        *({**_ORDER, "split": split} for split in _MODES),
        {"title": "Jantar", "currency": "EUR", "split": _ITEMISED, "payers": [{"member": _BO, "amount": "39.13"}]},
    )

    title: str = Field(
        min_length=1,
        max_length=4 * MAX_TITLE_CHARS,
        description=f"Up to {MAX_TITLE_CHARS} characters on one line",
        examples=["Dinner"],
    )
    note: NoteText = ""
    date: str | None = Field(
        None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="Left out: today, in UTC", examples=["2026-11-27"]
    )
    currency: CurrencyText = Field(description="ISO 4217 code; one without a ledger here is never paid here")
    total: SignedText | None = Field(
        None, description="Below 0 for a refund or income. Left out: what items and extras come to"
    )
    split: SplitDocument
    payers: Amounts = Field(description="Who paid how much of it; the total together")

    def terms(self, today: datetime.date) -> Terms:
        """What it says. Raises ``BadValue``, ``TooPrecise`` and ``UnknownCurrency`` naming the field."""
        currency = currency_of(self.currency)
        split = split_from(self.split, currency)
        if self.total is not None:
            total = parse_money(self.total, currency, "total")
        elif isinstance(split, Itemised):
            total = itemised_total(split, currency)
        else:
            raise BadValue("total", "none", "a total, which only items can say")
        return Terms(
            title=clean_line(self.title, "title", MAX_TITLE_CHARS),
            note=clean_note(self.note, "note", MAX_NOTE_CHARS),
            date=today if self.date is None else parse_date(self.date, "date"),
            total=total,
            split=split,
            payers=amounts_from("payers", self.payers, currency),
        )


class BillChange(BillOrder):
    """The next version of a bill; what the current one says and this does not, is gone."""

    model_config = with_examples({**_ORDER, "title": "Supper", "version": 1})

    version: VersionNumber
    reason: ReasonText | None = None


class AtVersion(Document):
    """Which version is meant: what was amended meanwhile is refused."""

    model_config = with_examples({"version": 1})

    version: VersionNumber


class Rejection(AtVersion):
    """A rejection of a bill's current version."""

    model_config = with_examples({"version": 1, "reason": "I was not there"})

    reason: ReasonText

    def answer(self) -> Answer:
        """The rejection. Raises ``BadValue``."""
        return Rejected(clean_line(self.reason, "reason", MAX_REASON_CHARS))


class Proposal(AtVersion):
    """Another split of the same bill, which the member would accept."""

    model_config = with_examples({"version": 1, "split": _EQUAL, "reason": "I had no wine"})

    split: SplitDocument
    reason: ReasonText


class Adoption(AtVersion):
    """Whose proposal becomes the next version."""

    model_config = with_examples({"version": 1, "member": _BO})

    member: PersonId


class ReversalOrder(Document):
    """A reversal that is wanted."""

    model_config = with_examples({"note": "booked twice"})

    note: NoteText = ""

    def clean_note(self) -> str:
        """The note. Raises ``BadValue``."""
        return clean_note(self.note, "note", MAX_NOTE_CHARS)


class ElsewhereOrder(AtVersion):
    """Who paid you elsewhere, in cash or at a bank."""

    model_config = with_examples({"version": 1, "debtors": [_BO], "note": "cash"}, {"version": 1})

    debtors: PeopleIds = Field([], description="Members' ids. Empty: all who still owe you by this bill")
    note: ReasonText | None = None


class Person(Document):
    """A member by id and name."""

    id: str = Field(description="A member's id", examples=[_ANA])
    name: str = Field(examples=["@ana"])

    @classmethod
    def of(cls, member: Member) -> Self:
        """The document of ``member``."""
        return cls(id=member.id, name=member.name)


class LineDocument(Document):
    """Somebody's line of a bill."""

    member: Person
    share: SignedText
    paid: SignedText
    net: SignedText = Field(description="paid - share: what they are owed; below 0 what they owe")
    answer: AnswerText | None = Field(description="Their latest to this version. null: none, or not asked")
    reason: str | None = Field(examples=["I had no wine"])
    proposal: SplitDocument | None = Field(description="How they would divide it")
    carried_over: bool = Field(description="They accepted an earlier version by which they owed the same")


class DebtDocument(Document):
    """What a bill makes one member owe another."""

    debtor: Person
    creditor: Person
    amount: SignedText
    state: DebtState = Field(description=_DEBT_STATES)
    payments: list[str] = Field(description="The ids of the debtor's payments of it", examples=[["bill:b:m"]])
    plan: str | None = Field(description="The plan that has it, or cleared it", examples=[None])
    paid_elsewhere_at: TimeText | None = Field(description="When its creditor said so", examples=[None])
    paid_elsewhere_note: str | None = Field(examples=["cash"])


class BillDocument(Document):
    """A bill as it stands."""

    id: IdText
    version: int = Field(ge=1, examples=[1])
    hash: HashText = Field(description="Keccak-256 of the version's document (RFC 8785)")
    state: BillState = Field(description=_STATES)
    asks_me: bool = Field(description="You are charged and have not accepted")
    title: str = Field(examples=["Dinner"])
    note: str
    date: str = Field(examples=["2026-11-27"])
    currency: CurrencyText
    total: SignedText
    split: SplitDocument
    payers: Amounts
    lines: list[LineDocument]
    debts: list[DebtDocument]
    asked: list[Person] = Field(description="Who is charged and has not answered")
    reverses: IdText | None = Field(description="The bill that this one undoes", examples=[None])
    made_by: Person
    made_at: TimeText
    amended_by: Person | None = Field(
        description="Who made the current version. null: it is the first", examples=[None]
    )
    amended_at: TimeText | None = Field(examples=[None])
    deleted_at: TimeText | None = Field(examples=[None])

    @classmethod
    def of(cls, seen: SeenBill) -> Self:
        """The document of ``seen``."""
        record, people = seen.record, seen.people
        bill, version, terms = record.bill, record.version, record.terms
        amended = version.version > 1
        return cls(
            id=bill.id,
            version=bill.version,
            hash=version.hash,
            state=seen.standing.state,
            asks_me=seen.me.id in (*seen.standing.asked, *seen.standing.disputing) and not bill.is_deleted,
            title=terms.title,
            note=terms.note,
            date=terms.date.isoformat(),
            currency=terms.currency.code,
            total=terms.total.decimal,
            split=split_shown(terms.split),
            payers=amounts_shown(terms.payers),
            lines=_lines(seen),
            debts=[_debt(seen, debt) for debt in record.debts],
            asked=[Person.of(people[member]) for member in seen.standing.asked],
            reverses=bill.reverses,
            made_by=Person.of(people[bill.created_by]),
            made_at=time_text(bill.created_at_s),
            amended_by=Person.of(people[version.made_by]) if amended else None,
            amended_at=time_text(version.made_at_s) if amended else None,
            deleted_at=None if bill.deleted_at_s is None else time_text(bill.deleted_at_s),
        )


class VersionDocument(Document):
    """A version of a bill, for good."""

    version: int = Field(ge=1, examples=[1])
    hash: HashText
    document: str = Field(description="What it says as RFC 8785 writes it; its Keccak-256 is the hash")
    made_by: Person
    made_at: TimeText
    reason: str | None = Field(examples=[None])


class SaidDocument(Document):
    """What somebody said to a version."""

    at: TimeText
    version: int = Field(ge=1, examples=[1])
    member: Person
    answer: AnswerText
    reason: str | None = Field(examples=["I had no wine"])
    carried_over: bool


class DoneDocument(Document):
    """Something that was done with a bill."""

    at: TimeText
    kind: str = Field(examples=["bill.added"])
    words: str = Field(examples=["@ana added Dinner, 84.60 EUR"])


class BillStoryDocument(BillDocument):
    """A bill, and all that ever became of it."""

    versions: list[VersionDocument]
    answers: list[SaidDocument] = Field(description="To all versions, in the order in which they were given")
    reversals: list[IdText] = Field(description="Bills that undo this one")
    activity: list[DoneDocument]

    @classmethod
    def told(cls, story: BillStory) -> Self:
        """The document of ``story``."""
        people = story.seen.people
        document = BillDocument.of(story.seen)
        return cls(
            **{name: getattr(document, name) for name in BillDocument.model_fields},
            versions=[_version(one, people[one.made_by]) for one in story.versions],
            answers=[_said(one, people[one.member_id]) for one in story.said],
            reversals=[one.id for one in story.reversals],
            activity=[_done(one) for one in story.events],
        )


class BillPage(Document):
    """Bills, the newest first."""

    bills: list[BillDocument]
    next_cursor: str | None = Field(description="Of the next page; null: this is the last")


class AcceptedBills(Document):
    """The bills that were accepted."""

    bills: list[BillDocument]


class SharePayments(Document):
    """The payments of what you owe by a bill: one for each creditor."""

    payments: list[PaymentDocument]


def reason_of(text: str | None, field: str = "reason") -> str | None:
    """A reason as it is kept. Raises ``BadValue`` of ``field``."""
    return None if text is None else clean_line(text, field, MAX_REASON_CHARS)


def _lines(seen: SeenBill) -> list[LineDocument]:
    record = seen.record
    found = []
    for line in record.lines:
        said, answer = record.said.get(line.person), record.answers.get(line.person)
        proposal = split_shown(answer.split) if isinstance(answer, Proposed) else None
        found.append(
            LineDocument(
                member=Person.of(seen.people[line.person]),
                share=line.share.decimal,
                paid=line.paid.decimal,
                net=line.net.decimal,
                answer=said.answer if said else None,
                reason=said.reason if said else None,
                proposal=proposal,
                carried_over=said.is_carried_over if said else False,
            )
        )
    return found


def _debt(seen: SeenBill, debt: Debt) -> DebtDocument:
    elsewhere = seen.elsewhere.get(debt.id)
    return DebtDocument(
        debtor=Person.of(seen.people[debt.debtor]),
        creditor=Person.of(seen.people[debt.creditor]),
        amount=_decimal(seen, debt),
        state=debt.state,
        payments=[one.id for one in seen.payments.get(debt.id, ())],
        plan=seen.plans.get(debt.id),
        paid_elsewhere_at=None if elsewhere is None else time_text(elsewhere.at_s),
        paid_elsewhere_note=None if elsewhere is None else elsewhere.note,
    )


def _decimal(seen: SeenBill, debt: Debt) -> str:
    return Money(debt.amount_minor, seen.record.currency).decimal


def _version(version: Version, by: Member) -> VersionDocument:
    return VersionDocument(
        version=version.version,
        hash=version.hash,
        document=version.document,
        made_by=Person.of(by),
        made_at=time_text(version.made_at_s),
        reason=version.reason,
    )


def _said(said: Said, by: Member) -> SaidDocument:
    return SaidDocument(
        at=time_text(said.at_s),
        version=said.version,
        member=Person.of(by),
        answer=said.answer,
        reason=said.reason,
        carried_over=said.is_carried_over,
    )


def _done(event: GroupEvent) -> DoneDocument:
    return DoneDocument(at=time_text(event.at_s), kind=event.kind, words=event.words)
