"""The CSV that we write is what Splitwise writes: our own reader, which checks it against itself, finds all of it."""

from dataclasses import replace
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.formats.splitwise import Entry, GroupHistory, read_splitwise
from chainwallet.formats.splitwise_writing import write_splitwise
from chainwallet.rules.money import currency_of

EUR, JPY = currency_of("EUR"), currency_of("JPY")
TODAY = "2026-11-27"


def entry(description: str = "Dinner", nets: tuple[str, ...] = ("20.00", "-20.00"), **changes: object) -> Entry:
    made = Entry(3, TODAY, description, "Food", Decimal("40.00"), EUR, tuple(map(Decimal, nets)), is_payment=False)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names what it changes


def history(*entries: Entry, people: tuple[str, ...] = ("Ana", "Ben")) -> GroupHistory:
    return GroupHistory(people, entries, {}, tuple(dict.fromkeys(one.currency for one in entries)), ())


def test_the_bundled_trip_survives_a_round_trip() -> None:
    """Reading an export, writing it and reading it again gives the same people, entries and totals, and no notes."""
    trip = read_splitwise((files("chainwallet.formats.examples") / "trip.csv").read_bytes(), "trip.csv")
    again = read_splitwise(write_splitwise(trip, TODAY), "again.csv")
    assert again.people == trip.people
    assert [replace(one, row=0) for one in again.entries] == [replace(one, row=0) for one in trip.entries]
    assert again.totals == trip.totals
    assert again.notes == ()


def test_amounts_have_the_decimals_of_their_currency() -> None:
    """Every amount is written with its currency's decimals, and zero without a sign."""
    yen = entry("Ramen", ("900", "-900"), currency=JPY, cost=Decimal(1800))
    even = entry("Cards", ("-0.00", "0.00"))
    rows = write_splitwise(history(even, yen), TODAY).decode().splitlines()
    assert rows[0] == "Date,Description,Category,Cost,Currency,Ana,Ben"
    assert rows[2] == f"{TODAY},Cards,Food,40.00,EUR,0.00,0.00"
    assert rows[3] == f"{TODAY},Ramen,Food,1800,JPY,900,-900"
    assert rows[5:] == [f"{TODAY},Total balance, , ,EUR,0.00,0.00", f"{TODAY},Total balance, , ,JPY,900,-900"]


def test_a_payment_and_an_entry_without_a_category_say_so() -> None:
    """A payment has Splitwise's own category, an entry without a category the one that Splitwise writes then."""
    paid = entry("Ana paid Ben", cost=Decimal("20.00"), is_payment=True)
    again = read_splitwise(write_splitwise(history(paid, entry(category="")), TODAY), "again.csv")
    assert [one.is_payment for one in again.entries] == [True, False]
    assert [one.category for one in again.entries] == ["Payment", "General"]


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-5", "@SUM(A1)"])
def test_no_text_becomes_a_formula(text: str) -> None:
    """What a spreadsheet would take for a formula is written as text, in names and descriptions."""
    rows = write_splitwise(history(entry(text), people=(text, "Ben")), TODAY).decode().splitlines()
    assert rows[0] == f"Date,Description,Category,Cost,Currency,'{text},Ben"
    assert rows[2].startswith(f"{TODAY},'{text},")


def test_parts_of_a_minor_unit_are_refused() -> None:
    """Nothing is rounded on the way out: an amount that the currency cannot write is refused with it."""
    with pytest.raises(BadValue, match="nets") as refusal:
        write_splitwise(history(entry(nets=("0.005", "-0.005"))), TODAY)
    assert refusal.value.value == "0.005 EUR"


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=9)
AMOUNTS = st.integers(-(10**12), 10**12).map(lambda minor: Decimal(minor).scaleb(-2))


@given(st.lists(st.tuples(WORDS, AMOUNTS, AMOUNTS), min_size=1, max_size=9))
def test_any_history_is_read_back(rows: list[tuple[str, Decimal, Decimal]]) -> None:
    """Whatever is written is read back: the nets exactly, and the totals agree with the rows."""
    entries = [
        entry(f"x{words}", (str(first), str(second), str(-first - second)), cost=Decimal("1.00"))
        for words, first, second in rows
    ]
    again = read_splitwise(write_splitwise(history(*entries, people=("Ana", "Ben", "Cleo")), TODAY), "again.csv")
    assert [one.nets for one in again.entries] == [one.nets for one in entries]
    assert len(again.totals[EUR]) == 3
