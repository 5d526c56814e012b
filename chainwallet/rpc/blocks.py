"""A node's blocks with all that their hashes commit to, as it tells them: whoever uses them verifies them."""

from collections.abc import Iterable, Sequence

from chainwallet.errors import NodeRefused, UnverifiedBlock
from chainwallet.evm import BlockNumber, ChainName, Hash32
from chainwallet.proofs.block import ToldBlock, verify_header
from chainwallet.proofs.receipts import SealedReceipt
from chainwallet.rpc import sealed, shapes
from chainwallet.rpc.answers import ReadAnswer, meaning_of_read
from chainwallet.rpc.node import Node

Receipts = tuple[SealedReceipt, ...]


class Blocks:
    """The blocks that ``node`` tells of; every method raises what ``Node``'s do."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tells_whole_blocks = True

    def distrust(self) -> str:
        """Have other nodes asked first for a while, where there are any; who told the last of what is not true."""
        self._node.distrust()
        return self._node.answered_by

    def chain(self) -> ChainName:
        """The name of the chain that the node serves."""
        return ChainName(self._node.chain_id(), self._node.genesis_hash())

    def head(self) -> ToldBlock:
        """The latest block."""
        (head,) = self._node.read_many("eth_getBlockByNumber", [("latest", False)], sealed.told_block)
        if head is None:
            raise NodeRefused("eth_getBlockByNumber", 0, "answered that there is no latest block")
        return head

    def is_syncing(self) -> bool:
        """Whether the node says that it is still fetching the chain from others."""
        (answer,) = self._node.read_many("eth_syncing", [()], lambda value: value is not False)
        return answer

    def between(self, first: int, last: int) -> list[ToldBlock | None]:
        """The blocks ``first`` to ``last``, both included; None for one that the node does not have."""
        asked = [(hex(number), False) for number in range(first, last + 1)]
        return self._node.read_many("eth_getBlockByNumber", asked, sealed.told_block)

    def hashes(self, numbers: Iterable[BlockNumber]) -> dict[BlockNumber, Hash32 | None]:
        """By number, the hash of the node's block; None where it has none.

        Raises ``UnverifiedBlock`` where the node's header of a block has another hash or number: what is built on a
        block is not taken back because of a hash that no header has.
        """
        asked = list(numbers)
        told = self._node.read_many(
            "eth_getBlockByNumber", [(hex(number), False) for number in asked], sealed.told_block
        )
        return {number: _proved_hash(number, block) for number, block in zip(asked, told, strict=True)}

    def receipts(self, blocks: Sequence[ToldBlock]) -> list[Receipts | None]:
        """All receipts of each of ``blocks``, asked for by the blocks' hashes; None where the node has them not, or not
        any more.

        A node without ``eth_getBlockReceipts`` is asked for each receipt.
        """
        if self._tells_whole_blocks:
            try:
                return self._node.read_many(
                    "eth_getBlockReceipts", [(shapes.hexed(block.hash),) for block in blocks], sealed.receipts
                )
            except NodeRefused as refusal:
                if meaning_of_read(refusal.code, refusal.reason) is not ReadAnswer.NO_METHOD:
                    raise
                self._tells_whole_blocks = False
        return [self._one_by_one(block) for block in blocks]

    def _one_by_one(self, block: ToldBlock) -> Receipts | None:
        told = self._node.read_many(
            "eth_getTransactionReceipt", [(shapes.hexed(tx),) for tx in block.transactions], sealed.receipt_in
        )
        receipts = [one[1] for one in told if one is not None and one[0] == block.hash]
        return tuple(receipts) if len(receipts) == len(block.transactions) else None


def _proved_hash(number: BlockNumber, block: ToldBlock | None) -> Hash32 | None:
    if block is None:
        return None
    verify_header(block)
    if block.header.number != number:
        raise UnverifiedBlock(number, "number", str(number), str(block.header.number))
    return block.hash
