"""Exporting a group: its bills as another app's file, and all of it as our own.

Our own file tells what members see, no more: no accounts, and of what was signed only what the chain has carried out,
for who holds another signature could have it carried out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from chainwallet.abi.typed_data import from_typed_data
from chainwallet.bills.record import Record, load_each
from chainwallet.evm import checksum, to_hex
from chainwallet.formats.group_document import (
    KeptAnswer,
    KeptBill,
    KeptConsent,
    KeptDebt,
    KeptElsewhere,
    KeptGroup,
    KeptLeg,
    KeptLine,
    KeptMember,
    KeptPayment,
    KeptPlan,
    KeptVersion,
    Object,
    typed_document,
    write_group,
)
from chainwallet.formats.splitwise import Entry, GroupHistory
from chainwallet.formats.splitwise_writing import write_splitwise
from chainwallet.groups import Standing
from chainwallet.rules.money import Currency, Money, currency_of
from chainwallet.rules.promise import Executed, Final
from chainwallet.store import bills, debts, facts, plans, promises
from chainwallet.store.bills import Bill, Said, Version
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt, PaidElsewhere
from chainwallet.store.members import Member
from chainwallet.store.plans import Plan
from chainwallet.store.promises import Promise

DEBTS_AT_ONCE = 5_000
MOST_PLANS = 100_000  # more than a group can have made


def splitwise(tx: Transaction, here: Standing, today: date) -> bytes:
    """The bills of the group that are not deleted, as they stand, in the CSV that Splitwise exports."""
    records = load_each(tx, [one for one in bills.every(tx, here.group.id) if not one.is_deleted])
    named = {line.person for record in records for line in record.lines}
    people = [one for one in here.people if one.is_here or one.id in named]
    ordered = sorted(records, key=lambda record: (record.terms.date, record.bill.created_at_s, record.bill.id))
    entries = tuple(_entry(row, record, [one.id for one in people]) for row, record in enumerate(ordered, 3))
    currencies = tuple(dict.fromkeys(entry.currency for entry in entries))
    history = GroupHistory(tuple(one.name for one in people), entries, {}, currencies, ())
    return write_splitwise(history, today.isoformat())


def _entry(row: int, record: Record, people: list[str]) -> Entry:
    currency = record.currency
    nets = {line.person: line.net.amount_minor for line in record.lines}
    return Entry(
        row=row,
        date=record.terms.date.isoformat(),
        description=record.terms.title,
        category="",
        cost=_major(record.terms.total.amount_minor, currency),
        currency=currency,
        nets=tuple(_major(nets.get(person, 0), currency) for person in people),
        is_payment=False,
    )


def _major(minor: int, currency: Currency) -> Decimal:
    return Decimal(minor).scaleb(-currency.decimals)


# ------------------------------------------------------------------------------------------------ our own file


@dataclass(frozen=True)
class _Settled:
    """How debts of a group were settled, by the debt's id; ``plans`` are those that the chain carried out."""

    payments: Mapping[int, Promise]
    elsewhere: Mapping[int, PaidElsewhere]
    plans: Mapping[int, str]


def document(tx: Transaction, here: Standing) -> bytes:
    """All of the group as ``formats.group_document`` writes it."""
    every = bills.every(tx, here.group.id)
    versions, said = bills.every_version(tx, here.group.id), bills.every_said(tx, here.group.id)
    owed = debts.of_bills(tx, [one.id for one in every])
    carried_out = tuple(_carried_out(tx, plans.of_group(tx, here.group.id, None, MOST_PLANS)))
    settled = _settled(tx, [debt.id for some in owed.values() for debt in some], {one.id for one in carried_out})
    group = KeptGroup(
        id=here.group.id,
        name=here.group.name,
        type=here.group.kind,
        created_at_s=here.group.created_at_s,
        members=tuple(map(_member, here.people)),
        bills=tuple(_bill(one, versions[one.id], said.get(one.id, ()), owed[one.id], settled) for one in every),
        plans=carried_out,
    )
    return write_group(group)


def _member(member: Member) -> KeptMember:
    return KeptMember(member.id, member.name, member.role, member.joined_at_s, member.left_at_s)


def _bill(
    bill: Bill, versions: Sequence[Version], said: Sequence[Said], owed: Sequence[Debt], settled: _Settled
) -> KeptBill:
    return KeptBill(
        id=bill.id,
        lineage=bill.lineage,
        created_by=bill.created_by,
        created_at_s=bill.created_at_s,
        state=bill.state,
        versions=tuple(map(_version, versions)),
        answers=tuple(map(_answer, said)),
        debts=tuple(_debt(debt, settled) for debt in owed),
        reverses=bill.reverses,
        deleted_at_s=bill.deleted_at_s,
    )


