"""The signing domain of our contracts (EIP-712, ERC-5267)."""

from functools import lru_cache

from chainwallet.abi.typed_data import Domain
from chainwallet.rules.cash import Cash

CASH_VERSION = "1"  # Cash.version()


@lru_cache(maxsize=64)
def domain_of(cash: Cash) -> Domain:
    """The EIP-712 domain under which documents for ``cash`` are signed."""
    return Domain(f"Cash {cash.currency.code}", CASH_VERSION, cash.chain.chain_id, cash.address)
