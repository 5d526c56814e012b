"""The indexer's loop: what to read, what to take back, and its writing."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chainwallet.errors import ChainMismatch, NodeTrouble, UnverifiedBlock, WrongChain
from chainwallet.evm import BlockNumber, ChainName, Hash32
from chainwallet.indexer.reading import ASKED_AHEAD, Reading, Source
from chainwallet.rpc import Blocks
from chainwallet.rules.following import SPAN_BLOCKS, Cursor, Point, Read, Rewind, Search, Sight, Wait, plan
from chainwallet.store import following
from chainwallet.store.database import Database
from chainwallet.store.following import Cursors

PATIENCE_S = 30.0
"""How long a node may have only a beginning of the verified chain before that is taken for a rollback."""
STALLS = 3  # so many times in a row a node may tell of blocks that do not fit together: it may change its mind


@dataclass(frozen=True)
class TookIn:
    """The blocks ``first`` to ``last`` were verified and taken in, with so many facts."""

    first: BlockNumber
    last: BlockNumber
    facts: int


@dataclass(frozen=True)
class WentBack:
    """Everything above ``to`` (None: everything) was taken back; so many facts are orphaned."""

    to: Point | None
    orphaned: int


@dataclass(frozen=True)
class StoodStill:
    """Nothing to do now; ``because`` says why in words, None at the chain's head."""

    because: str | None


@dataclass(frozen=True)
class Overtaken:
    """Another indexer of the same database was faster; nothing was changed."""


Progress = TookIn | WentBack | StoodStill | Overtaken


