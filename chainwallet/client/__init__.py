"""A client of the service, for other programs: ``Client`` has a method for each route.

It needs httpx and httpx-sse and nothing else of this package. Answers are frozen dataclasses with exact amounts; what
the service refuses is an error of the class that its problem type names.
"""

from chainwallet.client.client import Client
from chainwallet.client.documents import Amount, amount_of
from chainwallet.client.events import Event
from chainwallet.client.payments import Payment
from chainwallet.client.problems import (
    BadAnswer,
    ClientError,
    EndedUnpaid,
    Problem,
    Refusal,
    StillWaiting,
    Trouble,
    Unreachable,
)
from chainwallet.client.requests import MadeRequest, PartOrder, Request

__all__ = [
    "Amount",
    "BadAnswer",
    "Client",
    "ClientError",
    "EndedUnpaid",
    "Event",
    "MadeRequest",
    "PartOrder",
    "Payment",
    "Problem",
    "Refusal",
    "Request",
    "StillWaiting",
    "Trouble",
    "Unreachable",
    "amount_of",
]
