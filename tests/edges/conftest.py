"""Fixtures of the edges."""

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chainwallet.evm import Address
from chainwallet.rpc import Node
from tests.edges.transfers import ETHER


@pytest.fixture
def rich(chain: Node) -> LocalAccount:
    """A key with one ETH."""
    key: LocalAccount = Account.create()
    chain.set_balance(Address(bytes.fromhex(key.address[2:])), ETHER)
    return key
