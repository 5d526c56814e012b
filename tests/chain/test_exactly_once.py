"""Every payment reaches its end exactly once, whoever dies, stops, overtakes or undoes what in between.

The rules are those of docs/exactly-once.md; each test names the one that it shows. Ana has 100.00.
"""

import os
import signal
import threading
from dataclasses import replace
from itertools import pairwise

import pytest

from chainwallet import payments
from chainwallet.abi.calls import call_data
from chainwallet.abi.events import Paid
from chainwallet.config import Limits
from chainwallet.errors import NodeUnreachable, NotPaid, NotYetPaid
from chainwallet.evm import Transaction
from chainwallet.rpc import Node
from chainwallet.rules.promise import Carried, Expired, Final, Queued
from chainwallet.rules.submission import Conflict, Failed, Sent
from chainwallet.rules.submission import Final as Confirmed
from chainwallet.rules.window import is_window
from chainwallet.store import evidence, payers, promises, submissions
from tests.chain.bench import LIMITS, Bench, Clock, key_of, wait_for
from tests.chain.carriers import SHORT_LEASE, worker_process
from tests.chain.fault_proxy import Fault, FaultProxy
from tests.chain.signed_payments import deliver_for_somebody, document_of, item_of, paid_events, send
from tests.chain.stories import now, story, tick_until, tick_until_still, times_paid
from tests.chain.strict_pool import StrictPool
from tests.postgres import on_both

BEN = key_of("ben").address
DEEP = replace(LIMITS, confirmations=5)


# ------------------------------------------------------------------------------------------------ killed


@on_both
def test_a_worker_killed_at_any_step_is_continued(bench: Bench, proxy: FaultProxy, engine: str) -> None:
    """Rule 1: kill -9 at every step of a payment's life, and the next worker finishes it: paid once, one nonce."""
    sample = bench.order("ana", "ben", "1", id="sample")
    accepted = bench.accept(sample)
    before = len(proxy.methods)
    with worker_process(bench, proxy.url, "relayer"):
        wait_for(lambda: isinstance(now(bench, accepted).stage, Final))
    requests, count = len(proxy.methods) - before, bench.count()
    assert "eth_sendRawTransaction" in proxy.methods
    usual = 5 if engine == "sqlite" else 15
    places = range(1, requests, 1 if "CHAINWALLET_TEST_KILLS" in os.environ else usual)
    for place in places:
        order = bench.order("ana", "ben", "1", id=str(place))
        promise = bench.accept(order)
        with worker_process(bench, proxy.url, "relayer") as process:
            proxy.at(place, process.kill)
            process.join(5)
            proxy.heal()
        worker = bench.worker(limits=SHORT_LEASE)
        assert worker.settle(promise.number).nonce == promise.nonce
        count += 1
        assert (times_paid(bench, order), bench.count()) == (1, count)
    assert bench.balance("ben") == [f"{1 + len(places)}.00"]


def test_a_dead_relayer_is_taken_over(bench: Bench, proxy: FaultProxy) -> None:
    """A relayer that dies with signed bytes in hand is taken over after its lease, with the same bytes."""
    promise, count = bench.accept(bench.order("ana", "ben", "10")), bench.count()
    proxy.next(
        "eth_sendRawTransaction",
        Fault(before=lambda: os.kill(process.pid or 0, signal.SIGKILL), cut=True, forward=False),
    )
    with worker_process(bench, proxy.url, "relayer") as process:
        process.join(20)
    stage = now(bench, promise).stage
    assert isinstance(stage, Carried)
    (attempt,) = bench.submission(stage.submission_id).attempts
    worker = bench.worker(limits=SHORT_LEASE)
    assert not worker.relayer.tick()  # the lease of the dead one still runs
    paid = worker.settle(promise.number)
    assert isinstance(paid.stage, Final)
    assert paid.stage.execution.tx == attempt.tx
    assert bench.count() == count + 1


