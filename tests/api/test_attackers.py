"""What attackers send: texts, numbers and bodies that are none. All is refused by name, and nothing is changed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.config import ApiLimits
from chainwallet.store.database import Database
from chainwallet.store.schema import metadata
from tests.api.people import Person, sign_up, with_doors
from tests.api.residents import follow_all
from tests.api.service import Asking, bearer
from tests.chain.bench import Bench

ORDER: dict[str, Any] = {"id": "order-1", "payee": "@ben", "amount": {"amount": "10.00", "currency": "EUR"}}
HUGE = "9" * 40
NO_AMOUNTS = ["1e3", "1E3", "-0", "-1", "+1", "0", "0.00", "0.0000001", "10.001", HUGE, "1" * 30, "NaN", "Infinity",
              "١٢", "1,00", "1_000", " 1", "1\n", "1.", ".5", "0x10", "", "1" + "0" * 1_000]  # fmt: skip
NO_NUMBERS = ["1", "10.00", "1e3", "9007199254740993", HUGE, "true", "null", "[]", "{}"]
HOSTILE = {
    "nul": "a\x00b",
    "SQL": "'); DROP TABLE promises; --",
    "markup": "<script>alert(1)</script>",
    "turned text": "paid \u202e00.01\u202c",
    "format": "{0.__class__} %s %(x)s ${jndi:ldap://x}",
    "new line": "a\r\nSet-Cookie: x=1",
    "joined": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "longest": "\U0001f987" * 256,
}


@pytest.fixture
def asking(parts: Parts, bench: Bench) -> Iterator[Asking]:
    follow_all(bench).catch_up()
    with Asking(make_app(with_doors(parts), ApiLimits(65_536, *[10**6] * 4))) as asking:
        yield asking


@pytest.fixture
def ana(asking: Asking) -> Person:
    """Has 100.00, and knows Ben."""
    sign_up(asking, "ben")
    return sign_up(asking, "ana")


def rows(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read() as tx:
        return {
            table.name: int(tx.execute(select(func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
        }


def assert_refused(answer: Any, *statuses: int) -> None:
    """A problem document of one of ``statuses``, which says where the fault is."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["detail"]


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/quotes"])
def test_an_amount_that_is_none_is_refused(ana: Person, database: Database, path: str) -> None:
    """Amounts in any other writing than plain decimals are refused by field and limit, and nothing is changed."""
    before = rows(database)
    order = ORDER if path == "/v1/payments" else {"payee": "@ben"}
    for amount in NO_AMOUNTS:
        answer = ana.post(path, {**order, "amount": {"amount": amount, "currency": "EUR"}})
        assert_refused(answer, 422)
        assert answer.json()["field"] in ("amount", "amount.amount"), answer.text
        assert "limit" in answer.json()
    assert rows(database) == before


def test_numbers_are_no_amounts(ana: Person, database: Database) -> None:
    """A JSON number, however large or small, is no amount, and one beyond 2^53 is not even read."""
    before = rows(database)
    for number in NO_NUMBERS:
        text = json.dumps(ORDER).replace('"10.00"', number)
        headers = {**ana.headers, "Content-Type": "application/json"}
        assert_refused(ana.asking.post("/v1/payments", content=text, headers=headers), 400, 422)
    assert rows(database) == before


