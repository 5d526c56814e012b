"""Deployed code beside compiled code: immutables, and the first difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.abi.deployed_code import Immutable, filled, first_difference, text_of_word, words_of
from chainwallet.abi.domain import domain_of
from chainwallet.evm import Address, ChainName, Hash32, keccak256
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import currency_of

TWICE = Immutable("twice", "uint256", ((4, 32), (50, 32)))
ONCE = Immutable("once", "address", ((90, 32),))
CODE = bytes(range(128))
CASH = Cash(ChainName(7, Hash32(bytes(32))), currency_of("EUR"), Address(b"\x11" * 20))


def test_immutables_are_filled_in_and_nothing_else() -> None:
    """Filling writes a word into every place of its immutable and leaves all other bytes as they are."""
    made = filled(CODE, (TWICE, ONCE), {"twice": b"\xff", "nobody": b"\xee" * 32})
    assert made[4:36] == made[50:82] == b"\xff".rjust(32, b"\0")
    assert made[:4] + made[36:50] + made[82:] == CODE[:4] + CODE[36:50] + CODE[82:]
    assert TWICE.words_in(made) == (b"\xff".rjust(32, b"\0"),)
    assert len(TWICE.words_in(CODE)) == 2


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_the_first_difference_is_the_first(expected: bytes, found: bytes) -> None:
    """Before the first difference two codes are the same, and in it they are not; the same codes have none."""
    difference = first_difference(expected, found, ())
    if expected == found:
        assert difference is None
        return
    assert difference is not None
    at = difference.offset
    assert expected[:at] == found[:at]
    assert (difference.expected, difference.found) == (
        expected[at] if at < len(expected) else None,
        found[at] if at < len(found) else None,
    )
    assert difference.expected != difference.found
    assert difference.start == max(0, at - 8)
    assert difference.expected_around == expected[difference.start : at + 9]
    assert difference.found_around == found[difference.start : at + 9]


@pytest.mark.parametrize(("offset", "name"), [(3, None), (4, "twice"), (35, "twice"), (36, None), (90, "once")])
def test_a_difference_in_an_immutable_is_told_as_such(offset: int, name: str | None) -> None:
    """A first difference says in which immutable it lies, to the byte."""
    doctored = bytearray(CODE)
    doctored[offset] ^= 1
    difference = first_difference(CODE, bytes(doctored), (TWICE, ONCE))
    assert difference is not None
    assert (difference.offset, difference.immutable) == (offset, name)


def test_what_a_ledgers_immutables_must_hold() -> None:
    """The signing domain in parts, each as the EIP-712 hash or word that it is, and the currency."""
    words, domain = words_of(CASH, Address(b"\x22" * 20)), domain_of(CASH)
    assert words["_cachedDomainSeparator"] == domain.separator
    assert words["_hashedName"] == keccak256(b"Cash EUR")
    assert words["_currency"] == b"EUR" + bytes(28) + b"\x03"
    assert words["_office"] == bytes(12) + b"\x22" * 20
    assert all(len(word) == 32 for word in words.values())


@pytest.mark.parametrize(
    ("kind", "word", "text"),
    [
        ("uint256", (31_337).to_bytes(32, "big"), "31337"),
        ("uint48", bytes(32), "0"),
        ("bool", b"\x01".rjust(32, b"\0"), "true"),
        ("bool", b"\x02".rjust(32, b"\0"), "0x" + "00" * 31 + "02"),
        ("address", (b"\xaa" * 20).rjust(32, b"\0"), "0x" + "aA" * 20),
        ("address", b"\x01" + bytes(31), "0x01" + "00" * 31),
        ("bytes32", b"\xab" * 32, "0x" + "ab" * 32),
        ("ShortString", b"EUR" + bytes(28) + b"\x03", '"EUR"'),
        ("ShortString", b"EUR" + bytes(28) + b"\x02", "0x" + (b"EUR" + bytes(28) + b"\x02").hex()),
        ("ShortString", b"E\nR" + bytes(28) + b"\x03", "0x" + (b"E\nR" + bytes(28) + b"\x03").hex()),
        ("ShortString", bytes(31) + b"\xff", "0x" + "00" * 31 + "ff"),
    ],
)
def test_words_are_read_by_their_type(kind: str, word: bytes, text: str) -> None:
    """A word reads as the value of its type, and as hex where it is no such value, so nothing hides in it."""
    assert text_of_word(kind, word).lower() == text.lower()
