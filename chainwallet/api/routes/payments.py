"""Payments: quoted, made once for each id, signed elsewhere, cancelled, and told how they stand."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Response
from pydantic import ValidationError

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.hot import Given
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.readers import GivenReaders, JsonText
from chainwallet.api.routing import Router
from chainwallet.api.schemas.money import ShownAmount
from chainwallet.api.schemas.payments import (
    CancelDocument,
    CancelOrder,
    PaymentDocument,
    PaymentId,
    PaymentOrder,
    PaymentPage,
    PaymentStory,
    QuoteDocument,
    QuoteOrder,
    SignatureOffer,
    TypedData,
)
from chainwallet.errors import (
    BadSignature,
    BadValue,
    ChainMismatch,
    ChainwalletError,
    Expired,
    Installation,
    InsufficientFunds,
    KeyServiceTrouble,
    NodeTrouble,
    NotFound,
    Recovering,
    TooLate,
    TooPrecise,
    UnknownCurrency,
)
from chainwallet.evm import Address, from_hex, parse_address
from chainwallet.payments import Asked, Petition, Told, Wish
from chainwallet.store.promises import Promise

router = Router(tags=["payments"])

Writer = Annotated[Caller, Depends(signed_in("payments:write"))]
Reader = Annotated[Caller, Depends(signed_in("payments:read"))]
OwnId = Annotated[PaymentId, Path(alias="id")]


def _usual_order(query: bytes, body: bytes) -> Given | None:
    """A payment's order that is right; what is wrong with another one is for the framework to say."""
    try:
        return None if query else {"body": PaymentOrder.model_validate_json(body)}
    except ValidationError:
        return None


_ORDERED = (BadValue, UnknownCurrency, TooPrecise, NotFound)
_SIGNING = (Recovering, KeyServiceTrouble, Installation)


@router.post("/v1/quotes", responses=refusals(*_ORDERED, NodeTrouble, ChainMismatch))
def quote(parts: GivenParts, caller: Reader, body: QuoteOrder) -> QuoteDocument:
    """What a payment costs before it is made: the service's fee, and what carrying it costs the relayer."""
    payer = _payer(_wallets(parts, caller), body.payer)
    return QuoteDocument.of(body.payee, parts.teller.quote(payer, body.payee, body.amount.money()))


@router.shortcut("POST", "/v1/payments", signed_in("payments:write"), _usual_order)
@router.post(
    "/v1/payments",
    status_code=HTTPStatus.ACCEPTED,
    response_model=PaymentDocument,
    responses=refusals(*_ORDERED, InsufficientFunds, *_SIGNING),
)
async def pay(parts: GivenParts, readers: GivenReaders, caller: Writer, body: PaymentOrder) -> Response:
    """Makes a payment, once for its id: asked for again it is the same one, with other content it is refused.

    It is signed here, or, where the payer's key is elsewhere, `to_sign` is what the payer signs. It is final when the
    chain says so: ask for it again, or follow the events.
    """
    asked = await readers.together(_asked_by_each, parts, (caller, body))
    soon = parts.teller.take_soon(asked)
    if soon is None:
        promise = await asyncio.get_running_loop().run_in_executor(None, parts.teller.take, asked)
    else:
        accepted = await asyncio.wrap_future(soon)
        assert accepted is not None  # noqa: S101 - an order has a promise or an error
        promise = accepted
    return await readers.together(_taken_of_each, parts, promise)


def _asked_by_each(parts: Parts, some: Sequence[tuple[Caller, PaymentOrder]]) -> list[Asked | ChainwalletError]:
    owned = parts.teller.directory.wallets_of([caller.account_id for caller, _ in some])
    good = [_petition(owned[caller.account_id], body) for caller, body in some]
    asked = iter(parts.teller.asked_by_each([one for one in good if isinstance(one, Petition)]))
    return [next(asked) if isinstance(one, Petition) else one for one in good]


def _petition(wallets: tuple[Address, ...], body: PaymentOrder) -> Petition | ChainwalletError:
    try:
        wish = Wish(body.id, body.payee, body.amount.money(), body.memo)
        return Petition(_payer(wallets, body.payer), wallets, wish)
    except ChainwalletError as refused:
        return refused


def _taken_of_each(parts: Parts, some: Sequence[Promise]) -> list[Response]:
    handles = _handles(parts, some)
    return [_taken(_document(parts, told, handles)) for told in parts.teller.told(some)]


