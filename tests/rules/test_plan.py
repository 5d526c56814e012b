"""A plan takes a whole group to zero, each person at most once and on one side only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.plan import Plan, PlanLeg, plan_of

EUR = currency_of("EUR")


def balanced(nets: dict[str, int]) -> dict[str, int]:
    return {**nets, "the last one": -sum(nets.values())}


zero_sum_nets = st.dictionaries(st.text(max_size=5), st.integers(-(10**12), 10**12), max_size=20).map(balanced)


@given(zero_sum_nets)
def test_paying_the_plan_leaves_everyone_at_zero(nets: dict[str, int]) -> None:
    """Once a plan is executed everyone is at exactly zero."""
    plan = plan_of(nets, EUR)
    after = dict(nets)
    for leg in plan.debits:
        after[leg.person] += leg.amount_minor
    for leg in plan.credits:
        after[leg.person] -= leg.amount_minor
    assert set(after.values()) == {0}


@given(zero_sum_nets)
def test_each_person_is_in_a_plan_at_most_once(nets: dict[str, int]) -> None:
    """A plan names everyone with an open amount once, nobody else, and sums to zero."""
    plan = plan_of(nets, EUR)
    people = [leg.person for leg in plan.debits + plan.credits]
    assert sorted(people) == sorted(person for person, net in nets.items() if net != 0)
    assert sum(leg.amount_minor for leg in plan.debits) == sum(leg.amount_minor for leg in plan.credits)
    assert all(leg.amount_minor > 0 for leg in plan.debits + plan.credits)
    assert plan.is_even == (not any(nets.values()))
    assert plan.total == Money(sum(net for net in nets.values() if net > 0), EUR)


@given(zero_sum_nets)
def test_the_same_nets_make_the_same_plan(nets: dict[str, int]) -> None:
    """The order in which people are listed does not change the plan."""
    assert plan_of(dict(reversed(nets.items())), EUR) == plan_of(nets, EUR)


def test_a_plan_by_example() -> None:
    """Debtors are debited, creditors credited, each side is sorted, and whoever is even is left out."""
    plan = plan_of({"Eve": -5, "Bob": 7, "Ana": -2, "Gus": 0}, EUR)
    assert plan == Plan(EUR, (PlanLeg("Ana", 2), PlanLeg("Eve", 5)), (PlanLeg("Bob", 7),))
    assert plan.total == Money(7, EUR)
    assert not plan.is_even


@pytest.mark.parametrize("nets", [{}, {"Ana": 0, "Bob": 0}])
def test_an_even_group_has_an_empty_plan(nets: dict[str, int]) -> None:
    """A group that is already even has a plan without legs."""
    plan = plan_of(nets, EUR)
    assert plan == Plan(EUR, (), ())
    assert plan.is_even


def test_a_plan_has_at_most_256_legs() -> None:
    """A plan for more people than one settlement can carry is refused; people without an open amount do not count."""
    nets = balanced({f"person {index}": 1 for index in range(255)})
    assert len(plan_of({**nets, "Gus": 0}, EUR).credits) == 255
    with pytest.raises(BadValue, match="at most 256") as refused:
        plan_of(balanced({f"person {index}": 1 for index in range(256)}), EUR)
    assert (refused.value.field, refused.value.value) == ("people", 257)


def test_nets_that_do_not_sum_to_zero_make_no_plan() -> None:
    """Nets with a sum other than zero are refused with that sum."""
    with pytest.raises(BadValue) as refused:
        plan_of({"Ana": 5, "Bob": -4}, EUR)
    assert (refused.value.field, refused.value.value) == ("nets", "0.01 EUR")


ANA, BOB, EVE = PlanLeg("Ana", 1), PlanLeg("Bob", 1), PlanLeg("Eve", 2)


@pytest.mark.parametrize(
    ("debits", "credits", "field"),
    [
        ((BOB, ANA), (EVE,), "people"),
        ((ANA, ANA), (EVE,), "people"),
        ((EVE,), (BOB, ANA), "people"),
        ((ANA,), (ANA,), "people"),
        ((ANA,), (EVE,), "credits"),
        ((ANA,), (), "credits"),
        ((PlanLeg("Ana", 0),), (PlanLeg("Bob", 0),), "debits.Ana"),
        ((PlanLeg("Ana", 1),), (PlanLeg("Bob", -1), PlanLeg("Eve", 2)), "credits.Bob"),
    ],
)
def test_a_plan_that_breaks_its_rules_cannot_be_made(
    debits: tuple[PlanLeg, ...],
    credits: tuple[PlanLeg, ...],  # noqa: A002  (the plan's own word)
    field: str,
) -> None:
    """No plan exists that is unsorted, uneven, names a person twice or moves nothing or less."""
    with pytest.raises(BadValue) as refused:
        Plan(EUR, debits, credits)
    assert refused.value.field == field
