"""A signer that is another program: a hardware wallet, a key service, a script that holds the key elsewhere.

``<command> address`` prints the address. ``<command> sign-transaction`` reads one JSON object from its standard input,
with the names and hex quantities of ``eth_signTransaction`` (``type``, ``from``, ``chainId``, ``nonce``, ``to`` unless
a contract is created, ``value``, ``data``, ``gas``, ``maxFeePerGas``, ``maxPriorityFeePerGas``, ``accessList``), and
prints the raw signed transaction as ``0x`` and hex. Both exit with status 0. The program is run without a shell; its
standard error is the person's to read, and what it prints is never shown or kept, because it might be a key.

Source: Ethereum JSON-RPC (execution-apis), ``eth_signTransaction``.
"""

import json
import re
import subprocess
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from chainwallet.errors import BadSignature, BadValue, MissingTool
from chainwallet.evm import Address, Transaction, checksum, keccak256, parse_address
from chainwallet.keys.signer import recover
from chainwallet.keys.transaction import decode_signed, encode_unsigned

ANSWER_TIMEOUT_S = 120
"""A person may have to press a button on a device."""

_HEX = re.compile("0x(?:[0-9a-fA-F]{2})+")


class ExternalSigner:
    """A ``TransactionSigner`` whose key is behind the command ``argv``; the command is trusted with nothing else.

    Raises ``BadValue`` for an empty ``argv``.
    """

    def __init__(self, argv: Sequence[str], timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        if not argv:
            raise BadValue("signer command", argv, "a program and its arguments")
        self._argv = list(argv)
        self._timeout_s = timeout_s

    @cached_property
    def address(self) -> Address:
        """What ``<command> address`` prints; asked once.

        Raises ``MissingTool`` if the program is not there, ``BadValue`` if it fails, is silent or prints anything else.
        """
        answer = self._ask("address")
        try:
            return parse_address(answer)
        except BadValue:
            pass  # and raised without what was printed
        raise BadValue("signer command", f"{len(answer)} characters", "an address: 0x and 40 hex digits")

    def sign_transaction(self, tx: Transaction) -> bytes:
        """The raw signed EIP-1559 transaction, ready to send.

        The answer is decoded and compared: ``BadValue`` names the first field that is not as asked, ``BadSignature``
        another sender or a malformed signature. Otherwise as ``address``.
        """
        payload = encode_unsigned(tx)
        answer = self._ask("sign-transaction", json.dumps(_request(tx, self.address)))
        if not _HEX.fullmatch(answer):
            raise BadValue("signer command", f"{len(answer)} characters", "0x and the hex of a signed transaction")
        raw = bytes.fromhex(answer[2:])
        signed = decode_signed(raw)
        for field, asked in vars(tx).items():
            answered = getattr(signed.transaction, field)
            if answered != asked:
                raise BadValue(field, _brief(answered), f"{_brief(asked)}, as the signer was asked")
        try:
            sender = recover(keccak256(payload), signed.signature)
        except BadSignature as malformed:
            raise BadSignature(checksum(self.address), malformed.recovered) from None
        if sender != self.address:
            raise BadSignature(checksum(self.address), checksum(sender))
        return raw

    def _ask(self, verb: str, question: str = "") -> str:
        command = [*self._argv, verb]
        try:
            done = subprocess.run(  # noqa: S603  # the configured program, without a shell
                command, input=question.encode(), stdout=subprocess.PIPE, timeout=self._timeout_s, check=False
            )
        except OSError as error:
            raise MissingTool(self._argv[0], f"the signer command does not start ({error.strerror})") from None
        except subprocess.TimeoutExpired:
            raise BadValue("signer command", f"no answer in {self._timeout_s} s to {verb}", "an answer") from None
        if done.returncode != 0:
            raise BadValue("signer command", f"exit status {done.returncode} from {verb}", "exit status 0")
        return done.stdout.decode("ascii", errors="replace").strip()


def _brief(value: object) -> str:
    match value:
        case bytes() if len(value) > 20:
            return f"{len(value)} bytes with Keccak-256 {keccak256(value).hex()}"
        case bytes():
            return "0x" + value.hex()
        case _:
            return str(value)


def _request(tx: Transaction, sender: Address) -> dict[str, Any]:
    request: dict[str, Any] = {
        "type": "0x2",
        "from": checksum(sender),
        "chainId": hex(tx.chain_id),
        "nonce": hex(tx.nonce),
        "value": hex(tx.value_wei),
        "data": "0x" + tx.data.hex(),
        "gas": hex(tx.gas_limit),
        "maxFeePerGas": hex(tx.max_fee_per_gas_wei),
        "maxPriorityFeePerGas": hex(tx.max_priority_fee_per_gas_wei),
        "accessList": [],
    }
    return request if tx.to is None else request | {"to": checksum(tx.to)}
