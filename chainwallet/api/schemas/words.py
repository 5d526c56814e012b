"""Addresses, hashes and times as texts; whole numbers."""

from typing import Annotated

from pydantic import BeforeValidator, Field

WORDS_OF_PATTERNS: dict[str, str] = {}
"""What people are told who wrote something else than one of these patterns."""


def said(pattern: str, words: str) -> str:
    """``pattern``, a field's, which is told people as ``words``."""
    WORDS_OF_PATTERNS[pattern] = words
    return pattern


SIGNATURE = said(r"^0x[0-9a-fA-F]{130}$", "a signature: 0x and 130 hex digits")
AddressText = Annotated[
    str,
    Field(
        pattern=said(r"^0x[0-9a-fA-F]{40}$", "an address: 0x and 40 hex digits"),
        description="An address, with its EIP-55 checksum",
        examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
    ),
]
HashText = Annotated[
    str,
    Field(
        pattern=said(r"^0x[0-9a-f]{64}$", "0x and 64 hex digits in lower case"),
        description="32 bytes in lower-case hex",
        examples=["0x" + "ab" * 32],
    ),
]
TimeText = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$",
        description="A time in UTC (RFC 3339)",
        examples=["2026-11-27T09:41:00Z"],
    ),
]


def whole(value: object) -> object:
    """``value``, as an integer where it is a float that is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(whole)]
"""An integer of a document that comes in: 5.0 is one too (JSON Schema 2020-12, Validation section 6.1.1)."""
