"""Which payments go into one transaction: by gas, bytes, number and age.

Gas limits come from the worst case, because state may change before a transaction runs: every account cold, every
payee new, every wide nonce in a fresh storage slot. A test compares the figures with the real contract.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_TRANSACTION_GAS = 2**24  # EIP-7825
BLOCK_SHARE_PERCENT = 50  # of a block's gas that one transaction of ours may ask for: builders put off larger ones
MAX_DATA_BYTES = 131_072 - 1_024  # geth txMaxSize, less the envelope

PAY_GAS = 32_000  # of a ``pay`` or ``payWide`` beside its items: 21,000 (Yellow Paper, G_transaction) and its own
WINDOW_ITEM_GAS = 45_000  # the dearest item of ``pay``
WIDE_ITEM_GAS = 68_000  # the dearest item of ``payWide``
WINDOW_ITEM_BYTES = 160  # ICash.pay
WIDE_ITEM_BYTES = 185  # ICash.payWide


@dataclass(frozen=True)
class Waiting:
    """A payment in the queue; ``since_s`` is when it came there. Wide and window items travel apart."""

    promise: int
    token: str
    is_wide: bool
    since_s: int
    setbacks: int = 0
    """How often it came back there."""


@dataclass(frozen=True)
class BatchLimits:
    """How large a batch may be, and how long a payment waits for others to fill one."""

    items: int
    gas: int
    wait_s: int = 0


def gas_cap(block_gas_limit: int) -> int:
    """The most gas that one transaction may ask for."""
    return min(MAX_TRANSACTION_GAS, block_gas_limit * BLOCK_SHARE_PERCENT // 100)


def pay_gas_limit(items: int, *, is_wide: bool) -> int:
    """The gas limit of a batch: enough whatever the state is when it runs."""
    return PAY_GAS + items * (WIDE_ITEM_GAS if is_wide else WINDOW_ITEM_GAS)


def most_items(limits: BatchLimits, *, is_wide: bool) -> int:
    """How many items of one kind fit into one batch; 0 where not even one does."""
    item_gas, item_bytes = (WIDE_ITEM_GAS, WIDE_ITEM_BYTES) if is_wide else (WINDOW_ITEM_GAS, WINDOW_ITEM_BYTES)
    by_gas = max(0, limits.gas - PAY_GAS) // item_gas
    return min(limits.items, by_gas, MAX_DATA_BYTES // item_bytes)


def batches(waiting: Iterable[Waiting], limits: BatchLimits, now_s: int) -> tuple[tuple[Waiting, ...], ...]:
    """The batches that are due: full ones, and those whose oldest payment has waited long enough; oldest first."""
    due = []
    for kind, items in _by_kind(waiting).items():
        size = most_items(limits, is_wide=kind[1])
        if size == 0:
            continue
        for start in range(0, len(items), size):
            batch = tuple(items[start : start + size])
            has_time = 0 <= now_s - batch[0].since_s < limits.wait_s  # unless our clock was put back
            if len(batch) == size or not has_time:
                due.append(batch)
    return tuple(sorted(due, key=lambda batch: (batch[0].since_s, batch[0].promise)))


def _by_kind(waiting: Iterable[Waiting]) -> Mapping[tuple[str, bool], Sequence[Waiting]]:
    kinds: dict[tuple[str, bool], list[Waiting]] = {}
    for one in sorted(waiting, key=lambda one: (one.since_s, one.promise)):
        kinds.setdefault((one.token, one.is_wide), []).append(one)
    return kinds
