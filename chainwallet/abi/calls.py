"""Call data of ``Cash``, and what its answers and errors mean.

Sources: the Solidity ABI specification; ERC-20; the item layout of ``pay`` is ``ICash``'s.
"""

from collections.abc import Sequence

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from chainwallet.abi.generated import ERRORS, FUNCTIONS
from chainwallet.abi.typed_data import Payment, Settlement
from chainwallet.errors import BadValue, NodeRefused
from chainwallet.evm import Address, Hash32, checksum, keccak256

ISSUER_ROLE = keccak256(b"ISSUER_ROLE")  # Authority.sol
PAUSER_ROLE = keccak256(b"PAUSER_ROLE")  # Authority.sol
COMPLIANCE_ROLE = keccak256(b"COMPLIANCE_ROLE")  # Authority.sol
WINDOW_NONCE_END = 2**56  # AccountWord: nonces below are window nonces
PAY_ITEM_BYTES = 160  # ICash.pay
PAY_WIDE_ITEM_BYTES = 185  # ICash.payWide

_SETTLE = "settle((address,uint256)[],(address,uint256)[],bytes,bytes32,address,uint256)"
_ERROR_STRING = bytes.fromhex("08c379a0")  # Error(string), Solidity's require with a reason
_STRING_AT = (3 * 32).to_bytes(32, "big")  # behind the three words of a tuple's head
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256), Solidity's failed assertion


def call_data(signature: str, *values: object) -> bytes:
    """Call data for a function of ours by its canonical ``signature``, such as ``mint(address,uint256,bytes32)``.

    Addresses are 20 bytes. Raises ``KeyError`` for a signature that no contract of ours has.
    """
    return FUNCTIONS[signature] + encode(_types_of(signature), values)


def constructor_data(currency: str, admin: Address, admin_delay_s: int) -> bytes:
    """What follows the creation code of ``Cash`` to deploy it."""
    return encode(["string", "address", "uint48"], [currency, admin, admin_delay_s])


def settle_data(settlement: Settlement, consents: Sequence[tuple[int, bytes]]) -> bytes:
    """Call data that carries out ``settlement``; ``consents`` are (nonce, signature) in the order of its debits.

    A compact signature (64 bytes, EIP-2098) with a window nonce travels in the short form, all else in the long one.
    """
    return call_data(
        _SETTLE,
        [(leg.account, leg.amount) for leg in settlement.debits],
        [(leg.account, leg.amount) for leg in settlement.credits],
        b"".join(_consent(nonce, signature) for nonce, signature in consents),
        settlement.context,
        settlement.operator,
        settlement.valid_before,
    )


def _consent(nonce: int, signature: bytes) -> bytes:
    """One consent as ``ICash.settle`` reads it; raises ``BadValue`` for a signature of 2^16 bytes or more."""
    if nonce < WINDOW_NONCE_END and len(signature) == 64:
        return b"\x00" + nonce.to_bytes(7, "big") + signature
    if len(signature) >= 2**16:
        raise BadValue("signature", f"{len(signature)} bytes", f"fewer than {2**16} bytes")
    return b"\x01" + nonce.to_bytes(32, "big") + len(signature).to_bytes(2, "big") + signature


def pay_item(payment: Payment, compact_signature: bytes) -> bytes:
    """One packed item of ``pay``, or of ``payWide`` where the nonce is wide; the signature is 64 bytes (EIP-2098).

    Raises ``BadValue`` for a value, time or signature that does not fit the item.
    """
    nonce_bytes = 7 if payment.nonce < WINDOW_NONCE_END else 32
    if payment.value >= 2**96:
        raise BadValue("value", payment.value, "below 2^96")
    if payment.valid_before >= 2**40:
        raise BadValue("validBefore", payment.valid_before, "below 2^40")
    if len(compact_signature) != 64:
        raise BadValue("signature", f"{len(compact_signature)} bytes", "64 bytes")
    return b"".join(
        (
            payment.payer,
            payment.payee,
            payment.value.to_bytes(12, "big"),
            payment.payment_ref,
            payment.nonce.to_bytes(nonce_bytes, "big"),
            payment.valid_before.to_bytes(5, "big"),
            compact_signature,
        )
    )


