"""What anybody may check without trusting the service: nobody has to sign in."""

from typing import Annotated

from fastapi import Path, Query

from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routes.history import OfCurrency, OfMovements, ledgers_in, place_before
from chainwallet.api.routing import Router
from chainwallet.api.schemas.audit import (
    PastBalance,
    PastBalances,
    PublicMovement,
    PublicMovements,
    Supplies,
    SupplyDocument,
)
from chainwallet.api.schemas.history import VerifiedUpTo
from chainwallet.api.schemas.words import AddressText, TimeText
from chainwallet.errors import BadValue, ChainMismatch, HistoryBehind
from chainwallet.evm import checksum, parse_address
from chainwallet.rules.timestamp import time_of

MOST_BLOCK = 2**53 - 1

router = Router(tags=["audit"])

OfAddress = Annotated[AddressText, Path(description="Any address")]
AtBlock = Annotated[int | None, Query(ge=0, le=MOST_BLOCK, description="Just after this block", examples=[1100])]
AtTime = Annotated[TimeText | None, Query(description="Just after the last block that is not later")]
Compare = Annotated[bool, Query(description="Ask the node's state too, at the same block")]


@router.get("/v1/audit/addresses/{address}/movements", responses=refusals(BadValue, HistoryBehind, ChainMismatch))
def movements(parts: GivenParts, address: OfAddress, page: OfMovements, currency: OfCurrency = None) -> PublicMovements:
    """The movements of any address, the newest first, as the chain shows them to everybody."""
    ledgers_in(parts.chronicle, currency)
    owner = parse_address(address)
    found = parts.chronicle.movements_of(owner, place_before(page), page.limit, currency=currency)
    return PublicMovements(
        address=checksum(owner),
        movements=[PublicMovement.of(line) for line in found.lines],
        next_cursor=page.cursor(found.next),
        verified_up_to=VerifiedUpTo.of(found.standing),
    )


@router.get("/v1/audit/addresses/{address}/balance", responses=refusals(BadValue, HistoryBehind, ChainMismatch))
def balance(
    parts: GivenParts,
    address: OfAddress,
    currency: OfCurrency = None,
    block: AtBlock = None,
    at: AtTime = None,
    compare: Compare = False,
) -> PastBalances:
    """What any address held just after a block, or at a time; without either, at the last verified block.

    It is the sum of the address's movements up to that block, of which each was proved to be in its block's receipts.
    """
    ledgers = ledgers_in(parts.chronicle, currency)
    owner, audit, now_s = parse_address(address), parts.audit, int(parts.clock_s())
    if at is not None and block is not None:
        raise BadValue("at", at, "a time or a block, not both")
    time_s = None if at is None else time_of(at, "at")
    found = [
        audit.balance_at_block(cash, owner, block, compare=compare)
        if time_s is None
        else audit.balance_as_of(cash, owner, time_s, now_s, compare=compare)
        for cash in ledgers
    ]
    return PastBalances(
        address=checksum(owner),
        balances=[PastBalance.of(one) for one in found],
        verified_up_to=VerifiedUpTo.of(found[-1].standing),
    )


@router.get("/v1/audit/supply", responses=refusals(BadValue, HistoryBehind, ChainMismatch))
def supply(parts: GivenParts, currency: OfCurrency = None) -> Supplies:
    """All money of each currency, three ways: what was issued, what all hold, and what the contract itself says."""
    found = [parts.audit.supply(cash) for cash in ledgers_in(parts.chronicle, currency)]
    return Supplies(supplies=[SupplyDocument.of(one) for one in found])
