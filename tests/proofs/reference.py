"""The libraries ``rlp`` and ``trie``, which our own code is compared with."""

from collections.abc import Mapping, Sequence
from typing import Any

import rlp
from trie.hexary import HexaryTrie

from chainwallet.evm import Hash32
from chainwallet.proofs.encoding import Item


def encoded(value: Item | int) -> bytes:
    """The library's RLP."""
    return bytes(rlp.encode(value))


class ReferenceTrie:
    """The library's trie of ``content``."""

    def __init__(self, content: Mapping[bytes, bytes]) -> None:
        self._trie: Any = HexaryTrie({})
        for key, value in content.items():
            self._trie[key] = value

    @property
    def root(self) -> Hash32:
        return Hash32(bytes(self._trie.root_hash))

    def proof(self, key: bytes) -> list[bytes]:
        return [encoded(node) for node in self._trie.get_proof(key)]


def reference_root(values: Sequence[bytes]) -> Hash32:
    """The root of the trie that maps each index to its value."""
    return ReferenceTrie({encoded(at): value for at, value in enumerate(values)}).root