def pay_data(items: Sequence[bytes]) -> bytes:
    """Call data that carries out ``items`` from ``pay_item``; raises ``BadValue`` unless all are of one size."""
    sizes = {len(item) for item in items}
    if sizes not in ({PAY_ITEM_BYTES}, {PAY_WIDE_ITEM_BYTES}):
        raise BadValue("items", sorted(sizes), f"all of {PAY_ITEM_BYTES} bytes, or all of {PAY_WIDE_ITEM_BYTES}")
    is_wide = sizes == {PAY_WIDE_ITEM_BYTES}
    return call_data("payWide(bytes)" if is_wide else "pay(bytes)", b"".join(items))


def payment_ref(payer: Address, token: Address, payment_id: str) -> Hash32:
    """The reference that stands for a payment's id on the chain; anyone who knows the id can compute it."""
    text = payment_id.encode()
    head = payer.rjust(32, b"\0") + token.rjust(32, b"\0") + _STRING_AT + len(text).to_bytes(32, "big")
    return keccak256(head + text + bytes(-len(text) % 32))  # abi.encode(payer, token, id)


def bank_ref(reference: str, place: int = 0) -> Hash32:
    """What the chain accepts once of a bank's ``reference``: the Keccak-256 of its hash and a place.

    The place, from 0, tells apart those who got money under one reference.
    """
    return keccak256(keccak256(reference.encode("utf-8", "surrogatepass")) + place.to_bytes(32, "big"))


def uint_of(answer: bytes) -> int:
    """The unsigned integer that a view answered; raises ``NodeRefused`` for another answer than one word."""
    return uints_of(answer, 1)[0]


def uints_of(answer: bytes, count: int) -> tuple[int, ...]:
    """The ``count`` unsigned integers or flags that a view answered; raises ``NodeRefused`` for another length."""
    if len(answer) != 32 * count:
        raise NodeRefused("eth_call", 0, f"answered {len(answer)} bytes, expected {32 * count}")
    return tuple(int.from_bytes(answer[at : at + 32], "big") for at in range(0, len(answer), 32))


def text_of(answer: bytes) -> str:
    """The string that a view answered; raises ``NodeRefused`` for an answer that is none."""
    try:
        return str(decode(["string"], answer)[0])
    except (DecodingError, ValueError):
        raise NodeRefused("eth_call", 0, f"answered {len(answer)} bytes, expected a string") from None


def reason_of(revert_data: bytes) -> str:
    """What ``revert_data`` says, for a person: ``ERC20InsufficientBalance(sender=0x.., balance=1, needed=2)``."""
    selector, body = revert_data[:4], revert_data[4:]
    try:
        if selector == _ERROR_STRING:
            return _one_line(decode(["string"], body)[0])
        if selector == _PANIC:
            return f"Panic(0x{decode(['uint256'], body)[0]:02x})"
        if selector in ERRORS:
            name, fields = ERRORS[selector]
            values = decode([kind for kind, _ in fields], body)
            return f"{name}({', '.join(map(_field_text, fields, values))})"
    except (DecodingError, ValueError):
        pass  # not what the selector promises; a string that is not UTF-8 is a ValueError
    return f"0x{revert_data.hex()}" if revert_data else "no reason given"


def _field_text(field: tuple[str, str], value: object) -> str:
    kind, name = field
    if kind == "address":
        return f"{name}={checksum(Address(bytes.fromhex(str(value)[2:])))}"
    return f"{name}=0x{value.hex()}" if isinstance(value, bytes) else f"{name}={_one_line(value)}"


def _one_line(value: object) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))


def _types_of(signature: str) -> list[str]:
    """The argument types of a canonical signature, split at the commas that stand outside all tuples."""
    types, depth, start = [], 0, signature.index("(") + 1
    for at in range(start, len(signature)):
        mark = signature[at]
        if depth == 0 and mark in ",)" and at > start:
            types.append(signature[start:at])
            start = at + 1
        depth += (mark == "(") - (mark == ")")
    return types
