"""How long it takes to take in a chain's events: verified, without verification, and only fetched.

Each is measured in a process of its own, so that its memory is its own.
"""

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal

from chainwallet.abi.facts import facts_of
from chainwallet.bench.memory import peak_rss_mb
from chainwallet.errors import NodeRefused
from chainwallet.evm import BlockNumber, Log
from chainwallet.indexer import Indexer
from chainwallet.indexer.reading import ASKED_AHEAD, ASKED_TRANSACTIONS
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.following import SPAN_BLOCKS, Cursor, Point
from chainwallet.store import facts, following
from chainwallet.store.database import Database
from chainwallet.store.following import VerifiedBlock

RUNS = 3
RUN_TIMEOUT_S = 600

Way = Literal["verified", "plain", "fetched"]
WAYS: tuple[Way, ...] = ("verified", "plain", "fetched")


@dataclass(frozen=True)
class Run:
    """One run: its wall-clock seconds, from the first question to the last commit, and its process's peak memory."""

    seconds: float
    events: int
    peak_rss_mb: int


@dataclass(frozen=True)
class Figures:
    """Medians over the runs, in seconds; ``peak_rss_mb`` is the highest of the verified runs."""

    seconds_verified: float
    seconds_plain: float
    raw_fetch_seconds: float
    events: int
    peak_rss_mb: int
    runs: int


@dataclass(frozen=True)
class Bed:
    """What a run works with: a database that is empty and a chain that is not."""

    database: Database
    node: Node
    cash: Cash
    first: BlockNumber
    """The contract's."""
    indexer: Indexer


def run(way: Way, bed: Bed) -> Run:
    """Takes the chain in, or fetches it, in this process."""
    ways: dict[Way, Callable[[Bed], None]] = {"verified": _verified, "plain": _plain, "fetched": _fetched}
    began_s = time.perf_counter()
    ways[way](bed)
    seconds = time.perf_counter() - began_s
    with bed.database.read() as tx:
        events = sum(1 for _ in facts.canonical_rows(tx, bed.cash.token))
    return Run(round(seconds, 3), events, peak_rss_mb())


def measured(command: Sequence[str]) -> Run:
    """What ``command``, a process that does one ``run``, printed of it. Raises ``NodeRefused`` where it failed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)  # noqa: S603 - our own
    if done.returncode != 0:
        raise NodeRefused("bench", done.returncode, done.stderr.strip() or "no reason given")
    return Run(**json.loads(done.stdout))


def printed(one: Run) -> str:
    """``one`` as ``measured`` reads it."""
    return json.dumps(asdict(one))


def figures(runs: dict[Way, list[Run]]) -> Figures:
    """The figures of all runs."""
    seconds = {way: round(median(one.seconds for one in some), 2) for way, some in runs.items()}
    verified = runs["verified"]
    return Figures(
        seconds_verified=seconds["verified"],
        seconds_plain=seconds["plain"],
        raw_fetch_seconds=seconds["fetched"],
        events=verified[0].events,
        peak_rss_mb=max(one.peak_rss_mb for one in verified),
        runs=len(verified),
    )


# ------------------------------------------------------------------------------------------------ the ways


def _verified(bed: Bed) -> None:
    bed.indexer.catch_up()


def _plain(bed: Bed) -> None:
    """As most indexers do: whatever ``eth_getLogs`` answers becomes facts, and headers are believed."""
    blocks = Blocks(bed.node)
    head = blocks.head().header.number
    cursors = {bed.cash.token: Cursor(bed.first, None)}
    with bed.database.transaction() as tx:
        following.follow(tx, bed.cash.chain.key, bed.cash.token, bed.first, 0)
    for first in range(bed.first, head + 1, SPAN_BLOCKS):
        last = min(head, first + SPAN_BLOCKS - 1)
        logs: dict[BlockNumber, list[Log]] = defaultdict(list)
        for log in bed.node.logs(bed.cash.address, first, last):
            logs[log.block].append(log)
        believed = []
        for block in blocks.between(first, last):
            assert block is not None  # noqa: S101 - nobody else uses this chain
            header = block.header
            found = {bed.cash.token: facts_of(logs[header.number], header.timestamp_s)}
            point = Point(header.number, block.hash)
            believed.append(VerifiedBlock(point, header.parent, header.timestamp_s, header.state_root, found))
        with bed.database.transaction() as tx:
            assert following.advance(tx, bed.cash.chain.key, cursors, believed, 0)  # noqa: S101 - as above
        cursors = {bed.cash.token: Cursor(bed.first, believed[-1].point)}


def _fetched(bed: Bed) -> None:
    """The questions of the verified way, as many at once, with nothing done to the answers but reading their JSON."""
    blocks = Blocks(bed.node)
    head = blocks.head().header.number
    with ThreadPoolExecutor(ASKED_AHEAD) as pool:
        for first in range(bed.first, head + 1, SPAN_BLOCKS):
            chunks: list[list[str]] = [[]]
            count = 0
            numbers = [(hex(number), False) for number in range(first, min(head, first + SPAN_BLOCKS - 1) + 1)]
            for block in bed.node.read_many("eth_getBlockByNumber", numbers, _as_it_is):
                if count > ASKED_TRANSACTIONS:
                    chunks.append([])
                    count = 0
                chunks[-1].append(block["hash"])
                count += len(block["transactions"])
            asked = [[(name,) for name in chunk] for chunk in chunks]
            for _ in pool.map(lambda some: bed.node.read_many("eth_getBlockReceipts", some, _nothing), asked):
                pass


def _as_it_is(value: object) -> dict[str, str]:
    assert isinstance(value, dict)  # noqa: S101 - nobody else answers on this chain
    return value


def _nothing(_value: object) -> None:
    return None
