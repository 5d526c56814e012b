"""Settling up: a plan of what a group owes, a consent from everyone who pays, one transaction, and nothing otherwise.

Gina owes 29.95, Hugo 12.39 and Jon 0.05, to Iris and Kim; everybody has 50.00.
"""

import pytest

from chainwallet.errors import AlreadyExists
from tests.chain.bench import GROUP, Bench
from tests.chain.clearing.friends import friends_of, member

BEFORE = ["50.00"] * 5
AFTER = ["20.05", "37.61", "90.00", "49.95", "52.39"]
DEBTORS = ("gina", "hugo", "jon")


def test_a_group_is_settled_by_three_signatures_and_one_transaction(bench: Bench) -> None:
    """With the last consent the settlement is queued; a worker carries it, and the fact alone settles the debts."""
    friends = friends_of(bench)
    count, plan = bench.count(), friends.make()
    assert (plan.stage, plan.signed, friends.states()) == ("open", frozenset(), ["locked"] * 4)
    assert {leg.member_id: leg.net_minor for leg in plan.plan.legs} == {
        member("gina"): -29_95, member("hugo"): -12_39, member("jon"): -5, member("iris"): 40_00, member("kim"): 2_39,
    }  # fmt: skip
    assert "Gina, Hugo, Jon" in plan.waits
    for name in DEBTORS:
        assert bench.unfinished() == ()
        plan = friends.consent(name, plan.plan.id)
    assert (plan.stage, len(plan.signed), len(bench.unfinished())) == ("ready", 3, 1)
    assert (bench.balance(*GROUP), friends.states()) == (BEFORE, ["locked"] * 4)
    friends.carry(lambda: friends.show(plan.plan.id).plan.stage == "settled")
    settled = friends.show(plan.plan.id)
    assert settled.is_final
    assert settled.execution is not None
    assert (bench.balance(*GROUP), bench.count()) == (AFTER, count + 1)
    assert friends.states() == ["settled"] * 4
    assert friends.events() == ["plan.made", *["plan.signed"] * 3, "plan.settled"]
    assert friends.plan_under_way() is None


def test_one_plan_at_a_time(bench: Bench) -> None:
    """While a plan is under way, another one of the group and currency is refused."""
    friends = friends_of(bench)
    friends.make()
    friends.owe({("kim", "jon"): 7_00})
    with pytest.raises(AlreadyExists):
        friends.make("hugo")
