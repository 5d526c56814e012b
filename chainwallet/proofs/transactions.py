"""Transactions as a block commits to them: their bytes, their hashes and the root over all of a block's.

Sources: Yellow Paper 4.2; EIP-155, EIP-2718, EIP-2930, EIP-1559, EIP-4844, EIP-7702.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainwallet.evm import Hash32, keccak256
from chainwallet.proofs.encoding import Item, encode
from chainwallet.proofs.trie import list_root

LEGACY = 0


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction with its signature: the fields of its ``kind`` (EIP-2718; 0: legacy) in the order of its encoding.

    Numbers are their big-endian bytes without leading zeros; the receiver is empty where a contract is created.
    """

    kind: int
    fields: Sequence[Item]

    def encoded(self) -> bytes:
        """The transaction as it was broadcast and as the trie holds it."""
        body = encode(self.fields)
        return body if self.kind == LEGACY else bytes((self.kind,)) + body


def hashes_and_root(transactions: Iterable[SignedTransaction]) -> tuple[tuple[Hash32, ...], Hash32]:
    """The hashes of a block's transactions in their order, and the root over them."""
    encoded = [transaction.encoded() for transaction in transactions]
    return tuple(map(keccak256, encoded)), list_root(encoded)
