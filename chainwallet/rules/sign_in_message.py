"""The text that the owner of an address signs to add it to an account: ERC-4361 (Sign-In with Ethereum).

The whole text is made here, from few values; nothing that a client wrote enters it but the address.
"""

from dataclasses import dataclass

from chainwallet.evm import Address, Hash32, checksum, keccak256
from chainwallet.rules.handle import Handle, shown
from chainwallet.rules.timestamp import time_text

VERSION = "1"  # ERC-4361, "Message Format"
LIFETIME_S = 300


@dataclass(frozen=True)
class Site:
    """Who asks for the signature: ``domain`` is an RFC 3986 authority (``wallet.example:8080``), ``uri`` the service's.

    ``chain_id`` is the chain whose addresses it adds (EIP-155).
    """

    domain: str
    uri: str
    chain_id: int


@dataclass(frozen=True)
class SignInMessage:
    """What is signed: ``address`` is to belong to the account ``handle``. Times are seconds since 1970."""

    site: Site
    address: Address
    handle: Handle
    nonce: str
    issued_at_s: int
    expires_at_s: int

    @property
    def text(self) -> str:
        """The text as ERC-4361 gives it, ready to be signed."""
        site = self.site
        return (
            f"{site.domain} wants you to sign in with your Ethereum account:\n"
            f"{checksum(self.address)}\n"
            "\n"
            f"Add this address to the account {shown(self.handle)}. This moves no money and costs no gas.\n"
            "\n"
            f"URI: {site.uri}\n"
            f"Version: {VERSION}\n"
            f"Chain ID: {site.chain_id}\n"
            f"Nonce: {self.nonce}\n"
            f"Issued At: {time_text(self.issued_at_s)}\n"
            f"Expiration Time: {time_text(self.expires_at_s)}"
        )

    @property
    def digest(self) -> Hash32:
        """What a wallet signs for ``text``: ERC-191, version 0x45 (``personal_sign``)."""
        data = self.text.encode()
        return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)
