"""Clearing a group on a real chain: everybody's consent or nothing, once; and the bank's money that comes in first."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chainwallet import clearing, history, issuing
from chainwallet.abi.calls import call_data, settle_data
from chainwallet.abi.events import Settled, Transfer, decode_event
from chainwallet.abi.typed_data import Consent, Document, Domain, from_typed_data, struct_hash
from chainwallet.clearing import Clearing, settlement_of
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import BadValue, CurrencyMismatch, NodeTrouble, Reverted
from chainwallet.evm import Address, Hash32, keccak256, to_hex
from chainwallet.keys.signer import LocalSigner, Signer
from chainwallet.rules.ledger import differences
from chainwallet.rules.money import Money
from chainwallet.rules.plan import Plan, plan_of
from chainwallet.rules.submission import Deliver, Failed, Final
from chainwallet.store import submissions
from chainwallet.store.database import Database
from chainwallet.store.promises import Promise
from tests.chain.bench import EUR, GROUP, JPY, ROLES, Bench, Clock, key_of
from tests.chain.fault_proxy import Fault, FaultProxy

ROOT = keccak256(b"the group's ledger")
NETS = {"gina": -30_00, "hugo": -12_34, "iris": 40_00, "jon": -5, "kim": 2_39}
PLAN = plan_of(NETS, EUR)
DEBTORS = ("gina", "hugo", "jon")
MEMBERS = {name: key_of(name).address for name in GROUP}
REASON = keccak256(b"a reason")


def clear(
    bench: Bench,
    *,
    plan: Plan = PLAN,
    root: Hash32 = ROOT,
    members: Mapping[str, Address] = MEMBERS,
    signers: Mapping[Address, Signer] | None = None,
    deliver: Deliver | None = None,
    later_s: int = 0,
    lifetime_s: int = LONGEST_LIFETIME_S,
) -> Clearing:
    keys = {key_of(name).address: key_of(name) for name in GROUP}
    return clearing.clear(
        bench.node,
        bench.database,
        deliver or bench.relayer(**Clock().seams).deliver,
        key_of("relayer").address,
        bench.cash,
        plan,
        members,
        keys if signers is None else signers,
        root,
        bench.now_s + later_s,
        lifetime_s,
    )


def consents(bench: Bench, root: Hash32 = ROOT) -> list[Promise]:
    """The stored consents of the debtors who have one."""
    found = [bench.promise(name, f"clearing:{to_hex(root)}", "consent") for name in DEBTORS]
    return [consent for consent in found if consent is not None]


class Stopped(Exception):
    """The run is over, as if its process had ended."""


def stop(_: object) -> tuple[Final, ...]:
    raise Stopped


def clear_as_far_as_signed(bench: Bench) -> Consent:
    with pytest.raises(Stopped):
        clear(bench, deliver=stop)
    return consent_of(consents(bench)[0])


def consent_of(promise: Promise) -> Consent:
    document, _ = from_typed_data(json.loads(promise.document))
    assert isinstance(document, Consent)
    return document


def in_legs_order(bench: Bench) -> list[Promise]:
    return sorted(consents(bench), key=lambda consent: consent.payer)


def put(bench: Bench, name: str, data: bytes) -> int:
    with bench.database.transaction() as tx:
        return submissions.put(
            tx, bench.chain.key, f"{name} {keccak256(data).hex()}", key_of(name).address, bench.cash.address, data, 5
        )


BEFORE = ["50.00"] * 5
AFTER = ["20.00", "37.66", "90.00", "49.95", "52.39"]


# ------------------------------------------------------------------------------------------------ the plain way


def test_a_group_is_cleared_in_one_transaction(bench: Bench) -> None:
    """One transaction moves everybody by exactly their net; nobody's ETH and no supply is touched."""
    count, before = bench.count(), bench.node.block_number()
    clearing = clear(bench)
    assert bench.balance(*GROUP) == AFTER
    assert bench.count() == count + 1
    assert [bench.node.balance_wei(address) for address in MEMBERS.values()] == [0] * 5
    block = clearing.mined.block
    supplies = [history.supply_units(bench.node, bench.cash, at) for at in (before, block)]
    assert supplies == [350_000_000] * 2
    contract = bench.deployed.manifest.contract(EUR)
    assert contract is not None
    rebuilt = history.rebuilt_ledger(bench.node, bench.cash, contract.block, block)
    held = history.balances(bench.node, bench.cash, [*MEMBERS.values(), key_of("ana").address], block)
    assert list(differences(rebuilt, held, supplies[1])) == []


