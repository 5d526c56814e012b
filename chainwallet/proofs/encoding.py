"""RLP, Ethereum's encoding of byte strings and lists of them (Yellow Paper, appendix B): one for each value."""

from collections.abc import Sequence

Item = bytes | Sequence["Item"]
"""A byte string, or a list of items."""

SHORT = 55  # the longest payload whose length stands in the first byte
NESTING_LIMIT = 16  # deeper than anything that a block or a trie holds
_STRING = 0x80
_LIST = 0xC0


class Malformed(Exception):
    """Bytes that are no canonical RLP."""


def encode(item: Item) -> bytes:
    """The RLP of ``item``."""
    if isinstance(item, bytes):
        return encode_bytes(item)
    return encode_list([encode(each) for each in item])


def encode_bytes(data: bytes) -> bytes:
    """The RLP of a byte string."""
    size = len(data)
    if size == 1 and data[0] < _STRING:
        return data
    if size <= SHORT:
        return bytes((_STRING + size,)) + data
    return _long_prefix(_STRING, size) + data


def encode_list(encoded: Sequence[bytes]) -> bytes:
    """The RLP of a list whose members are encoded already."""
    payload = b"".join(encoded)
    size = len(payload)
    if size <= SHORT:
        return bytes((_LIST + size,)) + payload
    return _long_prefix(_LIST, size) + payload


def encode_uint(number: int) -> bytes:
    """The RLP of an unsigned integer: its big-endian bytes without leading zeros."""
    return encode_bytes(uint_bytes(number))


def uint_bytes(number: int) -> bytes:
    """The big-endian bytes of ``number`` without leading zeros; empty for 0."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _long_prefix(kind: int, size: int) -> bytes:
    if size < 0x100:  # these two are nearly all, and quick
        return bytes((kind + SHORT + 1, size))
    if size < 0x10000:
        return bytes((kind + SHORT + 2, size >> 8, size & 0xFF))
    length = uint_bytes(size)
    return bytes((kind + SHORT + len(length),)) + length


def decode(data: bytes) -> Item:
    """The item that ``data`` encodes, lists as Python lists.

    Raises ``Malformed`` for bytes left over, missing bytes, lists nested too deep and any encoding but the shortest.
    """
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes after the item")
    return item


def _item(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    """The item that begins at ``start``, and where it ends, at most at ``limit``."""
    if start >= limit:
        raise Malformed("an item is missing")
    if depth > NESTING_LIMIT:
        raise Malformed(f"lists nested deeper than {NESTING_LIMIT}")
    first = data[start]
    if first < _STRING:
        return data[start : start + 1], start + 1
    kind = _LIST if first >= _LIST else _STRING
    begin, end = _bounds(data, start, limit, first - kind)
    if kind == _STRING:
        text = data[begin:end]
        if len(text) == 1 and text[0] < _STRING:
            raise Malformed("a byte below 0x80 with a prefix")
        return text, end
    members: list[Item] = []
    while begin < end:
        member, begin = _item(data, begin, end, depth + 1)
        members.append(member)
    return members, end


def _bounds(data: bytes, start: int, limit: int, code: int) -> tuple[int, int]:
    """Where the payload begins and ends that a prefix with ``code`` above its kind announces."""
    begin, size = start + 1, code
    if code > SHORT:
        begin += code - SHORT
        length = data[start + 1 : begin]
        size = int.from_bytes(length, "big")
        if begin > limit or length[0] == 0 or size <= SHORT:
            raise Malformed("a length that is not the shortest")
    if begin + size > limit:
        raise Malformed(f"{begin + size - limit} bytes are missing")
    return begin, begin + size
