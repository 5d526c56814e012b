"""A signer whose key lies sealed: it is opened for each signature, and overwritten right after it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from chainwallet.evm import Address, Hash32
from chainwallet.keys.signer import DigestSigner, SigningLimits, sign_digest


class ManagedSigner(DigestSigner):
    """Signs for ``address`` with the secret that ``opened`` gives for the time of one signature.

    It holds no secret itself. What opening raises, signing raises.
    """

    __slots__ = ("_opened",)

    def __init__(
        self,
        address: Address,
        opened: Callable[[Address], AbstractContextManager[bytearray]],
        limits: SigningLimits | None = None,
    ) -> None:
        super().__init__(address, limits)
        self._opened = opened

    def _sign_digest(self, digest: Hash32) -> bytes:
        with self._opened(self.address) as secret:
            return sign_digest(secret, digest)
