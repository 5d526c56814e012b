"""Money in and out against a bank's reference, for the issuer's people."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.issuing import (
    ReferenceText,
    TopUpDocument,
    TopUpOrder,
    WithdrawalDocument,
    WithdrawalOrder,
)
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.errors import (
    BadValue,
    ChainMismatch,
    Installation,
    InsufficientFunds,
    KeyServiceTrouble,
    NodeTrouble,
    NotFound,
    QuotaExceeded,
    Recovering,
    TooPrecise,
    UnknownCurrency,
)
from chainwallet.evm import Address
from chainwallet.issuing import ShownWithdrawal

router = Router(tags=["issuing"])

Issuer = Annotated[Caller, Depends(signed_in("issuer:write"))]
Reference = Annotated[ReferenceText, Path()]
Currency = Annotated[CurrencyText | None, Query(description="Where several currencies have this reference")]

_ORDERED = (BadValue, UnknownCurrency, TooPrecise, NotFound)


@router.post(
    "/v1/topups",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*_ORDERED, QuotaExceeded, NodeTrouble, ChainMismatch),
)
def top_up(parts: GivenParts, caller: Issuer, body: TopUpOrder, response: Response) -> TopUpDocument:
    """Makes money for somebody against money at the bank, once for each of the bank's references.

    The worker carries it to the chain, which accepts a reference once, and no more than the issuer's quota. One that
    the chain refused is tried again by the same request.
    """
    shown = parts.office.top_up(body.reference, body.payee, body.amount.money(), caller.handle)
    response.headers["Location"] = f"/v1/topups/{shown.topup.reference}"
    return TopUpDocument.of(shown, _handles(parts, shown.topup.payee))


@router.get("/v1/topups/{reference}", responses=refusals(NotFound, BadValue))
def topup(parts: GivenParts, caller: Issuer, reference: Reference, currency: Currency = None) -> TopUpDocument:
    """How a top-up stands."""
    del caller  # only its scope matters: all of the issuer's people see all top-ups
    shown = parts.office.find_topup(reference, currency)
    return TopUpDocument.of(shown, _handles(parts, shown.topup.payee))


@router.post("/v1/withdrawals", status_code=HTTPStatus.ACCEPTED, responses=refusals(*_ORDERED))
def withdraw(parts: GivenParts, caller: Issuer, body: WithdrawalOrder, response: Response) -> WithdrawalDocument:
    """Takes money out of the ledger that a customer paid to the issuer and the bank paid out, under its reference.

    The customer's payment is named by payer and id. Its money is burned when the payment is final, and not before.
    """
    shown = parts.office.withdraw(body.reference, body.payer, body.payment, body.amount.money(), caller.handle)
    response.headers["Location"] = f"/v1/withdrawals/{shown.withdrawal.reference}"
    return _withdrawal(parts, shown)


@router.get("/v1/withdrawals/{reference}", responses=refusals(NotFound, BadValue))
def withdrawal(
    parts: GivenParts, caller: Issuer, reference: Reference, currency: Currency = None
) -> WithdrawalDocument:
    """How a withdrawal stands."""
    del caller  # as for top-ups
    return _withdrawal(parts, parts.office.find_withdrawal(reference, currency))


@router.post(
    "/v1/withdrawals/{reference}/payback",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(NotFound, BadValue, InsufficientFunds, Recovering, KeyServiceTrouble, Installation),
)
def pay_back(parts: GivenParts, caller: Issuer, reference: Reference, currency: Currency = None) -> WithdrawalDocument:
    """Gives up a withdrawal whose burn was refused: the issuer pays the customer back, once."""
    del caller  # as for top-ups
    return _withdrawal(parts, parts.office.give_back(reference, currency))


def _withdrawal(parts: Parts, shown: ShownWithdrawal) -> WithdrawalDocument:
    return WithdrawalDocument.of(shown, _handles(parts, shown.payment.payer))


def _handles(parts: Parts, *addresses: Address) -> Mapping[Address, str]:
    return parts.teller.directory.handles_of(addresses)
