"""A plan that takes another's place has its nonces; the old one is dead, or its own fact counts and ends the new one.

Gina owes 29.95, Hugo 12.39 and Jon 0.05, to Iris and Kim; everybody has 50.00. Gina owns the group.
"""

import pytest

from chainwallet.abi.calls import call_data
from chainwallet.errors import BadSignature, BadValue, Forbidden, TooLate
from chainwallet.rules.promise import Offered, Queued
from chainwallet.rules.submission import Failed
from chainwallet.store import bills, submissions
from tests.chain.bench import GROUP, Bench, key_of
from tests.chain.clearing.friends import Friends, friends_of, member
from tests.chain.clearing.test_consents import document_of, promise_of
from tests.chain.fault_proxy import Fault, FaultProxy
from tests.postgres import on_both

BEFORE = ["50.00"] * 5
DEBTORS = ("gina", "hugo", "jon")


def sign(friends: Friends, plan_id: str, *names: str) -> None:
    for name in names:
        friends.consent(name, plan_id)


def spend(bench: Bench, name: str, cents: int) -> None:
    """Somebody pays from their own wallet, past the service, with ETH of their own."""
    bench.node.set_balance(key_of(name).address, 10**18)
    bench.act(name, "transfer(address,uint256)", key_of("ben").address, cents * 10_000)


def assert_settled(friends: Friends, plan_id: str) -> None:
    friends.carry(lambda: friends.show(plan_id).plan.stage == "settled")


# ------------------------------------------------------------------------------------------------ asked for


@on_both
def test_a_plan_made_anew_keeps_every_nonce(bench: Bench) -> None:
    """New debts come in by a plan in the old one's place: the same promises and nonces, and every signature anew."""
    friends = friends_of(bench)
    old = friends.make("hugo")
    sign(friends, old.plan.id, "gina", "hugo")
    nonces = {name: promise_of(friends, old, name).nonce for name in ("gina", "hugo")}
    friends.owe({("gina", "kim"): 5_00})
    new = friends.make("hugo", replaces=old.plan.id)
    assert (new.plan.lineage, new.plan.replaces, new.signed) == (old.plan.lineage, old.plan.id, frozenset())
    gone = friends.show(old.plan.id)
    assert (gone.stage, gone.replaced_by) == ("replaced", new.plan.id)
    with pytest.raises(TooLate, match=new.plan.id):
        friends.consent("gina", old.plan.id)
    sign(friends, new.plan.id, *DEBTORS)
    assert {name: promise_of(friends, new, name).nonce for name in nonces} == nonces
    assert (friends.show(old.plan.id).signed, len(friends.show(new.plan.id).signed)) == (frozenset(), 3)
    assert_settled(friends, new.plan.id)
    assert bench.balance("gina", "hugo", "kim") == ["15.05", "37.61", "57.39"]
    assert friends.states() == ["settled"] * 5


def test_a_signature_of_the_old_plan_is_not_one_of_the_new(bench: Bench) -> None:
    """Who signed what was changed since is told so, and signs the new document, which has the same nonce."""
    friends = friends_of(bench, external=["hugo"])
    old = friends.make().plan
    document, domain = document_of(friends.consent("hugo", old.id))
    friends.owe({("hugo", "iris"): 1_00})
    new = friends.make(replaces=old.id).plan
    for plan_id, refused in ((new.id, BadSignature), (old.id, TooLate)):
        with pytest.raises(refused):
            friends.consent("hugo", plan_id, key_of("hugo").sign(document, domain))
    fresh, _ = document_of(friends.consent("hugo", new.id))
    assert (fresh.nonce, fresh.settlement != document.settlement) == (document.nonce, True)
    assert friends.consent("hugo", new.id, key_of("hugo").sign(fresh, domain)).signed == {member("hugo")}


