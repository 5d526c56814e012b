"""Deployed code beside compiled code: what the immutables hold, what they must hold, and where two codes part.

Sources: the Solidity documentation (``immutableReferences``: deployment writes each immutable as a word of 32 bytes);
OpenZeppelin's ``EIP712`` (what it caches) and ``ShortStrings`` (at most 31 bytes of text, its length in the last byte).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chainwallet.abi.domain import domain_of
from chainwallet.evm import Address, checksum, keccak256, to_hex
from chainwallet.rules.cash import Cash

SHORT_STRING_BYTES = 31
SHOWN_BYTES = 8
"""How many bytes of both codes are told before and after the first difference."""


@dataclass(frozen=True)
class Immutable:
    """A variable that deployment writes into the code: its name, its Solidity type, each place as (start, length)."""

    name: str
    kind: str
    places: tuple[tuple[int, int], ...]

    def words_in(self, code: bytes) -> tuple[bytes, ...]:
        """What its places in ``code`` hold, each word once; whole code has one word, doctored code may have several."""
        return tuple(dict.fromkeys(code[start : start + length] for start, length in self.places))

    def covers(self, offset: int) -> bool:
        """Whether the byte at ``offset`` is one of its own."""
        return any(start <= offset < start + length for start, length in self.places)


@dataclass(frozen=True)
class Difference:
    """The first byte in which two codes differ; None stands for the end of a code that is the shorter one."""

    offset: int
    expected: int | None
    found: int | None
    start: int
    """Where the bytes around it begin."""
    expected_around: bytes
    found_around: bytes
    immutable: str | None
    """The variable in whose place it lies."""


def first_difference(expected: bytes, found: bytes, immutables: Iterable[Immutable]) -> Difference | None:
    """Where ``found`` first differs from ``expected``; None where they are the same."""
    if expected == found:
        return None
    pairs = enumerate(zip(expected, found, strict=False))
    offset = next((at for at, (left, right) in pairs if left != right), min(len(expected), len(found)))
    start, end = max(0, offset - SHOWN_BYTES), offset + SHOWN_BYTES + 1
    return Difference(
        offset=offset,
        expected=expected[offset] if offset < len(expected) else None,
        found=found[offset] if offset < len(found) else None,
        start=start,
        expected_around=expected[start:end],
        found_around=found[start:end],
        immutable=next((each.name for each in immutables if each.covers(offset)), None),
    )


def filled(code: bytes, immutables: Iterable[Immutable], words: Mapping[str, bytes]) -> bytes:
    """``code`` with the places of each of ``immutables`` that ``words`` names holding that word."""
    made = bytearray(code)
    for immutable in immutables:
        if immutable.name in words:
            for start, length in immutable.places:
                made[start : start + length] = words[immutable.name].rjust(length, b"\0")
    return bytes(made)


def words_of(cash: Cash, office: Address) -> dict[str, bytes]:
    """What the immutables of the code at ``cash.address`` must hold: the signing domain in parts, currency, office.

    ``office`` is where the contract stands that answers for a ledger what the ledger does not answer itself. The office
    is such code too: it holds the same, with its own address in the domain.
    """
    domain = domain_of(cash)
    return {
        "_cachedDomainSeparator": domain.separator,
        "_cachedChainId": domain.chain_id.to_bytes(32, "big"),
        "_cachedThis": domain.contract.rjust(32, b"\0"),
        "_hashedName": keccak256(domain.name.encode()),
        "_hashedVersion": keccak256(domain.version.encode()),
        "_name": _short_string(domain.name),
        "_version": _short_string(domain.version),
        "_currency": _short_string(cash.currency.code),
        "_office": office.rjust(32, b"\0"),
    }


def text_of_word(kind: str, word: bytes) -> str:
    """``word`` as a person reads a value of the Solidity type ``kind``; in hex where it is no such value."""
    number = int.from_bytes(word, "big")
    if kind.startswith("uint"):
        return str(number)
    if kind == "address" and number < 2**160:
        return checksum(Address(word[-20:]))
    if kind == "bool" and number < 2:
        return "true" if number else "false"
    if kind == "ShortString" and word[-1] <= SHORT_STRING_BYTES:
        text, rest = word[: word[-1]], word[word[-1] : -1]
        if not any(rest) and text.isascii() and text.decode("ascii").isprintable():
            return f'"{text.decode("ascii")}"'
    return to_hex(word)


def _short_string(text: str) -> bytes:
    data = text.encode()
    assert len(data) <= SHORT_STRING_BYTES  # noqa: S101 - "Cash " and an ISO 4217 code
    return data.ljust(SHORT_STRING_BYTES, b"\0") + bytes([len(data)])
