"""Blocks asked for ahead, verified, and turned into facts."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice

from chainwallet.abi.facts import facts_of
from chainwallet.errors import NodeRefused, NodeTrouble, UnverifiedBlock
from chainwallet.evm import Address, BlockNumber, Hash32, to_hex
from chainwallet.proofs.block import ToldBlock, verify_header, verify_receipts
from chainwallet.proofs.bloom import mask_of
from chainwallet.proofs.trie import EMPTY_ROOT
from chainwallet.rpc import Blocks, Receipts
from chainwallet.rules.fact import Fact
from chainwallet.rules.following import Point, Read
from chainwallet.store.following import VerifiedBlock

ASKED_TRANSACTIONS = 400  # so many receipts are asked for at once, or one block's
ASKED_AHEAD = 2  # questions that are under way while the answer to another is verified
WRITTEN_FACTS = 8_000  # so many are written in one transaction, or one block's


@dataclass(frozen=True)
class Source:
    """A contract to follow: its ``token``'s events in the blocks from ``first`` on."""

    token: str
    address: Address
    first: BlockNumber


class Unfit(Exception):
    """Blocks that do not fit together, each of which may be true: the chain may have moved between two questions."""

    def __init__(self, trouble: NodeTrouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


class Reading:
    """Reads blocks above the one with hash ``parent`` (None: any), for ``sources``.

    After ``parts`` ended, ``trouble`` says why it ended early, if it did; where that ``may_pass``, the same question
    may have another answer soon.
    """

    def __init__(self, blocks: Blocks, sources: Iterable[Source], parent: Hash32 | None) -> None:
        self.trouble: NodeTrouble | None = None
        self.may_pass = False
        self._blocks = blocks
        self._sources = [(source, mask_of(source.address)) for source in sources]
        self._parent = parent

    def parts(self, step: Read, pool: Executor) -> Iterator[list[VerifiedBlock]]:
        """The verified blocks of ``step`` in order, in parts of about ``WRITTEN_FACTS``; questions run in ``pool``."""
        part: list[VerifiedBlock] = []
        facts = 0
        verified = self._verified(step, pool)
        while (block := self._next(verified)) is not None:
            part.append(block)
            facts += sum(map(len, block.facts.values()))
            if facts >= WRITTEN_FACTS:
                yield part
                part, facts = [], 0
        if part:
            yield part

    def _next(self, verified: Iterator[VerifiedBlock]) -> VerifiedBlock | None:
        try:
            return next(verified, None)
        except Unfit as unfit:
            self.trouble, self.may_pass = unfit.trouble, True
        except NodeTrouble as trouble:
            self.trouble = trouble
        return None

    def _verified(self, step: Read, pool: Executor) -> Iterator[VerifiedBlock]:
        linked: list[ToldBlock] = []
        trouble: Exception | None = None
        try:
            linked.extend(self._linked(step))
        except (Unfit, UnverifiedBlock) as found:  # what is below is good
            trouble = found
        concerning = [block for block in linked if self._may_concern(block)]
        answers = self._asked_ahead(concerning, pool)
        wanted = {block.hash for block in concerning}
        for block in linked:
            yield _verified_block(block, self._facts(block, next(answers)) if block.hash in wanted else {})
        if trouble is not None:
            raise trouble

    # ------------------------------------------------------------------------------------------------ headers

    def _linked(self, step: Read) -> Iterator[ToldBlock]:
        """The blocks of ``step``, their headers proved, as far as each is the child of the one before."""
        parent = self._parent
        for number, block in enumerate(self._blocks.between(step.first, step.last), step.first):
            if block is None:
                raise Unfit(NodeRefused("eth_getBlockByNumber", 0, f"answered that there is no block {number}"))
            if block.header.number != number:
                raise UnverifiedBlock(number, "number", str(number), str(block.header.number))
            verify_header(block)
            if parent is not None and block.header.parent != parent:
                raise Unfit(UnverifiedBlock(number, "parent", to_hex(parent), to_hex(block.header.parent)))
            parent = block.hash
            yield block

    def _may_concern(self, block: ToldBlock) -> bool:
        """Whether a followed contract may have logged something in it; False is proved by the header."""
        if block.header.receipts_root == EMPTY_ROOT:
            return False
        bloom = int.from_bytes(block.header.logs_bloom, "big")
        return any(bloom & mask == mask for _, mask in self._sources)

    # ------------------------------------------------------------------------------------------------ receipts

    def _asked_ahead(self, concerning: Sequence[ToldBlock], pool: Executor) -> Iterator[Receipts | None]:
        chunks = iter(_chunks(concerning))
        under_way: deque[Future[list[Receipts | None]]] = deque()
        for chunk in islice(chunks, ASKED_AHEAD):
            under_way.append(pool.submit(self._blocks.receipts, chunk))
        while under_way:
            answered = under_way.popleft().result()
            for chunk in islice(chunks, 1):
                under_way.append(pool.submit(self._blocks.receipts, chunk))
            yield from answered

    def _facts(self, block: ToldBlock, receipts: Receipts | None) -> dict[str, tuple[Fact, ...]]:
        if receipts is None:
            shown = f"answered that it has no receipts of block {block.header.number} {to_hex(block.hash)}"
            raise Unfit(NodeRefused("eth_getBlockReceipts", 0, shown))
        verify_receipts(block, receipts)
        facts = {}
        for source, _ in self._sources:
            logs = [log for receipt in receipts for log in receipt.logs if log.address == source.address]
            if logs:
                facts[source.token] = facts_of(logs, block.header.timestamp_s)
        return facts


def _verified_block(block: ToldBlock, facts: dict[str, tuple[Fact, ...]]) -> VerifiedBlock:
    header = block.header
    return VerifiedBlock(Point(header.number, block.hash), header.parent, header.timestamp_s, header.state_root, facts)


def _chunks(blocks: Sequence[ToldBlock]) -> Iterator[list[ToldBlock]]:
    """``blocks`` in their order, in parts of about ``ASKED_TRANSACTIONS``."""
    chunk: list[ToldBlock] = []
    count = 0
    for block in blocks:
        if chunk and count + len(block.transactions) > ASKED_TRANSACTIONS:
            yield chunk
            chunk, count = [], 0
        chunk.append(block)
        count += len(block.transactions)
    if chunk:
        yield chunk
