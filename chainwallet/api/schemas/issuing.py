"""Top-ups and withdrawals: money that enters and leaves against a bank's reference."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import Amount, ShownAmount
from chainwallet.api.schemas.payments import Execution, NamedText, Party, PaymentId, StageName, with_examples
from chainwallet.api.schemas.words import HashText, TimeText, said
from chainwallet.evm import Address, to_hex
from chainwallet.issuing import ShownTopUp, ShownWithdrawal
from chainwallet.rules import handle, issue
from chainwallet.rules.handle import Handle
from chainwallet.rules.issue import STAGES, Stage
from chainwallet.rules.promise import stage_name
from chainwallet.rules.timestamp import time_text

ReferenceText = Annotated[
    str,
    Field(
        pattern=said(
            r"^[A-Za-z0-9][A-Za-z0-9._~:+-]{0,89}$",
            "a reference: 1 to 90 letters, digits and . _ ~ : + -, a letter or digit first",
        ),
        description="The bank's reference; the chain accepts each once",
        examples=["RF18-5390-0754"],
    ),
]
_HUNDRED_EUROS = {"amount": "100.00", "currency": "EUR"}
TopUpStage = Literal["under_way", "executed", "final", "refused"]
WithdrawalStage = Literal[
    "awaits_payment", "not_paid", "under_way", "executed", "final", "refused", "returning", "returned"
]


class TopUpOrder(Document):
    """Money for somebody, against money that the bank received."""

    model_config = with_examples({"reference": "RF18-5390-0754", "payee": "@ana", "amount": _HUNDRED_EUROS})

    reference: ReferenceText
    payee: NamedText
    amount: Amount


class WithdrawalOrder(Document):
    """A payment to the issuer that the bank paid out, to be burned."""

    model_config = with_examples(
        {"reference": "OUT-2026-0754", "payer": "@ana", "payment": "order-4713", "amount": _HUNDRED_EUROS}
    )

    reference: ReferenceText
    payer: NamedText
    payment: PaymentId
    amount: Amount


class TopUpDocument(Document):
    """A top-up and how it stands."""

    reference: str
    bank_ref: HashText = Field(description="What the chain accepts once of the reference")
    payee: Party
    amount: ShownAmount
    stage: TopUpStage = Field(
        description="under_way: the worker carries it; executed: on the chain, confirmations are missing; final; "
        "refused: without effect, the same request tries again"
    )
    waits: str = Field(description="What it waits for now; empty where it waits for nothing")
    reason: str = Field(description="Why the chain refused it; else empty")
    execution: Execution | None
    asked_by: str = Field(examples=["@iris"])
    asked_at: TimeText

    @classmethod
    def of(cls, shown: ShownTopUp, handles: Mapping[Address, str]) -> Self:
        """The document of a top-up."""
        topup = shown.topup
        return cls(
            reference=topup.reference,
            bank_ref=to_hex(topup.ref),
            payee=Party.of(topup.payee, handles),
            amount=ShownAmount.of(shown.amount),
            asked_by=handle.shown(Handle(topup.asked_by)),
            asked_at=time_text(topup.created_at_s),
            **_standing(shown.stage),
        )


class WithdrawnPayment(Document):
    """The customer's payment to the issuer."""

    id: str
    payer: Party
    stage: StageName


class WithdrawalDocument(Document):
    """A withdrawal and how it stands."""

    reference: str
    bank_ref: HashText = Field(description="What the chain accepts once of the reference")
    payment: WithdrawnPayment
    amount: ShownAmount
    stage: WithdrawalStage = Field(
        description="awaits_payment: nothing is burned before the payment is final; not_paid: it ended unpaid, nothing "
        "is burned; under_way: the worker burns; executed: burned, confirmations are missing; final; refused: the "
        "issuer holds the money, the same request tries again; returning, returned: the issuer pays it back"
    )
    waits: str = Field(description="What it waits for now; empty where it waits for nothing")
    reason: str = Field(description="Why it was refused, or the payment ended unpaid; else empty")
    execution: Execution | None = Field(description="The burn")
    payback: str | None = Field(description="The id of the issuer's payment back", examples=[None])
    asked_by: str = Field(examples=["@iris"])
    asked_at: TimeText

    @classmethod
    def of(cls, shown: ShownWithdrawal, handles: Mapping[Address, str]) -> Self:
        """The document of a withdrawal."""
        withdrawal, payment = shown.withdrawal, shown.payment
        is_back = isinstance(shown.stage, issue.Returning | issue.Returned)
        return cls(
            reference=withdrawal.reference,
            bank_ref=to_hex(withdrawal.ref),
            payment=WithdrawnPayment(
                id=payment.id,
                payer=Party.of(payment.payer, handles),
                stage=stage_name(type(payment.stage)),  # type: ignore[arg-type]  # pydantic checks it
            ),
            amount=ShownAmount.of(shown.amount),
            payback=issue.payback_id(withdrawal.reference) if is_back else None,
            asked_by=handle.shown(Handle(withdrawal.asked_by)),
            asked_at=time_text(withdrawal.created_at_s),
            **_standing(shown.stage),
        )


def _standing(stage: Stage) -> dict[str, Any]:
    done = stage.done if isinstance(stage, issue.Executed | issue.Final) else None
    return {
        "stage": STAGES[type(stage)],
        "waits": issue.waits_of(stage),
        "reason": issue.reason_of(stage),
        "execution": None if done is None else Execution(transaction=to_hex(done.tx), block=done.block),
    }
