"""Requests: one asks, others pay their part of it, decline, or are reminded."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.routes.history import MOST_PLACE
from chainwallet.api.routes.payments import payment_document
from chainwallet.api.routing import Router
from chainwallet.api.schemas.payments import PaymentDocument
from chainwallet.api.schemas.requests import (
    DeclineOrder,
    IdText,
    Kind,
    MadeRequestDocument,
    PayOrder,
    RequestDocument,
    RequestOrder,
    RequestPage,
    TokenText,
)
from chainwallet.errors import (
    AlreadyExists,
    BadValue,
    CurrencyMismatch,
    Expired,
    Forbidden,
    Installation,
    InsufficientFunds,
    KeyServiceTrouble,
    NotFound,
    Recovering,
    TooLate,
    TooMany,
    TooPrecise,
    UnknownCurrency,
)
from chainwallet.evm import Address, parse_address
from chainwallet.requests import Format, Made
from chainwallet.store.promises import Promise

router = Router(tags=["requests"])

Writer = Annotated[Caller, Depends(signed_in("payments:write"))]
Reader = Annotated[Caller, Depends(signed_in("payments:read"))]
RequestId = Annotated[IdText, Path(alias="request")]
PartId = Annotated[IdText, Path(alias="part")]
Token = Annotated[TokenText, Path(alias="token")]

_PAYING = (BadValue, NotFound, TooLate, Expired, InsufficientFunds, Recovering, KeyServiceTrouble, Installation)
_IMAGES: dict[Format, str] = {"svg": "image/svg+xml", "png": "image/png"}
_IMAGE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The image",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _IMAGES.values()},
    }
}


@router.post(
    "/v1/requests",
    status_code=HTTPStatus.CREATED,
    response_model=MadeRequestDocument,
    responses=refusals(BadValue, UnknownCurrency, TooPrecise, CurrencyMismatch, NotFound, Forbidden, AlreadyExists),
)
def ask(parts: GivenParts, caller: Writer, body: RequestOrder, once: GivenOnce) -> Response:
    """Asks one person or many for money. The link is told this once; those who are named need none.

    Under an Idempotency-Key that came before nothing is made, and the link is not told again.
    """
    wish = body.wish()
    if wish is None:
        raise BadValue("parts", "none, or beside amount", "either `amount` and `of`, or `parts` alone")
    make = parts.requests.ask(caller, wish)
    return once.secret().answer(parts, caller, lambda tx: _made(parts, caller, make(tx), tx))


@router.get("/v1/requests")
def requests(
    parts: GivenParts,
    caller: Reader,
    page: Annotated[Page, Depends(paged("requests", int, str))],
    which: Annotated[Kind, Query(description="by_me: those in which you ask; of_me: that ask you, or that you pay")] = (
        "by_me"
    ),
) -> RequestPage:
    """The caller's requests, the newest first."""
    found = parts.requests.listed(caller, asks_me=which == "of_me", before=_place_before(page), limit=page.wanted)
    shown, cursor = page.cut(found, lambda one: (one.request.made_at_s, one.request.id))
    return RequestPage(requests=[RequestDocument.of(one) for one in shown], next_cursor=cursor)


@router.get("/v1/requests/{request}", responses=refusals(NotFound))
def request(parts: GivenParts, caller: Reader, request_id: RequestId) -> RequestDocument:
    """A request and how it stands: all of the caller's own, of another's the part that the caller is asked for."""
    return RequestDocument.of(parts.requests.show(caller, request_id))


@router.post(
    "/v1/requests/{request}/cancel", response_model=RequestDocument, responses=refusals(NotFound, BadValue, TooLate)
)
def cancel(parts: GivenParts, caller: Writer, request_id: RequestId, once: GivenOnce) -> Response:
    """Takes a request back. What is paid or under way stays as it is; nobody can begin to pay any more."""
    change = parts.requests.cancel(caller, request_id)
    return once.answer(parts, caller, lambda tx: RequestDocument.of(change(tx)))


@router.post(
    "/v1/requests/{request}/remind",
    response_model=RequestDocument,
    responses=refusals(NotFound, BadValue, TooLate, TooMany),
)
def remind(parts: GivenParts, caller: Writer, request_id: RequestId, once: GivenOnce) -> Response:
    """Reminds those who are named and still to pay, each of them at most once a day, by an event."""
    change = parts.requests.remind(caller, request_id)
    return once.answer(parts, caller, lambda tx: RequestDocument.of(change(tx)))


