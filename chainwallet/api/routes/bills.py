"""Bills of a group: written, agreed to, and settled share by share; and the group's balances."""

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.routes.payments import documents_of
from chainwallet.api.routing import Router
from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.balances import GroupBalancesDocument
from chainwallet.api.schemas.bill_orders import (
    Adoption,
    AtVersion,
    BillChange,
    BillOrder,
    ElsewhereOrder,
    Proposal,
    Rejection,
    ReversalOrder,
    reason_of,
)
from chainwallet.api.schemas.bills import AcceptedBills, BillDocument, BillPage, BillStoryDocument, SharePayments
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.splits import PersonId, split_from
from chainwallet.errors import (
    AlreadyExists,
    BadSignature,
    BadValue,
    BillDisputed,
    BillLocked,
    BillSettled,
    CurrencyMismatch,
    Installation,
    InsufficientFunds,
    KeyServiceTrouble,
    NotFound,
    Recovering,
    StaleVersion,
    TooLate,
    TooPrecise,
    UnknownCurrency,
)
from chainwallet.rules.bill import Accepted, Answer, Proposed, Withdrawn
from chainwallet.store.bills import Wanted
from chainwallet.store.database import Transaction

router = Router(tags=["bills"])

Reader = Annotated[Caller, Depends(signed_in("groups:read"))]
Writer = Annotated[Caller, Depends(signed_in("groups:write"))]
Payer = Annotated[Caller, Depends(signed_in("payments:write"))]
GroupId = Annotated[IdText, Path(alias="group")]
BillId = Annotated[IdText, Path(alias="bill")]

_WRITTEN = (BadValue, TooPrecise, UnknownCurrency, CurrencyMismatch, NotFound)
_CHANGED = (NotFound, StaleVersion, TooLate, BillLocked, BillSettled)


@router.post(
    "/v1/groups/{group}/bills",
    status_code=HTTPStatus.CREATED,
    response_model=BillDocument,
    responses=refusals(*_WRITTEN),
)
def add_bill(parts: GivenParts, caller: Writer, group_id: GroupId, body: BillOrder, once: GivenOnce) -> Response:
    """Adds a bill. Everybody whom it charges, but you, is asked to accept it; once all have, it counts."""
    terms = body.terms(_today(parts))
    return once.answer(parts, caller, lambda tx: BillDocument.of(parts.bills.add(tx, caller, group_id, terms)))


@router.get("/v1/groups/{group}/bills", responses=refusals(NotFound, BadValue))
def bills(
    parts: GivenParts,
    caller: Reader,
    group_id: GroupId,
    page: Annotated[Page, Depends(paged("bills", int, str))],
    state: Annotated[
        Literal["open", "accepted", "disputed", "deleted"] | None, Query(description="Left out: all but deleted ones")
    ] = None,
    currency: Annotated[CurrencyText | None, Query()] = None,
    member: Annotated[PersonId | None, Query(description="Who has a line in it")] = None,
    asks: Annotated[PersonId | None, Query(description="Whom it charges and who has not accepted")] = None,
) -> BillPage:
    """The group's bills, the newest first."""
    after = None if page.after is None else (int(page.after[0]), str(page.after[1]))
    wanted = Wanted(state, currency, member, asks)
    found = parts.bills.listed(caller, group_id, wanted, after, page.wanted)
    shown, cursor = page.cut(found, lambda one: (one.record.bill.created_at_s, one.record.bill.id))
    return BillPage(bills=[BillDocument.of(one) for one in shown], next_cursor=cursor)


@router.post("/v1/groups/{group}/accept-bills", response_model=AcceptedBills, responses=refusals(NotFound))
def accept_bills(parts: GivenParts, caller: Writer, group_id: GroupId, once: GivenOnce) -> Response:
    """Accepts all bills of the group that ask you and that you have said nothing to."""

    def work(tx: Transaction) -> AcceptedBills:
        return AcceptedBills(bills=[BillDocument.of(one) for one in parts.bills.accept_all(tx, caller, group_id)])

    return once.answer(parts, caller, work)


@router.get("/v1/groups/{group}/bills/{bill}", responses=refusals(NotFound))
def bill(parts: GivenParts, caller: Reader, group_id: GroupId, bill_id: BillId) -> BillStoryDocument:
    """A bill with all that ever became of it: its versions, what was said to each, and who did what."""
    return BillStoryDocument.told(parts.bills.show(caller, group_id, bill_id))


@router.put("/v1/groups/{group}/bills/{bill}", responses=refusals(*_WRITTEN, *_CHANGED))
def amend_bill(parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: BillChange) -> BillDocument:
    """Makes the next version of a bill. Only those whose money it moves are asked again.

    Done by its author, whoever is owed by it, or the group's owner; others propose. Refused once debts that it would
    change are locked, being paid or settled: then make a reversal.
    """
    terms, reason = body.terms(_today(parts)), reason_of(body.reason)
    amend = parts.bills.amend
    return BillDocument.of(
        parts.database.write(lambda tx: amend(tx, caller, group_id, bill_id, body.version, terms, reason))
    )


@router.delete("/v1/groups/{group}/bills/{bill}", responses=refusals(NotFound, BillLocked, BillSettled))
def delete_bill(parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId) -> BillDocument:
    """Gives a bill a tombstone: it counts no more, all of it is kept, and it can be restored."""
    return BillDocument.of(parts.database.write(lambda tx: parts.bills.delete(tx, caller, group_id, bill_id)))


@router.post(
    "/v1/groups/{group}/bills/{bill}/restore", response_model=BillDocument, responses=refusals(NotFound, TooLate)
)
def restore_bill(parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, once: GivenOnce) -> Response:
    """Takes a bill's tombstone away: it is as it was."""
    return once.answer(parts, caller, lambda tx: BillDocument.of(parts.bills.restore(tx, caller, group_id, bill_id)))


