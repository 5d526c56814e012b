"""How the service is, for those who run it."""

from typing import Literal, Self

from pydantic import Field

from chainwallet.api.readiness import Readiness
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.words import AddressText, TimeText
from chainwallet.evm import checksum
from chainwallet.rules.timestamp import time_text


class Alive(Document):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Carrier(Document):
    """A sender that carries payments to the chain."""

    address: AddressText
    gas_money_wei: str = Field(pattern=r"^[0-9]{1,30}$", examples=["1000000000000000000"])


class ReadinessDocument(Document):
    """Whether the service can do its work, and what is behind."""

    status: Literal["ready", "not ready"]
    troubles: list[str] = Field(description="What keeps it from its work", examples=[[]])
    node_head_block: int | None = Field(ge=0, description="null: the node does not answer", examples=[1204])
    verified_block: int | None = Field(ge=0, description="Up to here the history is verified", examples=[1203])
    verified_block_at: TimeText | None
    indexer_lag_blocks: int | None = Field(ge=0, examples=[1])
    indexer_lag_s: int | None = Field(ge=0, examples=[12])
    database: Literal["ok", "does not answer"]
    carriers: list[Carrier] | None

    @classmethod
    def of(cls, found: Readiness) -> Self:
        """The document of what was found."""
        verified, gas_wei = found.verified, found.gas_wei
        return cls(
            status="not ready" if found.troubles else "ready",
            troubles=list(found.troubles),
            node_head_block=found.head_block,
            verified_block=None if verified is None else verified.number,
            verified_block_at=None if verified is None else time_text(verified.timestamp_s),
            indexer_lag_blocks=found.lag_blocks,
            indexer_lag_s=found.lag_s,
            database="ok" if found.has_database else "does not answer",
            carriers=None
            if gas_wei is None
            else [Carrier(address=checksum(one), gas_money_wei=str(wei)) for one, wei in gas_wei.items()],
        )
