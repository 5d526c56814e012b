"""The caller's own movements and balances."""

from typing import Annotated

from fastapi import Depends, Query

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged, write_cursor
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.history import BalancesDocument, Movement, Movements, VerifiedUpTo
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.errors import BadValue, ChainMismatch, HistoryBehind
from chainwallet.history import Chronicle

MOST_PLACE = 2**62  # of a block or an event in it; the store's numbers end above

router = Router(tags=["history"])

HistoryReader = Annotated[Caller, Depends(signed_in("history:read"))]
OfCurrency = Annotated[CurrencyText | None, Query(description="Only this currency")]
OfMovements = Annotated[Page, Depends(paged("movements", int, int))]


@router.get("/v1/history", responses=refusals(BadValue, HistoryBehind, ChainMismatch))
def history(parts: GivenParts, caller: HistoryReader, page: OfMovements, currency: OfCurrency = None) -> Movements:
    """Your movements, the newest first, with the other side and your own memos.

    They are what the chain shows, verified: a payment that is not on it yet is not here. A page goes on below the last
    one, whatever has come in since.
    """
    known_currency(parts.chronicle, currency)
    owners = parts.chronicle.addresses_of(caller.account_id)
    found = parts.chronicle.statement(owners, place_before(page), page.limit, currency=currency)
    return Movements(
        movements=[Movement.of(line) for line in found.lines],
        next_cursor=None if found.next is None else write_cursor(page.name, found.next),
        verified_up_to=VerifiedUpTo.of(found.standing),
    )


@router.get("/v1/balances", responses=refusals(HistoryBehind, ChainMismatch))
def balances(parts: GivenParts, caller: HistoryReader) -> BalancesDocument:
    """What each of your wallets holds in each currency, what payments under way keep back, and what is available."""
    owners = parts.chronicle.addresses_of(caller.account_id)
    return BalancesDocument.of(parts.chronicle.balances(owners))


def place_before(page: Page) -> tuple[int, int] | None:
    """The place on the chain below which ``page`` begins; raises ``BadValue`` of ``cursor`` for one that none has."""
    if page.after is None:
        return None
    block, log_index = (int(part) for part in page.after)
    if not (0 <= block < MOST_PLACE and 0 <= log_index < MOST_PLACE):
        raise BadValue("cursor", f"{block}, {log_index}", "the `next_cursor` of a page of this list")
    return block, log_index


def known_currency(chronicle: Chronicle, currency: str | None) -> None:
    """Raises ``BadValue`` for a currency that has no ledger on this network."""
    if not chronicle.ledgers_of(currency):
        known = ", ".join(sorted(cash.currency.code for cash in chronicle.ledgers))
        raise BadValue("currency", currency, f"one of this network: {known}")