class Indexer:
    """Follows ``sources`` on ``chain``. Several may work on one database and do each other no harm.

    ``clock_s`` gives seconds since 1970, ``monotonic_s`` seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        blocks: Blocks,
        chain: ChainName,
        sources: Sequence[Source],
        clock_s: Callable[[], float],
        monotonic_s: Callable[[], float],
        *,
        patience_s: float = PATIENCE_S,
        span: int = SPAN_BLOCKS,
    ) -> None:
        self._database = database
        self._blocks = blocks
        self._chain = chain
        self._sources = {source.token: source for source in sources}
        self._clock_s = clock_s
        self._monotonic_s = monotonic_s
        self._patience_s = patience_s
        self._span = span
        self._is_following = False
        self._behind_since_s: float | None = None
        self._stalls = 0

    def catch_up(self) -> None:
        """Ticks until the cursor stands at the head, or waits for another reason."""
        while not isinstance(self.tick(), StoodStill):
            pass

    def tick(self) -> Progress:
        """One step: some blocks in, or some back, or none.

        Raises ``UnverifiedBlock`` where the node tells what a block's hash does not commit to: that is recorded, and
        nothing of that block or above it is taken in until a node tells the truth. Raises ``WrongChain`` where the node
        serves another chain, ``HistoryMismatch`` where somebody would hold less than nothing, and what ``Blocks``
        raises. Whatever it is, the next tick tries again.
        """
        try:
            return self._tick()
        except (NodeTrouble, ChainMismatch) as trouble:
            with self._database.transaction() as tx:
                if isinstance(trouble, UnverifiedBlock):
                    following.quarantine(tx, self._chain.key, trouble, self._blocks.distrust(), self._now_s())
                following.wait(tx, self._chain.key, str(trouble), self._now_s())
            raise

    def _tick(self) -> Progress:
        found = self._blocks.chain()
        if found != self._chain:
            raise WrongChain("chain", self._chain.key, found.key)
        cursors = self._cursors()
        foremost = max(cursors.values(), key=lambda cursor: cursor.next)
        sight = self._sight(foremost)
        step = plan(foremost, sight, self._span)
        if isinstance(step, Rewind) or self._is_out_of_patience(step):
            return self._go_back(cursors, foremost)
        hindmost = min(cursors.values(), key=lambda cursor: cursor.next)
        if hindmost.next < foremost.next:  # a contract that is followed since lately comes up to the others first
            step = plan(hindmost, self._sight_below(hindmost, foremost, sight), self._span)
        match step:
            case Read():
                group = {token: cursor for token, cursor in cursors.items() if cursor.next == step.first}
                return self._read(step, group)
            case Wait(because):
                self._stand_still(because)
                return StoodStill(because)
            case Rewind():
                raise AssertionError("a cursor below the foremost stands on the same chain")

    def _stand_still(self, because: str | None) -> None:
        """Notes why nothing comes in, where that is news: it holds no other writer up while it is not."""
        with self._database.read() as tx:
            if following.is_waiting(tx, self._chain.key, because):
                return
        with self._database.transaction() as tx:
            following.wait(tx, self._chain.key, because, self._now_s())

    def _cursors(self) -> Cursors:
        chain = self._chain.key
        if not self._is_following:
            with self._database.transaction() as tx:
                for source in self._sources.values():
                    following.follow(tx, chain, source.token, source.first, self._now_s())
            self._is_following = True
        with self._database.read() as tx:
            found = following.followed(tx, chain)
        return {token: cursor for token, cursor in found.items() if token in self._sources}

    def _now_s(self) -> int:
        return int(self._clock_s())

    # ------------------------------------------------------------------------------------------------ what the node has

    def _sight(self, cursor: Cursor) -> Sight:
        head = self._blocks.head()
        seen = Point(head.header.number, head.hash)
        if cursor.at is None:
            return Sight(seen, None)
        at_cursor = self._blocks.hashes([cursor.at.number])[cursor.at.number]
        if at_cursor is not None or seen.number >= cursor.at.number:
            return Sight(seen, at_cursor)
        with self._database.read() as tx:
            kept = following.kept_below(tx, self._chain.key, seen.number + 1, limit=1)
        is_beginning = all(self._blocks.hashes([point.number])[point.number] == point.hash for point in kept)
        return Sight(seen, None, is_beginning)

    def _sight_below(self, cursor: Cursor, foremost: Cursor, sight: Sight) -> Sight:
        """What a cursor below ``foremost`` sees: the same chain, up to where the others stand."""
        up_to = sight.head if foremost.at is None or foremost.at.number > sight.head.number else foremost.at
        return Sight(up_to, None if cursor.at is None else cursor.at.hash)

    def _is_out_of_patience(self, step: Read | Rewind | Wait) -> bool:
        if not (isinstance(step, Wait) and step.is_behind):
            self._behind_since_s = None
            return False
        now_s = self._monotonic_s()
        if self._behind_since_s is None or self._blocks.is_syncing():
            self._behind_since_s = now_s
        return now_s - self._behind_since_s >= self._patience_s

    # ------------------------------------------------------------------------------------------------ going back

    def _go_back(self, cursors: Cursors, foremost: Cursor) -> Progress:
        self._behind_since_s = None
        to = self._last_in_common(foremost)
        if to is not None and to == foremost.at:
            return Overtaken()  # the node changed its mind between two questions
        with self._database.transaction() as tx:
            everybody = following.followed(tx, self._chain.key)
            is_as_seen = all(everybody[token] == cursor for token, cursor in cursors.items())
            orphaned = following.rewind(tx, self._chain.key, everybody, to, self._now_s()) if is_as_seen else None
        return Overtaken() if orphaned is None else WentBack(to, orphaned)

    def _last_in_common(self, foremost: Cursor) -> Point | None:
        below = foremost.next
        while True:
            with self._database.read() as tx:
                kept = following.kept_below(tx, self._chain.key, below)
            if not kept:
                return None
            search = Search.among(kept)
            while probes := search.probes():
                search = search.narrowed(self._blocks.hashes(point.number for point in probes))
            if search.last_in_common is not None:
                return search.last_in_common
            below = kept[0].number

    # ------------------------------------------------------------------------------------------------ going on

    def _read(self, step: Read, group: Cursors) -> Progress:
        sources = [self._sources[token] for token in group]
        reading = Reading(self._blocks, sources, self._parent_of(step.first, group))
        last, facts = step.first - 1, 0
        with ThreadPoolExecutor(ASKED_AHEAD) as pool:
            for part in reading.parts(step, pool):
                with self._database.transaction() as tx:
                    if not following.advance(tx, self._chain.key, group, part, self._now_s()):
                        return Overtaken()
                group = {token: Cursor(cursor.first, part[-1].point) for token, cursor in group.items()}
                last = part[-1].point.number
                facts += sum(len(some) for block in part for some in block.facts.values())
        self._stalls = self._stalls + 1 if last < step.first else 0
        if reading.trouble is not None and (self._stalls >= STALLS or not reading.may_pass):
            raise reading.trouble
        return TookIn(step.first, BlockNumber(last), facts) if last >= step.first else Overtaken()

    def _parent_of(self, number: BlockNumber, group: Cursors) -> Hash32 | None:
        for cursor in group.values():
            if cursor.at is not None:
                return cursor.at.hash
        with self._database.read() as tx:
            return following.kept_at(tx, self._chain.key, number - 1)
