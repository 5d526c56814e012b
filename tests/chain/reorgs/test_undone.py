"""A reorg of any depth returns a payment to delivery, even a final one, and it is paid once all the same.

These are rules 2 and 6 of docs/exactly-once.md. Ana has 100.00.
"""

from collections.abc import Collection
from dataclasses import replace

import pytest

from chainwallet import payments
from chainwallet.abi.domain import domain_of
from chainwallet.errors import NodeRefused
from chainwallet.payments import Order
from chainwallet.rules.promise import Canceled, Carried, Executed, Expired, Final, Offered, Queued
from chainwallet.rules.submission import Final as Confirmed
from chainwallet.rules.window import WIDTH
from chainwallet.store import promises
from chainwallet.store.database import Transaction
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker
from tests.chain.bench import LIMITS, Bench, key_of, wait_for
from tests.chain.signed_payments import document_of
from tests.chain.stories import now, story, tick_until, tick_until_still, times_paid
from tests.postgres import on_both

DEEP = replace(LIMITS, confirmations=5)
HOURS = 7_200  # more than the clock of the chain and ours differ by


def is_as_before(bench: Bench) -> bool:
    """Whether the state is that of before the payment; a busy Anvil answers nothing for a moment after a reorg."""
    try:
        return bench.balance("ana", "ben") == ["100.00", "0.00"]
    except NodeRefused:
        return False


@on_both
@pytest.mark.parametrize("depth", [1, 3, 20, 64])
def test_a_final_payment_that_a_reorg_undoes_is_delivered_again(bench: Bench, depth: int) -> None:
    """Rule 6: a reorg of any depth returns a final payment to delivery by a recorded event, and it is paid once."""
    order = bench.order("ana", "ben", "10")
    promise = bench.accept(order)
    worker = bench.worker()
    worker.settle(promise.number)
    bench.node.mine(depth - 1) if depth > 1 else None
    bench.ask("anvil_reorg", depth, [])
    wait_for(lambda: is_as_before(bench))

    worker.tick()
    assert "WasUndone" in story(bench, promise)
    paid = worker.settle(promise.number)
    assert paid.nonce == promise.nonce
    assert paid.signature == now(bench, promise).signature
    assert times_paid(bench, order) == 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]
    assert paid.submission_id is not None
    assert isinstance(bench.submission(paid.submission_id).stage, Confirmed)


