"""Payments as somebody with wallets here asks for them: by handle, once for each id, cancelled, or signed elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import CancelAuthorization, Payment, from_typed_data
from chainwallet.errors import BadSignature, BadValue, Expired, InsufficientFunds, NotFound, TooLate
from chainwallet.evm import Address, checksum
from chainwallet.payments import Wish
from chainwallet.rules.money import Money
from chainwallet.rules.packing import PAY_GAS, WINDOW_ITEM_GAS
from chainwallet.rules.promise import Canceled, Canceling, Final, Offered, Queued
from chainwallet.store import promises
from tests.chain.bench import JPY, Bench, key_of
from tests.chain.payers import People, teller_for
from tests.chain.stories import now
from tests.postgres import on_both

ANA, BEN, CLEO = (key_of(name).address for name in ("ana", "ben", "cleo"))


def wish(bench: Bench, amount: str = "10", **changes: Any) -> Wish:
    return replace(Wish("order-1", "@ben", bench.money(amount), "dinner"), **changes)


def stored(bench: Bench) -> int:
    with bench.database.read() as tx:
        return len(promises.listed(tx, bench.chain.key, limit=1_000))


# ------------------------------------------------------------------------------------------------ once for each id


@on_both
def test_a_payment_to_a_handle_goes_to_its_owners_wallet(bench: Bench) -> None:
    """A handle stands for its owner's wallet; the payment is queued at once and final when it is carried."""
    teller = teller_for(bench)
    promise = teller.pay(ANA, [ANA], wish(bench))
    assert (promise.stage, promise.payee, promise.memo) == (Queued(), BEN, "dinner")
    assert teller.told([promise])[0].waits == "no relayer has worked on this chain yet; see `chainwallet relayer run`"
    bench.worker().settle(promise.number)
    shown = teller.show([ANA], "order-1")
    assert (shown.stage, shown.waits, bench.balance("ana", "ben")) == ("paid, final", "", ["90.00", "10.00"])


@on_both
def test_the_same_id_again_is_the_same_payment(bench: Bench) -> None:
    """A payment asked for again, before and after it is final, is the one that there is, and is paid once."""
    teller = teller_for(bench)
    first = teller.pay(ANA, [ANA], wish(bench))
    assert teller.pay(ANA, [ANA], wish(bench)) == first
    bench.worker().settle(first.number)
    assert teller.pay(ANA, [ANA], wish(bench)).number == first.number
    assert (stored(bench), bench.balance("ben")) == (1, ["10.00"])


def test_a_handle_means_the_wallet_that_it_meant_when_the_payment_was_accepted(bench: Bench) -> None:
    """Whose handle moved to another wallet is paid at the old one by an earlier payment, at the new one later."""
    people = People()
    teller = teller_for(bench, directory=people)
    first = teller.pay(ANA, [ANA], wish(bench))
    people.names[CLEO] = "ben"
    again = teller.pay(ANA, [ANA], wish(bench))
    assert (again.number, again.payee) == (first.number, BEN)
    assert teller.pay(ANA, [ANA], wish(bench, id="order-2")).payee == CLEO


@pytest.mark.parametrize(
    "changed",
    [{"payee": "@cleo"}, {"payee": checksum(CLEO)}, {"amount": "11"}, {"memo": None}, {"memo": "Dinner"}],
    ids=["handle", "address", "amount", "no memo", "memo"],
)
def test_an_id_stands_for_one_content(bench: Bench, changed: dict[str, Any]) -> None:
    """The same id with another payee, amount or memo is refused by name, and the first stays as it is."""
    teller = teller_for(bench)
    first = teller.pay(ANA, [ANA], wish(bench))
    with pytest.raises(BadValue) as refusal:
        teller.pay(ANA, [ANA], wish(bench, **changed))
    assert refusal.value.field == "id"
    assert (now(bench, first), stored(bench)) == (first, 1)


