"""JSON of a node -> the parts of blocks that hashes commit to.

Read liberally and fast: whatever is read wrongly does not lead to the root that it is checked against.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from chainwallet.evm import Address, BlockNumber, Hash32, Log
from chainwallet.proofs.block import ToldBlock
from chainwallet.proofs.encoding import uint_bytes
from chainwallet.proofs.header import Header
from chainwallet.proofs.receipts import SealedReceipt
from chainwallet.rpc import shapes
from chainwallet.rpc.shapes import Misshapen

T = TypeVar("T")

_MISSING = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def told_block(value: Any) -> ToldBlock | None:
    """A block, from a block object with the hashes of its transactions; None for null."""
    if value is None:
        return None
    try:
        return ToldBlock(_header(value), Hash32(_data(value["hash"])), tuple(map(_hash, value["transactions"])))
    except _MISSING:
        raise Misshapen(value, "a block with its header's fields and its transactions' hashes") from None


def receipts(value: Any) -> tuple[SealedReceipt, ...] | None:
    """All receipts of a block, in order; None for null."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise Misshapen(value, "a list of receipts")
    return tuple(map(receipt, value))


def receipt(value: Any) -> SealedReceipt:
    """One receipt of a mined transaction."""
    try:
        outcome = _minimal(value["status"]) if value.get("status") is not None else _data(value["root"])
        return SealedReceipt(
            kind=_number(value.get("type") or "0x0"),
            outcome=outcome,
            cumulative_gas_used=_number(value["cumulativeGasUsed"]),
            bloom=_data(value["logsBloom"]),
            logs=tuple([_log(log) for log in value["logs"]]),
            tx=Hash32(_data(value["transactionHash"])),
        )
    except _MISSING:
        raise Misshapen(value, "a mined transaction's receipt") from None


def receipt_in(value: Any) -> tuple[Hash32, SealedReceipt] | None:
    """A receipt and the hash of the block that it names; None for null and for one that names no block."""
    if value is None or value.get("blockHash") is None:
        return None
    return shapes.hash32(value["blockHash"]), receipt(value)


# ------------------------------------------------------------------------------------------------ parts


def _header(value: Any) -> Header:
    return Header(
        parent=_hash(value["parentHash"]),
        ommers_hash=_hash(value["sha3Uncles"]),
        beneficiary=Address(_data(value["miner"])),
        state_root=_hash(value["stateRoot"]),
        transactions_root=_hash(value["transactionsRoot"]),
        receipts_root=_hash(value["receiptsRoot"]),
        logs_bloom=_data(value["logsBloom"]),
        difficulty=_number(value["difficulty"]),
        number=BlockNumber(_number(value["number"])),
        gas_limit=_number(value["gasLimit"]),
        gas_used=_number(value["gasUsed"]),
        timestamp_s=_number(value["timestamp"]),
        extra_data=_data(value["extraData"]),
        mix_hash=_hash(value["mixHash"]),
        nonce=_data(value["nonce"]),
        base_fee_per_gas_wei=_optional(_number, value, "baseFeePerGas"),
        withdrawals_root=_optional(_hash, value, "withdrawalsRoot"),
        blob_gas_used=_optional(_number, value, "blobGasUsed"),
        excess_blob_gas=_optional(_number, value, "excessBlobGas"),
        parent_beacon_block_root=_optional(_hash, value, "parentBeaconBlockRoot"),
        requests_hash=_optional(_hash, value, "requestsHash"),
    )


def _log(value: Any) -> Log:
    return Log(
        address=Address(_data(value["address"])),
        topics=tuple([Hash32(_data(topic)) for topic in value["topics"]]),
        data=_data(value["data"]),
        block=BlockNumber(_number(value["blockNumber"])),
        block_hash=Hash32(_data(value["blockHash"])),
        tx=Hash32(_data(value["transactionHash"])),
        index=_number(value["logIndex"]),
    )


def _optional(read: Callable[[Any], T], value: Any, name: str) -> T | None:
    told = value.get(name)
    return None if told is None else read(told)


def _hash(text: str) -> Hash32:
    data = _data(text)
    if len(data) != 32:
        raise ValueError(text)
    return Hash32(data)


def _data(text: str) -> bytes:
    if text[:2] != "0x":
        raise ValueError(text)
    return bytes.fromhex(text[2:])


def _number(text: str) -> int:
    if text[:2] != "0x":
        raise ValueError(text)
    return int(text, 16)


def _minimal(text: str) -> bytes:
    """A number's big-endian bytes without leading zeros."""
    return uint_bytes(_number(text))
