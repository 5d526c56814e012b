"""A soak: steady load on the HTTP service for long, samples of its memory, and afterwards a look for every payment.

What is looked for is looked for on the chain, of which nothing is asked of the service.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from chainwallet.bench.api import Crowd, Measuring
from chainwallet.bench.load import ordered
from chainwallet.bench.payments import executions
from chainwallet.payments import Order
from chainwallet.rpc import Node
from chainwallet.rules.money import Currency, Money

SAMPLES = 60  # of memory, over the whole soak
MEMO = "bench"


@dataclass(frozen=True)
class Sample:
    """Memory (``VmRSS``) of ``api`` and ``worker``, so long after the first request."""

    after_s: int
    rss_mb: dict[str, int]


@dataclass(frozen=True)
class Soaked:
    """What a soak found."""

    seconds: float
    per_s: int
    """So many payments and so many reads were to be asked for each second."""
    accepted: int
    accept_p99_ms: float
    reads: int
    read_p99_ms: float
    final: int
    lost: int
    """Accepted payments that the chain did not carry out as they were ordered, or that did not become final."""
    duplicated: int
    """What the chain carried out twice, or without its having been accepted."""
    errors: int
    """Requests that did not succeed."""
    rss_mb: dict[str, dict[str, int]]
    """By process, its memory at the ``start``, in the ``middle`` and at the ``end``, and its ``peak``."""
    samples: tuple[Sample, ...]
    notes: tuple[str, ...]
    """What some of the errors were."""


def soak(measuring: Measuring, node: Node, seconds: float, per_s: int) -> Soaked:
    """Payments and reads, ``per_s`` of each a second, for ``seconds``; then all payments must become final."""
    first = node.block_number() + 1
    with _sampling(measuring, seconds) as samples:
        said = measuring.load("both", seconds, per_s)
    _, live = measuring.until_final()
    paid, read = said["payments"], said["reads"]
    failed = set(paid["failed"])
    numbers = [number for number in range(paid["count"] + len(failed)) if number not in failed]
    found = executions(node, measuring.cash, first, orders(measuring.crowd, measuring.cash.currency, numbers))
    lost = max(found.lost, live)
    return Soaked(
        seconds=seconds,
        per_s=per_s,
        accepted=paid["count"],
        accept_p99_ms=round(1_000 * paid["p99_s"], 1),
        reads=read["count"],
        read_p99_ms=round(1_000 * read["p99_s"], 1),
        final=paid["count"] - lost,
        lost=lost,
        duplicated=found.duplicated,
        errors=paid["errors"] + read["errors"],
        rss_mb=_memory(samples, measuring.service.memory_mb("VmHWM")),
        samples=tuple(samples),
        notes=(*paid["notes"], *read["notes"]),
    )


def orders(crowd: Crowd, currency: Currency, numbers: Sequence[int]) -> Iterator[Order]:
    """The payments with these numbers, as the clients asked for them."""
    for number in numbers:
        one = ordered(number, len(crowd.people))
        yield Order(one.id, crowd.addresses[one.payer], crowd.addresses[one.payee], Money(one.minor, currency), MEMO)


@contextmanager
def _sampling(measuring: Measuring, seconds: float) -> Iterator[list[Sample]]:
    """Looks at the processes' memory at the beginning, at the end, and at even times between."""
    samples: list[Sample] = []
    ended, began_s = threading.Event(), time.monotonic()

    def sample() -> None:
        samples.append(Sample(round(time.monotonic() - began_s), measuring.service.memory_mb("VmRSS")))

    def look() -> None:
        while not ended.wait(seconds / SAMPLES):
            sample()

    sample()
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
    sample()


def _memory(samples: list[Sample], peak_mb: dict[str, int]) -> dict[str, dict[str, int]]:
    start, middle, end = (samples[place].rss_mb for place in (0, len(samples) // 2, -1))
    return {
        name: {"start": start[name], "middle": middle[name], "end": end[name], "peak": peak_mb[name]} for name in start
    }
