"""Plans: how groups clear their debts. At most one of a group and token is under way."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, FromClause, Row, exists, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import AlreadyExists
from chainwallet.evm import Address, Hash32, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import bills, debts, plan_debts, plan_legs, plans
from chainwallet.store.schema import facts, promises

Stage = Literal["open", "ready", "settled", "replaced", "withdrawn", "expired"]

UNDER_WAY: tuple[Stage, ...] = ("open", "ready")
ENDED_UNSETTLED: tuple[Stage, ...] = ("replaced", "withdrawn", "expired")

_IS_UNDER_WAY = text("plans.stage IN ('open', 'ready')")
"""Written as the index of such plans has it, so that SQLite knows that the index holds all that is asked for."""

_other = plans.alias("other")


def _is_on_chain(which: FromClause) -> ColumnElement[bool]:
    return exists().where(
        facts.c.token == which.c.token,
        facts.c.kind == "Settled",
        facts.c.ref == which.c.settlement_hash,
        facts.c.orphaned_at_s.is_(None),
    )


_IS_ON_CHAIN = _is_on_chain(plans)
_IS_OVERTAKEN = exists().where(_other.c.lineage == plans.c.lineage, _other.c.id != plans.c.id, _is_on_chain(_other))
_IS_CANCELED = exists().where(
    plan_legs.c.plan_id == plans.c.id,
    promises.c.number == plan_legs.c.promise,
    promises.c.stage.in_(("canceling", "canceled")),
)
_IS_DISTURBED = exists().where(
    plan_debts.c.plan_id == plans.c.id,
    debts.c.id == plan_debts.c.debt_id,
    bills.c.id == debts.c.bill_id,
    or_(bills.c.state != "accepted", bills.c.deleted_at_s.is_not(None), debts.c.replaced_at_s.is_not(None)),
)


@dataclass(frozen=True)
class Leg:
    """What a member pays (below 0) or receives in a plan, from or to ``account``; ``promise`` is a payer's consent."""

    member_id: str
    account: Address
    net_minor: int
    promise: int | None = None


@dataclass(frozen=True)
class Plan:
    """How a group clears its debts in one currency, at once: ``document`` is the settlement as JSON.

    ``token`` is ``<chain>/<address>``. Plans of a ``lineage`` replace each other under the same nonces. Signatures are
    taken until ``deadline_s``; the settlement is good until ``valid_before``. ``reason`` says why it ended unsettled.
    """

    id: str
    group_id: str
    currency: str
    token: str
    lineage: str
    context: Hash32
    settlement_hash: Hash32
    document: str
    deadline_s: int
    valid_before: int
    made_by: str
    made_at_s: int
    legs: tuple[Leg, ...]
    stage: Stage = "open"
    reason: str | None = None
    submission_id: int | None = None
    ended_at_s: int | None = None
    replaces: str | None = None
    """The plan in whose place it was made."""

    @property
    def debtors(self) -> tuple[Leg, ...]:
        """The legs of those who pay."""
        return tuple(leg for leg in self.legs if leg.net_minor < 0)

    @property
    def is_under_way(self) -> bool:
        """It waits for signatures, or for the chain."""
        return self.stage in UNDER_WAY

    def leg_of(self, member_id: str) -> Leg | None:
        """What a member pays or receives; None where they do neither."""
        return next((leg for leg in self.legs if leg.member_id == member_id), None)


def add(tx: Transaction, plan: Plan, debt_ids: Iterable[int]) -> None:
    """Stores a new plan and which debts it clears, locked from now on.

    Raises ``AlreadyExists`` where one of the group and token is under way.
    """
    row = {
        "id": plan.id,
        "group_id": plan.group_id,
        "currency": plan.currency,
        "token": plan.token,
        "lineage": plan.lineage,
        "context": to_hex(plan.context),
        "settlement_hash": to_hex(plan.settlement_hash),
        "document": plan.document,
        "deadline_s": plan.deadline_s,
        "valid_before": plan.valid_before,
        "stage": plan.stage,
        "made_by": plan.made_by,
        "made_at_s": plan.made_at_s,
        "replaces": plan.replaces,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(plans).values(row))
    except IntegrityError:
        raise AlreadyExists(f"plan under way in {plan.currency}", plan.group_id) from None
    legs = [
        {"plan_id": plan.id, "member_id": leg.member_id, "account": to_hex(leg.account), "net_minor": leg.net_minor}
        for leg in plan.legs
    ]
    tx.execute(insert(plan_legs), legs)
    tx.execute(insert(plan_debts), [{"plan_id": plan.id, "debt_id": debt_id} for debt_id in debt_ids])


# ------------------------------------------------------------------------------------------------ finding


def by_id(tx: Transaction, group_id: str, plan_id: str) -> Plan | None:
    """The plan of the group with this id."""
    found = _many(tx, select(plans).where(plans.c.id == plan_id, plans.c.group_id == group_id))
    return found[0] if found else None


def under_way(tx: Transaction, group_id: str, token: str) -> Plan | None:
    """The plan of the group on ``token`` that is under way."""
    theirs = (plans.c.group_id == group_id) & (plans.c.token == token)
    found = _many(tx, select(plans).where(theirs, _IS_UNDER_WAY))
    return found[0] if found else None


def of_group(tx: Transaction, group_id: str, below: tuple[int, str] | None, limit: int) -> tuple[Plan, ...]:
    """The latest ``limit`` plans of a group made before the place ``below`` (when, id), the newest first."""
    query = select(plans).where(plans.c.group_id == group_id)
    if below is not None:
        made_at_s, plan_id = below
        is_same = (plans.c.made_at_s == made_at_s) & (plans.c.id < plan_id)
        query = query.where(or_(plans.c.made_at_s < made_at_s, is_same))
    return _many(tx, query.order_by(plans.c.made_at_s.desc(), plans.c.id.desc()).limit(limit))


