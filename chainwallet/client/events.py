"""Events: what happens to the caller's payments, and what comes in."""

from dataclasses import dataclass
from datetime import datetime

from chainwallet.client.documents import Amount


@dataclass(frozen=True)
class EventPayment:
    """The payment that something happened to; ``words`` say what, for a person."""

    id: str
    amount: Amount | None
    payee: str | None
    words: str


@dataclass(frozen=True)
class EventMovement:
    """The movement that came in; after ``movement.undone`` it is on the chain no more."""

    amount: Amount | None
    sender: str
    block: int
    block_hash: str
    transaction: str


@dataclass(frozen=True)
class Event:
    """Something that happened: ``payment.accepted``, ``payment.final``, ``movement.incoming`` ...

    ``id`` grows: who has read the one with this id goes on after it.
    """

    id: int
    kind: str
    at: datetime
    wallet: str
    payment: EventPayment | None
    movement: EventMovement | None