def test_what_stands_as_the_facts_say_is_not_held_one_by_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relayer that starts looks at all that a reorg may have touched; what nothing happened to, it does not hold."""
    worker, desk = bench.worker(), bench.desk()
    canceled, paid = (bench.accept(bench.order("ana", "ben", "1", id=name)) for name in ("canceled", "paid"))
    signature = key_of("ana").sign(payments.cancel_document(canceled), domain_of(bench.cash))
    payments.cancel(desk, canceled, signature, key_of("relayer").address, bench.now_s)
    tick_until(worker, lambda: isinstance(now(bench, canceled).stage, Canceled))
    worker.settle(paid.number)
    bench.ask("anvil_reorg", 1, [])
    tick_until(worker, lambda: "WasUndone" in story(bench, paid))
    worker.settle(paid.number)
    tick_until_still(worker)

    held: list[int] = []

    def hold(_: Transaction, numbers: Collection[int]) -> tuple[Promise, ...]:
        held.extend(numbers)
        return ()

    monkeypatch.setattr(promises, "held", hold)
    bench.relayer().catch_up()
    assert held == []


def test_an_execution_is_final_only_when_it_is_deep_enough(bench: Bench) -> None:
    """Rule 2: until as many blocks as were asked for confirm it, a payment is not final, and a reorg takes it back."""
    worker, order = bench.worker(limits=DEEP), bench.order("ana", "ben", "10")
    promise = payments.accept(_caught_up(bench, 5), order, key_of("ana"), b"salt", bench.now_s)
    tick_until(worker, lambda: isinstance(now(bench, promise).stage, Executed))
    tick_until_still(worker)
    shown = payments.show(bench.database, now(bench, promise), 5)
    assert (shown.stage, shown.waits) == ("paid, waits for confirmations", "1 of 5 confirmations")
    bench.node.mine(2)
    tick_until_still(worker)
    assert payments.show(bench.database, promise, 5).waits == "3 of 5 confirmations"
    bench.ask("anvil_reorg", 3, [])
    tick_until(worker, lambda: "WasUndone" in story(bench, promise))
    bench.node.mine(4)
    tick_until(worker, lambda: isinstance(now(bench, promise).stage, Executed))
    bench.node.mine(4)
    assert isinstance(worker.settle(promise.number).stage, Final)
    assert "WasReorged" in story(bench, promise)
    assert times_paid(bench, order) == 1


def _caught_up(bench: Bench, confirmations: int) -> payments.Desk:
    bench.indexer().catch_up()
    return bench.desk(confirmations=confirmations)


def undone_after_it_expired(bench: Bench, worker: Worker, order: Order) -> Promise:
    """A payment that was final, and that a reorg undid when its document was dead already."""
    bench.node.mine()  # a head of now
    bench.indexer().catch_up()
    desk = bench.desk(lifetime_s=300)
    promise = payments.accept(desk, order, key_of("ana"), b"salt", bench.now_s)
    worker.settle(promise.number)
    bench.ask("anvil_reorg", 1, [])
    bench.node.set_time(promise.valid_before + 10)
    bench.node.mine()
    tick_until(worker, lambda: "WasUndone" in story(bench, promise))
    return promise


def test_an_undone_payment_that_expired_is_signed_again_under_its_nonce(bench: Bench) -> None:
    """Rule 6: where the document expired before it was undone, its managed key signs again under the same nonce."""
    worker, order = bench.worker(), bench.order("ana", "ben", "10")
    promise = undone_after_it_expired(bench, worker, order)
    paid = worker.settle(promise.number)
    assert (paid.nonce, times_paid(bench, order)) == (promise.nonce, 1)
    assert paid.signature != promise.signature
    assert paid.valid_before > promise.valid_before
    assert story(bench, promise).index("WasRenewed") > story(bench, promise).index("WasUndone")
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_an_external_owner_is_asked_again(bench: Bench) -> None:
    """Rule 6: where the payer's key is elsewhere, the new document waits for their signature, and says so."""
    worker, order = bench.worker(payers=lambda _: None), bench.order("ana", "ben", "10")
    promise = undone_after_it_expired(bench, worker, order)
    tick_until(worker, lambda: now(bench, promise).stage == Offered())
    waiting = now(bench, promise)
    assert waiting.nonce == promise.nonce
    assert "undone" in payments.show(bench.database, waiting, 1).waits
    bench.indexer().catch_up()
    signature = key_of("ana").sign(document_of(waiting), domain_of(bench.cash))
    payments.take_signature(bench.desk(), order.payer, order.id, signature, bench.now_s)
    worker.settle(promise.number)
    assert times_paid(bench, order) == 1


def test_another_lane_leaves_an_undone_payment_to_the_transaction_that_is_sent_again(bench: Bench) -> None:
    """A batch that a reorg took back is sent again by its own lane; another lane that takes it up joins it to that."""
    bench.node.set_balance(key_of("relayer two").address, 10**19)
    first, order = bench.worker(), bench.order("ana", "ben", "10")
    promise = first.settle(bench.accept(order).number)
    bench.ask("anvil_reorg", 1, [])
    wait_for(lambda: is_as_before(bench))
    bench.ask("evm_setAutomine", False)
    try:
        first.relayer.close()
        bench.worker("relayer", carriers=frozenset()).tick()
        assert now(bench, promise).stage == Queued()
        bench.worker("relayer two", carriers=frozenset({key_of("relayer two").address})).tick()
        assert now(bench, promise).submission_id == promise.submission_id
    finally:
        bench.ask("evm_setAutomine", True)
    bench.node.mine()
    assert isinstance(bench.worker().settle(promise.number).stage, Final)
    assert times_paid(bench, order) == 1