@pytest.mark.parametrize("engine", ["postgres"])
def test_a_paused_relayer_that_wakes_up_cannot_act(bench: Bench, proxy: FaultProxy) -> None:
    """A relayer that was paused past its lease stores and sends nothing when it wakes up: another has its lane."""
    promise, count = bench.accept(bench.order("ana", "ben", "10")), bench.count()
    is_paused = threading.Event()

    def pause() -> None:
        os.kill(process.pid or 0, signal.SIGSTOP)
        is_paused.set()

    proxy.next("eth_feeHistory", Fault(before=pause))
    with worker_process(bench, proxy.url, "relayer") as process:
        assert is_paused.wait(20)
        wait_for(lambda: isinstance(now(bench, promise).stage, Carried))
        paid = bench.worker(limits=SHORT_LEASE).settle(promise.number)
        assert isinstance(paid.stage, Final)
        asked = len(proxy.methods)
        os.kill(process.pid or 0, signal.SIGCONT)
        wait_for(lambda: len(proxy.methods) > asked + 20)  # it has looked about since
    assert proxy.sent == []
    assert paid.submission_id is not None
    assert len(bench.attempts(paid.submission_id)) == 1
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


@pytest.mark.parametrize("engine", ["postgres"])
def test_two_relayers_share_one_database(bench: Bench) -> None:
    """Two processes with a key each carry payments side by side: each payment is taken up by one, and paid once."""
    limits = replace(SHORT_LEASE, batch_items=3)
    for name in ("relayer", "relayer two"):
        bench.node.set_balance(key_of(name).address, 10**19)
    orders = [bench.order("ana", "ben", "1", id=str(number)) for number in range(24)]
    with (
        worker_process(bench, bench.url, "relayer", limits=limits),
        worker_process(bench, bench.url, "relayer two", limits=limits),
    ):
        accepted = [bench.accept(order) for order in orders]
        wait_for(lambda: all(isinstance(now(bench, one).stage, Final) for one in accepted), 40)
    assert [times_paid(bench, order) for order in orders] == [1] * 24
    carriers = {bench.submission(now(bench, one).submission_id or 0).sender for one in accepted}
    assert carriers == {key_of("relayer").address, key_of("relayer two").address}
    assert bench.balance("ana", "ben") == ["76.00", "24.00"]


# ------------------------------------------------------------------------------------------------ fees


def held_up(bench: Bench, proxy: FaultProxy) -> None:
    """From now on the chain mines only when told to, and its pool replaces as geth's does."""
    bench.ask("evm_setAutomine", False)
    proxy.rule = StrictPool(bench.url)


