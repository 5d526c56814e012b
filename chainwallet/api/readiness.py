"""What is behind the service: the node, the database, how far the verified history is, and the carriers' gas money."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from chainwallet.api.parts import Parts
from chainwallet.errors import ChainwalletError
from chainwallet.evm import Address
from chainwallet.store import facts
from chainwallet.store.facts import Followed

LEAST_GAS_MONEY_WEI = 10**16
"""A carrier with less is about to stop: some hundred payments at 20 gwei."""
MOST_LAG_BLOCKS = 100
MOST_LAG_S = 600

T = TypeVar("T")


@dataclass(frozen=True)
class Readiness:
    """What was found. ``None`` stands for what could not be asked."""

    head_block: int | None
    head_at_s: int | None
    verified: Followed | None
    has_database: bool
    gas_wei: dict[Address, int] | None

    @property
    def lag_blocks(self) -> int | None:
        """How many blocks the verified history is behind the node's head."""
        if self.head_block is None or self.verified is None:
            return None
        return max(0, self.head_block - self.verified.number)

    @property
    def lag_s(self) -> int | None:
        """How old the last verified block is beside the head, by the chain's own time."""
        if self.head_at_s is None or self.verified is None:
            return None
        return max(0, self.head_at_s - self.verified.timestamp_s)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What keeps the service from its work; nothing where it is ready."""
        is_late = (self.lag_blocks or 0) > MOST_LAG_BLOCKS and (self.lag_s or 0) > MOST_LAG_S
        found = {
            "the node does not answer": self.head_block is None,
            "the database does not answer": not self.has_database,
            "no block is verified yet": self.has_database and self.verified is None,
            "the verified history is far behind the chain": is_late,
            "a carrier of payments has almost no gas money": any(
                wei < LEAST_GAS_MONEY_WEI for wei in (self.gas_wei or {}).values()
            ),
        }
        return tuple(trouble for trouble, is_so in found.items() if is_so)


def readiness(parts: Parts) -> Readiness:
    """Looks at what is behind ``parts`` now."""
    head = _or_none(partial(parts.node.block, "latest"))
    gas_wei = None if head is None else _or_none(partial(parts.node.balances_wei, parts.carriers))
    verified, has_database = None, True
    try:
        with parts.database.read() as tx:
            verified = facts.head(tx, parts.manifest.chain.key)
    except ChainwalletError:
        has_database = False
    return Readiness(
        head_block=None if head is None else head.number,
        head_at_s=None if head is None else head.timestamp_s,
        verified=verified,
        has_database=has_database,
        gas_wei=None if gas_wei is None else dict(zip(parts.carriers, gas_wei, strict=True)),
    )


def _or_none(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except ChainwalletError:
        return None
