"""JSON of a node <-> nouns of the EVM (execution-apis: quantities and data are 0x-prefixed hex)."""

import re
from collections.abc import Sequence
from statistics import median_low

from chainwallet.evm import Address, Block, BlockNumber, Hash32, Log, Receipt, Transaction

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")
_SHOWN_CHARACTERS = 80

Topics = Sequence[Hash32 | Sequence[Hash32] | None]
"""Filter by topic position: one value, any of several, or None for every value."""


class Misshapen(Exception):
    """A node's ``value`` is not ``expected``."""

    def __init__(self, value: object, expected: str) -> None:
        text = repr(value)
        shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
        super().__init__(f"answered {shown}, expected {expected}")


def hexed(data: bytes) -> str:
    """``data`` as JSON-RPC writes it."""
    return "0x" + data.hex()


def quantity(value: object) -> int:
    """An unsigned number."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise Misshapen(value, "a hex quantity")
    return int(value, 16)


def data(value: object) -> bytes:
    """A byte string of any length."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise Misshapen(value, "hex data")
    return bytes.fromhex(value[2:])


def text(value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise Misshapen(value, "a text")
    return value


def hash32(value: object) -> Hash32:
    """32 bytes."""
    return Hash32(_sized(value, 32))


def address(value: object) -> Address:
    """20 bytes."""
    return Address(_sized(value, 20))


def _sized(value: object, size: int) -> bytes:
    read = data(value)
    if len(read) != size:
        raise Misshapen(value, f"{size} bytes")
    return read


def _fields(value: object) -> dict[object, object]:
    if not isinstance(value, dict):
        raise Misshapen(value, "an object")
    return value


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Misshapen(value, "a list")
    return value


def block(value: object) -> Block:
    """A header, from a block object (EIP-1559 fields included)."""
    fields = _fields(value)
    return Block(
        number=BlockNumber(quantity(fields.get("number"))),
        hash=hash32(fields.get("hash")),
        parent=hash32(fields.get("parentHash")),
        timestamp_s=quantity(fields.get("timestamp")),
        base_fee_per_gas_wei=quantity(fields.get("baseFeePerGas")),
        gas_limit=quantity(fields.get("gasLimit")),
    )


def log(value: object) -> Log:
    """One log of a mined block."""
    fields = _fields(value)
    return Log(
        address=address(fields.get("address")),
        topics=tuple(hash32(topic) for topic in _items(fields.get("topics"))),
        data=data(fields.get("data")),
        block=BlockNumber(quantity(fields.get("blockNumber"))),
        block_hash=hash32(fields.get("blockHash")),
        tx=hash32(fields.get("transactionHash")),
        index=quantity(fields.get("logIndex")),
    )


def logs(value: object) -> tuple[Log, ...]:
    """Logs in the node's order, without those that a reorg removed."""
    return tuple(log(item) for item in _items(value) if _fields(item).get("removed") is not True)


def receipt(value: object) -> Receipt | None:
    """The receipt of a mined transaction; None for null, and for one that names no block yet."""
    if value is None:
        return None
    fields = _fields(value)
    if fields.get("blockHash") is None:
        return None
    contract = fields.get("contractAddress")
    return Receipt(
        tx=hash32(fields.get("transactionHash")),
        block=BlockNumber(quantity(fields.get("blockNumber"))),
        block_hash=hash32(fields.get("blockHash")),
        succeeded=quantity(fields.get("status")) == 1,
        gas_used=quantity(fields.get("gasUsed")),
        effective_gas_price_wei=quantity(fields.get("effectiveGasPrice")),
        contract=None if contract is None else address(contract),
        logs=logs(fields.get("logs")),
    )


def signed_transaction(value: object) -> tuple[Transaction, bytes] | None:
    """An EIP-1559 transaction without access list, and its signature r||s||v (v 27 or 28); None for null and others.

    Nothing is checked beyond the shape: whoever uses it hashes it.
    """
    if value is None:
        return None
    fields = _fields(value)
    if quantity(fields.get("type")) != 2 or _items(fields.get("accessList")):
        return None
    to, parity = fields.get("to"), quantity(fields.get("yParity", fields.get("v")))
    if parity > 1:
        raise Misshapen(parity, "the parity 0 or 1")
    transaction = Transaction(
        chain_id=quantity(fields.get("chainId")),
        nonce=quantity(fields.get("nonce")),
        to=None if to is None else address(to),
        data=data(fields.get("input")),
        gas_limit=quantity(fields.get("gas")),
        max_fee_per_gas_wei=quantity(fields.get("maxFeePerGas")),
        max_priority_fee_per_gas_wei=quantity(fields.get("maxPriorityFeePerGas")),
        value_wei=quantity(fields.get("value")),
    )
    r, s = (quantity(fields.get(name)).to_bytes(32, "big") for name in ("r", "s"))
    return transaction, r + s + bytes([27 + parity])


def account_proof(value: object) -> tuple[bytes, ...]:
    """The nodes of an account's proof, from ``eth_getProof`` (EIP-1186)."""
    return tuple(data(node) for node in _items(_fields(value).get("accountProof")))


def next_base_fee_and_tip(value: object) -> tuple[int, int]:
    """From ``eth_feeHistory`` with one percentile: the next block's base fee, and the middle of the tips paid (or 0).

    Blocks that paid no tip, most of them empty, say nothing about what a tip must be and are left out.
    """
    fields = _fields(value)
    bases = _items(fields.get("baseFeePerGas"))
    if not bases:
        raise Misshapen(value, "a base fee")
    tips = [quantity(tip) for row in _items(fields.get("reward") or []) for tip in _items(row)]
    return quantity(bases[-1]), median_low([tip for tip in tips if tip] or [0])


def revert_data(value: object) -> bytes:
    """The revert's raw bytes in an error's ``data``: hex, hex after words, or nested under ``data`` or ``result``."""
    if isinstance(value, dict):
        return revert_data(value.get("data") or value.get("result"))
    found = re.search(r"0x([0-9a-fA-F]{2})*$", value) if isinstance(value, str) else None
    return bytes.fromhex(found.group()[2:]) if found else b""


def topics(wanted: Topics) -> list[object]:
    """``wanted`` as the filter's JSON."""
    return [
        None if one is None else hexed(one) if isinstance(one, bytes) else [hexed(each) for each in one]
        for one in wanted
    ]
