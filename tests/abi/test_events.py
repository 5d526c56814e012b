"""Events of the contract, decoded by hand, against web3's own reading of the same logs."""

from dataclasses import astuple, replace
from typing import Any, get_args

import pytest
from eth_abi.abi import encode
from hexbytes import HexBytes
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from chainwallet.abi.events import PAID_TOPIC, AllowanceSpent, Event, SkipReason
from chainwallet.abi.events import decode_event as decode
from chainwallet.abi.generated import EVENTS
from chainwallet.artifacts import ledger_abi
from chainwallet.errors import NodeRefused
from chainwallet.evm import Address, BlockNumber, Hash32, Log, checksum, keccak256

ABI = ledger_abi()
CONTRACT = Web3().eth.contract(abi=ABI)
ABI_EVENTS = {entry["name"]: entry for entry in ABI if entry["type"] == "event"}
KINDS = {kind.__name__: kind for kind in get_args(Event) if kind is not AllowanceSpent}
CASH = Address(b"\xca" * 20)


def signature_of(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(field['type'] for field in entry['inputs'])})"


def values_of(kind: str) -> st.SearchStrategy[Any]:
    if kind.endswith("[]"):
        return st.lists(values_of(kind[:-2]), max_size=6)
    if kind == "address":
        return st.binary(min_size=20, max_size=20)
    if kind == "bytes32":
        return st.binary(min_size=32, max_size=32)
    return st.integers(0, 2 ** int(kind.removeprefix("uint")) - 1)


def log_of(entry: dict[str, Any], values: list[Any]) -> Log:
    """The log that the contract would emit."""
    inputs = entry["inputs"]
    indexed = [
        Hash32(encode([field["type"]], [value]))
        for field, value in zip(inputs, values, strict=True)
        if field["indexed"]
    ]
    rest = [(field["type"], value) for field, value in zip(inputs, values, strict=True) if not field["indexed"]]
    data = encode([kind for kind, _ in rest], [value for _, value in rest])
    topics = (keccak256(signature_of(entry).encode()), *indexed)
    return Log(CASH, topics, data, BlockNumber(5), Hash32(b"\x05" * 32), Hash32(b"\x06" * 32), 3)


def web3_reading(name: str, log: Log) -> dict[str, Any]:
    """The arguments that web3 reads from the same log."""
    receipt_log: Any = {
        "address": checksum(log.address),
        "topics": [HexBytes(topic) for topic in log.topics],
        "data": HexBytes(log.data),
        "blockNumber": log.block,
        "blockHash": HexBytes(log.block_hash),
        "transactionHash": HexBytes(log.tx),
        "transactionIndex": 0,
        "logIndex": log.index,
        "removed": False,
    }
    return dict(CONTRACT.events[name]().process_log(receipt_log)["args"])


def as_web3(value: object) -> object:
    match value:
        case bytes() if len(value) == 20:
            return checksum(Address(value))
        case tuple():
            return list(value)
        case _:
            return value


def test_topics_are_the_abis() -> None:
    """The table of topics is exactly the hashes of the contract's event signatures."""
    assert {signature_of(entry): keccak256(signature_of(entry).encode()) for entry in ABI_EVENTS.values()} == EVENTS
    assert keccak256(b"Paid(bytes32,uint256)") == PAID_TOPIC


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=50)
@given(data=st.data())
def test_events_read_as_web3_reads_them(name: str, data: st.DataObject) -> None:
    """Every event is decoded to its class with the same values that web3 reads, in the order of the ABI."""
    entry = ABI_EVENTS[name]
    log = log_of(entry, [data.draw(values_of(field["type"])) for field in entry["inputs"]])
    event = decode(log)
    assert event is not None
    assert type(event) is KINDS[name]
    expected = web3_reading(name, log)
    assert [as_web3(value) for value in astuple(event)] == [expected[field["name"]] for field in entry["inputs"]]


@pytest.mark.parametrize("name", sorted(ABI_EVENTS.keys() - KINDS.keys()))
@settings(max_examples=10)
@given(data=st.data())
def test_the_administrations_other_events_have_no_class(name: str, data: st.DataObject) -> None:
    """What the handing over of the administration reports is not taken for another event."""
    entry = ABI_EVENTS[name]
    assert decode(log_of(entry, [data.draw(values_of(field["type"])) for field in entry["inputs"]])) is None


@given(
    topics=st.lists(st.binary(min_size=32, max_size=32).map(Hash32), min_size=1, max_size=4),
    data=st.binary(max_size=100),
)
def test_logs_of_other_contracts_are_nothing(topics: list[Hash32], data: bytes) -> None:
    """A log whose first topic is none of ours says nothing."""
    assert decode(Log(CASH, tuple(topics), data, BlockNumber(1), Hash32(bytes(32)), Hash32(bytes(32)), 0)) is None


@given(st.binary(max_size=40))
def test_a_log_without_topics_tells_who_spent_an_allowance(data: bytes) -> None:
    """The ledger's only log without topics holds 20 bytes, the spender; any other says nothing."""
    event = decode(Log(CASH, (), data, BlockNumber(1), Hash32(bytes(32)), Hash32(bytes(32)), 0))
    assert event == (AllowanceSpent(Address(data)) if len(data) == 20 else None)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_log_too_short_for_its_event_is_the_nodes_fault(name: str) -> None:
    """A log that lacks topics or words of its event is refused as the node's, never filled up with zeros."""
    entry = ABI_EVENTS[name]
    sample = {"address": b"\x01" * 20, "bytes32": b"\x02" * 32, "uint256[]": [1, 2]}
    log = log_of(entry, [sample.get(field["type"], 3) for field in entry["inputs"]])
    broken = [replace(log, topics=log.topics[:1])] if len(log.topics) > 1 else []
    broken += [replace(log, data=log.data[:-32])] if log.data else []
    for one in broken:
        with pytest.raises(NodeRefused):
            decode(one)


def test_skip_reasons_are_the_contracts() -> None:
    """The reasons for leaving a payment out carry the numbers of ``ICash.SkipReason``."""
    assert [reason.name for reason in SkipReason] == [
        "NONE",
        "EXPIRED",
        "NONCE_UNAVAILABLE",
        "INVALID_PAYEE",
        "PAYER_FROZEN",
        "PAYEE_FROZEN",
        "INSUFFICIENT_BALANCE",
        "INVALID_SIGNATURE",
    ]
    assert [int(reason) for reason in SkipReason] == list(range(8))
