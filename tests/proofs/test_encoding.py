"""RLP against the reference library, and against bytes that are no RLP."""

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st
from rlp.exceptions import RLPException

from chainwallet.proofs.encoding import NESTING_LIMIT, Item, Malformed, decode, encode, encode_uint
from tests.proofs.reference import encoded

STRINGS = st.binary(max_size=70) | st.binary(min_size=250, max_size=300)
ITEMS: st.SearchStrategy[Item] = st.recursive(STRINGS, lambda inner: st.lists(inner, max_size=6), max_leaves=12)


@given(ITEMS)
def test_encodes_as_the_reference_library_does(item: Item) -> None:
    """Every item has the encoding that the reference library gives it, and reads back from it."""
    assert encode(item) == encoded(item)
    assert decode(encode(item)) == item


@given(st.integers(min_value=0, max_value=2**256))
def test_numbers_have_no_leading_zeros(number: int) -> None:
    """A number is encoded as the reference library does."""
    assert encode_uint(number) == encoded(number)


@given(st.binary(max_size=12) | st.builds(lambda item, cut: encode(item)[:cut], ITEMS, st.integers(0, 70)))
def test_refuses_what_the_reference_library_refuses(data: bytes) -> None:
    """Bytes are read exactly if the strict reference reads them, and to the same item."""
    try:
        expected = rlp.decode(data, strict=True)
    except RLPException:
        with pytest.raises(Malformed):
            decode(data)
    else:
        assert decode(data) == expected


@pytest.mark.parametrize(
    "text",
    ["", "81", "8100", "b800", "b90001", "b837" + "00" * 55, "b8", "f800", "c180c0", "c2", "c281", "f90000", "ff" * 9],
)
def test_only_the_shortest_whole_encoding_is_read(text: str) -> None:
    """A longer encoding than needed, missing bytes and bytes left over are refused."""
    with pytest.raises(Malformed):
        decode(bytes.fromhex(text))


def test_nesting_is_bounded() -> None:
    """Lists within lists are read to a limit, so that no input exhausts the stack."""
    deepest: Item = b""
    for _ in range(NESTING_LIMIT):
        deepest = [deepest]
    assert decode(encode(deepest)) == deepest
    with pytest.raises(Malformed):
        decode(encode([deepest]))
