"""What a file says becomes bills: every person's balance is the file's, to the last unit."""

from collections import Counter
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadRow
from chainwallet.evm import keccak256
from chainwallet.formats.splitwise import Entry, GroupHistory, read_splitwise
from chainwallet.formats.splitwise_bills import ReadBills, bills_of
from chainwallet.rules.money import Currency, currency_of
from chainwallet.rules.split import Exact
from chainwallet.rules.terms import Terms, lines, tie_break

EUR, JPY = currency_of("EUR"), currency_of("JPY")
ROOT = keccak256(b"the file")
HEADER = "Date,Description,Category,Cost,Currency,Ana,Ben,Cleo"


def read(*rows: str) -> ReadBills:
    history = read_splitwise("\n".join((HEADER, "", *rows)).encode(), "trip.csv")
    return bills_of(history, {name: name.lower() for name in history.people}, "trip.csv", ROOT)


def nets(terms: Terms) -> dict[str, int]:
    return {line.person: line.net.amount_minor for line in lines(terms, tie_break("any"))}


def sums(bills: ReadBills, currency: Currency) -> dict[str, int]:
    found: Counter[str] = Counter()
    for bill in bills.bills:
        if bill.terms.currency == currency:
            found.update(nets(bill.terms))
    return dict(found)


def only(*rows: str) -> Terms:
    (bill,) = read(*rows).bills
    return bill.terms


def test_an_entry_becomes_a_bill_with_its_nets_and_cost() -> None:
    """Who is owed paid, who owes has that share, and the payer used the rest of the cost."""
    terms = only("2026-05-01,Dinner,Food,60.00,EUR,40.00,-20.00,-20.00")
    assert (terms.title, terms.date, str(terms.total)) == ("Dinner", date(2026, 5, 1), "60.00 EUR")
    assert {person: str(paid) for person, paid in terms.payers.items()} == {"ana": "60.00 EUR"}
    assert isinstance(terms.split, Exact)
    assert {person: amount.decimal for person, amount in terms.split.amounts.items()} == {
        "ben": "20.00",
        "cleo": "20.00",
        "ana": "20.00",
    }


def test_several_payers_used_the_rest_in_proportion() -> None:
    """What the cost is above the open amounts, the payers used in proportion to what they are owed."""
    terms = only("2026-05-01,Hotel,Hotel,90.00,EUR,40.00,20.00,-60.00")
    assert {person: paid.decimal for person, paid in terms.payers.items()} == {"ana": "60.00", "ben": "30.00"}
    assert nets(terms) == {"ana": 4000, "ben": 2000, "cleo": -6000}


def test_a_refund_is_a_negative_bill() -> None:
    """A negative cost is money that came back: all amounts of the bill are negative, the nets are the file's."""
    terms = only("2026-05-01,Refund,Hotel,-60.00,EUR,-40.00,20.00,20.00")
    assert str(terms.total) == "-60.00 EUR"
    assert nets(terms) == {"ben": 2000, "cleo": 2000, "ana": -4000}


@pytest.mark.parametrize("cost", ["", "10.00"])
def test_a_cost_that_says_too_little_is_what_moves(cost: str) -> None:
    """Without a cost, or with one below what moves, the bill is as large as what moves."""
    assert str(only(f"2026-05-01,Taxi,Taxi,{cost},EUR,30.00,-30.00,0.00").total) == "30.00 EUR"


def test_rows_without_money_are_left_out_and_named() -> None:
    """An entry in which nobody is owed anything is no bill, and a note says which."""
    found = read("2026-05-01,Cards,Games,60.00,EUR,0.00,0.00,0.00", "2026-05-02,Taxi,Taxi,2,EUR,1,-1,0")
    assert [bill.row for bill in found.bills] == [4]
    assert "rows that move no whole minor unit and became no bill: 3" in found.notes


