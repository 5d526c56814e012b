"""Paying, topping up and balances, as their users see them."""

import json
import re
import sqlite3
from decimal import Decimal

from tests.cli.command import Command, held, wait_until


def test_a_payment_moves_its_amount_once(house: Command) -> None:
    """A payment is told with its id and transaction and moves its amount once, however often its id is asked for."""
    before = held(house)
    paid = house.json("pay", "Ana", "由紀", "12.50", "--memo", "ferry ⛴", "--currency", "eur", "--id", "ferry")
    assert (paid["id"], paid["amount"], paid["currency"]) == ("ferry", "12.50", "EUR")
    assert re.fullmatch("0x[0-9a-f]{64}", paid["tx"])
    assert re.fullmatch("0x[0-9a-f]{64}", paid["paymentRef"])
    assert house.json("pay", "Ana", "由紀", "12.5", "--memo", "ferry ⛴", "--id", "ferry") == paid
    assert "id: got 'ferry', expected" in house.refusal("pay", "Ana", "由紀", "2", "--id", "ferry")
    moved = {"Ana": Decimal("-12.50"), "Björn": Decimal(0), "由紀": Decimal("12.50")}
    assert held(house) == {name: before[name] + moved[name] for name in before}


def test_a_payee_may_be_an_address(house: Command) -> None:
    """Whoever has no name here is paid and asked for by address, and the story repeats the names as they were given."""
    address = "0x00000000000000000000000000000000000000AA"
    assert house.said("pay", "Björn", address, "0.25").startswith(f"paid 0.25 EUR from Björn to {address} in block ")
    assert house.json("balance", address, "Ana")["balances"][address] == {"EUR": "0.25"}


def test_a_bank_reference_makes_money_once(house: Command) -> None:
    """The same top-up under the same bank reference happens once; the reference with another amount is refused."""
    before = held(house)["Björn"]
    for _ in range(2):
        assert house.said("topup", "Björn", "10", "--bank-ref", "B-1").endswith(", bank reference B-1\n")
    assert "'B-1'" in house.refusal("topup", "Björn", "11", "--bank-ref", "B-1")
    assert held(house)["Björn"] == before + 10


def test_payments_at_once_are_all_paid(house: Command) -> None:
    """Payments at the same time from one wallet wait for each other, and all are carried out."""
    before = held(house)["Ana"]
    done = house.each([["pay", "Ana", "Björn", amount] for amount in ("1.10", "2.23")])
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 2
    assert held(house)["Ana"] == before - Decimal("3.33")


def test_a_killed_payment_goes_on_under_its_id(house: Command) -> None:
    """A payment whose command is killed half-way is paid exactly once when it is asked for again under its id."""
    before = held(house)["Ana"]
    running = house.begin("pay", "Ana", "Björn", "0.05", "--id", "killed")
    with sqlite3.connect(house.home / "chainwallet.db") as database:
        query = "SELECT count(*) FROM promises WHERE id = 'killed'"
        wait_until(lambda: bool(database.execute(query).fetchone() == (1,)), "the promise")
    running.kill()
    running.communicate()
    house.json("pay", "Ana", "Björn", "0.05", "--id", "killed")
    assert held(house)["Ana"] == before - Decimal("0.05")


def test_any_stdout_can_take_any_name(house: Command) -> None:
    """Where stdout cannot take a name's characters, they are written as escapes, and JSON stays JSON."""
    narrow = house.with_settings(PYTHONIOENCODING="ascii")
    shown, listed = narrow.each([["balance"], ["wallet", "list", "--json"]])
    assert re.fullmatch(r" Wallet +\| +EUR *", shown.stdout.splitlines()[0])
    assert [line.split()[0] for line in shown.stdout.splitlines()[2:]] == ["Ana", r"Bj\xf6rn", r"\u7531\u7d00"]
    assert listed.stdout.isascii()
    assert [wallet["name"] for wallet in json.loads(listed.stdout)] == ["Ana", "Björn", "由紀"]
