"""What happens to one request: decided from rates and dice, without I/O.

Each request draws the same number of values whatever they lead to, so the n-th request of a seed has the same fate in
every run.
"""

import re
from dataclasses import dataclass, fields
from typing import Literal, Protocol, get_args

from chainwallet.errors import BadValue

MILLION = 1_000_000
SERVER_ERRORS = (500, 502, 503, 504)  # RFC 9110, section 15.6
TOO_MANY_REQUESTS = 429  # RFC 6585, section 4

FaultName = Literal[
    "drop_requests",
    "drop_replies",
    "cuts",
    "server_errors",
    "too_many",
    "duplicates",
    "delays",
    "stale_heads",
    "behind",
    "disagreements",
]
"""What can be injected; ``behind`` and ``disagreements`` at the second endpoint alone."""
FAULTS: tuple[FaultName, ...] = get_args(FaultName)
_EXCLUSIVE = FAULTS[: FAULTS.index("delays")]

_RATE = re.compile(r"(\d{1,3})(?:\.(\d{1,4}))?%")


class Dice(Protocol):
    """Where chance comes from: ``random.Random`` is one."""

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 on and below ``stop``."""


@dataclass(frozen=True)
class Rates:
    """How often each fault is injected, in parts per million. Those before ``delays`` exclude each other."""

    drop_requests: int = 0
    """The node never gets the request; the connection is closed without an answer."""
    drop_replies: int = 0
    """The node gets the request; the connection is closed without an answer."""
    cuts: int = 0
    """The connection is closed in the middle of the answer."""
    server_errors: int = 0
    """An HTTP 5xx, in half of the cases after the node got the request."""
    too_many: int = 0
    """An HTTP 429; the node does not get the request."""
    duplicates: int = 0
    """The node gets the request twice; the client gets the second answer."""
    delays: int = 0
    """The answer comes later."""
    stale_heads: int = 0
    """A call, alone or of a batch, is answered as by a node that is some blocks behind."""

    def __post_init__(self) -> None:
        for rate in fields(self):
            value = getattr(self, rate.name)
            if not 0 <= value <= MILLION:
                raise BadValue(rate.name, value, f"parts per million, 0 to {MILLION:,}")
        if sum(self._exclusive) > MILLION:
            names = ", ".join(_EXCLUSIVE)
            raise BadValue("rates", f"{sum(self._exclusive) // 10_000}%", f"at most 100% for {names} together")

    @property
    def _exclusive(self) -> tuple[int, ...]:
        return tuple(int(getattr(self, name)) for name in _EXCLUSIVE)


@dataclass(frozen=True)
class Fate:
    """What happens to one request: at most one of the faults that exclude each other, and perhaps a delay."""

    fault: FaultName | None
    times_forwarded: int
    status: int
    """The HTTP status that takes the place of the node's answer; 200: the node's own."""
    delay_ms: int
    """0: none."""


def fate(rates: Rates, dice: Dice, longest_delay_ms: int) -> Fate:
    """The fate of the next request."""
    point, error, delayed, delay_ms = (
        dice.randrange(MILLION),
        dice.randrange(2 * len(SERVER_ERRORS)),
        dice.randrange(MILLION),
        1 + dice.randrange(longest_delay_ms),
    )
    fault = _fault_at(rates, point)
    delay_ms = delay_ms if delayed < rates.delays else 0
    match fault:
        case "drop_requests":
            return Fate(fault, 0, 200, delay_ms)
        case "server_errors":
            return Fate(fault, error % 2, SERVER_ERRORS[error // 2], delay_ms)
        case "too_many":
            return Fate(fault, 0, TOO_MANY_REQUESTS, delay_ms)
        case "duplicates":
            return Fate(fault, 2, 200, delay_ms)
        case _:
            return Fate(fault, 1, 200, delay_ms)


def _fault_at(rates: Rates, point: int) -> FaultName | None:
    for name in _EXCLUSIVE:
        point -= int(getattr(rates, name))
        if point < 0:
            return name
    return None


def is_hit(rate: int, dice: Dice) -> bool:
    """Whether a fault with this rate happens now."""
    return dice.randrange(MILLION) < rate


def parse_rate(field: str, text: str) -> int:
    """``5%`` or ``0.25%`` in parts per million, exactly; raises ``BadValue`` naming ``field`` for anything else."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise BadValue(field, text, "a share of the requests such as 5% or 0.25%")
    whole, part = found.groups()
    parts = int(whole) * 10_000 + int((part or "").ljust(4, "0"))
    if parts > MILLION:
        raise BadValue(field, text, "at most 100%")
    return parts
