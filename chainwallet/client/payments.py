"""Payments and quotes, and the wait for a payment's end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from chainwallet.client.documents import Amount
from chainwallet.client.history import Party
from chainwallet.client.problems import EndedUnpaid, StillWaiting

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
UNPAID = ("canceled", "expired")
ENOUGH = {"executed": ("executed", "final"), "final": ("final",), "canceled": ("canceled",)}
"""Which stages a wait for a stage ends with."""


class Counter(Protocol):
    """Where a payment is asked for again: the client that it came from."""

    def payment(self, payment_id: str) -> "Payment":
        """How it stands now."""

    def sign(self, payment_id: str, signature: str) -> "Payment":
        """Takes the payer's signature."""

    def cancel(self, payment_id: str, signature: str | None = None) -> "Cancel":
        """Asks for its end."""


@dataclass(frozen=True)
class Execution:
    """Where the chain carried it out."""

    transaction: str
    block: int


@dataclass(frozen=True)
class StoryLine:
    """Something that happened to a payment."""

    at: datetime
    event: str
    words: str


@dataclass(frozen=True)
class Payment:
    """A payment and how it stood when it was asked for.

    ``stage`` is one of offered, queued, carried, canceling, executed, final, canceled, expired. ``to_sign`` is what the
    payer signs (EIP-712, as ``eth_signTypedData_v4`` takes it), where the payer's key is not kept by the service.
    """

    id: str
    payer: Party
    payee: Party
    amount: Amount
    memo: str | None
    stage: str
    waits: str
    reason: str
    nonce: str
    payment_ref: str
    valid_before: datetime | None
    made_at: datetime
    execution: Execution | None
    to_sign: Mapping[str, Any] | None
    story: tuple[StoryLine, ...] = ()
    """How it came there; told where one payment is asked for."""
    _counter: Counter | None = field(default=None, repr=False, compare=False)

    def refresh(self) -> "Payment":
        """How it stands now, with its story."""
        return self._asked.payment(self.id)

    def wait(self, stage: Literal["executed", "final", "canceled"] = "final", *, timeout_s: float = 60.0) -> "Payment":
        """The payment when it is ``stage``: final, executed (on the chain, confirmations may be missing) or canceled.

        Raises ``EndedUnpaid`` where it will never be paid, and ``StillWaiting`` after ``timeout_s``, or at once where
        it is final and was to be canceled.
        """
        give_up_at, pause_s = time.monotonic() + timeout_s, FIRST_PAUSE_S
        now = self
        while now.stage not in ENOUGH[stage]:
            if now.stage in UNPAID:
                raise EndedUnpaid(now)
            left_s = give_up_at - time.monotonic()
            if left_s <= 0 or now.stage == "final":
                raise StillWaiting(now, stage)
            time.sleep(min(pause_s, left_s))
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            now = self.refresh()
        return now

    def sign(self, signature: str) -> "Payment":
        """Hands in the payer's signature over ``to_sign``: 65 bytes r||s||v in hex. The payment is then on its way."""
        return self._asked.sign(self.id, signature)

    def cancel(self, signature: str | None = None) -> "Cancel":
        """Asks for its end; whichever of the two the chain takes first counts. See ``Client.cancel``."""
        return self._asked.cancel(self.id, signature)

    @property
    def _asked(self) -> Counter:
        if self._counter is None:
            raise ValueError(f"payment {self.id} came from no client")
        return self._counter


@dataclass(frozen=True)
class PaymentPage:
    """Payments, the newest first."""

    payments: tuple[Payment, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Cancel:
    """A payment that is to be cancelled; ``to_sign`` is what its payer signs for that, None where nothing is."""

    payment: Payment
    to_sign: Mapping[str, Any] | None


@dataclass(frozen=True)
class RelayerCost:
    """What carrying a payment costs the service, in wei."""

    gas: int
    gas_at_most: int
    basis: str
    fee_per_gas_wei: str
    cost_wei: str
    paid_by: str


@dataclass(frozen=True)
class Quote:
    """What a payment costs before it is made; ``total`` is what leaves the payer's account."""

    payee: str
    amount: Amount
    service_fee: Amount
    service_fee_paid_by: str
    total: Amount
    relayer_cost: RelayerCost
    good_until: datetime
