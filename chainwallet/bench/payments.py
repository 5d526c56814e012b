"""How fast payments go from "accepted" to "final", every one of them verified on the chain, beside two plain loops.

The parts run in processes of their own, as in a running service, and their memory is their own.
"""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chainwallet.abi.calls import payment_ref
from chainwallet.abi.events import Paid, Transfer, decode_event
from chainwallet.bench import loops
from chainwallet.bench.chain import GAS_MONEY_WEI, give
from chainwallet.bench.parts import payee, payer
from chainwallet.errors import NodeRefused
from chainwallet.evm import Hash32, Log
from chainwallet.payments import Desk, Order
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash

BLOCK_GAS = 60_000_000
BLOCK_TIME_S = 1
WAITING_MOST = 500  # payments of the loop that waits: a sample
UNWAITED_MOST = 10_000  # of the one that does not
UNITS_EACH = 10**9  # what everybody holds at the beginning, in token units
PATIENCE_S = 90  # how long nothing may become final before what is missing is given up
PART_TIMEOUT_S = 3_600
LOG_BLOCKS = 8  # whose events are read at once
RECEIPTS_AT_ONCE = 20
STAGES = ("sign", "store", "pack", "send", "wait", "index", "judge", "other")


@dataclass(frozen=True)
class Figures:
    """What a run found. ``_per_s`` are payments a second by the clock on the wall; each stage has its seconds."""

    count: int
    payers: int
    store: str
    payments_per_s: float
    baseline_waiting_per_s: float
    baseline_unwaited_per_s: float
    ratio: float
    ratio_unwaited: float
    gas_per_payment: int
    p50_s: float
    p99_s: float
    peak_rss_mb: int
    lost: int
    duplicated: int
    stages_s: dict[str, float]
    stages_cpu_s: dict[str, float]
    cpu_ms_per_payment: float
    baseline_waiting_count: int
    baseline_unwaited_count: int


@dataclass
class Course:
    """What the parts said while they ran."""

    final_s: dict[int, float] = field(default_factory=dict)
    """By the payment's number, when it became final."""
    moved_s: float = 0.0
    """When the last of them did."""
    is_ready: threading.Event = field(default_factory=threading.Event)
    carried: dict[str, Any] = field(default_factory=dict)
    """What the carrying part said at its end."""

    def hear(self, lines: Iterator[str]) -> None:
        """Takes in what the carrying part prints."""
        for line in lines:
            said = json.loads(line)
            if "final" in said:
                self.final_s |= dict.fromkeys(said["final"], said["at_s"])
                self.moved_s = time.monotonic()
            elif "ready" in said:
                self.is_ready.set()
            else:
                self.carried = said
        self.is_ready.set()  # or it never will be


# ------------------------------------------------------------------------------------------------ the chain


def fund(node: Node, desk: Desk, payers: int) -> None:
    """Gives all who pay and all who are paid something to hold, and the loops' payer its ETH."""
    accounts = [loops.PAYER, *(payer(number).address for number in range(payers)), *map(payee, range(payers))]
    give(node, desk.cash, accounts, UNITS_EACH)
    node.set_balance(loops.PAYER, GAS_MONEY_WEI)


def tick_like_a_chain(node: Node) -> None:
    """From now on a block comes every ``BLOCK_TIME_S``, with ``BLOCK_GAS``."""
    node.set_block_gas_limit(BLOCK_GAS)
    node.set_block_time(BLOCK_TIME_S)


@dataclass(frozen=True)
class Executions:
    """What the chain says of the payments; nothing of the database is asked."""

    lost: int
    """Payments that no event carried out as they were ordered."""
    duplicated: int
    """Executions more than one, or of something else than was ordered."""
    gas: int
    """Of all transactions that carried payments."""


def executions(node: Node, cash: Cash, first_block: int, ordered: Iterable[Order]) -> Executions:
    """Compares every one of the ``ordered`` payments with the events since ``first_block``."""
    wanted = {
        payment_ref(order.payer, cash.address, order.id): (order.payer, order.payee, order.amount.token_units)
        for order in ordered
    }
    times: Counter[Hash32] = Counter()
    others, carriers = 0, set()
    for found, paid, log in _paid(node, cash, first_block):
        carriers.add(log.tx)
        if wanted.get(paid.payment_ref) == (found.payer, found.payee, found.value):
            times[paid.payment_ref] += 1
        else:
            others += 1
    return Executions(
        lost=len(wanted) - len(times),
        duplicated=others + sum(count - 1 for count in times.values()),
        gas=_gas(node, sorted(carriers)),
    )


