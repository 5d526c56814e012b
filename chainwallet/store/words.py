"""How a row writes what SQL has no type for: addresses, hashes and large numbers, where they may be missing."""

import json
from collections.abc import Mapping

from chainwallet.evm import Address, Hash32, from_hex


def word(number: int) -> str:
    """A number of up to 256 bits as 64 hex digits, which sort as the numbers do."""
    return f"{number:064x}"


def hex_or_none(data: bytes | None) -> str | None:
    """An address or hash as lower-case hex."""
    return None if data is None else "0x" + data.hex()


def address_or_none(text: str | None) -> Address | None:
    """The address in a column."""
    return None if text is None else Address(from_hex(text))


def hash_or_none(text: str | None) -> Hash32 | None:
    """The hash in a column."""
    return None if text is None else Hash32(from_hex(text))


def number_or_none(text: str | None) -> int | None:
    """The large number in a column."""
    return None if text is None else int(text, 16)


def to_json(detail: Mapping[str, str]) -> str | None:
    """What has no column, in the order of its names; NULL where there is nothing."""
    return json.dumps(dict(detail), sort_keys=True) if detail else None


def from_json(text: str | None) -> Mapping[str, str]:
    """The mapping in a column."""
    return {} if text is None else json.loads(text)
