"""A consent is its debtor's own, to this very plan, under a nonce that stays; and the money for it is kept back.

Gina owes 29.95, Hugo 12.39 and Jon 0.05, to Iris and Kim; everybody has 50.00.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from chainwallet.abi.typed_data import Consent, Document, Domain, Settlement, from_typed_data
from chainwallet.clearing import Clearings, ShownPlan
from chainwallet.errors import (
    AlreadyExists,
    BadSignature,
    BadValue,
    Expired,
    Forbidden,
    InsufficientFunds,
    KeyServiceUnreachable,
    NotFound,
    TooLate,
)
from chainwallet.evm import keccak256
from chainwallet.keys.signer import LocalSigner
from chainwallet.rules.promise import Offered
from chainwallet.store import promises, submissions
from chainwallet.store.promises import Promise
from tests.chain.bench import Bench, key_of
from tests.chain.clearing.friends import Friends, friends_of, member
from tests.postgres import on_both


def document_of(shown: ShownPlan) -> tuple[Consent, Domain]:
    """What the caller is to sign."""
    assert shown.to_sign is not None
    document, domain = from_typed_data(shown.to_sign)
    assert isinstance(document, Consent)
    return document, domain


def promise_of(friends: Friends, shown: ShownPlan, name: str) -> Promise:
    """Somebody's consent to the plan."""
    leg = friends.show(shown.plan.id).plan.leg_of(member(name))
    assert leg is not None
    assert leg.promise is not None
    with friends.bench.database.read() as tx:
        promise = promises.by_number(tx, leg.promise)
    assert promise is not None
    return promise


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each of ``works``, begun in the same instant, gave or raised."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


# ------------------------------------------------------------------------------------------------ signing elsewhere


def test_who_signs_elsewhere_gets_the_document_and_brings_the_signature(bench: Bench) -> None:
    """The typed data shows the whole settlement; asked for again it is the same, under the same nonce."""
    friends = friends_of(bench, external=["hugo"])
    plan = friends.make().plan
    document, domain = document_of(friends.consent("hugo", plan.id))
    assert document_of(friends.consent("hugo", plan.id)) == (document, domain)
    assert document.debtor == key_of("hugo").address
    assert {leg.account: leg.amount for leg in document.settlement.debits}[document.debtor] == 12_390_000
    assert friends.show(plan.id, "iris").to_sign is None
    friends.consent("gina", plan.id)
    friends.consent("jon", plan.id)
    assert friends.show(plan.id).stage == "open"
    shown = friends.consent("hugo", plan.id, key_of("hugo").sign(document, domain))
    assert (shown.stage, shown.to_sign, len(shown.signed)) == ("ready", None, 3)
    friends.carry(lambda: friends.show(plan.id).is_final)
    assert bench.balance("gina", "hugo", "iris") == ["20.05", "37.61", "90.00"]


OTHERS: dict[str, Callable[[Consent, Domain], tuple[Document, Domain]]] = {
    "another nonce": lambda consent, domain: (replace(consent, nonce=consent.nonce + 1), domain),
    "another plan": lambda consent, domain: (_with(consent, context=bytes(32)), domain),
    "other legs": lambda consent, domain: (_with(consent, debits=consent.settlement.debits[::-1]), domain),
    "another time": lambda consent, domain: (_with(consent, valid_before=2**40), domain),
    "another chain": lambda consent, domain: (consent, replace(domain, chain_id=domain.chain_id + 1)),
    "another ledger": lambda consent, domain: (consent, replace(domain, contract=key_of("ana").address)),
}


def _with(consent: Consent, **changes: Any) -> Consent:
    settlement: Settlement = replace(consent.settlement, **changes)
    return replace(consent, settlement=settlement)


@pytest.mark.parametrize("other", OTHERS)
def test_a_signature_of_anything_else_is_refused(bench: Bench, other: str) -> None:
    """Another bill's, version's, plan's or chain's consent is nobody's signature of this one; nothing is stored."""
    friends = friends_of(bench, external=["hugo"])
    plan = friends.make().plan
    document, domain = document_of(friends.consent("hugo", plan.id))
    with pytest.raises(BadSignature):
        friends.consent("hugo", plan.id, key_of("hugo").sign(*OTHERS[other](document, domain)))
    shown = friends.show(plan.id)
    assert isinstance(promise_of(friends, shown, "hugo").stage, Offered)
    assert shown.signed == frozenset()


