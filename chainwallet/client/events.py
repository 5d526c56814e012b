"""Events: what happens to the caller's payments, what comes in, and what is done in the caller's groups."""

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
class EventGroup:
    """What was done in the group ``id``, by the handle ``actor``; None: by the service. ``words`` are for a person.

    ``subject`` is the id of the bill, member, invitation, plan or request.
    """

    id: str | None
    subject: str
    words: str
    actor: str | None


@dataclass(frozen=True)
class Event:
    """Something that happened: ``payment.accepted``, ``payment.final``, ``movement.incoming``, ``group.invited`` ...

    ``id`` grows: who has read the one with this id goes on after it.
    """

    id: int
    kind: str
    at: datetime
    wallet: str | None
    payment: EventPayment | None
    movement: EventMovement | None
    group: EventGroup | None = None
