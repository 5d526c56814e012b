"""Payments on a real chain: exactly once and to the cent, whatever fails, whoever else delivers. Ana has 100.00."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from chainwallet import promises
from chainwallet.abi.calls import call_data, pay_data, pay_item, payment_ref
from chainwallet.abi.domain import domain_of
from chainwallet.abi.events import PAID_TOPIC, Paid, SkipReason, Transfer, decode_event
from chainwallet.abi.typed_data import Document, Domain, Payment, from_typed_data
from chainwallet.errors import (
    BadSignature,
    BadValue,
    InsufficientFunds,
    NodeTrouble,
    Reverted,
    TooPrecise,
)
from chainwallet.evm import ZERO_ADDRESS, Hash32, keccak256, to_hex
from chainwallet.keys.signer import LocalSigner, to_compact
from chainwallet.payments import Order
from chainwallet.rules.money import Money
from chainwallet.rules.submission import Mined
from chainwallet.store import submissions
from chainwallet.store.promises import Promise
from tests.chain.bench import JPY, Bench, Clock, key_of
from tests.chain.fault_proxy import Fault, FaultProxy

REASON = keccak256(b"a reason")


def stored(bench: Bench, payer: str = "ana", promise_id: str = "1") -> Promise:
    promise = bench.promise(payer, promise_id)
    assert promise is not None
    return promise


def document_of(promise: Promise) -> Payment:
    document, _ = from_typed_data(json.loads(promise.document))
    assert isinstance(document, Payment)
    return document


def paid_events(bench: Bench, ref: Hash32) -> list[object]:
    """All ``Paid`` events with a reference, ever."""
    logs = bench.node.logs(bench.cash.address, 0, bench.node.block_number(), [PAID_TOPIC, ref])
    return [decode_event(log) for log in logs]


def send(bench: Bench, name: str, key: str, data: bytes) -> Mined:
    """Any call of the ledger by somebody, with ETH for its gas."""
    bench.node.set_balance(key_of(name).address, 10**18)
    with bench.database.transaction() as tx:
        sent = submissions.put(tx, bench.chain.key, key, key_of(name).address, bench.cash.address, data, 5)
    (mined,) = bench.relayer(name).deliver([sent])
    return mined


def cancel_up_to(bench: Bench, nonce: int) -> None:
    send(bench, "ana", f"cancel {nonce}", call_data("cancelNonces(uint256)", nonce))


def item_of(bench: Bench, payment: Payment, signer: LocalSigner) -> bytes:
    """Call data with one payment, signed by ``signer`` as if it were the payer."""
    r, vs = to_compact(signer.sign(replace(payment, payer=signer.address), domain_of(bench.cash)))
    return pay_data([pay_item(payment, r + vs)])


def deliver_for_somebody(bench: Bench, promise: Promise) -> None:
    """A stranger, who saw the signed document, delivers it."""
    assert promise.signature is not None
    r, vs = to_compact(promise.signature)
    data = pay_data([pay_item(document_of(promise), r + vs)])
    send(bench, "stranger", f"copied at {bench.node.block_number()}", data)


# ------------------------------------------------------------------------------------------------ the plain way


def test_a_payment_moves_exactly_its_amount(bench: Bench) -> None:
    """A payment takes exactly its amount from the payer to the payee and says so with its reference and nonce."""
    receipt = bench.pay(bench.order("ana", "ben", "12.34", memo="dinner"))
    assert bench.balance("ana", "ben") == ["87.66", "12.34"]
    ref = payment_ref(key_of("ana").address, bench.cash.address, "1")
    on_chain = bench.node.receipt(receipt.tx)
    assert on_chain is not None
    assert (receipt.payment_ref, receipt.block, receipt.gas_used) == (ref, on_chain.block, on_chain.gas_used)
    assert [decode_event(log) for log in on_chain.logs] == [
        Transfer(key_of("ana").address, key_of("ben").address, 12_340_000),
        Paid(ref, stored(bench).nonce),
    ]
    rebuilt = bench.rebuilt_balances()
    assert (rebuilt[key_of("ana").address], rebuilt[key_of("ben").address]) == (87_660_000, 12_340_000)


def test_a_payer_needs_no_ether(bench: Bench) -> None:
    """The payer only signs: they hold no ETH and send no transaction, before or after."""
    bench.pay(bench.order("ana", "ben", "1"))
    assert bench.node.balance_wei(key_of("ana").address) == 0
    assert bench.count("ana") == 0


def test_the_memo_is_never_on_the_chain(bench: Bench) -> None:
    """The memo is kept in the database and is nowhere in call data or events, nor is its hash."""
    memo = "Geburtstag bei Łukasz 🎂"
    receipt = bench.pay(bench.order("ana", "ben", "1", memo=memo))
    assert stored(bench).memo == memo
    secrets = [text for word in (memo, "Geburtstag", "Łukasz") for text in (word.encode().hex(), hash_of(word))]
    transaction = bench.ask("eth_getTransactionByHash", to_hex(receipt.tx))
    logs = bench.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    for public in (transaction, logs):
        assert not [secret for secret in secrets if secret in json.dumps(public)]


def hash_of(text: str) -> str:
    return keccak256(text.encode()).hex()


def test_two_payments_have_two_nonces(bench: Bench) -> None:
    """Each payment of a payer has a nonce of its own, one above the other."""
    for number in ("1", "2", "3"):
        bench.pay(bench.order("ana", "ben", "1", id=number))
    assert [stored(bench, promise_id=number).nonce for number in ("1", "2", "3")] == [0, 1, 2]
    assert bench.balance("ana", "ben") == ["97.00", "3.00"]


def test_the_whole_balance_can_be_paid(bench: Bench) -> None:
    """A payer can pay everything they hold, and what came in can be paid on."""
    bench.pay(bench.order("ana", "ben", "100"))
    bench.pay(bench.order("ben", "cleo", "100"))
    assert bench.balance("ana", "ben", "cleo") == ["0.00", "0.00", "100.00"]


def test_balances_below_a_cent_are_shown(bench: Bench) -> None:
    """A balance with a part of a cent is shown with all the token's decimals, not rounded."""
    bench.act("issuer", "mint(address,uint256,bytes32)", key_of("ana").address, 1, REASON)
    assert bench.balance("ana") == ["100.000001"]


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