def test_a_long_description_is_kept_in_the_note() -> None:
    """A description that is too long for a title is cut there, and whole in the note."""
    text = "x" * 119 + "yz"
    terms = only(f"2026-05-01,{text},Food,2,EUR,1,-1,0")
    assert (len(terms.title), terms.title[-1], terms.note) == (120, "…", text)


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ("01.05.2026,Taxi,Taxi,2,EUR,1,-1,0", "Date", "01.05.2026"),
        ("2026-05-01,pay \u202eme,Taxi,2,EUR,1,-1,0", "title", "pay \u202eme"),
        ("2026-05-01,Taxi,Taxi,2,EUR,99999999999999,-99999999999999,0", "total", "99999999999999.00 EUR"),
    ],
)
def test_what_no_bill_can_be_is_refused_with_its_row(row: str, field: str, value: str) -> None:
    """A row that cannot become a bill is refused with its number, field and value."""
    with pytest.raises(BadRow) as refusal:
        read("2026-05-01,Dinner,Food,60.00,EUR,40.00,-20.00,-20.00", row)
    assert (refusal.value.row, refusal.value.field, refusal.value.value) == (4, field, value)


def test_the_rounding_of_entries_is_evened_out_once() -> None:
    """Thirds of a cent in many rows: every final net is the exact one rounded once, by one more bill."""
    rows = [f"2026-05-0{day},Tea {day},Food,0.01,EUR,0.006666667,-0.003333333,-0.003333334" for day in range(1, 7)]
    found = read(*rows)
    assert found.bills[-1].row is None
    assert found.bills[-1].terms.title == "Rounding of trip.csv"
    assert sums(found, EUR) == {"ana": 4, "ben": -2, "cleo": -2}
    (reconciled,) = found.reconciled
    assert {person: net.net_minor for person, net in reconciled.nets.items()} == sums(found, EUR)
    assert abs(reconciled.nets["ana"].difference) < Fraction(1)


def test_the_bundled_trip_is_billed_to_the_cent() -> None:
    """The bills of the bundled trip have the totals of its file; two rows in it move no money."""
    trip = read_splitwise((files("chainwallet.formats.examples") / "trip.csv").read_bytes(), "trip.csv")
    found = bills_of(trip, {name: f"m{index}" for index, name in enumerate(trip.people)}, "trip.csv", ROOT)
    assert len(found.bills) == len(trip.entries) - 2
    assert [bill.row for bill in found.bills if bill.row is None] == []
    for reconciled in found.reconciled:
        assert reconciled.totals is not None
        places = reconciled.currency.decimals
        billed = sums(found, reconciled.currency)
        assert {person: Decimal(minor).scaleb(-places) for person, minor in billed.items()} == reconciled.totals


CELLS = st.integers(-(10**6), 10**6)


@given(st.lists(st.tuples(CELLS, CELLS, st.integers(-(10**6), 10**6)), min_size=1, max_size=12), st.integers(0, 3))
def test_any_history_is_billed_to_its_rounded_nets(rows: list[tuple[int, int, int]], extra: int) -> None:
    """Whatever the parts of a unit, everyone's bills sum to their exact net, rounded once to a zero sum."""
    scale = EUR.decimals + extra
    entries = tuple(
        Entry(
            index + 3,
            "2026-05-01",
            "x",
            "y",
            Decimal(cost).scaleb(-2),
            EUR,
            tuple(Decimal(minor).scaleb(-scale) for minor in (first, second, -first - second)),
            is_payment=False,
        )
        for index, (first, second, cost) in enumerate(rows)
    )
    history = GroupHistory(("a", "b", "c"), entries, {}, (EUR,), ())
    found = bills_of(history, {"a": "a", "b": "b", "c": "c"}, "f", ROOT)
    (reconciled,) = found.reconciled
    billed = sums(found, EUR)
    assert {person: billed.get(person, 0) for person in "abc"} == {
        person: net.net_minor for person, net in reconciled.nets.items()
    }
    assert sum(billed.values()) == 0
