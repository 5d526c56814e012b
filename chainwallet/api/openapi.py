"""The OpenAPI 3.1 document: what FastAPI says of the routes, with every error of every route and an example of each."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from chainwallet.api.callers import SignedIn
from chainwallet.api.idempotency import once_of
from chainwallet.api.kinds import KIND_OF, KINDS, Kind
from chainwallet.api.problems import MEDIA_TYPE, Problem
from chainwallet.errors import ChainwalletError

SECURITY = "bearer"
_EVERY_ROUTE = ("broken-request", "no-such-route", "invalid-request", "too-many-requests", "internal-error")
_WITH_BODY = ("broken-json", "body-too-slow", "body-too-large", "not-json")
_SIGNED_IN = ("not-signed-in", "not-allowed", "store-trouble")
_EXAMPLE_ID = "3f1c0d5e9a7b2468"

Document = dict[str, Any]


def refusals(*raised: type[ChainwalletError]) -> dict[int | str, dict[str, Any]]:
    """What a route says as ``responses=``: the errors that its answer may raise. The frame's own are added to them."""
    return _responses(KIND_OF[error] for error in raised)


def scope_of(route: Any) -> SignedIn | None:
    """The dependency of ``route`` that says who may use it; None where anybody may."""
    found = [one for one in _calls(route.dependant) if isinstance(one, SignedIn)]
    return found[0] if found else None


def routes_of(app: FastAPI) -> Iterator[Any]:
    """Every route of ``app`` that answers requests, as FastAPI sees it."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield context


def document_of(app: FastAPI) -> Document:
    """The document of ``app``, which is written once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = _PROBLEM
        document["components"]["securitySchemes"] = {SECURITY: _BEARER}
        for route in routes_of(app):
            for method in route.methods:
                _complete(document["paths"][route.path_format][method.lower()], route)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: Document, route: Any) -> None:
    slugs, signed_in = list(_EVERY_ROUTE), scope_of(route)
    if "requestBody" in operation:
        slugs += _WITH_BODY
    if once_of in _calls(route.dependant):
        slugs.append("key-reused")
    if signed_in is not None:
        slugs += _SIGNED_IN
        operation["security"] = [{SECURITY: [signed_in.needed] if signed_in.needed else []}]
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status, response in _responses(KINDS[slug] for slug in slugs).items():
        there = responses.setdefault(str(status), response)
        if there is not response:
            there.setdefault("content", {}).setdefault(MEDIA_TYPE, response["content"][MEDIA_TYPE])
            examples = there["content"][MEDIA_TYPE].setdefault("examples", {})
            examples |= response["content"][MEDIA_TYPE]["examples"]
            there["description"] = "; ".join(example["summary"] for example in examples.values())
    operation["responses"] = dict(sorted(responses.items()))


def _responses(kinds: Iterator[Kind] | Any) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        example = Problem(kind, kind.meaning, _EXAMPLE_MEMBERS.get(kind.slug, {})).document(_EXAMPLE_ID)
        response = by_status.setdefault(
            kind.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        )
        examples = response["content"][MEDIA_TYPE].setdefault("examples", {})
        examples[kind.slug] = {"summary": kind.title, "value": example}
        response["description"] = "; ".join(one["summary"] for one in examples.values())
    return by_status


def _calls(dependant: Any) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


_EXAMPLE_MEMBERS: dict[str, dict[str, object]] = {
    "invalid-request": {"field": "amount.amount", "limit": "a plain decimal number such as 12.50", "value": "1e3"},
    "invalid-value": {"field": "amount", "limit": "more than 0", "value": "0.00"},
    "too-precise": {"field": "amount", "limit": "at most 2 decimals", "value": "0.001"},
    "insufficient-funds": {"who": "ana", "available": "3.00 EUR", "required": "12.40 EUR"},
    "too-many-requests": {"what": "requests of your account", "limit": "6000 a minute", "wait_s": 2},
}

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "The token of a session (`cws_...`) or of an API key (`cwk_...`). The scope that a route needs is "
    "named at the route; a session has all that its account's roles allow. No API key will do where `session` is "
    "named.",
}

_PROBLEM: Document = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details (RFC 9457). More members say what was wrong: `field`, `limit`, `value` and others.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Which kind of problem, for programs; also the URL of its page."},
        "title": {"type": "string", "description": "The kind of problem, for people."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "This occurrence, for people."},
        "request_id": {"type": "string", "description": "Under which the service's log has the request."},
        "field": {"type": "string", "description": "The field or parameter that was refused."},
        "limit": {"type": "string", "description": "What is expected there."},
        "value": {"description": "What was found there; left out where it may be a secret."},
    },
    "additionalProperties": True,
}
