"""A settled plan that a reorg undoes waits for the chain again, whole; one that never gets there ends by its time.

Gina owes 29.95, Hugo 12.39 and Jon 0.05, to Iris and Kim; everybody has 50.00.
"""

import pytest

from chainwallet.abi.events import Settled, decode_event
from chainwallet.errors import NodeRefused
from chainwallet.rules.promise import Expired
from tests.chain.bench import GROUP, Bench, wait_for
from tests.chain.clearing.friends import Friends, friends_of
from tests.chain.clearing.test_consents import promise_of
from tests.chain.stories import now, tick_until
from tests.postgres import on_both

BEFORE = ["50.00"] * 5
AFTER = ["20.05", "37.61", "90.00", "49.95", "52.39"]


def signed(friends: Friends) -> str:
    """A plan that all who pay have signed."""
    plan = friends.make().plan
    for name in ("gina", "hugo", "jon"):
        friends.consent(name, plan.id)
    return plan.id


def holds(bench: Bench, amounts: list[str]) -> bool:
    """A busy Anvil answers nothing for a moment after a reorg."""
    try:
        return bench.balance(*GROUP) == amounts
    except NodeRefused:
        return False


def settlements(bench: Bench) -> int:
    logs = bench.node.logs(bench.cash.address, 0, bench.node.block_number())
    return sum(isinstance(decode_event(log), Settled) for log in logs)


@on_both
@pytest.mark.parametrize("depth", [1, 20])
def test_an_undone_settlement_is_delivered_again(bench: Bench, depth: int) -> None:
    """Rule 6: its debts are not settled while it is undone; the same consents go out again, and all pay once."""
    friends = friends_of(bench)
    plan, worker = signed(friends), friends.worker()
    friends.carry(lambda: friends.show(plan).plan.stage == "settled", worker)
    bench.node.mine(depth - 1) if depth > 1 else None
    bench.ask("anvil_reorg", depth, [])
    wait_for(lambda: holds(bench, BEFORE))
    bench.indexer().catch_up()
    worker.relayer.catch_up()
    friends.see_to()
    assert (friends.show(plan).stage, friends.states()) == ("ready", ["locked"] * 4)
    friends.carry(lambda: friends.show(plan).plan.stage == "settled", worker)
    assert (bench.balance(*GROUP), settlements(bench)) == (AFTER, 1)
    assert friends.states() == ["settled"] * 4


def test_a_settlement_whose_time_is_over_is_over(bench: Bench) -> None:
    """A plan that the chain does not carry out by its time ends by a final block past it: nobody ever pays it."""
    friends = friends_of(bench)
    plan, worker = signed(friends), friends.worker()
    bench.act("pauser", "pause()")
    gina = promise_of(friends, friends.show(plan), "gina")
    tick_until(worker, lambda: now(bench, gina).setbacks > 0)
    bench.node.set_time(gina.valid_before + 10)
    bench.node.mine()
    bench.act("pauser", "unpause()")
    tick_until(worker, lambda: now(bench, gina).stage == Expired() and friends.show(plan).stage == "expired")
    assert (bench.balance(*GROUP), friends.states()) == (BEFORE, ["open"] * 4)
    bench.indexer().catch_up()
    again = signed(friends)
    friends.carry(lambda: friends.show(again).is_final, worker)
    assert bench.balance(*GROUP) == AFTER
