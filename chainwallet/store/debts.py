"""Debts: what a bill makes one member owe another, and how each stands by plans, payments and the verified facts.

A debt's state is read, never stored: ``settled`` where the chain carried out a settlement of a plan that has it, where
its own payment was carried out, or where its creditor says that it was paid elsewhere; else ``locked`` in a plan that
is under way; else ``paying`` while a payment of it is; else ``open``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, insert, or_, select, update

from chainwallet.store.account_schema import account_wallets
from chainwallet.store.bills import ROWS_AT_ONCE, StoredState
from chainwallet.store.bulk import asked
from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import (
    bills,
    debt_payments,
    debts,
    debts_paid_elsewhere,
    members,
    plan_debts,
    plan_legs,
    plans,
)
from chainwallet.store.promises import OPEN, Promise
from chainwallet.store.promises import every as promises_with
from chainwallet.store.schema import facts, promises

DebtState = Literal["open", "locked", "paying", "settled"]


@dataclass(frozen=True)
class Debt:
    """``debtor`` owes ``creditor`` (member ids) ``amount_minor``, above 0, by the terms of ``since_version``."""

    group_id: str
    bill_id: str
    currency: str
    debtor: str
    creditor: str
    amount_minor: int
    since_version: int = 1
    state: DebtState = "open"
    id: int = 0
    """0 until it is stored."""


@dataclass(frozen=True)
class Sum:
    """What ``debtor`` owes ``creditor`` in all bills of one state together, settled debts not counted.

    ``is_free``: by debts that are open, in no plan and no payment under way.
    """

    currency: str
    debtor: str
    creditor: str
    bill_state: StoredState
    is_free: bool
    amount_minor: int


@dataclass(frozen=True)
class PaidElsewhere:
    """Said of a debt by its creditor."""

    debt_id: int
    said_by: str
    note: str | None
    at_s: int


# ------------------------------------------------------------------------------------------------ writing


def add_all(tx: Transaction, some: Sequence[Debt]) -> None:
    """Stores new debts; their states follow from elsewhere."""
    values = [
        {
            "group_id": one.group_id,
            "bill_id": one.bill_id,
            "currency": one.currency,
            "debtor": one.debtor,
            "creditor": one.creditor,
            "amount_minor": one.amount_minor,
            "since_version": one.since_version,
        }
        for one in some
    ]
    for start in range(0, len(values), ROWS_AT_ONCE):
        tx.execute(insert(debts), values[start : start + ROWS_AT_ONCE])


def replace_all(tx: Transaction, bill_id: str, at_s: int) -> None:
    """From now on the debts that a bill has do not count; its caller has seen to it that all are open."""
    counting = (debts.c.bill_id == bill_id) & debts.c.replaced_at_s.is_(None)
    tx.execute(update(debts).where(counting).values(replaced_at_s=at_s))


def note_payment(tx: Transaction, debt_id: int, promise: int, at_s: int) -> None:
    """Stores that the promise numbered ``promise`` pays a debt; again, it is the same."""
    known = exists().where(debt_payments.c.debt_id == debt_id, debt_payments.c.promise == promise)
    if not tx.execute(select(known)).scalar_one():
        tx.execute(insert(debt_payments).values(debt_id=debt_id, promise=promise, made_at_s=at_s))


def note_paid_elsewhere(tx: Transaction, some: Sequence[PaidElsewhere]) -> None:
    """Stores what creditors say of debts, once for each."""
    values = [{"debt_id": one.debt_id, "said_by": one.said_by, "note": one.note, "at_s": one.at_s} for one in some]
    if values:
        tx.execute(insert(debts_paid_elsewhere), values)


# ------------------------------------------------------------------------------------------------ finding


def of_bill(tx: Transaction, bill_id: str) -> tuple[Debt, ...]:
    """The debts of a bill that count, by debtor and creditor."""
    return _many(tx, _counting().where(debts.c.bill_id == bill_id))


def of_bills(tx: Transaction, bill_ids: Collection[str]) -> dict[str, tuple[Debt, ...]]:
    """The debts of bills that count, by the bill."""
    found: dict[str, list[Debt]] = {one: [] for one in bill_ids}
    among = debts.c.bill_id.in_(select(asked(tx, id=sorted(found)).c.id))
    for debt in _many(tx, _counting().where(among)):
        found[debt.bill_id].append(debt)
    return {bill_id: tuple(some) for bill_id, some in found.items()}


def of_plan(tx: Transaction, plan_id: str) -> tuple[Debt, ...]:
    """The debts that a plan clears, also those that do not count any more."""
    among = debts.c.id.in_(select(plan_debts.c.debt_id).where(plan_debts.c.plan_id == plan_id))
    return _many(tx, select(debts, STATE.label("state")).where(among))


def of_member(tx: Transaction, group_id: str, member_id: str) -> tuple[tuple[Debt, StoredState], ...]:
    """The debts that a member owes or is owed and that are not settled, each with its bill's state; oldest bill first.

    None of deleted bills.
    """
    theirs = (debts.c.debtor == member_id) | (debts.c.creditor == member_id)
    query = _unsettled(group_id).where(theirs).add_columns(bills.c.state.label("bill_state"))
    query = query.order_by(bills.c.created_at_s, bills.c.id, debts.c.debtor, debts.c.creditor)
    return tuple((_debt(row), row.bill_state) for row in tx.execute(query))


def is_in_plan(tx: Transaction, member_id: str) -> bool:
    """Whether a plan under way has the member pay or receive."""
    legs = exists().where(
        plan_legs.c.member_id == member_id, plans.c.id == plan_legs.c.plan_id, plans.c.stage.in_(_UNDER_WAY)
    )
    return bool(tx.execute(select(legs)).scalar_one())


def sums(tx: Transaction, group_id: str) -> tuple[Sum, ...]:
    """What everyone owes everyone, by the state of the bills; sorted. None of deleted bills, nothing settled."""
    is_free = and_(~_IS_LOCKED, ~_IS_PAYING).label("is_free")
    columns = (debts.c.currency, debts.c.debtor, debts.c.creditor, bills.c.state, is_free)
    query = (
        select(*columns, func.sum(debts.c.amount_minor).label("amount_minor"))
        .join_from(debts, bills, bills.c.id == debts.c.bill_id)
        .where(*_counting_in(group_id), _IS_NOT_SETTLED)
        .group_by(*columns)
    )
    found = [
        Sum(row.currency, row.debtor, row.creditor, row.state, bool(row.is_free), int(row.amount_minor))
        for row in tx.execute(query)
    ]
    return tuple(sorted(found, key=lambda one: (one.currency, one.debtor, one.creditor, one.bill_state, one.is_free)))


def clearable(tx: Transaction, group_id: str, currency: str) -> tuple[Debt, ...]:
    """The debts that a plan may clear: of accepted bills, open, between members who both have a wallet.

    By bill, debtor and creditor.
    """
    query = _unsettled(group_id).where(
        debts.c.currency == currency,
        bills.c.state == "accepted",
        ~_IS_LOCKED,
        ~_IS_PAYING,
        _has_wallet(debts.c.debtor),
        _has_wallet(debts.c.creditor),
    )
    return _many(tx, query)


def with_wallets(tx: Transaction, group_id: str) -> frozenset[str]:
    """The members of a group who have a wallet, so that they can pay and be paid."""
    query = select(members.c.id).where(members.c.group_id == group_id, _has_wallet(members.c.id))
    return frozenset(tx.execute(query).scalars())


def payments_of(tx: Transaction, debt_ids: Collection[int]) -> dict[int, tuple[Promise, ...]]:
    """The payments that were made for debts, in the order of their making, by the debt."""
    pairs = tx.execute(
        select(debt_payments.c.debt_id, debt_payments.c.promise).where(debt_payments.c.debt_id.in_(list(debt_ids)))
    ).all()
    known = {one.number: one for one in promises_with(tx, {promise for _, promise in pairs})}
    found: dict[int, list[Promise]] = {}
    for debt_id, promise in sorted(tuple(pair) for pair in pairs):
        found.setdefault(debt_id, []).append(known[promise])
    return {debt_id: tuple(some) for debt_id, some in found.items()}


def payments_between(tx: Transaction, bill_id: str, debtor: str, creditor: str) -> tuple[Promise, ...]:
    """All payments that ``debtor`` ever began to ``creditor`` for debts of a bill, also for replaced ones."""
    among = (
        select(debt_payments.c.promise)
        .join_from(debt_payments, debts, debts.c.id == debt_payments.c.debt_id)
        .where(debts.c.bill_id == bill_id, debts.c.debtor == debtor, debts.c.creditor == creditor)
    )
    return promises_with(tx, tx.execute(among.distinct()).scalars().all())


def paid_elsewhere(tx: Transaction, debt_ids: Collection[int]) -> dict[int, PaidElsewhere]:
    """What creditors said of debts, by the debt."""
    query = select(debts_paid_elsewhere).where(debts_paid_elsewhere.c.debt_id.in_(list(debt_ids)))
    return {row.debt_id: PaidElsewhere(row.debt_id, row.said_by, row.note, row.at_s) for row in tx.execute(query)}


def plans_of(tx: Transaction, debt_ids: Collection[int]) -> Mapping[int, str]:
    """The plan under way, or settled, that has each of these debts; by the debt."""
    query = (
        select(plan_debts.c.debt_id, plan_debts.c.plan_id)
        .join_from(plan_debts, plans, plans.c.id == plan_debts.c.plan_id)
        .where(plan_debts.c.debt_id.in_(list(debt_ids)), or_(plans.c.stage.in_(_UNDER_WAY), _IS_CARRIED_OUT))
        .order_by(_IS_CARRIED_OUT, plans.c.made_at_s)
    )
    return {row.debt_id: row.plan_id for row in tx.execute(query)}


# ------------------------------------------------------------------------------------------------ states

_UNDER_WAY = ("open", "ready")
_PAID = ("executed", "final")

_IS_CARRIED_OUT = or_(
    plans.c.stage == "settled",
    exists().where(
        facts.c.token == plans.c.token,
        facts.c.ref == plans.c.settlement_hash,
        facts.c.kind == "Settled",
        facts.c.orphaned_at_s.is_(None),
    ),
)


def _in_plan(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(plan_debts.c.debt_id == debts.c.id, plans.c.id == plan_debts.c.plan_id, which)


def _in_payment(stages: Collection[str]) -> ColumnElement[bool]:
    among = promises.c.stage.in_(list(stages))
    return exists().where(debt_payments.c.debt_id == debts.c.id, promises.c.number == debt_payments.c.promise, among)


_IS_SETTLED = (
    exists().where(debts_paid_elsewhere.c.debt_id == debts.c.id),
    _in_plan(_IS_CARRIED_OUT),
    _in_payment(_PAID),
)
_IS_NOT_SETTLED = and_(*(~one for one in _IS_SETTLED))  # so written, PostgreSQL joins instead of looking for each
_IS_LOCKED = _in_plan(plans.c.stage.in_(_UNDER_WAY))
_IS_PAYING = _in_payment(OPEN)
STATE = case((or_(*_IS_SETTLED), "settled"), (_IS_LOCKED, "locked"), (_IS_PAYING, "paying"), else_="open")
"""The state of a row of ``debts``."""


def _counting() -> Select[Any]:
    return select(debts, STATE.label("state")).where(debts.c.replaced_at_s.is_(None))


def _counting_in(group_id: str) -> Iterator[ColumnElement[bool]]:
    yield debts.c.group_id == group_id
    yield bills.c.group_id == group_id
    yield debts.c.replaced_at_s.is_(None)
    yield bills.c.deleted_at_s.is_(None)


def _unsettled(group_id: str) -> Select[Any]:
    return (
        select(debts, STATE.label("state"))
        .join_from(debts, bills, bills.c.id == debts.c.bill_id)
        .where(and_(*_counting_in(group_id)), _IS_NOT_SETTLED)
    )


def _has_wallet(member: ColumnElement[str]) -> ColumnElement[bool]:
    one = members.alias()
    theirs = (one.c.id == member) & (account_wallets.c.account_id == one.c.account_id)
    return exists().where(theirs, account_wallets.c.is_default)


def _many(tx: Transaction, query: Select[Any]) -> tuple[Debt, ...]:
    return tuple(map(_debt, tx.execute(query.order_by(debts.c.bill_id, debts.c.debtor, debts.c.creditor))))


def _debt(row: Row[Any]) -> Debt:
    return Debt(
        group_id=row.group_id,
        bill_id=row.bill_id,
        currency=row.currency,
        debtor=row.debtor,
        creditor=row.creditor,
        amount_minor=row.amount_minor,
        since_version=row.since_version,
        state=row.state,
        id=row.id,
    )
