"""Paying a part: an ordinary payment, stored together with what it pays, so that nobody pays a part a second time.

Its id comes from the part. While that payment has not ended it is the only one, whoever asks again; after an unpaid end
there may be another attempt under another id. Who asked changes nothing about a payment that is under way.
"""

from dataclasses import dataclass

from chainwallet.errors import BadValue, Expired, NotFound, TooLate
from chainwallet.evm import Address, checksum
from chainwallet.keys.signer import Signer
from chainwallet.payments import Asked, Order, Teller
from chainwallet.requests.showing import not_found, own_parts
from chainwallet.rules.handle import Handle, shown
from chainwallet.rules.promise import Offered
from chainwallet.rules.request import payment_id, told_paying
from chainwallet.store import account_wallets, group_events, requests
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.promises import Promise
from chainwallet.store.requests import Part, PartPayment, Whole

PAYING = "request.paying"


@dataclass(frozen=True)
class Payer:
    """Who pays a part: an account, from one of its wallets; ``signer`` is None where its key is elsewhere.

    ``is_chosen``: they named the wallet, and no other will do.
    """

    account_id: int
    handle: Handle
    wallet: Address
    is_chosen: bool
    signer: Signer | None


@dataclass(frozen=True)
class Taken:
    """The payment of a part; ``asked`` is what the teller still signs, where it must."""

    promise: Promise
    asked: Asked | None


def part_to_pay(whole: Whole, account_id: int) -> Part:
    """The part that who has the link pays: their own, or else the open one. Raises ``NotFound`` and ``BadValue``."""
    own = own_parts(whole, account_id, by_link=True)
    if not own:
        raise not_found(whole.request.id)
    if whole.request.asker == account_id:
        raise _own_request(whole)
    return next((part for part in own if part.asked == account_id), own[0])


def wallet_that_pays(whole: Whole, part: Part, account_id: int) -> Address | None:
    """The wallet from which an account's payment of a part goes; None where it has none that counts."""
    paying = whole.payment_of(part, account_id)
    return paying.promise.payer if paying is not None and paying.account_id == account_id else None


def pay(tx: Transaction, teller: Teller, request_id: str, part_id: str, payer: Payer, now_s: int) -> Taken:
    """The payment of a part by ``payer``; the same, where it is under way or paid already.

    Its document is made anew where it expired unsigned while the part may still be paid. Raises ``BadValue`` for who
    asked themselves and for another wallet than the one that pays, ``TooLate`` for a part that was taken back or
    declined or that somebody else pays, ``Expired``, and what the teller raises; then nothing is stored.
    """
    whole = requests.hold(tx, request_id)
    part = None if whole is None else whole.part(part_id)
    if whole is None or part is None:
        raise not_found(request_id)
    if whole.request.asker == payer.account_id:
        raise _own_request(whole)
    paying = whole.payment_of(part, payer.account_id)
    if paying is None:
        return _begin(tx, teller, whole, part, payer, now_s)
    if paying.account_id != payer.account_id:
        raise TooLate(f"part {part.id}", "somebody else pays it")
    if payer.wallet != paying.promise.payer:
        if payer.is_chosen:
            raise BadValue("payer", checksum(payer.wallet), f"{checksum(paying.promise.payer)}, which pays this part")
        return Taken(paying.promise, None)  # it began meanwhile
    if not isinstance(paying.promise.stage, Offered) or _is_closed(whole, part, now_s):
        return Taken(paying.promise, None)
    asked = _asked(tx, teller, whole, part, payer, paying.attempt, paying.promise)
    return Taken(teller.take_in(tx, asked), asked)


def _begin(tx: Transaction, teller: Teller, whole: Whole, part: Part, payer: Payer, now_s: int) -> Taken:
    request = whole.request
    match whole.stage(part, now_s, payer.account_id):
        case "canceled":
            raise TooLate(f"part {part.id}", "who asked has taken the request back")
        case "declined":
            raise TooLate(f"part {part.id}", "it was declined")
        case "expired":
            assert request.deadline_s is not None  # noqa: S101 - it is over
            raise Expired(f"request {request.id}", request.deadline_s, now_s)
    before = [one for one in whole.payments if (one.part_id, one.account_id) == (part.id, payer.account_id)]
    attempt = 1 + max((one.attempt for one in before), default=0)
    asked = _asked(tx, teller, whole, part, payer, attempt, None)
    promise = teller.take_in(tx, asked)
    requests.pay(tx, PartPayment(part.id, payer.account_id, attempt, promise, now_s))
    words = told_paying(shown(payer.handle), whole.amount(part), request.note)
    told = GroupEvent(now_s, request.group_id, payer.account_id, PAYING, request.id, words, account_id=request.asker)
    group_events.note(tx, told)
    return Taken(promise, asked)


def _asked(
    tx: Transaction, teller: Teller, whole: Whole, part: Part, payer: Payer, attempt: int, known: Promise | None
) -> Asked:
    """The order that pays ``part``: to the asker's wallet, the same as in the promise that is ``known``."""
    amount = whole.amount(part)
    desk = teller.desk(amount.currency)
    number = payment_id(part.id, attempt)
    known = known or promise_rows.by_id(tx, desk.cash.token, payer.wallet, "payment", number)
    payee = None if known is None else known.payee
    asker = whole.request.asker
    payee = payee or next(iter(account_wallets.addresses_of(tx, [asker])[asker]), None)
    if payee is None:
        raise NotFound("wallet", "of who asked", "they have none on this chain")
    return Asked(desk, Order(number, payer.wallet, payee, amount, whole.request.note), payer.signer)


def _is_closed(whole: Whole, part: Part, now_s: int) -> bool:
    """Whether the part could not be begun to be paid any more."""
    request = whole.request
    is_over = request.deadline_s is not None and now_s >= request.deadline_s
    return is_over or request.canceled_at_s is not None or part.declined_at_s is not None


def _own_request(whole: Whole) -> BadValue:
    return BadValue("request", whole.request.id, "one in which somebody else asks")
