"""The chain, its currencies and their contracts; how the service is."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Ledger:
    """A currency and the contract that keeps it."""

    currency: str
    decimals: int
    token_decimals: int
    contract: str
    deployed_in_block: int
    code_hash: str


@dataclass(frozen=True)
class Network:
    """The chain, its ledgers, and how deep is final."""

    chain_id: int
    genesis: str
    confirmations: int
    currencies: tuple[Ledger, ...]


@dataclass(frozen=True)
class Carrier:
    """A sender that carries payments to the chain; its gas money in wei."""

    address: str
    gas_money_wei: str


@dataclass(frozen=True)
class Readiness:
    """Whether the service can do its work, and what is behind. None: it does not know."""

    status: str
    troubles: tuple[str, ...]
    node_head_block: int | None
    verified_block: int | None
    verified_block_at: datetime | None
    indexer_lag_blocks: int | None
    indexer_lag_s: int | None
    database: str
    carriers: tuple[Carrier, ...] | None
