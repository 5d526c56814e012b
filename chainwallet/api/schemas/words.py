"""Addresses, hashes and times as texts; whole numbers."""

from typing import Annotated

from pydantic import BeforeValidator, Field

AddressText = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="An address, with its EIP-55 checksum",
        examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
    ),
]
HashText = Annotated[
    str, Field(pattern=r"^0x[0-9a-f]{64}$", description="32 bytes in lower-case hex", examples=["0x" + "ab" * 32])
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

WORDS_OF_PATTERNS = {
    r"^0x[0-9a-fA-F]{40}$": "expected an address: 0x and 40 hex digits",
    r"^0x[0-9a-f]{64}$": "expected 0x and 64 hex digits in lower case",
    r"^0x[0-9a-fA-F]{130}$": "expected a signature: 0x and 130 hex digits",
    r"^[A-Z]{3}$": "expected an ISO 4217 code such as EUR",
    r"^[0-9a-f]{16}$": "expected an id of this service: 16 hex digits in lower case",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "expected a date such as 2026-11-27",
    r"^([1-9][0-9]{0,29}(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)$": "expected a plain decimal number above 0, such as 12.40",
    r"^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,10})?$": "expected a plain decimal number such as 12.40 or -12.40",
    r"^-?[0-9]{1,20}(\.[0-9]{1,20}|/[0-9]{1,20})?$": "expected an exact number such as 33.3 or 100/3",
    r"^@?[A-Za-z0-9][A-Za-z0-9_-]{2,29}$": "expected a handle such as @ben: 3 to 30 letters, digits, - and _",
    r"^(0x[0-9a-fA-F]{40}|@?[A-Za-z0-9][A-Za-z0-9_-]{2,29})$": "expected a handle such as @ben, or an address",
    r"^[A-Za-z0-9][A-Za-z0-9._~:+-]{0,99}$": "expected an id: 1 to 100 letters, digits and . _ ~ : + -, a letter or "
    "digit first",
    r"^[A-Za-z0-9][A-Za-z0-9._~:+-]{0,89}$": "expected a reference: 1 to 90 letters, digits and . _ ~ : + -, a letter "
    "or digit first",
}
"""By pattern, what people are told who wrote something else."""
