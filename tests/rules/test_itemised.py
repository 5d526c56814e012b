"""Itemised bills are exact to the end, and rounded once."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from chainwallet.errors import BadValue, CurrencyMismatch
from chainwallet.rules.itemised import (
    MAX_ITEMS,
    Extra,
    Item,
    Itemised,
    exact_shares,
    item_for,
    itemised_shares,
    itemised_total,
)
from chainwallet.rules.money import Money, currency_of, parse_money

EUR, JPY = currency_of("EUR"), currency_of("JPY")
LINEAGE = b"bill-1"


def eur(text: str) -> Money:
    return parse_money(text, EUR)


def shares_of(total: str, split: Itemised) -> dict[str, str]:
    return {person: Money(share, EUR).decimal for person, share in itemised_shares(eur(total), split, LINEAGE).items()}


def refusal(total: str, split: Itemised) -> BadValue:
    with pytest.raises(BadValue) as refused:
        itemised_shares(eur(total), split, LINEAGE)
    return refused.value


PIZZA = item_for("Pizza", eur("12.50"), "Ana")
WINE = item_for("Wine", eur("7.00"), "Ana", "Bob", "Eve", quantity=3)
SOUP = item_for("Soup", eur("5.00"), "Bob")


def test_everyone_owes_what_they_had() -> None:
    """An item is owed by its people, equally or by weights, as often as it was ordered."""
    assert shares_of("38.50", Itemised((PIZZA, WINE, SOUP))) == {"Ana": "19.50", "Bob": "12.00", "Eve": "7.00"}
    cake = Item("Cake", eur("9.00"), {"Ana": Decimal("0.5"), "Bob": Fraction(1)})
    assert shares_of("9.00", Itemised((cake,))) == {"Ana": "3.00", "Bob": "6.00"}


def test_extras_are_in_proportion_or_equal() -> None:
    """Tax, tip, service charge and discount are spread in proportion to the items or equally, each as it says."""
    split = Itemised((PIZZA, WINE, SOUP))
    tipped = replace(split, tip=Extra(10))
    assert shares_of("42.35", tipped) == {"Ana": "21.45", "Bob": "13.20", "Eve": "7.70"}
    equally = replace(split, tip=Extra(eur("3.00"), "equal"))
    assert shares_of("41.50", equally) == {"Ana": "20.50", "Bob": "13.00", "Eve": "8.00"}
    # 1.3 times what they had (tax 20 %, service 10 %), and a third each of a tip of 3.85 less a discount of 0.85
    all_four = Itemised(
        split.items,
        tax=Extra(20),
        service=Extra(eur("3.85")),
        tip=Extra(10, "equal"),
        discount=Extra(eur("0.85"), "equal"),
    )
    assert itemised_total(all_four, EUR) == eur("53.05")
    assert shares_of("53.05", all_four) == {"Ana": "26.35", "Bob": "16.60", "Eve": "10.10"}


def test_percentages_are_of_the_subtotal() -> None:
    """No extra is taken of another one: each percentage is of items and rest."""
    split = Itemised((item_for("Menu", eur("100"), "Ana"),), tax=Extra(10), tip=Extra(10), discount=Extra(10))
    assert itemised_total(split, EUR) == eur("110")


def test_the_rest_is_divided_equally() -> None:
    """What of the total no item covers is divided equally among those named, and the extras are of it too."""
    split = Itemised((PIZZA,), rest=("Bob", "Eve"))
    assert shares_of("32.50", split) == {"Ana": "12.50", "Bob": "10.00", "Eve": "10.00"}
    tipped = replace(split, tip=Extra(10))
    assert shares_of("35.75", tipped) == {"Ana": "13.75", "Bob": "11.00", "Eve": "11.00"}
    assert shares_of("12.50", split) == {"Ana": "12.50", "Bob": "0.00", "Eve": "0.00"}
    assert shares_of("10.00", Itemised((), rest=("Bob", "Eve"))) == {"Bob": "5.00", "Eve": "5.00"}


def test_parts_of_cents_are_rounded_once() -> None:
    """Shares of a third and a half of a cent are kept as they are until the end."""
    split = Itemised((item_for("Tea", eur("0.01"), "Ana", "Bob", "Eve"),) * 3, tip=Extra(50))
    exact = exact_shares(eur("0.04"), split)
    assert {Fraction(part, exact.denominator) for part in exact.parts.values()} == {Fraction(3, 2)}
    assert sorted(shares_of("0.04", split).values()) == ["0.01", "0.01", "0.02"]


def test_a_total_with_parts_of_a_cent_may_be_rounded_either_way() -> None:
    """Where percentages give parts of a cent, a derived total is the nearest one; a stated one may be either."""
    split = Itemised((item_for("Tea", eur("0.10"), "Ana"), item_for("Pie", eur("0.05"), "Bob")), tax=Extra(10))
    assert itemised_total(split, EUR) == eur("0.17")
    assert shares_of("0.17", split) == {"Ana": "0.11", "Bob": "0.06"}
    assert shares_of("0.16", split) == {"Ana": "0.11", "Bob": "0.05"}
    off = refusal("0.18", split)
    assert (off.field, off.expected) == ("total", "0.165 EUR, the sum of items and extras; 0.015 EUR is too much")


def test_a_half_is_rounded_away_from_zero() -> None:
    """The derived total of a refund is the negative of the bill's."""
    bill = Itemised((item_for("Tea", eur("0.15"), "Ana"),), tax=Extra(10))
    refund = Itemised((item_for("Tea", eur("-0.15"), "Ana"),), tax=Extra(10))
    assert (itemised_total(bill, EUR), itemised_total(refund, EUR)) == (eur("0.17"), eur("-0.17"))


