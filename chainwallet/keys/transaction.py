"""EIP-1559 transactions as bytes: what is signed, what is sent, and the way back.

Sources: EIP-2718 (type byte 2), EIP-1559 (the fields), EIP-2681 (nonce limit); RLP as in the Yellow Paper, appendix B.
"""

from typing import NamedTuple

from chainwallet.errors import BadValue
from chainwallet.evm import Address, Transaction

TRANSACTION_TYPE = 2  # EIP-1559
MAX_RAW_BYTES = 131_072  # geth txMaxSize: nodes take no larger transaction

_UINT64 = 2**64 - 1
_UINT256 = 2**256 - 1


class SignedTransaction(NamedTuple):
    """A transaction and the 65 bytes r||s||v (v 27 or 28) that came with it; the signature is not yet checked."""

    transaction: Transaction
    signature: bytes


def encode_unsigned(tx: Transaction) -> bytes:
    """The bytes whose Keccak-256 is signed. Raises ``BadValue`` naming a field outside its range."""
    return _encode(_fields(tx))


def encode_signed(tx: Transaction, signature: bytes) -> bytes:
    """The raw transaction for ``eth_sendRawTransaction``; ``signature`` is 65 bytes r||s||v with v 27 or 28."""
    r, s = (int.from_bytes(signature[start : start + 32], "big") for start in (0, 32))
    return _encode([*_fields(tx), *map(_quantity, (signature[64] - 27, r, s))])


def decode_signed(raw: bytes) -> SignedTransaction:
    """The fields and signature of ``raw``.

    Raises ``BadValue`` for other bytes than one canonical signed EIP-1559 transaction with an empty access list, so
    ``encode_signed`` gives back ``raw``.
    """
    import rlp  # noqa: PLC0415 - a third of a second to import

    shape = BadValue("raw transaction", f"{len(raw)} bytes", "a signed EIP-1559 transaction with an empty access list")
    if len(raw) > MAX_RAW_BYTES or raw[:1] != bytes([TRANSACTION_TYPE]):
        raise shape
    try:
        items = rlp.decode(raw[1:])
    except rlp.DecodingError:
        raise shape from None
    if not isinstance(items, list) or len(items) != 12 or items[8] != []:
        raise shape
    quantities = [items[index] for index in (0, 1, 2, 3, 4, 6, 9, 10, 11)]
    if not all(isinstance(item, bytes) and len(item) <= 32 and item[:1] != b"\0" for item in quantities):
        raise shape
    to, data = items[5], items[7]
    if not isinstance(to, bytes) or len(to) not in (0, 20) or not isinstance(data, bytes):
        raise shape
    chain_id, nonce, tip, fee, gas, value, parity, r, s = (int.from_bytes(item, "big") for item in quantities)
    if parity > 1:
        raise shape
    tx = Transaction(chain_id, nonce, Address(to) if to else None, data, gas, fee, tip, value)
    _fields(tx)  # in range
    return SignedTransaction(tx, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity]))


def _fields(tx: Transaction) -> list[bytes | list[bytes]]:
    if tx.max_priority_fee_per_gas_wei > tx.max_fee_per_gas_wei:
        raise BadValue("max_priority_fee_per_gas_wei", tx.max_priority_fee_per_gas_wei, "at most max_fee_per_gas_wei")
    if tx.to is not None and (not isinstance(tx.to, bytes) or len(tx.to) != 20):
        raise BadValue("to", tx.to, "20 bytes, or None to create a contract")
    if not isinstance(tx.data, bytes):
        raise BadValue("data", tx.data, "bytes")
    return [
        _ranged("chain_id", tx.chain_id, 1, _UINT256),
        _ranged("nonce", tx.nonce, 0, _UINT64 - 1),  # EIP-2681
        _ranged("max_priority_fee_per_gas_wei", tx.max_priority_fee_per_gas_wei, 0, _UINT256),
        _ranged("max_fee_per_gas_wei", tx.max_fee_per_gas_wei, 0, _UINT256),
        _ranged("gas_limit", tx.gas_limit, 0, _UINT64),
        tx.to or b"",
        _ranged("value_wei", tx.value_wei, 0, _UINT256),
        tx.data,
        [],
    ]


def _ranged(field: str, value: int, low: int, high: int) -> bytes:
    if type(value) is not int or not low <= value <= high:
        raise BadValue(field, value, f"an integer from {low} to {high}")
    return _quantity(value)


def _quantity(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _encode(items: list[bytes | list[bytes]]) -> bytes:
    import rlp  # noqa: PLC0415  # a third of a second to import

    return bytes([TRANSACTION_TYPE]) + bytes(rlp.encode(items))
