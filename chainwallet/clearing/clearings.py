"""Clearings: what the people of a group ask about plans, and what the worker does for them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from chainwallet import promises
from chainwallet.abi.domain import domain_of
from chainwallet.accounts import Caller, require
from chainwallet.bills.ledger import clearable
from chainwallet.clearing import consenting, minding, planning
from chainwallet.clearing.planning import USUAL_SIGNING_S, Draft, Making
from chainwallet.clearing.showing import ShownPlan, shown
from chainwallet.clearing.tools import Tools
from chainwallet.errors import AlreadyExists, BadValue, Forbidden, NotFound, TooLate
from chainwallet.groups.standing import Standing, standing
from chainwallet.keys.signer import Signer
from chainwallet.promises import Begun
from chainwallet.rules.handle import shown as shown_handle
from chainwallet.rules.money import Currency
from chainwallet.rules.promise import Offered
from chainwallet.store import plans
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent, note
from chainwallet.store.members import Member
from chainwallet.store.plans import Leg, Plan


@dataclass(frozen=True)
class Preview:
    """What a plan would be that was made now; ``draft`` is None where nobody owes anything on balance.

    ``under_way`` is the plan that is in its way.
    """

    currency: Currency
    draft: Draft | None
    people: Mapping[str, Member]
    under_way: str | None


@dataclass(frozen=True)
class Clearings:
    """Plans of groups on one chain."""

    tools: Tools

    # ------------------------------------------------------------------------------------------------ looking

    def preview(self, caller: Caller, group_id: str, currency: str | None = None) -> Preview:
        """What a plan in ``currency`` (None: the only one in which there is something to clear) would be now.

        Nothing is stored. Raises ``NotFound`` for a group the caller is not in, and ``BadValue`` of ``currency``, and
        as ``make``; but not where all are even.
        """
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            desk = self.tools.desk(currency if currency is not None else self._only_currency(tx, group_id))
            some = clearable(tx, group_id, desk.cash.currency)
            is_even = not any(planning.nets_of_debts(some).values())
            draft = None if is_even else planning.drafted(tx, desk, group_id, some, here.by_id)
            found = plans.under_way(tx, group_id, desk.cash.token)
            if found is not None and minding.is_over(tx, self.tools, found, self.tools.now_s()):
                found = None
        return Preview(desk.cash.currency, draft, here.by_id, found.id if found else None)

    def show(self, caller: Caller, group_id: str, plan_id: str) -> ShownPlan:
        """How a plan stands. Raises ``NotFound``."""
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            return shown(tx, self.tools, _plan(tx, group_id, plan_id), here.me.id)

    def listed(self, caller: Caller, group_id: str, below: tuple[int, str] | None, limit: int) -> tuple[ShownPlan, ...]:
        """The latest ``limit`` plans of a group made before the place ``below`` (when, id), the newest first.

        Without their debts. Raises ``NotFound``.
        """
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            some = plans.of_group(tx, group_id, below, limit)
            return tuple(shown(tx, self.tools, plan, here.me.id, listed=True) for plan in some)

    # ------------------------------------------------------------------------------------------------ making

    def make(
        self,
        tx: Transaction,
        caller: Caller,
        group_id: str,
        currency: str,
        sign_within_s: int = USUAL_SIGNING_S,
        replaces: str | None = None,
    ) -> ShownPlan:
        """A new plan of all that can be cleared now in ``currency``, to be signed within ``sign_within_s`` seconds.

        ``replaces`` is the plan under way in whose place it is made, with the same nonces; its maker and the group's
        owner may do that. Raises ``AlreadyExists`` where another plan of the group and currency is under way,
        ``BadValue`` where nobody owes anything on balance or two members are paid at one address, ``TooLate`` where
        the settlement of ``replaces`` is on its way, ``Forbidden`` and ``NotFound``.
        """
        desk = self.tools.desk(currency)
        here = standing(tx, caller, group_id, "member")
        making = Making(here.me.id, caller.account_id, desk.moment(tx, self.tools.now_s()).time_s, sign_within_s)
        old = None if replaces is None else _own_plan(tx, caller, here, replaces)
        if old is not None and old.token != desk.cash.token:
            raise BadValue("replaces", old.id, f"a plan in {currency} on the chain that is served here")
        if old is not None:
            planning.put_out(tx, old, "replaced", f"{here.me.name} had it made anew", making.now_s)
        found = plans.under_way(tx, group_id, desk.cash.token)
        if found is not None and not minding.end_if_over(tx, self.tools, found, self.tools.now_s()):
            raise AlreadyExists(f"plan under way in {currency}", found.id)
        some = clearable(tx, group_id, desk.cash.currency)
        draft = planning.drafted(tx, desk, group_id, some, here.by_id)
        if old is None:
            new = planning.stored(tx, self.tools, desk, group_id, draft, making)
        else:
            new = planning.stored_instead(tx, self.tools, old, draft, making, f"{here.me.name} had it made anew")
        return shown(tx, self.tools, new, here.me.id)

    def drop(self, tx: Transaction, caller: Caller, group_id: str, plan_id: str, member_id: str) -> ShownPlan:
        """The plan without a member: all debts that touch them leave it, and it is made anew for the others.

        The old plan, ended, where nobody else owes anything. Its maker and the group's owner may do that. Raises as
        ``make``, and ``BadValue`` for a member who is not in the plan.
        """
        here = standing(tx, caller, group_id, "member")
        plan = _own_plan(tx, caller, here, plan_id)
        if plan.leg_of(member_id) is None:
            raise BadValue("member", member_id, f"one of {', '.join(leg.member_id for leg in plan.legs)}")
        why = f"{here.me.name} took {here.by_id[member_id].name} out of a plan"
        now_s = self.tools.now_s()
        new = minding.drop(tx, self.tools, plan, [member_id], why, "withdrawn", caller.account_id, now_s)
        return shown(tx, self.tools, new or _plan(tx, group_id, plan_id), here.me.id)

    def withdraw(self, tx: Transaction, caller: Caller, group_id: str, plan_id: str) -> ShownPlan:
        """The plan, ended for good; its debts are open again. Asked for again, it is as it is. Raises as ``drop``."""
        here = standing(tx, caller, group_id, "member")
        plan = _own_plan(tx, caller, here, plan_id)
        if plan.stage == "withdrawn":
            return shown(tx, self.tools, plan, here.me.id)
        words, now_s = f"{here.me.name} withdrew a plan", self.tools.now_s()
        planning.put_out(tx, plan, "withdrawn", words, now_s)
        note(tx, GroupEvent(now_s, group_id, caller.account_id, "plan.withdrawn", plan.id, words))
        return shown(tx, self.tools, _plan(tx, group_id, plan_id), here.me.id)

    # ------------------------------------------------------------------------------------------------ consenting

    def consent(self, caller: Caller, group_id: str, plan_id: str, signature: bytes | None = None) -> ShownPlan:
        """The caller's consent to a plan in which they pay; once for all, however often it is asked for.

        Where their key is here, it signs. Where it is elsewhere, ``to_sign`` of the answer is what they sign, and
        ``signature`` is theirs. With the last one the settlement goes to the chain. Raises ``BadValue`` for a plan in
        which they do not pay, ``TooLate`` for one that is not under way, ``Expired`` after its deadline,
        ``InsufficientFunds``, ``BadSignature`` for a signature over anything but this plan, ``Recovering``,
        ``Forbidden``, ``NotFound`` and what the signer raises; then nothing is stored.
        """
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            leg = _debtor(_plan(tx, group_id, plan_id), here)
        require(caller, "payments:write")
        signer = None if signature is not None else self.tools.signer_of(leg.account)
        give = partial(self._give, caller=caller, group_id=group_id, plan_id=plan_id)
        begun = self.tools.database.write(lambda tx: give(tx, signature=signature, signer=signer))
        if signer is not None and isinstance(begun.promise.stage, Offered):  # its key is elsewhere, and signs for us
            made = signer.sign(begun.document, domain_of(self.tools.desk_at(begun.promise.token).cash))
            self.tools.database.write(lambda tx: give(tx, signature=made, signer=None))
        return self.show(caller, group_id, plan_id)

    def _give(
        self,
        tx: Transaction,
        caller: Caller,
        group_id: str,
        plan_id: str,
        signature: bytes | None,
        signer: Signer | None,
    ) -> Begun:
        here = standing(tx, caller, group_id, changes=True)
        plan = _plan(tx, group_id, plan_id)
        leg = _debtor(plan, here)
        desk, now_s = self.tools.desk_at(plan.token), self.tools.now_s()
        consenting.hold(tx, plan)
        if plan.stage != "open":
            return _given_before(tx, plan, leg)
        begun = consenting.offered(tx, desk, plan, leg, now_s)
        if signature is not None:
            promise = consenting.taken(tx, desk, begun, signature, now_s)
        else:
            promise = consenting.signed_here(tx, desk, begun, signer, now_s)
        if promise.stage != begun.promise.stage:
            plan = _plan(tx, group_id, plan_id)
            count = f"{len(consenting.consents_of(tx, plan))} of {len(plan.debtors)} have"
            words = f"{here.me.name} signed a plan; {count}"
            note(tx, GroupEvent(now_s, group_id, caller.account_id, "plan.signed", plan.id, words))
            consenting.deliver_if_all_signed(tx, self.tools, desk, plan, now_s)
        return replace(begun, promise=promise)

    # ------------------------------------------------------------------------------------------------ the worker

    def see_to(self, now_s: int) -> int:
        """Does what nobody asks for: deadlines, failed settlements, what the chain settled; how many plans moved."""
        return minding.see_to(self.tools, now_s)

    # ------------------------------------------------------------------------------------------------ looking up

    def _only_currency(self, tx: Transaction, group_id: str) -> str:
        """The currency in which there is something to clear; raises ``BadValue`` where there is none, or several."""
        desks = self.tools.desks
        found = [code for code in sorted(desks) if clearable(tx, group_id, desks[code].cash.currency)]
        if not found:
            raise BadValue("plan", "nothing to clear", f"{planning.WHAT_IS_CLEARED}, in {' or '.join(sorted(desks))}")
        if len(found) > 1:
            raise BadValue("currency", "none", f"one of {', '.join(found)}, in which there are debts to clear")
        return found[0]


def _plan(tx: Transaction, group_id: str, plan_id: str) -> Plan:
    found = plans.by_id(tx, group_id, plan_id)
    if found is None:
        raise NotFound("plan", plan_id, "the list of the group's plans names those there are")
    return found


def _own_plan(tx: Transaction, caller: Caller, here: Standing, plan_id: str) -> Plan:
    """The plan, where the caller made it or owns the group."""
    plan = _plan(tx, here.group.id, plan_id)
    if here.me.role != "owner" and plan.made_by != here.me.id:
        raise Forbidden(shown_handle(caller.handle), "say over this plan: its maker and the group's owner have it")
    return plan


def _debtor(plan: Plan, here: Standing) -> Leg:
    leg = plan.leg_of(here.me.id)
    if leg is None or leg.net_minor >= 0:
        raise BadValue("plan", plan.id, "a plan in which you pay: nobody else signs it")
    return leg


def _given_before(tx: Transaction, plan: Plan, leg: Leg) -> Begun:
    """The consent to a plan that takes no more signatures; raises ``TooLate`` where it was not given."""
    promise = None if leg.promise is None else promise_rows.by_number(tx, leg.promise)
    if promise is not None and consenting.has_signed(promise, plan) and plan.stage in ("ready", "settled"):
        return Begun(promise, promises.document_of(promise))
    after = plans.successor(tx, plan.id)
    raise TooLate(f"plan {plan.id}", f"it is {plan.stage}" + (f", by plan {after}" if after else ""))
