"""Money in and out over HTTP, for the issuer's people alone. Iris is one of them; ana has 100.00."""

from typing import Any

import httpx
import pytest

from chainwallet.evm import checksum
from chainwallet.store import promises
from tests.api.service import Asking, bearer, open_accounts
from tests.chain.bench import ROLES, Bench, key_of
from tests.chain.stories import tick_until_still

BEN = key_of("ben").address
TOP_UP: dict[str, Any] = {"reference": "RF18-1", "payee": "@ben", "amount": {"amount": "10.00", "currency": "EUR"}}
WITHDRAWAL: dict[str, Any] = {
    "reference": "OUT-1",
    "payer": "@ana",
    "payment": "w-1",
    "amount": {"amount": "10.00", "currency": "EUR"},
}


@pytest.fixture(autouse=True)
def people(bench: Bench) -> None:
    """People have accounts, and the ledger's history is followed, as the worker does."""
    open_accounts(bench.database)
    bench.indexer().catch_up()


def ask(client: Asking, path: str, body: dict[str, Any] | None = None, who: str = "iris") -> httpx.Response:
    return client.request("GET" if body is None else "POST", path, json=body, headers=bearer(who))


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_a_top_up_is_asked_for_and_followed(client: Asking, bench: Bench) -> None:
    """A top-up is accepted, carried by the worker, and told by its reference; asked for twice it pays once."""
    answer = ask(client, "/v1/topups", TOP_UP)
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/topups/RF18-1")
    assert (answer.json()["stage"], answer.json()["asked_by"]) == ("under_way", "@iris")
    assert ask(client, "/v1/topups", TOP_UP).json() == answer.json()
    tick_until_still(bench.worker())
    shown = ask(client, "/v1/topups/RF18-1").json()
    assert (shown["stage"], shown["payee"]["handle"], shown["execution"] is None) == ("final", "@ben", False)
    assert ask(client, "/v1/topups", TOP_UP).json() == shown
    assert ask(client, "/v1/topups/RF18-1?currency=EUR").json() == shown
    tick_until_still(bench.worker())
    assert bench.balance("ben") == ["10.00"]


def test_a_reference_stands_for_one_top_up(client: Asking, bench: Bench) -> None:
    """The same reference for somebody else or another amount is refused, and changes nothing."""
    ask(client, "/v1/topups", TOP_UP)
    for changed in ({"payee": "@ana"}, {"amount": {"amount": "11.00", "currency": "EUR"}}):
        answer = ask(client, "/v1/topups", {**TOP_UP, **changed})
        assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "reference")
    tick_until_still(bench.worker())
    assert bench.balance("ana", "ben") == ["100.00", "10.00"]


def test_above_the_quota_the_limit_is_told(client: Asking, bench: Bench) -> None:
    """A top-up above what the issuer may make now is refused with what it may, and nothing is stored."""
    bench.act("admin", "setQuota(address,uint96,uint96)", ROLES.issuer, 5_000_000, 0)
    answer = ask(client, "/v1/topups", TOP_UP)
    assert told(answer) == (409, "quota-exceeded")
    assert (answer.json()["available"], answer.json()["required"]) == ("5.00 EUR", "10.00 EUR")
    assert told(ask(client, "/v1/topups/RF18-1")) == (404, "not-found")


def test_a_withdrawal_from_end_to_end(client: Asking, bench: Bench) -> None:
    """The customer pays @issuer, the issuer names that payment and the bank's reference, and the money is burned."""
    order = {"id": "w-1", "payee": "@issuer", "amount": WITHDRAWAL["amount"]}
    assert ask(client, "/v1/payments", order, "ana").json()["payee"]["address"] == checksum(ROLES.issuer)
    answer = ask(client, "/v1/withdrawals", WITHDRAWAL)
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/withdrawals/OUT-1")
    assert (answer.json()["stage"], answer.json()["payment"]["stage"]) == ("awaits_payment", "queued")
    assert ask(client, "/v1/withdrawals", WITHDRAWAL).json() == answer.json()
    assert told(ask(client, "/v1/withdrawals/OUT-1/payback", {})) == (422, "invalid-value")
    tick_until_still(bench.worker())
    shown = ask(client, "/v1/withdrawals/OUT-1").json()
    assert (shown["stage"], shown["payment"]["stage"], shown["execution"] is None) == ("final", "final", False)
    assert bench.balance("ana", "issuer") == ["90.00", "0.00"]


