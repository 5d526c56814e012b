"""A bill is split in five ways; its shares sum to the total and its nets to zero."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import BadValue, CurrencyMismatch
from chainwallet.rules.money import Money, currency_of, parse_money
from chainwallet.rules.number import Number
from chainwallet.rules.split import Adjustments, BillLine, Equal, Exact, Percent, Shares, Split, split_bill

EUR, JPY = currency_of("EUR"), currency_of("JPY")
LINEAGE = b"bill-1"

people_lists = st.lists(st.text(max_size=5), min_size=1, max_size=7, unique=True)
numbers = st.fractions(min_value=0, max_value=100, max_denominator=20)


def eur(text: str) -> Money:
    return parse_money(text, EUR)


def lines_of(total: str, split: Split, **paid: str) -> dict[str, tuple[str, str, str]]:
    payers = {person: eur(amount) for person, amount in paid.items()}
    lines = split_bill(eur(total), split, payers, LINEAGE)
    return {line.person: (line.share.decimal, line.paid.decimal, line.net.decimal) for line in lines}


def shares_of(total: str, split: Split) -> dict[str, str]:
    return {
        person: share for person, (share, _, net) in lines_of(total, split, Payer=total).items() if person != "Payer"
    }


def refusal(total: str, split: Split, **paid: str) -> tuple[str, object]:
    with pytest.raises(BadValue) as refused:
        lines_of(total, split, **(paid or {"Ana": total}))
    return refused.value.field, refused.value.value


@st.composite
def cut(draw: st.DrawFn, total: int, people: list[str]) -> dict[str, Money]:
    """``total`` cut into one part for each of ``people``, all of the sign of ``total``."""
    bounds = st.integers(min_value=min(0, total), max_value=max(0, total))
    marks = sorted(draw(st.lists(bounds, min_size=len(people) - 1, max_size=len(people) - 1)), reverse=total < 0)
    ends = zip([0, *marks], [*marks, total], strict=True)
    return {person: Money(end - start, EUR) for person, (start, end) in zip(people, ends, strict=True)}


@st.composite
def splits(draw: st.DrawFn, total: int) -> Split:
    people = draw(people_lists)
    weights: dict[str, Number] = {person: draw(numbers) for person in people}
    weights[people[0]] = weights[people[0]] or 1
    whole = sum((Fraction(weight) for weight in weights.values()), Fraction(0))
    percentages: dict[str, Number] = {person: Fraction(weight) * 100 / whole for person, weight in weights.items()}
    adjusted = draw(cut(total, [*people, "the equal part"]))
    del adjusted["the equal part"]
    kinds: list[Split] = [
        Equal(tuple(people)),
        Exact(draw(cut(total, people))),
        Percent(percentages),
        Shares(weights),
        Adjustments(tuple(people), adjusted),
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def bills(draw: st.DrawFn) -> tuple[Money, Split, dict[str, Money]]:
    total = draw(st.integers(min_value=-(10**9), max_value=10**9))
    return Money(total, EUR), draw(splits(total)), draw(cut(total, draw(people_lists)))


def negative(split: Split) -> Split:
    match split:
        case Exact(amounts):
            return Exact({person: -amount for person, amount in amounts.items()})
        case Adjustments(people, amounts):
            return Adjustments(people, {person: -amount for person, amount in amounts.items()})
        case _:
            return split


@settings(max_examples=60, deadline=None)
@given(bills(), st.binary(max_size=8))
def test_shares_sum_to_the_total_and_nets_to_zero(bill: tuple[Money, Split, dict[str, Money]], lineage: bytes) -> None:
    """However a bill is split and paid, shares and payments sum to the total, nets to zero, each person once."""
    total, split, payers = bill
    lines = split_bill(total, split, payers, lineage)
    zero = Money.zero(EUR)
    assert sum((line.share for line in lines), zero) == total
    assert sum((line.paid for line in lines), zero) == total
    assert sum((line.net for line in lines), zero) == zero
    assert all(line.net == line.paid - line.share for line in lines)
    assert len({line.person for line in lines}) == len(lines)
    assert {line.person: line.paid for line in lines if line.person in payers} == payers


@settings(max_examples=60, deadline=None)
@given(bills())
def test_no_share_is_of_the_other_sign(bill: tuple[Money, Split, dict[str, Money]]) -> None:
    """Every share lies between zero and the total."""
    total, split, payers = bill
    low, high = sorted([Money.zero(EUR), total])
    assert all(low <= line.share <= high for line in split_bill(total, split, payers, LINEAGE))


@settings(max_examples=60, deadline=None)
@given(bills())
def test_a_refund_is_split_as_the_bill(bill: tuple[Money, Split, dict[str, Money]]) -> None:
    """A refund of the whole bill is exactly its negative, for everyone."""
    total, split, payers = bill
    refund = split_bill(-total, negative(split), {payer: -paid for payer, paid in payers.items()}, LINEAGE)
    bill_lines = split_bill(total, split, payers, LINEAGE)
    assert refund == tuple(BillLine(line.person, -line.share, -line.paid, -line.net) for line in bill_lines)


@given(people_lists, st.integers(min_value=0, max_value=10**9), st.randoms())
def test_the_order_of_people_moves_no_cent(people: list[str], total: int, random: Random) -> None:
    """Listing the people in another order gives each the same share."""
    shuffled = sorted(people, key=lambda _: random.random())
    payers = {"Ana": Money(total, EUR)}
    first = split_bill(Money(total, EUR), Equal(tuple(people)), payers, LINEAGE)
    second = split_bill(Money(total, EUR), Equal(tuple(shuffled)), payers, LINEAGE)
    assert set(first) == set(second)


def test_equal_shares_differ_by_at_most_a_cent() -> None:
    """Ten euros among three people are two shares of 3.33 and one of 3.34."""
    shares = shares_of("10.00", Equal(("Ana", "Bob", "Eve")))
    assert sorted(shares.values()) == ["3.33", "3.33", "3.34"]


def test_exact_shares_are_taken_as_stated() -> None:
    """Exact amounts are the shares, zero included."""
    split = Exact({"Ana": eur("7.50"), "Bob": eur("2.50"), "Eve": eur("0")})
    assert shares_of("10.00", split) == {"Ana": "7.50", "Bob": "2.50", "Eve": "0.00"}


def test_percentages_are_exact() -> None:
    """Percentages are read as decimals or fractions, without rounding before the one division."""
    assert shares_of("9.99", Percent({"Ana": Decimal("33.3"), "Bob": Decimal("66.7")})) == {
        "Ana": "3.33",
        "Bob": "6.66",
    }
    thirds: dict[str, Number] = {"Ana": Fraction(100, 3), "Bob": Fraction(200, 3)}
    assert shares_of("9.99", Percent(thirds)) == {"Ana": "3.33", "Bob": "6.66"}


def test_weights_are_proportions() -> None:
    """Weights divide in proportion: two nights pay twice as much as one, and none pays nothing."""
    assert shares_of("90", Shares({"Ana": 2, "Bob": 1, "Eve": 0})) == {"Ana": "60.00", "Bob": "30.00", "Eve": "0.00"}
    halves: dict[str, Number] = {"Ana": Decimal("1.5"), "Bob": Fraction(1, 2)}
    assert shares_of("8", Shares(halves)) == {"Ana": "6.00", "Bob": "2.00"}


def test_adjustments_are_on_top_of_equal_shares() -> None:
    """An adjustment is paid on top of the equal share of what the adjustments leave."""
    split = Adjustments(("Ana", "Bob", "Eve"), {"Ana": eur("4"), "Bob": eur("-1")})
    assert shares_of("30", split) == {"Ana": "13.00", "Bob": "8.00", "Eve": "9.00"}


def test_an_adjustment_may_exceed_the_rest_while_no_share_is_negative() -> None:
    """Adjustments may sum to more than the bill as long as nobody's share falls below zero."""
    split = Adjustments(("Ana", "Bob", "Eve"), {"Ana": eur("12"), "Bob": eur("1"), "Eve": eur("1")})
    assert shares_of("11", split) == {"Ana": "11.00", "Bob": "0.00", "Eve": "0.00"}