def is_known(tx: Transaction, token: str, settlement_hash: Hash32) -> bool:
    """Whether a plan on ``token`` has this very settlement."""
    same = (plans.c.token == token) & (plans.c.settlement_hash == to_hex(settlement_hash))
    return tx.execute(select(plans.c.id).where(same).limit(1)).first() is not None


def successor(tx: Transaction, plan_id: str) -> str | None:
    """The id of the plan that was made in the place of this one."""
    return tx.execute(select(plans.c.id).where(plans.c.replaces == plan_id)).scalar_one_or_none()


def is_disturbed(tx: Transaction, plan_id: str) -> bool:
    """Whether a plan has debts that it should not clear any more: disputed, deleted or replaced."""
    return tx.execute(select(plans.c.id).where(plans.c.id == plan_id, _IS_DISTURBED)).first() is not None


def is_overtaken(tx: Transaction, plan_id: str) -> bool:
    """Whether the chain carried out another plan of the same lineage."""
    return tx.execute(select(plans.c.id).where(plans.c.id == plan_id, _IS_OVERTAKEN)).first() is not None


def debts_of(tx: Transaction, plan_id: str) -> frozenset[int]:
    """Which debts a plan clears."""
    return frozenset(tx.execute(select(plan_debts.c.debt_id).where(plan_debts.c.plan_id == plan_id)).scalars())


def due(tx: Transaction, tokens: Collection[str], time_s: int, limit: int) -> tuple[Plan, ...]:
    """The first ``limit`` plans under way on ``tokens`` that something may have to be done about at ``time_s``.

    Those that wait for the chain, those past their deadline, and those that something happened to.
    """
    needs = or_(
        plans.c.stage == "ready", plans.c.deadline_s <= time_s, _IS_CANCELED, _IS_DISTURBED, _IS_OVERTAKEN, _IS_ON_CHAIN
    )
    query = select(plans).where(_IS_UNDER_WAY, plans.c.token.in_(list(tokens)), needs)
    return _many(tx, query.order_by(plans.c.deadline_s, plans.c.id).limit(limit))


def carried_out_after_all(tx: Transaction, tokens: Collection[str], since_s: int) -> tuple[Plan, ...]:
    """Plans on ``tokens`` that ended unsettled, good until after ``since_s``, whose settlement is on the chain."""
    ended = plans.c.stage.in_(ENDED_UNSETTLED) & (plans.c.valid_before > since_s)
    return _many(tx, select(plans).where(ended, plans.c.token.in_(list(tokens)), _IS_ON_CHAIN))


def undone(tx: Transaction, tokens: Collection[str], since_s: int) -> tuple[Plan, ...]:
    """Settled plans on ``tokens``, good until after ``since_s``, whose settlement a reorg took from the chain."""
    settled = (plans.c.stage == "settled") & (plans.c.valid_before > since_s)
    return _many(tx, select(plans).where(settled, plans.c.token.in_(list(tokens)), ~_IS_ON_CHAIN))


# ------------------------------------------------------------------------------------------------ changing


def set_promise(tx: Transaction, plan_id: str, member_id: str, promise: int) -> None:
    """Notes which promise is a member's consent."""
    same = (plan_legs.c.plan_id == plan_id) & (plan_legs.c.member_id == member_id)
    tx.execute(update(plan_legs).where(same).values(promise=promise))


def make_ready(tx: Transaction, plan_id: str, submission_id: int) -> None:
    """All have signed: the submission carries it."""
    tx.execute(update(plans).where(plans.c.id == plan_id).values(stage="ready", submission_id=submission_id))


def reopen(tx: Transaction, plan_id: str) -> None:
    """A reorg took its settlement away: it waits for the chain again."""
    tx.execute(update(plans).where(plans.c.id == plan_id).values(stage="ready", ended_at_s=None))


def end(tx: Transaction, plan_id: str, stage: Stage, reason: str | None, now_s: int) -> None:
    """Stores how a plan ended, and why where it is not settled."""
    values = {"stage": stage, "reason": reason, "ended_at_s": now_s}
    tx.execute(update(plans).where(plans.c.id == plan_id).values(values))


# ------------------------------------------------------------------------------------------------ rows


def _many(tx: Transaction, query: Any) -> tuple[Plan, ...]:
    rows = tx.execute(query).all()
    if not rows:
        return ()
    legs: dict[str, list[Leg]] = {row.id: [] for row in rows}
    theirs = select(plan_legs).where(plan_legs.c.plan_id.in_(list(legs))).order_by(plan_legs.c.member_id)
    for row in tx.execute(theirs):
        leg = Leg(row.member_id, Address(from_hex(row.account)), row.net_minor, row.promise)
        legs[row.plan_id].append(leg)
    return tuple(_plan(row, tuple(legs[row.id])) for row in rows)


def _plan(row: Row[Any], legs: tuple[Leg, ...]) -> Plan:
    return Plan(
        id=row.id,
        group_id=row.group_id,
        currency=row.currency,
        token=row.token,
        lineage=row.lineage,
        context=Hash32(from_hex(row.context)),
        settlement_hash=Hash32(from_hex(row.settlement_hash)),
        document=row.document,
        deadline_s=row.deadline_s,
        valid_before=row.valid_before,
        made_by=row.made_by,
        made_at_s=row.made_at_s,
        legs=legs,
        stage=row.stage,
        reason=row.reason,
        submission_id=row.submission_id,
        ended_at_s=row.ended_at_s,
        replaces=row.replaces,
    )
