"""Where created contracts stand."""

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.evm import Address, keccak256
from chainwallet.proofs.creation import created_address

CREATOR = Address(bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"))


@pytest.mark.parametrize(
    ("nonce", "address"),
    [
        (0, "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
        (1, "343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
        (2, "f778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
        (3, "fffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
    ],
)
def test_known_creations(nonce: int, address: str) -> None:
    """The addresses of contracts that an account of the main chain made are those that stand there."""
    assert created_address(CREATOR, nonce).hex() == address


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**64 - 2))
def test_any_creation(creator: bytes, nonce: int) -> None:
    """The address of any creation is the one that the reference encoding gives."""
    assert created_address(Address(creator), nonce) == keccak256(rlp.encode([creator, nonce]))[12:]
