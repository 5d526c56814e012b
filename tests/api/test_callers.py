"""Who asks, and what for: tokens lead to callers, and each route declares its scope."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Depends

from chainwallet.accounts import Caller
from chainwallet.api.app import make_app
from chainwallet.api.callers import signed_in
from chainwallet.api.openapi import document_of, routes_of, scope_of
from chainwallet.api.parts import Parts
from chainwallet.api.routing import Router
from chainwallet.rules.scope import SCOPES
from tests.api.service import Asking, bearer


@pytest.fixture
def asking(parts: Parts) -> Iterator[Asking]:
    router = Router(tags=["tests"])

    @router.get("/history")
    def history(caller: Annotated[Caller, Depends(signed_in("history:read"))]) -> str:
        return caller.handle

    @router.get("/me")
    def me(caller: Annotated[Caller, Depends(signed_in(None))]) -> str:
        return str(caller.account_id)

    with Asking(make_app(parts, routers=(router,))) as client:
        yield client


def test_a_token_leads_to_its_caller(asking: Asking) -> None:
    """Who has a token is known by it; a route that names no scope takes any."""
    assert asking.get("/history", headers=bearer("ana")).json() == "ana"
    assert asking.get("/me", headers=bearer("ben:keys:write")).json() == "2"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nobody", "Bearer " + "a" * 200, "ana"]
)
def test_without_a_good_token_nobody_is_let_in(asking: Asking, authorization: str | None) -> None:
    """A missing, broken or unknown token is answered with 401 and how to do better, and is not told back."""
    answer = asking.get("/me", headers={} if authorization is None else {"Authorization": authorization})
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "nobody" not in answer.text


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_lets_through_what_it_names(asking: Asking, scope: str) -> None:
    """Credentials with another scope than the route's are refused with 403, which names the scope that is needed."""
    answer = asking.get("/history", headers=bearer(f"ana:{scope}"))
    if scope == "history:read":
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-allowed")
        assert answer.json()["needed"] == "scope history:read"


def test_the_document_says_which_scope_a_route_needs(asking: Asking) -> None:
    """The scopes of all routes stand in the OpenAPI document, as the routes declare them."""
    paths = document_of(asking.app)["paths"]
    assert paths["/history"]["get"]["security"] == [{"bearer": ["history:read"]}]
    assert paths["/me"]["get"]["security"] == [{"bearer": []}]
    found = {route.path: scope_of(route) for route in routes_of(asking.app)}
    assert {path: one.needed for path, one in found.items() if one} == {"/history": "history:read", "/me": None}


def test_a_scope_that_there_is_not_cannot_be_declared() -> None:
    """A route that names an unknown scope does not start."""
    with pytest.raises(ValueError, match="history:all"):
        signed_in("history:all")
