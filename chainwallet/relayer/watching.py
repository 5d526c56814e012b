"""Watching the ended: what a reorg deeper than was asked for took from the chain is sent again, the same bytes."""

from collections.abc import Collection, Mapping, Sequence

from chainwallet.evm import Address, Block, Hash32
from chainwallet.relayer.lanes import Lanes
from chainwallet.relayer.tools import Tools
from chainwallet.rules.submission import WasReorged
from chainwallet.store import submissions
from chainwallet.store.leases import Lease
from chainwallet.store.submissions import InBlock

AT_ONCE = 16  # ended submissions that are compared with the chain at once, when the latest is not on it
LOOKED_BACK_S = 300  # clocks of processes that share a database differ by less


class Watching:
    """Compares ended submissions with the chain whenever it has a new head."""

    def __init__(self, tools: Tools, lanes: Lanes) -> None:
        self._tools = tools
        self._lanes = lanes
        self._compared: Hash32 | None = None
        self._senders: Collection[Address] = ()
        """Whose ended submissions have been compared."""
        self._since_s = 0
        """Theirs in blocks that were lost before this have been sent again."""

    def look(self, leases: Mapping[Address, Lease], head: Block) -> int:
        """Returns to delivery what is no longer on the chain; how many."""
        if self._compared == head.hash:
            return 0
        asked_at_s = self._tools.now_s()
        moved = self._from_the_top(leases) + self._in_lost_blocks(leases)
        self._compared, self._senders, self._since_s = head.hash, tuple(leases), asked_at_s - LOOKED_BACK_S
        return moved

    def _from_the_top(self, leases: Mapping[Address, Lease]) -> int:
        """As soon as the node has another chain. Blocks are linked: below one that is still there, all are."""
        moved, below = 0, None
        while True:
            with self._tools.database.read() as tx:
                count = 1 if below is None else AT_ONCE
                ended = submissions.ended_in_blocks(tx, self._tools.chain.key, below, count)
            lost = self._lost(ended)
            moved += self._send_again([one for one in lost if one.submission.sender in leases])
            if len(lost) < len(ended) or not ended:
                return moved
            below = ended[-1]

    def _in_lost_blocks(self, leases: Mapping[Address, Lease]) -> int:
        """What ended above meanwhile hides what a reorg took below: another lane went on, or a node was asked that had
        not heard of it. By then the indexer has.
        """
        since_s = self._since_s if leases.keys() <= set(self._senders) else 0
        with self._tools.database.read() as tx:
            ended = submissions.ended_in_lost_blocks(tx, self._tools.chain.key, since_s)
        return self._send_again(self._lost([one for one in ended if one.submission.sender in leases]))

    def _lost(self, ended: Sequence[InBlock]) -> list[InBlock]:
        """Those whose place is another block's now. A node that has no such block proves nothing: it may be behind."""
        there = self._tools.blocks.hashes(sorted({one.block for one in ended})) if ended else {}
        return [one for one in ended if there[one.block] not in (None, one.block_hash)]

    def _send_again(self, lost: list[InBlock]) -> int:
        if not lost:
            return 0
        moved = 0
        with self._tools.database.transaction() as tx:
            self._lanes.require(tx, [one.submission.sender for one in lost])
            for one in lost:
                reorged = WasReorged(f"block {one.block} was final and was taken back by a deeper reorg")
                moved += submissions.move(tx, one.submission, reorged, self._tools.now_s())
        return moved
