"""Receipts as a block commits to them, and the root over all of a block's.

Sources: Yellow Paper 4.3.1; EIP-658 (status); EIP-2718 (typed receipts: the type's byte before the list), as used by
EIP-2930, EIP-1559, EIP-4844 and EIP-7702 (types 1 to 4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainwallet.evm import Hash32, Log
from chainwallet.proofs.encoding import encode_bytes, encode_list, encode_uint
from chainwallet.proofs.trie import list_root

LEGACY = 0  # the type of receipts without a type's byte
_TOPIC = b"\xa0"  # RLP's prefix of 32 bytes
_ADDRESS = b"\x94"  # RLP's prefix of 20 bytes


@dataclass(frozen=True)
class SealedReceipt:
    """The part of a receipt that the block's receipts root commits to."""

    kind: int
    """The transaction's type (EIP-2718), 0 for a legacy one."""
    outcome: bytes
    """The status as a number's bytes: 0x01, or empty where it failed (EIP-658); before, the state's root."""
    cumulative_gas_used: int
    bloom: bytes
    logs: tuple[Log, ...]

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
    return encode_list((_ADDRESS, log.address, _encoded_topics(log.topics), encode_bytes(log.data)))


def _encoded_topics(topics: Sequence[Hash32]) -> bytes:
    return encode_list([part for topic in topics for part in (_TOPIC, topic)])
