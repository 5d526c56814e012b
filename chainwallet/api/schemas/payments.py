"""Payments and quotes: what a payer asks for, and how it stands."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import Amount, ShownAmount
from chainwallet.api.schemas.words import SIGNATURE, AddressText, HashText, TimeText, said
from chainwallet.evm import Address, checksum, to_hex
from chainwallet.payments import MAX_MEMO_CHARS
from chainwallet.rules.handle import Handle, shown
from chainwallet.rules.promise import Executed, Final, Stage, stage_name
from chainwallet.rules.quote import Quote
from chainwallet.rules.timestamp import time_text
from chainwallet.store.happenings import Happened
from chainwallet.store.promises import Promise

PaymentId = Annotated[
    str,
    Field(
        pattern=said(
            r"^[A-Za-z0-9][A-Za-z0-9._~:+-]{0,99}$",
            "an id: 1 to 100 letters, digits and . _ ~ : + -, a letter or digit first",
        ),
        description="Your own id: the same id again is the same payment",
        examples=["order-4711"],
    ),
]
NamedText = Annotated[
    str,
    Field(
        pattern=said(r"^(0x[0-9a-fA-F]{40}|@?[A-Za-z0-9][A-Za-z0-9_-]{2,29})$", "a handle such as @ben, or an address"),
        description="A handle such as @ben, or an address; @issuer is whom one pays to withdraw",
        examples=["@ben"],
    ),
]
MemoText = Annotated[
    str,
    Field(
        max_length=MAX_MEMO_CHARS,
        pattern=r"^[^\u0000]*$",
        description="What it is for. It stays here, and is never on the chain",
        examples=["two tickets"],
    ),
]
SignatureText = Annotated[
    str,
    Field(
        pattern=SIGNATURE,
        description="65 bytes r||s||v (eth_signTypedData_v4), by the payer's key over the document that was given",
        examples=["0x" + "1b" * 65],
    ),
]
WeiText = Annotated[str, Field(pattern=r"^[0-9]{1,40}$", description="Wei, in quotes", examples=["91000000000"])]
StageName = Literal["offered", "queued", "carried", "canceling", "executed", "final", "canceled", "expired"]

_TWELVE_EUROS = {"amount": "12.40", "currency": "EUR"}
_STAGES = (
    "offered: waits for the payer's signature; queued: waits for a transaction; carried: in a transaction of ours; "
    "canceling: the cancel is on its way; executed: paid, confirmations are missing; final: paid; canceled, expired: "
    "ended, not paid"
)


def with_examples(*bodies: dict[str, Any]) -> ConfigDict:
    """What a body's class says as ``model_config``: bodies that are good."""
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


