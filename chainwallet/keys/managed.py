"""A signer whose key lies sealed: it is opened for each signature, and overwritten right after it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from chainwallet.abi import typed_data
from chainwallet.abi.typed_data import Document, Domain
from chainwallet.evm import Address, Hash32, Transaction, checksum, keccak256
from chainwallet.keys.signer import SigningLimits, sign_digest
from chainwallet.keys.transaction import encode_signed, encode_unsigned


class ManagedSigner:
    """Signs for ``address`` with the secret that ``opened`` gives for the time of one signature; an ``AccountSigner``.

    It holds no secret itself. What opening raises, signing raises.
    """

    __slots__ = ("_limits", "_opened", "address")

    def __init__(
        self,
        address: Address,
        opened: Callable[[Address], AbstractContextManager[bytearray]],
        limits: SigningLimits | None = None,
    ) -> None:
        self.address = address
        self._opened = opened
        self._limits = limits or SigningLimits()

    def sign(self, document: Document, domain: Domain) -> bytes:
        """As ``LocalSigner.sign``; the limits come first, so that a key is not opened for what is refused."""
        self._limits.check_document(document, domain, self.address)
        return self._sign_digest(typed_data.digest(document, domain))

    def sign_transaction(self, tx: Transaction) -> bytes:
        """As ``LocalSigner.sign_transaction``."""
        self._limits.check_transaction(tx)
        return encode_signed(tx, self._sign_digest(keccak256(encode_unsigned(tx))))

    def _sign_digest(self, digest: Hash32) -> bytes:
        with self._opened(self.address) as secret:
            return sign_digest(secret, digest)

    def __repr__(self) -> str:
        return f"ManagedSigner({checksum(self.address)})"