def test_the_settlement_on_the_chain_is_the_one_that_was_signed(bench: Bench) -> None:
    """The event names the settlement's hash, the ledger root and the debtors' nonces; transfers add up to the plan."""
    bench.pay(bench.order("hugo", "iris", "1"))
    bench.pay(bench.order("iris", "hugo", "1"))
    clearing = clear(bench)
    receipt = bench.node.receipt(clearing.mined.tx)
    assert receipt is not None
    *transfers, settled = [decode_event(log) for log in receipt.logs]
    nonces = {consent.payer: consent.nonce for consent in consents(bench)}
    in_order = tuple(nonces[debit.account] for debit in clearing.settlement.debits)
    assert sorted(nonces.values()) == [0, 0, 1]
    assert settled == Settled(clearing.settlement_hash, ROOT, in_order)
    assert clearing.settlement_hash == struct_hash(clearing.settlement)
    moved = dict.fromkeys(MEMBERS.values(), 0)
    for transfer in transfers:
        assert isinstance(transfer, Transfer)
        moved[transfer.payer] -= transfer.value
        moved[transfer.payee] += transfer.value
    assert moved == {MEMBERS[name]: net * 10_000 for name, net in NETS.items()}


def test_legs_ascend_and_carry_the_plan(bench: Bench) -> None:
    """The document has each person once, ascending by address, with the plan's amounts, for our relayer alone."""
    settlement = settlement_of(PLAN, MEMBERS, ROOT, key_of("relayer").address, 7)
    for side, sign in ((settlement.debits, -1), (settlement.credits, 1)):
        accounts = [leg.account for leg in side]
        assert accounts == sorted(accounts)
        expected = {MEMBERS[name]: abs(net) * 10_000 for name, net in NETS.items() if net * sign > 0}
        assert {leg.account: leg.amount for leg in side} == expected
    assert (settlement.context, settlement.operator, settlement.valid_before) == (ROOT, key_of("relayer").address, 7)
    stranger = bench.relayer("pauser")
    consented = clear_as_far_as_signed(bench)
    data = settle_data(consented.settlement, [(c.nonce, c.signature or b"") for c in in_legs_order(bench)])
    with pytest.raises(Reverted) as refusal:
        stranger.deliver([put(bench, "pauser", data)])
    assert "WrongOperator" in refusal.value.reason


def test_consents_are_stored_before_anything_is_delivered(bench: Bench) -> None:
    """When delivery begins, every debtor's consent is in the store: the same settlement, signed, each own nonce."""
    document = clear_as_far_as_signed(bench)
    stored = consents(bench)
    assert len(stored) == 3
    assert all(consent.signature is not None for consent in stored)
    assert {consent_of(consent).settlement for consent in stored} == {document.settlement}
    assert bench.promise("iris", f"clearing:{to_hex(ROOT)}", "consent") is None
    assert bench.balance(*GROUP) == BEFORE


# ------------------------------------------------------------------------------------------------ once


def test_the_same_root_again_is_the_same_clearing(bench: Bench) -> None:
    """Clearing the same root of the same members again answers the first clearing and sends nothing, even years on."""
    first, count = clear(bench), bench.count()
    assert clear(bench) == first
    assert clear(bench, later_s=10**8) == first
    assert bench.count() == count
    assert bench.balance(*GROUP) == AFTER


