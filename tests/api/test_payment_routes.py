"""Payments over HTTP: made once for each id, told how they stand, cancelled, signed elsewhere. Ana has 100.00."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from chainwallet.abi.typed_data import from_typed_data
from chainwallet.evm import checksum, to_hex
from chainwallet.keys.signer import LocalSigner
from chainwallet.store import promises
from tests.api.service import Asking, bearer, open_accounts
from tests.chain.bench import Bench, key_of
from tests.chain.stories import tick_until_still

ANA, BEN, CLEO, GINA = (key_of(name).address for name in ("ana", "ben", "cleo", "gina"))
ORDER: dict[str, Any] = {
    "id": "order-1",
    "payee": "@ben",
    "amount": {"amount": "10.00", "currency": "EUR"},
    "memo": "two tickets",
}


@pytest.fixture(autouse=True)
def people(bench: Bench) -> None:
    """People have accounts, and the ledger's history is followed, as the worker does."""
    open_accounts(bench.database)
    bench.indexer().catch_up()


def pay(client: Asking, who: str = "ana", **changes: Any) -> httpx.Response:
    return client.post("/v1/payments", json={**ORDER, **changes}, headers=bearer(who))


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def stored(bench: Bench) -> int:
    with bench.database.read() as tx:
        return len(promises.listed(tx, bench.chain.key, limit=1_000))


# ------------------------------------------------------------------------------------------------ made once


def test_a_payment_goes_its_way(client: Asking, bench: Bench) -> None:
    """A payment to a handle is accepted at once, says what it waits for, and is final when the chain says so."""
    answer = pay(client)
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/payments/order-1")
    found = answer.json()
    assert (found["stage"], found["amount"], found["memo"]) == ("queued", euros("10.00"), "two tickets")
    assert found["waits"].startswith("no relayer has worked on this chain yet")
    assert found["payer"] == {"address": checksum(ANA), "handle": "@ana"}
    assert found["payee"] == {"address": checksum(BEN), "handle": "@ben"}
    assert (found["to_sign"], found["execution"]) == (None, None)
    tick_until_still(bench.worker())
    shown = client.get("/v1/payments/order-1", headers=bearer("ana")).json()
    assert (shown["stage"], shown["waits"], shown["nonce"]) == ("final", "", found["nonce"])
    assert shown["execution"]["block"] <= bench.node.block_number()
    assert [line["event"] for line in shown["story"]][:2] == ["WasAccepted", "WasSigned"]
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_the_same_payment_again_is_paid_once(client: Asking, bench: Bench) -> None:
    """Who asks again, because the answer was lost or after it is final, gets the same payment, which is paid once."""
    first, second = pay(client), pay(client)
    assert (second.status_code, second.json()) == (202, first.json())
    tick_until_still(bench.worker())
    assert pay(client).json()["stage"] == "final"
    tick_until_still(bench.worker())
    assert (stored(bench), bench.balance("ben")) == (1, ["10.00"])


def test_a_payee_may_be_named_in_any_way(client: Asking, bench: Bench) -> None:
    """A handle in any case, with or without @, and its owner's address are the same payee, and the same payment."""
    first = pay(client).json()
    for payee in ("ben", "@BEN", checksum(BEN), checksum(BEN).lower()):
        assert pay(client, payee=payee).json() == first
    assert stored(bench) == 1


def test_the_document_has_examples_that_are_good(client: Asking) -> None:
    """The examples of request bodies in the OpenAPI document are understood, every one."""
    document = client.get("/openapi.json").json()
    for path in ("/v1/quotes", "/v1/payments", "/v1/topups", "/v1/withdrawals"):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        examples = document["components"]["schemas"][body.rpartition("/")[2]]["examples"]
        for example in examples:
            assert client.post(path, json=example, headers=bearer("ana")).status_code in (200, 202, 404), example


@pytest.mark.parametrize(
    "changed", [{"amount": euros("10.01")}, {"payee": "@cleo"}, {"memo": None}, {"payer": checksum(GINA)}]
)
def test_an_id_with_other_content_is_refused(client: Asking, bench: Bench, changed: dict[str, Any]) -> None:
    """The same id with another amount, payee, memo or wallet is refused, and the first stays as it is."""
    first = pay(client).json()
    answer = pay(client, **changed)
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "id")
    assert client.get("/v1/payments/order-1", headers=bearer("ana")).json()["amount"] == first["amount"]
    assert stored(bench) == 1


def test_an_id_is_its_payers_own(client: Asking, bench: Bench) -> None:
    """Two people may use the same id, and neither sees, signs or cancels what is the other's."""
    pay(client)
    assert pay(client, "ben", payee="@ana", amount=euros("0.01")).status_code == 409  # ben has no money yet
    for method, path, body in (
        ("GET", "/v1/payments/order-1", None),
        ("POST", "/v1/payments/order-1/cancel", {}),
        ("POST", "/v1/payments/order-1/signature", {"signature": "0x" + "11" * 65}),
    ):
        assert told(client.request(method, path, json=body, headers=bearer("ben"))) == (404, "not-found")
    assert client.get("/v1/payments", headers=bearer("ben")).json() == {"payments": [], "next_cursor": None}
    assert stored(bench) == 1