@pytest.mark.parametrize("is_new", [True, False])
def test_a_lane_notices_what_was_lost_while_another_went_on(bench: Bench, is_new: bool) -> None:
    """A transaction that a reorg took back while its own lane was away goes out again, whatever ended above it."""
    bench.node.set_balance(key_of("relayer two").address, 10**19)
    first = bench.worker(carriers=frozenset({key_of("relayer").address}))
    promise = first.settle(bench.accept(bench.order("ana", "ben", "10")).number)
    first.relayer.close()
    bench.ask("anvil_reorg", 1, [])
    wait_for(lambda: is_as_before(bench))
    second = bench.worker("relayer two", carriers=frozenset({key_of("relayer two").address}))
    second.settle(bench.accept(bench.order("ana", "ben", "20", id="another")).number)
    second.settle(promise.number)
    second.relayer.close()
    first = bench.worker() if is_new else first
    assert promise.submission_id is not None

    def is_there() -> bool:
        stage = bench.submission(promise.submission_id or 0).stage
        return isinstance(stage, Confirmed) and bench.node.block(stage.block).hash == stage.block_hash

    assert not is_there()
    tick_until(first, is_there)
    assert bench.balance("ana", "ben") == ["70.00", "30.00"]


def test_no_younger_payment_kills_the_nonce_of_one_that_was_undone(bench: Bench) -> None:
    """Another lane carries no payment whose nonce is a window above that of one which waits for its own lane."""
    bench.node.set_balance(key_of("relayer two").address, 10**19)
    first = bench.worker(carriers=frozenset({key_of("relayer").address}))
    promise = first.settle(bench.accept(bench.order("ana", "ben", "10")).number)
    first.relayer.close()
    away = bench.worker("relayer", carriers=frozenset()).relayer
    later = [bench.accept(bench.order("ana", "ben", "0.01", id=f"later {at}")) for at in range(WIDTH)]
    assert [one.nonce - promise.nonce for one in later] == list(range(1, WIDTH + 1))
    bench.ask("anvil_reorg", 1, [])
    wait_for(lambda: is_as_before(bench))
    bench.ask("evm_setAutomine", False)
    try:
        away.tick()  # it sends its transaction again, which is lost, and then does nothing more
        bench.ask("anvil_dropAllTransactions")
    finally:
        bench.ask("evm_setAutomine", True)
    second = bench.worker("relayer two", carriers=frozenset({key_of("relayer two").address}))
    second.settle(later[-2].number)
    tick_until_still(second)
    assert (now(bench, promise).stage, now(bench, later[-1]).stage) == (Carried(promise.submission_id or 0), Queued())
    away.close()
    assert isinstance(bench.worker().settle(promise.number).stage, Final)
    assert isinstance(bench.worker().settle(later[-1].number).stage, Final)


def test_an_end_by_time_is_undone_with_its_block(bench: Bench) -> None:
    """A payment that ended by a block past its time is under way again where a reorg takes that block away."""
    worker = bench.worker(carriers=frozenset())
    worker.catch_up()
    order, parent = bench.order("ana", "ben", "10"), bench.node.block("latest")
    promise = payments.accept(bench.desk(lifetime_s=HOURS), order, key_of("ana"), b"salt", bench.now_s)
    bench.ask("evm_setNextBlockTimestamp", promise.valid_before)
    bench.node.mine()
    tick_until(worker, lambda: now(bench, promise).stage == Expired())
    bench.ask("anvil_rollback", 1)
    bench.ask("evm_setNextBlockTimestamp", parent.timestamp_s + 1)
    bench.node.mine()
    tick_until(worker, lambda: now(bench, promise).stage == Queued())
    assert story(bench, promise)[-2:] == ["WasOutlived", "WasUndone"]


def test_what_a_reorg_took_back_is_judged_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all that a reorg did is judged, a tick in which nothing happens looks at no ended payment any more."""
    worker = bench.worker()
    for number in range(3):
        worker.settle(bench.accept(bench.order("ana", "ben", "1", id=str(number))).number)
    before = [now(bench, bench.accept(bench.order("ana", "ben", "1", id=str(number)))) for number in range(3)]
    bench.ask("anvil_reorg", 1, [])
    tick_until(worker, lambda: "WasUndone" in story(bench, before[-1]))
    worker.settle(before[-1].number)
    tick_until_still(worker)
    looked_at: list[int] = []
    usual = promises.held

    def held(tx: Transaction, numbers: Collection[int]) -> tuple[Promise, ...]:
        looked_at.extend(numbers)
        return usual(tx, numbers)

    monkeypatch.setattr(promises, "held", held)
    worker.tick()
    assert looked_at == []
