"""Requests: who is asked for what, and how each part of it stands."""

from typing import Annotated, Literal, Self

from pydantic import Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import Amount, CurrencyText, ShownAmount
from chainwallet.api.schemas.payments import StageName, with_examples
from chainwallet.api.schemas.words import AddressText, TimeText, said
from chainwallet.payments import MAX_MEMO_CHARS
from chainwallet.requests import MOST_PARTS, Each, Equally, ShownPart, ShownPayment, ShownRequest, Wanted, Wish
from chainwallet.rules.handle import shown
from chainwallet.rules.promise import stage_name
from chainwallet.rules.request import PartStage
from chainwallet.rules.timestamp import time_of, time_text

IdText = Annotated[
    str, Field(pattern=r"^[!-~]{1,64}$", description="The id that the service gave it", examples=["3f1c0d5e9a7b2468"])
]
TokenText = Annotated[
    str,
    Field(
        pattern=r"^[!-~]{1,128}$",
        description="The token of the request's link",
        examples=["cwr_" + "Ab0-" * 10 + "Ab0"],
    ),
]
HandleText = Annotated[
    str,
    Field(
        pattern=said(r"^@?[A-Za-z0-9][A-Za-z0-9_-]{2,29}$", "a handle such as @ben: 3 to 30 letters, digits, - and _"),
        description="A handle such as @ben",
        examples=["@ben"],
    ),
]
NoteText = Annotated[
    str,
    Field(
        max_length=MAX_MEMO_CHARS,
        pattern=r"^[^\u0000]*$",
        description="What it is for. It stays here, and is never on the chain",
        examples=["pizza"],
    ),
]
Kind = Literal["by_me", "of_me"]

_TWENTY_EUROS = {"amount": "20.00", "currency": "EUR"}
_STAGES = (
    "asked: nobody pays it yet; paying: its payment is under way; paid: that is final; declined, canceled, expired: "
    "it is not to be paid any more"
)


class PartOrder(Document):
    """What one is asked for."""

    amount: Amount
    of: HandleText | None = Field(None, description="Who is asked. Left out: whoever has the link")
    name: str | None = Field(
        None, max_length=64, pattern=r"^[^\u0000]*$", description="What you call a part without a person"
    )
    once: bool = Field(True, description="false: each who has the link may pay it, once. Only without a person")

    def wanted(self) -> Wanted:
        """The part. Raises as ``Amount.money``."""
        return Wanted(self.of, self.amount.money(), self.name, self.once)


class RequestOrder(Document):
    """Money that is asked for: `amount` of all in `of` together in equal shares, or each of `parts` its own."""

    model_config = with_examples(
        {"amount": _TWENTY_EUROS, "of": ["@ben", "@cleo"], "note": "pizza"},
        {"parts": [{"of": "@ben", "amount": _TWENTY_EUROS}, {"amount": _TWENTY_EUROS, "name": "whoever comes"}]},
    )

    amount: Amount | None = Field(None, description="Of all together; the shares sum to it exactly")
    of: list[HandleText] | None = Field(None, min_length=1, max_length=MOST_PARTS)
    with_me: bool = Field(False, description="Whether one of the equal shares is your own, which nobody pays")
    parts: list[PartOrder] | None = Field(None, min_length=1, max_length=MOST_PARTS)
    note: NoteText | None = None
    deadline: TimeText | None = Field(None, description="Until then it may be paid")
    group: IdText | None = Field(None, description="A group of yours; then all who are asked are in it")

    def wish(self) -> Wish | None:
        """What is asked for; None where neither or both ways are used. Raises as ``Amount.money``, and ``BadValue``."""
        shares: Equally | Each
        match self:
            case RequestOrder(amount=Amount() as total, of=list(), parts=None):
                shares = Equally(total.money(), tuple(self.of or ()), self.with_me)
            case RequestOrder(amount=None, of=None, parts=list(), with_me=False):
                shares = Each(tuple(part.wanted() for part in self.parts or ()))
            case _:
                return None
        deadline_s = None if self.deadline is None else time_of(self.deadline, "deadline")
        return Wish(shares, self.note, deadline_s, self.group)


