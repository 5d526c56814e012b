"""Money in and out against a bank's reference, for the issuer's people."""

from dataclasses import dataclass
from datetime import datetime

from chainwallet.client.documents import Amount
from chainwallet.client.history import Party
from chainwallet.client.payments import Execution


@dataclass(frozen=True)
class TopUp:
    """A top-up and how it stands: ``stage`` is under_way, executed, final or refused."""

    reference: str
    bank_ref: str
    payee: Party
    amount: Amount
    stage: str
    waits: str
    reason: str
    execution: Execution | None
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True)
class WithdrawnPayment:
    """The customer's payment to the issuer."""

    id: str
    payer: Party
    stage: str


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal and how it stands.

    ``stage`` is awaits_payment, not_paid, under_way, executed, final, refused, returning or returned; ``payback`` is
    the id of the issuer's payment back.
    """

    reference: str
    bank_ref: str
    payment: WithdrawnPayment
    amount: Amount
    stage: str
    waits: str
    reason: str
    execution: Execution | None
    payback: str | None
    asked_by: str
    asked_at: datetime