def test_a_stuck_payment_is_bumped_and_paid_once(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """What hangs is signed again with the same nonce and an eighth more, as strict nodes ask; one of them is mined."""
    order, clock = bench.order("ana", "ben", "10"), Clock()
    promise = bench.accept(order)
    held_up(bench, proxy)
    worker = faulty.worker(**clock.seams)
    try:
        tick_until(worker, lambda: len(proxy.sent) > 0)
        submission_id = now(bench, promise).submission_id
        assert submission_id is not None
        tick_until(worker, lambda: len(set(proxy.sent)) == 3, 2.0)
        bench.node.mine()
    finally:
        bench.ask("evm_setAutomine", True)
    paid = worker.settle(promise.number)
    attempts = bench.attempts(submission_id)
    assert isinstance(paid.stage, Final)
    assert paid.stage.execution.tx == attempts[-1].tx
    for lower, higher in pairwise(attempts):
        assert higher.max_fee_per_gas_wei * 8 >= lower.max_fee_per_gas_wei * 9
        assert higher.max_priority_fee_per_gas_wei * 8 >= lower.max_priority_fee_per_gas_wei * 9
    assert "underpriced" not in " ".join(line for line in story(bench, promise))
    assert times_paid(bench, order) == 1


def test_at_the_cap_the_same_bytes_go_out_again(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """Where the cap allows no bump, what was signed is sent again unchanged, and the payment says why it waits."""
    order, clock = bench.order("ana", "ben", "10"), Clock()
    bench.ask("anvil_setNextBlockBaseFeePerGas", hex(950_000_000))
    bench.node.mine()
    promise = bench.accept(order)
    held_up(bench, proxy)
    worker = faulty.worker(**clock.seams, limits=replace(LIMITS, fee_cap_gwei=1))
    try:
        tick_until(worker, lambda: len(proxy.sent) >= 12, 2.0)
    finally:
        bench.ask("evm_setAutomine", True)
    assert len(set(proxy.sent)) == 1
    assert "fee above your cap" in payments.show(bench.database, promise, 1).waits
    bench.node.mine()
    worker.settle(promise.number)
    assert times_paid(bench, order) == 1


# ------------------------------------------------------------------------------------------------ others


def test_a_conflict_returns_its_payments_and_the_lane_goes_on(bench: Bench) -> None:
    """Rule 3: a relayer nonce that somebody else used is a conflict for a person; its payments go on and are paid."""
    order = bench.order("ana", "ben", "10")
    promise = bench.accept(order)
    clock = Clock()
    worker = bench.worker(**clock.seams)
    worker.relayer.tick()
    first = now(bench, promise).submission_id
    assert first is not None
    fees = bench.node.fees()
    rival = Transaction(bench.chain.chain_id, bench.count(), BEN, b"", 21_000, *fees, 1)
    bench.node.send_raw(key_of("relayer").sign_transaction(rival))
    wait_for(lambda: bench.count() == 1)
    with pytest.raises(NotYetPaid) as told:  # the conflict sets the payment back
        worker.settle(promise.number)
    assert "not ours" in told.value.reason
    clock.sleep(10)
    paid = worker.settle(promise.number)
    assert isinstance(bench.submission(first).stage, Conflict)
    assert paid.submission_id != first
    with bench.database.read() as tx:
        assert [one.id for one in submissions.conflicts(tx, bench.chain.key)] == [first]
    assert times_paid(bench, order) == 1
    assert bench.balance("ana") == ["90.00"]


@on_both
def test_a_stranger_who_executes_our_item_has_paid_it(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """Rule 3: of a batch of which a stranger executes one first, all are paid once, and ours is no failure."""
    orders = [bench.order("ana", "ben", "1", id=str(number)) for number in range(3)]
    accepted = [bench.accept(order) for order in orders]
    proxy.next("eth_sendRawTransaction", Fault(before=lambda: deliver_for_somebody(bench, now(bench, accepted[1]))))
    worker = faulty.worker()
    tick_until(worker, lambda: all(isinstance(now(bench, one).stage, Final) for one in accepted))
    assert [times_paid(bench, order) for order in orders] == [1, 1, 1]
    assert bench.balance("ana", "ben") == ["97.00", "3.00"]
    carrier = now(bench, accepted[0]).submission_id
    assert carrier is not None
    tick_until_still(worker)
    assert isinstance(bench.submission(carrier).stage, Confirmed)
    with bench.database.read() as tx:
        assert evidence.unknown_documents(tx, bench.cash.token, [key_of("ana").address], -1) == {}


def test_a_forged_skip_is_no_fact_about_a_payment(bench: Bench) -> None:
    """Rule 3: anybody can have the ledger say that our payment was skipped; it is paid all the same."""
    order = bench.order("ana", "ben", "10")
    promise = bench.accept(order)
    forged = replace(document_of(promise), value=1)
    receipt = send(bench, "stranger", item_of(bench, forged, key_of("eve"), as_payer=forged.payer))
    assert len(receipt.logs) == 1  # a Skipped with ana's name and nonce
    worker = bench.worker()
    worker.catch_up()
    assert now(bench, promise).stage == Queued()
    worker.settle(promise.number)
    assert paid_events(bench, promise.ref) == [Paid(promise.ref, promise.nonce)]


def test_a_bad_item_is_set_aside_and_the_others_go(bench: Bench) -> None:
    """A payment that would fail is set aside with its reason before anything is signed; the others are paid."""
    good = [bench.accept(bench.order("ana", "ben", "1", id=str(number))) for number in range(2)]
    bad = bench.accept(bench.order("gina", "ben", "1", id="bad"))
    bench.act("compliance", "freeze(address,bytes32)", key_of("gina").address, bytes(32))
    worker = bench.worker()
    tick_until(worker, lambda: all(isinstance(now(bench, one).stage, Final) for one in good))
    waiting = now(bench, bad)
    assert (waiting.stage, waiting.setbacks) == (Queued(), 1)
    assert payments.show(bench.database, waiting, 1).waits == "back in the queue: the payer is frozen"
    bench.act("compliance", "unfreeze(address,bytes32)", key_of("gina").address, bytes(32))
    clock = Clock()
    clock.now_s = 10
    bench.worker(**clock.seams).settle(bad.number)
    assert bench.balance("ben") == ["3.00"]


def test_a_node_without_simulation_finds_the_bad_items_too(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """Where the node has no eth_simulateV1, items that would be left out are found by calls, with reasons."""
    proxy.next(
        "eth_simulateV1", *(Fault(error=(-32601, "the method eth_simulateV1 does not exist")) for _ in range(99))
    )
    accepted = [bench.accept(bench.order("ana", "ben", "1", id=str(number))) for number in range(5)]
    frozen = bench.accept(bench.order("gina", "ben", "1", id="frozen"))
    short = bench.accept(bench.order("hugo", "ben", "50", id="short"))
    bench.act("compliance", "freeze(address,bytes32)", key_of("gina").address, bytes(32))
    send(bench, "hugo", call_data("transfer(address,uint256)", key_of("eve").address, 1))
    worker = faulty.worker()
    tick_until(worker, lambda: all(isinstance(now(bench, one).stage, Final) for one in accepted))
    reasons = [now(bench, one).reason for one in (frozen, short)]
    assert "the payer is frozen" in reasons[0]
    assert "balance is too low" in reasons[1]


# ------------------------------------------------------------------------------------------------ time


def test_a_payment_expires_in_the_queue_only_by_proof(bench: Bench) -> None:
    """Rule 2: not our clock but a final block past its time ends a payment; the same id again has the same nonce."""
    bench.act("pauser", "pause()")
    bench.indexer().catch_up()
    order, desk = bench.order("ana", "ben", "100"), bench.desk(lifetime_s=300)
    promise = payments.accept(desk, order, key_of("ana"), b"salt", bench.now_s)
    late = Clock()
    late.now_s = 10_000
    worker = bench.worker(**late.seams)
    for _ in range(6):
        worker.tick()
    assert now(bench, promise).stage == Queued()
    bench.node.set_time(promise.valid_before)
    bench.node.mine()
    tick_until(worker, lambda: now(bench, promise).stage == Expired())
    assert "not carried out" in now(bench, promise).reason
    with bench.database.read() as tx:
        assert payers.standing(tx, bench.cash.token, [order.payer])[order.payer].reserved == 0
    with pytest.raises(NotPaid):
        worker.settle(promise.number)
    bench.act("pauser", "unpause()")
    bench.indexer().catch_up()
    again = payments.retry(bench.desk(), now(bench, promise), key_of("ana"), bench.now_s)
    assert (again.stage, again.nonce) == (Queued(), promise.nonce)
    bench.worker().settle(promise.number)
    assert times_paid(bench, order) == 1


def test_five_hundred_payments_of_one_payer_at_once(bench: Bench) -> None:
    """Rule 4: 64 get window nonces and the others wide ones, so that none can kill another; all are paid once."""
    bench.indexer().catch_up()
    orders = [bench.order("ana", "ben", "0.10", id=str(number)) for number in range(500)]
    keys = key_of("ana")
    accepted = payments.accept_many(bench.desk(), orders, lambda _: keys, lambda: b"salt", bench.now_s)
    nonces = [one.nonce for one in accepted]
    assert len(set(nonces)) == 500
    assert sum(map(is_window, nonces)) == 64
    worker = bench.worker()
    tick_until(worker, lambda: all(isinstance(now(bench, one).stage, Final) for one in accepted[::50]))
    tick_until_still(worker)
    with bench.database.read() as tx:
        assert {type(one.stage) for one in promises.every(tx, [one.number for one in accepted])} == {Final}
        assert not submissions.unfinished(tx, bench.chain.key, [key_of("relayer").address], 9)
    assert bench.balance("ana", "ben") == ["50.00", "50.00"]
    after = bench.accept(bench.order("ana", "ben", "0.10", id="after"))
    assert is_window(after.nonce)


def test_stages_of_this_module_are_told(bench: Bench) -> None:
    """What a payment waits for is said at every stage, in words that are true then."""
    promise = bench.accept(bench.order("ana", "ben", "10"))

    def waits() -> str:
        return payments.show(bench.database, promise, 1).waits

    assert waits() == "no relayer has worked on this chain yet; see `chainwallet relayer run`"
    with Node("http://127.0.0.1:1", attempts=1) as nobody, pytest.raises(NodeUnreachable):
        replace(bench, node=nobody).relayer().tick()
    assert waits().startswith("node unreachable since 20")
    bench.node.set_balance(key_of("relayer").address, 0)
    relayer = bench.relayer()
    relayer.tick()
    relayer.tick()
    assert "relayer out of gas" in waits()
    bench.node.set_balance(key_of("relayer").address, 10**19)
    dear = bench.relayer(limits=Limits(confirmations=1, fee_cap_gwei=1))
    bench.ask("anvil_setNextBlockBaseFeePerGas", hex(30 * 10**9))
    bench.node.mine()
    dear.tick()
    assert "fee above your cap: the chain asks" in waits()
    assert not isinstance(bench.submission(1).stage, Failed | Sent)