@router.post(
    "/v1/groups/{group}/bills/{bill}/reversal",
    status_code=HTTPStatus.CREATED,
    response_model=BillDocument,
    responses=refusals(NotFound, BadValue, TooLate, AlreadyExists),
)
def reverse_bill(
    parts: GivenParts,
    caller: Writer,
    group_id: GroupId,
    bill_id: BillId,
    once: GivenOnce,
    body: ReversalOrder | None = None,
) -> Response:
    """Makes a new bill that undoes one: all shares and payments are the negative. So are settled bills corrected."""
    note = "" if body is None else body.clean_note()
    return once.answer(
        parts, caller, lambda tx: BillDocument.of(parts.bills.reverse(tx, caller, group_id, bill_id, note))
    )


# ------------------------------------------------------------------------------------------------ consent

_ANSWERED = refusals(NotFound, BadValue, StaleVersion, TooLate)
_DISPUTED = refusals(*_WRITTEN, *_CHANGED)


@router.post("/v1/groups/{group}/bills/{bill}/accept", response_model=BillDocument, responses=_ANSWERED)
def accept_bill(
    parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: AtVersion, once: GivenOnce
) -> Response:
    """Accepts the current version of a bill, which charges you."""
    return _answered(parts, caller, group_id, bill_id, body, Accepted(), once)


@router.post("/v1/groups/{group}/bills/{bill}/reject", response_model=BillDocument, responses=_DISPUTED)
def reject_bill(
    parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: Rejection, once: GivenOnce
) -> Response:
    """Rejects the current version of a bill: it counts no more until it is amended, or you withdraw that or accept."""
    return _answered(parts, caller, group_id, bill_id, body, body.answer(), once)


@router.post("/v1/groups/{group}/bills/{bill}/propose", response_model=BillDocument, responses=_DISPUTED)
def propose_split(
    parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: Proposal, once: GivenOnce
) -> Response:
    """Proposes to divide a bill another way. It is disputed until that is adopted, or you withdraw it or accept."""

    def work(tx: Transaction) -> BillDocument:
        currency = parts.bills.terms(tx, caller, group_id, bill_id).currency
        answer = Proposed(split_from(body.split, currency), reason_of(body.reason) or "")
        return BillDocument.of(parts.bills.respond(tx, caller, group_id, bill_id, body.version, answer))

    return once.answer(parts, caller, work)


@router.post("/v1/groups/{group}/bills/{bill}/withdraw", response_model=BillDocument, responses=_ANSWERED)
def withdraw_dispute(
    parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: AtVersion, once: GivenOnce
) -> Response:
    """Takes your rejection or proposal back, without accepting."""
    return _answered(parts, caller, group_id, bill_id, body, Withdrawn(), once)


@router.post("/v1/groups/{group}/bills/{bill}/adopt", response_model=BillDocument, responses=_DISPUTED)
def adopt_proposal(
    parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: Adoption, once: GivenOnce
) -> Response:
    """Makes a member's proposal the next version, which they have accepted by that; whoever may amend does."""
    adopt = parts.bills.adopt
    return once.answer(
        parts, caller, lambda tx: BillDocument.of(adopt(tx, caller, group_id, bill_id, body.version, body.member))
    )


# ------------------------------------------------------------------------------------------------ settling


@router.post(
    "/v1/groups/{group}/bills/{bill}/payments",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(
        BadValue,
        *_CHANGED,
        BillDisputed,
        InsufficientFunds,
        Recovering,
        BadSignature,
        KeyServiceTrouble,
        Installation,
    ),
)
def pay_share(parts: GivenParts, caller: Payer, group_id: GroupId, bill_id: BillId, body: AtVersion) -> SharePayments:
    """Pays what you owe by a bill, which you accept by that: an ordinary payment to each whom you owe.

    Asked for again they are the same payments. Where your key is elsewhere, `to_sign` is what you sign, as for any
    payment. The shares are settled when the chain has carried the payments out. Needs `groups:write` as well.
    """
    promises = parts.bills.pay(caller, group_id, bill_id, body.version)
    return SharePayments(payments=documents_of(parts, promises))


@router.post(
    "/v1/groups/{group}/bills/{bill}/paid-elsewhere",
    response_model=BillDocument,
    responses=refusals(BadValue, *_CHANGED, BillDisputed),
)
def say_paid_elsewhere(
    parts: GivenParts, caller: Writer, group_id: GroupId, bill_id: BillId, body: ElsewhereOrder, once: GivenOnce
) -> Response:
    """Says that people who owe you by a bill paid you in cash or at a bank: their debts are settled."""
    note, say = reason_of(body.note, "note"), parts.bills.say_paid_elsewhere
    return once.answer(
        parts,
        caller,
        lambda tx: BillDocument.of(say(tx, caller, group_id, bill_id, body.version, body.debtors, note)),
    )


@router.get("/v1/groups/{group}/balances", responses=refusals(NotFound))
def group_balances(parts: GivenParts, caller: Reader, group_id: GroupId) -> GroupBalancesDocument:
    """What you owe and are owed in the group with the bills behind it in words, and all debts beside a clearing."""
    return GroupBalancesDocument.of(parts.bills.balances(caller, group_id))


def _answered(
    parts: Parts, caller: Caller, group_id: str, bill_id: str, body: AtVersion, answer: Answer, once: GivenOnce
) -> Response:
    def work(tx: Transaction) -> BillDocument:
        return BillDocument.of(parts.bills.respond(tx, caller, group_id, bill_id, body.version, answer))

    return once.answer(parts, caller, work)


def _today(parts: Parts) -> date:
    return datetime.fromtimestamp(parts.clock_s(), UTC).date()
