"""How a plan stands: who has signed, what it waits for, and where the chain carried it out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainwallet.clearing.consenting import has_signed
from chainwallet.clearing.tools import Tools
from chainwallet.payments import Desk, waits_for
from chainwallet.rules.money import Currency, currency_of
from chainwallet.rules.promise import Execution, Offered
from chainwallet.rules.timestamp import time_text
from chainwallet.store import debts as debt_rows
from chainwallet.store import evidence, facts, members, plans, submissions
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt
from chainwallet.store.members import Member
from chainwallet.store.plans import Leg, Plan
from chainwallet.store.promises import Promise


@dataclass(frozen=True)
class ShownPlan:
    """A plan as it stands. ``stage`` is ``settled`` from the moment at which the verified history has its settlement.

    ``signed`` are the members whose signatures are here, ``execution`` is where the chain carried it out, ``is_final``
    whether that is as deep as was asked for. ``to_sign`` is the typed data that the one who asks is to sign, where they
    have asked for it and their key is elsewhere.
    """

    plan: Plan
    currency: Currency
    people: Mapping[str, Member]
    debts: tuple[Debt, ...]
    signed: frozenset[str]
    stage: plans.Stage
    waits: str
    execution: Execution | None
    is_final: bool
    replaced_by: str | None
    to_sign: Mapping[str, Any] | None


def shown(tx: Transaction, tools: Tools, plan: Plan, me: str, *, listed: bool = False) -> ShownPlan:
    """How ``plan`` stands; ``me`` is the member who asks. Where it is one of many ``listed``, without its debts."""
    desk = tools.find_desk(plan.token)
    people = {one.id: one for one in members.of_group(tx, plan.group_id)}
    consents = {one.number: one for one in promise_rows.every(tx, _numbers(plan))}
    signed = frozenset(leg.member_id for leg in plan.debtors if _has_signed(consents, leg, plan))
    found = facts.settlement(tx, plan.token, plan.settlement_hash)
    execution = None if found is None else Execution(found.tx, found.block, found.block_hash)
    at = None if desk is None else evidence.horizon(tx, plan.token, desk.confirmations)
    is_final = execution is not None and at is not None and execution.block <= at.final_block
    return ShownPlan(
        plan=plan,
        currency=currency_of(plan.currency),
        people=people,
        debts=() if listed else debt_rows.of_plan(tx, plan.id),
        signed=signed,
        stage=plan.stage if execution is None else "settled",
        waits="" if is_final else _waits(tx, desk, plan, people, signed, consents),
        execution=execution,
        is_final=is_final,
        replaced_by=plans.successor(tx, plan.id),
        to_sign=_to_sign(plan, consents, me),
    )


def _waits(
    tx: Transaction,
    desk: Desk | None,
    plan: Plan,
    people: Mapping[str, Member],
    signed: frozenset[str],
    consents: Mapping[int, Promise],
) -> str:
    if desk is None:
        return "the chain of its ledger, which is not the one that is served here" if plan.is_under_way else ""
    if plan.stage == "open":
        missing = ", ".join(people[leg.member_id].name for leg in plan.debtors if leg.member_id not in signed)
        return f"signatures of {missing}, until {time_text(plan.deadline_s)}"
    carried = next(iter(consents.values()), None)
    if not plan.is_under_way or carried is None:
        return ""
    carrier = None if plan.submission_id is None else submissions.by_id(tx, plan.submission_id)
    return waits_for(tx, carried, carrier, desk.confirmations)


def _to_sign(plan: Plan, consents: Mapping[int, Promise], me: str) -> Mapping[str, Any] | None:
    leg = plan.leg_of(me)
    promise = None if leg is None or leg.promise is None else consents[leg.promise]
    if promise is None or not isinstance(promise.stage, Offered) or promise.ref != plan.settlement_hash:
        return None
    document: dict[str, Any] = json.loads(promise.document)
    return document if plan.is_under_way else None


def _has_signed(consents: Mapping[int, Promise], leg: Leg, plan: Plan) -> bool:
    return leg.promise is not None and has_signed(consents[leg.promise], plan)


def _numbers(plan: Plan) -> list[int]:
    return [leg.promise for leg in plan.legs if leg.promise is not None]
