"""The documents that people sign: EIP-712 typed data of ``Cash``, their digests and their JSON form.

Each class is one struct of the contract. ``TYPE`` is its type as EIP-712 writes it, and its fields stand in the same
order; everything else here is derived from the two. Values are checked when a document is made, so every document that
exists can be hashed. Amounts are token units (10^-6 of the currency), times are seconds since 1970.

Sources: EIP-712 (hashing), ERC-3009 (authorizations), ERC-2612 (permit); Payment, Settlement, Consent and CancelNonces
are this project's own.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple, TypeVar

from chainwallet.errors import BadValue
from chainwallet.evm import Address, Hash32, checksum, keccak256, parse_address


class _Struct:
    """One EIP-712 struct: its hash is ``keccak256(typeHash || one 32-byte word for each member)``."""

    TYPE: ClassVar[str]
    PARTS: ClassVar[tuple[type["_Struct"], ...]] = ()
    """The structs that this one contains at any depth, by name."""
    SIGNER: ClassVar[str | None] = None
    """The field that names who must sign; None where no field does."""

    def __post_init__(self) -> None:
        for member in _LAYOUTS[type(self)].members:
            member.form.check(member.field, getattr(self, member.field))

    @cached_property
    def _hash(self) -> Hash32:
        # A struct and all it holds are immutable, so the hash may be kept: many consents share one settlement.
        layout = _LAYOUTS[type(self)]
        words = [member.form.word(getattr(self, member.field)) for member in layout.members]
        return keccak256(layout.type_hash + b"".join(words))


@dataclass(frozen=True)
class Domain(_Struct):
    """Where a signature counts: one ``contract`` on one chain (EIP-712 domain, ERC-5267)."""

    TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    name: str
    version: str
    chain_id: int
    contract: Address

    @property
    def separator(self) -> Hash32:
        """The EIP-712 domain separator."""
        return self._hash


@dataclass(frozen=True)
class Payment(_Struct):
    """``payer`` pays ``value`` to ``payee`` once, until ``valid_before``; ``payment_ref`` names the promise."""

    TYPE = "Payment(address from,address to,uint256 value,bytes32 paymentRef,uint256 nonce,uint256 validBefore)"
    SIGNER = "payer"
    payer: Address
    payee: Address
    value: int
    payment_ref: Hash32
    nonce: int
    valid_before: int


@dataclass(frozen=True)
class Leg(_Struct):
    """``amount`` taken from or given to ``account`` in a settlement."""

    TYPE = "Leg(address account,uint256 amount)"
    account: Address
    amount: int


@dataclass(frozen=True)
class Settlement(_Struct):
    """All legs or none: ``context`` is the hash of the bill or ledger root, ``operator`` who may deliver (0: anyone).

    Hashed once however many consents to it are signed. Order, sums and number of legs are the contract's to judge.
    """

    TYPE = "Settlement(Leg[] debits,Leg[] credits,bytes32 context,address operator,uint256 validBefore)"
    PARTS = (Leg,)
    debits: tuple[Leg, ...]
    credits: tuple[Leg, ...]
    context: Hash32
    operator: Address
    valid_before: int


@dataclass(frozen=True)
class Consent(_Struct):
    """``debtor``'s agreement to exactly this ``settlement``; each debtor signs with a ``nonce`` of their own."""

    TYPE = "Consent(address debtor,Settlement settlement,uint256 nonce)"
    PARTS = (Leg, Settlement)
    SIGNER = "debtor"
    debtor: Address
    settlement: Settlement
    nonce: int


