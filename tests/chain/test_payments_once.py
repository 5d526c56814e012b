"""Payments happen once: whatever ends in between, whoever else delivers, whatever is left out. Ana has 100.00."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from chainwallet import payments
from chainwallet.abi.calls import payment_ref
from chainwallet.abi.events import Paid, SkipReason, decode_event
from chainwallet.abi.typed_data import Payment
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import BadValue, NodeTrouble, NotPaid, NotYetPaid
from chainwallet.evm import ZERO_ADDRESS, Hash32, keccak256, to_hex
from chainwallet.payments import Order, Receipt
from chainwallet.relayer import Relayer
from chainwallet.rpc import Node
from chainwallet.rules.promise import Expired
from chainwallet.rules.submission import Signed
from chainwallet.store.database import Database
from chainwallet.worker import Worker
from tests.chain.bench import Bench, Clock, key_of
from tests.chain.carriers import SHORT_LEASE
from tests.chain.fault_proxy import Fault, FaultProxy
from tests.chain.signed_payments import (
    cancel_up_to,
    deliver_for_somebody,
    document_of,
    item_of,
    paid_events,
    send,
    stored,
)
from tests.postgres import on_both

BEN = key_of("ben").address
pytestmark = on_both
REASON = keccak256(b"a reason")


# ------------------------------------------------------------------------------------------------ once


def test_the_same_id_pays_once(bench: Bench) -> None:
    """The same order again is the same payment: the same receipt, no transaction, no money."""
    order = bench.order("ana", "ben", "10", memo="rent")
    first, count = bench.pay(order), bench.count()
    assert bench.pay(order) == first
    assert bench.pay(order, now_s=bench.now_s + 10**6) == first
    assert bench.count() == count
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


@pytest.mark.parametrize("changes", [{"amount": "11"}, {"payee": "cleo"}, {"memo": "other"}, {"memo": None}])
def test_the_same_id_with_other_content_is_refused(bench: Bench, changes: dict[str, Any]) -> None:
    """An id that stands for a payment is refused for another amount, payee or memo, and nothing is sent."""
    order = bench.order("ana", "ben", "10", memo="rent")
    bench.pay(order)
    count = bench.count()
    if "amount" in changes:
        changes = {"amount": bench.money(changes["amount"])}
    elif "payee" in changes:
        changes = {"payee": key_of(changes["payee"]).address}
    with pytest.raises(BadValue) as refusal:
        bench.pay(replace(order, **changes))
    assert refusal.value.field == "id"
    assert bench.count() == count
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_the_same_id_of_another_payer_is_another_payment(bench: Bench) -> None:
    """Ids are each payer's own."""
    bench.pay(bench.order("ana", "ben", "10"))
    bench.pay(bench.order("ben", "ana", "4"))
    assert bench.balance("ana", "ben") == ["94.00", "6.00"]


def test_processes_that_pay_the_same_at_once_pay_once(bench: Bench) -> None:
    """Processes with the same order at the same time make one payment, and all get its receipt."""
    count = bench.count()

    def pay(_: int) -> Receipt:
        with closing(Database.open(bench.where)) as database, Node(bench.url) as node:
            mine = replace(bench, database=database, node=node)
            tools = mine.tools(limits=SHORT_LEASE)
            worker = Worker(tools, Relayer(tools), mine.indexer)
            try:
                return mine.pay(mine.order("ana", "ben", "10"), worker=worker)
            finally:
                worker.relayer.close()

    with ThreadPoolExecutor(3) as threads:
        receipts = list(threads.map(pay, range(3)))
    assert len(set(receipts)) == 1
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_the_same_order_at_the_same_moment_is_one_promise(bench: Bench) -> None:
    """Those who begin the same payment at the same moment get the same promise, under one nonce."""
    bench.indexer().catch_up()
    start = threading.Barrier(6)

    def begin_it(order_id: str) -> int:
        with closing(Database.open(bench.where)) as database:
            desk = replace(bench.desk(), database=database)
            start.wait(20)
            return payments.offer(desk, bench.order("ana", "ben", "1", id=order_id), b"salt", bench.now_s).promise.nonce

    with ThreadPoolExecutor(6) as pool:
        for number in range(5):
            assert set(pool.map(begin_it, [str(number)] * 6)) == {number}


def begin(bench: Bench, order: Order) -> int:
    """Begins a payment in a run that ends when its transaction is signed; the submission that carries it."""
    bench.accept(order)
    assert bench.relayer().tick() == 2  # takes it up, and signs
    submission_id = stored(bench).submission_id
    assert submission_id is not None
    assert isinstance(bench.submission(submission_id).stage, Signed)
    return submission_id