def test_dropped_people_are_free(bench: Bench) -> None:
    """Who is taken out has their debts and all of their money back at once; the others sign under their nonces."""
    friends = friends_of(bench)
    old = friends.make("kim")
    sign(friends, old.plan.id, "gina", "hugo")
    nonce = promise_of(friends, old, "gina").nonce
    new = friends.drop("kim", old.plan.id, member("hugo"))
    assert {leg.member_id: leg.net_minor for leg in new.plan.legs} == {
        member("gina"): -29_95, member("jon"): -5, member("iris"): 30_00,
    }  # fmt: skip
    assert friends.states() == ["locked", "open", "open", "locked"]
    bench.accept(bench.order("hugo", "ben", "50.00"))
    sign(friends, new.plan.id, "gina", "jon")
    assert promise_of(friends, new, "gina").nonce == nonce
    assert_settled(friends, new.plan.id)
    assert bench.balance("gina", "hugo", "iris", "jon") == ["20.05", "0.00", "80.00", "49.95"]
    assert friends.events().count("plan.dropped") == 1


def test_nobody_is_left(bench: Bench) -> None:
    """Where nobody else owes anything, dropping ends the plan, and all its debts are open."""
    friends = friends_of(bench, owed={("gina", "iris"): 1_00})
    plan = friends.make().plan
    ended = friends.drop("gina", plan.id, member("gina"))
    assert (ended.plan.id, ended.stage, friends.states()) == (plan.id, "withdrawn", ["open"])
    friends.owe({("iris", "gina"): 1_00})
    with pytest.raises(BadValue, match="nobody owes anything on balance"):
        friends.make()


def test_who_may_change_a_plan(bench: Bench) -> None:
    """Only a plan's maker and the group's owner drop people from it, withdraw it or put another in its place."""
    friends = friends_of(bench)
    plan = friends.make("hugo").plan
    with pytest.raises(Forbidden):
        friends.withdraw("jon", plan.id)
    with pytest.raises(Forbidden):
        friends.drop("jon", plan.id, member("gina"))
    with pytest.raises(Forbidden):
        friends.make("jon", replaces=plan.id)
    with pytest.raises(BadValue, match="member"):
        friends.drop("hugo", plan.id, "nobody")
    assert friends.show(plan.id).stage == "open"
    assert friends.withdraw("gina", plan.id).plan == friends.withdraw("hugo", plan.id).plan
    assert friends.events().count("plan.withdrawn") == 1
    with pytest.raises(TooLate):
        friends.drop("gina", plan.id, member("gina"))


@on_both
def test_a_plan_that_all_signed_is_withdrawn_until_it_goes_out(bench: Bench) -> None:
    """What no transaction carries yet is withdrawn and never goes out; what one carries is not withdrawn any more."""
    friends = friends_of(bench)
    plan = friends.make().plan
    sign(friends, plan.id, *DEBTORS)
    (carrier,) = bench.unfinished()
    friends.withdraw("gina", plan.id)
    assert isinstance(bench.submission(carrier.id).stage, Failed)
    assert friends.states() == ["open"] * 4
    bench.accept(bench.order("gina", "ben", "50.00", id="all of it"))
    second = friends.make().plan
    sign(friends, second.id, "hugo", "jon")
    friends.drop("gina", second.id, member("gina"))
    third = friends.plan_under_way()
    assert third is not None
    sign(friends, third.plan.id, "hugo")
    friends.bench.worker().relayer.tick()  # signs what waits
    with pytest.raises(TooLate, match="on its way"):
        friends.withdraw("gina", third.plan.id)
    assert_settled(friends, third.plan.id)


# ------------------------------------------------------------------------------------------------ by itself


