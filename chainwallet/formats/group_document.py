"""A group as one file: who is in it, all that became of its bills, and how debts were settled, with signatures.

The file is the canonical JSON (RFC 8785) of a ``KeptGroup``, so that the same group has the same bytes wherever it is.
Fields without a value are left out; numbers are whole; amounts are decimal texts in their bill's currency. ``hash`` is
the Keccak-256 of all the rest.
"""

import json
from collections import abc
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, replace
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

from chainwallet.abi.typed_data import Document as Signed
from chainwallet.abi.typed_data import Domain, as_typed_data, from_typed_data
from chainwallet.errors import BadValue
from chainwallet.evm import to_hex
from chainwallet.formats.nesting import is_flat
from chainwallet.rules.canonical import MAX_NUMBER, Document, canonical, document_hash

KIND = "chainwallet/group/1"
MOST_ENTRIES = 100_000  # in one list
MOST_SHOWN_CHARS = 64  # of a refused value
MOST_DEPTH = 32  # objects and lists in one another
LAST_SECOND = 253_402_300_799  # of the year 9999, the last that dates are written of
_UINT = "uint256"

Kept = TypeVar("Kept")
Object: TypeAlias = Mapping[str, Any]
"""A document in the file that has a format of its own."""


@dataclass(frozen=True)
class KeptMember:
    """Somebody who is in the group or has left it; a handle is ``name`` only."""

    id: str
    name: str
    role: str
    joined_at_s: int
    left_at_s: int | None = None


@dataclass(frozen=True)
class KeptLine:
    """A member's share of a version and what they paid of it."""

    member: str
    share: str
    paid: str


@dataclass(frozen=True)
class KeptVersion:
    """A version: ``hash`` is the Keccak-256 (hex) of ``terms`` in canonical JSON; ``lines`` follow from them."""

    hash: str
    terms: Object
    lines: tuple[KeptLine, ...]
    made_by: str
    made_at_s: int
    reason: str | None = None


@dataclass(frozen=True)
class KeptAnswer:
    """What a member said to the version numbered ``version``; ``proposal`` is a split."""

    version: int
    member: str
    answer: str
    at_s: int
    is_carried_over: bool
    reason: str | None = None
    proposal: Object | None = None


@dataclass(frozen=True)
class KeptElsewhere:
    """What the creditor said of a debt that was paid in cash or at a bank."""

    said_by: str
    at_s: int
    note: str | None = None


@dataclass(frozen=True)
class KeptPayment:
    """A payment of a debt that ``chain`` carried out: ``document`` is the typed data that the payer signed."""

    id: str
    chain: str
    document: Object
    made_at_s: int
    tx: str
    block: int
    block_hash: str
    signature: str | None = None


@dataclass(frozen=True)
class KeptDebt:
    """A debt by the terms of the version ``since_version``; it is settled by ``payment``, ``plan`` or ``elsewhere``."""

    debtor: str
    creditor: str
    amount: str
    since_version: int
    elsewhere: KeptElsewhere | None = None
    payment: KeptPayment | None = None
    plan: str | None = None


@dataclass(frozen=True)
class KeptBill:
    """A bill: ``versions`` from the first to the current one; ``deleted_at_s`` where it has a tombstone."""

    id: str
    lineage: str
    created_by: str
    created_at_s: int
    state: str
    versions: tuple[KeptVersion, ...]
    answers: tuple[KeptAnswer, ...]
    debts: tuple[KeptDebt, ...]
    reverses: str | None = None
    deleted_at_s: int | None = None


@dataclass(frozen=True)
class KeptLeg:
    """What a member paid (below 0) or received from or at ``account``."""

    member: str
    account: str
    net: str


@dataclass(frozen=True)
class KeptConsent:
    """A debtor's consent to a settlement: ``document`` is the typed data that they signed, with its nonce."""

    member: str
    document: Object
    signature: str | None = None


@dataclass(frozen=True)
class KeptPlan:
    """A settlement that ``chain`` carried out; ``context`` is the root of the debts that name it."""

    id: str
    currency: str
    chain: str
    token: str
    context: str
    settlement_hash: str
    made_by: str
    made_at_s: int
    legs: tuple[KeptLeg, ...]
    consents: tuple[KeptConsent, ...]
    tx: str
    block: int
    block_hash: str


@dataclass(frozen=True)
class KeptGroup:
    """A group with all that is its own; ``type`` is ``group`` or ``pair``."""

    id: str
    name: str
    type: str
    created_at_s: int
    members: tuple[KeptMember, ...]
    bills: tuple[KeptBill, ...]
    plans: tuple[KeptPlan, ...]
    hash: str = ""
    """Of all other fields; ``write_group`` gives it."""


def group_hash(group: KeptGroup) -> str:
    """The Keccak-256 (hex) of the file of ``group`` without its ``hash``."""
    document = _document(group)
    del document["hash"]
    return to_hex(document_hash(document))


def write_group(group: KeptGroup) -> bytes:
    """The file of ``group``, with its hash."""
    return canonical(_document(replace(group, hash=group_hash(group))))


