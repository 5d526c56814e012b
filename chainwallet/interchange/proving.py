"""Proving what a group's file says was settled: signatures, settlements and the debts that they were for."""

import re
from collections.abc import Collection, Iterator

from chainwallet.abi.typed_data import Consent, Domain, Payment, Settlement, signer_of, struct_hash
from chainwallet.abi.typed_data import Document as Signed
from chainwallet.clearing.whole import settlement_of
from chainwallet.errors import BadSignature, BadValue, Refused
from chainwallet.evm import Address, Hash32, checksum, from_hex, parse_address, to_hex
from chainwallet.formats.group_document import KeptGroup, KeptLeg, KeptPayment, KeptPlan, typed_of
from chainwallet.keys.signer import verify_signature
from chainwallet.rules.debts import BillDebt, Debt, ledger_root, nets_of
from chainwallet.rules.money import Currency, Money, currency_of, parse_money
from chainwallet.rules.plan import Plan, plan_of

_HASH = re.compile(r"0x[0-9a-f]{64}")
_CHAIN = re.compile(r"([0-9]{1,20})-[0-9a-f]{8}")
_SIGNATURE = re.compile(r"0x(?:[0-9a-f]{128}|[0-9a-f]{130})")


def same(path: str, given: object, true: object) -> None:
    """Raises ``BadValue`` where the file does not say what follows from the rest."""
    if given != true:
        raise BadValue(path, given, f"{true}, as follows from the rest of the file")


def check_payment(path: str, kept: KeptPayment, amount: Money) -> None:
    """Raises ``BadValue`` under ``path`` where ``kept`` is no payment of ``amount``, or its payer did not sign it."""
    signed, domain = typed_of(kept.document, f"{path}.document")
    if not isinstance(signed, Payment):
        raise BadValue(f"{path}.document.primaryType", type(signed).__name__, Payment.__name__)
    same(f"{path}.document.message.value", signed.value, amount.token_units)
    _check_place(path, kept, domain)
    _check_signature(f"{path}.signature", kept.signature, signed, domain)


def check_plans(group: KeptGroup, people: Collection[str]) -> None:
    """Raises ``BadValue`` for a plan whose root, legs, settlement or consents are not those of the debts it settled.

    ``people`` are the ids of members; bills and debts were checked before.
    """
    known: dict[str, list[tuple[str, BillDebt]]] = {}
    for plan in group.plans:
        if plan.id in known:
            raise BadValue("plans", plan.id[:64], "each once")
        known[plan.id] = []
    for path, plan_id, currency, debt in _planned(group):
        if plan_id not in known:
            raise BadValue(f"{path}.plan", plan_id[:64], "a plan of the file")
        known[plan_id].append((currency, debt))
    for index, plan in enumerate(group.plans):
        path = f"plans[{index}]"
        if plan.made_by not in people:
            raise BadValue(f"{path}.made_by", plan.made_by[:64], "a member of the file")
        for currency, _ in known[plan.id]:
            same(f"{path}.currency", plan.currency, currency)
        _check_plan(path, group.id, plan, [debt for _, debt in known[plan.id]])


def _planned(group: KeptGroup) -> Iterator[tuple[str, str, str, BillDebt]]:
    for place, bill in enumerate(group.bills):
        code = str(bill.versions[-1].terms["currency"])
        for index, kept in enumerate(bill.debts):
            if kept.plan is not None:
                minor = parse_money(kept.amount, currency_of(code)).amount_minor
                terms_hash = Hash32(from_hex(bill.versions[kept.since_version - 1].hash))
                debt = BillDebt(bill.lineage, terms_hash, Debt(kept.debtor, kept.creditor, minor))
                yield f"bills[{place}].debts[{index}]", kept.plan, code, debt