def test_who_does_not_sign_in_time_is_left_out(bench: Bench) -> None:
    """At the deadline the plan is made anew without those who did not sign; who signed signs again, same nonce."""
    friends = friends_of(bench)
    old = friends.make(sign_within_s=3_600)
    sign(friends, old.plan.id, "gina", "hugo")
    assert friends.see_to() == 0
    friends.late_s = 3_601
    assert friends.see_to() == 1
    new = friends.plan_under_way()
    assert new is not None
    assert {leg.member_id for leg in new.plan.debtors} == {member("gina"), member("hugo")}
    assert new.plan.deadline_s - new.plan.made_at_s == 3_600
    assert "Jon did not sign in time" in (friends.show(old.plan.id).plan.reason or "")
    sign(friends, new.plan.id, "gina", "hugo")
    friends.late_s = 0
    assert_settled(friends, new.plan.id)
    assert bench.balance("gina", "hugo", "jon") == ["20.00", "37.61", "50.00"]
    assert friends.states() == ["settled", "settled", "settled", "open"]


def test_when_nobody_signs_the_plan_expires(bench: Bench) -> None:
    """A plan that nobody signs by its deadline ends, and its debts are open again."""
    friends = friends_of(bench)
    plan = friends.make(sign_within_s=60).plan
    friends.late_s = 61
    assert (friends.see_to(), friends.see_to()) == (1, 0)
    assert (friends.show(plan.id).stage, friends.states()) == ("expired", ["open"] * 4)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_who_spends_the_money_meanwhile_is_left_out(bench: Bench) -> None:
    """A debtor who cannot pay any more stops the settlement as a whole: nobody pays, and it is made anew without."""
    friends = friends_of(bench)
    old = friends.make()
    spend(bench, "hugo", 40_00)
    sign(friends, old.plan.id, *DEBTORS)
    count = bench.count()
    friends.carry(lambda: friends.show(old.plan.id).stage == "replaced")
    assert bench.balance("gina", "hugo", "jon") == ["50.00", "10.00", "50.00"]
    assert bench.count() == count
    assert "Hugo cannot pay any more" in (friends.show(old.plan.id).plan.reason or "")
    new = friends.plan_under_way()
    assert new is not None
    assert new.plan.lineage == old.plan.lineage
    sign(friends, new.plan.id, "gina", "jon")
    assert_settled(friends, new.plan.id)
    assert bench.balance("gina", "hugo", "iris", "jon") == ["20.05", "10.00", "80.00", "49.95"]


