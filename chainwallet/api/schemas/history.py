"""Movements and balances of the caller, and the block that an answer stands on."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field
from pydantic_core import to_json

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import ShownAmount
from chainwallet.api.schemas.words import AddressText, HashText, TimeText
from chainwallet.evm import checksum, to_hex
from chainwallet.history import Balances, Line, Standing
from chainwallet.rules.fact import Cause
from chainwallet.rules.handle import Handle, shown
from chainwallet.rules.money import Currency, amount_text
from chainwallet.rules.timestamp import time_text

DirectionText = Literal["in", "out", "self"]


class VerifiedUpTo(Document):
    """The block that an answer stands on: everything up to it is verified, and the answer is true just after it."""

    block: int = Field(ge=0, examples=[1203])
    block_hash: HashText
    time: TimeText
    confirmations: int = Field(ge=1, description="How deep is final, the block itself counted", examples=[5])
    final_block: int = Field(ge=-(2**31), description="The last block that is final", examples=[1199])
    head_block: int | None = Field(description="The chain's head; null: the node does not answer", examples=[1203])
    waiting: bool = Field(description="The history comes no further now; /readyz says why", examples=[False])

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """The document of ``standing``."""
        return cls(
            block=standing.block,
            block_hash=to_hex(standing.hash),
            time=time_text(standing.timestamp_s),
            confirmations=standing.confirmations,
            final_block=standing.final_block,
            head_block=standing.head,
            waiting=standing.waits_because is not None,
        )


class Place(Document):
    """Where on the chain a movement stands."""

    block: int = Field(ge=0, examples=[1203])
    block_hash: HashText
    time: TimeText = Field(description="The block's")
    transaction: HashText
    log_index: int = Field(ge=0, description="Among all events of the block", examples=[4])
    final: bool = Field(description="As deep as the network's confirmations ask for", examples=[True])

    @classmethod
    def of(cls, line: Line) -> Self:
        """Where ``line`` stands."""
        return cls(
            block=line.place.block,
            block_hash=to_hex(line.place.block_hash),
            time=time_text(line.place.happened_at_s),
            transaction=to_hex(line.place.tx),
            log_index=line.place.log_index,
            final=line.is_final,
        )


class Counterparty(Document):
    """The other side of a movement."""

    address: AddressText
    handle: str | None = Field(description="Where it is an account here", examples=["@ben"])


class Movement(Document):
    """Money that came to one of your wallets, or left it."""

    direction: DirectionText = Field(description="`self`: from a wallet to itself", examples=["out"])
    amount: ShownAmount
    wallet: AddressText = Field(description="Yours")
    counterparty: Counterparty
    cause: Cause | None = Field(
        description="What moved it: a payment, a settlement, the issuer's mint or burn, the owner's own transfer ...",
        examples=["payment"],
    )
    payment_id: str | None = Field(description="Of your own payment", examples=["dinner-2026-11-27"])
    memo: str | None = Field(description="Your own; nobody else sees it", examples=["dinner"])
    reference: HashText | None = Field(description="What the chain has in the place of the payment's id")
    place: Place


class Movements(Document):
    """A page of movements, the newest first."""

    movements: list[Movement]
    next_cursor: str | None = Field(description="null: there are no older ones")
    verified_up_to: VerifiedUpTo


class Balance(Document):
    """What one of your wallets has in one currency."""

    wallet: AddressText
    held: ShownAmount = Field(description="By the verified history")
    reserved: ShownAmount = Field(description="What payments under way may still take of it")
    available: ShownAmount = Field(description="What may be paid now")


class BalancesDocument(Document):
    """What your wallets have."""

    balances: list[Balance]
    verified_up_to: VerifiedUpTo


# ------------------------------------------------------------------------------------------------ written

# Asked for hundreds of times a second: written as the documents above, whose values these are, without making them.


def written_movements(lines: Sequence[Line], next_cursor: str | None, standing: Standing) -> bytes:
    """``Movements`` as JSON."""
    document = {
        "movements": [_movement(line) for line in lines],
        "next_cursor": next_cursor,
        "verified_up_to": _verified_up_to(standing),
    }
    return to_json(document)


def written_balances(found: Balances) -> bytes:
    """``BalancesDocument`` as JSON."""
    document = {
        "balances": [
            {
                "wallet": checksum(holding.owner),
                "held": _amount(holding.held, cash.currency),
                "reserved": _amount(holding.reserved, cash.currency),
                "available": _amount(holding.available, cash.currency),
            }
            for cash, holding in found.holdings
        ],
        "verified_up_to": _verified_up_to(found.standing),
    }
    return to_json(document)


def _movement(line: Line) -> dict[str, object]:
    purpose, place = line.purpose, line.place
    return {
        "direction": line.direction,
        "amount": _amount(line.units, line.cash.currency),
        "wallet": checksum(line.owner),
        "counterparty": {
            "address": checksum(line.counterparty),
            "handle": None if line.handle is None else shown(Handle(line.handle)),
        },
        "cause": line.cause,
        "payment_id": purpose.id if purpose is not None and purpose.kind == "payment" else None,
        "memo": None if purpose is None else purpose.memo,
        "reference": None if line.ref is None else to_hex(line.ref),
        "place": {
            "block": place.block,
            "block_hash": to_hex(place.block_hash),
            "time": time_text(place.happened_at_s),
            "transaction": to_hex(place.tx),
            "log_index": place.log_index,
            "final": line.is_final,
        },
    }


def _verified_up_to(standing: Standing) -> dict[str, object]:
    return VerifiedUpTo.of(standing).model_dump()


def _amount(units: int, currency: Currency) -> dict[str, object]:
    return {"amount": amount_text(units, currency), "currency": currency.code}
