"""JSON of a node <-> nouns of the EVM (execution-apis: quantities and data are 0x-prefixed hex)."""

import re
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from chainwallet.evm import Address, Block, BlockNumber, FeeHistory, Hash32, Log, Receipt, Transaction

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
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
    if isinstance(value, str) and value.startswith("0x"):
        with suppress(ValueError):
            read = bytes.fromhex(value[2:])
            if 2 + 2 * len(read) == len(value):  # fromhex leaves spaces out
                return read
    raise Misshapen(value, "hex data")


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


def fields(value: object) -> dict[object, object]:
    """An object."""
    if not isinstance(value, dict):
        raise Misshapen(value, "an object")
    return value


def items(value: object, count: int | None = None) -> list[object]:
    """A list, of ``count`` things where that is given."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise Misshapen(value, "a list" if count is None else f"a list of {count}")
    return value


def block(value: object) -> Block:
    """A header, from a block object (EIP-1559 fields included)."""
    found = fields(value)
    return Block(
        number=BlockNumber(quantity(found.get("number"))),
        hash=hash32(found.get("hash")),
        parent=hash32(found.get("parentHash")),
        timestamp_s=quantity(found.get("timestamp")),
        base_fee_per_gas_wei=quantity(found.get("baseFeePerGas")),
        gas_limit=quantity(found.get("gasLimit")),
    )


def log(value: object) -> Log:
    """One log of a mined block."""
    found = fields(value)
    return Log(
        address=address(found.get("address")),
        topics=tuple(hash32(topic) for topic in items(found.get("topics"))),
        data=data(found.get("data")),
        block=BlockNumber(quantity(found.get("blockNumber"))),
        block_hash=hash32(found.get("blockHash")),
        tx=hash32(found.get("transactionHash")),
        index=quantity(found.get("logIndex")),
    )


def logs(value: object, topic: Hash32 | None = None) -> tuple[Log, ...]:
    """Logs in the node's order, without those that a reorg removed; with ``topic``, those alone that have it first."""
    told = [item for item in items(value) if fields(item).get("removed") is not True]
    if topic is not None:
        first = [hexed(topic)]
        told = [item for item in told if items(fields(item).get("topics"))[:1] == first]
    return tuple(map(log, told))


def receipt(value: object, topic: Hash32 | None = None) -> Receipt | None:
    """The receipt of a mined transaction; None for null, and for one in no block yet. ``topic`` as in ``logs``."""
    if value is None:
        return None
    found = fields(value)
    if found.get("blockHash") is None:
        return None
    contract = found.get("contractAddress")
    return Receipt(
        tx=hash32(found.get("transactionHash")),
        block=BlockNumber(quantity(found.get("blockNumber"))),
        block_hash=hash32(found.get("blockHash")),
        succeeded=quantity(found.get("status")) == 1,
        gas_used=quantity(found.get("gasUsed")),
        effective_gas_price_wei=quantity(found.get("effectiveGasPrice")),
        contract=None if contract is None else address(contract),
        logs=logs(found.get("logs"), topic),
        index=quantity(found.get("transactionIndex")),
    )


def signed_transaction(value: object) -> tuple[Transaction, bytes] | None:
    """An EIP-1559 transaction without access list, and its signature r||s||v (v 27 or 28); None for null and others.

    Nothing is checked beyond the shape: whoever uses it hashes it.
    """
    if value is None:
        return None
    found = fields(value)
    if quantity(found.get("type")) != 2 or items(found.get("accessList")):
        return None
    to, parity = found.get("to"), quantity(found.get("yParity", found.get("v")))
    if parity > 1:
        raise Misshapen(parity, "the parity 0 or 1")
    transaction = Transaction(
        chain_id=quantity(found.get("chainId")),
        nonce=quantity(found.get("nonce")),
        to=None if to is None else address(to),
        data=data(found.get("input")),
        gas_limit=quantity(found.get("gas")),
        max_fee_per_gas_wei=quantity(found.get("maxFeePerGas")),
        max_priority_fee_per_gas_wei=quantity(found.get("maxPriorityFeePerGas")),
        value_wei=quantity(found.get("value")),
    )
    r, s = (quantity(found.get(name)).to_bytes(32, "big") for name in ("r", "s"))
    return transaction, r + s + bytes([27 + parity])


def account_proof(value: object) -> tuple[bytes, ...]:
    """The nodes of an account's proof, from ``eth_getProof`` (EIP-1186)."""
    return tuple(data(node) for node in items(fields(value).get("accountProof")))


def fee_history(value: object) -> FeeHistory:
    """From ``eth_feeHistory`` with one percentile. Every list must have the length that goes with the others."""
    found = fields(value)
    bases = tuple(quantity(base) for base in items(found.get("baseFeePerGas")))
    if not bases:
        raise Misshapen(value, "a base fee")
    blocks = len(bases) - 1
    rewards = found.get("reward")
    rows = items(rewards, blocks) if rewards is not None else [["0x0"]] * blocks  # geth omits it for no blocks
    return FeeHistory(
        oldest=BlockNumber(quantity(found.get("oldestBlock"))),
        base_fees_per_gas_wei=bases,
        tips_per_gas_wei=tuple(quantity(items(row, 1)[0]) for row in rows),
        gas_used_permille=tuple(_permille(ratio) for ratio in items(found.get("gasUsedRatio"), blocks)),
    )


def _permille(value: object) -> int:
    """Thousandths of a ratio from 0 to 1, the one number that nodes write as a decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Misshapen(value, "a ratio from 0 to 1")
    return int(Decimal(str(value)) * 1000)


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
