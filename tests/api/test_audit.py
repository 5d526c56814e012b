"""What anybody may check over HTTP, without signing in."""

from typing import Any

import pytest

from chainwallet.evm import checksum, to_hex
from tests.api.residents import pay, settle_in
from tests.api.service import Asking
from tests.chain.bench import Bench, key_of

ANA, BEN = (checksum(key_of(name).address) for name in ("ana", "ben"))


@pytest.fixture
def settled(bench: Bench) -> Bench:
    settle_in(bench)
    pay(bench, "ana", "ben", "12.34", "dinner-1", "private words")
    return bench


def told(client: Asking, path: str, status: int = 200) -> Any:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_any_addresses_movements_are_public_and_name_nobody(client: Asking, settled: Bench) -> None:
    """An auditor reads amounts, addresses and places; no handle, id or memo."""
    assert settled
    found = told(client, f"/v1/audit/addresses/{BEN.lower()}/movements?currency=EUR")
    (one,) = found["movements"]
    assert (found["address"], one["direction"], one["amount"]["amount"]) == (BEN, "in", "12.34")
    assert one["counterparty"] == ANA
    text = client.get(f"/v1/audit/addresses/{ANA}/movements").text
    for private in ("private words", "dinner-1", "@ben", "@ana"):
        assert private not in text


def test_a_balance_of_the_past_names_its_block(client: Asking, settled: Bench) -> None:
    """At a block, at a time, or now: the amount, the block that was taken, and the state beside it."""
    head = settled.node.block("latest")
    path = f"/v1/audit/addresses/{ANA}/balance?currency=EUR"
    now = told(client, f"{path}&compare=true")
    (one,) = now["balances"]
    assert one["amount"] == {"amount": "87.66", "currency": "EUR"}
    assert (one["at"]["block"], one["at"]["block_hash"]) == (head.number, to_hex(head.hash))
    assert (one["state"]["agrees"], one["state"]["amount"]) == (True, one["amount"])
    (before,) = told(client, f"{path}&block={head.number - 1}")["balances"]
    assert (before["amount"]["amount"], before["at"]["block"], before["state"]) == ("100.00", head.number - 1, None)
    (dated,) = told(client, f"{path}&at={one['at']['time']}")["balances"]
    assert dated["at"]["block"] <= head.number
    assert len(told(client, f"/v1/audit/addresses/{ANA}/balance")["balances"]) == 2


@pytest.mark.parametrize(("query", "field"), [
    ("block=0", "block"), ("block=-1", "block"), ("block=999999", "block"), ("block=9999999999999999999", "block"),
    ("at=1999-12-31T23:59:59Z", "at"), ("at=2999-12-31T23:59:59Z", "at"), ("at=2026-13-45T00:00:00Z", "at"),
    ("at=yesterday", "at"), ("at=2020-01-01T00:00:00Z&block=5", "at"), ("currency=USD", "currency"),
    ("compare=perhaps", "compare"),
])  # fmt: skip
def test_a_moment_that_is_none_is_refused(client: Asking, settled: Bench, query: str, field: str) -> None:
    """Blocks that are not verified, dates before the ledger or to come, and both at once are refused by name."""
    assert settled
    assert told(client, f"/v1/audit/addresses/{ANA}/balance?{query}", 422)["field"] == field


@pytest.mark.parametrize("address", ["0x12", "ana", "0x" + "0" * 40, ANA.swapcase().replace("0X", "0x")])
def test_an_address_that_is_none_is_refused(client: Asking, settled: Bench, address: str) -> None:
    """What is no address, or has a wrong check sum, is refused."""
    assert settled
    assert told(client, f"/v1/audit/addresses/{address}/balance", 422)["field"] == "address"


def test_the_supply_is_told_three_ways(client: Asking, settled: Bench) -> None:
    """Issued, held and the contract's own supply agree, for each currency, at the named block."""
    eur, jpy = told(client, "/v1/audit/supply")["supplies"]
    assert (eur["conserved"], jpy["conserved"]) == (True, True)
    assert eur["issued"] == eur["held"] == eur["state"]["amount"]
    assert eur["state"]["block_hash"] == eur["verified_up_to"]["block_hash"]
    assert jpy["holders"] == 0
    assert eur["verified_up_to"]["block"] == settled.node.block_number()