def test_any_of_ones_own_wallets_pays_and_nobody_elses(client: Asking, bench: Bench) -> None:
    """A payer names one of their own wallets, or leaves it to the default; another's wallet is refused."""
    assert pay(client, payer=checksum(GINA)).json()["payer"]["address"] == checksum(GINA)
    assert pay(client, id="order-2", payer=checksum(GINA).lower()).json()["payer"]["address"] == checksum(GINA)
    answer = pay(client, id="order-3", payer=checksum(BEN))
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "payer")
    assert stored(bench) == 2


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"payee": "@nobody"}, (404, "not-found")),
        ({"payee": "@ana"}, (422, "invalid-value")),
        ({"payee": checksum(ANA)}, (422, "invalid-value")),
        ({"payee": "@b\u0435n"}, (422, "invalid-request")),
        ({"payee": "0x12"}, (422, "invalid-value")),
        ({"payee": checksum(BEN)[:-1] + checksum(BEN)[-1].swapcase()}, (422, "invalid-value")),
        ({"amount": euros("100.01")}, (409, "insufficient-funds")),
        ({"amount": euros("0.001")}, (422, "too-precise")),
        ({"amount": {"amount": "1", "currency": "USD"}}, (422, "invalid-value")),
        ({"amount": {"amount": 1, "currency": "EUR"}}, (422, "invalid-request")),
        ({"amount": "1"}, (422, "invalid-request")),
        ({"id": ""}, (422, "invalid-request")),
        ({"id": "../../x"}, (422, "invalid-request")),
        ({"id": "x" * 101}, (422, "invalid-request")),
        ({"memo": "x" * 281}, (422, "invalid-request")),
        ({"memo": "a\0b"}, (422, "invalid-request")),
        ({"tip": 1}, (422, "invalid-request")),
    ],
)
def test_what_no_payment_can_be_changes_nothing(
    client: Asking, bench: Bench, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Nobody, oneself, look-alike letters, too much, too fine, too long, unknown fields: refused, nothing is stored."""
    assert told(pay(client, **changed)) == expected
    assert stored(bench) == 0


def test_hostile_text_in_a_memo_is_kept_as_it_is(client: Asking) -> None:
    """A memo may be any text that Unicode has; it comes back exactly, and as JSON."""
    memo = "<script>'; DROP TABLE promises; -- \u202e{{7*7}} 🎂\ud83c\udf82"
    memo = memo.encode("utf-16", "surrogatepass").decode("utf-16")
    assert pay(client, memo=memo).json()["memo"] == memo
    answer = client.get("/v1/payments/order-1", headers=bearer("ana"))
    assert (answer.json()["memo"], answer.headers["content-type"]) == (memo, "application/json")


def test_payments_come_in_pages(client: Asking) -> None:
    """The caller's payments come newest first, in pages that miss none and repeat none."""
    for number in range(5):
        pay(client, id=f"order-{number}", amount=euros("1"))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/payments", params={"limit": "2", **cursor}, headers=bearer("ana")).json()
        seen += [one["id"] for one in page["payments"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [f"order-{number}" for number in (4, 3, 2, 1, 0)]


# ------------------------------------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/quotes", "payments:read"),
        ("POST", "/v1/payments", "payments:write"),
        ("GET", "/v1/payments", "payments:read"),
        ("GET", "/v1/payments/order-1", "payments:read"),
        ("POST", "/v1/payments/order-1/signature", "payments:write"),
        ("POST", "/v1/payments/order-1/cancel", "payments:write"),
    ],
)
def test_a_route_wants_its_scope(client: Asking, bench: Bench, method: str, path: str, scope: str) -> None:
    """Without a token, or with one whose scopes are others, nothing is shown and nothing is done."""
    body = None if method == "GET" else ORDER
    assert told(client.request(method, path, json=body)) == (401, "not-signed-in")
    other = next(one for one in ("payments:read", "payments:write") if one != scope)
    assert told(client.request(method, path, json=body, headers=bearer(f"ana:{other}"))) == (403, "not-allowed")
    assert stored(bench) == 0


# ------------------------------------------------------------------------------------------------ cancelled, signed


def test_a_payment_is_cancelled(client: Asking, bench: Bench) -> None:
    """A cancel is accepted, carried to the chain and ends the payment; after a payment is final it is too late."""
    pay(client)
    answer = client.post("/v1/payments/order-1/cancel", headers=bearer("ana"))
    assert (answer.status_code, answer.json()["payment"]["stage"]) == (202, "canceling")
    assert client.post("/v1/payments/order-1/cancel", json={}, headers=bearer("ana")).json() == answer.json()
    pay(client, id="order-2")
    tick_until_still(bench.worker())
    assert client.get("/v1/payments/order-1", headers=bearer("ana")).json()["stage"] == "canceled"
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]
    assert told(client.post("/v1/payments/order-2/cancel", headers=bearer("ana"))) == (409, "too-late")


