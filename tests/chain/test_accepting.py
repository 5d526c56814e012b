"""Accepting payments: what is covered and no more, by the payer's signature alone, and nothing queued otherwise."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from chainwallet import payments
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Document, Domain
from chainwallet.config import Limits
from chainwallet.errors import BadSignature, BadValue, Expired, FeeAboveCap, InsufficientFunds, NotFound
from chainwallet.evm import Address, Transaction
from chainwallet.payments import Order
from chainwallet.rules.promise import Canceled, Canceling, Final, Offered, Queued
from chainwallet.rules.window import is_window
from chainwallet.store import payers, promises
from chainwallet.store.database import Database
from chainwallet.store.promises import Promise
from tests.chain.bench import Bench, Clock, key_of
from tests.chain.signed_payments import deliver_for_somebody, document_of, paid_events, stored
from tests.chain.stories import now, tick_until
from tests.postgres import on_both

ANA = key_of("ana")


def queued(bench: Bench) -> int:
    with bench.database.read() as tx:
        return len(promises.listed(tx, bench.chain.key, limit=1_000))


# ------------------------------------------------------------------------------------------------ the balance


@on_both
def test_of_a_hundred_at_once_exactly_those_that_are_covered_are_accepted(bench: Bench) -> None:
    """100 payments of one payer at the same time, whose balance covers 10: exactly 10 are accepted."""
    bench.indexer().catch_up()
    start = threading.Barrier(20)

    def ask(worker: int) -> int:
        with closing(Database.open(bench.where)) as database:
            desk = replace(bench.desk(), database=database)
            start.wait(20)
            return sum(accepts(desk, f"{worker} {number}") for number in range(5))

    def accepts(desk: payments.Desk, payment_id: str) -> bool:
        try:
            payments.accept(desk, bench.order("ana", "ben", "10", id=payment_id), ANA, b"salt", bench.now_s)
        except InsufficientFunds:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(ask, range(20))) == 10
    assert queued(bench) == 10
    with bench.database.read() as tx:
        assert payers.standing(tx, bench.cash.token, [ANA.address])[ANA.address].reserved == 100_000_000


def test_what_is_promised_is_not_available_and_what_comes_in_is(bench: Bench) -> None:
    """The available balance is what the facts give less what is promised; money that comes in can be promised on."""
    bench.accept(bench.order("ana", "ben", "60", id="1"))
    with pytest.raises(InsufficientFunds) as refusal:
        bench.accept(bench.order("ana", "ben", "40.01", id="2"))
    assert (refusal.value.available, refusal.value.required) == ("40.00 EUR", "40.01 EUR")
    bench.worker().settle(stored(bench).number)
    bench.accept(bench.order("ben", "cleo", "60", id="3"))
    bench.accept(bench.order("ana", "ben", "40", id="4"))


# ------------------------------------------------------------------------------------------------ many at once


class Elsewhere:
    """Ana's key outside this process; while it signs, somebody makes the document of her payment 1 again."""

    address, is_here = ANA.address, False

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def sign(self, document: Document, domain: Domain) -> bytes:
        with self._bench.database.transaction() as tx:
            found = promises.by_id(tx, self._bench.cash.token, ANA.address, "payment", "1")
            assert found is not None
            promises.set_document(tx, found, found.document + " ", found.valid_before, None, found.ref)
        return ANA.sign(document, domain)


@on_both
def test_what_becomes_of_one_of_many_is_its_own_askers_alone(bench: Bench) -> None:
    """Of payments accepted together each has its own outcome, also where the document of one changed meanwhile."""
    bench.indexer().catch_up()
    orders = [bench.order("ana", "ben", amount, id=str(number)) for number, amount in enumerate(("200", "1", "2"))]
    signer = Elsewhere(bench)
    poor, changed, good = payments.accept_each(bench.desk(), orders, lambda _: signer, lambda: b"salt", bench.now_s)
    assert isinstance(poor, InsufficientFunds)
    assert isinstance(changed, BadValue)
    assert isinstance(good, Promise)
    assert good.stage == Queued()
    again = payments.accept(bench.desk(), orders[1], ANA, b"salt", bench.now_s)
    assert (again.id, again.nonce, again.stage) == ("1", 0, Queued())


