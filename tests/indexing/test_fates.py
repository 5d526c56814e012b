"""What became of nonces and promises, from facts alone, against what the contract itself says."""

import random
from itertools import count

import pytest

from chainwallet.abi.calls import call_data, pay_data, uint_of, uints_of
from chainwallet.abi.typed_data import (
    CancelAuthorization,
    Leg,
    Payment,
    Settlement,
    TransferWithAuthorization,
    struct_hash,
)
from chainwallet.errors import BadValue
from chainwallet.evm import Address, Hash32, from_hex, keccak256, to_hex
from chainwallet.rules.window import NONCE_END, TAG, Dead, Free, Used, Window
from chainwallet.store import facts
from tests.indexing.town import PEOPLE, Town, until
from tests.postgres import on_both

ANA, BEN, CLEO, DAN = PEOPLE[:4]
FAR = 2**40 - 1


def ref_of(number: int) -> Hash32:
    return keccak256(b"payment %d" % number)


def payment(nonce: int, ref: int = 0, payer: Address = ANA, payee: Address = BEN, value: int = 5) -> Payment:
    return Payment(payer, payee, value, ref_of(ref), nonce, FAR)


def executed(town: Town, one: Payment) -> facts.Execution | None:
    with town.database.read() as tx:
        return facts.execution(tx, town.token, one.payer, one.payee, one.value, one.payment_ref, one.nonce)


def fate(town: Town, nonce: int, payer: Address = ANA, up_to: int = 10**9) -> object:
    with town.database.read() as tx:
        return facts.nonce_fate(tx, town.token, payer, nonce, up_to)


def is_available(town: Town, nonce: int, payer: Address = ANA) -> bool:
    return bool(
        uint_of(town.node.call(town.cash.address, call_data("isNonceAvailable(address,uint256)", payer, nonce)))
    )


# ------------------------------------------------------------------------------------------------ payments


@on_both
def test_a_payment_is_found_by_all_its_terms(town: Town) -> None:
    """A payment is executed by the fact with its payer, payee, value, reference and nonce, and by no other."""
    one = payment(3)
    tx = town.send(pay_data([town.item(payment(2, ref=1)), town.item(one), town.item(payment(4, ref=2, value=7))]))
    town.now_s = 5_000
    town.indexer().catch_up()
    found = executed(town, one)
    assert found is not None
    block = town.node.block("latest")
    assert (found.tx, found.block, found.block_hash) == (tx, block.number, block.hash)
    assert (found.happened_at_s, found.learned_at_s) == (block.timestamp_s, 5_000)
    for other in (payment(4), payment(3, ref=1), payment(3, value=6), payment(3, payee=CLEO), payment(3, payer=DAN)):
        assert executed(town, other) is None
    with town.database.read() as tx_:
        bulk = facts.executions(tx_, town.token, [ref_of(number) for number in range(4)])
    assert {ref: [each.fact.nonce for each in some] for ref, some in bulk.items()} == {
        ref_of(0): [3],
        ref_of(1): [2],
        ref_of(2): [4],
    }


@on_both
def test_a_skipped_payment_is_no_execution(town: Town) -> None:
    """An item that the contract leaves out executes nothing and uses no nonce; the hint is kept as such."""
    too_much = payment(0, value=10**15)
    town.send(pay_data([town.item(too_much)]))
    town.indexer().catch_up()
    assert executed(town, too_much) is None
    assert fate(town, 0) == Free()
    assert "Skipped" in {row[6] for row in town.rows()}


@on_both
def test_the_same_transaction_mined_again_is_one_execution(town: Town) -> None:
    """A payment whose block was replaced and that was mined again has one canonical fact; the old one stays."""
    one = payment(0)
    town.node.mine()
    raw = town.signed(pay_data([town.item(one)]))
    town.ask("eth_sendRawTransaction", raw)
    until(lambda: town.node.receipt(keccak256(from_hex(raw))) is not None)
    town.indexer().catch_up()
    first = executed(town, one)
    town.ask("anvil_reorg", 2, [[raw, 0]])
    town.now_s += 50
    town.indexer().catch_up()
    town.check()
    second = executed(town, one)
    assert first is not None
    assert second is not None
    assert (second.tx, second.block) == (first.tx, first.block - 1)
    with town.database.read() as tx:
        bulk = facts.executions(tx, town.token, [one.payment_ref])
        told_before = facts.movements(tx, town.token, ANA, None, 100, known_at_s=town.now_s - 1)
    assert [each.block_hash for each in bulk[one.payment_ref]] == [second.block_hash]
    assert told_before[-1].fact.place.block_hash == first.block_hash
    assert fate(town, 0) == Used(second.fact)


# ------------------------------------------------------------------------------------------------ settlements


