"""Every error this client raises, as one tree. The first level answers: did the service say no, or nothing?

ClientError
|-- Unreachable        no answer, however often it was asked; what was asked for may have been done
|-- BadAnswer          an answer that is none of this service's
|-- StillWaiting       a payment that was waited for in vain; it goes on
|-- EndedUnpaid        a payment that will never be paid
`-- Problem            the service's own problem details (RFC 9457); one class for each type, called as it
    |-- Refusal            what was asked for; nothing was changed
    `-- Trouble            the service, its database, its chain; asking again under the same id is safe
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from chainwallet.client.payments import Payment


class ClientError(Exception):
    """Base of all errors of this client; ``str()`` of each is one line for a person."""


class Unreachable(ClientError):
    """The service at ``url`` did not answer; ``reason`` is the last thing that went wrong."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}")
        self.url = url
        self.reason = reason


class BadAnswer(ClientError):
    """What answered is not this service, or one of another version."""

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(f"the answer has {what}, expected {expected}")
        self.what = what
        self.expected = expected


class StillWaiting(ClientError):
    """``payment`` was not ``wanted`` in time. It is under way: wait again, or ask for it later."""

    def __init__(self, payment: "Payment", wanted: str) -> None:
        super().__init__(f"payment {payment.id} is {payment.stage}, not {wanted}: {payment.waits or 'no reason given'}")
        self.payment = payment
        self.wanted = wanted


class EndedUnpaid(ClientError):
    """The chain proves that ``payment`` will never be carried out."""

    def __init__(self, payment: "Payment") -> None:
        super().__init__(f"payment {payment.id} ended {payment.stage}: {payment.reason or 'no reason given'}")
        self.payment = payment


class Problem(ClientError):
    """What the service answered in place of what was asked for.

    ``members`` is the whole document: where a field was refused it has ``field``, ``limit`` and ``value``.
    ``retry_after_s`` is how long the service asks to wait; None where it does not say.
    """

    slug: ClassVar[str] = ""
    """The last part of the problem's type; each has a page, ``/problems/<slug>``."""
    is_passing: ClassVar[bool] = False
    """Whether the same request may do better in a moment, without anybody's help."""

    def __init__(self, status: int, members: Mapping[str, Any], retry_after_s: int | None = None) -> None:
        self.status = status
        self.members = members
        self.title = str(members.get("title", "no title"))
        self.detail = str(members.get("detail", ""))
        self.request_id = members.get("request_id")
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.title}: {self.detail}" if self.detail else self.title)

    def __init_subclass__(cls, *, branch: bool = False, is_passing: bool | None = None) -> None:
        if is_passing is not None:
            cls.is_passing = is_passing
        if not branch:
            cls.slug = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
            PROBLEMS[cls.slug] = cls


PROBLEMS: dict[str, type[Problem]] = {}
"""Of each type's slug its class; a type that is not here is a ``Refusal`` or a ``Trouble``."""


class Refusal(Problem, branch=True):
    """The request was refused and changed nothing."""


class Trouble(Problem, branch=True, is_passing=True):
    """The service could not do it now."""


# ------------------------------------------------------------------------------------------------ the request itself


class BrokenJson(Refusal):
    """The body is not JSON."""


class BrokenRequest(Refusal):
    """The request is not HTTP as it must be."""


class NoSuchRoute(Refusal):
    """There is nothing here."""


class MethodNotAllowed(Refusal):
    """The path does not take this method."""


class BodyTooSlow(Refusal, is_passing=True):
    """The body did not come in time."""


class BodyTooLarge(Refusal):
    """The body has more bytes than the service reads."""


class NotJson(Refusal):
    """The body is of another type."""


class InvalidRequest(Refusal):
    """A field or parameter is not as it must be; ``members["errors"]`` has all of them."""


class TooManyRequests(Refusal, is_passing=True):
    """Asked more often than the service allows."""


# ------------------------------------------------------------------------------------------------ who asks


class NotSignedIn(Refusal):
    """No token, or one that is unknown, expired or revoked."""


class NotAllowed(Refusal):
    """The token's scopes do not allow this."""


class WrongPassword(Refusal):
    """Handle and password do not belong together."""


class TooManyTries(Refusal):
    """Tried too often to sign in: each try counts, so this is never asked again by itself."""


class ClosedToStrangers(Refusal):
    """Too many wrong passwords for a handle; good where its owner signed in before."""


# ------------------------------------------------------------------------------------------------ what was asked


class Refused(Refusal):
    """Understood and refused."""


class InvalidValue(Refusal):
    """A field has a value outside its limits."""


class UnknownCurrency(Refusal):
    """Not an ISO 4217 currency with minor units."""


class CurrencyMismatch(Refusal):
    """Two currencies in one sum."""


class TooPrecise(Refusal):
    """More decimals than the currency has."""


class InsufficientFunds(Refusal):
    """Less available than is needed."""


class QuotaExceeded(Refusal):
    """More than the issuer may make now."""


class TooLate(Refusal):
    """It has happened already."""


class Expired(Refusal):
    """The document's time is over."""


class NotPaid(Refusal):
    """The payment ended unpaid."""


class NotYetPaid(Refusal):
    """The payment is not paid yet."""


class BadSignature(Refusal):
    """The signature is somebody else's, or over something else."""


class WrongPassphrase(Refusal):
    """The passphrase does not open it."""


class NotFound(Refusal):
    """There is no such thing, or it is another account's."""


class AlreadyExists(Refusal):
    """The name is taken, or the thing was made before."""


class KeyReused(Refusal):
    """The Idempotency-Key came before with another request."""


class StaleVersion(Refusal):
    """The bill was amended since the version that was named; ``members`` has the current one."""


class BillDisputed(Refusal):
    """Somebody disputes the bill: until that is resolved it is neither paid nor cleared."""


class BillLocked(Refusal):
    """Debts of the bill are in a plan or a payment that is under way."""


class BillSettled(Refusal):
    """Debts of the bill are settled; a reversal bill corrects it."""


class MustStay(Refusal):
    """Who would leave a group cannot yet: they owe or are owed, are part of a plan under way, or own the group."""


# ------------------------------------------------------------------------------------------------ the service


class InternalError(Trouble, is_passing=False):
    """The service met something that it was not made for."""


class NodeTrouble(Trouble):
    """The chain cannot be asked now."""


class HistoryBehind(Trouble):
    """The history is being verified."""


class FeesTooHigh(Trouble):
    """The chain is too expensive now."""


class StoreTrouble(Trouble):
    """The database cannot be asked now."""


class KeyServiceTrouble(Trouble):
    """The key service cannot be asked now."""


class Recovering(Trouble):
    """The service is recovering, and signs nothing until it has."""


class ChainMismatch(Trouble, is_passing=False):
    """The chain is another than it was; a person must look."""


class InstallationTrouble(Trouble, is_passing=False):
    """Something of the installation is missing; a person must look."""


def problem_of(status: int, members: Mapping[str, Any], retry_after_s: int | None = None) -> Problem:
    """The error of an answer with this document."""
    slug = str(members.get("type", "")).rpartition("/")[2]
    usual = Trouble if status >= 500 else Refusal
    return PROBLEMS.get(slug, usual)(status, members, retry_after_s)