def test_nobody_signs_for_another(bench: Bench) -> None:
    """A debtor's signature counts for nobody else; who receives and who is not in the group sign nothing."""
    friends = friends_of(bench, external=["hugo"])
    plan = friends.make().plan
    document, domain = document_of(friends.consent("hugo", plan.id))
    with pytest.raises(BadSignature):
        friends.consent("hugo", plan.id, key_of("gina").sign(replace(document, debtor=key_of("gina").address), domain))
    with pytest.raises(BadValue, match="in which you pay"):
        friends.consent("iris", plan.id)
    with pytest.raises(NotFound):
        friends.clearings.consent(replace(friends.caller("gina"), account_id=77), friends.group_id, plan.id)
    caller = replace(friends.caller("gina"), scopes=frozenset({"groups:read", "groups:write"}))
    with pytest.raises(Forbidden):
        friends.clearings.consent(caller, friends.group_id, plan.id)
    assert friends.show(plan.id).signed == frozenset()


def test_a_consent_is_stored_before_a_key_elsewhere_signs_it(bench: Bench) -> None:
    """A key service sees only what is stored with its nonce; where it does not answer, the same is signed later."""
    friends = friends_of(bench)
    plan = friends.make().plan
    seen: list[Promise | None] = []

    class KeyService(LocalSigner):
        is_here = False

        def sign(self, document: Document, domain: Domain) -> bytes:
            seen.append(bench.promise("gina", f"plan:{plan.lineage}", "consent"))
            if len(seen) == 1:
                raise KeyServiceUnreachable("kms", "no answer")
            return super().sign(document, domain)

    signer = KeyService(keccak256(b"chainwallet tests: gina"))
    clearings = Clearings(replace(friends.tools, signer_of=lambda _: signer))
    with pytest.raises(KeyServiceUnreachable):
        clearings.consent(friends.caller("gina"), friends.group_id, plan.id)
    assert clearings.consent(friends.caller("gina"), friends.group_id, plan.id).signed == {member("gina")}
    assert all(one is not None and isinstance(one.stage, Offered) for one in seen)
    assert len({one.nonce for one in seen if one is not None}) == 1


def test_a_plan_of_another_chain_can_only_be_withdrawn(bench: Bench) -> None:
    """Where another chain is served than the plan was made on, nobody signs it here; its debts can be freed."""
    friends = friends_of(bench)
    plan = friends.make().plan
    elsewhere = Clearings(replace(friends.tools, desks={}))
    assert "not the one that is served" in elsewhere.show(friends.caller("gina"), friends.group_id, plan.id).waits
    with pytest.raises(NotFound, match="ledger"):
        elsewhere.consent(friends.caller("gina"), friends.group_id, plan.id)
    bench.database.write(lambda tx: elsewhere.withdraw(tx, friends.caller("gina"), friends.group_id, plan.id))
    assert friends.states() == ["open"] * 4


# ------------------------------------------------------------------------------------------------ money


def test_what_was_signed_away_is_not_spent(bench: Bench) -> None:
    """The amount of a consent is kept back: what is left can be paid, and not a cent more."""
    friends = friends_of(bench)
    friends.consent("gina", friends.make().plan.id)
    with pytest.raises(InsufficientFunds) as refusal:
        bench.accept(bench.order("gina", "kim", "20.06"))
    assert (refusal.value.available, refusal.value.required) == ("20.05 EUR", "20.06 EUR")
    bench.accept(bench.order("gina", "kim", "20.05"))


def test_nobody_signs_for_more_than_they_have(bench: Bench) -> None:
    """Who has promised the money elsewhere cannot consent; the refusal names both amounts, and nothing is stored."""
    friends = friends_of(bench)
    bench.accept(bench.order("gina", "kim", "20.06"))
    plan = friends.make().plan
    with pytest.raises(InsufficientFunds) as refusal:
        friends.consent("gina", plan.id)
    assert (refusal.value.available, refusal.value.required) == ("29.94 EUR", "29.95 EUR")
    assert bench.promise("gina", f"plan:{plan.lineage}", "consent") is None
    assert friends.show(plan.id).signed == frozenset()


def test_a_frozen_debtor_does_not_sign(bench: Bench) -> None:
    """The account of somebody who is frozen cannot pay, so no consent is taken for it."""
    friends = friends_of(bench)
    bench.act("compliance", "freeze(address,bytes32)", key_of("gina").address, bytes(32))
    bench.indexer().catch_up()
    with pytest.raises(BadValue, match="not frozen"):
        friends.consent("gina", friends.make().plan.id)