class TypedData(Document):
    """A document to sign (EIP-712), as ``eth_signTypedData_v4`` takes it."""

    primary_type: str = Field(alias="primaryType", examples=["Payment"])
    types: dict[str, Any]
    domain: dict[str, Any]
    message: dict[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> "TypedData | None":
        """The document; None where there is none to sign."""
        return None if document is None else cls(**document)


class Party(Document):
    """Who pays or is paid."""

    address: AddressText
    handle: str | None = Field(description="null: an address of nobody here", examples=["@ben"])

    @classmethod
    def of(cls, address: Address, handles: Mapping[Address, str]) -> Self:
        """The party at ``address``."""
        return cls(address=checksum(address), handle=shown(Handle(handles[address])) if address in handles else None)


class Execution(Document):
    """Where the chain carried it out."""

    transaction: HashText
    block: int = Field(ge=0, examples=[1204])


class PaymentOrder(Document):
    """A payment that is asked for."""

    model_config = with_examples(
        {"id": "order-4711", "payee": "@ben", "amount": _TWELVE_EUROS, "memo": "two tickets"},
        {"id": "order-4712", "payee": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "amount": _TWELVE_EUROS},
    )

    id: PaymentId
    payee: NamedText
    amount: Amount
    memo: MemoText | None = None
    payer: AddressText | None = Field(None, description="One of your wallets. Left out: your default one")


class SignatureOffer(Document):
    """The payer's signature over the document that was given."""

    signature: SignatureText


class CancelOrder(Document):
    """A cancel; the signature is asked for where the payer's key is not kept here."""

    signature: SignatureText | None = None


class PaymentDocument(Document):
    """A payment and how it stands."""

    id: str = Field(examples=["order-4711"])
    payer: Party
    payee: Party
    amount: ShownAmount
    memo: str | None = Field(examples=["two tickets"])
    stage: StageName = Field(description=_STAGES)
    waits: str = Field(description="What it waits for now; empty where it waits for nothing", examples=["1 of 5 ..."])
    reason: str = Field(description="Why it came back to the queue, or ended unpaid; else empty", examples=[""])
    nonce: str = Field(
        pattern=r"^[0-9]{1,78}$", description="The payer's, for the payment's whole life", examples=["7"]
    )
    payment_ref: HashText = Field(description="Its reference on the chain, which anybody who knows the id can compute")
    valid_before: TimeText | None = Field(description="Until then the document is good; null: found on the chain")
    made_at: TimeText
    execution: Execution | None
    to_sign: TypedData | None = Field(description="What the payer is to sign, where the payer's key is not kept here")

    @classmethod
    def of(
        cls,
        promise: Promise,
        waits: str,
        amount: ShownAmount,
        handles: Mapping[Address, str],
        to_sign: Mapping[str, Any] | None = None,
    ) -> Self:
        """The document of ``promise``, a payment."""
        assert promise.payee is not None  # noqa: S101 - it is a payment
        return cls(
            id=promise.id,
            payer=Party.of(promise.payer, handles),
            payee=Party.of(promise.payee, handles),
            amount=amount,
            memo=promise.memo,
            stage=stage_name(type(promise.stage)),  # type: ignore[arg-type]  # pydantic checks it
            waits=waits,
            reason=promise.reason,
            nonce=str(promise.nonce),
            payment_ref=to_hex(promise.ref),
            valid_before=time_text(promise.valid_before) if promise.valid_before else None,
            made_at=time_text(promise.created_at_s),
            execution=execution_of(promise.stage),
            to_sign=TypedData.of(to_sign),
        )


class StoryLine(Document):
    """Something that happened to it."""

    at: TimeText
    event: str = Field(examples=["WasSigned"])
    words: str = Field(examples=["signed by the payer; waits for a transaction"])


class PaymentStory(PaymentDocument):
    """A payment, how it stands and how it came there."""

    story: list[StoryLine]

    @classmethod
    def told(cls, document: PaymentDocument, story: tuple[Happened, ...]) -> Self:
        """``document`` with its ``story``."""
        lines = [StoryLine(at=time_text(one.at_s), event=one.name, words=one.words) for one in story]
        return cls(**vars(document), story=lines)


class PaymentPage(Document):
    """Payments, the newest first."""

    payments: list[PaymentDocument]
    next_cursor: str | None = Field(description="Of the next page; null: this is the last")


class CancelDocument(Document):
    """A payment that is to be cancelled, and what is to be signed for that where the payer's key is not kept here."""

    payment: PaymentDocument
    to_sign: TypedData | None = Field(description="null: nothing is to be signed")


class QuoteOrder(Document):
    """A payment that may be asked for."""

    model_config = with_examples({"payee": "@ben", "amount": _TWELVE_EUROS})

    payee: NamedText
    amount: Amount
    payer: AddressText | None = Field(None, description="One of your wallets. Left out: your default one")


class RelayerCost(Document):
    """What carrying the payment costs the relayer, in wei; no rate to other money is known here."""

    gas: int = Field(ge=0, description="One payment's share of a transaction", examples=[31200])
    gas_at_most: int = Field(ge=0, description="The most that one payment may use", examples=[100000])
    basis: Literal["measured", "limit"] = Field(
        description="measured: on the latest payments; limit: nothing was carried yet, the most that one alone may use"
    )
    fee_per_gas_wei: WeiText
    cost_wei: WeiText
    paid_by: Literal["service"] = "service"


class QuoteDocument(Document):
    """What a payment costs."""

    payee: NamedText
    amount: ShownAmount
    service_fee: ShownAmount = Field(
        description="On top of the amount. It is 0: what the payer signs names no fee, and nothing unsigned is taken"
    )
    service_fee_paid_by: Literal["payer"] = "payer"
    total: ShownAmount = Field(description="What leaves the payer's account")
    relayer_cost: RelayerCost
    good_until: TimeText = Field(description="Until then the service fee is this one; the relayer's cost may change")

    @classmethod
    def of(cls, payee: str, quote: Quote) -> Self:
        """The document of ``quote``."""
        cost = quote.relayer
        return cls(
            payee=payee,
            amount=ShownAmount.of(quote.amount),
            service_fee=ShownAmount.of(quote.service_fee),
            total=ShownAmount.of(quote.total),
            relayer_cost=RelayerCost(
                gas=cost.gas,
                gas_at_most=cost.gas_at_most,
                basis=cost.basis,
                fee_per_gas_wei=str(cost.fee_per_gas_wei),
                cost_wei=str(cost.cost_wei),
            ),
            good_until=time_text(quote.good_until_s),
        )


def execution_of(stage: Stage) -> Execution | None:
    """Where it was carried out; None where it was not."""
    if not isinstance(stage, Executed | Final):
        return None
    return Execution(transaction=to_hex(stage.execution.tx), block=stage.execution.block)