class PayOrder(Document):
    """From which wallet a part is paid."""

    payer: AddressText | None = Field(None, description="One of your wallets. Left out: your default one")


class DeclineOrder(Document):
    """Why a part is not paid."""

    model_config = with_examples({"reason": "I was not there"})

    reason: str = Field(min_length=1, max_length=MAX_MEMO_CHARS, pattern=r"^[^\u0000]*$")


class PartPaymentDocument(Document):
    """A payment of a part; its payer finds all else under its id."""

    id: str = Field(examples=["request:3f1c0d5e9a7b2468"])
    payer: str = Field(description="A handle", examples=["@ben"])
    stage: StageName

    @classmethod
    def of(cls, payment: ShownPayment) -> Self:
        """The document of ``payment``."""
        stage: StageName = stage_name(type(payment.promise.stage))  # type: ignore[assignment]  # pydantic checks it
        return cls(id=payment.promise.id, payer=shown(payment.payer), stage=stage)


class PartDocument(Document):
    """A part of a request and how it stands."""

    id: IdText
    of: str | None = Field(description="Who is asked; null: whoever has the link", examples=["@ben"])
    name: str | None = Field(description="What who asks calls a part without a person", examples=[None])
    amount: ShownAmount
    once: bool = Field(description="false: each who has the link may pay it, once")
    stage: PartStage = Field(description=_STAGES)
    reason: str | None = Field(description="Why it was declined", examples=[None])
    reminded_at: TimeText | None
    payments: list[PartPaymentDocument] = Field(description="Yours; all of them for who asks")
    eip681: str | None = Field(
        description="For wallets that know nothing of this service (EIP-681). What is paid by it comes in as a "
        "movement: nobody can tell that it was for this request, and the part stays open"
    )

    @classmethod
    def seen(cls, part: ShownPart) -> Self:
        """The document of ``part``."""
        row = part.part
        return cls(
            id=row.id,
            of=None if part.asked is None else shown(part.asked),
            name=row.name,
            amount=ShownAmount.of(part.amount),
            once=row.is_once,
            stage=part.stage,
            reason=row.reason,
            reminded_at=None if row.reminded_at_s is None else time_text(row.reminded_at_s),
            payments=[PartPaymentDocument.of(payment) for payment in part.payments],
            eip681=part.eip681,
        )


class RequestDocument(Document):
    """A request, as far as you may see it: all of your own, the part that you are asked for of another's."""

    id: IdText
    asker: str = Field(description="Who asks", examples=["@ana"])
    currency: CurrencyText
    total: ShownAmount = Field(description="Of the parts below that are paid once")
    paid: ShownAmount = Field(description="How much of that is paid, and final")
    note: str | None
    deadline: TimeText | None
    made_at: TimeText
    canceled_at: TimeText | None
    group: IdText | None
    parts: list[PartDocument]

    @classmethod
    def of(cls, found: ShownRequest) -> Self:
        """The document of ``found``."""
        request = found.request
        return cls(
            id=request.id,
            asker=shown(found.asker),
            currency=request.currency,
            total=ShownAmount.of(found.total),
            paid=ShownAmount.of(found.paid),
            note=request.note,
            deadline=None if request.deadline_s is None else time_text(request.deadline_s),
            made_at=time_text(request.made_at_s),
            canceled_at=None if request.canceled_at_s is None else time_text(request.canceled_at_s),
            group=request.group_id,
            parts=[PartDocument.seen(part) for part in found.parts],
        )


class MadeRequestDocument(Document):
    """A request of yours with its link, which is told this once."""

    request: RequestDocument
    link: str = Field(
        description="Whoever has it and an account here sees what they are asked for, and can pay it",
        examples=["https://wallet.example/v1/request-links/cwr_" + "Ab0-" * 10 + "Ab0"],
    )
    token: TokenText


class RequestPage(Document):
    """Requests, the newest first."""

    requests: list[RequestDocument]
    next_cursor: str | None = Field(description="Of the next page; null: this is the last")
