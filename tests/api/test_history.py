"""Movements and balances over HTTP: the caller's own, with their memos, as the verified chain has them."""

from typing import Any

import pytest

from chainwallet.evm import checksum, to_hex
from tests.api.residents import follow_all, pay, settle_in
from tests.api.service import Asking, bearer
from tests.chain.bench import Bench, key_of

ANA, BEN = (checksum(key_of(name).address) for name in ("ana", "ben"))


@pytest.fixture
def settled(bench: Bench) -> Bench:
    settle_in(bench)
    return bench


def told(client: Asking, path: str, name: str = "ana", status: int = 200) -> Any:
    answer = client.get(path, headers=bearer(name))
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_movement_is_told_from_both_sides(client: Asking, settled: Bench) -> None:
    """Payer and payee read the same movement, each with the other's handle; only the payer reads id and memo."""
    pay(settled, "ana", "ben", "12.34", "dinner-1", "Käse 🎂")
    anas, bens = (told(client, "/v1/history", name) for name in ("ana", "ben"))
    one, other = anas["movements"][0], bens["movements"][0]
    assert (one["direction"], one["amount"], one["wallet"]) == ("out", {"amount": "12.34", "currency": "EUR"}, ANA)
    assert one["counterparty"] == {"address": BEN, "handle": "@ben"}
    assert (one["payment_id"], one["memo"], one["cause"]) == ("dinner-1", "Käse 🎂", "payment")
    assert (other["direction"], other["counterparty"]) == ("in", {"address": ANA, "handle": "@ana"})
    assert (other["payment_id"], other["memo"], other["reference"]) == (None, None, one["reference"])
    assert one["place"] == other["place"]
    head = settled.node.block("latest")
    assert anas["verified_up_to"]["block_hash"] == to_hex(head.hash)
    assert (anas["verified_up_to"]["head_block"], one["place"]["final"]) == (head.number, True)
    assert "Käse" not in client.get("/v1/history", headers=bearer("ben")).text


def test_pages_go_on_below_the_last_one(client: Asking, settled: Bench) -> None:
    """Page after page the whole history comes once, also where something new comes in between."""
    for number in range(5):
        pay(settled, "ana", "ben", f"1.0{number}", f"id-{number}")
    first = told(client, "/v1/history?limit=2")
    pay(settled, "ana", "ben", "9", "between")
    second = told(client, f"/v1/history?limit=2&cursor={first['next_cursor']}")
    third = told(client, f"/v1/history?limit=2&cursor={second['next_cursor']}")
    ids = [one["payment_id"] for page in (first, second, third) for one in page["movements"]]
    assert ids == ["id-4", "id-3", "id-2", "id-1", "id-0", None]
    assert third["next_cursor"] is None
    assert third["movements"][-1]["cause"] == "mint"


@pytest.mark.parametrize("query", ["cursor=abc", "cursor=", "limit=0", "limit=201", "limit=1e3", "currency=eur",
                                   "currency=USD", "cursor=" + "A" * 600])  # fmt: skip
def test_a_page_that_is_none_is_refused(client: Asking, settled: Bench, query: str) -> None:
    """A broken cursor, a page of another size and an unknown currency are refused by the parameter's name."""
    assert settled
    problem = told(client, f"/v1/history?{query}", status=422)
    assert problem["field"] == query.partition("=")[0]


def test_a_cursor_of_another_list_or_beyond_all_places_is_refused(client: Asking, settled: Bench) -> None:
    """A cursor that this list did not give is refused, however well it is written."""
    from chainwallet.api.cursors import write_cursor

    assert settled
    for cursor in (
        write_cursor("payments", (5, 1)),
        write_cursor("movements", (2**70, 1)),
        write_cursor("movements", (-1, 1)),
        write_cursor("movements", (5, -1)),
    ):
        assert told(client, f"/v1/history?cursor={cursor}", status=422)["field"] == "cursor"


def test_balances_say_what_is_kept_back(client: Asking, settled: Bench) -> None:
    """An accepted payment is kept back at once from what is available, and is gone from what is held when carried."""
    settled.accept(settled.order("ana", "ben", "30", id="open"))
    follow_all(settled).catch_up()
    found = told(client, "/v1/balances")
    (eur, jpy) = found["balances"]
    assert eur["wallet"] == jpy["wallet"] == ANA
    assert [eur[name]["amount"] for name in ("held", "reserved", "available")] == ["100.00", "30.00", "70.00"]
    assert jpy["held"] == {"amount": "0", "currency": "JPY"}
    pay(settled, "ana", "ben", "1", "other")
    (eur, _) = told(client, "/v1/balances")["balances"]
    assert [eur[name]["amount"] for name in ("held", "reserved", "available")] == ["69.00", "0.00", "69.00"]


@pytest.mark.parametrize("path", ["/v1/history", "/v1/balances", "/v1/events"])
def test_only_who_may_read_history_does(client: Asking, settled: Bench, path: str) -> None:
    """Without credentials, or without the scope, nothing is told."""
    assert settled
    assert client.get(path).status_code == 401
    assert told(client, path, "nobody", status=401)
    assert told(client, path, "ana:payments:read", status=403)


def test_no_history_is_told_while_a_reorg_is_not_taken_in(client: Asking, settled: Bench) -> None:
    """From the reorg until the indexer has taken it in, every route of the history answers 503; then all is new."""
    pay(settled, "ana", "ben", "5", "one")
    settled.ask("anvil_reorg", 1, [])
    for path in ("/v1/history", "/v1/balances", f"/v1/audit/addresses/{ANA}/movements",
                 f"/v1/audit/addresses/{ANA}/balance", "/v1/audit/supply"):  # fmt: skip
        answer = client.get(path, headers=bearer("ana"))
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/history-behind")
        assert answer.headers["retry-after"] == "1"
    follow_all(settled).catch_up()
    (eur, _) = told(client, "/v1/balances")["balances"]
    assert eur["held"]["amount"] == "100.00"
    assert told(client, "/v1/history")["movements"][0]["cause"] == "mint"
