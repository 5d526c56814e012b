"""What holds for every route there is, generated from the app and its OpenAPI document."""

from collections.abc import Callable, Iterator

import pytest

from chainwallet.api.app import TAGS
from chainwallet.api.kinds import KINDS
from chainwallet.api.openapi import document_of, routes_of, scope_of
from chainwallet.api.problems import MEDIA_TYPE
from chainwallet.api.routing import Route
from chainwallet.rules.scope import SCOPES
from tests.api.operations import Operation, operations
from tests.api.service import Asking, bearer

MATRIX: dict[str, str | None] = {
    "GET /v1/network": None,
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /metrics": None,
    "GET /docs": None,
    "GET /openapi.json": None,
    "GET /problems/{slug}": None,
}
"""Who may use which route: a scope, "" for anybody who is signed in, None for everybody. To be read by a person."""

OWNED: dict[str, Callable[[Asking], dict[str, str]]] = {}
"""Of each route with an id of somebody's thing in its path: makes such a thing of Ana's, and gives its ids."""


@pytest.fixture
def every(client: Asking) -> list[Operation]:
    return list(operations(document_of(client.app)))


def test_routes_and_document_are_the_same(client: Asking, every: list[Operation]) -> None:
    """Every route of the service is in its OpenAPI document, and the document lists nothing else."""
    routes = {f"{method} {route.path_format}" for route in routes_of(client.app) for method in route.methods}
    assert {str(operation) for operation in every} == routes
    assert client.get("/openapi.json").json() == document_of(client.app)
    assert document_of(client.app)["openapi"].startswith("3.1.")


def test_who_may_use_what_is_written_down(every: list[Operation]) -> None:
    """The scope of every route is the one that the table says, and the table has no other routes."""
    assert {str(operation): operation.scope for operation in every} == MATRIX


def test_credentials_go_as_far_as_their_scopes(client: Asking, every: list[Operation]) -> None:
    """For every route and scope: nothing without a token, a refusal with another scope, and no refusal with its own."""
    for operation in every:
        open_to_all = operation.scope is None
        assert (operation.ask(client, {}).status_code == 401) != open_to_all, str(operation)
        for scope in SCOPES:
            status = operation.ask(client, bearer(f"ana:{scope}")).status_code
            assert status != 401, str(operation)
            assert (status == 403) == (operation.scope not in (None, "", scope)), f"{operation} with {scope}"


def test_what_is_anothers_is_not_there(client: Asking, every: list[Operation]) -> None:
    """For every route with the id of somebody's thing: another account is told that there is none, or not allowed."""
    with_ids = {str(operation): operation for operation in every if operation.ids and operation.scope is not None}
    assert with_ids.keys() == OWNED.keys()
    for name, make in OWNED.items():
        ids = make(client)
        for who in ("ben", "ben:payments:write", "ben:keys:write"):
            answer = with_ids[name].ask(client, bearer(who), **ids)
            assert answer.status_code in (403, 404), name
        assert with_ids[name].ask(client, bearer("ana"), **ids).status_code not in (401, 403, 404), name


def kinds_of(described: dict[str, dict[str, dict[str, dict[str, object]]]]) -> Iterator[str]:
    for response in described.values():
        yield from response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})  # type: ignore[misc]


def test_every_route_lists_its_errors_with_examples(client: Asking) -> None:
    """Each route's errors are listed with an example each, and every kind that there is belongs to some route."""
    document = document_of(client.app)
    tags = {tag["name"] for tag in TAGS}
    for path, by_method in document["paths"].items():
        for described in by_method.values():
            assert set(described["tags"]) <= tags, path
            assert described["description"], path
            kinds = set(kinds_of(described["responses"]))
            assert {"too-many-requests", "internal-error"} <= kinds <= KINDS.keys(), path
            if "requestBody" in described:
                assert {"broken-json", "body-too-large", "not-json", "invalid-request"} <= kinds, path
            if "security" in described:
                assert {"not-signed-in", "not-allowed"} <= kinds, path
            assert "HTTPValidationError" not in str(described)


def test_every_route_is_called_as_the_frame_means_it(client: Asking) -> None:
    """All routes come from the service's own router, which calls a plain function in one thread."""
    for route in routes_of(client.app):
        assert isinstance(route.original_route, Route), route.path
        assert scope_of(route) is None or route.path.startswith("/v1/")


def test_the_reference_needs_nothing_from_afar(client: Asking, every: list[Operation]) -> None:
    """The page for people lists every route, and loads nothing, from another place or from here."""
    page = client.get("/docs")
    assert all(operation.path.replace("&", "&amp;") in page.text for operation in every)
    assert "src=" not in page.text
    assert "<link" not in page.text
    assert "<script" not in page.text
    assert "//" not in page.text.replace("https://", "").replace("http://", "") or "url(" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