PAY = """
import sys, time
from pathlib import Path
from chainwallet import payments
from chainwallet.deployment import open_cash
from chainwallet.evm import parse_address
from chainwallet.keys.signer import LocalSigner
from chainwallet.relayer import Relayer
from chainwallet.rpc import Node
from chainwallet.rules.money import parse_money
from chainwallet.store.database import Database
database, url, manifests, payer, relayer, payee = sys.argv[1:]
payer, relayer, node = LocalSigner.from_hex(payer), LocalSigner.from_hex(relayer), Node(url)
database = Database(Path(database))
cash, _ = open_cash(node, Path(manifests), "EUR")
clocks = time.time, time.monotonic, time.sleep
carrier = Relayer(database, node, cash.chain.key, cash.chain.chain_id, {relayer.address: relayer}, *clocks)
order = payments.Order("1", payer.address, parse_address(payee), parse_money("10", cash.currency), None)
paid = payments.pay(node, database, carrier.deliver, relayer.address, cash, order, payer, b"salt", int(time.time()))
print(paid.tx.hex())
"""


def test_processes_that_pay_the_same_at_once_pay_once(bench: Bench) -> None:
    """Two processes with the same order at the same time make one payment, and both get its receipt."""
    count = bench.count()
    secrets = [keccak256(f"chainwallet tests: {name}".encode()).hex() for name in ("ana", "relayer")]
    places = [str(bench.database.path), bench.url, str(bench.deployed.manifests)]
    argv = [sys.executable, "-c", PAY, *places, *secrets, to_hex(key_of("ben").address)]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    answers = [process.communicate(timeout=50) for process in running]
    assert {error for _, error in answers} == {b""}
    assert len({answer for answer, _ in answers}) == 1
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