def test_an_id_stands_for_one_payment_whichever_wallet_pays(bench: Bench) -> None:
    """Who has several wallets cannot pay twice under one id; somebody else's same id is another payment."""
    teller = teller_for(bench)
    teller.pay(ANA, [ANA, key_of("gina").address], wish(bench))
    with pytest.raises(BadValue) as refusal:
        teller.pay(key_of("gina").address, [ANA, key_of("gina").address], wish(bench))
    assert (refusal.value.field, stored(bench)) == ("id", 1)
    assert teller.pay(key_of("hugo").address, [key_of("hugo").address], wish(bench)).stage == Queued()


def test_a_payment_is_nobody_elses(bench: Bench) -> None:
    """A payment's id means nothing to anybody but its payer: not shown, not cancelled, not signed."""
    teller = teller_for(bench)
    teller.pay(ANA, [ANA], wish(bench))
    asks: list[Callable[[], object]] = [
        lambda: teller.show([BEN], "order-1"),
        lambda: teller.cancel([BEN], "order-1"),
        lambda: teller.sign([BEN], "order-1", bytes(65)),
    ]
    for ask in asks:
        with pytest.raises(NotFound):
            ask()
    assert teller.listed([BEN], None, 10) == []
    assert [told.promise.id for told in teller.listed([ANA, BEN], None, 10)] == ["order-1"]


def test_payments_are_listed_page_by_page(bench: Bench) -> None:
    """Pages of a payer's payments, newest first, are gap-free and end."""
    teller = teller_for(bench)
    for number in range(5):
        teller.pay(ANA, [ANA], wish(bench, "1", id=f"order-{number}"))
    pages, below = [], None
    while page := teller.listed([ANA], below, 2):
        pages.append([told.promise.id for told in page])
        below = page[-1].promise.number
    assert pages == [["order-4", "order-3"], ["order-2", "order-1"], ["order-0"]]


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"payee": "@nobody"}, NotFound),
        ({"payee": "@ana"}, BadValue),
        ({"payee": "0x12"}, BadValue),
        ({"payee": ""}, BadValue),
        ({"amount": "100.01"}, InsufficientFunds),
        ({"amount": "0"}, BadValue),
        ({"id": ""}, BadValue),
        ({"id": "x" * 101}, BadValue),
        ({"memo": "x" * 281}, BadValue),
    ],
)
def test_what_no_payment_can_be_is_refused(bench: Bench, changed: dict[str, Any], error: type[Exception]) -> None:
    """An unknown handle, oneself, too much, nothing: refused, and nothing is stored."""
    teller = teller_for(bench)
    with pytest.raises(error):
        teller.pay(ANA, [ANA], wish(bench, **changed))
    assert stored(bench) == 0


def test_a_currency_without_a_ledger_is_refused(bench: Bench) -> None:
    """A payment in a currency that is not deployed names those that are."""
    with pytest.raises(BadValue) as refusal:
        teller_for(bench).pay(ANA, [ANA], replace(wish(bench), amount=Money(1, JPY)))
    assert (refusal.value.field, "EUR" in refusal.value.expected) == ("currency", True)


# ------------------------------------------------------------------------------------------------ signed elsewhere


@on_both
def test_who_signs_elsewhere_gets_the_same_document_again(bench: Bench) -> None:
    """Typed data goes out, the same nonce and document however often it is asked for; its signature queues it."""
    teller = teller_for(bench, external=["ana"])
    offered = teller.pay(ANA, [ANA], wish(bench))
    typed = teller.document_to_sign(offered)
    assert teller.document_to_sign(teller.pay(ANA, [ANA], wish(bench))) == typed
    assert offered.stage == Offered()
    assert typed is not None
    document, domain = from_typed_data(dict(typed))
    assert isinstance(document, Payment)
    eve = key_of("eve")
    forged = eve.sign(replace(document, payer=eve.address), domain)
    for signature in (forged, bytes(65), b"", key_of("ana").sign(replace(document, value=1), domain)):
        with pytest.raises((BadSignature, BadValue)):
            teller.sign([ANA], "order-1", signature)
    assert now(bench, offered).stage == Offered()
    signed = teller.sign([ANA], "order-1", key_of("ana").sign(document, domain))
    assert (signed.stage, signed.nonce, teller.document_to_sign(signed)) == (Queued(), document.nonce, None)
    bench.worker().settle(signed.number)
    assert bench.balance("ben") == ["10.00"]


