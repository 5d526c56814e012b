"""Clearings: what the people of a group ask about plans, and what the worker does for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from chainwallet import promises
from chainwallet.abi.domain import domain_of
from chainwallet.accounts import Caller, require
from chainwallet.clearing import consenting, minding, planning
from chainwallet.clearing.planning import USUAL_SIGNING_S, Draft, Making
from chainwallet.clearing.showing import ShownPlan, shown
from chainwallet.clearing.tools import Tools
from chainwallet.errors import BadValue, Forbidden, NotFound, TooLate
from chainwallet.groups.standing import Standing, standing
from chainwallet.keys.signer import Signer
from chainwallet.promises import Begun
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import shown as shown_handle
from chainwallet.rules.money import Currency
from chainwallet.rules.promise import Offered
from chainwallet.store import debts as debt_rows
from chainwallet.store import plans
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent, note
from chainwallet.store.locks import take_turns
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

    def preview(self, caller: Caller, group_id: str, currency: str) -> Preview:
        """What a plan in ``currency`` would be now; nothing is stored.

        Raises ``NotFound`` for a group the caller is not in, and ``BadValue`` as ``make``, but not where all are even.
        """
        desk = self.tools.desk(currency)
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            some = debt_rows.clearable(tx, group_id, currency)
            is_even = not any(planning.nets_of_debts(some).values())
            draft = None if is_even else planning.drafted(tx, desk, group_id, some, here.by_id)
            found = plans.under_way(tx, group_id, desk.cash.token)
        return Preview(desk.cash.currency, draft, here.by_id, found.id if found else None)

    def show(self, caller: Caller, group_id: str, plan_id: str) -> ShownPlan:
        """How a plan stands. Raises ``NotFound``."""
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            return shown(tx, self.tools, _plan(tx, group_id, plan_id), here.me.id)

    def listed(self, caller: Caller, group_id: str, below: tuple[int, str] | None, limit: int) -> tuple[ShownPlan, ...]:
        """The latest ``limit`` plans of a group made before the place ``below`` (when, id), the newest first."""
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            some = plans.of_group(tx, group_id, below, limit)
            return tuple(shown(tx, self.tools, plan, here.me.id) for plan in some)

    # ------------------------------------------------------------------------------------------------ making

    def make(
        self,
        caller: Caller,
        group_id: str,
        currency: str,
        signing_s: int = USUAL_SIGNING_S,
        replaces: str | None = None,
    ) -> Callable[[Transaction], ShownPlan]:
        """What makes a plan of all that can be cleared now in ``currency``, to be signed within ``signing_s`` seconds.

        ``replaces`` is the plan under way in whose place it is made, with the same nonces; its maker and the group's
        owners may do that. Between them they raise ``AlreadyExists`` where another plan of the group and currency is
        under way, ``BadValue`` where nobody owes anything on balance or two members are paid at one address,
        ``TooLate`` where the settlement of ``replaces`` is on its way, ``Forbidden`` and ``NotFound``.
        """
        desk = self.tools.desk(currency)

        def make(tx: Transaction) -> ShownPlan:
            here = standing(tx, caller, group_id, "member")
            making = Making(here.me.id, caller.account_id, desk.moment(tx, self.tools.now_s()).time_s, signing_s)
            old = None if replaces is None else self._own_plan(tx, caller, here, replaces)
            if old is None:
                some = debt_rows.clearable(tx, group_id, currency)
                draft = planning.drafted(tx, desk, group_id, some, here.by_id)
                plan = planning.stored(tx, self.tools, desk, group_id, draft, making)
                return shown(tx, self.tools, plan, here.me.id)
            if old.currency != currency:
                raise BadValue("replaces", old.id, f"a plan in {currency}")
            why = "made anew"
            planning.put_out(tx, old, "replaced", why, making.now_s)
            some = debt_rows.clearable(tx, group_id, currency)
            new = planning.replaced(tx, self.tools, old, some, making, f"{here.me.name} asked for it")
            if new is None:
                raise BadValue("plan", f"nobody owes anything on balance in {currency}", planning.WHAT_IS_CLEARED)
            return shown(tx, self.tools, new, here.me.id)

        return make

    def drop(self, caller: Caller, group_id: str, plan_id: str, member_id: str) -> Callable[[Transaction], ShownPlan]:
        """What takes a member out of a plan: all debts that touch them leave it, and it is made anew for the others.

        Gives the new plan, or the old one, ended, where nobody else owes anything. Its maker and the group's owners
        may do that. Raises as ``make``, and ``BadValue`` for a member who is not in the plan.
        """

        def drop(tx: Transaction) -> ShownPlan:
            here = standing(tx, caller, group_id, "member")
            plan = self._own_plan(tx, caller, here, plan_id)
            if plan.leg_of(member_id) is None:
                expected = f"one of {', '.join(leg.member_id for leg in plan.legs)}"
                raise BadValue("member", member_id, expected)
            why = f"{here.me.name} took {here.by_id[member_id].name} out of a plan"
            new = minding.drop(
                tx, self.tools, plan, [member_id], why, "withdrawn", caller.account_id, self.tools.now_s()
            )
            return shown(tx, self.tools, new or _plan(tx, group_id, plan_id), here.me.id)

        return drop

    def withdraw(self, caller: Caller, group_id: str, plan_id: str) -> Callable[[Transaction], ShownPlan]:
        """What ends a plan for good; its debts are open again. Raises as ``drop``."""

        def withdraw(tx: Transaction) -> ShownPlan:
            here = standing(tx, caller, group_id, "member")
            plan = self._own_plan(tx, caller, here, plan_id)
            words, now_s = f"{here.me.name} withdrew a plan", self.tools.now_s()
            planning.put_out(tx, plan, "withdrawn", words, now_s)
            note(tx, GroupEvent(now_s, group_id, caller.account_id, "plan.withdrawn", plan.id, words))
            return shown(tx, self.tools, _plan(tx, group_id, plan_id), here.me.id)

        return withdraw

    # ------------------------------------------------------------------------------------------------ consenting

    def consent(self, caller: Caller, group_id: str, plan_id: str, signature: bytes | None = None) -> ShownPlan:
        """The caller's consent to a plan in which they pay; once for all, however often it is asked for.

        Where their key is here, it signs. Where it is elsewhere, ``to_sign`` of the answer is what they sign, and
        ``signature`` is theirs. With the last one the settlement goes to the chain. Raises ``BadValue`` for a plan in
        which they do not pay, ``TooLate`` for one that is not under way, ``Expired`` after its deadline,
        ``InsufficientFunds``, ``BadSignature`` for a signature over anything but this plan, ``Recovering``,
        ``Forbidden``, ``NotFound`` and what the signer raises; then nothing is stored.
        """
        for scope in ("groups:write", "payments:write"):
            require(caller, scope)
        with self.tools.database.read() as tx:
            here = standing(tx, caller, group_id)
            leg = _debtor(_plan(tx, group_id, plan_id), here)
        signer = None if signature is not None else self.tools.signer_of(leg.account)
        give = partial(self._give, caller=caller, group_id=group_id, plan_id=plan_id)
        begun = self.tools.database.write(lambda tx: give(tx, signature=signature, signer=signer))
        if signer is not None and isinstance(begun.promise.stage, Offered):  # its key is elsewhere, and signs for us
            made = signer.sign(begun.document, domain_of(self._cash_of(begun)))
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
        take_turns(tx, "group", group_id)
        here = standing(tx, caller, group_id)
        plan = _plan(tx, group_id, plan_id)
        leg = _debtor(plan, here)
        desk, now_s = self.tools.desk(plan.currency), self.tools.now_s()
        promise_rows.held(tx, [one.promise for one in plan.legs if one.promise is not None])  # in their order
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

    def _own_plan(self, tx: Transaction, caller: Caller, here: Standing, plan_id: str) -> Plan:
        """The plan, where the caller made it or owns the group."""
        plan = _plan(tx, here.group.id, plan_id)
        if here.me.role != "owner" and plan.made_by != here.me.id:
            raise Forbidden(shown_handle(caller.handle), "say over this plan: its maker and the group's owners have it")
        return plan

    def _cash_of(self, begun: Begun) -> Cash:
        return next(desk.cash for desk in self.tools.desks.values() if desk.cash.token == begun.promise.token)


def _plan(tx: Transaction, group_id: str, plan_id: str) -> Plan:
    found = plans.by_id(tx, group_id, plan_id)
    if found is None:
        raise NotFound("plan", plan_id, "the list of the group's plans names those there are")
    return found


def _debtor(plan: Plan, here: Standing) -> Leg:
    leg = plan.leg_of(here.me.id)
    if leg is None or leg.net_minor >= 0:
        raise BadValue("plan", plan.id, "a plan in which you pay: nobody else signs it")
    return leg


def _given_before(tx: Transaction, plan: Plan, leg: Leg) -> Begun:
    """The consent to a plan that takes no more signatures; raises ``TooLate`` where it was not given."""
    promise = None if leg.promise is None else promise_rows.by_number(tx, leg.promise)
    if promise is not None and consenting.has_signed(promise, plan):
        return Begun(promise, promises.document_of(promise))
    after = plans.successor(tx, plan.id)
    raise TooLate(f"plan {plan.id}", f"it is {plan.stage}" + (f", by plan {after}" if after else ""))
