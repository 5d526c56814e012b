"""Every route under generated requests, good and bad, with all of schemathesis' checks."""

import json
import os
from typing import Annotated, Any

import pytest
import schemathesis
from fastapi import Depends, FastAPI, Path
from pydantic import Field
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.generation.case import Case
from starlette.responses import Response as HttpResponse

from chainwallet.accounts import Caller
from chainwallet.api.app import make_app
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import document_of, refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.routes import events as event_routes
from chainwallet.api.routes import pages
from chainwallet.api.routing import Router
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import Amount, ShownAmount
from chainwallet.api.schemas.words import WholeNumber
from chainwallet.config import ApiLimits
from chainwallet.errors import BadValue, NotFound, TooPrecise
from tests.api.operations import operations
from tests.api.residents import follow_all
from tests.api.service import open_accounts
from tests.chain.bench import Bench

DOCUMENT = "GET /openapi.json"
MOST = ApiLimits(*[10**9] * 5)
EXAMPLES = int(os.environ.get("CHAINWALLET_TEST_EXAMPLES", "2"))
"""Requests of each kind to each route; `make schemathesis` sends more, from more seeds."""
SEEDS = [int(seed) for seed in os.environ.get("CHAINWALLET_TEST_SEEDS", "1 2 3").split()]
CONFIG = {
    "headers": {"Authorization": "Bearer ana"},
    "generation": {"max-examples": EXAMPLES, "database": "none"},
    "checks": {
        # What a document means may be refused although its form is good; ``form_is_not_refused`` looks at which it was.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422", "429"]},
    },
}


@schemathesis.check
def form_is_not_refused(_: schemathesis.CheckContext, response: Response, case: Case[Any]) -> None:
    """A request that the document allows is never refused for its form."""
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code == 422:
        assert json.loads(response.content)["type"] != "/problems/invalid-request", response.content


def findings(app: FastAPI, seed: int) -> list[str]:
    """What all checks found in all routes of ``app``."""
    config = SchemathesisConfig.from_dict({**CONFIG, "seed": seed})
    found, asked = [], {DOCUMENT}  # which schemathesis reads, and then leaves out
    for event in from_schema(schemathesis.openapi.from_asgi("/openapi.json", app, config=config)).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), vars(event)
        if isinstance(event, events.ScenarioFinished):
            asked.add(event.recorder.label)
            for checks in event.recorder.checks.values():
                found += [
                    f"{event.recorder.label}: {check.name}: {check.failure_info.failure}"
                    for check in checks
                    if check.failure_info is not None
                ]
    assert asked >= {str(operation) for operation in operations(document_of(app))}
    return found


@pytest.fixture
def residents(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ana has an account and 100.00; event streams end at once."""
    monkeypatch.setattr(event_routes, "LIFE_S", 0)
    open_accounts(bench.database)
    follow_all(bench).catch_up()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("residents")
def test_the_service_keeps_what_its_document_says(parts: Parts, seed: int) -> None:
    """Whatever is sent, every route answers as the document says: statuses, headers, bodies, and never a failure."""
    assert findings(make_app(parts, MOST), seed) == []


# ------------------------------------------------------------------------------------------------ the frame itself

router = Router(tags=["tests"])
GivenCaller = Annotated[Caller, Depends(signed_in("payments:write"))]


class Wish(Document):
    """Something with all that documents are made of."""

    price: Amount
    words: list[str] = Field(max_length=3)
    count: WholeNumber | None = Field(default=None, ge=0, le=2**53 - 1)


@router.post("/wishes", status_code=201, response_model=ShownAmount, responses=refusals(BadValue, TooPrecise))
def make_wish(wish: Wish, parts: GivenParts, caller: GivenCaller, once: GivenOnce) -> HttpResponse:
    """Makes a wish."""
    return once.answer(parts, caller, lambda _: ShownAmount.of(wish.price.money()))


@router.get("/wishes", responses=refusals(BadValue))
def wishes(caller: GivenCaller, page: Annotated[Page, Depends(paged("wishes", int))]) -> list[str]:
    """Wishes, page by page."""
    return [caller.handle] * page.limit


@router.get("/wishes/{number}", responses=refusals(NotFound))
async def one_wish(caller: GivenCaller, number: Annotated[int, Path(ge=0, le=2**53 - 1)]) -> str:
    """One wish, which is nowhere."""
    raise NotFound("wish", str(number), caller.handle)


def test_the_frame_keeps_what_its_documents_say(parts: Parts) -> None:
    """Routes with bodies, pages, keys and ids answer as the document says, whatever they are made of."""
    assert findings(make_app(parts, MOST, routers=(router, pages.router)), 1) == []


def test_a_route_that_breaks_its_word_is_found(parts: Parts) -> None:
    """The checks see an answer of another form than the document's, and a failure."""
    broken = Router(tags=["tests"])

    @broken.get("/promise", response_model=ShownAmount)
    async def promise() -> HttpResponse:
        """Says something else than it promises."""
        return HttpResponse('{"amount": 5}', media_type="application/json")

    @broken.get("/failure")
    async def failure(number: int = 0) -> str:
        """Fails."""
        return str(1 // number)

    found = "\n".join(findings(make_app(parts, MOST, routers=(broken, pages.router)), 1))
    assert "GET /promise: response_schema_conformance" in found
    assert "GET /failure: not_a_server_error" in found
