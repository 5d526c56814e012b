"""The caller's own movements and balances."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.readers import GivenReaders, JsonText
from chainwallet.api.routing import Router
from chainwallet.api.schemas.history import BalancesDocument, Movement, Movements, VerifiedUpTo
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.errors import BadValue, ChainMismatch, HistoryBehind
from chainwallet.history import Chronicle
from chainwallet.rules.cash import Cash

MOST_PLACE = 2**62  # of a block or an event in it; the store's numbers end above

router = Router(tags=["history"])

HistoryReader = Annotated[Caller, Depends(signed_in("history:read"))]
OfCurrency = Annotated[CurrencyText | None, Query(description="Only this currency")]
OfMovements = Annotated[Page, Depends(paged("movements", int, int))]


@router.get("/v1/history", response_model=Movements, responses=refusals(BadValue, HistoryBehind, ChainMismatch))
async def history(
    parts: GivenParts, readers: GivenReaders, caller: HistoryReader, page: OfMovements, currency: OfCurrency = None
) -> Response:
    """Your movements, the newest first, with the other side and your own memos.

    They are what the chain shows, verified: a payment that is not on it yet is not here. A page goes on below the last
    one, whatever has come in since.
    """
    return await readers.call(partial(_history, parts, caller, page, currency))


def _history(parts: Parts, caller: Caller, page: Page, currency: str | None) -> JsonText:
    ledgers_in(parts.chronicle, currency)
    owners = parts.teller.directory.wallets_of(caller.account_id)
    found = parts.chronicle.statement(owners, place_before(page), page.limit, currency=currency)
    shown = Movements(
        movements=[Movement.of(line) for line in found.lines],
        next_cursor=page.cursor(found.next),
        verified_up_to=VerifiedUpTo.of(found.standing),
    )
    return JsonText(shown)


@router.get("/v1/balances", response_model=BalancesDocument, responses=refusals(HistoryBehind, ChainMismatch))
async def balances(parts: GivenParts, readers: GivenReaders, caller: HistoryReader) -> Response:
    """What each of your wallets holds in each currency, what payments under way keep back, and what is available."""
    return await readers.call(partial(_balances, parts, caller))


def _balances(parts: Parts, caller: Caller) -> JsonText:
    owners = parts.teller.directory.wallets_of(caller.account_id)
    return JsonText(BalancesDocument.of(parts.chronicle.balances(owners)))


def place_before(page: Page) -> tuple[int, int] | None:
    """The place on the chain below which ``page`` begins; raises ``BadValue`` of ``cursor`` for one that none has."""
    if page.after is None:
        return None
    block, log_index = (int(part) for part in page.after)
    if not (0 <= block < MOST_PLACE and 0 <= log_index < MOST_PLACE):
        raise BadValue("cursor", f"{block}, {log_index}", "the `next_cursor` of a page of this list")
    return block, log_index


def ledgers_in(chronicle: Chronicle, currency: str | None) -> tuple[Cash, ...]:
    """The ledger of ``currency``, or all; raises ``BadValue`` for a currency that has none on this network."""
    found = chronicle.ledgers_of(currency)
    if not found:
        known = ", ".join(sorted(cash.currency.code for cash in chronicle.ledgers))
        raise BadValue("currency", currency, f"one of this network: {known}")
    return found