def _paid(node: Node, cash: Cash, first_block: int) -> Iterator[tuple[Transfer, Paid, Log]]:
    """Every payment's movement and event."""
    head = node.block_number()
    for first in range(first_block, head + 1, LOG_BLOCKS):
        before = None
        for log in node.logs(cash.address, first, min(head, first + LOG_BLOCKS - 1)):
            event = decode_event(log)
            if isinstance(event, Paid) and isinstance(before, Transfer):
                yield before, event, log
            before = event


def _gas(node: Node, carriers: Sequence[Hash32]) -> int:
    gas = 0
    for start in range(0, len(carriers), RECEIPTS_AT_ONCE):
        for receipt in node.receipts(carriers[start : start + RECEIPTS_AT_ONCE]):
            assert receipt is not None  # noqa: S101 - its events were just read
            gas += receipt.gas_used
    return gas


# ------------------------------------------------------------------------------------------------ the parts


def said_by(command: Sequence[str], environment: dict[str, str]) -> dict[str, Any]:
    """What ``command``, one part, prints at its end. Raises ``NodeRefused`` where it failed."""
    done = subprocess.run(  # noqa: S603 - our own
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=PART_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise NodeRefused("bench", done.returncode, f"its part {command[6]} ended; why is above")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@contextmanager
def carrying(command: Sequence[str], environment: dict[str, str]) -> Iterator[Course]:
    """Runs the carrying part beside the block, and has it end with it; then all is in its course."""
    with subprocess.Popen(  # noqa: S603 - our own
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout  # noqa: S101, PT018 - they are pipes
        course = Course()
        hearing = threading.Thread(target=course.hear, args=(process.stdout,), daemon=True)
        hearing.start()
        course.is_ready.wait()
        try:
            yield course
        finally:
            process.stdin.close()
            hearing.join()
    if process.returncode != 0:
        raise NodeRefused("bench", process.returncode, f"its part {command[6]} ended; why is above")


def wait_until_final(course: Course, count: int) -> None:
    """Waits until ``count`` payments are final, or none has become so for ``PATIENCE_S``."""
    course.moved_s = time.monotonic()
    while len(course.final_s) < count and time.monotonic() - course.moved_s < PATIENCE_S:
        time.sleep(0.05)


# ------------------------------------------------------------------------------------------------ figures


def figures(
    store: str, payers: int, accepted: dict[str, Any], course: Course, found: Executions, rates: dict[str, Any]
) -> Figures:
    """All figures; ``rates`` are the loops'."""
    accepted_s = {int(number): at_s for number, at_s in accepted["accepted_s"].items()}
    count = len(accepted_s)
    waits_s = sorted(course.final_s[number] - at_s for number, at_s in accepted_s.items() if number in course.final_s)
    lasted_s = max(course.final_s.values(), default=float("inf")) - accepted["began_s"]
    per_s = len(waits_s) / lasted_s
    walls, cpus = ({**accepted[kind], **course.carried[kind]} for kind in ("wall_s", "cpu_s"))
    return Figures(
        count=count,
        payers=payers,
        store=store,
        payments_per_s=round(per_s, 1),
        baseline_waiting_per_s=round(rates["waiting_per_s"], 1),
        baseline_unwaited_per_s=round(rates["unwaited_per_s"], 1),
        ratio=round(per_s / rates["waiting_per_s"], 2),
        ratio_unwaited=round(per_s / rates["unwaited_per_s"], 2),
        gas_per_payment=-(-found.gas // max(1, count - found.lost)),
        p50_s=round(waits_s[len(waits_s) // 2], 3) if waits_s else 0.0,
        p99_s=round(waits_s[len(waits_s) * 99 // 100], 3) if waits_s else 0.0,
        peak_rss_mb=accepted["peak_rss_mb"] + course.carried["peak_rss_mb"],
        lost=max(found.lost, count - len(waits_s)),
        duplicated=found.duplicated,
        stages_s={stage: round(walls.get(stage, 0.0), 3) for stage in STAGES},
        stages_cpu_s={stage: round(cpus.get(stage, 0.0), 3) for stage in STAGES},
        cpu_ms_per_payment=round(1_000 * sum(cpus.values()) / max(1, count), 3),
        baseline_waiting_count=rates["waiting_count"],
        baseline_unwaited_count=rates["unwaited_count"],
    )