@router.post(
    "/v1/requests/{request}/link",
    status_code=HTTPStatus.CREATED,
    response_model=MadeRequestDocument,
    responses=refusals(NotFound, BadValue, AlreadyExists),
)
def new_link(parts: GivenParts, caller: Writer, request_id: RequestId, once: GivenOnce) -> Response:
    """Gives a request another link, which is told this once; the one before leads nowhere from now on."""
    make = parts.requests.new_link(caller, request_id)
    return once.secret().answer(parts, caller, lambda tx: _made(parts, caller, make(tx), tx))


@router.get(
    "/v1/requests/{request}/qr",
    response_class=Response,
    responses={**refusals(NotFound, BadValue), **_IMAGE_ANSWER},
)
def qr(
    parts: GivenParts,
    caller: Reader,
    request_id: RequestId,
    token: Annotated[
        TokenText | None, Query(description="The token of the request's link; it is not kept here")
    ] = None,
    kind: Annotated[Format, Query(alias="format")] = "svg",
) -> Response:
    """The QR code of a request's link, as an image."""
    return Response(parts.requests.draw(caller, request_id, token, kind), media_type=_IMAGES[kind])


@router.post(
    "/v1/requests/{request}/parts/{part}/pay",
    status_code=HTTPStatus.ACCEPTED,
    response_model=PaymentDocument,
    responses=refusals(*_PAYING),
)
def pay(
    parts: GivenParts, caller: Writer, request_id: RequestId, part_id: PartId, body: PayOrder | None = None
) -> Response:
    """Pays a part by an ordinary payment, once: asked for again it is the same payment.

    Where the payer's key is elsewhere, `to_sign` is what the payer signs; the signature goes to the payment.
    """
    return _taken(parts, parts.requests.pay(caller, request_id, part_id, _payer(body)))


@router.post(
    "/v1/requests/{request}/parts/{part}/decline",
    response_model=RequestDocument,
    responses=refusals(NotFound, BadValue, TooLate, Expired),
)
def decline(
    parts: GivenParts, caller: Writer, request_id: RequestId, part_id: PartId, body: DeclineOrder, once: GivenOnce
) -> Response:
    """Declines the part that the caller is asked for, with a reason that who asks is told."""
    change = parts.requests.decline(caller, request_id, part_id, body.reason)
    return once.answer(parts, caller, lambda tx: RequestDocument.of(change(tx)))


@router.get("/v1/request-links/{token}", responses=refusals(NotFound))
def linked_request(parts: GivenParts, caller: Reader, token: Token) -> RequestDocument:
    """What is asked of who has a request's link: who asks, for how much, and what for."""
    return RequestDocument.of(parts.requests.show_link(caller, token))


@router.post(
    "/v1/request-links/{token}/pay",
    status_code=HTTPStatus.ACCEPTED,
    response_model=PaymentDocument,
    responses=refusals(*_PAYING),
)
def pay_linked(parts: GivenParts, caller: Writer, token: Token, body: PayOrder | None = None) -> Response:
    """Pays what is asked of who has a request's link: the part that names the caller, or else the open one."""
    return _taken(parts, parts.requests.pay_link(caller, token, _payer(body)))


def _made(parts: Parts, caller: Caller, made: Made, tx: Any) -> MadeRequestDocument:
    shown = parts.requests.shown(tx, caller, made.whole)
    return MadeRequestDocument(
        request=RequestDocument.of(shown), link=parts.requests.link(made.token), token=made.token
    )


def _place_before(page: Page) -> tuple[int, str] | None:
    """The place after which ``page`` begins; raises ``BadValue`` of ``cursor`` for one that no request has."""
    if page.after is None:
        return None
    made_at_s, request_id = int(page.after[0]), str(page.after[1])
    if not 0 <= made_at_s < MOST_PLACE or not request_id.isalnum():
        raise BadValue("cursor", f"{made_at_s}, {request_id}", "the `next_cursor` of a page of this list")
    return made_at_s, request_id


def _payer(body: PayOrder | None) -> Address | None:
    return None if body is None or body.payer is None else parse_address(body.payer, "payer")


def _taken(parts: Parts, promise: Promise) -> Response:
    document = payment_document(parts, promise)
    headers = {"Location": f"/v1/payments/{promise.id}"}
    return Response(document.model_dump_json(by_alias=True), HTTPStatus.ACCEPTED, headers, "application/json")