def test_a_signature_that_comes_too_late_is_refused_and_asked_for_again(bench: Bench) -> None:
    """A document whose time is over is not signed; asked for again it comes with a later time under the same nonce."""
    late = bench.now_s + 90_000
    teller = teller_for(bench, external=["ana"])
    offered = teller.pay(ANA, [ANA], wish(bench))
    later = replace(teller, now_s=lambda: late)
    with pytest.raises(Expired):
        later.sign([ANA], "order-1", key_of("ana").sign(document_of(teller, offered), domain_of(bench.cash)))
    again = later.pay(ANA, [ANA], wish(bench))
    assert (again.nonce, again.valid_before > late) == (offered.nonce, True)


def document_of(teller: Any, promise: Any) -> Any:
    return from_typed_data(teller.document_to_sign(promise))[0]


# ------------------------------------------------------------------------------------------------ cancelled


@on_both
def test_a_payment_is_cancelled_on_the_chain(bench: Bench) -> None:
    """A cancel keeps the payment from being carried, and the chain's proof ends it; asked for again it is the same."""
    teller = teller_for(bench)
    teller.pay(ANA, [ANA], wish(bench))
    promise = teller.cancel([ANA], "order-1")
    assert promise.stage == Canceling()
    assert teller.cancel([ANA], "order-1") == promise
    worker = bench.worker()
    while not isinstance(now(bench, promise).stage, Canceled):
        worker.tick()
    assert teller.cancel([ANA], "order-1").stage == Canceled()
    assert bench.balance("ana", "ben") == ["100.00", "0.00"]


def test_what_is_paid_cannot_be_cancelled(bench: Bench) -> None:
    """A cancel after the payment is refused, and says that it is paid."""
    teller = teller_for(bench)
    promise = teller.pay(ANA, [ANA], wish(bench))
    bench.worker().settle(promise.number)
    with pytest.raises(TooLate):
        teller.cancel([ANA], "order-1")
    assert isinstance(now(bench, promise).stage, Final)


def test_who_signs_elsewhere_signs_the_cancel_too(bench: Bench) -> None:
    """A cancel of somebody who signs elsewhere is a document first; only the payer's signature under it cancels."""
    teller = teller_for(bench, external=["ana"])
    teller.pay(ANA, [ANA], wish(bench))
    waiting = teller.cancel([ANA], "order-1")
    assert waiting.stage == Offered()
    typed = teller.document_to_cancel(waiting)
    assert typed is not None
    document, domain = from_typed_data(dict(typed))
    assert isinstance(document, CancelAuthorization)
    eve = key_of("eve")
    with pytest.raises(BadSignature):
        teller.cancel([ANA], "order-1", eve.sign(replace(document, authorizer=Address(eve.address)), domain))
    canceling = teller.cancel([ANA], "order-1", key_of("ana").sign(document, domain))
    assert (canceling.stage, teller.document_to_cancel(canceling)) == (Canceling(), None)


# ------------------------------------------------------------------------------------------------ quoted


def test_a_quote_tells_what_carrying_really_costs(bench: Bench) -> None:
    """Before a payment was carried a quote tells the limit, afterwards what the last one used; the fee is 0."""
    teller = teller_for(bench)
    first = teller.quote(ANA, "@ben", bench.money("10"))
    assert (str(first.service_fee), str(first.total), first.relayer.basis) == ("0.00 EUR", "10.00 EUR", "limit")
    assert first.relayer.gas == PAY_GAS + WINDOW_ITEM_GAS
    assert first.good_until_s > bench.now_s
    receipt = bench.pay(bench.order("ana", "ben", "1"))
    second = teller.quote(ANA, "@ben", bench.money("10")).relayer
    assert (second.basis, second.gas) == ("measured", receipt.gas_used)
    assert second.fee_per_gas_wei >= bench.node.fee_history().next_base_fee_per_gas_wei
    with pytest.raises(NotFound):
        teller.quote(ANA, "@nobody", bench.money("10"))
    with pytest.raises(BadValue):
        teller.quote(ANA, "@ana", bench.money("10"))