def test_another_root_is_another_clearing(bench: Bench) -> None:
    """The same nets of a later ledger root are cleared again."""
    tiny = plan_of({"gina": -2, "iris": 2}, EUR)
    first = clear(bench, plan=tiny)
    second = clear(bench, plan=tiny, root=keccak256(b"a later ledger"))
    assert first.mined.tx != second.mined.tx
    assert bench.balance("gina", "iris") == ["49.96", "50.04"]


@pytest.mark.parametrize("forward", [False, True], ids=["before the node", "after the node"])
def test_a_clearing_that_ends_at_any_request_is_continued(
    bench: Bench, faulty: Bench, proxy: FaultProxy, forward: bool
) -> None:
    """Wherever a clearing loses its node, the same root again finishes it: everybody pays exactly once."""
    tiny = plan_of({"gina": -2, "hugo": -1, "iris": 3}, EUR)
    clear(faulty, plan=tiny, root=keccak256(b"sample"))
    requests, count = len(proxy.methods), bench.count()
    for served in range(requests):
        root = keccak256(f"root {served}".encode())
        proxy.die_after(served, forward=forward)
        with pytest.raises(NodeTrouble):
            clear(faulty, plan=tiny, root=root)
        proxy.heal()
        clear(bench, plan=tiny, root=root)
        assert bench.balance("gina", "hugo", "iris") == [
            str(Money(50_00 + net * (served + 2), EUR).decimal) for net in (-2, -1, 3)
        ]
    assert bench.count() == count + requests


def test_an_expired_clearing_is_signed_again_under_the_same_nonces(bench: Bench) -> None:
    """Consents that expired undelivered are signed again under their nonces, so that only one settlement can happen."""
    with pytest.raises(Reverted) as refusal:
        clear(bench, lifetime_s=0)
    assert "Expired" in refusal.value.reason
    expired = consents(bench)
    clear(bench)
    renewed = consents(bench)
    assert [c.nonce for c in renewed] == [c.nonce for c in expired]
    assert not {c.signature for c in renewed} & {c.signature for c in expired}
    assert bench.balance(*GROUP) == AFTER


# ------------------------------------------------------------------------------------------------ all or nothing


def assert_nothing_moved(bench: Bench, count: int) -> None:
    assert bench.balance(*GROUP) == BEFORE
    assert bench.count() == count
    assert bench.unfinished() == ()


def test_one_debtor_who_is_short_stops_all_legs(bench: Bench) -> None:
    """Where one debtor cannot pay, nobody pays and nothing is sent; the same root clears once the money is there."""
    count = bench.count()
    rich = plan_of({"gina": -30_00, "hugo": -50_01, "iris": 80_01}, EUR)
    with pytest.raises(Reverted) as refusal:
        clear(bench, plan=rich)
    assert "ERC20InsufficientBalance" in refusal.value.reason
    assert "needed=50010000" in refusal.value.reason
    assert_nothing_moved(bench, count)
    bench.top_up("0.01", "hugo", bank_ref="one cent")
    clear(bench, plan=rich)
    assert bench.balance("gina", "hugo", "iris") == ["20.00", "0.00", "130.01"]


@pytest.mark.parametrize("frozen", ["gina", "iris"])
def test_one_frozen_member_stops_all_legs(bench: Bench, frozen: str) -> None:
    """Where a debtor or a creditor is frozen, nobody pays; once unfrozen, the same root clears."""
    bench.act("compliance", "freeze(address,bytes32)", MEMBERS[frozen], REASON)
    count = bench.count()
    with pytest.raises(Reverted) as refusal:
        clear(bench)
    assert "AccountFrozen" in refusal.value.reason
    assert_nothing_moved(bench, count)
    bench.act("compliance", "unfreeze(address,bytes32)", MEMBERS[frozen], REASON)
    clear(bench)
    assert bench.balance(*GROUP) == AFTER