def test_a_stated_total_is_the_sum() -> None:
    """A total that is not the sum of items and extras is refused with the difference."""
    split = Itemised((PIZZA, WINE), tip=Extra(eur("2")))
    off = refusal("35.00", split)
    assert (off.field, off.value) == ("total", "35.00 EUR")
    assert off.expected == "35.50 EUR, the sum of items and extras; 0.50 EUR is missing"
    assert refusal("36.00", split).expected.endswith("0.50 EUR is too much")
    less = refusal("35.00", replace(split, rest=("Bob",)))
    assert less.field == "total"
    assert "0.50 EUR is missing" in less.expected


@pytest.mark.parametrize(
    ("split", "field", "value"),
    [
        (Itemised(()), "people", 0),
        (Itemised((PIZZA,), rest=("Bob", "Eve", "Bob")), "people", "Bob"),
        (Itemised((PIZZA,) * (MAX_ITEMS + 1)), "items", MAX_ITEMS + 1),
        (Itemised((PIZZA, item_for("Air", eur("1")))), "items.1.people", 0),
        (Itemised((replace(WINE, quantity=0),)), "items.0.quantity", 0),
        (Itemised((replace(WINE, quantity=10_001),)), "items.0.quantity", 10_001),
        (Itemised((item_for("Bottle", eur("-1"), "Ana"),)), "items.0.price", "-1.00 EUR"),
        (Itemised((Item("Tea", eur("1"), {"Ana": 1, "Bob": 0}),)), "items.0.people.Bob", "0"),
        (Itemised((Item("Tea", eur("1"), {"Ana": -1}),)), "items.0.people.Ana", "-1"),
        (Itemised((PIZZA,), tip=Extra(eur("-1"))), "tip", "-1.00 EUR"),
        (Itemised((PIZZA,), tip=Extra(-1)), "tip", "-1"),
        (Itemised((PIZZA,), tax=Extra(Decimal("1000.5"))), "tax", "1000.5"),
        (Itemised((PIZZA,), discount=Extra(101)), "discount", "101"),
        (Itemised((PIZZA,), rest=("Bob",), discount=Extra(100)), "discount", "100 percent"),
        (Itemised((PIZZA, SOUP), discount=Extra(eur("14"), "equal"), tip=Extra(eur("6.50"))), "discount", "14.00 EUR"),
    ],
)
def test_bad_items_and_extras_name_their_field(split: Itemised, field: str, value: object) -> None:
    """Nobody, too many, negative tips, empty weights and a discount beyond what somebody had are refused by name."""
    refused = refusal("10.00", split)
    assert (refused.field, refused.value) == (field, value)


def test_a_too_large_discount_says_how_much() -> None:
    """The error of a discount that leaves somebody below zero says by how much, and who."""
    split = Itemised((PIZZA, SOUP), discount=Extra(eur("11"), "equal"))
    assert refusal("6.50", split).expected == "no more than what Bob owes without it; 0.50 EUR is too much"
    with pytest.raises(BadValue, match="discount"):
        itemised_total(Itemised((SOUP,), discount=Extra(eur("6"))), EUR)


def test_weights_too_fine_to_compute_with_are_refused() -> None:
    """Weights that together would make the exact shares too long are refused at once."""
    fine = Item("Tea", eur("1"), {f"m{index}": Fraction(1, 10**39 + index) for index in range(50)})
    refused = refusal("1.00", Itemised((PIZZA, fine)))
    assert (refused.field, refused.value) == ("items.1.people", 50)


def test_nothing_to_be_in_proportion_to() -> None:
    """An extra in proportion to items that cost nothing is refused; a percentage of them is nothing."""
    free = Itemised((item_for("Water", eur("0"), "Ana", "Bob"),))
    assert refusal("1.00", replace(free, tip=Extra(eur("1")))).field == "items"
    assert shares_of("0.00", replace(free, tip=Extra(10))) == {"Ana": "0.00", "Bob": "0.00"}
    assert shares_of("1.00", replace(free, tip=Extra(eur("1"), "equal"))) == {"Ana": "0.50", "Bob": "0.50"}


def test_a_rest_needs_a_stated_total() -> None:
    """The total of a bill with a rest cannot be derived."""
    with pytest.raises(BadValue) as refused:
        itemised_total(Itemised((PIZZA,), rest=("Bob",)), EUR)
    assert refused.value.field == "total"


def test_one_currency() -> None:
    """Items and extras in another currency than the bill's are refused."""
    for split in (Itemised((item_for("Tea", Money(1, JPY), "Ana"),)), Itemised((PIZZA,), tip=Extra(Money(1, JPY)))):
        with pytest.raises(CurrencyMismatch):
            itemised_shares(eur("12.50"), split, LINEAGE)
