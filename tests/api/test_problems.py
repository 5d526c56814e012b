"""Problem details: every error has a type with a page, and says what to correct without telling secrets."""

import json
import re
from collections.abc import Iterator
from html import escape
from http import HTTPStatus

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from chainwallet import errors
from chainwallet.api.app import make_app
from chainwallet.api.kinds import KIND_OF, KINDS
from chainwallet.api.openapi import document_of
from chainwallet.api.parts import Parts
from chainwallet.api.problems import problem_of
from chainwallet.api.routing import Router
from chainwallet.api.schemas.money import Amount
from chainwallet.api.schemas.words import WORDS_OF_PATTERNS
from chainwallet.errors import BadValue, ChainwalletError, DatabaseRefused, NodeUnreachable, TooPrecise
from tests.api.service import Asking

SECRET = "hunter2-hunter2"


class Lesson(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    pages: int
    password: str = ""


def raising_app(parts: Parts, error: BaseException) -> FastAPI:
    """The service with routes that raise, and one that takes a body."""
    router = Router()

    @router.get("/raise", tags=["tests"])
    def raise_it() -> None:
        raise error

    @router.post("/lessons", tags=["tests"])
    async def lesson(body: Lesson) -> Lesson:
        return body

    return make_app(parts, routers=(router,))


@pytest.fixture
def asking(parts: Parts) -> Iterator[Asking]:
    with Asking(raising_app(parts, RuntimeError(SECRET))) as client:
        yield client


def leaves(branch: type[ChainwalletError]) -> Iterator[type[ChainwalletError]]:
    below = branch.__subclasses__()
    yield from [branch] if not below else (leaf for one in below for leaf in leaves(one))


def test_every_refusal_has_a_kind_of_its_own_in_the_table() -> None:
    """Each refusal of the error tree has its row; what is not the caller's fault may share its branch's."""
    assert set(leaves(errors.Refused)) <= KIND_OF.keys()
    for branch in (errors.NodeTrouble, errors.StoreTrouble, errors.KeyServiceTrouble, errors.ChainMismatch):
        assert branch in KIND_OF


def test_every_kind_has_a_page(client: Asking) -> None:
    """The type of a problem is the URL of a page that says what it means and what to do."""
    for kind in KINDS.values():
        page = client.get(f"/problems/{kind.slug}")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert escape(kind.title) in page.text
        assert "What to do" in page.text
    assert client.get("/problems/none").json()["type"] == "/problems/not-found"


def test_a_refusal_names_field_limit_and_value(parts: Parts) -> None:
    """A refusal is a problem document whose members name the field, the limit and the value."""
    error = TooPrecise("amount", "0.001", "EUR", 2)
    with Asking(raising_app(parts, error)) as client:
        answer = client.get("/raise", headers={"X-Request-Id": "mine-1"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/too-precise",
        "title": "More decimals than the currency has",
        "status": 422,
        "detail": str(error),
        "field": "amount",
        "limit": "at most 2 decimals",
        "value": "0.001",
        "currency": "EUR",
        "decimals": 2,
        "request_id": "mine-1",
    }


def test_a_secret_is_not_told_back(asking: Asking) -> None:
    """What stands in a field for a secret is in no answer, whoever refuses it."""
    told = problem_of(BadValue("password", SECRET, "at least 15 characters")).document("id")
    assert SECRET not in str(told)
    assert told["limit"] == "at least 15 characters"
    answer = asking.post("/lessons", json={"pages": "x", "password": [SECRET]})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert SECRET not in answer.text


def test_all_that_is_wrong_with_a_body_is_told_at_once(asking: Asking) -> None:
    """A body with several faults is answered with all of them, unknown fields among them."""
    answer = asking.post("/lessons", json={"pages": "12", "page": 3})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    told = answer.json()
    assert told["type"] == "/problems/invalid-request"
    assert (told["field"], told["value"]) == ("pages", "12")
    assert [one["field"] for one in told["errors"]] == ["pages", "page"]


@pytest.mark.parametrize(
    "error",
    [
        NodeUnreachable(f"http://user:{SECRET}@node", "connection refused"),
        DatabaseRefused(f"/secret/place/{SECRET}", "permission denied"),
        RuntimeError(SECRET),
    ],
)
def test_what_fails_here_tells_nothing_from_inside(
    parts: Parts, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer of 500 or above has no trace, address or message from inside, and neither has the log the message."""
    with Asking(raising_app(parts, error)) as client:
        answer = client.get("/raise")
    assert answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    told = answer.json()
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert told["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE)
    assert SECRET not in caplog.text


def test_paths_and_methods_that_are_none(client: Asking) -> None:
    """An unknown path and another method are problems too, and the methods that there are stand in Allow."""
    answer = client.get("/v1/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-route")
    answer = client.post("/v1/network")
    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method-not-allowed")
    assert answer.headers["allow"] == "GET"


def test_all_methods_of_a_path_are_allowed(parts: Parts) -> None:
    """Where several routes share a path, Allow names the methods of all of them."""
    router = Router(tags=["tests"])

    @router.get("/lessons/{number}")
    @router.delete("/lessons/{number}")
    async def lesson(number: int) -> int:
        return number

    with Asking(make_app(parts, routers=(router,))) as client:
        answer = client.post("/lessons/7")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")


def test_what_a_pattern_wants_is_told_in_words(parts: Parts) -> None:
    """Each pattern that has words is one of the interface's; who writes an amount wrongly reads them and the value."""
    used = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(document_of(make_app(parts)))))
    assert {json.dumps(pattern) for pattern in WORDS_OF_PATTERNS} <= used

    router = Router()

    @router.post("/prices", tags=["tests"])
    async def price(body: Amount) -> Amount:
        return body

    with Asking(make_app(parts, routers=(router,))) as asking:
        told = asking.post("/prices", json={"amount": "1e3", "currency": "EUR"})
    assert told.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert told.json()["detail"] == "amount: got '1e3', expected a plain decimal number above 0, such as 12.40"
    assert told.json()["value"] == "1e3"
