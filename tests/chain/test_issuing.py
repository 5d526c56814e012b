"""Money in and out against a bank's reference: once for each, within the quota, by the worker. Ana has 100.00."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chainwallet import issuing, payments
from chainwallet.abi.calls import bank_ref
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import BadValue, InsufficientFunds, NotFound, QuotaExceeded
from chainwallet.evm import ZERO_ADDRESS, Address
from chainwallet.issuing import Counter, ShownTopUp, ShownWithdrawal
from chainwallet.keys.signer import Signer
from chainwallet.payments import Desk, Order
from chainwallet.rules import promise as rules
from chainwallet.rules.issue import (
    AwaitsPayment,
    Executed,
    Final,
    NotPaid,
    Refused,
    Returned,
    Returning,
    UnderWay,
    payback_id,
)
from chainwallet.store import withdrawals
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker
from tests.chain.bench import JPY, ROLES, Bench, key_of
from tests.chain.carriers import worker_process
from tests.chain.payers import teller_for
from tests.chain.signed_payments import deliver_for_somebody
from tests.chain.stories import now, tick_until, tick_until_still
from tests.postgres import on_both

ANA, BEN = key_of("ana").address, key_of("ben").address


def counter_of(bench: Bench, **changes: Any) -> Counter:
    return replace(Counter(bench.database, bench.cash, ROLES.issuer, 1), **changes)


def top_up(bench: Bench, amount: str = "10", reference: str = "RF18-1", payee: Address = BEN) -> ShownTopUp:
    counter, money = counter_of(bench), bench.money(amount)
    return issuing.request_topup(counter, bench.node, reference, payee, money, "iris", bench.now_s)


def withdraw(bench: Bench, amount: str = "10", reference: str = "OUT-1", payment_id: str = "w-1") -> ShownWithdrawal:
    counter, money = counter_of(bench), bench.money(amount)
    return issuing.request_withdrawal(counter, reference, ANA, payment_id, money, "iris", bench.now_s)


def topup_stage(bench: Bench, reference: str = "RF18-1") -> object:
    return issuing.find_topup(counter_of(bench), reference).stage


def withdrawal_stage(bench: Bench, reference: str = "OUT-1") -> object:
    return issuing.find_withdrawal(counter_of(bench), reference).stage


def pay_issuer(bench: Bench, amount: str = "10", payment_id: str = "w-1") -> Promise:
    """The customer's part: an ordinary payment to the issuer."""
    return bench.accept(replace(bench.order("ana", "ben", amount), id=payment_id, payee=ROLES.issuer))


def accept_as_issuer(bench: Bench, lifetime_s: int = LONGEST_LIFETIME_S) -> Callable[[Order], Promise]:
    def accept(desk: Desk, order: Order, signer: Signer) -> Promise:
        return payments.accept(desk, order, signer, b"salt", bench.now_s)

    def accept_order(order: Order) -> Promise:
        bench.indexer().catch_up()
        desk = bench.desk(lifetime_s=lifetime_s)
        return payments.accept_or_retry(desk, accept, order, key_of("issuer"), bench.now_s)

    return accept_order


def supply(bench: Bench) -> int:
    return sum(bench.rebuilt_balances().values())


# ------------------------------------------------------------------------------------------------ topped up


@on_both
def test_a_top_up_is_made_once_for_its_reference(bench: Bench) -> None:
    """A top-up asked for again, waiting or final, is the same one; the worker carries it, and money is made once."""
    count, asked = bench.count("issuer"), top_up(bench)
    assert isinstance(asked.stage, UnderWay)
    assert top_up(bench) == asked
    tick_until_still(bench.worker())
    assert isinstance(topup_stage(bench), Final)
    assert top_up(bench).stage == topup_stage(bench)
    tick_until_still(bench.worker())
    assert (bench.balance("ben"), bench.count("issuer")) == (["10.00"], count + 1)


@on_both
@pytest.mark.parametrize("changed", [{"amount": "10.01"}, {"payee": ANA}], ids=["amount", "payee"])
def test_a_reference_stands_for_one_top_up(bench: Bench, changed: dict[str, Any]) -> None:
    """The same bank reference for another amount or payee is refused by name, and changes nothing."""
    top_up(bench)
    with pytest.raises(BadValue) as refusal:
        top_up(bench, **changed)
    assert refusal.value.field == "reference"
    tick_until_still(bench.worker())
    assert bench.balance("ana", "ben") == ["100.00", "10.00"]