@pytest.mark.parametrize("forward", [False, True], ids=["before the node", "after the node"])
def test_a_payment_that_ends_at_any_request_is_continued(
    bench: Bench, faulty: Bench, proxy: FaultProxy, forward: bool
) -> None:
    """Wherever a payment loses its node, the same order again finishes it, and it is paid exactly once."""
    proxy.heal()
    bench.through(faulty.node).pay(bench.order("ana", "ben", "1", id="sample"))
    requests, count = len(proxy.methods), bench.count()
    for served in range(requests):
        order = bench.order("ana", "ben", "1", id=str(served))
        proxy.die_after(served, forward=forward)
        with pytest.raises(NodeTrouble):
            faulty.pay(order, deliver=faulty.relayer(**Clock().seams).deliver)
        proxy.heal()
        bench.pay(order, deliver=bench.relayer(**Clock().seams).deliver)
        assert len(paid_events(bench, payment_ref(order.payer, bench.cash.address, order.id))) == 1
        assert bench.balance("ben") == [f"{served + 2}.00"]
    assert bench.count() == count + requests
    assert len(set(proxy.sent)) <= count + requests


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

    def die(_: object) -> tuple[Any, ...]:
        raise NodeTrouble("gone")

    with pytest.raises(NodeTrouble):
        bench.pay(order, deliver=die)
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

    def die(_: object) -> tuple[Any, ...]:
        raise NodeTrouble("gone")

    with pytest.raises(NodeTrouble):
        bench.pay(order, deliver=die)
    eve = key_of("eve")
    spoof = Payment(eve.address, order.payee, order.amount.token_units // 10, ref, 0, bench.now_s + 1000)
    send(bench, "eve", "spoof", item_of(bench, spoof, eve))
    assert paid_events(bench, ref) == [Paid(ref, 0)]
    bench.pay(order)
    assert paid_events(bench, ref) == [Paid(ref, 0), Paid(ref, 0)]
    assert bench.balance("ana", "ben") == ["90.00", "11.00"]


# ------------------------------------------------------------------------------------------------ refused

BEN = key_of("ben").address


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": Money(5, JPY)}, "amount"),
        ({"amount": 2**96}, "amount"),
        ({"payee": ZERO_ADDRESS}, "payee"),
        ({"payee": "the token"}, "payee"),
        ({"payee": key_of("ana").address}, "payee"),
        ({"id": ""}, "id"),
        ({"id": "x" * 101}, "id"),
        ({"id": "\ud800"}, "id"),
        ({"memo": "x" * 281}, "memo"),
        ({"memo": "\udcff"}, "memo"),
    ],
)
def test_an_order_that_cannot_be_is_refused(bench: Bench, changes: dict[str, Any], field: str) -> None:
    """What can be no payment is refused naming the field; nothing is stored, signed or sent."""
    if isinstance(changes.get("amount"), int):
        changes = {"amount": Money(changes["amount"], bench.cash.currency)}
    if changes.get("payee") == "the token":
        changes = {"payee": bench.cash.address}
    count = bench.count()
    order = replace(bench.order("ana", "ben", "1"), **changes)
    with pytest.raises(BadValue) as refusal:
        bench.pay(order)
    assert refusal.value.field == field
    assert str(refusal.value).isprintable()
    assert_untouched(bench, count)


def assert_untouched(bench: Bench, count: int) -> None:
    assert bench.promise("ana") is None
    assert bench.count() == count
    assert bench.unfinished() == ()
    assert bench.balance("ana", "ben") == ["100.00", "0.00"]


def test_an_amount_with_too_many_decimals_is_refused(bench: Bench) -> None:
    """An amount finer than the currency's decimals is refused when it is read, never rounded."""
    with pytest.raises(TooPrecise):
        bench.order("ana", "ben", "1.005")


def test_more_than_the_balance_is_refused(bench: Bench) -> None:
    """A payment above the balance is refused with both figures, and takes no nonce."""
    count = bench.count()
    with pytest.raises(InsufficientFunds) as refusal:
        bench.pay(bench.order("ana", "ben", "100.01"))
    assert (refusal.value.available, refusal.value.required) == ("100.000000 EUR", "100.01 EUR")
    assert_untouched(bench, count)


@pytest.mark.parametrize("role", ["payer", "payee"])
def test_a_frozen_account_neither_pays_nor_is_paid(bench: Bench, role: str) -> None:
    """A frozen payer or payee is named and nothing is sent; once unfrozen, the same order is paid."""
    frozen = key_of({"payer": "ana", "payee": "ben"}[role]).address
    bench.act("compliance", "freeze(address,bytes32)", frozen, REASON)
    count, order = bench.count(), bench.order("ana", "ben", "10")
    with pytest.raises(BadValue) as refusal:
        bench.pay(order)
    assert refusal.value.field == role
    assert_untouched(bench, count)
    bench.act("compliance", "unfreeze(address,bytes32)", frozen, REASON)
    bench.pay(order)
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_a_pause_is_told_and_then_the_same_order_is_paid(bench: Bench) -> None:
    """While the ledger is paused a payment is refused for that reason with nothing sent; later it is paid once."""
    bench.act("pauser", "pause()")
    count, order = bench.count(), bench.order("ana", "ben", "10")
    for _ in range(2):
        with pytest.raises(Reverted) as refusal:
            bench.pay(order)
        assert refusal.value.reason == "MovementPaused()"
    assert bench.count() == count
    bench.act("pauser", "unpause()")
    bench.pay(order)
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


