"""Which blocks to take in next, and what to take back: decided from what we have and what the node says.

A chain is followed from one verified block to its child. Where the node no longer has the block we stand on, the last
block that both have is looked for, however deep; what stands above it is taken back, and reading goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chainwallet.evm import BlockNumber, Hash32

SPAN_BLOCKS = 256  # most blocks that one step reads
PROBES = 16  # blocks that are compared at once


@dataclass(frozen=True)
class Point:
    """A block by number and hash."""

    number: BlockNumber
    hash: Hash32


@dataclass(frozen=True)
class Cursor:
    """How far a token is followed: ``at`` is its last verified block, None before ``first``, the first one wanted."""

    first: BlockNumber
    at: Point | None

    @property
    def next(self) -> BlockNumber:
        """The number of the block to be read next."""
        return self.first if self.at is None else BlockNumber(self.at.number + 1)


@dataclass(frozen=True)
class Sight:
    """What the node says now, beside what we keep."""

    head: Point
    at_cursor: Hash32 | None
    """The hash of the node's block at the cursor's number; None where it has none, or the cursor stands nowhere yet."""
    is_beginning: bool = False
    """The node's head is below the cursor, and all that we keep up to there is the node's too."""


@dataclass(frozen=True)
class Read:
    """Read the blocks ``first`` to ``last``, both included, verify them and take them in."""

    first: BlockNumber
    last: BlockNumber


@dataclass(frozen=True)
class Rewind:
    """The node's chain is not the one the cursor stands on: look for the last block in common, and go back there."""


@dataclass(frozen=True)
class Wait:
    """Nothing to read now. ``because`` says why in words, None where the cursor stands at the head."""

    because: str | None = None
    is_behind: bool = False
    """The node lags, or its chain was rolled back: it has a beginning of what we have, and nothing else."""


Step = Read | Rewind | Wait


def plan(cursor: Cursor, sight: Sight, span: int = SPAN_BLOCKS) -> Step:
    """What to do next; at most ``span`` blocks are read."""
    head = sight.head
    if cursor.at is None:
        if head.number < cursor.first:
            return Wait(f"the chain's head is block {head.number}, the contract's first is {cursor.first}")
    elif sight.at_cursor is None and sight.is_beginning:
        return Wait(f"the node's head is block {head.number}, below the verified {cursor.at.number}", is_behind=True)
    elif sight.at_cursor != cursor.at.hash:
        return Rewind()
    elif head.number <= cursor.at.number:
        return Wait()
    return Read(cursor.next, BlockNumber(min(head.number, cursor.next + span - 1)))


# ------------------------------------------------------------------------------------------------ the last in common


@dataclass(frozen=True)
class Search:
    """The search for the last of ``kept``, which ascend, that the node has too.

    All below ``same`` are known to be the node's, all from ``other`` on are known not to be: what two chains have in
    common is a beginning.
    """

    kept: Sequence[Point]
    same: int
    other: int

    @classmethod
    def among(cls, kept: Sequence[Point]) -> "Search":
        """Nothing is known yet."""
        return cls(kept, 0, len(kept))

    def probes(self) -> tuple[Point, ...]:
        """The blocks to compare next, the first and last undecided among them; none when the search is over."""
        count = self.other - self.same
        if count <= PROBES:
            return tuple(self.kept[self.same : self.other])
        places = {self.same + at * (count - 1) // (PROBES - 1) for at in range(PROBES)}
        return tuple(self.kept[at] for at in sorted(places))

    def narrowed(self, found: Mapping[BlockNumber, Hash32 | None]) -> "Search":
        """The search after the node said what it has at the numbers of ``probes()``."""
        search = self
        for at in range(self.same, self.other):
            point = self.kept[at]
            if point.number not in found:
                continue
            if found[point.number] != point.hash:
                return replace(search, other=at)
            search = replace(search, same=at + 1)
        return search

    @property
    def last_in_common(self) -> Point | None:
        """The last block in common, once ``probes()`` are none; None where no block of ``kept`` is."""
        return self.kept[self.same - 1] if self.same else None
