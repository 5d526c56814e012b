"""A block as a node tells it, checked against what its hash commits to."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainwallet.errors import UnverifiedBlock
from chainwallet.evm import Hash32, to_hex
from chainwallet.proofs.header import Header
from chainwallet.proofs.receipts import LAST_TYPE, SealedReceipt, receipts_root


@dataclass(frozen=True)
class ToldBlock:
    """A header, with the hash of it and those of its transactions as somebody tells them."""

    header: Header
    hash: Hash32
    transactions: tuple[Hash32, ...]


def verify_header(block: ToldBlock) -> None:
    """Raises ``UnverifiedBlock`` unless the header hashes to the hash that was told."""
    found = block.header.hash()
    if found != block.hash:
        raise UnverifiedBlock(block.header.number, "hash of the header", to_hex(block.hash), to_hex(found))


def verify_receipts(block: ToldBlock, receipts: Sequence[SealedReceipt]) -> None:
    """Raises ``UnverifiedBlock`` unless ``receipts`` are all of the block's, in order, as its header commits to them.

    The receipts root proves everything in them but the transactions' hashes; those must be the ones that were told
    with the block, each once, and every log must name its own place.
    """
    number = block.header.number
    unknown = next((receipt.kind for receipt in receipts if receipt.kind > LAST_TYPE), None)
    if unknown is not None:
        raise UnverifiedBlock(number, "type of a receipt", f"at most {LAST_TYPE}", str(unknown))
    found = receipts_root(receipts)
    if found != block.header.receipts_root:
        raise UnverifiedBlock(number, "receipts root", to_hex(block.header.receipts_root), to_hex(found))
    told = tuple(receipt.tx for receipt in receipts)
    if told != block.transactions or len(set(told)) != len(told):
        raise UnverifiedBlock(number, "transactions", _hashes(block.transactions), _hashes(told))
    index = 0
    for receipt in receipts:
        for log in receipt.logs:
            place = (log.block, log.block_hash, log.tx, log.index)
            if place != (number, block.hash, receipt.tx, index):
                expected = f"log {index} of transaction {to_hex(receipt.tx)}"
                shown = f"log {log.index} of transaction {to_hex(log.tx)} in block {log.block} {to_hex(log.block_hash)}"
                raise UnverifiedBlock(number, "place of a log", expected, shown)
            index += 1


def _hashes(hashes: Sequence[Hash32]) -> str:
    first = f", the first {to_hex(hashes[0])}" if hashes else ""
    return f"{len(hashes)} hashes{first}"