def test_a_payment_that_is_mined_while_we_look_is_not_sent_again(
    bench: Bench, faulty: Bench, proxy: FaultProxy
) -> None:
    """A payment that another process brings to the chain just when we look for it is not delivered a second time."""
    order, count = bench.order("ana", "ben", "10"), bench.count()
    submission_id = begin(bench, order)
    proxy.next("eth_getTransactionReceipt", Fault(after=lambda: bench.relayer().deliver([submission_id])))
    faulty.pay(order)
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_a_payment_under_way_is_waited_for_before_it_is_signed_again(bench: Bench) -> None:
    """While signed bytes may be anywhere, they are delivered as they are, even where their document looks expired."""
    order, count = bench.order("ana", "ben", "10"), bench.count()
    begin(bench, order)
    document = stored(bench).document
    bench.pay(order, now_s=bench.now_s + 10**6)
    assert stored(bench).document == document
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


@pytest.mark.parametrize("forward", [False, True], ids=["before the node", "after the node"])
def test_a_payment_that_ends_at_any_request_is_continued(
    bench: Bench, faulty: Bench, proxy: FaultProxy, forward: bool
) -> None:
    """Wherever a payment loses its node, the same order again finishes it, and it is paid exactly once."""
    faulty.pay(bench.order("ana", "ben", "1", id="sample"))
    requests, count = len(proxy.methods), bench.count()
    assert "eth_sendRawTransaction" in proxy.methods
    clock = Clock()
    places = range(2 * forward, requests, 4)
    for served in places:
        order = bench.order("ana", "ben", "1", id=str(served))
        before = bench.balance("ben")
        proxy.die_after(served, forward=forward)
        with suppress(NodeTrouble):  # the last requests come when it is paid
            faulty.pay(order, worker=faulty.worker(**clock.seams))
        proxy.heal()
        bench.pay(order, worker=bench.worker(**clock.seams))
        count += 1
        assert len(paid_events(bench, payment_ref(order.payer, bench.cash.address, order.id))) == 1
        assert bench.balance("ben") != before
        assert bench.count() == count
    assert bench.balance("ben") == [f"{1 + len(places)}.00"]


def test_a_payment_delivered_by_somebody_else_is_paid(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """A payment whose signed document a stranger delivers before us is paid: it is reported with their transaction."""

    def overtake() -> None:
        deliver_for_somebody(bench, stored(bench))

    proxy.next("eth_sendRawTransaction", Fault(before=overtake))
    receipt = faulty.pay(bench.order("ana", "ben", "10"))
    theirs = bench.ask("eth_getTransactionByHash", to_hex(receipt.tx))
    assert isinstance(theirs, dict)
    assert theirs["from"] == to_hex(key_of("stranger").address)
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]
    assert bench.pay(bench.order("ana", "ben", "10")) == receipt
    assert paid_events(bench, receipt.payment_ref) == [Paid(receipt.payment_ref, 0)]


