"""Bills of groups as they are told: with everybody's line, their debts, and all that ever became of them."""

from typing import Literal, Self

from pydantic import Field

from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.payments import PaymentDocument
from chainwallet.api.schemas.splits import Amounts, SignedText, SplitDocument, amounts_shown, split_shown
from chainwallet.api.schemas.words import HashText, TimeText
from chainwallet.bills import BillStory, SeenBill
from chainwallet.rules.bill import BillState, DebtState, Proposed
from chainwallet.rules.money import Money
from chainwallet.rules.timestamp import time_text
from chainwallet.store.bills import Said, Version
from chainwallet.store.debts import Debt
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.members import Member

AnswerText = Literal["accepted", "rejected", "proposed", "withdrawn"]

_ANA = "3f1c0d5e9a7b2468"
_STATES = (
    "open: somebody whom it charges has not accepted yet; accepted: all have; disputed: somebody rejects it or "
    "proposes another split; deleted: it has a tombstone, which can be taken away"
)
_DEBT_STATES = "open; locked: in a plan under way; paying: a payment of it is under way; settled"


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
