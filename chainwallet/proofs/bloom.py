"""Bloom filters of logs: what a block or receipt may contain, and what it cannot.

Source: Yellow Paper 4.3.1. A filter has 2,048 bits; each address and topic sets three.
"""

from collections.abc import Iterable

from chainwallet.evm import Log, keccak256

BLOOM_BYTES = 256
EMPTY_BLOOM = bytes(BLOOM_BYTES)
_BITS = 8 * BLOOM_BYTES


def mask_of(name: bytes) -> int:
    """The bits that an address or topic sets, in the number that the filter's bytes are."""
    digest = keccak256(name)
    mask = 0
    for at in (0, 2, 4):
        mask |= 1 << int.from_bytes(digest[at : at + 2], "big") % _BITS
    return mask


def may_contain(bloom: bytes, *names: bytes) -> bool:
    """Whether something may have logged all of ``names``; False is a proof that nothing did."""
    bits = int.from_bytes(bloom, "big")
    return all(bits & mask == mask for mask in map(mask_of, names))


def bloom_of(logs: Iterable[Log]) -> bytes:
    """The filter of ``logs``."""
    bits = 0
    for log in logs:
        for name in (log.address, *log.topics):
            bits |= mask_of(name)
    return bits.to_bytes(BLOOM_BYTES, "big")