def _taken(document: PaymentDocument) -> Response:
    answer = JsonText(document, HTTPStatus.ACCEPTED)
    answer.headers["Location"] = f"/v1/payments/{document.id}"
    return answer


@router.get("/v1/payments")
def payments(parts: GivenParts, caller: Reader, page: Annotated[Page, Depends(paged("payments", int))]) -> PaymentPage:
    """The caller's payments, the newest first."""
    below = None if page.after is None else int(page.after[0])
    found = parts.teller.listed(_wallets(parts, caller), below, page.wanted)
    shown, cursor = page.cut(found, lambda told: (told.promise.number,))
    handles = _handles(parts, [told.promise for told in shown])
    return PaymentPage(payments=[_document(parts, told, handles) for told in shown], next_cursor=cursor)


@router.get("/v1/payments/{id}", responses=refusals(NotFound))
def payment(parts: GivenParts, caller: Reader, payment_id: OwnId) -> PaymentStory:
    """A payment of the caller's: how it stands, what it waits for and how it came there."""
    shown = parts.teller.show(_wallets(parts, caller), payment_id)
    told = Told(shown.promise, shown.waits)
    return PaymentStory.told(_document(parts, told, _handles(parts, [told.promise])), shown.story)


@router.post(
    "/v1/payments/{id}/signature",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(NotFound, BadSignature, BadValue, Expired),
)
def sign(parts: GivenParts, caller: Writer, payment_id: OwnId, body: SignatureOffer) -> PaymentDocument:
    """Takes the signature of a payer whose key is elsewhere, over the document in `to_sign`.

    Where the document's time is over the same payment is asked for again: it comes with a new document under the same
    nonce.
    """
    promise = parts.teller.sign(_wallets(parts, caller), payment_id, from_hex(body.signature))
    return payment_document(parts, promise)


@router.post(
    "/v1/payments/{id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(NotFound, BadSignature, BadValue, TooLate, KeyServiceTrouble, Installation),
)
def cancel(
    parts: GivenParts,
    caller: Writer,
    payment_id: OwnId,
    body: CancelOrder | None = None,
) -> CancelDocument:
    """Cancels a payment that is not paid yet.

    What was signed may be anywhere, so the chain ends it: a cancel is carried there, and whichever of the two the chain
    takes first counts. Where the payer's key is elsewhere, `to_sign` is what the payer signs; then this is asked for
    again with the signature.
    """
    wallets = _wallets(parts, caller)
    signature = None if body is None or body.signature is None else from_hex(body.signature)
    promise = parts.teller.cancel(wallets, payment_id, signature)
    return CancelDocument(
        payment=payment_document(parts, promise), to_sign=TypedData.of(parts.teller.document_to_cancel(promise))
    )


def _wallets(parts: Parts, caller: Caller) -> tuple[Address, ...]:
    return parts.teller.directory.wallets_of([caller.account_id])[caller.account_id]


def _payer(wallets: Sequence[Address], wanted: str | None) -> Address:
    """Which of the caller's wallets pays; raises ``NotFound`` and ``BadValue``."""
    if not wallets:
        raise NotFound("wallet", "default", "this account has none on this chain")
    if wanted is None:
        return wallets[0]
    address = parse_address(wanted, "payer")
    if address not in wallets:
        raise BadValue("payer", wanted, "one of your own wallets")
    return address


def documents_of(parts: Parts, some: Sequence[Promise]) -> list[PaymentDocument]:
    """Payments of one payer's as documents, with what each waits for."""
    handles = _handles(parts, some)
    return [_document(parts, told, handles) for told in parts.teller.told(some)]


def payment_document(parts: Parts, promise: Promise) -> PaymentDocument:
    """The payment that is ``promise``, and what it waits for."""
    (told,) = parts.teller.told([promise])
    return _document(parts, told, _handles(parts, [promise]))


def _document(parts: Parts, told: Told, handles: Mapping[Address, str]) -> PaymentDocument:
    promise = told.promise
    amount = ShownAmount.of_units(promise.value, parts.teller.currency_of(promise))
    return PaymentDocument.of(promise, told.waits, amount, handles, parts.teller.document_to_sign(promise))


def _handles(parts: Parts, some: Sequence[Promise]) -> Mapping[Address, str]:
    parties = {address for one in some for address in (one.payer, one.payee) if address is not None}
    return parts.teller.directory.handles_of(parties) if parties else {}