def test_a_settlement_that_reverted_on_the_chain_is_delivered_again(
    bench: Bench, faulty: Bench, proxy: FaultProxy
) -> None:
    """A settlement that reverts after it was sent moves nothing, and the same root delivers the same consents again."""
    proxy.next("eth_sendRawTransaction", Fault(before=lambda: bench.act("pauser", "pause()")))
    with pytest.raises(Reverted) as refusal:
        clear(faulty)
    assert refusal.value.reason == "MovementPaused()"
    assert bench.balance(*GROUP) == BEFORE
    signatures, carrier = [c.signature for c in consents(bench)], consents(bench)[0].submission_id
    assert carrier is not None
    assert isinstance(bench.submission(carrier).stage, Failed)
    bench.act("pauser", "unpause()")
    clear(bench)
    assert [c.signature for c in consents(bench)] == signatures
    assert bench.balance(*GROUP) == AFTER


# ------------------------------------------------------------------------------------------------ signers


def test_a_missing_or_wrong_signer_is_refused(bench: Bench) -> None:
    """Without the own signature of every debtor nothing is sent; another debtor's or a stranger's does not count."""
    count = bench.count()
    keys = {key_of(name).address: key_of(name) for name in GROUP}
    without_ben = {address: key for address, key in keys.items() if address != MEMBERS["hugo"]}
    with pytest.raises(BadValue) as refusal:
        clear(bench, signers=without_ben)
    assert refusal.value.field == "signers"
    assert consents(bench) == []
    with pytest.raises(BadValue) as refusal:  # kim is no debtor
        clear(bench, signers=keys | {MEMBERS["hugo"]: key_of("kim")})
    assert refusal.value.field == "debtor"
    with pytest.raises(BadValue) as refusal:  # gina is, and signs for herself only
        clear(bench, signers=keys | {MEMBERS["hugo"]: key_of("gina")})
    assert refusal.value.field == "debtor"
    assert_nothing_moved(bench, count)
    clear(bench)
    assert bench.balance(*GROUP) == AFTER


def test_nobody_signs_anything_but_the_plan(bench: Bench) -> None:
    """Every debtor is shown the whole settlement that is delivered, and signs it once."""
    shown: list[Document] = []

    class Watching(LocalSigner):
        def sign(self, document: Document, domain: Domain) -> bytes:
            shown.append(document)
            return super().sign(document, domain)

    signers = {
        MEMBERS[name]: Watching(keccak256(f"chainwallet tests: {name}".encode())) for name in ("gina", "hugo", "jon")
    }
    clearing = clear(bench, signers=signers)
    assert [document.settlement for document in shown if isinstance(document, Consent)] == [clearing.settlement] * 3


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"plan": plan_of({"gina": 0}, EUR)}, BadValue, "plan"),
        ({"plan": plan_of(NETS, JPY)}, CurrencyMismatch, None),
        ({"members": {name: MEMBERS[name] for name in ("gina", "hugo", "iris", "jon")}}, BadValue, "members"),
        ({"members": MEMBERS | {"kim": MEMBERS["gina"]}}, BadValue, "members"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    bench: Bench, changes: dict[str, Any], error: type[Exception], field: str | None
) -> None:
    """A plan of nothing, of another currency, or whose people have no wallet of their own is refused unsigned."""
    count = bench.count()
    with pytest.raises(error) as refusal:
        clear(bench, **changes)
    assert getattr(refusal.value, "field", None) == field
    assert consents(bench) == []
    assert_nothing_moved(bench, count)


def test_a_root_stands_for_one_plan(bench: Bench) -> None:
    """Another plan under a root that was begun is refused; nobody's second consent to the same root is made."""
    clear_as_far_as_signed(bench)
    count = bench.count()
    with pytest.raises(BadValue) as refusal:
        clear(bench, plan=plan_of({**NETS, "gina": -29_00, "hugo": -13_34}, EUR))
    assert "consent" in refusal.value.expected
    assert (bench.balance(*GROUP), bench.count()) == (BEFORE, count)
    clear(bench)
    assert bench.balance(*GROUP) == AFTER


# ------------------------------------------------------------------------------------------------ topping up


