"""Plans: a group settles up in one transaction that everybody who pays has signed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.plans import (
    ConsentOffer,
    DropOrder,
    ListedPlan,
    PlanDocument,
    PlanOrder,
    PlanPage,
    PreviewDocument,
)
from chainwallet.errors import (
    AlreadyExists,
    BadSignature,
    BadValue,
    Expired,
    Installation,
    InsufficientFunds,
    KeyServiceTrouble,
    NotFound,
    Recovering,
    TooLate,
)
from chainwallet.evm import from_hex

router = Router(tags=["plans"])

Reader = Annotated[Caller, Depends(signed_in("groups:read"))]
Writer = Annotated[Caller, Depends(signed_in("groups:write"))]
GroupId = Annotated[IdText, Path(alias="group")]
PlanId = Annotated[IdText, Path(alias="plan")]


@router.get("/v1/groups/{group}/plan-preview", responses=refusals(NotFound, BadValue))
def preview(
    parts: GivenParts,
    caller: Reader,
    group_id: GroupId,
    currency: Annotated[
        CurrencyText | None, Query(description="Left out: the only one in which there is something to clear")
    ] = None,
) -> PreviewDocument:
    """What a plan would be that was made now: who would pay and receive how much. Nothing is kept."""
    return PreviewDocument.of(parts.clearings.preview(caller, group_id, currency))


@router.post(
    "/v1/groups/{group}/plans",
    status_code=HTTPStatus.CREATED,
    response_model=PlanDocument,
    responses=refusals(NotFound, BadValue, AlreadyExists, TooLate),
)
def make_plan(parts: GivenParts, caller: Writer, group_id: GroupId, body: PlanOrder, once: GivenOnce) -> Response:
    """Makes a plan that clears every debt that can be cleared now; until it ends, nothing else is done with them.

    Of accepted bills, between members who have wallets. One plan of a group and currency is under way at a time; a
    new one may take its place as long as the chain was not asked to carry it out.
    """
    make = parts.clearings.make
    return once.answer(
        parts,
        caller,
        lambda tx: PlanDocument.of(make(tx, caller, group_id, body.currency, body.sign_within_s, body.replaces)),
    )


@router.get("/v1/groups/{group}/plans", responses=refusals(NotFound))
def plans(
    parts: GivenParts, caller: Reader, group_id: GroupId, page: Annotated[Page, Depends(paged("plans", int, str))]
) -> PlanPage:
    """The group's plans, the newest first."""
    below = None if page.after is None else (int(page.after[0]), str(page.after[1]))
    found = parts.clearings.listed(caller, group_id, below, page.wanted)
    some, cursor = page.cut(found, lambda one: (one.plan.made_at_s, one.plan.id))
    return PlanPage(plans=[ListedPlan.listed(one) for one in some], next_cursor=cursor)


@router.get("/v1/groups/{group}/plans/{plan}", responses=refusals(NotFound))
def plan(parts: GivenParts, caller: Reader, group_id: GroupId, plan_id: PlanId) -> PlanDocument:
    """A plan: who pays and receives, who has signed, what it waits for, and where the chain carried it out."""
    return PlanDocument.of(parts.clearings.show(caller, group_id, plan_id))


@router.post(
    "/v1/groups/{group}/plans/{plan}/consent",
    responses=refusals(
        NotFound,
        BadValue,
        BadSignature,
        Expired,
        TooLate,
        InsufficientFunds,
        Recovering,
        KeyServiceTrouble,
        Installation,
    ),
)
def consent(
    parts: GivenParts, caller: Writer, group_id: GroupId, plan_id: PlanId, body: ConsentOffer | None = None
) -> PlanDocument:
    """Signs a plan in which you pay, once for all; with the last signature it goes to the chain.

    Needs the scope `payments:write` too. Where your key is not kept here, `to_sign` is what you sign; then this is
    asked for again with the signature. A plan that was changed since is another one: a signature of the old one is
    refused.
    """
    signature = None if body is None or body.signature is None else from_hex(body.signature)
    return PlanDocument.of(parts.clearings.consent(caller, group_id, plan_id, signature))


@router.post(
    "/v1/groups/{group}/plans/{plan}/drop",
    response_model=PlanDocument,
    responses=refusals(NotFound, BadValue, TooLate),
)
def drop(
    parts: GivenParts, caller: Writer, group_id: GroupId, plan_id: PlanId, body: DropOrder, once: GivenOnce
) -> Response:
    """Takes somebody out of a plan, with all debts that touch them; gives the plan that is made for the others.

    The plan's maker and the group's owner do. Everybody signs the new plan, under the same nonces: only one of the two
    can ever be carried out.
    """
    drop = parts.clearings.drop
    return once.answer(parts, caller, lambda tx: PlanDocument.of(drop(tx, caller, group_id, plan_id, body.member)))


@router.delete("/v1/groups/{group}/plans/{plan}", responses=refusals(NotFound, TooLate))
def withdraw(parts: GivenParts, caller: Writer, group_id: GroupId, plan_id: PlanId) -> PlanDocument:
    """Ends a plan; its debts are open again. The plan's maker and the group's owner do."""
    end = parts.clearings.withdraw
    return PlanDocument.of(parts.database.write(lambda tx: end(tx, caller, group_id, plan_id)))
