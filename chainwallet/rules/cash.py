"""What a person calls money here, beside the token on the chain that keeps it."""

from dataclasses import dataclass
from functools import cached_property

from chainwallet.evm import Address, ChainName, checksum
from chainwallet.rules.money import Currency


@dataclass(frozen=True)
class Cash:
    """The ``Cash`` contract of ``currency`` at ``address`` on ``chain``."""

    chain: ChainName
    currency: Currency
    address: Address

    @cached_property
    def token(self) -> str:
        """The name under which the store keeps its promises."""
        return f"{self.chain.key}/{checksum(self.address)}"