def _check_plan(path: str, group_id: str, kept: KeptPlan, cleared: Collection[BillDebt]) -> None:
    try:
        currency = currency_of(kept.currency)
        plan = plan_of(nets_of(one.debt for one in cleared), currency)
    except Refused as refused:
        raise BadValue(path, str(refused), "a plan of its debts") from None
    root = ledger_root(group_id, currency, cleared)
    same(f"{path}.context", kept.context, to_hex(root))
    accounts = _check_legs(path, kept, plan, currency)
    for index, consent in enumerate(kept.consents):
        at = f"{path}.consents[{index}]"
        signed, domain = typed_of(consent.document, f"{at}.document")
        if not isinstance(signed, Consent):
            raise BadValue(f"{at}.document.primaryType", type(signed).__name__, Consent.__name__)
        if consent.member not in {leg.person for leg in plan.debits}:
            raise BadValue(f"{at}.member", consent.member[:64], "somebody who pays in the plan")
        same(f"{at}.document.message.debtor", checksum(signed.debtor), checksum(accounts[consent.member]))
        same(f"{at}.document.domain.verifyingContract", checksum(domain.contract), kept.token)
        _check_settlement(f"{at}.document.message.settlement", signed.settlement, plan, accounts, root)
        same(f"{path}.settlement_hash", kept.settlement_hash, to_hex(struct_hash(signed.settlement)))
        _check_place(path, kept, domain)
        _check_signature(f"{at}.signature", consent.signature, signed, domain)
    members = [consent.member for consent in kept.consents]
    if len(set(members)) != len(members):
        raise BadValue(f"{path}.consents", members, "one for each who pays")


def _check_legs(path: str, kept: KeptPlan, plan: Plan, currency: Currency) -> dict[str, Address]:
    nets = {leg.person: -leg.amount_minor for leg in plan.debits} | {
        leg.person: leg.amount_minor for leg in plan.credits
    }
    same(f"{path}.legs", [leg.member for leg in kept.legs], sorted(nets))
    accounts = {}
    for index, leg in enumerate(kept.legs):
        at = f"{path}.legs[{index}]"
        account = parse_address(leg.account, f"{at}.account")
        true = KeptLeg(leg.member, checksum(account), Money(nets[leg.member], currency).decimal)
        same(f"{at}.net", leg.net, true.net)
        same(f"{at}.account", leg.account, true.account)
        accounts[leg.member] = account
    return accounts


def _check_settlement(path: str, given: Settlement, plan: Plan, accounts: dict[str, Address], root: Hash32) -> None:
    same(f"{path}.context", to_hex(given.context), to_hex(root))
    try:
        true = settlement_of(plan, accounts, root, given.operator, given.valid_before)
    except BadValue as bad:
        raise BadValue(f"{path}.{bad.field}", bad.value, bad.expected) from None
    for side in ("debits", "credits"):
        if getattr(given, side) != getattr(true, side):
            raise BadValue(f"{path}.{side}", "other legs", "those of the plan")


def _check_place(path: str, kept: KeptPayment | KeptPlan, domain: Domain) -> None:
    """Whether it says well where a chain, that of ``domain``, carried it out."""
    chain = _CHAIN.fullmatch(kept.chain)
    if chain is None or int(chain[1]) != domain.chain_id:
        raise BadValue(f"{path}.chain", kept.chain[:64], f"chain {domain.chain_id}, as in the document")
    for name in ("tx", "block_hash"):
        if _HASH.fullmatch(getattr(kept, name)) is None:
            raise BadValue(f"{path}.{name}", getattr(kept, name)[:80], "0x and 64 lower-case hex digits")


def _check_signature(path: str, signature: str | None, signed: Signed, domain: Domain) -> None:
    signer = signer_of(signed)
    if signature is None or signer is None:
        return
    if _SIGNATURE.fullmatch(signature) is None:
        raise BadValue(path, signature[:64], "0x and 64 or 65 bytes in lower-case hex digits")
    try:
        verify_signature(signed, domain, from_hex(signature), signer)
    except BadSignature as bad:
        raise BadValue(path, f"a signature of {bad.recovered}", f"one of {bad.expected}") from None