# ------------------------------------------------------------------------------------------------ two steps


def test_an_external_owner_signs_in_two_steps(bench: Bench) -> None:
    """Typed data is handed out with its nonce stored; asked again it is the same; the signature queues it."""
    bench.indexer().catch_up()
    order, desk = bench.order("ana", "ben", "10"), bench.desk()
    offered = payments.offer(desk, order, b"salt", bench.now_s)
    assert payments.offer(desk, order, b"salt", bench.now_s).promise == offered.promise
    assert offered.promise.stage == Offered()
    eve = key_of("eve")
    forged = eve.sign(replace(document_of(offered.promise), payer=eve.address), domain_of(bench.cash))
    with pytest.raises(BadSignature):
        payments.take_signature(desk, ANA.address, "1", forged, bench.now_s)
    assert stored(bench).stage == Offered()
    signature = ANA.sign(offered.document, domain_of(bench.cash))
    with pytest.raises(Expired):
        payments.take_signature(desk, ANA.address, "1", signature, offered.promise.valid_before)
    with pytest.raises(NotFound):
        payments.take_signature(desk, ANA.address, "2", signature, bench.now_s)
    taken = payments.take_signature(desk, ANA.address, "1", signature, bench.now_s)
    assert (taken.stage, taken.nonce) == (Queued(), offered.promise.nonce)
    bench.worker().settle(taken.number)
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_an_owner_who_lets_a_document_expire_gets_the_same_nonce_again(bench: Bench) -> None:
    """Rule 1: typed data that expired unsigned is handed out again under the same nonce, with a later time alone."""
    bench.indexer().catch_up()
    order, desk = bench.order("ana", "ben", "10"), bench.desk()
    first = payments.offer(desk, order, b"salt", bench.now_s)
    later_s = first.promise.valid_before
    again = payments.offer(desk, order, b"salt", later_s)
    assert document_of(again.promise).valid_before > later_s
    assert document_of(again.promise) == replace(
        document_of(first.promise), valid_before=document_of(again.promise).valid_before
    )
    assert again.promise.nonce == first.promise.nonce == document_of(again.promise).nonce
    signature = ANA.sign(again.document, domain_of(bench.cash))
    taken = payments.take_signature(desk, ANA.address, "1", signature, later_s)
    bench.worker().settle(taken.number)
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


# ------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("role", ["payer", "payee"])
def test_a_frozen_account_is_refused(bench: Bench, role: str) -> None:
    """A payment from or to a frozen account is refused by name, and nothing is queued."""
    who = {"payer": "ana", "payee": "ben"}[role]
    bench.act("compliance", "freeze(address,bytes32)", key_of(who).address, bytes(32))
    with pytest.raises(BadValue) as refusal:
        bench.accept(bench.order("ana", "ben", "10"))
    assert (refusal.value.field, queued(bench)) == (role, 0)
    bench.act("compliance", "unfreeze(address,bytes32)", key_of(who).address, bytes(32))
    bench.accept(bench.order("ana", "ben", "10"))


def test_a_chain_that_is_too_dear_is_told_before_anything_is_queued(bench: Bench) -> None:
    """Where the chain asks more for gas than the cap, a payment is refused with both figures, and nothing is queued."""
    bench.ask("anvil_setNextBlockBaseFeePerGas", hex(30 * 10**9))
    bench.node.mine()
    worker = bench.worker(limits=Limits(confirmations=1, fee_cap_gwei=1))
    with pytest.raises(FeeAboveCap) as refusal:
        bench.pay(bench.order("ana", "ben", "10"), worker=worker)
    assert (refusal.value.cap_wei, queued(bench)) == (10**9, 0)
    assert refusal.value.asked_wei > 10**9