def test_who_spends_the_money_while_it_is_sent_is_left_out(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """A settlement that reverts on the chain has moved nothing; whoever could not pay is left out of the next one."""
    friends = friends_of(bench)
    old = friends.make()
    sign(friends, old.plan.id, *DEBTORS)
    proxy.next("eth_sendRawTransaction", Fault(before=lambda: spend(bench, "hugo", 40_00)))
    worker = Friends(faulty, GROUP, ()).worker()
    friends.carry(lambda: friends.show(old.plan.id).stage == "replaced", worker)
    assert bench.balance("gina", "hugo", "jon") == ["50.00", "10.00", "50.00"]
    new = friends.plan_under_way()
    assert new is not None
    sign(friends, new.plan.id, "gina", "jon")
    assert_settled(friends, new.plan.id)


def test_who_is_frozen_is_left_out(bench: Bench) -> None:
    """A frozen creditor would stop everybody: the plan is made anew without the debts to them."""
    friends = friends_of(bench)
    plan = friends.make().plan
    sign(friends, plan.id, *DEBTORS)
    bench.act("compliance", "freeze(address,bytes32)", key_of("kim").address, bytes(32))
    friends.carry(lambda: friends.show(plan.id).stage == "replaced")
    new = friends.plan_under_way()
    assert new is not None
    assert {leg.member_id for leg in new.plan.legs} == {member(name) for name in ("gina", "hugo", "iris", "jon")}
    assert friends.states() == ["locked", "locked", "open", "locked"]


def test_what_stops_everybody_is_waited_out(bench: Bench) -> None:
    """While the ledger is paused the plan waits, whole and signed, and goes out again when it is not."""
    friends = friends_of(bench)
    plan = friends.make().plan
    sign(friends, plan.id, *DEBTORS)
    bench.act("pauser", "pause()")
    worker = friends.worker()
    friends.carry(lambda: promise_of(friends, friends.show(plan.id), "gina").setbacks > 0, worker)
    assert friends.show(plan.id).stage == "ready"
    bench.act("pauser", "unpause()")
    friends.late_s = 600
    assert_settled(friends, plan.id)


def test_a_disputed_bill_leaves_an_open_plan(bench: Bench) -> None:
    """Where somebody disputes a bill of an open plan, it is made anew without that bill's debts."""
    friends = friends_of(bench)
    plan = friends.make().plan
    sign(friends, plan.id, "gina")
    with bench.database.transaction() as tx:
        bills.set_state(tx, friends.made[0], "disputed")
    assert friends.see_to() == 1
    new = friends.plan_under_way()
    assert new is not None
    assert friends.states() == ["open", "locked", "locked", "locked"]
    assert new.plan.lineage == plan.lineage


def test_whoever_cancels_their_consent_is_left_out(bench: Bench) -> None:
    """A debtor who makes the nonce useless on the chain ends the plan for themselves, and the others go on."""
    friends = friends_of(bench)
    old = friends.make()
    sign(friends, old.plan.id, *DEBTORS)
    bench.node.set_balance(key_of("hugo").address, 10**18)
    bench.send("hugo", call_data("cancelNonces(uint256)", promise_of(friends, old, "hugo").nonce + 1))
    friends.carry(lambda: friends.show(old.plan.id).stage == "replaced")
    assert bench.balance(*GROUP) == BEFORE
    new = friends.plan_under_way()
    assert new is not None
    assert {leg.member_id for leg in new.plan.debtors} == {member("gina"), member("jon")}


# ------------------------------------------------------------------------------------------------ both of them


def test_if_the_old_plan_is_carried_out_after_all_the_new_one_ends(bench: Bench) -> None:
    """Where an old plan gets to the chain all the same, its debts are settled, and the new plan never is."""
    friends = friends_of(bench)
    old = friends.make().plan
    sign(friends, old.id, *DEBTORS)
    (carrier,) = bench.unfinished()
    friends.owe({("gina", "kim"): 5_00})
    new = friends.make(replaces=old.id).plan
    sign(friends, new.id, "gina", "hugo")
    with bench.database.transaction() as tx:  # as if a reorg had brought it back
        submissions.put(tx, bench.chain.key, "by hand", carrier.sender, carrier.to, carrier.data, 5)
    friends.carry(lambda: friends.show(old.id).plan.stage == "settled")
    assert (friends.show(new.id).stage, friends.states()) == ("withdrawn", [*["settled"] * 4, "open"])
    assert friends.show(new.id).plan.reason == "a plan that it replaced was carried out after all"
    assert bench.balance(*GROUP) == ["20.05", "37.61", "90.00", "49.95", "52.39"]
    last = friends.make().plan
    assert {leg.member_id: leg.net_minor for leg in last.legs} == {member("gina"): -5_00, member("kim"): 5_00}
    sign(friends, last.id, "gina")
    assert_settled(friends, last.id)
    assert bench.balance("gina", "kim") == ["15.05", "57.39"]


def test_a_signed_consent_is_offered_again_for_the_new_plan(bench: Bench) -> None:
    """A signed consent is only offered when the plan is made anew: nobody has signed what they have not seen."""
    friends = friends_of(bench)
    old = friends.make()
    sign(friends, old.plan.id, "gina")
    assert isinstance(promise_of(friends, old, "gina").stage, Queued)
    new = friends.make(replaces=old.plan.id)
    assert new.plan.settlement_hash != old.plan.settlement_hash
    elsewhere = Friends(bench, GROUP, ["gina"])
    elsewhere.consent("gina", new.plan.id)
    assert isinstance(promise_of(friends, new, "gina").stage, Offered)