# ------------------------------------------------------------------------------------------------ signatures


class Impostor:
    """Says that it is ana and signs with another key."""

    address = key_of("ana").address

    def sign(self, document: Document, domain: Domain) -> bytes:
        assert isinstance(document, Payment)
        return key_of("eve").sign(replace(document, payer=key_of("eve").address), domain)


def test_only_the_payers_signature_counts(bench: Bench) -> None:
    """A signature of anybody else is refused, is not stored and moves nothing; the payer can still sign."""
    count, order = bench.count(), bench.order("ana", "ben", "10")
    with pytest.raises(BadValue):
        bench.pay(order, signer=key_of("eve"))
    with pytest.raises(BadSignature):
        bench.pay(order, signer=Impostor())
    assert stored(bench).signature is None
    assert bench.count() == count
    bench.pay(order)
    assert stored(bench).nonce == 0
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_a_promise_is_stored_before_it_is_signed(bench: Bench) -> None:
    """When the payer is asked to sign, the promise with its nonce and document is in the store already."""
    seen = []

    class Watching(LocalSigner):
        def sign(self, document: Document, domain: Domain) -> bytes:
            seen.append((stored(bench), document))
            return super().sign(document, domain)

    bench.pay(bench.order("ana", "ben", "10"), signer=Watching(keccak256(b"chainwallet tests: ana")))
    ((promise, document),) = seen
    assert document == document_of(promise)
    assert promise.signature is None
    assert stored(bench).signature is not None


# ------------------------------------------------------------------------------------------------ left out


def leave_out(bench: Bench, faulty: Bench, proxy: FaultProxy, order: Order) -> Reverted:
    """Our transaction is mined just after the payer was frozen."""

    def freeze() -> None:
        bench.act("compliance", "freeze(address,bytes32)", order.payer, REASON)

    proxy.next("eth_sendRawTransaction", Fault(before=freeze))
    with pytest.raises(Reverted) as refusal:
        faulty.pay(order)
    return refusal.value


def test_a_payment_left_out_can_be_delivered_again(bench: Bench, faulty: Bench, proxy: FaultProxy) -> None:
    """A payment that the chain left out says why; the same order again delivers the same document, and pays once."""
    order, count = bench.order("ana", "ben", "10"), bench.count()
    reverted = leave_out(bench, faulty, proxy, order)
    assert "payer frozen" in reverted.reason
    assert bench.count() == count + 1
    with pytest.raises(BadValue):
        bench.pay(order)
    assert bench.count() == count + 1
    signature = stored(bench).signature
    bench.act("compliance", "unfreeze(address,bytes32)", order.payer, REASON)
    receipt = bench.pay(order)
    assert stored(bench).signature == signature
    assert bench.count() == count + 2
    assert bench.pay(order) == receipt
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_an_expired_payment_is_signed_again_under_its_nonce(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that expired undelivered is signed again under the same nonce, so that only one can ever pay."""
    order = bench.order("ana", "ben", "10")
    monkeypatch.setattr(promises, "DOCUMENT_LIFETIME_S", 0)
    with pytest.raises(Reverted) as refusal:
        bench.pay(order)
    assert "expired" in refusal.value.reason
    expired = stored(bench)
    monkeypatch.undo()
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
    assert document_of(stored(bench)).valid_before == now_s + promises.DOCUMENT_LIFETIME_S


def test_nonces_go_on_above_what_the_chain_has_seen(bench: Bench) -> None:
    """A home that knows nothing of a payer's earlier nonces takes one above all that were used or cancelled."""
    cancel_up_to(bench, 40)
    bench.pay(bench.order("ana", "ben", "1"))
    assert stored(bench).nonce == 40
    elsewhere = Payment(
        key_of("ana").address, BEN, 1_000_000, Hash32(b"\x01" * 32), 45, bench.now_s + promises.DOCUMENT_LIFETIME_S
    )
    send(bench, "stranger", "used", item_of(bench, elsewhere, key_of("ana")))
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
        with pytest.raises(Reverted) as refusal:
            bench.pay(order)
        assert "new id" in refusal.value.reason
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
        mined = send(bench, "stranger", f"skipped for {reason}", item_of(bench, payment, signer))
        receipt = bench.node.receipt(mined.tx)
        assert receipt is not None
        (event,) = [decode_event(log) for log in receipt.logs]
        assert getattr(event, "reason", None) == reason
