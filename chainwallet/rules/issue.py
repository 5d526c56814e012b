"""Money entering and leaving: how a top-up and a withdrawal stand, decided from what is known and from nothing else.

No stage of theirs is stored: it follows from the facts, the submission of the issuer's call, and for a withdrawal from
the payment before it. The facts alone say that money was made or burned; the submission says how far we have come.
"""

import re
from dataclasses import dataclass
from typing import assert_never

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, checksum, to_hex
from chainwallet.rules import promise, submission

MAX_REFERENCE_CHARS = 90  # ISO 20022 has 35; a payment's id of 100 holds one with `payback:` before it
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+-]{0,89}", re.ASCII)


def checked_reference(reference: str, field: str = "reference") -> str:
    """``reference``; raises ``BadValue`` for one that could not be told apart by eye or written in an address."""
    if not _REFERENCE.fullmatch(reference):
        expected = f"1 to {MAX_REFERENCE_CHARS} of the letters A to Z, digits and . _ ~ : + -, a letter or digit first"
        raise BadValue(field, reference, expected)
    return reference


def mint_key(contract: Address, ref: Hash32) -> str:
    """The key of the submission that mints under the bank's ``ref``: there is one at most, whoever asks for it."""
    return f"mint:{checksum(contract)}:{to_hex(ref)}"


def burn_key(contract: Address, ref: Hash32) -> str:
    """The key of the submission that burns under the bank's ``ref``."""
    return f"burn:{checksum(contract)}:{to_hex(ref)}"


def payback_id(reference: str) -> str:
    """The id of the issuer's payment that gives a withdrawal's money back: the same however often it is asked for."""
    return f"payback:{reference}"


@dataclass(frozen=True)
class Call:
    """The issuer's call on the chain: the stage of its submission, and what that waits for; None: not made yet."""

    stage: submission.Stage
    waits: str = ""


@dataclass(frozen=True)
class Done:
    """The fact of a mint or burn under the bank's reference, and whether it is as deep as was asked for."""

    tx: Hash32
    block: BlockNumber
    is_final: bool


# ------------------------------------------------------------------------------------------------ stages


@dataclass(frozen=True)
class AwaitsPayment:
    """Of a withdrawal: the payment to the issuer is not final yet."""

    waits: str


@dataclass(frozen=True)
class NotPaid:
    """Of a withdrawal: the payment ended without being paid. Nothing is burned, and nobody lost anything."""

    reason: str


@dataclass(frozen=True)
class UnderWay:
    """The issuer's call is on its way to the chain, or is about to be made."""

    waits: str


@dataclass(frozen=True)
class Executed:
    """On the chain; confirmations are missing."""

    done: Done


@dataclass(frozen=True)
class Final:
    """On the chain, as deep as was asked for."""

    done: Done


@dataclass(frozen=True)
class Refused:
    """The chain refused the issuer's call: it had no effect, and of a withdrawal the issuer holds the money.

    The same request tries again; a withdrawal's money can be given back instead.
    """

    reason: str


@dataclass(frozen=True)
class Returning:
    """Of a withdrawal: the burn was refused and given up; the issuer's payment back is on its way."""

    payment_id: str
    waits: str


@dataclass(frozen=True)
class Returned:
    """Of a withdrawal: the issuer's payment back is final."""

    payment_id: str


Stage = AwaitsPayment | NotPaid | UnderWay | Executed | Final | Refused | Returning | Returned

STAGES: dict[type[Stage], str] = {
    AwaitsPayment: "awaits_payment",
    NotPaid: "not_paid",
    UnderWay: "under_way",
    Executed: "executed",
    Final: "final",
    Refused: "refused",
    Returning: "returning",
    Returned: "returned",
}
"""What a stage is called to the world."""


def waits_of(stage: Stage) -> str:
    """What it waits for; empty where it waits for nothing."""
    match stage:
        case AwaitsPayment(waits) | UnderWay(waits) | Returning(_, waits):
            return waits
        case Executed():
            return "waits for confirmations"
        case NotPaid() | Final() | Refused() | Returned():
            return ""
    assert_never(stage)


def reason_of(stage: Stage) -> str:
    """Why it was refused, or the payment ended unpaid; else empty."""
    match stage:
        case NotPaid(reason) | Refused(reason):
            return reason
        case AwaitsPayment() | UnderWay() | Executed() | Final() | Returning() | Returned():
            return ""
    assert_never(stage)


def topup_stage(call: Call | None, done: Done | None) -> Stage:
    """How a top-up stands.

    | fact | the mint's submission | stage |
    |---|---|---|
    | final | any | Final |
    | not final | any | Executed |
    | none | failed or in conflict | Refused |
    | none | any other, or none | UnderWay |
    """
    if done is not None:
        return Final(done) if done.is_final else Executed(done)
    if call is None:
        return UnderWay("waits to be carried")
    match call.stage:
        case submission.Failed(_, reason) | submission.Conflict(reason):
            return Refused(reason)
        case submission.Queued():
            return UnderWay(call.waits or "waits for the relayer")
        case submission.Signed() | submission.Sent():
            return UnderWay(call.waits or "waits to be mined")
        case submission.Mined() | submission.Final():
            return UnderWay(call.waits or "mined; waits until the verified history has its block")
    assert_never(call.stage)


@dataclass(frozen=True)
class Return:
    """The issuer's payment back to the customer, by its id; its stage is None until it is accepted."""

    payment_id: str
    stage: promise.Stage | None
    waits: str = ""


def withdrawal_stage(
    payment: promise.Stage, payment_reason: str, call: Call | None, done: Done | None, given_back: Return | None
) -> Stage:
    """How a withdrawal stands.

    | burned, by the facts | given back | the burn's submission | the customer's payment | stage |
    |---|---|---|---|---|
    | yes | - | - | - | Executed, Final when it is deep enough |
    | no | the payment back is final | - | - | Returned |
    | no | any other stage of it | - | - | Returning |
    | no | no | there is one | - | as a top-up's: UnderWay or Refused |
    | no | no | none | final | UnderWay: the worker's next tick burns |
    | no | no | none | cancelled or expired | NotPaid |
    | no | no | none | any other | AwaitsPayment |
    """
    if done is not None:
        return topup_stage(call, done)
    if given_back is not None:
        if isinstance(given_back.stage, promise.Final):
            return Returned(given_back.payment_id)
        return Returning(given_back.payment_id, given_back.waits)
    if call is not None:
        return topup_stage(call, None)
    match payment:
        case promise.Final():
            return UnderWay("the payment is final; waits to be burned")
        case promise.Canceled() | promise.Expired():
            return NotPaid(payment_reason)
        case promise.Executed():
            return AwaitsPayment("the payment to the issuer is on the chain; waits for its confirmations")
        case promise.Offered() | promise.Queued() | promise.Carried() | promise.Canceling():
            return AwaitsPayment("waits until the payment to the issuer is final")
    assert_never(payment)
