"""Account and storage proofs from a real Anvil, and what becomes of them when somebody changes them."""

from dataclasses import astuple
from typing import Any

import pytest

from chainwallet.anvil import RunningChain
from chainwallet.errors import FalseProof
from chainwallet.evm import Address, Hash32, Wei, from_hex, keccak256, to_hex
from chainwallet.proofs.account import EMPTY_CODE_HASH, AccountProof, verify_account, verify_storage
from chainwallet.proofs.trie import EMPTY_ROOT
from chainwallet.rpc import Node
from tests.conftest import ask

HOLDER, CONTRACT, NOBODY = (Address(bytes([name]) * 20) for name in (0xA1, 0xC0, 0x0E))
CODE = bytes.fromhex("5f545f5260205ff3")  # returns slot 0
SLOTS = {Hash32(keccak256(bytes([at]))): 7**at for at in range(1, 80)}
SMALL_SLOT = Hash32(bytes(32))


@pytest.fixture
def state(chain: Node, local_chain: RunningChain) -> tuple[Hash32, str]:
    """A chain with an account, a contract and its storage; the head's state root and the chain's address."""
    url = local_chain.url
    chain.set_balance(HOLDER, 10**18)
    ask(url, "anvil_setNonce", to_hex(HOLDER), hex(300))
    ask(url, "anvil_setCode", to_hex(CONTRACT), to_hex(CODE))
    for slot, word in {**SLOTS, SMALL_SLOT: 1}.items():
        ask(url, "anvil_setStorageAt", to_hex(CONTRACT), to_hex(slot), to_hex(word.to_bytes(32, "big")))
    chain.mine()
    head: Any = ask(url, "eth_getBlockByNumber", "latest", False)
    return Hash32(from_hex(head["stateRoot"])), url


def proof_of(url: str, address: Address, *slots: Hash32) -> Any:
    return ask(url, "eth_getProof", to_hex(address), [to_hex(slot) for slot in slots], "latest")


def nodes_of(proof: list[str]) -> list[bytes]:
    return [from_hex(node) for node in proof]


def test_accounts_are_what_the_chain_says(state: tuple[Hash32, str]) -> None:
    """An account with ETH, a contract and one that does not exist are proved under the head's state root."""
    root, url = state
    holder = verify_account(root, HOLDER, nodes_of(proof_of(url, HOLDER)["accountProof"]))
    assert holder == AccountProof(300, Wei(10**18), EMPTY_ROOT, EMPTY_CODE_HASH)
    said = proof_of(url, CONTRACT)
    contract = verify_account(root, CONTRACT, nodes_of(said["accountProof"]))
    assert contract == AccountProof(0, Wei(0), Hash32(from_hex(said["storageHash"])), keccak256(CODE))
    nobody = verify_account(root, NOBODY, nodes_of(proof_of(url, NOBODY)["accountProof"]))
    assert astuple(nobody) == (0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)


def test_storage_is_what_the_chain_holds(state: tuple[Hash32, str]) -> None:
    """Every slot's word is proved under the account's storage hash, and an unused slot to be zero."""
    root, url = state
    unused = keccak256(b"unused")
    said = proof_of(url, CONTRACT, *SLOTS, SMALL_SLOT, unused)
    account = verify_account(root, CONTRACT, nodes_of(said["accountProof"]))
    for part in said["storageProof"]:
        slot = Hash32(from_hex(part["key"]).rjust(32, b"\0"))
        word = verify_storage(account.storage_hash, slot, nodes_of(part["proof"]))
        assert word == {**SLOTS, SMALL_SLOT: 1, unused: 0}[slot]


def test_a_storage_proof_of_an_account_without_storage_proves_zero(state: tuple[Hash32, str]) -> None:
    """An account without storage holds zero in every slot, and no node is needed to prove that."""
    root, url = state
    account = verify_account(root, HOLDER, nodes_of(proof_of(url, HOLDER)["accountProof"]))
    assert verify_storage(account.storage_hash, SMALL_SLOT, []) == 0


def test_every_changed_byte_of_a_proof_is_noticed(state: tuple[Hash32, str]) -> None:
    """Whatever byte of an account's proof is changed, the proof is false; so it is where a node is missing."""
    root, url = state
    nodes = nodes_of(proof_of(url, CONTRACT)["accountProof"])
    for at, node in enumerate(nodes):
        with pytest.raises(FalseProof):
            verify_account(root, CONTRACT, nodes[:at] + nodes[at + 1 :])
        for byte in range(len(node)):
            changed = node[:byte] + bytes([node[byte] ^ 1]) + node[byte + 1 :]
            with pytest.raises(FalseProof):
                verify_account(root, CONTRACT, [*nodes[:at], changed, *nodes[at + 1 :]])


def test_a_proof_for_another_account_or_block_proves_nothing(state: tuple[Hash32, str], chain: Node) -> None:
    """A true proof of one account says nothing of another, nor of the same account at another state."""
    root, url = state
    nodes = nodes_of(proof_of(url, CONTRACT)["accountProof"])
    with pytest.raises(FalseProof):
        verify_account(root, HOLDER, nodes)
    chain.set_balance(HOLDER, 2 * 10**18)
    chain.mine()
    with pytest.raises(FalseProof):
        verify_account(root, HOLDER, nodes_of(proof_of(url, HOLDER)["accountProof"]))
