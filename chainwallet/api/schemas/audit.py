"""What anybody may check: an address's movements and its balance in the past, the supply."""

from typing import Self

from pydantic import Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.history import DirectionText, Place, VerifiedUpTo
from chainwallet.api.schemas.money import ShownAmount
from chainwallet.api.schemas.words import AddressText, HashText, TimeText
from chainwallet.evm import checksum, to_hex
from chainwallet.history import BalanceAt, Compared, Line, Supply
from chainwallet.rules.cash import Cash
from chainwallet.rules.fact import Cause
from chainwallet.rules.timestamp import time_text


class PublicMovement(Document):
    """A movement as the chain shows it to everybody."""

    direction: DirectionText = Field(examples=["out"])
    amount: ShownAmount
    counterparty: AddressText
    cause: Cause | None = Field(description="What moved it", examples=["payment"])
    reference: HashText | None
    place: Place

    @classmethod
    def of(cls, line: Line) -> Self:
        """The document of ``line``."""
        return cls(
            direction=line.direction,
            amount=ShownAmount.of_units(line.units, line.cash.currency),
            counterparty=checksum(line.counterparty),
            cause=line.cause,
            reference=None if line.ref is None else to_hex(line.ref),
            place=Place.of(line),
        )


class PublicMovements(Document):
    """A page of an address's movements, the newest first."""

    address: AddressText
    movements: list[PublicMovement]
    next_cursor: str | None = Field(description="null: there are no older ones")
    verified_up_to: VerifiedUpTo


class State(Document):
    """What the node's own state says at the same block, asked for by the block's hash."""

    amount: ShownAmount | None = Field(description="null: the node could not tell")
    block_hash: HashText | None
    agrees: bool | None = Field(description="Whether events and state say the same", examples=[True])
    why_not: str | None = Field(description="Why the node could not tell", examples=[None])

    @classmethod
    def of(cls, cash: Cash, compared: Compared, units: int) -> Self:
        """The document of what was found beside ``units`` by events."""
        found = compared.units
        return cls(
            amount=None if found is None else ShownAmount.of_units(found, cash.currency),
            block_hash=None if compared.block_hash is None else to_hex(compared.block_hash),
            agrees=None if found is None else found == units,
            why_not="the node does not have the state of this block, or does not answer" if found is None else None,
        )


class Moment(Document):
    """The block that was taken: the answer is true just after it."""

    block: int = Field(ge=0, examples=[1100])
    block_hash: HashText | None = Field(description="Verified; null: an old block without events of the ledger")
    time: TimeText | None = Field(description="Verified, as the hash")
    final: bool = Field(examples=[True])


class PastBalance(Document):
    """What the address held in one currency."""

    amount: ShownAmount
    at: Moment
    state: State | None = Field(description="null: it was not asked for")

    @classmethod
    def of(cls, found: BalanceAt) -> Self:
        """The document of ``found``."""
        moment = found.at
        return cls(
            amount=ShownAmount.of_units(found.units, found.cash.currency),
            at=Moment(
                block=moment.block,
                block_hash=None if moment.hash is None else to_hex(moment.hash),
                time=None if moment.timestamp_s is None else time_text(moment.timestamp_s),
                final=moment.is_final,
            ),
            state=None if found.compared is None else State.of(found.cash, found.compared, found.units),
        )


class PastBalances(Document):
    """What an address held, by the events of all blocks up to the one that was taken, whose receipts were proved."""

    address: AddressText
    balances: list[PastBalance]
    verified_up_to: VerifiedUpTo


class SupplyDocument(Document):
    """All money of one currency at the last verified block, three ways that must agree."""

    issued: ShownAmount = Field(description="Minted and not burnt, by events")
    held: ShownAmount = Field(description="The sum of all balances, by events")
    holders: int = Field(ge=0, examples=[412])
    state: State
    conserved: bool | None = Field(
        description="Whether all three are one; null: the node could not tell, and the events agree with themselves",
        examples=[True],
    )
    verified_up_to: VerifiedUpTo

    @classmethod
    def of(cls, found: Supply) -> Self:
        """The document of ``found``."""
        return cls(
            issued=ShownAmount.of_units(found.minted, found.cash.currency),
            held=ShownAmount.of_units(found.held, found.cash.currency),
            holders=found.holders,
            state=State.of(found.cash, found.compared, found.minted),
            conserved=found.is_conserved,
            verified_up_to=VerifiedUpTo.of(found.standing),
        )


class Supplies(Document):
    """The supply of each currency."""

    supplies: list[SupplyDocument]
