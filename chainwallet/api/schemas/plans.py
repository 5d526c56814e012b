"""Plans: what a group would pay to be even, who has signed it, and what became of it."""

from typing import Literal, Self

from pydantic import Field

from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import CurrencyText, ShownAmount
from chainwallet.api.schemas.payments import Execution, SignatureText, TypedData, with_examples
from chainwallet.api.schemas.words import AddressText, HashText, TimeText, WholeNumber
from chainwallet.clearing import LONGEST_SIGNING_S, SHORTEST_SIGNING_S, USUAL_SIGNING_S, Preview, ShownPlan
from chainwallet.evm import checksum, to_hex
from chainwallet.rules.money import Money
from chainwallet.rules.timestamp import time_text

PlanStage = Literal["open", "ready", "settled", "replaced", "withdrawn", "expired"]

_STAGES = (
    "open: waits for signatures; ready: all have signed, and it is on its way to the chain; settled: carried out; "
    "replaced, withdrawn, expired: ended, and nobody paid"
)
_NET = "Below 0: pays it; above 0: receives it"


class PlanOrder(Document):
    """A plan that is wanted: of all that can be cleared now in the currency."""

    model_config = with_examples({"currency": "EUR"}, {"currency": "EUR", "sign_within_s": 86_400})

    currency: CurrencyText
    sign_within_s: WholeNumber = Field(
        USUAL_SIGNING_S,
        ge=SHORTEST_SIGNING_S,
        le=LONGEST_SIGNING_S,
        description="Seconds; who has not signed by then is left out, and the plan is made anew for the others",
    )
    replaces: IdText | None = Field(None, description="The plan under way in whose place it is made")


class ConsentOffer(Document):
    """A consent; the signature is asked for where the debtor's key is not kept here."""

    signature: SignatureText | None = None


class DropOrder(Document):
    """Who is to be left out."""

    model_config = with_examples({"member": "3f1c0d5e9a7b2468"})

    member: IdText


class PlannedLeg(Document):
    """What a member would pay or receive."""

    member: IdText
    name: str = Field(examples=["@ana"])
    address: AddressText
    net: ShownAmount = Field(description=_NET)


class PlanLegDocument(PlannedLeg):
    """What a member pays or receives."""

    has_signed: bool | None = Field(description="null: receives, and has nothing to sign")


class PlanDebt(Document):
    """A debt that the plan clears."""

    bill: IdText
    debtor: IdText
    creditor: IdText
    amount: ShownAmount
    state: Literal["open", "locked", "paying", "settled"]


class PreviewDocument(Document):
    """What a plan would be that was made now."""

    total: ShownAmount = Field(description="What it moves; 0 where nobody owes anything on balance")
    legs: list[PlannedLeg]
    debts: int = Field(ge=0, description="How many debts it would clear", examples=[7])
    ledger_root: HashText | None = Field(description="The hash of those debts, which everyone signs")
    under_way: IdText | None = Field(description="The plan that is under way already")

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """The document of ``preview``."""
        draft, currency = preview.draft, preview.currency
        sides = () if draft is None else ((-1, draft.plan.debits), (1, draft.plan.credits))
        legs = (
            []
            if draft is None
            else [
                PlannedLeg(
                    member=leg.person,
                    name=preview.people[leg.person].name,
                    address=checksum(draft.accounts[leg.person]),
                    net=ShownAmount.of(Money(sign * leg.amount_minor, currency)),
                )
                for sign, side in sides
                for leg in side
            ]
        )
        return cls(
            total=ShownAmount.of(Money(0, currency) if draft is None else draft.plan.total),
            legs=legs,
            debts=0 if draft is None else len(draft.debts),
            ledger_root=None if draft is None else to_hex(draft.context),
            under_way=preview.under_way,
        )


class ListedPlan(Document):
    """A plan and how it stands, without the debts that it clears."""

    id: IdText
    total: ShownAmount = Field(description="What it moves")
    stage: PlanStage = Field(description=_STAGES)
    is_final: bool = Field(description="Whether the chain carried it out as deep as final is here")
    waits: str = Field(description="What it waits for now; empty where it waits for nothing")
    reason: str | None = Field(description="Why it ended and nobody paid; else null", examples=[None])
    legs: list[PlanLegDocument]
    made_by: IdText
    made_at: TimeText
    deadline: TimeText = Field(description="Signatures are taken until then")
    valid_before: TimeText = Field(description="Until then the chain may carry it out")
    ledger_root: HashText = Field(description="The hash of the debts, which everyone signs")
    settlement_hash: HashText = Field(description="The hash of what everyone signs, and of its event on the chain")
    replaces: IdText | None
    replaced_by: IdText | None
    execution: Execution | None

    @classmethod
    def listed(cls, seen: ShownPlan) -> "ListedPlan":
        """The document of ``seen``."""
        plan, currency = seen.plan, seen.currency
        return ListedPlan(
            id=plan.id,
            total=ShownAmount.of(Money(sum(leg.net_minor for leg in plan.legs if leg.net_minor > 0), currency)),
            stage=seen.stage,
            is_final=seen.is_final,
            waits=seen.waits,
            reason=plan.reason,
            legs=[
                PlanLegDocument(
                    member=leg.member_id,
                    name=seen.people[leg.member_id].name,
                    address=checksum(leg.account),
                    net=ShownAmount.of(Money(leg.net_minor, currency)),
                    has_signed=None if leg.net_minor > 0 else leg.member_id in seen.signed,
                )
                for leg in plan.legs
            ],
            made_by=plan.made_by,
            made_at=time_text(plan.made_at_s),
            deadline=time_text(plan.deadline_s),
            valid_before=time_text(plan.valid_before),
            ledger_root=to_hex(plan.context),
            settlement_hash=to_hex(plan.settlement_hash),
            replaces=plan.replaces,
            replaced_by=seen.replaced_by,
            execution=None
            if seen.execution is None
            else Execution(transaction=to_hex(seen.execution.tx), block=seen.execution.block),
        )


class PlanDocument(ListedPlan):
    """A plan and how it stands."""

    debts: list[PlanDebt] = Field(description="Those that it clears, with how each stands")
    to_sign: TypedData | None = Field(description="What you are to sign, where you asked for it and your key is yours")

    @classmethod
    def of(cls, seen: ShownPlan) -> Self:
        """The document of ``seen``."""
        debts = [
            PlanDebt(
                bill=debt.bill_id,
                debtor=debt.debtor,
                creditor=debt.creditor,
                amount=ShownAmount.of(Money(debt.amount_minor, seen.currency)),
                state=debt.state,
            )
            for debt in seen.debts
        ]
        return cls(**vars(ListedPlan.listed(seen)), debts=debts, to_sign=TypedData.of(seen.to_sign))


class PlanPage(Document):
    """Plans, the newest first."""

    plans: list[ListedPlan]
    next_cursor: str | None = Field(description="Of the next page; null: this is the last", examples=[None])
