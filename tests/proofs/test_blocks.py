"""Headers, bloom filters and receipts of a real Anvil, true and changed."""

import copy
import random
from collections.abc import Iterator
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.anvil import RunningChain
from chainwallet.errors import NodeTrouble, UnverifiedBlock
from chainwallet.evm import Address, BlockNumber, Hash32, Log, keccak256, to_hex
from chainwallet.proofs.block import ToldBlock, verify_header, verify_receipts
from chainwallet.proofs.bloom import BLOOM_BYTES, EMPTY_BLOOM, bloom_of, mask_of, may_contain
from chainwallet.proofs.encoding import decode, encode
from chainwallet.proofs.header import Header
from chainwallet.proofs.receipts import SealedReceipt, receipts_root
from chainwallet.proofs.trie import EMPTY_ROOT
from chainwallet.rpc import sealed
from chainwallet.rpc.shapes import Misshapen
from tests.conftest import ask
from tests.proofs.changes import CHANGES

SENDER, AUTHORITY = Account.from_key("0x" + "42" * 32), Account.from_key("0x" + "43" * 32)
EMITTER, REVERTER = "0x" + "11" * 20, "0x" + "22" * 20
# Runtime code: logs the call data with three topics, its first 16 bytes with one, and all of it with none.
EMITS = "0x" + "365f5f37" + "600960086007" + "365fa3" + "600760105fa1" + "365fa0" + "00"
REVERTS = "0x" + "5f5ffd"
POINT_AT_INFINITY = b"\xc0" + bytes(47)  # commitment to and proof of a blob of zeros
EMPTY_BLOB_HASH = b"\x01" + sha256(POINT_AT_INFINITY).digest()[1:]
FEES = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1}
CALL = {"to": EMITTER, "data": "0x1234", "gas": 200_000, "value": 0}


def signed(**transaction: Any) -> str:
    return to_hex(SENDER.sign_transaction(transaction).raw_transaction)


def with_empty_blob(raw: str) -> str:
    """A blob transaction as it is handed over, with its one blob, which is all zeros (EIP-4844)."""
    body = decode(bytes.fromhex(raw[4:]))
    return "0x03" + encode([body, [bytes(131_072)], [POINT_AT_INFINITY], [POINT_AT_INFINITY]]).hex()


def of_every_type(chain_id: int) -> list[str]:
    """Raw transactions of types 0 to 4, one that fails, one that creates a contract, one without logs."""
    common = {**CALL, "chainId": chain_id}
    blob = {
        **common,
        **FEES,
        "nonce": 3,
        "type": 3,
        "maxFeePerBlobGas": 10**10,
        "blobVersionedHashes": [EMPTY_BLOB_HASH],
    }
    permission = AUTHORITY.sign_authorization({"chainId": chain_id, "address": EMITTER, "nonce": 0})
    typed = [
        signed(**common, gasPrice=10**10, nonce=0),
        signed(**common, gasPrice=10**10, nonce=1, accessList=[{"address": EMITTER, "storageKeys": [0, 1]}], type=1),
        signed(**common, **FEES, nonce=2, type=2),
        with_empty_blob(signed(**blob)),
        signed(**common, **FEES, nonce=4, type=4, authorizationList=[permission]),
    ]
    failing = {**common, **FEES, "to": REVERTER, "nonce": 5}
    creation = {**common, **FEES, "to": "", "data": "0x5f5ff3", "nonce": 6}
    quiet = {**common, **FEES, "to": "0x" + "01" * 20, "data": "0x", "nonce": 7}
    return [*typed, signed(**failing), signed(**creation), signed(**quiet)]


@pytest.fixture(scope="module")
def told(local_chain: RunningChain) -> Iterator[list[tuple[Any, Any]]]:
    """Blocks and their receipts as JSON: one with every type of transaction, one with many, an empty one, genesis."""
    url = local_chain.url
    snapshot = ask(url, "evm_snapshot")
    ask(url, "anvil_setBalance", SENDER.address, hex(10**20))
    ask(url, "anvil_setCode", EMITTER, EMITS)
    ask(url, "anvil_setCode", REVERTER, REVERTS)
    ask(url, "evm_setAutomine", False)
    first = int(str(ask(url, "eth_blockNumber")), 16) + 1
    for raw in of_every_type(local_chain.chain_id):
        ask(url, "eth_sendRawTransaction", raw)
    ask(url, "anvil_mine", "0x1")
    many = {**CALL, **FEES, "chainId": local_chain.chain_id}
    for nonce in range(8, 8 + 140):
        ask(url, "eth_sendRawTransaction", signed(**many, nonce=nonce))
    ask(url, "anvil_mine", "0x2")
    ask(url, "evm_setAutomine", True)
    numbers = [hex(number) for number in (first, first + 1, first + 2, 0)]
    blocks: list[Any] = [ask(url, "eth_getBlockByNumber", number, False) for number in numbers]
    yield [(block, ask(url, "eth_getBlockReceipts", block["hash"])) for block in blocks]
    assert ask(url, "evm_revert", snapshot) is True