def signed(typed: dict[str, Any], key: LocalSigner) -> dict[str, str]:
    """What a wallet elsewhere makes of the typed data, as it stands in the answer."""
    document, domain = from_typed_data(typed)
    return {"signature": to_hex(key.sign(document, domain))}


def test_who_signs_elsewhere_pays_in_two_steps(client: Asking, bench: Bench) -> None:
    """The typed data is the same however often it is asked for; the payer's signature queues it, nobody else's does."""
    bench.act("issuer", "mint(address,uint256,bytes32)", CLEO, 20_000_000, b"\x07" * 32)
    bench.indexer().catch_up()
    offered = pay(client, "cleo").json()
    assert (offered["stage"], offered["waits"]) == ("offered", "the payer has not signed")
    assert pay(client, "cleo").json() == offered
    assert client.get("/v1/payments/order-1", headers=bearer("cleo")).json()["to_sign"] == offered["to_sign"]
    eve = key_of("eve")
    forged = {**offered["to_sign"], "message": {**offered["to_sign"]["message"], "from": checksum(eve.address)}}
    at = "/v1/payments/order-1/signature"
    assert told(client.post(at, json=signed(forged, eve), headers=bearer("cleo"))) == (422, "bad-signature")
    assert told(client.post(at, json={"signature": "0x12"}, headers=bearer("cleo"))) == (422, "invalid-request")
    assert told(client.post(at, json={"signature": "0x" + "00" * 65}, headers=bearer("cleo"))) == (422, "bad-signature")
    good = signed(offered["to_sign"], key_of("cleo"))
    answer = client.post(at, json=good, headers=bearer("cleo"))
    assert (answer.status_code, answer.json()["stage"], answer.json()["nonce"]) == (202, "queued", offered["nonce"])
    assert client.post(at, json=good, headers=bearer("cleo")).json() == answer.json()
    tick_until_still(bench.worker())
    assert bench.balance("cleo", "ben") == ["10.00", "10.00"]


def test_who_signs_elsewhere_cancels_in_two_steps(client: Asking, bench: Bench) -> None:
    """A cancel gives the document first; with the payer's signature under it the payment is being cancelled."""
    bench.act("issuer", "mint(address,uint256,bytes32)", CLEO, 20_000_000, b"\x07" * 32)
    bench.indexer().catch_up()
    pay(client, "cleo")
    at = "/v1/payments/order-1/cancel"
    asked = client.post(at, json={}, headers=bearer("cleo")).json()
    assert asked["payment"]["stage"] == "offered"
    answer = client.post(at, json=signed(asked["to_sign"], key_of("cleo")), headers=bearer("cleo"))
    assert (answer.status_code, answer.json()["payment"]["stage"], answer.json()["to_sign"]) == (202, "canceling", None)


# ------------------------------------------------------------------------------------------------ quoted


def test_a_quote_says_what_a_payment_costs(client: Asking, bench: Bench) -> None:
    """Before it is made a payment's fee, the relayer's cost in wei and who pays them are told; nothing is stored."""
    body = {"payee": "@ben", "amount": euros("10.00")}
    answer = client.post("/v1/quotes", json=body, headers=bearer("ana"))
    assert answer.status_code == 200
    quote = answer.json()
    assert (quote["service_fee"], quote["total"]) == (euros("0.00"), euros("10.00"))
    cost = quote["relayer_cost"]
    assert (cost["basis"], cost["paid_by"]) == ("limit", "service")
    assert int(cost["cost_wei"]) == cost["gas"] * int(cost["fee_per_gas_wei"]) > 0
    assert quote["good_until"].endswith("Z")
    assert told(client.post("/v1/quotes", json={**body, "payee": "@nobody"}, headers=bearer("ana")))[0] == 404
    assert stored(bench) == 0


def test_what_is_quoted_is_what_the_payer_signs(client: Asking, bench: Bench) -> None:
    """The one document that a payer signs moves the quoted total, and after it the payer has that much less."""
    bench.act("issuer", "mint(address,uint256,bytes32)", CLEO, 20_000_000, b"\x07" * 32)
    bench.indexer().catch_up()
    body = {"payee": ORDER["payee"], "amount": ORDER["amount"]}
    quote = client.post("/v1/quotes", json=body, headers=bearer("cleo")).json()
    offered = pay(client, "cleo").json()
    total = Decimal(quote["total"]["amount"])
    assert int(offered["to_sign"]["message"]["value"]) == total * 10**6
    client.post(
        "/v1/payments/order-1/signature", json=signed(offered["to_sign"], key_of("cleo")), headers=bearer("cleo")
    )
    tick_until_still(bench.worker())
    assert Decimal(bench.balance("cleo")[0]) == Decimal("20.00") - total