@dataclass(frozen=True)
class TransferWithAuthorization(_Struct):
    """ERC-3009: anyone may deliver this transfer between ``valid_after`` and ``valid_before`` (both excluded)."""

    TYPE = (
        "TransferWithAuthorization(address from,address to,uint256 value,"
        "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    )
    SIGNER = "payer"
    payer: Address
    payee: Address
    value: int
    valid_after: int
    valid_before: int
    nonce: Hash32


@dataclass(frozen=True)
class ReceiveWithAuthorization(_Struct):
    """ERC-3009: as ``TransferWithAuthorization``, but only ``payee`` may deliver it."""

    TYPE = (
        "ReceiveWithAuthorization(address from,address to,uint256 value,"
        "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    )
    SIGNER = "payer"
    payer: Address
    payee: Address
    value: int
    valid_after: int
    valid_before: int
    nonce: Hash32


@dataclass(frozen=True)
class CancelAuthorization(_Struct):
    """ERC-3009: ``authorizer`` makes ``nonce`` useless before it is used."""

    TYPE = "CancelAuthorization(address authorizer,bytes32 nonce)"
    SIGNER = "authorizer"
    authorizer: Address
    nonce: Hash32


@dataclass(frozen=True)
class Permit(_Struct):
    """ERC-2612: ``spender`` may move up to ``value`` of ``owner``'s; usable until ``deadline`` (included)."""

    TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    SIGNER = "owner"
    owner: Address
    spender: Address
    value: int
    nonce: int
    deadline: int


@dataclass(frozen=True)
class CancelNonces(_Struct):
    """``account`` makes its window nonces below ``up_to`` useless; deliverable until ``valid_before``."""

    TYPE = "CancelNonces(address account,uint256 upTo,uint256 validBefore)"
    SIGNER = "account"
    account: Address
    up_to: int
    valid_before: int


Document = (
    Payment
    | Consent
    | TransferWithAuthorization
    | ReceiveWithAuthorization
    | CancelAuthorization
    | Permit
    | CancelNonces
)
"""Everything that may be signed. A settlement alone is not: it is signed inside a ``Consent``."""

_DOCUMENTS: dict[str, type[Document]] = {
    kind.__name__: kind
    for kind in (
        Payment,
        Consent,
        TransferWithAuthorization,
        ReceiveWithAuthorization,
        CancelAuthorization,
        Permit,
        CancelNonces,
    )
}
_TYPED_DATA_KEYS = ("types", "primaryType", "domain", "message")


def encode_type(kind: type[_Struct]) -> str:
    """EIP-712 ``encodeType``, the type of ``kind`` and then of its parts; its Keccak-256 is the type hash."""
    return kind.TYPE + "".join(part.TYPE for part in kind.PARTS)


def struct_hash(struct: Document | Settlement | Leg) -> Hash32:
    """EIP-712 ``hashStruct``; computed once for each object and kept with it."""
    return struct._hash


def digest(document: Document, domain: Domain) -> Hash32:
    """The 32 bytes that are signed: ``keccak256(0x19 0x01 || domain separator || struct hash)`` (EIP-712, EIP-191)."""
    return keccak256(b"\x19\x01" + domain._hash + document._hash)


def signer_of(document: Document) -> Address | None:
    """Who must sign ``document``; None for a ``Consent``, which any of its debtors may sign."""
    return None if document.SIGNER is None else Address(getattr(document, document.SIGNER))


def as_typed_data(document: Document, domain: Domain) -> dict[str, Any]:
    """The JSON object that ``eth_signTypedData_v4`` takes: ``types``, ``primaryType``, ``domain``, ``message``.

    Addresses carry their EIP-55 checksum, bytes are ``0x`` and lower-case hex, and integers are Python integers: a
    reader that holds numbers as doubles needs them as decimal strings.
    """
    return {
        "types": _types(type(document)),
        "primaryType": type(document).__name__,
        "domain": _show(domain),
        "message": _show(document),
    }


def as_json(document: Document, domain: Domain) -> str:
    """``as_typed_data`` as JSON text."""
    kind: Any = type(document)  # a union of classes is no key to the type checker
    return f'{_beginning(kind, domain)}"message": {json.dumps(_show(document))}}}'


@lru_cache(maxsize=64)
def _beginning(kind: type[_Struct], domain: Domain) -> str:
    """Up to the message: the same for all documents of one kind for one contract."""
    members = {"types": _types(kind), "primaryType": kind.__name__, "domain": _show(domain)}
    return json.dumps(members)[:-1] + ", "


def from_typed_data(typed_data: object) -> tuple[Document, Domain]:
    """The document and domain that ``as_typed_data`` wrote as ``typed_data``.

    Raises ``BadValue`` (naming the path, such as ``message.debits[1].amount``) for anything else: another type, missing
    or extra members, integers that are not JSON integers.
    """
    members = _members("typed data", typed_data, _TYPED_DATA_KEYS)
    name = members["primaryType"]
    kind = _DOCUMENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadValue("primaryType", name, f"one of {', '.join(_DOCUMENTS)}")
    if members["types"] != _types(kind):
        raise BadValue("types", members["types"], f"exactly the types of {name}")
    return _read(kind, "message", members["message"]), _read(Domain, "domain", members["domain"])


def settlement_as_json(settlement: Settlement) -> str:
    """``settlement`` as it stands in the message of a consent, as JSON text."""
    return json.dumps(_show(settlement))


def settlement_from_json(text: str) -> Settlement:
    """The settlement that ``settlement_as_json`` wrote; raises ``BadValue`` for the JSON of anything else."""
    return _read(Settlement, "settlement", json.loads(text))


class _Form(NamedTuple):
    """How values of one EIP-712 type are checked, hashed, shown as JSON and read from it."""

    check: Callable[[str, Any], None]
    word: Callable[[Any], bytes]
    show: Callable[[Any], Any]
    read: Callable[[str, Any], Any]


def _check_uint(field: str, value: object) -> None:
    if type(value) is not int or value < 0 or value.bit_length() > 256:
        raise BadValue(field, value, "an integer from 0 to 2^256-1")


def _check_address(field: str, value: object) -> None:
    if not isinstance(value, bytes) or len(value) != 20:
        raise BadValue(field, value, "20 bytes")


def _check_bytes32(field: str, value: object) -> None:
    if not isinstance(value, bytes) or len(value) != 32:
        raise BadValue(field, value, "32 bytes")


def _check_string(field: str, value: object) -> None:
    if not isinstance(value, str) or not _UTF8.fullmatch(value):
        raise BadValue(field, value, "a text that UTF-8 can write")


def _check_legs(field: str, value: object) -> None:
    if type(value) is not tuple or not all(isinstance(leg, Leg) for leg in value):
        raise BadValue(field, value, "a tuple of legs")


def _check_settlement(field: str, value: object) -> None:
    if not isinstance(value, Settlement):
        raise BadValue(field, value, "a settlement")


def _read_uint(path: str, shown: Any) -> int:
    _check_uint(path, shown)
    return int(shown)


def _read_string(path: str, shown: Any) -> str:
    _check_string(path, shown)
    return str(shown)


def _read_address(path: str, shown: Any) -> Address:
    if not isinstance(shown, str):
        raise BadValue(path, shown, "0x and 40 hex digits")
    return parse_address(shown, path)


def _read_bytes32(path: str, shown: Any) -> Hash32:
    if not isinstance(shown, str) or not _BYTES32.fullmatch(shown):
        raise BadValue(path, shown, "0x and 64 lower-case hex digits")
    return Hash32(bytes.fromhex(shown[2:]))


def _read_legs(path: str, shown: Any) -> tuple[Leg, ...]:
    if not isinstance(shown, list):
        raise BadValue(path, shown, "a list of legs")
    return tuple(_read(Leg, f"{path}[{index}]", leg) for index, leg in enumerate(shown))


def _show(struct: _Struct) -> dict[str, Any]:
    return {member.name: member.form.show(getattr(struct, member.field)) for member in _LAYOUTS[type(struct)].members}


_S = TypeVar("_S", bound=_Struct)


def _read(kind: type[_S], path: str, shown: object) -> _S:
    members = _LAYOUTS[kind].members
    values = _members(path, shown, tuple(member.name for member in members))
    return kind(**{member.field: member.form.read(f"{path}.{member.name}", values[member.name]) for member in members})


def _members(path: str, shown: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(shown, dict) or set(shown) != set(names):
        found = list(shown) if isinstance(shown, dict) else shown
        raise BadValue(path, found, f"an object with exactly {', '.join(names)}")
    return shown


_UTF8 = re.compile("[^\ud800-\udfff]*")
_BYTES32 = re.compile("0x[0-9a-f]{64}")

_FORMS = {
    "uint256": _Form(_check_uint, lambda value: value.to_bytes(32, "big"), int, _read_uint),
    "address": _Form(_check_address, bytes(12).__add__, checksum, _read_address),
    "bytes32": _Form(_check_bytes32, bytes, lambda value: "0x" + value.hex(), _read_bytes32),
    "string": _Form(_check_string, lambda value: keccak256(value.encode()), str, _read_string),
    "Leg[]": _Form(
        _check_legs,
        lambda legs: keccak256(b"".join([leg._hash for leg in legs])),
        lambda legs: [_show(leg) for leg in legs],
        _read_legs,
    ),
    "Settlement": _Form(
        _check_settlement,
        lambda settlement: settlement._hash,
        _show,
        lambda path, shown: _read(Settlement, path, shown),
    ),
}


class _Member(NamedTuple):
    field: str
    name: str
    type: str
    form: _Form


class _Layout(NamedTuple):
    type_hash: Hash32
    members: tuple[_Member, ...]


def _layout(kind: type[Any]) -> _Layout:
    """The members of ``kind``: the types and names of its ``TYPE`` beside the fields of the class."""
    declared = [member.split(" ") for member in kind.TYPE.partition("(")[2].rstrip(")").split(",")]
    members = [
        _Member(field.name, name, type_, _FORMS[type_])
        for field, (type_, name) in zip(fields(kind), declared, strict=True)
    ]
    return _Layout(keccak256(encode_type(kind).encode("ascii")), tuple(members))


_LAYOUTS: dict[type[_Struct], _Layout] = {
    kind: _layout(kind) for kind in (Domain, Leg, Settlement, *_DOCUMENTS.values())
}


def _types(kind: type[_Struct]) -> dict[str, list[dict[str, str]]]:
    structs: tuple[type[_Struct], ...] = (Domain, kind, *kind.PARTS)
    return {
        struct.__name__ if struct is not Domain else "EIP712Domain": [
            {"name": member.name, "type": member.type} for member in _LAYOUTS[struct].members
        ]
        for struct in structs
    }
