"""Trie roots and proofs against the reference library."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import FalseProof
from chainwallet.evm import Hash32, keccak256
from chainwallet.proofs.encoding import decode, encode
from chainwallet.proofs.trie import EMPTY_ROOT, list_root, proved_value
from tests.proofs.reference import ReferenceTrie, reference_root


def test_the_empty_list_has_the_empty_root() -> None:
    """A block without transactions has the root that the reference library gives an empty trie."""
    assert list_root([]) == EMPTY_ROOT == ReferenceTrie({}).root


@pytest.mark.parametrize("count", [*range(1, 20), 127, 128, 129, 130, 255, 256, 257, 300, 1000])
@pytest.mark.parametrize("size", [1, 33])
def test_list_roots_are_those_of_the_reference_at_every_edge(count: int, size: int) -> None:
    """Short values, which stand inside their parents, and long ones give the reference's root for any count."""
    values = [keccak256(b"%d" % at)[:1].ljust(size, b"x") for at in range(count)]
    assert list_root(values) == reference_root(values)


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=150))
@settings(max_examples=30)
def test_list_roots_are_those_of_the_reference(values: list[bytes]) -> None:
    """Any list has the reference's root."""
    assert list_root(values) == reference_root(values)


NAMES = st.sets(st.integers(0, 40), max_size=25)


def a_trie(names: set[int], size: int) -> ReferenceTrie:
    return ReferenceTrie({keccak256(bytes([name])): bytes([name + 1]) * size for name in names})


@given(NAMES, st.integers(0, 40), st.sampled_from([1, 40]))
def test_a_true_proof_gives_what_the_trie_holds(names: set[int], asked: int, size: int) -> None:
    """Present keys are proved with their value, absent ones to be absent."""
    made = a_trie(names, size)
    key = keccak256(bytes([asked]))
    nodes = made.proof(key)
    expected = bytes([asked + 1]) * size if asked in names else None
    assert proved_value(made.root, key, nodes) == expected


@given(st.sets(st.integers(0, 40), min_size=1, max_size=25), st.data())
@settings(max_examples=200)
def test_a_false_proof_is_refused(names: set[int], data: st.DataObject) -> None:
    """A proof with one bit changed, one node missing, or for another root never gives another answer."""
    made = a_trie(names, 40)
    asked = data.draw(st.integers(0, 40))
    key = keccak256(bytes([asked]))
    nodes = made.proof(key)
    at = data.draw(st.integers(0, len(nodes) - 1))
    bit = data.draw(st.integers(0, 8 * len(nodes[at]) - 1))
    changed = bytearray(nodes[at])
    changed[bit // 8] ^= 1 << bit % 8
    for lie in (nodes[:at], [*nodes[:at], bytes(changed), *nodes[at + 1 :]]):
        with pytest.raises(FalseProof):
            proved_value(made.root, key, lie)
    with pytest.raises(FalseProof):
        proved_value(keccak256(b"another root"), key, nodes)


def under(node: bytes) -> tuple[Hash32, list[bytes]]:
    """A root that names ``node``, whatever it is, and the proof."""
    return keccak256(node), [node]


@pytest.mark.parametrize(
    "node",
    [
        b"no RLP",
        encode(b"a string of more than thirty-two bytes, no list"),
        encode([b"\x20", b"two", b"three"]),
        encode([b"", b"no path"]),
        encode([b"\x40", b"no such flag"]),
        encode([b"\x01\x23", b"zero half byte is not zero"]),
        encode([b"\x00", b"an extension that leads nowhere"]),
        encode([[], b"a list for a path"]),
        encode([b"\x20", b"a leaf above the end"]),
        encode([b"\x20" + keccak256(b"key"), [b"a list for a value"]]),
        encode([b"\x00" + keccak256(b"key"), [b""] * 17]),
    ],
)
def test_bytes_that_are_no_node_are_refused_even_under_their_own_hash(node: bytes) -> None:
    """A root that commits to something else than a trie proves nothing, not even absence."""
    root, proof = under(node)
    with pytest.raises(FalseProof):
        proved_value(root, keccak256(b"key"), proof)


def test_a_node_may_stand_inside_another_or_among_unneeded_ones() -> None:
    """Short nodes are found in their parents; a proof that holds more than needed serves as well."""
    keys = [at.to_bytes(2, "big") for at in range(0, 600, 7)]
    made = ReferenceTrie({key: key[1:] + b"." for key in keys})
    everything = [node for key in keys for node in made.proof(key)]
    assert any(isinstance(member, list) for node in map(decode, everything) for member in node)
    for number in range(600):
        key = number.to_bytes(2, "big")
        expected = key[1:] + b"." if key in keys else None
        assert proved_value(made.root, key, everything) == expected
