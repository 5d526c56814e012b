"""Random bills of all modes keep all that is promised of a bill; `make bills` checks a million of them."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.bills import MODES, check, random_bill, run


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**64).map(Random))
def test_any_bill_is_exact(dice: Random) -> None:
    """Shares sum to the total, each less than a unit from exact, whatever the order of people; a reversal undoes it."""
    check(random_bill(dice), dice)


def test_a_campaign_has_bills_of_every_mode() -> None:
    """A campaign makes and counts bills of every mode."""
    counted = run(seed=0, chunk=0, count=100)
    assert all(counted[mode] for mode in MODES)
    assert sum(counted[mode] for mode in MODES) == 100
