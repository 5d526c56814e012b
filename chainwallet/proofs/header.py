"""Block headers: what a block's hash commits to, and the hash recomputed from the fields.

Sources: Yellow Paper 4.4 (the first fifteen fields); EIP-1559, EIP-4895, EIP-4844, EIP-4788 and EIP-7685 (each later
one appends its own, so a header ends where its fork did).
"""

from dataclasses import dataclass

from chainwallet.evm import Address, BlockNumber, Hash32, keccak256
from chainwallet.proofs.encoding import encode_bytes, encode_list, encode_uint


@dataclass(frozen=True)
class Header:
    """A header's fields, in the order in which they are hashed; those after ``nonce`` are None before their fork."""

    parent: Hash32
    ommers_hash: Hash32
    beneficiary: Address
    state_root: Hash32
    transactions_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    """256 bytes."""
    difficulty: int
    number: BlockNumber
    gas_limit: int
    gas_used: int
    timestamp_s: int
    extra_data: bytes
    mix_hash: Hash32
    nonce: bytes
    """8 bytes."""
    base_fee_per_gas_wei: int | None = None
    withdrawals_root: Hash32 | None = None
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    parent_beacon_block_root: Hash32 | None = None
    requests_hash: Hash32 | None = None

    def hash(self) -> Hash32:
        """The Keccak-256 of the RLP of all fields up to the first that is None."""
        encoded = []
        for field in vars(self).values():
            if field is None:
                break
            encoded.append(encode_uint(field) if isinstance(field, int) else encode_bytes(field))
        return keccak256(encode_list(encoded))
