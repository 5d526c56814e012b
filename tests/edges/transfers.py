"""Keys with ETH, signed transfers and tiny contracts, for tests of the way to a node."""

import time
from typing import Any

from eth_account.signers.local import LocalAccount

from chainwallet.evm import Address, keccak256
from chainwallet.rpc import Node, SendAnswer

ETHER = 10**18
RECIPIENT = Address(b"\x22" * 20)

# Runtime code: stores the block's number, logs the call data's first word under topic 7, returns the number.
LOGGER = bytes.fromhex("435f555f355f52600760205fa1435f5260205ff3")
# Runtime code: reverts with the four bytes deadbeef and the word 7.
REVERTER = bytes.fromhex("63deadbeef60e01b5f526007600452602460" + "00fd")
# Runtime code: reverts with Error("no").
_ERROR_NO = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")
REASONED = bytes([0x60, len(_ERROR_NO), 0x60, 10, 0x5F, 0x39, 0x60, len(_ERROR_NO), 0x5F, 0xFD]) + _ERROR_NO


def creation(runtime: bytes) -> bytes:
    """Code that deploys ``runtime``."""
    return bytes([0x60, len(runtime), 0x60, 0x0C, 0x60, 0, 0x39, 0x60, len(runtime), 0x60, 0, 0xF3]) + runtime


def signed(node: Node, key: LocalAccount, **changes: Any) -> bytes:
    """A signed transfer of 1 wei with the next nonce, changed as told."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": node.chain_id(),
        "nonce": node.transaction_count(Address(bytes.fromhex(key.address[2:]))),
        "to": RECIPIENT,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "data": b"",
        **changes,
    }
    if fields["to"] is None:
        del fields["to"]
    return bytes(key.sign_transaction(fields).raw_transaction)


def mine(node: Node, raw: bytes) -> Address | None:
    """Send ``raw`` and wait until it is mined; the contract that it created."""
    assert node.send_raw(raw).answer is SendAnswer.ACCEPTED
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        receipt = node.receipt(keccak256(raw))
        if receipt is not None:
            assert receipt.succeeded
            return receipt.contract
    raise AssertionError("not mined")


def deploy(node: Node, key: LocalAccount, runtime: bytes) -> Address:
    """A new contract with this code."""
    contract = mine(node, signed(node, key, to=None, value=0, data=creation(runtime), gas=200_000))
    assert contract is not None
    assert node.code(contract) == runtime
    return contract