def verify(block: Any, receipts: Any) -> None:
    """What the indexer does with a block that it was told."""
    read, those = sealed.told_block(block), sealed.receipts(receipts)
    assert read is not None
    assert those is not None
    verify_header(read)
    verify_receipts(read, those)


def test_true_blocks_are_verified(told: list[tuple[Any, Any]]) -> None:
    """Blocks with every type of transaction, failures, creations, 140 receipts and none are what they claim."""
    every_type, many, empty, _ = told
    assert [receipt["type"] for receipt in every_type[1]] == ["0x0", "0x1", "0x2", "0x3", "0x4", "0x2", "0x2", "0x2"]
    assert every_type[1][5]["status"] == "0x0"
    assert every_type[1][6]["contractAddress"] is not None
    assert len(many[1]) == 140
    assert (empty[1], empty[0]["receiptsRoot"]) == ([], to_hex(EMPTY_ROOT))
    for block, receipts in told:
        verify(block, receipts)


def test_the_bloom_filters_of_real_blocks_are_those_of_their_logs(told: list[tuple[Any, Any]]) -> None:
    """A block's filter is the union of its receipts', each that of its logs; what it lacks was not logged."""
    for block, receipts in told:
        read = sealed.told_block(block)
        assert read is not None
        bits = 0
        for receipt in sealed.receipts(receipts) or ():
            assert receipt.bloom == bloom_of(receipt.logs)
            bits |= int.from_bytes(receipt.bloom, "big")
        assert read.header.logs_bloom == bits.to_bytes(BLOOM_BYTES, "big")
        has_logs = bool(bits)
        assert may_contain(read.header.logs_bloom, bytes.fromhex(EMITTER[2:])) == has_logs
        assert not may_contain(read.header.logs_bloom, b"\x55" * 20)


# ------------------------------------------------------------------------------------------------ changed


def test_200_of_200_changes_to_receipts_are_caught(told: list[tuple[Any, Any]]) -> None:
    """Whatever is left out, changed, swapped, moved or added among a block's receipts, the block is not verified."""
    dice = random.Random(4)  # noqa: S311 - the same changes in every run
    for at in range(200):
        block, receipts = copy.deepcopy(told[at % 2])
        CHANGES[at % len(CHANGES)](receipts, dice)
        with pytest.raises(UnverifiedBlock) as caught:
            verify(block, receipts)
        assert caught.value.block == int(block["number"], 16)


def tampered(value: int | bytes) -> int | bytes:
    return value + 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]


def test_two_transactions_of_one_hash_are_caught(told: list[tuple[Any, Any]]) -> None:
    """A node cannot make one transaction of two by giving both the same hash, in the block and in all receipts."""
    block, receipts = copy.deepcopy(told[1])
    block["transactions"][5] = block["transactions"][4]
    receipts[5]["transactionHash"] = block["transactions"][4]
    for log in receipts[5]["logs"]:
        log["transactionHash"] = block["transactions"][4]
    with pytest.raises(UnverifiedBlock):
        verify(block, receipts)


def with_field(header: Header, name: str, value: Any) -> Header:
    changes: dict[str, Any] = {name: value}
    return replace(header, **changes)


@pytest.mark.parametrize("name", [field.name for field in fields(Header)])
def test_each_field_of_a_header_is_in_its_hash(told: list[tuple[Any, Any]], name: str) -> None:
    """Whichever of the 21 fields of a header is changed, or left out with those after it, the hash is another."""
    assert len(fields(Header)) == 21
    read = sealed.told_block(told[0][0])
    assert read is not None
    header = replace(read.header, extra_data=b"some")
    hashes = {header.hash(), with_field(header, name, tampered(getattr(header, name))).hash()}
    assert len(hashes) == 2
    if getattr(Header, name, ...) is None:
        assert with_field(header, name, None).hash() not in hashes


