"""What keeps a member in a group: debts that are not settled, and plans under way."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, or_, select

from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import (
    bills,
    debt_payments,
    debts,
    debts_paid_elsewhere,
    plan_debts,
    plan_legs,
    plans,
)
from chainwallet.store.members import Member
from chainwallet.store.schema import promises

UNDER_WAY = ("open", "ready")
"""The stages of a plan that is under way."""


@dataclass(frozen=True)
class OpenDebts:
    """What a member owes and is owed in one currency by debts that are not settled, in its minor units."""

    currency: str
    owes_minor: int
    is_owed_minor: int


def of_member(tx: Transaction, member: Member) -> tuple[OpenDebts, ...]:
    """A member's debts of bills that are not deleted, also of those not accepted, by currency; settled ones not."""
    owes, is_owed = (
        {row.currency: int(row.minor) for row in tx.execute(query, {"group": member.group_id, "member": member.id})}
        for query in (_OWES, _IS_OWED)
    )
    return tuple(
        OpenDebts(currency, owes.get(currency, 0), is_owed.get(currency, 0)) for currency in sorted({*owes, *is_owed})
    )


def is_in_plan(tx: Transaction, member: Member) -> bool:
    """Whether a plan under way has the member pay or receive."""
    query = (
        select(plans.c.id)
        .join_from(plan_legs, plans, plans.c.id == plan_legs.c.plan_id)
        .where(plan_legs.c.member_id == member.id, plans.c.stage.in_(UNDER_WAY))
        .limit(1)
    )
    return tx.execute(query).first() is not None


_PAID = (
    select(debt_payments.c.debt_id)
    .join_from(debt_payments, promises, promises.c.number == debt_payments.c.promise)
    .where(debt_payments.c.debt_id == debts.c.id, promises.c.stage.in_(("executed", "final")))
)
_CLEARED = (
    select(plan_debts.c.debt_id)
    .join_from(plan_debts, plans, plans.c.id == plan_debts.c.plan_id)
    .where(plan_debts.c.debt_id == debts.c.id, plans.c.stage == "settled")
)
_ELSEWHERE = select(debts_paid_elsewhere.c.debt_id).where(debts_paid_elsewhere.c.debt_id == debts.c.id)
_OPEN = (
    select(debts.c.currency, func.sum(debts.c.amount_minor).label("minor"))
    .join_from(debts, bills, bills.c.id == debts.c.bill_id)
    .where(
        debts.c.group_id == bindparam("group"),
        debts.c.replaced_at_s.is_(None),
        bills.c.deleted_at_s.is_(None),
        ~or_(_PAID.exists(), _CLEARED.exists(), _ELSEWHERE.exists()),
    )
    .group_by(debts.c.currency)
)
_OWES = _OPEN.where(debts.c.debtor == bindparam("member"))
_IS_OWED = _OPEN.where(debts.c.creditor == bindparam("member"))
