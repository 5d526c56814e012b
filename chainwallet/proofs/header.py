"""Block headers of every fork up to Prague and Osaka: their RLP and their hash.

Sources: Yellow Paper 4.4; EIP-1559 (base fee), EIP-4895 (withdrawals), EIP-4844 (blob gas), EIP-4788 (parent beacon
root), EIP-7685 (requests). The merge (EIP-3675) kept the fields: ``mix_hash`` carries the RANDAO since.
"""

from dataclasses import dataclass

from chainwallet.evm import Address, BlockNumber, Hash32, keccak256
from chainwallet.proofs.encoding import encode_bytes, encode_list, encode_uint


@dataclass(frozen=True)
class Header:
    """All that a block's hash commits to, in the order of its encoding.

    The fields with a default came with forks, in this order: a header has all of them up to its fork's last.
    """

    parent: Hash32
    ommers_hash: Hash32
    beneficiary: Address
    state_root: Hash32
    transactions_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    """256 bytes; see ``proofs.bloom``."""
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
    """London."""
    withdrawals_root: Hash32 | None = None
    """Shanghai."""
    blob_gas_used: int | None = None
    """Cancun."""
    excess_blob_gas: int | None = None
    """Cancun."""
    parent_beacon_block_root: Hash32 | None = None
    """Cancun."""
    requests_hash: Hash32 | None = None
    """Prague."""

    def encoded(self) -> bytes:
        """The header's RLP, up to the first field that it does not have."""
        since_london = (
            self.base_fee_per_gas_wei,
            self.withdrawals_root,
            self.blob_gas_used,
            self.excess_blob_gas,
            self.parent_beacon_block_root,
            self.requests_hash,
        )
        present = since_london[: since_london.index(None)] if None in since_london else since_london
        fields = (
            self.parent,
            self.ommers_hash,
            self.beneficiary,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.logs_bloom,
            self.difficulty,
            self.number,
            self.gas_limit,
            self.gas_used,
            self.timestamp_s,
            self.extra_data,
            self.mix_hash,
            self.nonce,
            *present,
        )
        return encode_list(
            [encode_uint(each) if isinstance(each, int) else encode_bytes(each or b"") for each in fields]
        )

    def hash(self) -> Hash32:
        """The block's hash."""
        return keccak256(self.encoded())