def test_a_top_up_mints_once_for_each_reference(bench: Bench) -> None:
    """The same reference again is the same top-up, in any order of payees, and mints nothing more."""
    first = bench.top_up("10", "cleo", "ben", bank_ref="transfer 1")
    count = bench.count("issuer")
    assert bench.top_up("10", "ben", "cleo", bank_ref="transfer 1") == first
    assert bench.count("issuer") == count
    bench.top_up("10", "cleo", bank_ref="transfer 2")
    assert bench.balance("cleo", "ben") == ["20.00", "10.00"]


LOWER, HIGHER = sorted(("ben", "cleo"), key=lambda name: key_of(name).address)


@pytest.mark.parametrize(
    ("first", "amount", "names"),
    [
        (LOWER, "11", [LOWER]),
        (LOWER, "10", [HIGHER]),
        (LOWER, "10", [LOWER, HIGHER]),
        (HIGHER, "10", [LOWER, HIGHER]),
    ],
)
def test_a_reference_is_good_for_one_top_up(bench: Bench, first: str, amount: str, names: list[str]) -> None:
    """A bank's reference that was used is refused for another amount, another payee or more payees; nothing is sent."""
    bench.top_up("10", first, bank_ref="transfer 1")
    count = bench.count("issuer")
    with pytest.raises(BadValue) as refusal:
        bench.top_up(amount, *names, bank_ref="transfer 1")
    assert refusal.value.field == "bank reference"
    assert bench.count("issuer") == count
    assert bench.unfinished() == ()
    assert sorted(bench.balance(LOWER, HIGHER)) == ["0.00", "10.00"]


def test_the_chain_knows_a_reference_that_the_store_lost(bench: Bench, tmp_path: Path) -> None:
    """With a database that knows nothing of it the chain itself refuses a used reference, before anything is sent."""
    bench.top_up("10", "cleo", bank_ref="transfer 1")
    count = bench.count("issuer")
    database = Database(tmp_path / "lost.db")
    try:
        for name in ("cleo", "ben"):
            with pytest.raises(Reverted) as refusal:
                replace(bench, database=database).top_up("10", name, bank_ref="transfer 1")
            assert refusal.value.reason.startswith("BankRefUsed(")
    finally:
        database.close()
    assert bench.count("issuer") == count
    assert bench.balance("cleo", "ben") == ["10.00", "0.00"]


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_a_top_up_is_of_something(bench: Bench, amount: str) -> None:
    """Nothing, less than nothing and another currency are refused, and the reference stays free."""
    with pytest.raises(BadValue):
        bench.top_up(amount, "cleo")
    amounts = {key_of("cleo").address: Money(5, JPY)}
    with pytest.raises(BadValue):
        issuing.top_up(bench.database, bench.relayer().deliver, ROLES.issuer, bench.cash, amounts, "bank", 5)
    with pytest.raises(BadValue):
        bench.top_up("1", "cleo", bank_ref="")
    bench.top_up("1", "cleo")
    assert bench.balance("cleo") == ["1.00"]


def test_an_issuer_stays_within_the_quota(bench: Bench) -> None:
    """A top-up above the issuer's quota is refused with both figures; a smaller one may use the same reference."""
    bench.act("admin", "setQuota(address,uint96,uint96)", ROLES.issuer, 10_000_000, 0)
    with pytest.raises(Reverted) as refusal:
        bench.top_up("10.01", "cleo")
    assert refusal.value.reason.startswith("QuotaExceeded(")
    assert "available=10000000, required=10010000" in refusal.value.reason
    bench.top_up("10", "cleo")
    assert bench.balance("cleo") == ["10.00"]


def test_the_reference_on_the_chain_can_be_recomputed(bench: Bench) -> None:
    """Whoever knows the bank's reference can ask the chain whether it was used."""
    bench.top_up("10", "cleo", bank_ref="transfer 1")
    for text, used in (("transfer 1", 1), ("transfer 2", 0)):
        reference = keccak256(keccak256(text.encode()) + bytes(32))
        answer = bench.node.call(bench.cash.address, call_data("isBankRefUsed(bytes32)", reference))
        assert int.from_bytes(answer, "big") == used