@pytest.mark.parametrize("memo", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_memo_is_kept_as_it_is_or_refused(ana: Person, database: Database, memo: str) -> None:
    """A memo is told back letter by letter, or refused with nothing changed; it is never anything but text."""
    before = rows(database)
    answer = ana.post("/v1/payments", {**ORDER, "memo": memo})
    if answer.status_code != 202:
        assert_refused(answer, 422)
        assert answer.json()["field"] == "memo"
        assert rows(database) == before
        return
    assert ana.get("/v1/payments/order-1").json()["memo"] == memo
    assert rows(database)["promises"] == 1
    assert "set-cookie" not in answer.headers


NO_HANDLES = [*HOSTILE.values(), "\u0430na", "an\u0430", "@@ana", "ana ", "\u0430\u043d\u0430", "0xana", "a",
              "K\u212aa", "../ana", "ana/../ben", "@" * 256, "a" * 31]  # fmt: skip


@pytest.mark.parametrize("handle", NO_HANDLES)
def test_a_handle_that_is_none_is_refused(ana: Person, database: Database, handle: str) -> None:
    """Handles of other letters, lengths or signs are refused wherever one is taken, and nothing is changed."""
    before = rows(database)
    for path in ("/v1/accounts", "/v1/sessions"):
        answer = ana.asking.post(path, json={"handle": handle, "password": "seven geese walk to Porto"})
        assert_refused(answer, 422)
        assert answer.json()["field"] == "handle"
    assert_refused(ana.post("/v1/payments", {**ORDER, "payee": handle}), 404, 422)
    assert rows(database) == before


def test_a_body_is_not_read_beyond_its_limit(ana: Person, database: Database) -> None:
    """A body of 10 MB is refused by every route that takes one, signed in or not, and nothing is changed."""
    before = rows(database)
    body = '{"handle": "' + "a" * 10_000_000 + '"}'
    for path in ("/v1/accounts", "/v1/sessions", "/v1/payments", "/v1/keys", "/v1/wallets", "/v1/nothing"):
        for given in ({}, ana.headers):
            headers = {**given, "Content-Type": "application/json"}
            assert_refused(ana.asking.post(path, content=body, headers=headers), 413)
    assert rows(database) == before


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/history"])
def test_a_page_has_a_most(ana: Person, path: str) -> None:
    """A page of a billion things, of none, or of less is refused by name."""
    for limit in ("1000000000", "0", "-1", "1e9", HUGE, "201", "", "0x10"):
        answer = ana.asking.get(path, params={"limit": limit}, headers=ana.headers)
        assert_refused(answer, 422)
        assert answer.json()["field"] == "limit"


def test_unknown_fields_are_refused(ana: Person, database: Database) -> None:
    """A field that a document does not have is refused by name wherever it stands, so that none is set by the way."""
    before = rows(database)
    for path, body in (
        ("/v1/accounts", {"handle": "eve", "password": "seven geese walk to Porto", "roles": ["issuer"]}),
        ("/v1/keys", {"name": "k", "scopes": ["account:read"], "account_id": 1}),
        ("/v1/payments", {**ORDER, "nonce": "0"}),
        ("/v1/payments", {**ORDER, "amount": {**ORDER["amount"], "decimals": 0}}),
    ):
        answer = ana.post(path, body)
        assert_refused(answer, 422)
        assert answer.json()["field"].rpartition(".")[2] in ("roles", "account_id", "nonce", "decimals")
    assert rows(database) == before


def test_unknown_parameters_are_refused(ana: Person) -> None:
    """A parameter that a route does not have, or that comes twice, is refused by name; who may not ask hears that."""
    for query, field in (
        ("lmit=5", "lmit"),
        ("limit=5&limit=200", "limit"),
        ("limit=5&a%5B%5D=%00&", "a[]"),
        ("x", "x"),
    ):
        answer = ana.asking.get(f"/v1/history?{query}", headers=ana.headers)
        assert_refused(answer, 422)
        assert answer.json()["field"] == field
        assert_refused(ana.asking.get(f"/v1/history?{query}"), 401)
    told = ana.asking.get("/v1/audit/supply?currency=EUR&limit=5&access_token=cws_x").json()
    assert [one["field"] for one in told["errors"]] == ["limit", "access_token"]
    assert "cws_x" not in str(told)
    assert told["limit"] == "one of this route's parameters: currency"


def test_a_token_is_only_a_token(ana: Person) -> None:
    """Ids, hashes and pieces of a token, and a token in another place than its header, open nothing."""
    key = ana.key("account:read")
    others = [ana.session_id, key["key"]["id"], ana.token[:-1], ana.token + "A", ana.token.lower()]
    others += ["cwk_" + ana.token[4:], "cws_" + key["token"][4:], "", "' OR 1=1 --", "cws_" + "A" * 43]
    for token in others:
        assert_refused(ana.asking.get("/v1/account", headers=bearer(token)), 401)
    assert_refused(ana.asking.get("/v1/account", params={"access_token": ana.token}), 401)
    assert_refused(ana.asking.get("/v1/account", headers={"Cookie": f"token={ana.token}"}), 401)
    assert_refused(ana.asking.get("/v1/account", headers={"Authorization": f"Basic {ana.token}"}), 401)
