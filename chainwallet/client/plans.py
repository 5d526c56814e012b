"""Plans, by which a group settles up, and the methods of the client for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chainwallet.client.asking import USUAL_LIMIT, Asking, route, through
from chainwallet.client.documents import Amount, read
from chainwallet.client.payments import Execution


@dataclass(frozen=True)
class PlannedLeg:
    """What a member would pay (``net`` below 0) or receive."""

    member: str
    name: str
    address: str
    net: Amount


@dataclass(frozen=True)
class PlanLeg(PlannedLeg):
    """What a member pays or receives. ``has_signed`` is None for who receives, and has nothing to sign."""

    has_signed: bool | None


@dataclass(frozen=True)
class PlanDebt:
    """A debt that a plan clears."""

    bill: str
    debtor: str
    creditor: str
    amount: Amount
    state: str


@dataclass(frozen=True)
class PlanPreview:
    """What a plan would be that was made now, of so many ``debts``. ``under_way`` is the plan in its way."""

    total: Amount
    legs: tuple[PlannedLeg, ...]
    debts: int
    ledger_root: str | None
    under_way: str | None


@dataclass(frozen=True)
class ListedPlan:
    """A plan and how it stands: ``settled`` once the chain carried it out, ``is_final`` when that is deep enough."""

    id: str
    total: Amount
    stage: str
    is_final: bool
    waits: str
    reason: str | None
    legs: tuple[PlanLeg, ...]
    made_by: str
    made_at: datetime
    deadline: datetime
    valid_before: datetime
    ledger_root: str
    settlement_hash: str
    replaces: str | None
    replaced_by: str | None
    execution: Execution | None


@dataclass(frozen=True)
class Plan(ListedPlan):
    """A plan with the debts that it clears. ``to_sign`` is what one is to sign, where one's key is elsewhere."""

    debts: tuple[PlanDebt, ...]
    to_sign: Mapping[str, Any] | None


@dataclass(frozen=True)
class PlanPage:
    """Plans, the newest first."""

    plans: tuple[ListedPlan, ...]
    next_cursor: str | None


class PlanMethods:
    """The client's methods about settling up; each raises as all of its do.

    What is made is made once for the Idempotency-Key ``key`` (None: a new one).
    """

    def preview_plan(self: Asking, group_id: str, currency: str | None = None) -> PlanPreview:
        """What a plan would be now; ``currency`` may be left out where there is something to clear in one alone."""
        answer = self._transport.get(route("groups", group_id, "plan-preview"), {"currency": currency})
        return read(PlanPreview, answer)

    def make_plan(
        self: Asking,
        group_id: str,
        currency: str,
        *,
        sign_within_s: int | None = None,
        replaces: str | None = None,
        key: str | None = None,
    ) -> Plan:
        """A plan of all that can be cleared now. ``AlreadyExists`` where one is under way that it does not replace."""
        given = {"currency": currency, "sign_within_s": sign_within_s, "replaces": replaces}
        body = {name: value for name, value in given.items() if value is not None}
        return read(Plan, self._transport.make(_path(group_id), body, key))

    def plans(self: Asking, group_id: str) -> Iterator[ListedPlan]:
        """All plans of a group, the newest first."""
        return through(lambda cursor: _page(self, group_id, cursor=cursor), lambda page: page.plans)

    def plans_page(self: Asking, group_id: str, *, limit: int = USUAL_LIMIT, cursor: str | None = None) -> PlanPage:
        """A page of a group's plans; ``cursor`` is the ``next_cursor`` of the page before."""
        return _page(self, group_id, cursor=cursor, limit=limit)

    def plan(self: Asking, group_id: str, plan_id: str) -> Plan:
        """A plan and how it stands."""
        return read(Plan, self._transport.get(_path(group_id, plan_id)))

    def consent(self: Asking, group_id: str, plan_id: str, signature: str | None = None) -> Plan:
        """Signs a plan in which one pays, once however often it is asked for.

        Where one's key is elsewhere, ``to_sign`` of the answer is signed there, and ``signature`` (65 bytes r||s||v in
        hex) handed in.
        """
        body = None if signature is None else {"signature": signature}
        return read(Plan, self._transport.post(_path(group_id, plan_id, "consent"), body, repeats=True))

    def drop_from_plan(self: Asking, group_id: str, plan_id: str, member: str, *, key: str | None = None) -> Plan:
        """Takes a member out of a plan; the plan that is made for the others, or the old one, ended."""
        return read(Plan, self._transport.make(_path(group_id, plan_id, "drop"), {"member": member}, key))

    def withdraw_plan(self: Asking, group_id: str, plan_id: str) -> None:
        """Ends a plan; its debts are open again."""
        self._transport.delete(_path(group_id, plan_id))


def _page(client: Asking, group_id: str, **query: str | int | None) -> PlanPage:
    return read(PlanPage, client._transport.get(_path(group_id), query))


def _path(group_id: str, *parts: str) -> str:
    return route("groups", group_id, "plans", *parts)
