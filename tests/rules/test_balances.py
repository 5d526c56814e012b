"""Balances name the bills behind every line, and say them in plain words."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.rules.balances import Balances, OpenDebts, PairBalance, balances_of, in_words
from chainwallet.rules.debts import Debt, debts_of_nets, nets_of
from chainwallet.rules.money import currency_of

EUR, JPY = currency_of("EUR"), currency_of("JPY")
NAMES = {"a": "Ana", "b": "Bo", "e": "Eve"}

HOTEL = OpenDebts("hotel", EUR, (Debt("a", "b", 2_000), Debt("e", "b", 2_000)))
TAXI = OpenDebts("taxi", EUR, (Debt("b", "a", 760),))
SUSHI = OpenDebts("sushi", JPY, (Debt("b", "a", 3_000),))


def test_balances_by_example() -> None:
    """Each currency has its own balances: nets, and for each pair who owes whom, with the bills behind it."""
    euro, yen = balances_of([HOTEL, SUSHI, TAXI])
    assert euro == Balances(
        EUR,
        {"a": -1_240, "b": 3_240, "e": -2_000},
        (
            PairBalance("a", "b", 1_240, (("hotel", 2_000), ("taxi", -760))),
            PairBalance("e", "b", 2_000, (("hotel", 2_000),)),
        ),
    )
    assert yen == Balances(JPY, {"a": 3_000, "b": -3_000}, (PairBalance("b", "a", 3_000, (("sushi", 3_000),)),))
    assert euro.of("a") == (euro.pairs[0],)
    assert euro.of("nobody") == ()
    assert balances_of([]) == ()


@settings(max_examples=30)
@given(st.integers(0, 2**32).map(Random))
def test_balances_are_what_the_debts_say(dice: Random) -> None:
    """Nets are those of all debts together, each pair's amount is the sum of its bills, and no bill is left out."""
    bills = []
    for number in range(dice.randint(0, 8)):
        nets = {person: dice.randint(-500, 500) for person in "abcde"}
        bills.append(OpenDebts(str(number), EUR, debts_of_nets({**nets, "z": -sum(nets.values())})))
    debts = [debt for bill in bills for debt in bill.debts]
    for balances in balances_of(bills):
        assert balances.nets == nets_of(debts)
        assert sum(len(pair.behind) for pair in balances.pairs) == len(debts)
        for pair in balances.pairs:
            assert sum(amount for _, amount in pair.behind) == pair.amount_minor >= 0
            assert pair.amount_minor or pair.debtor < pair.creditor


@pytest.mark.parametrize(
    ("viewer", "words"),
    [
        ("a", "you owe Bo 12.40: hotel 20.00, minus your taxi 7.60"),
        ("b", "Ana owes you 12.40: hotel 20.00, minus Ana's taxi 7.60"),
        ("e", "Ana owes Bo 12.40: hotel 20.00, minus Ana's taxi 7.60"),
    ],
)
def test_a_balance_in_words(viewer: str, words: str) -> None:
    """A balance is said to each as they would say it, with what adds to it and what takes away from it."""
    (balances,) = balances_of([HOTEL, TAXI])
    assert in_words(balances.pairs[0], EUR, viewer, NAMES, {"hotel": "hotel", "taxi": "taxi"}) == words


@pytest.mark.parametrize(
    ("viewer", "words"),
    [
        ("a", "you and Bo are even: lunch 5.00, minus your tea 2.00, your pie 3.00"),
        ("b", "you and Ana are even: lunch 5.00, minus Ana's tea 2.00, Ana's pie 3.00"),
        ("e", "Ana and Bo are even: lunch 5.00, minus Ana's tea 2.00, Ana's pie 3.00"),
    ],
)
def test_two_who_are_even(viewer: str, words: str) -> None:
    """Two whose bills cancel out are even, and the bills are still said."""
    even = PairBalance("a", "b", 0, (("lunch", 500), ("tea", -200), ("pie", -300)))
    assert in_words(even, EUR, viewer, NAMES, {name: name for name, _ in even.behind}) == words


def test_many_bills_are_cut() -> None:
    """Of many bills the six largest are named, in their order, and the others are counted; long titles are cut."""
    behind = tuple((f"b{number}", number * 100) for number in range(1, 19))
    titles = {bill: bill for bill, _ in behind} | {"b18": "x" * 60}
    many = PairBalance("a", "b", 17_100, behind)
    assert in_words(many, EUR, "a", NAMES, titles) == (
        f"you owe Bo 171.00: b13 13.00, b14 14.00, b15 15.00, b16 16.00, b17 17.00, {'x' * 39}… 18.00 and 12 more"
    )
    seven = PairBalance("a", "b", 2_800, behind[:7])
    assert in_words(seven, EUR, "a", NAMES, titles).endswith("b6 6.00, b7 7.00")