def test_several_payers_and_one_who_does_not_take_part() -> None:
    """Several people may pay, also one who has no share: the lines show share, payment and net of each."""
    assert lines_of("30", Equal(("Ana", "Bob")), Bob="10", Eve="20") == {
        "Ana": ("15.00", "0.00", "-15.00"),
        "Bob": ("15.00", "10.00", "-5.00"),
        "Eve": ("0.00", "20.00", "20.00"),
    }


def test_a_bill_of_zero_moves_nothing() -> None:
    """A bill of zero has only zero shares, and needs no payer."""
    assert lines_of("0", Equal(("Ana", "Bob"))) == {"Ana": ("0.00",) * 3, "Bob": ("0.00",) * 3}
    assert refusal("0", Exact({"Ana": eur("5"), "Bob": eur("-5")})) == ("exact.Ana", "5.00 EUR")


NOBODY: list[Split] = [Equal(()), Exact({}), Percent({}), Shares({}), Adjustments((), {})]


@pytest.mark.parametrize("split", NOBODY)
def test_a_bill_needs_people(split: Split) -> None:
    """A bill in which nobody takes part is refused."""
    assert refusal("10", split) == ("people", 0)


@pytest.mark.parametrize("split", [Equal(("Ana", "Bob", "Ana")), Adjustments(("Ana", "Bob", "Ana"), {})])
def test_each_person_takes_part_once(split: Split) -> None:
    """A person who is named twice is refused by name."""
    assert refusal("10", split) == ("people", "Ana")