def test_the_command_line_and_the_service_share_a_reference(bench: Bench) -> None:
    """A reference that a command used is used: the same top-up asked for of the service makes no more money."""
    bench.top_up("10", "ben", bank_ref="RF18-1")
    bench.indexer().catch_up()
    assert isinstance(top_up(bench).stage, Final)
    tick_until_still(bench.worker())
    assert bench.balance("ben") == ["10.00"]
    with pytest.raises(BadValue):
        top_up(bench, "11")


def test_a_reference_that_the_chain_has_seen_and_history_has_not_is_refused(bench: Bench) -> None:
    """Where the chain used a reference in a block that is not verified yet, the top-up is refused for now."""
    bench.indexer().catch_up()
    bench.act("issuer", "mint(address,uint256,bytes32)", BEN, 10_000_000, bank_ref("RF18-1"))
    with pytest.raises(BadValue):
        top_up(bench)
    bench.indexer().catch_up()
    assert isinstance(top_up(bench).stage, Executed | Final)


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"reference": ""},
        {"reference": "a b"},
        {"payee": ZERO_ADDRESS},
        {"payee": "the token"},
    ],
)
def test_what_no_top_up_can_be_is_refused(bench: Bench, changed: dict[str, Any]) -> None:
    """No money, an odd reference, nobody: refused, and nothing is stored."""
    if changed.get("payee") == "the token":
        changed = {"payee": bench.cash.address}
    with pytest.raises(BadValue):
        top_up(bench, **changed)
    assert bench.unfinished() == ()
    with pytest.raises(NotFound):
        topup_stage(bench, str(changed.get("reference", "RF18-1")))
    with pytest.raises(BadValue):
        issuing.request_topup(
            counter_of(bench), bench.node, "RF18-1", BEN, replace(bench.money("1"), currency=JPY), "iris", bench.now_s
        )


# ------------------------------------------------------------------------------------------------ the quota


def quota(bench: Bench, units: int) -> None:
    bench.act("admin", "setQuota(address,uint96,uint96)", ROLES.issuer, units, 0)


def test_more_than_the_quota_is_refused_with_the_limit(bench: Bench) -> None:
    """A top-up above what the issuer may make now is refused with both figures, what waits included."""
    quota(bench, 15_000_000)
    with pytest.raises(QuotaExceeded) as refusal:
        top_up(bench, "15.01")
    assert (refusal.value.available, refusal.value.required) == ("15.00 EUR", "15.01 EUR")
    top_up(bench, "10")
    with pytest.raises(QuotaExceeded) as refusal:
        top_up(bench, "10", reference="RF18-2")
    assert (refusal.value.available, refusal.value.capacity) == ("5.00 EUR", "15.00 EUR")
    tick_until_still(bench.worker())
    with pytest.raises(QuotaExceeded):
        top_up(bench, "10", reference="RF18-2")
    assert bench.balance("ben") == ["10.00"]


def test_a_top_up_that_the_chain_refused_says_why_and_is_tried_again(bench: Bench) -> None:
    """Where the quota shrank meanwhile nothing is made, the reason is told, and the same request tries again."""
    top_up(bench)
    quota(bench, 5_000_000)
    tick_until_still(bench.worker())
    refused = topup_stage(bench)
    assert isinstance(refused, Refused)
    assert "QuotaExceeded" in refused.reason
    with pytest.raises(QuotaExceeded):
        top_up(bench)
    bench.act("admin", "setQuota(address,uint96,uint96)", ROLES.issuer, 50_000_000, 50_000_000)
    bench.ask("evm_increaseTime", 2)
    bench.node.mine()
    assert isinstance(top_up(bench).stage, UnderWay)
    tick_until_still(bench.worker())
    assert (type(topup_stage(bench)), bench.balance("ben")) == (Final, ["10.00"])


# ------------------------------------------------------------------------------------------------ withdrawn


@on_both
def test_a_withdrawal_is_a_payment_and_then_a_burn(bench: Bench) -> None:
    """The customer pays the issuer, the issuer names payment and reference, and the money leaves the ledger."""
    before, payment = supply(bench), pay_issuer(bench)
    assert isinstance(withdraw(bench).stage, AwaitsPayment)
    worker = bench.worker()
    tick_until_still(worker)
    assert isinstance(now(bench, payment).stage, rules.Final)
    assert isinstance(withdrawal_stage(bench), Final)
    assert withdraw(bench).stage == withdrawal_stage(bench)
    tick_until_still(worker)
    assert (bench.balance("ana", "issuer"), supply(bench)) == (["90.00", "0.00"], before - 10_000_000)