def read_group(content: bytes) -> KeptGroup:
    """The group of a file as ``write_group`` writes it; whether its hashes are true is the caller's to ask.

    Raises ``BadValue`` with the path of the field, such as ``bills[3].versions[0].hash``, for one that is missing,
    unknown or of another kind, and of ``content`` for what is not canonical JSON of ``kind`` ``chainwallet/group/1``.
    """
    if not is_flat(content, MOST_DEPTH):
        raise BadValue("content", "JSON that is nested too deeply", f"at most {MOST_DEPTH} levels")
    try:
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_float=_never, parse_constant=_never
        )
    except ValueError as broken:
        raise BadValue("content", str(broken)[:MOST_SHOWN_CHARS], "canonical JSON (RFC 8785) in UTF-8") from None
    _check_values(document)
    if not isinstance(document, dict) or document.get("kind") != KIND:
        kind = document.get("kind") if isinstance(document, dict) else document
        raise BadValue("kind", repr(kind)[:MOST_SHOWN_CHARS], KIND)
    del document["kind"]
    group = _read(KeptGroup, document, "")
    if canonical(_document(group)) != content:
        raise BadValue("content", f"{len(content):,} bytes", "canonical JSON (RFC 8785): sorted names, no white space")
    return group


def typed_document(signed: Signed, domain: Domain) -> Object:
    """The typed data of ``signed``, with ``uint256`` as decimal texts, as no number of JSON holds them."""
    typed = as_typed_data(signed, domain)
    return {**typed, "message": _with_uints(typed["types"], typed["primaryType"], typed["message"], str)}


def typed_of(document: Object, path: str) -> tuple[Signed, Domain]:
    """What ``typed_document`` wrote; raises ``BadValue`` under ``path``."""
    try:
        message = _with_uints(document["types"], document["primaryType"], document["message"], _uint)
        return from_typed_data({**document, "message": message})
    except BadValue as bad:
        raise BadValue(f"{path}.{bad.field}", str(bad.value)[:MOST_SHOWN_CHARS], bad.expected) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise BadValue(path, "another document", "EIP-712 typed data with uint256 as decimal texts") from None


def _with_uints(types: Any, kind: str, shown: Any, turn: Any) -> Any:
    """``shown``, a value of the EIP-712 type ``kind``, with ``turn`` of each number in it."""
    if kind == _UINT:
        return turn(shown)
    if kind.endswith("[]"):
        return [_with_uints(types, kind[:-2], one, turn) for one in shown]
    if kind not in types:
        return shown
    kinds = {member["name"]: member["type"] for member in types[kind]}
    return {name: _with_uints(types, kinds.get(name, ""), one, turn) for name, one in shown.items()}


def _uint(text: Any) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or str(int(text)) != text:
        raise BadValue("message", text, "whole numbers as decimal texts")
    return int(text)


# ------------------------------------------------------------------------------------------------ values and objects


def _check_values(document: Any) -> None:
    """Raises ``BadValue`` of ``content`` for null, which no field has, and for what is nested too deeply to be one."""
    level = [document]
    for _ in range(MOST_DEPTH):
        if any(one is None for one in level):
            raise BadValue("content", "null", "fields without a value left out")
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [each for some in inner for each in some]
        if not level:
            return
    raise BadValue("content", "JSON that is nested too deeply", f"at most {MOST_DEPTH} levels")


def _document(group: KeptGroup) -> dict[str, Document]:
    return {"kind": KIND, **_object_of(group)}


def _object_of(value: Any) -> dict[str, Document]:
    written = {field.name: _written(getattr(value, field.name)) for field in fields(value)}
    return {name: one for name, one in written.items() if one is not None}


def _written(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return _object_of(value)
    return [_written(one) for one in value] if isinstance(value, tuple) else value


def _read(kind: type[Kept], given: Any, path: str) -> Kept:
    """``given`` as a ``kind``, with exactly its fields."""
    if not isinstance(given, dict):
        raise BadValue(path or "content", _shown(given), "an object")
    known = _fields(cast(Any, kind))  # to the type checker a class of any type is no key
    for name in given:
        if name not in known:
            raise BadValue(_at(path, name[:MOST_SHOWN_CHARS]), "a field", f"only {', '.join(known)}")
    values = {}
    for name, (type_, field) in known.items():
        if name in given:
            values[name] = _value(type_, given[name], _at(path, name))
        elif field.default is MISSING:
            raise BadValue(_at(path, name), "nothing", "this field")
    return kind(**values)


def _value(kind: Any, given: Any, path: str) -> Any:
    if get_origin(kind) is abc.Mapping:
        if not isinstance(given, dict):
            raise BadValue(path, _shown(given), "an object")
        return given
    if get_origin(kind) is tuple:
        if not isinstance(given, list) or len(given) > MOST_ENTRIES:
            raise BadValue(path, _shown(given), f"a list of at most {MOST_ENTRIES:,}")
        return tuple(_value(get_args(kind)[0], one, f"{path}[{index}]") for index, one in enumerate(given))
    if hasattr(kind, "__dataclass_fields__"):
        return _read(kind, given, path)
    if type(given) is not kind:
        raise BadValue(path, _shown(given), {str: "a text", int: "a whole number", bool: "true or false"}[kind])
    most = LAST_SECOND if path.endswith("_s") else MAX_NUMBER
    if kind is int and not 0 <= given <= most:
        raise BadValue(path, given, f"a whole number from 0 to {most}")
    return given


@cache
def _fields(kind: Any) -> Mapping[str, tuple[Any, Field[Any]]]:
    hints = get_type_hints(kind)
    return {field.name: (_without_none(hints[field.name]), field) for field in fields(kind)}


def _without_none(kind: Any) -> Any:
    if type(None) not in get_args(kind):
        return kind
    (some,) = (one for one in get_args(kind) if one is not type(None))
    return some


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(given: Any) -> str:
    return repr(given)[:MOST_SHOWN_CHARS]


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has one name twice")
    return found


def _never(text: str) -> Any:
    raise ValueError(f"{text[:MOST_SHOWN_CHARS]} is no whole number")
