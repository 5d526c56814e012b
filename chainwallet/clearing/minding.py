"""Minding plans: what happens to them without anybody asking. The worker does it, beside carrying and following.

What a plan's next step is follows from the database alone; it is asked twice, before and in the transaction that takes
it, in which nobody else changes anything in the group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from chainwallet.clearing.consenting import consents_of, hold, submit
from chainwallet.clearing.planning import Making, drafted, left_without, put_out, stored_instead
from chainwallet.clearing.tools import Tools
from chainwallet.errors import BadValue, TooLate
from chainwallet.relayer.signing import pause_s
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.promise import Canceled, Canceling, Queued
from chainwallet.rules.submission import Conflict, Failed, Final
from chainwallet.store import evidence, facts, members, plans, submissions
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.evidence import Horizon
from chainwallet.store.group_events import GroupEvent, note
from chainwallet.store.locks import take_turns
from chainwallet.store.plans import Leg, Plan

AT_ONCE = 200  # plans under way that one look takes in
LOOKED_BACK_S = 86_400
"""So long after its time a plan that has ended is compared with the chain: a deeper reorg than that is nobody's."""


@dataclass(frozen=True)
class Settle:
    """The settlement is on the chain, as deep as was asked for."""


@dataclass(frozen=True)
class Expire:
    """A final block is past the settlement's time, and it was not carried out."""


@dataclass(frozen=True)
class Drop:
    """The members leave the plan, for ``why``, and it is made anew for the others."""

    members: tuple[str, ...]
    why: str
    stage: plans.Stage
    """What it ends as where nobody else owes anything."""


@dataclass(frozen=True)
class Deliver:
    """All have signed, and no transaction carries it: it goes out again."""


@dataclass(frozen=True)
class End:
    """A plan that it replaced was carried out after all."""


Step = Settle | Expire | Drop | Deliver | End


def see_to(tools: Tools, now_s: int) -> int:
    """Takes the next step of every plan that has one; how many had."""
    tokens = [desk.cash.token for desk in tools.desks.values()]
    with tools.database.read() as tx:
        times = [at.timestamp_s for token in tokens if (at := facts.followed(tx, token)) is not None]
        some = plans.due(tx, tokens, max([now_s, *times]), AT_ONCE)
        due = [plan for plan in some if _next_step(tx, tools, plan, now_s) is not None]
        late = plans.carried_out_after_all(tx, tokens, now_s - LOOKED_BACK_S)
        undone = plans.undone(tx, tokens, now_s - LOOKED_BACK_S)
    moved = sum(tools.database.write(partial(_take_step, tools=tools, plan=plan, now_s=now_s)) for plan in due)
    moved += sum(tools.database.write(partial(_note_late, tools=tools, plan=plan, now_s=now_s)) for plan in late)
    return moved + sum(tools.database.write(partial(_reopen, plan=plan)) for plan in undone)


def is_over(tx: Transaction, tools: Tools, plan: Plan, now_s: int) -> bool:
    """Whether the chain has carried ``plan`` out for good, and nobody has come to write that down yet."""
    return isinstance(_next_step(tx, tools, plan, now_s), Settle)


def end_if_over(tx: Transaction, tools: Tools, plan: Plan, now_s: int) -> bool:
    """Writes down that ``plan``, for whose group ``tx`` has its turn, is settled where it is; whether it did."""
    over = is_over(tx, tools, plan, now_s)
    if over:
        _settled(tx, plan, now_s)
    return over


# ------------------------------------------------------------------------------------------------ deciding


def _next_step(tx: Transaction, tools: Tools, plan: Plan, now_s: int) -> Step | None:
    desk = tools.desk_at(plan.token)
    at = evidence.horizon(tx, plan.token, desk.confirmations)
    if at is None:
        return None
    found = facts.settlement(tx, plan.token, plan.settlement_hash)
    if found is not None:
        return Settle() if found.block <= at.final_block else None
    if plans.is_overtaken(tx, plan.id):
        return End()
    if at.final_timestamp_s >= plan.valid_before:
        return Expire()
    if plan.stage == "open":
        return _while_open(tx, plan, at, now_s)
    return _while_ready(tx, plan, now_s)