@on_both
def test_nothing_is_burned_for_a_payment_that_is_not_final(bench: Bench) -> None:
    """While the payment's confirmations are missing no burn is even queued."""
    payment = pay_issuer(bench)
    withdraw(bench)
    limits = bench.tools().limits
    worker = bench.worker(limits=replace(limits, confirmations=3))
    tick_until(worker, lambda: isinstance(now(bench, payment).stage, rules.Executed))
    for _ in range(3):
        worker.tick()
    assert isinstance(withdrawal_stage(bench), AwaitsPayment)
    assert issuing.find_withdrawal(counter_of(bench), "OUT-1").withdrawal.submission_id is None
    bench.node.mine(3)
    tick_until(worker, lambda: issuing.find_withdrawal(counter_of(bench), "OUT-1").withdrawal.submission_id is not None)


def test_a_payment_that_ended_unpaid_is_never_burned(bench: Bench) -> None:
    """Where the customer cancelled the payment the withdrawal is void, and a further one with it is refused."""
    teller = teller_for(bench)
    pay_issuer(bench)
    withdraw(bench)
    teller.cancel([ANA], "w-1")
    tick_until_still(bench.worker())
    assert isinstance(withdrawal_stage(bench), NotPaid)
    with pytest.raises(BadValue):
        withdraw(bench, reference="OUT-2")
    assert (bench.balance("ana"), bench.unfinished()) == (["100.00"], ())


def test_a_payment_is_withdrawn_once(bench: Bench) -> None:
    """A second reference for the same payment, a second payment under one reference, a top-up's: all are refused."""
    pay_issuer(bench)
    pay_issuer(bench, "5", "w-2")
    withdraw(bench)
    top_up(bench)
    for changed in (
        {"reference": "OUT-2"},
        {"payment_id": "w-2", "amount": "5"},
        {"amount": "9"},
        {"reference": "RF18-1", "payment_id": "w-2", "amount": "5"},
        {"reference": "OUT-2", "payment_id": "w-2", "amount": "6"},
    ):
        with pytest.raises(BadValue):
            withdraw(bench, **changed)
    with pytest.raises(BadValue):
        top_up(bench, reference="OUT-1")
    with pytest.raises(NotFound):
        withdraw(bench, reference="OUT-2", payment_id="w-3")
    bench.accept(bench.order("ana", "ben", "1", id="w-4"))
    with pytest.raises(BadValue):
        withdraw(bench, "1", reference="OUT-2", payment_id="w-4")


@on_both
def test_killed_between_payment_and_burn_the_worker_burns_once(bench: Bench, local_chain: Any) -> None:
    """A worker killed when the payment is final and before the burn is on the chain: the next one burns, once."""
    before, payment = supply(bench), pay_issuer(bench)
    withdraw(bench)
    with worker_process(bench, local_chain.url, "relayer"):  # it has no issuer's key, and is killed at the end
        give_up = 400
        while not isinstance(now(bench, payment).stage, rules.Final) and give_up:
            give_up -= 1
            bench.tools().sleep_s(0.05)
    assert isinstance(now(bench, payment).stage, rules.Final)
    assert isinstance(withdrawal_stage(bench), UnderWay)
    worker = bench.worker()
    tick_until(worker, lambda: isinstance(withdrawal_stage(bench), Final))
    tick_until_still(worker)
    assert (bench.balance("issuer"), supply(bench)) == (["0.00"], before - 10_000_000)


# ------------------------------------------------------------------------------------------------ refused, given back


def refused(bench: Bench) -> Worker:
    """A withdrawal whose burn the chain refuses, because the issuer's money is gone."""
    pay_issuer(bench)
    withdraw(bench)
    tick_until_still(bench.worker("relayer"))  # it has no issuer's key: the burn is queued, and not signed
    assert isinstance(stage_of_payment(bench), rules.Final)
    bench.act("issuer", "transfer(address,uint256)", BEN, 10_000_000)
    worker = bench.worker()
    tick_until_still(worker)
    assert isinstance(withdrawal_stage(bench), Refused)
    return worker


