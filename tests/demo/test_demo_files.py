"""Groups at the edges of what a file can hold, settled as their users settle them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Command

LIMIT = Decimal("79228162514264337593543.95")  # EUR: the most of them in a ledger of 2^96 - 1 millionths


def settled(command: Command, path: Path, *lines: str, newline: str = "\n") -> dict[str, Any]:
    """The JSON object of a demo with these lines, which is verified."""
    path.write_bytes(newline.join((*lines, "")).encode())
    result: dict[str, Any] = command.json("demo", "--csv", path)
    assert result["verified"] is True
    return result


def test_every_quirk_at_once(command: Command, tmp_path: Path) -> None:
    """Odd names, idle people, parts of a cent, an even currency and a missing total are all settled in one file."""
    command.said("wallet", "new", "Ana", "--address", "0x00000000000000000000000000000000000000AA")
    result = settled(
        command,
        tmp_path / "quirks.csv",
        "\ufeffNote: does not include group expenses",
        "Date,Description,Category,Cost,Currency,Ana,0xabc,service relayer,[red]O'Hara,Bjo\u0308rn,Never",
        ",,,,,,,,,,",
        '2026-01-01,"Gas, ""full""",Car,0.667,EUR,0.667,-0.3335,-0.3335,0,0,0.00',
        "2026-01-02,Lunch,Dining out,30.00,EUR,-10.00,30.00,0.00,-10.00,-10.00,0.00",
        "2026-01-03,Sushi,Dining out,3000,JPY,0,-1500,0,0,1500,0",
        "2026-01-04,Björn paid 0xabc,Payment,1500,JPY,0,1500,0,0,-1500,0",
        "2026-01-05,Taxi,Taxi,1.125,KWD,0,0,0,1.125,-1.125,0",
        "2026-01-06,Total balance, , ,KWD,0,0,0,1.125,-1.125,0",
        newline="\r\n",
    )
    people = ["Ana", "0xabc", "service relayer", "[red]O'Hara", "Björn", "Never"]
    assert result["people"] == people
    eur, jpy, kwd = result["currencies"]
    assert (eur["code"], jpy["code"], kwd["code"]) == ("EUR", "JPY", "KWD")
    exact = dict(zip(people, map(Decimal, ("-9.333", "29.6665", "-0.3335", "-10", "-10", "0")), strict=True))
    for person, net in exact.items():
        assert abs(Decimal(eur["after"][person]) - Decimal(eur["before"][person]) - net) < Decimal("0.01")
    assert (jpy["tx"], jpy["debits"], jpy["credits"]) == (None, {}, {})
    assert (kwd["debits"], kwd["credits"]) == ({"Björn": "1.125"}, {"[red]O'Hara": "1.125"})
    assert (kwd["before"]["Never"], kwd["after"]["Never"]) == ("2.000", "2.000")


def test_a_header_without_rows_is_a_group_without_currencies(command: Command, tmp_path: Path) -> None:
    """A group that has not begun is verified, with its people and nothing to settle."""
    result = settled(command, tmp_path / "new.csv", "Date,Description,Category,Cost,Currency,Ana,Ben")
    assert result == {"people": ["Ana", "Ben"], "verified": True, "currencies": []}


def test_the_ledgers_limit_can_be_settled(command: Command, tmp_path: Path) -> None:
    """A debt of all the money that one ledger can hold is settled."""
    row = f"2026-01-01,Moon,General,{LIMIT},EUR,{LIMIT},-{LIMIT}"
    result = settled(command, tmp_path / "huge.csv", "Date,Description,Category,Cost,Currency,Ana,Ben", row)
    (eur,) = result["currencies"]
    assert eur["before"] == {"Ana": "0.00", "Ben": str(LIMIT)}
    assert eur["after"] == {"Ana": str(LIMIT), "Ben": "0.00"}


@pytest.mark.parametrize("amount", [LIMIT + Decimal("0.01"), Decimal(10) ** 38])
def test_more_than_the_ledgers_limit_is_refused(command: Command, tmp_path: Path, amount: Decimal) -> None:
    """A debt beyond what one ledger can hold is refused with the amount and the limit, before anything is made."""
    row = f"2026-01-01,Sun,General,1.00,EUR,{amount:f},{-amount:f}"
    (tmp_path / "huge.csv").write_text(f"Date,Description,Category,Cost,Currency,Ana,Ben\n{row}\n")
    refusal = command.refusal("demo", "--json", "--csv", tmp_path / "huge.csv")
    assert refusal.startswith(f"error: amount: got '{amount:.2f} EUR', expected at most {LIMIT}")
    assert not command.home.exists()