def test_a_refused_withdrawal_is_paid_back(client: Asking, bench: Bench) -> None:
    """Where the chain refuses the burn the reason is told, and the issuer pays the customer back, once."""
    order = {"id": "w-1", "payee": "@issuer", "amount": WITHDRAWAL["amount"]}
    ask(client, "/v1/payments", order, "ana")
    ask(client, "/v1/withdrawals", WITHDRAWAL)
    tick_until_still(bench.worker("relayer"))  # it has no issuer's key: the burn is queued, and not signed
    bench.act("issuer", "transfer(address,uint256)", BEN, 10_000_000)
    tick_until_still(bench.worker())
    refused = ask(client, "/v1/withdrawals/OUT-1").json()
    assert refused["stage"] == "refused"
    assert "ERC20InsufficientBalance" in refused["reason"]
    bench.node.set_balance(BEN, 10**18)
    bench.act("ben", "transfer(address,uint256)", ROLES.issuer, 10_000_000)
    bench.indexer().catch_up()
    answer = ask(client, "/v1/withdrawals/OUT-1/payback", {})
    assert (answer.status_code, answer.json()["stage"]) == (202, "returning")
    assert answer.json()["payback"] == "payback:OUT-1"
    ask(client, "/v1/withdrawals/OUT-1/payback", {})
    tick_until_still(bench.worker())
    assert ask(client, "/v1/withdrawals/OUT-1").json()["stage"] == "returned"
    assert bench.balance("ana", "issuer") == ["100.00", "0.00"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/topups", TOP_UP),
        ("/v1/topups/RF18-1", None),
        ("/v1/withdrawals", WITHDRAWAL),
        ("/v1/withdrawals/OUT-1", None),
        ("/v1/withdrawals/OUT-1/payback", {}),
    ],
)
def test_only_the_issuers_people_issue(client: Asking, bench: Bench, path: str, body: dict[str, Any] | None) -> None:
    """Without the scope that the issuer's role gives, nothing is issued and nothing is shown."""
    answer = ask(client, path, body, "ana:payments:write")
    assert (*told(answer), answer.json()["needed"]) == (403, "not-allowed", "scope issuer:write")
    with bench.database.read() as tx:
        assert promises.listed(tx, bench.chain.key, limit=10) == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"reference": "a b"}, (422, "invalid-request")),
        ({"reference": "x" * 91}, (422, "invalid-request")),
        ({"payee": "@nobody"}, (404, "not-found")),
        ({"payee": "0x" + "0" * 40}, (422, "invalid-value")),
        ({"amount": {"amount": "1", "currency": "JPY"}}, (422, "invalid-value")),
        ({"bank": "x"}, (422, "invalid-request")),
    ],
)
def test_what_no_top_up_can_be_is_refused(client: Asking, changed: dict[str, Any], expected: tuple[int, str]) -> None:
    """An odd reference, nobody, a currency without ledger, unknown fields: refused, and nothing is stored."""
    assert told(ask(client, "/v1/topups", {**TOP_UP, **changed})) == expected
    assert told(ask(client, "/v1/topups/RF18-1")) == (404, "not-found")


def test_a_withdrawal_of_no_payment_is_refused(client: Asking) -> None:
    """A payment that is not there, somebody's to somebody else, another amount: refused."""
    assert told(ask(client, "/v1/withdrawals", WITHDRAWAL)) == (404, "not-found")
    ask(client, "/v1/payments", {"id": "w-1", "payee": "@ben", "amount": WITHDRAWAL["amount"]}, "ana")
    assert told(ask(client, "/v1/withdrawals", WITHDRAWAL)) == (422, "invalid-value")
    assert told(ask(client, "/v1/withdrawals/OUT-1")) == (404, "not-found")