def test_an_unsent_payment_that_somebody_else_delivers_sends_nothing(bench: Bench, proxy: FaultProxy) -> None:
    """Where the chain shows that a payment was carried out, the same order again answers so and sends nothing."""
    order = bench.order("ana", "ben", "10")

    bench.accept(order)
    deliver_for_somebody(bench, stored(bench))
    count = bench.count()
    assert bench.pay(order).payment_ref == payment_ref(order.payer, bench.cash.address, "1")
    assert (bench.count(), proxy.sent) == (count, [])
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_somebody_elses_event_with_our_reference_is_no_payment(bench: Bench) -> None:
    """A stranger's own payment that carries our reference and nonce does not pass for ours."""
    bench.top_up("5", "eve", bank_ref="eve's")
    order = bench.order("ana", "ben", "10")
    ref = payment_ref(order.payer, bench.cash.address, "1")

    bench.accept(order)
    eve = key_of("eve")
    spoof = Payment(eve.address, order.payee, order.amount.token_units // 10, ref, 0, bench.now_s + 1000)
    send(bench, "eve", item_of(bench, spoof, eve))
    assert paid_events(bench, ref) == [Paid(ref, 0)]
    bench.pay(order)
    assert paid_events(bench, ref) == [Paid(ref, 0), Paid(ref, 0)]
    assert bench.balance("ana", "ben") == ["90.00", "11.00"]


# ------------------------------------------------------------------------------------------------ left out


def leave_out(bench: Bench, faulty: Bench, proxy: FaultProxy, order: Order) -> NotYetPaid:
    """Our transaction is mined just after the payer was frozen."""

    def freeze() -> None:
        bench.act("compliance", "freeze(address,bytes32)", order.payer, REASON)

    proxy.next("eth_sendRawTransaction", Fault(before=freeze))
    with pytest.raises(NotYetPaid) as refusal:
        faulty.pay(order)
    return refusal.value


def test_a_payment_left_out_can_be_delivered_again(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """A payment that the chain left out says why; the same order again delivers the same document, and pays once."""
    order, count = bench.order("ana", "ben", "10"), bench.count()
    assert "the payer is frozen" in leave_out(bench, faulty, proxy, order).reason
    assert bench.count() == count + 1
    with pytest.raises(NotYetPaid) as set_aside:
        bench.pay(order)
    assert "the payer is frozen" in set_aside.value.reason
    assert bench.count() == count + 1
    signature = stored(bench).signature
    bench.act("compliance", "unfreeze(address,bytes32)", order.payer, REASON)
    receipt = bench.pay(order)
    assert stored(bench).signature == signature
    assert bench.count() == count + 2
    assert bench.pay(order) == receipt
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_an_expired_payment_is_signed_again_under_its_nonce(bench: Bench) -> None:
    """A document that expired undelivered is signed again under the same nonce, so that only one can ever pay."""
    order = bench.order("ana", "ben", "10")
    with pytest.raises(NotPaid):
        bench.pay(order, desk=bench.desk(lifetime_s=0))
    expired = stored(bench)
    assert expired.stage == Expired()
    receipt = bench.pay(order)
    renewed = stored(bench)
    assert renewed.nonce == expired.nonce
    assert document_of(renewed) == replace(document_of(expired), valid_before=document_of(renewed).valid_before)
    assert renewed.signature != expired.signature
    assert paid_events(bench, receipt.payment_ref) == [Paid(receipt.payment_ref, renewed.nonce)]
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_a_document_outlives_a_quiet_chain(bench: Bench) -> None:
    """On a chain that mined nothing for days a document still lives a day from now, not from the last block."""
    now_s = bench.now_s + 3 * 86_400
    bench.pay(bench.order("ana", "ben", "10"), now_s=now_s)
    assert document_of(stored(bench)).valid_before == now_s + LONGEST_LIFETIME_S


def test_nonces_go_on_above_what_the_chain_has_seen(bench: Bench) -> None:
    """A home that knows nothing of a payer's earlier nonces takes one above all that were used or cancelled."""
    cancel_up_to(bench, 40)
    bench.pay(bench.order("ana", "ben", "1"))
    assert stored(bench).nonce == 40
    elsewhere = Payment(
        key_of("ana").address, BEN, 1_000_000, Hash32(b"\x01" * 32), 45, bench.now_s + LONGEST_LIFETIME_S
    )
    send(bench, "stranger", item_of(bench, elsewhere, key_of("ana")))
    bench.pay(bench.order("ana", "ben", "1", id="2"))
    assert stored(bench, promise_id="2").nonce == 46
    assert bench.balance("ana", "ben") == ["97.00", "3.00"]


def test_a_cancelled_promise_is_over(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """A payment whose nonce the payer cancelled is never made under that id again, and says that it needs a new one."""
    order = bench.order("ana", "ben", "10")
    leave_out(bench, faulty, proxy, order)
    cancel_up_to(bench, 1)
    bench.act("compliance", "unfreeze(address,bytes32)", order.payer, REASON)
    for _ in range(2):
        with pytest.raises(NotPaid) as refusal:
            bench.pay(order)
        assert "cancelled by the payer" in refusal.value.reason
    bench.pay(replace(order, id="2"))
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_the_contract_gives_the_reasons_that_we_know(bench: Bench) -> None:
    """The reasons that the contract gives for leaving a payment out are the ones that we tell."""
    ana, now_s = key_of("ana"), bench.now_s
    bench.act("compliance", "freeze(address,bytes32)", key_of("eve").address, REASON)
    good = Payment(ana.address, BEN, 1, Hash32(bytes(32)), 0, now_s + 1000)
    cases = {
        SkipReason.EXPIRED: replace(good, valid_before=now_s),
        SkipReason.INVALID_PAYEE: replace(good, payee=ZERO_ADDRESS),
        SkipReason.NONCE_UNAVAILABLE: replace(good, nonce=5_000),
        SkipReason.PAYEE_FROZEN: replace(good, payee=key_of("eve").address),
        SkipReason.PAYER_FROZEN: replace(good, payer=key_of("eve").address),
        SkipReason.INSUFFICIENT_BALANCE: replace(good, value=10**12),
        SkipReason.INVALID_SIGNATURE: replace(good, payer=BEN, payee=ana.address, value=0),
    }
    for reason, payment in cases.items():
        signer = key_of("eve") if payment.payer == key_of("eve").address else ana
        mined = send(bench, "stranger", item_of(bench, payment, signer))
        receipt = bench.node.receipt(mined.tx)
        assert receipt is not None
        (event,) = [decode_event(log) for log in receipt.logs]
        assert getattr(event, "reason", None) == reason
