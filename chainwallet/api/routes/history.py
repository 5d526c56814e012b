"""The caller's own movements and balances."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import MOST_LIMIT, USUAL_LIMIT, Page, paged
from chainwallet.api.hot import Given
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.readers import GivenReaders, JsonText
from chainwallet.api.routing import Router
from chainwallet.api.schemas.history import BalancesDocument, Movements, written_balances, written_movements
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.errors import BadValue, ChainMismatch, HistoryBehind
from chainwallet.history import Chronicle, Wanted
from chainwallet.rules.cash import Cash

MOST_PLACE = 2**62  # of a block or an event in it; the store's numbers end above

router = Router(tags=["history"])

HistoryReader = Annotated[Caller, Depends(signed_in("history:read"))]
OfCurrency = Annotated[CurrencyText | None, Query(description="Only this currency")]
OfMovements = Annotated[Page, Depends(paged("movements", int, int))]
_USUAL_PAGE = re.compile(rb"limit=([1-9][0-9]{0,2})", re.ASCII)


def _no_query(query: bytes, _: bytes) -> Given | None:
    return None if query else {}


def _usual_page(query: bytes, _: bytes) -> Given | None:
    """The newest movements, as many as there are without saying so or as `limit` says."""
    match = _USUAL_PAGE.fullmatch(query)
    limit = int(match[1]) if match else USUAL_LIMIT
    if (query and match is None) or limit > MOST_LIMIT:
        return None
    return {"page": Page("movements", limit, None)}


@router.shortcut("GET", "/v1/history", signed_in("history:read"), _usual_page)
@router.get("/v1/history", response_model=Movements, responses=refusals(BadValue, HistoryBehind, ChainMismatch))
async def history(
    parts: GivenParts, readers: GivenReaders, caller: HistoryReader, page: OfMovements, currency: OfCurrency = None
) -> Response:
    """Your movements, the newest first, with the other side and your own memos.

    They are what the chain shows, verified: a payment that is not on it yet is not here. A page goes on below the last
    one, whatever has come in since.
    """
    ledgers_in(parts.chronicle, currency)
    before = place_before(page)
    return await readers.together(_histories, parts, _Asked(caller.account_id, page, before, currency))


@dataclass(frozen=True)
class _Asked:
    account_id: int
    page: Page
    before: tuple[int, int] | None
    currency: str | None


def _histories(parts: Parts, some: Sequence[_Asked]) -> list[JsonText]:
    owners = parts.teller.directory.wallets_of([one.account_id for one in some])
    wanted = [Wanted(owners[one.account_id], one.before, one.page.limit, one.currency) for one in some]
    found = parts.chronicle.statements(wanted)
    return [
        JsonText(written_movements(page.lines, one.page.cursor(page.next), page.standing))
        for one, page in zip(some, found, strict=True)
    ]


@router.shortcut("GET", "/v1/balances", signed_in("history:read"), _no_query)
@router.get("/v1/balances", response_model=BalancesDocument, responses=refusals(HistoryBehind, ChainMismatch))
async def balances(parts: GivenParts, readers: GivenReaders, caller: HistoryReader) -> Response:
    """What each of your wallets holds in each currency, what payments under way keep back, and what is available."""
    return await readers.together(_balances, parts, caller)


def _balances(parts: Parts, callers: Sequence[Caller]) -> list[JsonText]:
    owners = parts.teller.directory.wallets_of([caller.account_id for caller in callers])
    found = parts.chronicle.balances_of_each([owners[caller.account_id] for caller in callers])
    return [JsonText(written_balances(one)) for one in found]


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