@on_both
def test_a_settlement_uses_up_each_debtors_nonce(town: Town) -> None:
    """A settlement is found by its hash, and each debtor's nonce is used by that debtor's part in it."""
    debtors, creditors = sorted([ANA, BEN, CLEO]), sorted([DAN, PEOPLE[4]])
    debits = tuple(Leg(account, amount) for account, amount in zip(debtors, (30, 50, 20), strict=True))
    credits_ = tuple(Leg(account, amount) for account, amount in zip(creditors, (45, 55), strict=True))
    deal = Settlement(debits, credits_, keccak256(b"dinner"), Address(bytes(20)), FAR)
    nonces = [7, 2**200, 9]
    tx = town.settle(deal, nonces)
    town.indexer().catch_up()
    town.check()
    with town.database.read() as read:
        found = facts.settlement(read, town.token, struct_hash(deal))
        assert facts.settlement(read, town.token, keccak256(b"another")) is None
    assert found is not None
    assert (found.tx, found.fact.value) == (tx, 100)
    assert found.fact.detail == {"context": to_hex(deal.context)}
    for leg, nonce in zip(debits, nonces, strict=True):
        used = fate(town, nonce, leg.account)
        assert isinstance(used, Used)
        assert (used.by.kind, used.by.ref, used.by.value) == ("Consented", struct_hash(deal), leg.amount)
        assert fate(town, nonce + 1, leg.account) == Free()


# ------------------------------------------------------------------------------------------------ nonces


@on_both
def test_cancelled_and_outrun_nonces_are_dead_by_a_fact(town: Town) -> None:
    """A nonce dies by a cancel, or by the use of one that is 64 higher; the fact that killed it is named."""
    town.call(ANA, "cancelNonces(uint256)", 10)
    town.send(pay_data([town.item(payment(80))]))
    town.indexer().catch_up()
    cancelled, outrun = fate(town, 9), fate(town, 16)
    assert isinstance(cancelled, Dead)
    assert (cancelled.by.kind, cancelled.by.nonce) == ("NoncesCanceled", 10)
    assert isinstance(outrun, Dead)
    assert (outrun.by.kind, outrun.by.nonce) == ("Paid", 80)
    assert fate(town, 17) == Free()
    assert fate(town, 9, up_to=cancelled.by.place.block - 1) == Free()
    assert fate(town, 80, up_to=outrun.by.place.block - 1) == Free()


@on_both
def test_authorizations_use_up_the_nonces_they_name(town: Town) -> None:
    """An ERC-3009 number uses up our nonce where it names one, and leaves it alone where it does not."""
    tagged, wide, low = (Hash32(number.to_bytes(32, "big")) for number in (TAG << 56 | 5, 2**255 + 7, 6))
    for number in (tagged, low):
        document = TransferWithAuthorization(ANA, BEN, 1, 0, FAR, number)
        signature = town.sign(document, ANA)
        name = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
        town.call(CLEO, name, ANA, BEN, 1, 0, FAR, number, signature)
    signature = town.sign(CancelAuthorization(ANA, wide), ANA)
    town.call(CLEO, "cancelAuthorization(address,bytes32,bytes)", ANA, wide, signature)
    town.indexer().catch_up()
    town.check()
    used, cancelled = fate(town, 5), fate(town, 2**255 + 7)
    assert isinstance(used, Used)
    assert (used.by.kind, used.by.ref) == ("AuthorizationUsed", tagged)
    assert isinstance(cancelled, Used)
    assert cancelled.by.kind == "AuthorizationCanceled"
    assert fate(town, 6) == Free()
    assert is_available(town, 6)
    with town.database.read() as tx:
        (_, moved, other) = facts.movements(tx, town.token, ANA, None, 10)
    assert (moved.fact.cause, moved.fact.ref, other.fact.ref) == ("authorization", tagged, low)


@pytest.mark.parametrize("nonce", [TAG << 56 | 5, -1, 2**256])
def test_numbers_that_no_document_has_are_refused(town: Town, nonce: int) -> None:
    """A tagged number, a negative one and one of more than 256 bits are nobody's nonce."""
    with pytest.raises(BadValue):
        fate(town, nonce)


@pytest.mark.parametrize("seed", range(3))
def test_fates_and_windows_are_the_contracts_after_any_history(town: Town, seed: int) -> None:
    """After random uses and cancels, each nonce's fate by facts agrees with the contract, and so does the window."""
    dice = random.Random(seed)  # noqa: S311 - the same in every run
    refs = count()
    window = Window()
    wide = [NONCE_END + number for number in range(4)]
    for _ in range(14):
        what = dice.choice(["pay", "pay", "pay", "cancel", "wide"])
        number = max(
            0, window.base + dice.choice([dice.randrange(64), dice.randrange(-5, 200), 63 + dice.randrange(1, 9)])
        )
        if what == "cancel":
            town.call(ANA, "cancelNonces(uint256)", number)
            window = window.after_cancel(number) or window
        elif what == "wide":
            town.send(call_data("payWide(bytes)", town.item(payment(dice.choice(wide), ref=next(refs)))))
        else:
            town.send(pay_data([town.item(payment(number, ref=next(refs)))]))
            window = window.after_use(number) or window
    town.indexer().catch_up()
    state = uints_of(town.node.call(town.cash.address, call_data("accountState(address)", ANA)), 5)
    assert (window.bits, window.base) == state[1:3]
    for nonce in (*range(max(0, window.base - 70), window.base + 70), *wide):
        assert isinstance(fate(town, nonce), Free) == is_available(town, nonce), nonce
