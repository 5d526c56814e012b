"""Hot routes: what is ordinary takes a shortcut, and is answered as it would be on the general way."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chainwallet.api import app as service
from chainwallet.api.app import make_app
from chainwallet.api.hot import Hot
from chainwallet.api.openapi import routes_of, scope_of
from chainwallet.api.parts import Parts
from chainwallet.api.routing import hot_routes_of
from tests.api.residents import settle_in
from tests.api.service import Asking, bearer
from tests.chain.bench import Bench

HOT: dict[tuple[str, str], Hot] = {key: hot for router in service.ROUTERS for key, hot in hot_routes_of(router).items()}
EURO = {"amount": "1.00", "currency": "EUR"}
ORDER: dict[str, Any] = {"id": "hot-1", "payee": "@ben", "amount": EURO, "memo": "Käse 🎂"}
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def settled(bench: Bench) -> None:
    settle_in(bench)


@pytest.fixture
def general(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    """The same service without shortcuts."""
    monkeypatch.setattr(service, "hot_routes_of", lambda _: {})
    with Asking(make_app(parts)) as asking:
        yield asking


def order(**changes: Any) -> bytes:
    return json.dumps({**ORDER, **changes}).encode()


def without_head(status: int, document: Any) -> tuple[int, Any]:
    """An answer without the node's head, which is asked for now and then."""
    document.get("verified_up_to", {}).pop("head_block", None)
    return status, document


ORDINARY = [
    ("GET", "/v1/balances", b""),
    ("GET", "/v1/history", b""),
    ("GET", "/v1/history?limit=2", b""),
    ("POST", "/v1/payments", order()),
    ("POST", "/v1/payments", order(id="hot-2", memo=None)),
    ("POST", "/v1/payments", order(id="hot-3", amount={"amount": "1000000.00", "currency": "EUR"})),
    ("POST", "/v1/payments", order(id="hot-4", amount={"amount": "0.001", "currency": "EUR"})),
    ("POST", "/v1/payments", order(id="hot-5", payee="@nobody")),
    ("POST", "/v1/payments", order(id="hot-6", amount={"amount": "1", "currency": "USD"})),
    ("POST", "/v1/payments", order(id="hot-7", payer="0x" + "11" * 20)),
]
OTHERS = [
    ("GET", "/v1/balances?x=1", b""),
    ("GET", "/v1/history?limit=0", b""),
    ("GET", "/v1/history?limit=201", b""),
    ("GET", "/v1/history?limit=1&limit=2", b""),
    ("GET", "/v1/history?limit=%31", b""),
    ("GET", "/v1/history?cursor=abc", b""),
    ("GET", "/v1/history?currency=EUR", b""),
    ("GET", "/v1/history?limit=+5", b""),
    ("POST", "/v1/payments?x=1", order(id="other-1")),
    ("POST", "/v1/payments", order(id="other 2")),
    ("POST", "/v1/payments", order(unknown=1)),
    ("POST", "/v1/payments", order(amount={"amount": "1e3", "currency": "EUR"})),
    ("POST", "/v1/payments", order(amount={"amount": 1, "currency": "EUR"})),
    ("POST", "/v1/payments", order(memo=5)),
    ("POST", "/v1/payments", b"[]"),
    ("POST", "/v1/payments", b"null"),
    ("POST", "/v1/payments", b""),
    ("POST", "/v1/payments", b"{"),
]
WHO = [bearer("ana"), bearer("ana:account:read"), bearer("nobody"), {"authorization": "Basic abc"}, {}]


def answer(asking: Asking, method: str, path: str, body: bytes, who: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    """Status, document and headers, without what differs from one request to the next."""
    found = asking.request(
        method, path, content=body, headers={**who, **(JSON if body else {}), "x-request-id": "same"}
    )
    headers = {name: value for name, value in found.headers.items() if name != "content-length"}
    return found.status_code, found.json(), headers


@pytest.mark.parametrize(("method", "path", "body"), ORDINARY + OTHERS)
def test_the_shortcut_answers_as_the_general_way(
    client: Asking, general: Asking, method: str, path: str, body: bytes
) -> None:
    """Whoever asks, and however: status, document and headers are those of the general way."""
    for who in WHO:
        assert answer(client, method, path, body, who) == answer(general, method, path, body, who)


@pytest.mark.parametrize(("method", "path", "body"), ORDINARY + OTHERS)
def test_what_is_ordinary_takes_the_shortcut(method: str, path: str, body: bytes) -> None:
    """What most ask for takes the shortcut, what is unusual or wrong does not."""
    plain, _, query = path.partition("?")
    given = HOT[method, plain].ordinary(query.encode(), body)
    assert (given is not None) == ((method, path, body) in ORDINARY)


def test_a_shortcut_needs_what_its_route_needs(client: Asking) -> None:
    """Each hot route is a route of the service with the same path, method, scope and function."""
    routes = {(method, route.path): route for route in routes_of(client.app) for method in route.methods}
    assert {("POST", "/v1/payments"), ("GET", "/v1/balances"), ("GET", "/v1/history")} == HOT.keys()
    for key, hot in HOT.items():
        assert scope_of(routes[key]) is hot.signed_in
        assert routes[key].endpoint is hot.answer


def test_who_asks_beside_others_is_answered_alone(parts: Parts, client: Asking) -> None:
    """Many who ask at once are looked up together, and each is told its own and nobody else's."""
    kinds = [("GET", "/v1/balances", b""), ("GET", "/v1/history", b"")]
    alone = {
        (name, path): without_head(*answer(client, method, path, body, bearer(name))[:2])
        for name in ("ana", "ben", "nobody", "ana:account:read")
        for method, path, body in kinds
    }
    assert alone["ana", "/v1/balances"] != alone["ben", "/v1/balances"]
    app = make_app(parts)

    async def all_at_once() -> list[tuple[tuple[str, str], httpx.Response]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as asking:
            keys = [key for _ in range(20) for key in alone]
            headers = {"x-request-id": "same"}
            asked = (asking.get(path, headers={**bearer(name), **headers}) for name, path in keys)
            return list(zip(keys, await asyncio.gather(*asked), strict=True))

    for key, found in asyncio.run(all_at_once()):
        assert without_head(found.status_code, found.json()) == alone[key]


def test_payments_that_come_at_once_are_each_ones_own(parts: Parts) -> None:
    """Orders that are looked up together become each one's payment, and what is wrong with one is told to that one."""
    app = make_app(parts)

    async def all_at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as asking:
            bodies = [
                order(id=f"at-once-{number}", payee="@nobody" if number % 5 == 3 else "@ben") for number in range(20)
            ]
            asked = (asking.post("/v1/payments", content=body, headers={**bearer("ana"), **JSON}) for body in bodies)
            return list(await asyncio.gather(*asked))

    for number, found in enumerate(asyncio.run(all_at_once())):
        if number % 5 == 3:
            assert (found.status_code, found.json()["type"]) == (404, "/problems/not-found")
        else:
            assert (found.status_code, found.json()["id"]) == (202, f"at-once-{number}")
            assert found.headers["location"] == f"/v1/payments/at-once-{number}"
