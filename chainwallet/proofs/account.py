"""What an account and its storage hold, proved against a block's state root.

Sources: EIP-1186 (``eth_getProof``); Yellow Paper 4.1 (world state).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chainwallet.errors import FalseProof
from chainwallet.evm import Address, Hash32, Wei, keccak256
from chainwallet.proofs.encoding import Item, Malformed, decode, uint_bytes
from chainwallet.proofs.trie import EMPTY_ROOT, proved_value

EMPTY_CODE_HASH = keccak256(b"")


@dataclass(frozen=True)
class AccountProof:
    """An account as the state root commits to it; one that does not exist has zeros and the two empty hashes."""

    nonce: int
    balance_wei: Wei
    storage_hash: Hash32
    """The root of its storage's trie."""
    code_hash: Hash32
    """Keccak-256 of its code."""


def verify_account(state_root: Hash32, address: Address, proof: Iterable[bytes]) -> AccountProof:
    """The account of ``address`` under ``state_root``, from the nodes of ``proof`` (``accountProof``).

    Raises ``FalseProof`` where the nodes do not lead from the root to the account, or to its absence.
    """
    value = proved_value(state_root, keccak256(address), proof)
    if value is None:
        return AccountProof(0, Wei(0), EMPTY_ROOT, EMPTY_CODE_HASH)
    match _decoded(value, "an account in RLP"):
        case [bytes(nonce), bytes(balance), bytes(storage_hash), bytes(code_hash)] if (
            len(storage_hash) == len(code_hash) == 32
        ):
            return AccountProof(_uint(nonce), Wei(_uint(balance)), Hash32(storage_hash), Hash32(code_hash))
    raise FalseProof("account", "nonce, balance, storage hash and code hash", "another item")


def verify_storage(storage_hash: Hash32, slot: Hash32, proof: Iterable[bytes]) -> int:
    """The word in ``slot`` under ``storage_hash``, from the nodes of ``proof`` (``storageProof``); 0 where none is.

    Raises ``FalseProof`` as ``verify_account`` does.
    """
    value = proved_value(storage_hash, keccak256(slot), proof)
    if value is None:
        return 0
    word = _decoded(value, "a storage word in RLP")
    if not isinstance(word, bytes) or not 0 < len(word) <= 32:
        raise FalseProof("storage", "a word of 1 to 32 bytes", "another item")
    return _uint(word)


def _decoded(value: bytes, expected: str) -> Item:
    try:
        return decode(value)
    except Malformed as error:
        raise FalseProof("proof", expected, str(error)) from None


def _uint(data: bytes) -> int:
    number = int.from_bytes(data, "big")
    if uint_bytes(number) != data:
        raise FalseProof("proof", "a number without leading zeros", data.hex())
    return number
