"""Payments on a real chain, to the cent and by their payer's signature alone. Ana has 100.00."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chainwallet.abi.calls import payment_ref
from chainwallet.abi.events import Paid, Transfer, decode_event
from chainwallet.abi.typed_data import Document, Domain, Payment
from chainwallet.errors import (
    BadSignature,
    BadValue,
    InsufficientFunds,
    NotYetPaid,
    TooPrecise,
)
from chainwallet.evm import ZERO_ADDRESS, keccak256, to_hex
from chainwallet.keys.signer import LocalSigner
from chainwallet.rules.money import Money
from chainwallet.store import promises
from tests.chain.bench import JPY, Bench, key_of
from tests.chain.signed_payments import (
    document_of,
    stored,
)

REASON = keccak256(b"a reason")


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
        ({"memo": "a\0b"}, "memo"),
        ({"id": "\0"}, "id"),
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
    assert (refusal.value.available, refusal.value.required) == ("100.00 EUR", "100.01 EUR")
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
        with pytest.raises(NotYetPaid) as refusal:
            bench.pay(order)
        assert refusal.value.reason.endswith("MovementPaused()")
    assert bench.count() == count
    bench.act("pauser", "unpause()")
    bench.pay(order)
    assert bench.count() == count + 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


# ------------------------------------------------------------------------------------------------ signatures


class Impostor:
    """Says that it is ana and signs with another key."""

    address = key_of("ana").address

    def __init__(self, *, is_here: bool) -> None:
        self.is_here = is_here

    def sign(self, document: Document, domain: Domain) -> bytes:
        assert isinstance(document, Payment)
        return key_of("eve").sign(replace(document, payer=key_of("eve").address), domain)


def test_only_the_payers_signature_counts(bench: Bench) -> None:
    """A signature of anybody else is refused, is not stored and moves nothing; the payer can still sign."""
    count, order = bench.count(), bench.order("ana", "ben", "10")
    with pytest.raises(BadValue):
        bench.pay(order, signer=key_of("eve"))
    with pytest.raises(BadSignature):
        bench.pay(order, signer=Impostor(is_here=True))
    with bench.database.read() as tx:
        assert promises.listed(tx, bench.cash.chain.key, limit=1) == ()
    with pytest.raises(BadSignature):
        bench.pay(order, signer=Impostor(is_here=False))
    assert stored(bench).signature is None
    assert bench.count() == count
    bench.pay(order)
    assert stored(bench).nonce == 0
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_a_promise_is_stored_before_a_key_elsewhere_signs_it(bench: Bench) -> None:
    """When a key outside this process is asked to sign, the promise with its nonce and document is stored already."""
    seen = []

    class Watching(LocalSigner):
        is_here = False

        def sign(self, document: Document, domain: Domain) -> bytes:
            seen.append((stored(bench), document))
            return super().sign(document, domain)

    bench.pay(bench.order("ana", "ben", "10"), signer=Watching(keccak256(b"chainwallet tests: ana")))
    ((promise, document),) = seen
    assert document == document_of(promise)
    assert promise.signature is None
    assert stored(bench).signature is not None
