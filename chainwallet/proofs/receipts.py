"""Receipts as a block commits to them, and the root over all of a block's.

Sources: Yellow Paper 4.3.1; EIP-658 (status); EIP-2718 (typed receipts: the type's byte before the list), as used by
EIP-2930, EIP-1559, EIP-4844 and EIP-7702 (types 1 to 4).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chainwallet.evm import Hash32, Log
from chainwallet.proofs.encoding import encode_bytes, encode_list, encode_uint
from chainwallet.proofs.trie import list_root

LEGACY = 0  # the type of receipts without a type's byte
LAST_TYPE = 0x7F  # EIP-2718: above, a type's byte could be taken for the beginning of a legacy receipt


@dataclass(frozen=True)
class SealedReceipt:
    """The part of a receipt that the block's receipts root commits to, and the hash that it does not."""

    kind: int
    """The transaction's type (EIP-2718), 0 for a legacy one."""
    outcome: bytes
    """The status as a number's bytes: 0x01, or empty where it failed (EIP-658); before, the state's root."""
    cumulative_gas_used: int
    bloom: bytes
    logs: tuple[Log, ...]
    tx: Hash32
    """Its transaction's hash, as whoever tells the receipt names it."""

    def encoded(self) -> bytes:
        """The receipt as the trie holds it."""
        body = encode_list(
            (
                encode_bytes(self.outcome),
                encode_uint(self.cumulative_gas_used),
                encode_bytes(self.bloom),
                encode_list([_encoded_log(log) for log in self.logs]),
            )
        )
        return body if self.kind == LEGACY else bytes((self.kind,)) + body


def receipts_root(receipts: Iterable[SealedReceipt]) -> Hash32:
    """The root over a block's receipts in their order."""
    return list_root([receipt.encoded() for receipt in receipts])


def _encoded_log(log: Log) -> bytes:
    topics = encode_list([encode_bytes(topic) for topic in log.topics])
    return encode_list((encode_bytes(log.address), topics, encode_bytes(log.data)))