@pytest.mark.parametrize(
    ("split", "field", "value"),
    [
        (Exact({"Ana": eur("5"), "Bob": eur("4.99")}), "exact", "9.99 EUR"),
        (Exact({"Ana": eur("10.01"), "Bob": eur("-0.01")}), "exact.Ana", "10.01 EUR"),
        (Exact({"Bob": eur("-0.01"), "Ana": eur("10.01")}), "exact.Bob", "-0.01 EUR"),
        (Percent({"Ana": 50, "Bob": Decimal("49.99")}), "percent", "99.99"),
        (Percent({"Ana": Fraction(100, 3), "Bob": Fraction(100, 3)}), "percent", "200/3"),
        (Percent({"Ana": 101, "Bob": -1}), "percent.Bob", "-1"),
        (Percent({"Ana": Decimal("NaN")}), "percent.Ana", "NaN"),
        (Percent({"Ana": Decimal("Infinity")}), "percent.Ana", "Infinity"),
        (Shares({"Ana": 2, "Bob": Decimal("-0.5")}), "shares.Bob", "-0.5"),
        (Shares({"Ana": Decimal("1E+999999999")}), "shares.Ana", "1E+999999999"),
        (Shares({"Ana": 0, "Bob": Fraction(0)}), "shares", "0"),
        (Adjustments(("Ana", "Bob"), {"Eve": eur("1")}), "adjustments.Eve", "1.00 EUR"),
        (Adjustments(("Ana", "Bob"), {"Bob": eur("-10.01")}), "adjustments.Bob", "-10.01 EUR"),
        (Adjustments(("Ana", "Bob"), {"Ana": eur("11")}), "adjustments.Bob", "0.00 EUR"),
    ],
)
def test_bad_splits_name_the_field_and_the_value(split: Split, field: str, value: str) -> None:
    """A split that does not add up, or is negative, is refused with the field and the value."""
    assert refusal("10", split) == (field, value)


def test_a_refund_has_no_positive_share() -> None:
    """In a refund nobody owes anything: a share above zero is refused."""
    assert refusal("-10", Exact({"Ana": eur("1"), "Bob": eur("-11")})) == ("exact.Ana", "1.00 EUR")
    assert refusal("-10", Adjustments(("Ana", "Bob"), {"Bob": eur("11")})) == ("adjustments.Bob", "11.00 EUR")


def test_a_refused_adjustment_states_the_limit() -> None:
    """The error of a too large reduction says how far it may go."""
    split = Adjustments(("Ana", "Bob"), {"Bob": eur("-12")})
    with pytest.raises(BadValue, match=r"at least -11\.00 EUR"):
        lines_of("10", split, Ana="10")


def test_payments_sum_to_the_bill() -> None:
    """Payments that do not sum to the total, or are of the other sign, are refused."""
    both = Equal(("Ana", "Bob"))
    assert refusal("10", both, Ana="5", Bob="4") == ("payers", "9.00 EUR")
    assert refusal("10", both, Bob="-1", Ana="11") == ("payers.Bob", "-1.00 EUR")
    assert refusal("-10", both, Ana="10") == ("payers.Ana", "10.00 EUR")
    with pytest.raises(BadValue) as refused:
        split_bill(eur("10"), both, {}, LINEAGE)
    assert (refused.value.field, refused.value.value) == ("payers", "0.00 EUR")


@pytest.mark.parametrize("split", [Exact({"Ana": Money(1000, JPY)}), Adjustments(("Ana",), {"Ana": Money(1, JPY)})])
def test_a_bill_has_one_currency(split: Split) -> None:
    """Amounts and payments in another currency than the bill's are refused."""
    with pytest.raises(CurrencyMismatch):
        lines_of("10", split, Ana="10")
    with pytest.raises(CurrencyMismatch):
        split_bill(eur("10"), Equal(("Ana",)), {"Ana": Money(1000, JPY)}, LINEAGE)