# ------------------------------------------------------------------------------------------------ at once


@on_both
def test_of_two_plans_at_once_one_is_made(bench: Bench) -> None:
    """Two members who settle up in the same instant: one plan is made, and the other member is told of it."""
    friends = friends_of(bench)
    for _ in range(5):
        outcomes = at_once(lambda: friends.make("gina"), lambda: friends.make("hugo"))
        made = [one for one in outcomes if isinstance(one, ShownPlan)]
        assert [type(one) for one in outcomes if one not in made] == [AlreadyExists]
        friends.withdraw("gina", made[0].plan.id)


@on_both
def test_the_last_two_sign_at_once(bench: Bench) -> None:
    """Whoever of two is last sends the settlement out, once: no signature is lost and none is waited for in vain."""
    friends = friends_of(bench, owed={("gina", "iris"): 1_00, ("hugo", "iris"): 1_00})
    for _ in range(5):
        plan = friends.make().plan
        outcomes = at_once(*(partial(friends.consent, name, plan.id) for name in ("gina", "hugo")))
        assert [one for one in outcomes if not isinstance(one, ShownPlan)] == []
        assert friends.show(plan.id).stage == "ready"
        assert len(bench.unfinished()) == 1
        friends.withdraw("gina", plan.id)


@on_both
def test_a_crash_while_the_last_one_signs_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signature and submission are stored together: after a crash between them neither is there, and it is signed."""
    friends = friends_of(bench)
    plan = friends.make().plan
    friends.consent("gina", plan.id)
    friends.consent("hugo", plan.id)

    class Crashed(Exception):
        pass

    def crash(*_: object, **__: object) -> int:
        raise Crashed

    with monkeypatch.context() as patched:
        patched.setattr(submissions, "put", crash)
        with pytest.raises(Crashed):
            friends.consent("jon", plan.id)
    assert (friends.show(plan.id).stage, len(friends.show(plan.id).signed)) == ("open", 2)
    assert bench.promise("jon", f"plan:{plan.lineage}", "consent") is None
    assert friends.consent("jon", plan.id).stage == "ready"
    friends.carry(lambda: friends.show(plan.id).is_final)
    assert bench.balance("gina", "hugo", "jon") == ["20.05", "37.61", "49.95"]


def test_signing_again_is_signing_once(bench: Bench) -> None:
    """A consent that is asked for again, also later, is the same; the group is told once."""
    friends = friends_of(bench)
    plan = friends.make().plan
    for name in ("gina", "gina", "hugo", "jon", "jon", "gina"):
        friends.consent(name, plan.id)
    assert friends.events() == ["plan.made", *["plan.signed"] * 3]
    friends.carry(lambda: friends.show(plan.id).plan.stage == "settled")
    friends.consent("gina", plan.id)
    assert bench.count() == 1


def test_signatures_are_taken_until_the_deadline(bench: Bench) -> None:
    """After the deadline a plan takes no more signatures, and an ended one says what became of it."""
    friends = friends_of(bench)
    plan = friends.make(sign_within_s=3_600).plan
    friends.late_s = 3_600
    with pytest.raises(Expired):
        friends.consent("gina", plan.id)
    friends.late_s = 0
    friends.withdraw("gina", plan.id)
    with pytest.raises(TooLate, match="withdrawn"):
        friends.consent("gina", plan.id)
    for seconds in (59, 30 * 86_400 + 1):
        with pytest.raises(BadValue, match="sign_within_s"):
            friends.make(sign_within_s=seconds)


def test_a_plan_names_its_people_and_their_money(bench: Bench) -> None:
    """A preview is the plan without being one; even people are not in it, and nothing is stored."""
    friends = friends_of(bench)
    preview = friends.clearings.preview(friends.caller("kim"), friends.group_id)
    assert preview.draft is not None
    assert [(leg.person, leg.amount_minor) for leg in preview.draft.plan.credits] == [
        (member("iris"), 40_00),
        (member("kim"), 2_39),
    ]
    assert friends.plan_under_way() is None
    plan = friends.make("kim").plan
    assert preview.draft.context == plan.context
    again = friends.clearings.preview(friends.caller("kim"), friends.group_id, "EUR")
    assert (again.draft, again.under_way) == (None, plan.id)
    with pytest.raises(BadValue, match="currency"):
        friends.clearings.preview(friends.caller("kim"), friends.group_id, "USD")