def _while_open(tx: Transaction, plan: Plan, at: Horizon, now_s: int) -> Step | None:
    gone = _who_canceled(tx, plan)
    if gone:
        return Drop(gone, "cancelled their consent", "withdrawn")
    if plans.is_disturbed(tx, plan.id):
        return Drop((), "a bill in it is disputed or was changed", "withdrawn")
    if max(at.timestamp_s, now_s) < plan.deadline_s:
        return None
    signed = {one.payer for one in consents_of(tx, plan)}
    missing = tuple(leg.member_id for leg in plan.debtors if leg.account not in signed)
    return Drop(missing, "did not sign in time", "expired")


def _while_ready(tx: Transaction, plan: Plan, now_s: int) -> Step | None:
    carrier = None if plan.submission_id is None else submissions.by_id(tx, plan.submission_id)
    if carrier is None or not isinstance(carrier.stage, Failed | Conflict | Final):
        return None
    gone = _who_canceled(tx, plan)
    if gone:
        return Drop(gone, "cancelled their consent", "withdrawn")
    consents = consents_of(tx, plan)
    if len(consents) < len(plan.debtors) or not all(isinstance(one.stage, Queued) for one in consents):
        return None  # carried out, perhaps, or judged soon
    frozen = evidence.frozen(tx, plan.token, [leg.account for leg in plan.legs])
    stopped = tuple(leg.member_id for leg in plan.legs if leg.account in frozen)
    if stopped:
        return Drop(stopped, "cannot pay or be paid: frozen", "withdrawn")
    short = tuple(leg.member_id for leg in _who_is_short(tx, plan))
    if short:
        return Drop(short, "cannot pay any more", "withdrawn")
    is_due = all(one.due_at_s + pause_s(one.setbacks) <= now_s for one in consents)
    return Deliver() if is_due or isinstance(carrier.stage, Final) else None


def _who_canceled(tx: Transaction, plan: Plan) -> tuple[str, ...]:
    consents = {one.number: one for one in promise_rows.every(tx, [leg.promise or 0 for leg in plan.debtors])}
    theirs = ((leg.member_id, consents.get(leg.promise or 0)) for leg in plan.debtors)
    return tuple(member for member, one in theirs if one is not None and isinstance(one.stage, Canceled | Canceling))


def _who_is_short(tx: Transaction, plan: Plan) -> list[Leg]:
    held = facts.balances_of(tx, plan.token, [leg.account for leg in plan.debtors])
    return [leg for leg in plan.debtors if held[leg.account] < _units(plan, leg)]


def _units(plan: Plan, leg: Leg) -> int:
    return Money(-leg.net_minor, currency_of(plan.currency)).token_units


# ------------------------------------------------------------------------------------------------ acting


def _take_step(tx: Transaction, tools: Tools, plan: Plan, now_s: int) -> int:
    take_turns(tx, "group", plan.group_id)
    now = plans.by_id(tx, plan.group_id, plan.id)
    if now is None or not now.is_under_way:
        return 0
    hold(tx, now)
    step = _next_step(tx, tools, now, now_s)
    try:
        return 0 if step is None else _acted(tx, tools, now, step, now_s)
    except TooLate:  # its settlement is on its way: that ends first
        return 0


