"""The main job as its user runs it: a real group's file in, one JSON object out, and money moved on a real chain."""

import json
import os
import random
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from chainwallet.keys.kek import FileKey
from chainwallet.keys.sealed import SealedKeys

MAX_GAS_PER_PERSON = 30_000


def chainwallet(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in ``home``, far from any terminal."""
    environment = {**os.environ, "CHAINWALLET_HOME": str(home)}
    command = [sys.executable, "-m", "chainwallet", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def settled(home: Path, csv: Path) -> dict[str, Any]:
    """The JSON object of a demo that is expected to go well."""
    done = chainwallet(home, "demo", "--csv", str(csv), "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["verified"] is True
    return result


def export(path: Path, people: list[str], rows: int, decimals: dict[str, int], seed: int) -> dict[str, list[int]]:
    """Writes a random group as Splitwise exports it; each person's net in minor units, for each currency."""
    draw = random.Random(seed)  # noqa: S311 - test data
    nets = {code: [0] * len(people) for code in decimals}
    lines = [",".join(["Date,Description,Category,Cost,Currency", *people]), ""]
    for row in range(rows):
        code = draw.choice(sorted(decimals))
        cost, sharing = draw.randint(1, 50_000), draw.sample(range(len(people)), draw.randint(1, len(people)))
        cells = [0] * len(people)
        for place, person in enumerate(sharing):
            cells[person] -= cost // len(sharing) + (place < cost % len(sharing))
        cells[draw.randrange(len(people))] += cost
        nets[code] = [net + cell for net, cell in zip(nets[code], cells, strict=True)]
        texts = [_text(cell, decimals[code]) for cell in (cost, *cells)]
        lines.append(",".join([f"2026-03-{row % 28 + 1:02d},Row {row},General,{texts[0]},{code}", *texts[1:]]))
    lines.append("")
    for code, totals in nets.items():
        texts = [_text(total, decimals[code]) for total in totals]
        lines.append(",".join([f"2026-04-01,Total balance, , ,{code}", *texts]))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return nets


def _text(minor: int, decimals: int) -> str:
    return str(Decimal(minor).scaleb(-decimals).quantize(Decimal(1).scaleb(-max(decimals, 2))))


@pytest.mark.parametrize(
    ("count", "rows", "decimals"),
    [(10, 500, {"EUR": 2}), (15, 400, {"JPY": 0, "KWD": 3, "INR": 2}), (2, 3, {"CHF": 2})],
)
def test_any_group_is_settled_to_the_last_cent(tmp_path: Path, count: int, rows: int, decimals: dict[str, int]) -> None:
    """Groups of many rows and currencies end with every balance moved by exactly the person's net, for little gas."""
    people = [f"Person {number}" for number in range(count)]
    nets = export(tmp_path / "group.csv", people, rows, decimals, seed=count)
    result = settled(tmp_path / "home", tmp_path / "group.csv")
    assert result["people"] == people
    assert {entry["code"] for entry in result["currencies"]} == set(decimals)
    for entry in result["currencies"]:
        expected = [Fraction(net, 10 ** decimals[entry["code"]]) for net in nets[entry["code"]]]
        moved = [Fraction(entry["after"][p]) - Fraction(entry["before"][p]) for p in people]
        assert moved == expected
        owed = {p: -net for p, net in zip(people, expected, strict=True) if net < 0}
        assert {p: Fraction(amount) for p, amount in entry["debits"].items()} == owed
        assert sum(map(Fraction, entry["debits"].values())) == sum(map(Fraction, entry["credits"].values()))
        assert entry["gas_used"] <= MAX_GAS_PER_PERSON * len(people)
        assert len(bytes.fromhex(entry["tx"].removeprefix("0x"))) == 32


def test_an_even_group_has_nothing_to_settle(tmp_path: Path) -> None:
    """A group that is already even is told so: verified, with no transaction and empty debits."""
    (tmp_path / "even.csv").write_text(
        "Date,Description,Category,Cost,Currency,Ana,Ben\n"
        "2026-01-01,Lunch,Dining out,10.00,EUR,5.00,-5.00\n"
        "2026-01-02,Ben paid Ana,Payment,5.00,EUR,-5.00,5.00\n"
        "2026-01-03,Total balance, , ,EUR,0.00,0.00\n",
        "utf-8",
    )
    (entry,) = settled(tmp_path / "home", tmp_path / "even.csv")["currencies"]
    assert (entry["tx"], entry["debits"], entry["credits"]) == (None, {}, {})
    assert entry["before"] == entry["after"] == {"Ana": "0.00", "Ben": "0.00"}


GOOD = "Date,Description,Category,Cost,Currency,Ana,Ben\n2026-01-01,Lunch,Dining out,10.00,EUR,5.00,-5.00\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html><body>not a spreadsheet</body></html>", "Splitwise export"),
        (GOOD.replace("-5.00", "-4.99"), "row 2"),
        (GOOD + "2026-01-02,Total balance, , ,EUR,5.01,-5.01\n", "row 3"),
        (GOOD.replace("EUR", "ZZZ"), "ZZZ"),
        (GOOD.replace("5.00,-5.00", "five,-5.00"), "five"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_starts(tmp_path: Path, text: str, said: str) -> None:
    """A file that is no export, does not add up or names no currency: one line, exit status 2, nothing begun."""
    (tmp_path / "wrong.csv").write_text(text, "utf-8")
    refused = chainwallet(tmp_path / "home", "demo", "--csv", str(tmp_path / "wrong.csv"), "--json")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert said in refused.stderr
    assert not (tmp_path / "home").exists()


def test_wallets_of_the_demo_can_pay_afterwards(tmp_path: Path) -> None:
    """The demo's chain and wallets stay: a payment in the same home moves exactly its amount."""
    (tmp_path / "two.csv").write_text(GOOD, "utf-8")
    before = settled(tmp_path / "home", tmp_path / "two.csv")["currencies"][0]["after"]
    paid = chainwallet(tmp_path / "home", "pay", "Ana", "Ben", "1.25", "--memo", "coffee", "--json")
    assert paid.returncode == 0, paid.stderr
    balance = chainwallet(tmp_path / "home", "balance", "--json")
    after = json.loads(balance.stdout)["balances"]
    assert Decimal(after["Ana"]["EUR"]) == Decimal(before["Ana"]) - Decimal("1.25")
    assert Decimal(after["Ben"]["EUR"]) == Decimal(before["Ben"]) + Decimal("1.25")


def test_a_second_demo_begins_a_fresh_chain(tmp_path: Path) -> None:
    """Each demo starts from nothing, so that no signature of an earlier one could replay."""
    (tmp_path / "two.csv").write_text(GOOD, "utf-8")
    first, second = (settled(tmp_path / "home", tmp_path / "two.csv") for _ in range(2))
    assert first["currencies"][0]["tx"] != second["currencies"][0]["tx"]
    assert len(list((tmp_path / "home" / "manifests").glob("*.json"))) == 1


def test_no_private_key_is_ever_in_the_clear(tmp_path: Path) -> None:
    """Of all keys a home holds, none stands in what its commands say or in any of its files, as bytes or as hex."""
    home = tmp_path / "home"
    (tmp_path / "two.csv").write_text(GOOD, "utf-8")
    said = [
        chainwallet(home, "demo", "--csv", str(tmp_path / "two.csv")),
        chainwallet(home, "pay", "Ana", "Ben", "1", "--json"),
        chainwallet(home, "wallet", "list", "--json"),
        chainwallet(home, "wallet", "show", "Ana"),
        chainwallet(home, "pay", "Ana", "Ben", "1000000"),
    ]
    keys = SealedKeys(home / "keys", FileKey(home / "keys" / "kek"))
    secrets = [bytes(keys._secret(address)) for address in keys.addresses()]
    assert len(secrets) >= 4
    places = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    places |= {str(done.args): (done.stdout + done.stderr).encode() for done in said}
    for secret in secrets:
        for form in (secret, secret.hex().encode(), str(int.from_bytes(secret, "big")).encode()):
            assert [name for name, data in places.items() if form in data.lower() or form in data] == []
