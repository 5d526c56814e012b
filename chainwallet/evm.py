"""Nouns of the Ethereum virtual machine: addresses, hashes and their units.

Sources: Ethereum Yellow Paper (Keccak-256, addresses); EIP-55 (mixed-case checksum addresses).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

import sha3

from chainwallet.errors import BadValue

Address = NewType("Address", bytes)
"""20 bytes; orders as the unsigned number the contracts compare."""
Hash32 = NewType("Hash32", bytes)
"""32 bytes: a Keccak-256 digest, transaction hash or block hash."""
Wei = NewType("Wei", int)
BlockNumber = NewType("BlockNumber", int)

ZERO_ADDRESS = Address(bytes(20))
ZERO_HASH = Hash32(bytes(32))


@dataclass(frozen=True)
class ChainName:
    """What names a chain: its EIP-155 id and the hash of its block 0."""

    chain_id: int
    genesis: Hash32

    @property
    def key(self) -> str:
        """The short form that rows of the store carry: chain id and the first 8 hex digits of the genesis hash."""
        return f"{self.chain_id}-{self.genesis.hex()[:8]}"


def keccak256(data: bytes) -> Hash32:
    """Keccak-256 of ``data`` (the original padding, as Ethereum uses it; not SHA3-256)."""
    return Hash32(sha3.keccak_256(data).digest())


def to_hex(data: bytes) -> str:
    """``data`` as ``0x`` and lower-case hex digits."""
    return "0x" + data.hex()


def from_hex(text: str) -> bytes:
    """The bytes that ``text`` writes as ``0x`` and hex digits; ``ValueError`` for anything else."""
    if not text.startswith("0x"):
        raise ValueError(text)
    return bytes.fromhex(text[2:])


@lru_cache(maxsize=8_192)
def checksum(address: Address) -> str:
    """The 42-character text of ``address`` with the EIP-55 checksum in its capitals."""
    digits = address.hex()
    marks = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(d.upper() if int(m, 16) >= 8 else d for d, m in zip(digits, marks, strict=False))


def parse_address(text: str, field: str = "address") -> Address:
    """The address that ``text`` writes as ``0x`` and 40 hex digits.

    Raises ``BadValue`` (naming ``field``) for another shape, or for mixed capitals that are not the EIP-55 checksum.
    """
    digits = text[2:]
    if not text.startswith("0x") or len(digits) != 40 or not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise BadValue(field, text, "0x and 40 hex digits")
    address = Address(bytes.fromhex(digits))
    if digits not in (digits.lower(), digits.upper()) and checksum(address) != text:
        raise BadValue(field, text, f"the EIP-55 checksum {checksum(address)}")
    return address


@dataclass(frozen=True)
class Transaction:
    """An unsigned EIP-1559 transaction (EIP-2718 type 2), no access list; ``to`` is None to create a contract."""

    chain_id: int
    nonce: int
    to: Address | None
    data: bytes
    gas_limit: int
    max_fee_per_gas_wei: int
    max_priority_fee_per_gas_wei: int
    value_wei: int = 0


@dataclass(frozen=True)
class Log:
    """One event as a node reports it: up to four 32-byte ``topics`` and the unindexed ``data``."""

    address: Address
    topics: tuple[Hash32, ...]
    data: bytes
    block: BlockNumber
    block_hash: Hash32
    tx: Hash32
    index: int
    """Position among all logs of the block."""


@dataclass(frozen=True)
class Receipt:
    """What a mined transaction did; ``succeeded`` is the EIP-658 status."""

    tx: Hash32
    block: BlockNumber
    block_hash: Hash32
    succeeded: bool
    gas_used: int
    effective_gas_price_wei: int
    contract: Address | None
    """The address of the created contract, for a creation."""
    logs: tuple[Log, ...]
    index: int
    """Position among the transactions of the block."""


@dataclass(frozen=True)
class Block:
    """The fields of a block header that this package decides on; ``timestamp_s`` is seconds since 1970."""

    number: BlockNumber
    hash: Hash32
    parent: Hash32
    timestamp_s: int
    base_fee_per_gas_wei: int
    gas_limit: int


@dataclass(frozen=True)
class FeeHistory:
    """Fees of a run of blocks, oldest first (``eth_feeHistory``)."""

    oldest: BlockNumber
    base_fees_per_gas_wei: tuple[int, ...]
    """One for each block, and one more: the base fee of the block after the newest (EIP-1559)."""
    tips_per_gas_wei: tuple[int, ...]
    """The priority fee at the percentile asked for, one for each block; 0 for a block without transactions."""
    gas_used_permille: tuple[int, ...]
    """Thousandths of the gas limit that each block used, rounded down."""

    @property
    def next_base_fee_per_gas_wei(self) -> int:
        """The base fee of the next block."""
        return self.base_fees_per_gas_wei[-1]


@dataclass(frozen=True)
class Simulation:
    """What a transaction would do on top of a block."""

    succeeded: bool
    returned: bytes
    """What it returns; the revert's raw bytes where it does not succeed."""
    reason: str
    """The node's own words for why it does not succeed, empty where it does."""
    gas_used: int | None
    """None where the node cannot tell."""
    logs: tuple[Log, ...] | None
    """None where the node cannot tell."""
