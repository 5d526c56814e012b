"""What is asked for with bills of groups: written, agreed to and settled."""

import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.payments import with_examples
from chainwallet.api.schemas.splits import (
    Amounts,
    PeopleIds,
    PersonId,
    SignedText,
    SplitDocument,
    amounts_from,
    split_from,
)
from chainwallet.api.schemas.words import said, whole
from chainwallet.errors import BadValue
from chainwallet.rules.bill import MAX_REASON_CHARS, Answer, Rejected
from chainwallet.rules.itemised import Itemised, itemised_total
from chainwallet.rules.money import currency_of, parse_money
from chainwallet.rules.terms import MAX_NOTE_CHARS, MAX_TITLE_CHARS, Terms
from chainwallet.rules.terms_document import parse_date
from chainwallet.rules.text import clean_line, clean_note

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
        None,
        pattern=said(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a date such as 2026-11-27"),
        description="Left out: today, in UTC",
        examples=["2026-11-27"],
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


def reason_of(text: str | None, field: str = "reason") -> str | None:
    """A reason as it is kept. Raises ``BadValue`` of ``field``."""
    return None if text is None else clean_line(text, field, MAX_REASON_CHARS)
