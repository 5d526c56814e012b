"""What most programs do: a plain web3.py loop, one transaction for each payment. Measured to be compared with.

Gas and fees are given, so that the loop asks for nothing but the nonce, a place for the bytes and the receipt.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from eth_account import Account
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.types import TxParams, Wei

from chainwallet.artifacts import ledger_abi
from chainwallet.bench.chain import GAS_LIMIT, MAX_FEE_WEI, TIP_WEI
from chainwallet.bench.parts import payee
from chainwallet.evm import Address, checksum, keccak256, to_hex
from chainwallet.keys.signer import LocalSigner

TIMEOUT_S = 300
SECRET = keccak256(b"chainwallet bench: who pays in a loop")
PAYER: Address = LocalSigner(SECRET).address
"""Whose transactions the loops send; it needs money and ETH."""


@dataclass(frozen=True)
class Loop:
    """A loop over ``count`` payments of one token unit to ``payees`` payees on the ledger at ``contract``."""

    url: str
    contract: Address
    count: int
    payees: int

    def waiting(self) -> float:
        """Seconds in which each payment's receipt was waited for before the next was sent."""
        w3, account, sign = self._ready()
        began_s = time.monotonic()
        for number in range(self.count):
            nonce = w3.eth.get_transaction_count(account)
            tx = w3.eth.send_raw_transaction(sign(number, nonce))
            assert w3.eth.wait_for_transaction_receipt(tx)["status"] == 1  # noqa: S101 - nobody else is on this chain
        return time.monotonic() - began_s

    def unwaited(self) -> float:
        """Seconds in which all were sent, the nonces counted here, and then all receipts were there."""
        w3, account, sign = self._ready()
        began_s = time.monotonic()
        first = w3.eth.get_transaction_count(account)
        sent = [w3.eth.send_raw_transaction(sign(number, first + number)) for number in range(self.count)]
        for tx in sent:
            receipt = w3.eth.wait_for_transaction_receipt(tx, timeout=TIMEOUT_S)
            assert receipt["status"] == 1  # noqa: S101 - as above
        return time.monotonic() - began_s

    def _ready(self) -> tuple[Web3, ChecksumAddress, Callable[[int, int], bytes]]:
        """A node, who pays, and what makes the signed bytes of a payment by its number and nonce."""
        w3 = Web3(HTTPProvider(self.url))
        account = Account.from_key(to_hex(SECRET))
        ledger = w3.eth.contract(address=w3.to_checksum_address(checksum(self.contract)), abi=list(ledger_abi()))
        fees = {"maxFeePerGas": Wei(MAX_FEE_WEI), "maxPriorityFeePerGas": Wei(TIP_WEI)}
        fixed = {"chainId": w3.eth.chain_id, "gas": GAS_LIMIT, **fees}

        def sign(number: int, nonce: int) -> bytes:
            transfer = ledger.functions.transfer(checksum(payee(number % self.payees)), 1)
            signed = account.sign_transaction(transfer.build_transaction(cast("TxParams", {**fixed, "nonce": nonce})))
            raw: bytes = signed.raw_transaction
            return raw

        return w3, account.address, sign