JSON_NAMES = {
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed",
    "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(JSON_NAMES))
def test_a_tampered_header_is_caught_as_a_node_would_tell_it(told: list[tuple[Any, Any]], name: str) -> None:
    """A header with one field changed, or without it, does not pass for the block whose hash it carries."""
    block = copy.deepcopy(told[0][0])
    text = block[name]
    changed = text[:-1] + ("0" if text[-1] != "0" else "1")
    for lie in ({**block, name: changed}, {key: value for key, value in block.items() if key != name}):
        with pytest.raises((UnverifiedBlock, Misshapen)):
            verify(lie, told[0][1])


# ------------------------------------------------------------------------------------------------ every fork


# Source: the public Ethereum mainnet, the first block and the first of each fork that added a field.
GENESIS = Header(
    parent=Hash32(bytes(32)),
    ommers_hash=Hash32(bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")),
    beneficiary=Address(bytes(20)),
    state_root=Hash32(bytes.fromhex("d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544")),
    transactions_root=EMPTY_ROOT,
    receipts_root=EMPTY_ROOT,
    logs_bloom=EMPTY_BLOOM,
    difficulty=17_179_869_184,
    number=BlockNumber(0),
    gas_limit=5_000,
    gas_used=0,
    timestamp_s=0,
    extra_data=bytes.fromhex("11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa"),
    mix_hash=Hash32(bytes(32)),
    nonce=bytes.fromhex("0000000000000042"),
)


def test_the_first_block_of_ethereum_has_its_well_known_hash() -> None:
    """A legacy header of 15 fields hashes to the hash by which Ethereum's mainnet is known."""
    assert to_hex(GENESIS.hash()) == "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"


def test_every_forks_header_differs_from_the_one_before() -> None:
    """London, Shanghai, Cancun and Prague each add fields, and each header hashes to something of its own."""
    london = replace(GENESIS, base_fee_per_gas_wei=0)
    shanghai = replace(london, withdrawals_root=EMPTY_ROOT)
    cancun = replace(shanghai, blob_gas_used=0, excess_blob_gas=0, parent_beacon_block_root=Hash32(bytes(32)))
    prague = replace(cancun, requests_hash=Hash32(bytes(32)))
    assert len({header.hash() for header in (GENESIS, london, shanghai, cancun, prague)}) == 5


# ------------------------------------------------------------------------------------------------ bloom filters


LOGS = st.builds(
    lambda address, topics: Log(
        Address(address), tuple(map(Hash32, topics)), b"", BlockNumber(1), Hash32(bytes(32)), Hash32(bytes(32)), 0
    ),
    st.binary(min_size=20, max_size=20),
    st.lists(st.binary(min_size=32, max_size=32), max_size=4),
)


@given(st.lists(LOGS, max_size=8), LOGS)
def test_a_filter_never_denies_what_was_logged(logs: list[Log], other: Log) -> None:
    """What was logged may always be contained; what is denied was not logged."""
    bloom = bloom_of(logs)
    for log in logs:
        assert may_contain(bloom, log.address, *log.topics)
    if not may_contain(bloom, other.address):
        assert other.address not in {log.address for log in logs}


def test_a_filter_sets_three_bits_as_the_yellow_paper_says() -> None:
    """The bits of a name are the low 11 of its hash's first three pairs of bytes."""
    digest = keccak256(b"name")
    places = {int.from_bytes(digest[at : at + 2], "big") & 0x7FF for at in (0, 2, 4)}
    assert mask_of(b"name") == sum(1 << place for place in places)
    assert not may_contain(EMPTY_BLOOM, b"name")


# ------------------------------------------------------------------------------------------------ malformed


def test_receipts_before_byzantium_carry_the_states_root() -> None:
    """A receipt with a state root in place of a status is encoded with it."""
    status = SealedReceipt(0, b"\x01", 21_000, EMPTY_BLOOM, (), Hash32(bytes(32)))
    assert receipts_root([replace(status, outcome=bytes(32))]) != receipts_root([status])
    told = {"root": "0x" + "00" * 32, "cumulativeGasUsed": "0x5208", "logsBloom": to_hex(EMPTY_BLOOM), "logs": []}
    assert sealed.receipt({**told, "transactionHash": "0x" + "00" * 32}).outcome == bytes(32)


@pytest.mark.parametrize("value", [{}, [], "0x", 5, {"hash": "0x00"}, {"transactions": None}, None])
def test_what_is_no_block_is_refused(value: Any) -> None:
    """JSON that is no block is refused as such; null is no block."""
    if value is None:
        assert sealed.told_block(value) is None
    else:
        with pytest.raises(Misshapen):
            sealed.told_block(value)


@pytest.mark.parametrize("value", [{}, "0x", 5, [{}], [None], [{"logs": 1}]])
def test_what_are_no_receipts_is_refused(value: Any) -> None:
    """JSON that is no list of receipts is refused as such."""
    with pytest.raises(Misshapen):
        sealed.receipts(value)


def test_an_unverified_block_is_the_nodes_fault_and_says_what_is_wrong() -> None:
    """The error names the block, what of it is false, and both values, in one line."""
    block = ToldBlock(GENESIS, keccak256(b"another"), ())
    with pytest.raises(NodeTrouble) as caught:
        verify_header(block)
    assert str(caught.value).startswith("block 0, hash of the header: found 0xd4e56740")
