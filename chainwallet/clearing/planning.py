"""Planning: a group's debts become nets, legs and one settlement, which is stored with the debts that it clears.

A plan ends unsettled only when its settlement is dead. The settlement names our relayer as the one who may deliver it,
so it is dead when no transaction of ours that carries it can be mined: none was ever signed, or the nonce of the one
that was is used up (docs/decisions/0016). What replaces it has the same nonces all the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from chainwallet.abi.typed_data import Settlement, settlement_as_json, struct_hash
from chainwallet.bills.ledger import clearable, ledger_root
from chainwallet.clearing.tools import Tools
from chainwallet.clearing.whole import settlement_of
from chainwallet.errors import BadValue, TooLate
from chainwallet.evm import Address, Hash32, checksum
from chainwallet.groups.standing import wallet_of
from chainwallet.payments import Desk
from chainwallet.rules.debts import Debt as Owed
from chainwallet.rules.debts import nets_of
from chainwallet.rules.money import currency_of
from chainwallet.rules.plan import Plan, plan_of
from chainwallet.rules.promise import Offered, Queued, WasReturned
from chainwallet.rules.submission import Conflict, Failed, WasRefused
from chainwallet.rules.submission import Queued as Unsigned
from chainwallet.store import facts, plans, submissions
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt
from chainwallet.store.group_events import GroupEvent, note
from chainwallet.store.members import Member
from chainwallet.store.plans import Leg
from chainwallet.store.submissions import by_id as submission_by_id

SHORTEST_SIGNING_S, USUAL_SIGNING_S, LONGEST_SIGNING_S = 60, 3 * 86_400, 30 * 86_400
"""How long signatures are taken for a plan."""
DELIVERY_S = 86_400  # between the last moment to sign and the end of the settlement


WHAT_IS_CLEARED = "open debts of accepted bills between members with wallets"


@dataclass(frozen=True)
class Draft:
    """What a plan of ``debts`` is: ``plan`` has its legs by member, ``accounts`` who pays from and is paid at which."""

    plan: Plan
    accounts: Mapping[str, Address]
    context: Hash32
    debts: tuple[Debt, ...]

    def settlement(self, operator: Address, valid_before: int) -> Settlement:
        """The document that all who pay sign."""
        return settlement_of(self.plan, self.accounts, self.context, operator, valid_before)


@dataclass(frozen=True)
class Making:
    """Who makes a plan (None: the service, in the name of the member who made the last one), when, and for how long
    signatures are taken.
    """

    member: str
    actor: int | None
    now_s: int
    signing_s: int = USUAL_SIGNING_S
    replaces: str | None = None
    lineage: str | None = None
    """Of the plan that is replaced."""


def drafted(tx: Transaction, desk: Desk, group_id: str, some: Sequence[Debt], people: Mapping[str, Member]) -> Draft:
    """The plan that clears ``some`` of a group's debts.

    Raises ``BadValue``: ``plan`` where nobody owes anything on balance, ``members`` where two of them are paid at one
    address, ``people`` for more than a settlement holds.
    """
    currency = desk.cash.currency
    plan = plan_of(nets_of_debts(some), currency)
    if plan.is_even:
        raise BadValue("plan", f"nobody owes anything on balance in {currency}", WHAT_IS_CLEARED)
    accounts = {leg.person: _account_of(tx, people[leg.person]) for leg in (*plan.debits, *plan.credits)}
    _require_apart(accounts, people)
    return Draft(plan, accounts, ledger_root(tx, group_id, currency, some), tuple(some))


def stored(tx: Transaction, tools: Tools, desk: Desk, group_id: str, draft: Draft, making: Making) -> plans.Plan:
    """The plan of ``draft``, stored; its debts are locked. Raises ``AlreadyExists`` where one is under way."""
    if not SHORTEST_SIGNING_S <= making.signing_s <= LONGEST_SIGNING_S:
        expected = f"{SHORTEST_SIGNING_S} to {LONGEST_SIGNING_S} seconds"
        raise BadValue("sign_within_s", making.signing_s, expected)
    deadline_s = making.now_s + making.signing_s
    valid_before = deadline_s + DELIVERY_S
    settlement = draft.settlement(tools.relayer, valid_before)
    while plans.is_known(tx, desk.cash.token, struct_hash(settlement)):  # made and ended in the same second
        valid_before += 1
        settlement = draft.settlement(tools.relayer, valid_before)
    plan_id = tools.new_id()
    plan = plans.Plan(
        id=plan_id,
        group_id=group_id,
        currency=desk.cash.currency.code,
        token=desk.cash.token,
        lineage=making.lineage or plan_id,
        context=draft.context,
        settlement_hash=struct_hash(settlement),
        document=settlement_as_json(settlement),
        deadline_s=deadline_s,
        valid_before=settlement.valid_before,
        made_by=making.member,
        made_at_s=making.now_s,
        legs=tuple(
            Leg(leg.person, draft.accounts[leg.person], sign * leg.amount_minor)
            for sign, side in ((-1, draft.plan.debits), (1, draft.plan.credits))
            for leg in side
        ),
        replaces=making.replaces,
    )
    plans.add(tx, plan, [debt.id for debt in draft.debts])
    payers = len(plan.debtors)
    words = f"a plan moves {draft.plan.total}; {payers} {'person pays' if payers == 1 else 'people pay'} by signing it"
    note(tx, GroupEvent(making.now_s, group_id, making.actor, "plan.made", plan.id, words))
    return plan


def stored_instead(
    tx: Transaction, tools: Tools, old: plans.Plan, draft: Draft, making: Making, why: str
) -> plans.Plan:
    """The plan of ``draft`` in the place of ``old``, which was put out.

    It has the nonces of ``old``, unless one of them is gone: then ``old`` can never be carried out anyway.
    """
    making = replace(making, replaces=old.id, lineage=_lineage_after(tx, old, draft))
    new = stored(tx, tools, tools.desk_at(old.token), old.group_id, draft, making)
    note(
        tx, GroupEvent(making.now_s, old.group_id, making.actor, "plan.replaced", old.id, f"{why}; a new plan is made")
    )
    return new


def put_out(tx: Transaction, plan: plans.Plan, stage: plans.Stage, reason: str, now_s: int) -> None:
    """Ends a plan that is not settled, so that it never will be; nothing is kept back for it any more.

    Raises ``TooLate`` where its settlement is on its way to the chain, or there.
    """
    what = f"plan {plan.id}"
    if not plan.is_under_way:
        raise TooLate(what, f"it is {plan.stage}")
    if facts.settlement(tx, plan.token, plan.settlement_hash) is not None:
        raise TooLate(what, "the chain has carried it out")
    carrier = None if plan.submission_id is None else submission_by_id(tx, plan.submission_id)
    match carrier.stage if carrier is not None else None:
        case None | Failed() | Conflict():
            pass
        case Unsigned() if carrier is not None and submissions.move(tx, carrier, WasRefused(reason), now_s):
            carried = promise_rows.held_of_submission(tx, carrier.id)
            promise_rows.move_all(tx, [(promise, WasReturned(reason)) for promise in carried], now_s)
        case _:
            raise TooLate(what, "its settlement is on its way to the chain")
    plans.end(tx, plan.id, stage, reason, now_s)
    promise_rows.set_value(tx, [leg.promise for leg in plan.legs if leg.promise is not None], 0)


def left_without(tx: Transaction, plan: plans.Plan, dropped: Collection[str]) -> list[Debt]:
    """The debts of a plan that was put out which touch none of ``dropped`` and can still be cleared."""
    before = plans.debts_of(tx, plan.id)
    return [
        debt
        for debt in clearable(tx, plan.group_id, currency_of(plan.currency))
        if debt.id in before and debt.debtor not in dropped and debt.creditor not in dropped
    ]


def consent_id(plan: plans.Plan) -> str:
    """The id of every debtor's consent to a plan and to all that replace it: one promise, one nonce."""
    return f"plan:{plan.lineage}"


def nets_of_debts(some: Sequence[Debt]) -> dict[str, int]:
    """What everyone is owed (above 0) or owes by ``some`` together, in minor units."""
    return nets_of(Owed(debt.debtor, debt.creditor, debt.amount_minor) for debt in some)


def _lineage_after(tx: Transaction, old: plans.Plan, draft: Draft) -> str | None:
    payers = [(draft.accounts[leg.person], consent_id(old)) for leg in draft.plan.debits]
    known = promise_rows.by_ids(tx, old.token, "consent", payers)
    return old.lineage if all(isinstance(one.stage, Offered | Queued) for one in known.values()) else None


def _account_of(tx: Transaction, member: Member) -> Address:
    wallet = wallet_of(tx, member)
    if wallet is None:
        raise BadValue("members", member.name, "somebody with a wallet")
    return wallet.address


def _require_apart(accounts: Mapping[str, Address], people: Mapping[str, Member]) -> None:
    first: dict[Address, str] = {}
    for member_id, address in accounts.items():
        if address in first:
            both = f"{people[first[address]].name} and {people[member_id].name}, both at {checksum(address)}"
            raise BadValue("members", both, "a wallet of their own for everybody")
        first[address] = member_id