def _version(version: Version) -> KeptVersion:
    currency = currency_of(version.currency)
    lines = tuple(
        KeptLine(line.member_id, _decimal(line.share_minor, currency), _decimal(line.paid_minor, currency))
        for line in version.lines
    )
    terms = json.loads(version.document)
    return KeptVersion(version.hash, terms, lines, version.made_by, version.made_at_s, version.reason)


def _answer(said: Said) -> KeptAnswer:
    proposal = None if said.proposal is None else json.loads(said.proposal)
    return KeptAnswer(said.version, said.member_id, said.answer, said.at_s, said.is_carried_over, said.reason, proposal)


def _debt(debt: Debt, settled: _Settled) -> KeptDebt:
    elsewhere, payment = settled.elsewhere.get(debt.id), settled.payments.get(debt.id)
    return KeptDebt(
        debtor=debt.debtor,
        creditor=debt.creditor,
        amount=_decimal(debt.amount_minor, currency_of(debt.currency)),
        since_version=debt.since_version,
        elsewhere=None if elsewhere is None else KeptElsewhere(elsewhere.said_by, elsewhere.at_s, elsewhere.note),
        payment=None if payment is None else _payment(payment),
        plan=settled.plans.get(debt.id),
    )


def _payment(promise: Promise) -> KeptPayment:
    assert isinstance(promise.stage, Executed | Final)  # noqa: S101 - by ``_settled``
    execution = promise.stage.execution
    return KeptPayment(
        id=promise.id,
        chain=promise.chain,
        document=_typed(promise),
        made_at_s=promise.created_at_s,
        tx=to_hex(execution.tx),
        block=execution.block,
        block_hash=to_hex(execution.block_hash),
        signature=_signature(promise),
    )


def _settled(tx: Transaction, debt_ids: Sequence[int], carried_out: set[str]) -> _Settled:
    payments: dict[int, Promise] = {}
    elsewhere: dict[int, PaidElsewhere] = {}
    in_plans: dict[int, str] = {}
    for start in range(0, len(debt_ids), DEBTS_AT_ONCE):
        some = debt_ids[start : start + DEBTS_AT_ONCE]
        for debt_id, made in debts.payments_of(tx, some).items():
            payments.update((debt_id, one) for one in made if isinstance(one.stage, Executed | Final))
        elsewhere |= debts.paid_elsewhere(tx, some)
        in_plans |= {debt_id: plan for debt_id, plan in debts.plans_of(tx, some).items() if plan in carried_out}
    return _Settled(payments, elsewhere, in_plans)


def _carried_out(tx: Transaction, some: Sequence[Plan]) -> Iterator[KeptPlan]:
    """Those of ``some`` that the verified history has, the oldest first."""
    for plan in reversed(some):
        found = facts.settlement(tx, plan.token, plan.settlement_hash)
        if found is None:
            continue
        currency = currency_of(plan.currency)
        consents = {one.number: one for one in promises.every(tx, [leg.promise for leg in plan.legs if leg.promise])}
        signed = [(leg.member_id, consents[leg.promise]) for leg in plan.debtors if leg.promise is not None]
        chain, _, token = plan.token.partition("/")
        yield KeptPlan(
            id=plan.id,
            currency=plan.currency,
            chain=chain,
            token=token,
            context=to_hex(plan.context),
            settlement_hash=to_hex(plan.settlement_hash),
            made_by=plan.made_by,
            made_at_s=plan.made_at_s,
            legs=tuple(
                KeptLeg(leg.member_id, checksum(leg.account), _decimal(leg.net_minor, currency)) for leg in plan.legs
            ),
            consents=tuple(
                KeptConsent(member, _typed(one), _signature(one))
                for member, one in signed
                if one.ref == plan.settlement_hash
            ),
            tx=to_hex(found.tx),
            block=found.block,
            block_hash=to_hex(found.block_hash),
        )


def _typed(promise: Promise) -> Object:
    return typed_document(*from_typed_data(json.loads(promise.document)))


def _signature(promise: Promise) -> str | None:
    return None if promise.signature is None else to_hex(promise.signature)


def _decimal(minor: int, currency: Currency) -> str:
    return Money(minor, currency).decimal