def stage_of_payment(bench: Bench) -> rules.Stage:
    promise = bench.promise("ana", "w-1")
    assert promise is not None
    return promise.stage


def test_a_burn_that_the_chain_refused_says_why_and_is_tried_again(bench: Bench) -> None:
    """A refused burn keeps the money with the issuer and says why; the same request burns once it can be."""
    worker = refused(bench)
    found = withdrawal_stage(bench)
    assert isinstance(found, Refused)
    assert "ERC20InsufficientBalance" in found.reason
    bring_back(bench)
    assert isinstance(withdraw(bench).stage, UnderWay)
    tick_until_still(worker)
    assert isinstance(withdrawal_stage(bench), Final)


def bring_back(bench: Bench) -> None:
    """The issuer gets its money back, from where it went."""
    bench.node.set_balance(BEN, 10**18)
    bench.act("ben", "transfer(address,uint256)", ROLES.issuer, 10_000_000)


def test_a_refused_withdrawal_is_given_back_once_and_never_burned_again(bench: Bench) -> None:
    """What was refused goes back as the issuer's payment, once however often it is asked for; no burn follows it."""
    worker = refused(bench)
    with pytest.raises(NotFound):
        issuing.give_back(counter_of(bench), accept_as_issuer(bench), "OUT-2", bench.now_s)
    with pytest.raises(InsufficientFunds):  # the issuer's money is still gone
        issuing.give_back(counter_of(bench), accept_as_issuer(bench), "OUT-1", bench.now_s)
    assert isinstance(withdrawal_stage(bench), Returning)
    bring_back(bench)
    for _ in range(2):
        given = issuing.give_back(counter_of(bench), accept_as_issuer(bench), "OUT-1", bench.now_s)
        assert isinstance(given.stage, Returning)
    assert isinstance(withdraw(bench).stage, Returning)
    tick_until_still(worker)
    assert withdrawal_stage(bench) == Returned(payback_id("OUT-1"))
    assert bench.balance("ana", "issuer") == ["100.00", "0.00"]


def test_a_payment_back_that_expired_is_made_again_under_its_nonce(bench: Bench) -> None:
    """Where nobody carried the payment back in time, giving back once more signs it anew, and it is paid, once."""
    worker = refused(bench)
    bring_back(bench)
    issuing.give_back(counter_of(bench), accept_as_issuer(bench, lifetime_s=60), "OUT-1", bench.now_s)
    late = bench.promise("issuer", payback_id("OUT-1"))
    assert late is not None
    bench.node.set_time(late.valid_before)
    bench.node.mine()
    tick_until(worker, lambda: now(bench, late).stage == rules.Expired())
    assert isinstance(withdrawal_stage(bench), Returning)
    issuing.give_back(counter_of(bench), accept_as_issuer(bench), "OUT-1", bench.now_s)
    tick_until_still(worker)
    assert withdrawal_stage(bench) == Returned(payback_id("OUT-1"))
    assert now(bench, late).nonce == late.nonce
    assert bench.balance("ana", "issuer") == ["100.00", "0.00"]


def test_what_is_under_way_or_burned_is_not_given_back(bench: Bench) -> None:
    """Money that is being burned, or was, or has not come, is not given back."""
    payment = pay_issuer(bench)
    withdraw(bench)
    worker = bench.worker()

    def give() -> ShownWithdrawal:
        return issuing.give_back(counter_of(bench), accept_as_issuer(bench), "OUT-1", bench.now_s)

    with pytest.raises(BadValue):
        give()
    tick_until(worker, lambda: isinstance(withdrawal_stage(bench), UnderWay))
    with pytest.raises(BadValue):
        give()
    tick_until_still(worker)
    with pytest.raises(BadValue):
        give()
    assert isinstance(now(bench, payment).stage, rules.Final)
    assert bench.balance("ana") == ["90.00"]


def test_a_payment_that_a_stranger_delivered_is_burned_too(bench: Bench) -> None:
    """Whoever's transaction paid the issuer, the facts say that it is paid, and the burn follows."""
    promise = pay_issuer(bench)
    withdraw(bench)
    deliver_for_somebody(bench, promise)
    worker = bench.worker()
    tick_until_still(worker)
    assert isinstance(withdrawal_stage(bench), Final)
    with bench.database.read() as tx:
        assert withdrawals.to_burn(tx, bench.chain.key, 10) == ()