def test_without_history_nothing_is_accepted(bench: Bench) -> None:
    """Before the ledger's history is followed no balance is known, and no payment is accepted."""
    with pytest.raises(NotFound):
        payments.accept(bench.desk(), bench.order("ana", "ben", "10"), ANA, b"salt", bench.now_s)


# ------------------------------------------------------------------------------------------------ cancelled


def cancel(bench: Bench, promise: Promise) -> int:
    signature = ANA.sign(payments.cancel_document(promise), domain_of(bench.cash))
    return payments.cancel(bench.desk(), promise, signature, key_of("relayer").address, bench.now_s)


def test_a_cancel_ends_one_payment_and_no_other(bench: Bench) -> None:
    """Rule 2: a cancel uses up one nonce on the chain; that proof ends the payment, and the others are paid."""
    first, second, third = (bench.accept(bench.order("ana", "ben", "1", id=str(number))) for number in range(3))
    submission_id = cancel(bench, second)
    assert now(bench, second).stage == Canceling()
    worker = bench.worker()
    worker.relayer.deliver([submission_id])
    for promise in (first, third):
        assert isinstance(worker.settle(promise.number).stage, Final)
    worker.catch_up()
    assert now(bench, second).stage == Canceled()
    assert "cancelled by the payer" in now(bench, second).reason
    assert bench.balance("ben") == ["2.00"]
    with pytest.raises(BadValue):
        cancel(bench, now(bench, second))


def test_a_cancel_that_comes_too_late_changes_nothing(bench: Bench) -> None:
    """Rule 3: where the chain took the payment before its cancel, the payment is paid."""
    promise = bench.accept(bench.order("ana", "ben", "1"))
    cancel(bench, promise)
    deliver_for_somebody(bench, promise)
    worker = bench.worker(**Clock().seams)
    assert isinstance(worker.settle(promise.number).stage, Final)
    assert len(paid_events(bench, promise.ref)) == 1


def test_a_wide_nonce_can_be_cancelled_too(bench: Bench) -> None:
    """A payment beyond the window is cancelled by its own wide nonce."""
    bench.indexer().catch_up()
    orders: list[Order] = [bench.order("ana", "ben", "0.10", id=str(number)) for number in range(65)]
    signer: Any = lambda _: ANA  # noqa: E731 - one key for all
    accepted = payments.accept_many(bench.desk(), orders, signer, lambda: b"salt", bench.now_s)
    assert not is_window(accepted[-1].nonce)
    worker = bench.worker()
    worker.relayer.deliver([cancel(bench, accepted[-1])])
    worker.catch_up()
    assert now(bench, accepted[-1]).stage == Canceled()


class Interrupted:
    """The relayer's key; before its first signature ``meanwhile`` happens."""

    address = key_of("relayer").address

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile: Callable[[], object] | None = meanwhile

    def sign_transaction(self, tx: Transaction) -> bytes:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return key_of("relayer").sign_transaction(tx)


@on_both
def test_what_is_withdrawn_while_its_batch_is_signed_is_not_sent(bench: Bench) -> None:
    """A transaction with a payment that was withdrawn while it was signed is forgotten, unsent; the other is paid."""
    first, second = (bench.accept(bench.order("ana", "ben", "1", id=str(number))) for number in range(2))
    relayer = Interrupted(lambda: cancel(bench, second))
    worker = bench.worker(senders={relayer.address: relayer})
    assert isinstance(worker.settle(first.number).stage, Final)
    tick_until(worker, lambda: now(bench, second).stage == Canceled())
    assert [len(paid_events(bench, one.ref)) for one in (first, second)] == [1, 0]


def test_a_stranger_cannot_cancel(bench: Bench) -> None:
    """A cancel that is not the payer's is refused, and the payment stays in the queue."""
    promise = bench.accept(bench.order("ana", "ben", "1"))
    document = replace(payments.cancel_document(promise), authorizer=Address(key_of("eve").address))
    with pytest.raises(BadSignature):
        payments.cancel(
            bench.desk(), promise, key_of("eve").sign(document, domain_of(bench.cash)), key_of("relayer").address, 5
        )
    assert now(bench, promise).stage == Queued()
