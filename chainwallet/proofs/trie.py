"""Merkle Patricia tries: the root of a block's list, and the value that a proof gives to a key.

Source: Yellow Paper, appendix D. A node of 32 bytes or more is named by its hash; a shorter one stands in its parent.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from chainwallet.errors import FalseProof
from chainwallet.evm import Hash32, keccak256, to_hex
from chainwallet.proofs.encoding import Item, Malformed, decode, encode_bytes, encode_list, encode_uint

EMPTY_ROOT = keccak256(b"\x80")
"""The root of a trie without keys: the hash of the empty string's RLP."""

_EMPTY = b"\x80"
_BRANCH_SIZE = 17
_ODD, _LEAF = 1, 2  # flags in the first half byte of a path


# ------------------------------------------------------------------------------------------------ roots


def list_root(values: Sequence[bytes]) -> Hash32:
    """The root of the trie that maps the RLP of each index to its value: receipts, transactions or withdrawals.

    ``values`` are as the trie holds them: typed ones with their type's byte, not wrapped.
    """
    if not values:
        return EMPTY_ROOT
    return keccak256(_node([(path, values[at]) for path, at in _paths(len(values))], 0))


@lru_cache(maxsize=64)
def _paths(count: int) -> tuple[tuple[bytes, int], ...]:
    """The paths of the indexes below ``count``, ascending, each with its index. Blocks of one length are many."""
    return tuple(sorted((_nibbles(encode_uint(at)), at) for at in range(count)))


def _node(entries: list[tuple[bytes, bytes]], depth: int) -> bytes:
    """The node above ``entries``, which ascend by key and share its first ``depth`` half bytes.

    No key is the beginning of another: RLP gives indexes that property.
    """
    first = entries[0][0]
    if len(entries) == 1:
        return encode_list((encode_bytes(_packed(first[depth:], _LEAF)), encode_bytes(entries[0][1])))
    last = entries[-1][0]
    fork = depth
    while first[fork] == last[fork]:
        fork += 1
    branch = _branch(entries, fork)
    if fork == depth:
        return branch
    return encode_list((encode_bytes(_packed(first[depth:fork], 0)), _reference(branch)))


def _branch(entries: list[tuple[bytes, bytes]], depth: int) -> bytes:
    children = [_EMPTY] * _BRANCH_SIZE
    starts = [at for at in range(len(entries)) if at == 0 or entries[at][0][depth] != entries[at - 1][0][depth]]
    for start, end in pairwise([*starts, len(entries)]):
        children[entries[start][0][depth]] = _reference(_node(entries[start:end], depth + 1))
    return encode_list(children)


def _reference(node: bytes) -> bytes:
    return node if len(node) < 32 else encode_bytes(keccak256(node))


def _packed(path: bytes, flags: int) -> bytes:
    """Half bytes as bytes, their flags and parity in front (hex-prefix encoding)."""
    odd = len(path) % 2
    halves = bytes((flags + odd,)) + (b"" if odd else b"\x00") + path
    return bytes(halves[at] << 4 | halves[at + 1] for at in range(0, len(halves), 2))


def _nibbles(key: bytes) -> bytes:
    return bytes(half for byte in key for half in (byte >> 4, byte & 0xF))


# ------------------------------------------------------------------------------------------------ proofs


def proved_value(root: Hash32, key: bytes, proof: Iterable[bytes]) -> bytes | None:
    """What the trie with ``root`` holds under ``key`` (all its keys are of one length); None: proved absent.

    ``proof`` holds the nodes on the way, in any order; others do no harm. Raises ``FalseProof`` where the way from the
    root breaks off, or leads through bytes that are no node.
    """
    nodes = {keccak256(node): node for node in proof}
    path = _nibbles(key)
    if root == EMPTY_ROOT:
        return None
    reference: Item = root
    at = 0
    while True:  # ends: every step but the first shortens the path
        node = _resolved(reference, nodes, root)
        if len(node) == _BRANCH_SIZE:
            if at == len(path):
                raise FalseProof("proof", "a leaf at the end of the path", "a branch")
            reference = node[path[at]]
            at += 1
        else:
            part, is_leaf = _unpacked(node[0])
            if path[at : at + len(part)] != part:
                return None
            at += len(part)
            if is_leaf:
                if at != len(path) or not isinstance(node[1], bytes):
                    raise FalseProof("proof", "a value at the end of the path", "a leaf elsewhere")
                return node[1]
            if not part:
                raise FalseProof("proof", "an extension with a path", "one without")
            reference = node[1]
        if reference == b"":
            return None


def _resolved(reference: Item, nodes: dict[Hash32, bytes], root: Hash32) -> Sequence[Item]:
    """The node that ``reference`` names or is: two members (a path and what is there), or seventeen."""
    if isinstance(reference, bytes):
        encoded = nodes.get(Hash32(reference))
        if encoded is None:
            where = "root" if reference == root else "node"
            raise FalseProof("proof", f"the {where} {to_hex(reference)}", "it is not among the proof's nodes")
        try:
            reference = decode(encoded)
        except Malformed as error:
            raise FalseProof("proof", "a node in RLP", str(error)) from None
    if isinstance(reference, bytes) or len(reference) not in (2, _BRANCH_SIZE):
        raise FalseProof("proof", "a node of 2 or 17 members", "another item")
    return reference


def _unpacked(packed: Item) -> tuple[bytes, bool]:
    """The half bytes of a path, and whether a leaf ends it."""
    halves = _nibbles(packed) if isinstance(packed, bytes) else b""
    if not halves or halves[0] > _LEAF + _ODD or (not halves[0] & _ODD and halves[1]):
        raise FalseProof("proof", "a path", f"flags {halves[:2].hex()}")
    return halves[1:] if halves[0] & _ODD else halves[2:], halves[0] >= _LEAF
