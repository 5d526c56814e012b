"""Where a created contract stands, computed from who created it.

Sources: Yellow Paper 7 (the address of a creation); EIP-161 (a new contract's nonce is 1).
"""

from chainwallet.evm import Address, keccak256
from chainwallet.proofs.encoding import encode, uint_bytes

FIRST_NONCE_OF_A_CONTRACT = 1  # EIP-161


def created_address(creator: Address, nonce: int) -> Address:
    """The address of the contract that ``creator`` makes with the transaction, or creation, of this ``nonce``."""
    return Address(keccak256(encode([creator, uint_bytes(nonce)]))[12:])


def office_of(ledger: Address) -> Address:
    """Where the office of the ``Cash`` at ``ledger`` stands: it is the first contract that the ledger makes."""
    return created_address(ledger, FIRST_NONCE_OF_A_CONTRACT)