def _acted(tx: Transaction, tools: Tools, plan: Plan, step: Step, now_s: int) -> int:
    desk = tools.desk_at(plan.token)
    match step:
        case Settle():
            _settled(tx, plan, now_s)
        case Expire():
            plans.end(tx, plan.id, "expired", "its time was over before the chain carried it out", now_s)
            _tell(tx, plan, "plan.expired", "a plan's time was over; nobody paid", now_s)
        case End():
            why = "a plan that it replaced was carried out after all"
            put_out(tx, plan, "withdrawn", why, now_s)
            _tell(tx, plan, "plan.withdrawn", why, now_s)
        case Deliver():
            submission_id = submit(tx, tools, desk.cash, plan, consents_of(tx, plan), now_s)
            plans.make_ready(tx, plan.id, submission_id)
        case Drop(dropped, why, stage):
            people = {one.id: one for one in members.of_group(tx, plan.group_id)}
            names = ", ".join(people[one].name for one in dropped)
            drop(tx, tools, plan, dropped, f"{names} {why}" if dropped else why, stage, None, now_s)
        case _:
            assert_never(step)
    return 1


def drop(
    tx: Transaction,
    tools: Tools,
    plan: Plan,
    dropped: Sequence[str],
    why: str,
    stage: plans.Stage,
    actor: int | None,
    now_s: int,
) -> Plan | None:
    """The plan for the others, with the nonces of ``plan``; all debts that touch ``dropped`` leave it.

    None where nobody else owes anything, or no plan can be made of it: then ``plan`` ends as ``stage``. Raises
    ``TooLate`` where its settlement is on its way, or the chain has carried it out.
    """
    put_out(tx, plan, "replaced", why, now_s)
    if dropped:
        note(tx, GroupEvent(now_s, plan.group_id, actor, "plan.dropped", plan.id, why))
    people = {one.id: one for one in members.of_group(tx, plan.group_id)}
    desk = tools.desk_at(plan.token)
    making = Making(plan.made_by, actor, desk.moment(tx, now_s).time_s, plan.deadline_s - plan.made_at_s)
    new = None
    try:
        draft = drafted(tx, desk, plan.group_id, left_without(tx, plan, dropped), people)
        new = stored_instead(tx, tools, plan, draft, making, why)
    except BadValue as refused:  # nobody is left who owes anything, or no plan can be made of what is left
        why = f"{why}; {refused}"
    if new is None:
        plans.end(tx, plan.id, stage, why, now_s)
        note(tx, GroupEvent(now_s, plan.group_id, actor, f"plan.{stage}", plan.id, why))
    return new


def _settled(tx: Transaction, plan: Plan, now_s: int) -> None:
    plans.end(tx, plan.id, "settled", None, now_s)
    total = Money(sum(leg.net_minor for leg in plan.legs if leg.net_minor > 0), currency_of(plan.currency))
    _tell(tx, plan, "plan.settled", f"a plan is settled: {total} moved, and all debts in it are paid", now_s)


def _note_late(tx: Transaction, tools: Tools, plan: Plan, now_s: int) -> int:
    take_turns(tx, "group", plan.group_id)
    now = plans.by_id(tx, plan.group_id, plan.id)
    found = facts.settlement(tx, plan.token, plan.settlement_hash)
    at = evidence.horizon(tx, plan.token, tools.desk_at(plan.token).confirmations)
    if now is None or now.stage == "settled" or found is None or at is None or found.block > at.final_block:
        return 0
    _settled(tx, now, now_s)
    return 1


def _reopen(tx: Transaction, plan: Plan) -> int:
    """A settled plan waits for the chain again, unless another one has taken its place."""
    take_turns(tx, "group", plan.group_id)
    now = plans.by_id(tx, plan.group_id, plan.id)
    if now is None or now.stage != "settled" or facts.settlement(tx, plan.token, plan.settlement_hash) is not None:
        return 0
    if plans.under_way(tx, plan.group_id, plan.token) is not None:
        return 0
    plans.reopen(tx, plan.id)
    return 1


def _tell(tx: Transaction, plan: Plan, kind: str, words: str, now_s: int) -> None:
    note(tx, GroupEvent(now_s, plan.group_id, None, kind, plan.id, words))
