"""Money is divided once, exactly, and a tie falls the same way whatever the order of the people."""

import itertools
from fractions import Fraction
from math import floor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import keccak256
from chainwallet.rules.apportion import RoundedNet, largest_remainder, round_to_zero_sum

names = st.text(max_size=6)
totals = st.integers(min_value=-(10**12), max_value=10**12)
lineages = st.binary(max_size=8)
fractions = st.fractions(min_value=0, max_value=1000, max_denominator=60)
weights = st.dictionaries(names, fractions, min_size=1, max_size=9).filter(lambda w: any(w.values()))
exact_nets = st.dictionaries(names, st.fractions(min_value=-1000, max_value=1000, max_denominator=60), max_size=9)


def zero_sum(nets: dict[str, Fraction]) -> dict[str, Fraction]:
    return {**nets, "the last one": -sum(nets.values(), Fraction(0))}


@given(totals, weights, lineages)
def test_shares_sum_to_the_total(total: int, weights: dict[str, Fraction], lineage: bytes) -> None:
    """Shares sum to the total for any total, weights and lineage."""
    shares = largest_remainder(total, weights, lineage)
    assert sum(shares.values()) == total
    assert list(shares) == list(weights)


@given(totals, weights, lineages)
def test_shares_are_the_exact_ones_rounded(total: int, weights: dict[str, Fraction], lineage: bytes) -> None:
    """Nobody's share is a whole unit or more away from the exact proportion."""
    whole = sum(weights.values())
    for person, share in largest_remainder(total, weights, lineage).items():
        assert abs(share - total * weights[person] / whole) < 1


@given(totals, weights, lineages)
def test_larger_remainders_are_served_first(total: int, weights: dict[str, Fraction], lineage: bytes) -> None:
    """Whoever was rounded up had at least the remainder of everyone who was rounded down."""
    size, whole = abs(total), sum(weights.values())
    shares = largest_remainder(size, weights, lineage)
    exact = {person: size * weight / whole for person, weight in weights.items()}
    up = [exact[person] % 1 for person in weights if shares[person] > exact[person]]
    down = [exact[person] % 1 for person in weights if shares[person] < exact[person]]
    assert not up or not down or min(up) >= max(down)


@given(totals, weights, lineages)
def test_a_refund_is_the_negative_of_the_bill(total: int, weights: dict[str, Fraction], lineage: bytes) -> None:
    """The shares of the negative total are exactly the negative shares."""
    shares = largest_remainder(total, weights, lineage)
    assert largest_remainder(-total, weights, lineage) == {person: -share for person, share in shares.items()}


@given(totals, weights, lineages, st.randoms(), st.fractions(min_value="1/9", max_value=9))
def test_order_and_scale_of_weights_change_nothing(
    total: int, weights: dict[str, Fraction], lineage: bytes, random: Random, scale: Fraction
) -> None:
    """Listing the people in another order, or scaling all weights, moves no unit."""
    people = sorted(weights, key=lambda _: random.random())
    shuffled = {person: weights[person] * scale for person in people}
    assert largest_remainder(total, shuffled, lineage) == largest_remainder(total, weights, lineage)


@given(st.sets(names, min_size=2, max_size=9), lineages)
def test_a_tie_goes_to_the_lower_hash(people: set[str], lineage: bytes) -> None:
    """A single unit among equals goes to the lowest keccak256 of lineage and name."""
    winner = min(people, key=lambda person: keccak256(lineage + person.encode()))
    assert largest_remainder(1, dict.fromkeys(people, 1), lineage) == {
        person: int(person == winner) for person in people
    }


def test_the_tie_is_pinned() -> None:
    """Ten cents among three people of the bill "bill-1" fall as they fell in the first release."""
    assert largest_remainder(10, dict.fromkeys(["Ana", "Bob", "Eve"], 1), b"bill-1") == {"Ana": 3, "Bob": 3, "Eve": 4}


def test_the_luck_of_the_tie_differs_from_bill_to_bill() -> None:
    """Over many bills the spare unit does not always go to the same person."""
    lucky = {
        person
        for bill in range(64)
        for person, share in largest_remainder(1, {"Ana": 1, "Bob": 1}, b"bill-%d" % bill).items()
        if share == 1
    }
    assert lucky == {"Ana", "Bob"}


@pytest.mark.parametrize("weights", [{}, {"Ana": Fraction(0)}])
def test_weights_without_a_sum_are_refused(weights: dict[str, Fraction]) -> None:
    """Nothing can be divided over nobody, or over weights of zero."""
    with pytest.raises(BadValue) as refused:
        largest_remainder(10, weights, b"")
    assert refused.value.field == "weights"


def test_negative_weights_are_refused_by_name() -> None:
    """A weight below zero is refused and names the person."""
    with pytest.raises(BadValue) as refused:
        largest_remainder(10, {"Ana": Fraction(2), "Bob": Fraction(-1, 2)}, b"")
    assert (refused.value.field, refused.value.value) == ("weights.Bob", "-1/2")


def test_names_that_utf8_cannot_write_are_refused() -> None:
    """A name with half a surrogate pair is refused as a value, not by a codec error."""
    with pytest.raises(BadValue) as refused:
        largest_remainder(10, {"\ud800": 1}, b"")
    assert refused.value.field == "people"


@given(exact_nets.map(zero_sum), lineages)
def test_zero_sum_nets_move_by_less_than_a_unit(nets: dict[str, Fraction], lineage: bytes) -> None:
    """Nets that sum to zero are rounded to whole nets that sum to zero, and nobody moves by a unit or more."""
    rounded = round_to_zero_sum(nets, lineage)
    assert list(rounded) == list(nets)
    assert sum(net.net_minor for net in rounded.values()) == 0
    assert all(abs(net.difference) < 1 for net in rounded.values())
    assert all(net.exact_minor == nets[person] for person, net in rounded.items())
    assert all(net.net_minor == net.exact_minor + net.difference for net in rounded.values())


@given(exact_nets, lineages)
def test_nets_with_a_gap_still_round_to_zero(nets: dict[str, Fraction], lineage: bytes) -> None:
    """Nets that miss zero by less than a unit per person sum to zero after rounding; a larger gap is refused."""
    gap = sum(nets.values(), Fraction(0))
    if nets and abs(gap) >= len(nets):
        with pytest.raises(BadValue) as refused:
            round_to_zero_sum(nets, lineage)
        assert (refused.value.field, refused.value.value) == ("nets", str(gap))
        return
    rounded = round_to_zero_sum(nets, lineage)
    assert sum(net.net_minor for net in rounded.values()) == 0
    assert sum((net.difference for net in rounded.values()), Fraction(0)) == -gap
    assert all(abs(net.difference) < 1 + abs(gap) / len(nets) for net in rounded.values())


def test_a_gap_of_a_unit_per_person_is_refused() -> None:
    """A gap of exactly one minor unit per person is refused, anything below is rounded away."""
    with pytest.raises(BadValue, match="less than 2 minor units"):
        round_to_zero_sum({"Ana": Fraction(3, 2), "Bob": Fraction(1, 2)}, b"")
    assert sum(net.net_minor for net in round_to_zero_sum({"Ana": 1, "Bob": 0}, b"").values()) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fractions(-9, 9, max_denominator=12), max_size=2), st.integers(-11, 11))
def test_no_other_rounding_is_nearer(first_nets: list[Fraction], gap_twelfths: int) -> None:
    """No other whole nets with sum zero are nearer to the exact ones, by the largest or by the squared difference."""
    people = len(first_nets) + 1
    gap = Fraction(gap_twelfths * people, 12)
    nets = [*first_nets, gap - sum(first_nets, Fraction(0))]
    rounded = round_to_zero_sum({f"person {index}": net for index, net in enumerate(nets)}, b"").values()
    moves = [abs(net.difference) for net in rounded]
    around = itertools.product(*(range(floor(net) - 2, floor(net) + 4) for net in nets[:-1]))
    others = [[abs(net - whole) for net, whole in zip(nets, (*first, -sum(first)), strict=True)] for first in around]
    assert max(moves) == min(max(other) for other in others)
    assert sum(move**2 for move in moves) == min(sum(move**2 for move in other) for other in others)


@given(st.dictionaries(names, st.integers(min_value=-(10**9), max_value=10**9), max_size=9), lineages)
def test_whole_nets_stay_as_they_are(nets: dict[str, int], lineage: bytes) -> None:
    """Whole nets that sum to zero are not touched."""
    whole = {**nets, "the last one": 0}
    whole["the last one"] = -sum(whole.values())
    assert {person: net.net_minor for person, net in round_to_zero_sum(whole, lineage).items()} == whole


@pytest.mark.parametrize(
    ("nets", "expected"),
    [
        ({"Ana": Fraction(1, 3), "Bob": Fraction(2, 3), "Eve": Fraction(-1)}, {"Ana": 0, "Bob": 1, "Eve": -1}),
        ({"Ana": Fraction(21, 10), "Bob": Fraction(-1)}, {"Ana": 2, "Bob": -2}),
        ({"Ana": Fraction(-21, 10), "Bob": Fraction(1)}, {"Ana": -2, "Bob": 2}),
        ({"Ana": Fraction(2, 5)}, {"Ana": 0}),
        ({}, {}),
    ],
)
def test_rounding_by_example(nets: dict[str, Fraction], expected: dict[str, int]) -> None:
    """The largest remainders are rounded up; where the sum misses zero, whoever is nearest moves."""
    assert {person: net.net_minor for person, net in round_to_zero_sum(nets, b"").items()} == expected


@given(exact_nets.map(zero_sum), lineages)
def test_rounding_ignores_the_order(nets: dict[str, Fraction], lineage: bytes) -> None:
    """Listing the people in another order rounds nobody differently."""
    assert round_to_zero_sum(dict(reversed(nets.items())), lineage) == round_to_zero_sum(nets, lineage)


def test_the_difference_favours_who_is_rounded_up() -> None:
    """A difference is positive for whoever gains by the rounding."""
    assert RoundedNet(Fraction(1, 3), 1).difference == Fraction(2, 3)
