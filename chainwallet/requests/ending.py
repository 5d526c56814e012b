"""Ending: who asked takes a request back, who is asked declines. Neither touches a payment that is under way."""

from chainwallet.errors import BadValue, Expired, NotFound, TooLate, TooMany
from chainwallet.payments import MAX_MEMO_CHARS
from chainwallet.requests.showing import not_found, own_parts
from chainwallet.rules.handle import shown
from chainwallet.rules.request import REMINDED_EVERY_S, told_canceled, told_declined
from chainwallet.store import accounts, group_events, reminding, requests
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.requests import Part, Whole

CANCELED, DECLINED = "request.canceled", "request.declined"


def own_request(tx: Transaction, account_id: int, request_id: str) -> Whole:
    """A request of the account's, which ``tx`` holds. Raises ``NotFound`` for one that it may not see, and for one of
    somebody else's that it may ``BadValue``.
    """
    whole = requests.hold(tx, request_id)
    if whole is None or not own_parts(whole, account_id):
        raise not_found(request_id)
    if whole.request.asker != account_id:
        raise BadValue("request", request_id, "one in which you ask")
    return whole


def cancel(tx: Transaction, account_id: int, request_id: str, now_s: int) -> None:
    """Takes a request back; those who were still to pay are told. Once more changes nothing.

    Raises as ``own_request``, and ``TooLate`` where nobody is to pay any more.
    """
    whole = own_request(tx, account_id, request_id)
    request = whole.request
    if request.canceled_at_s is not None:
        return
    unpaid = [part for part in whole.parts if whole.stage(part, now_s) == "asked"]
    if not unpaid:
        raise TooLate(f"request {request_id}", "each part is paid, under way, declined or over")
    requests.cancel(tx, request_id, now_s)
    asker = shown(accounts.handles(tx, [account_id])[account_id])
    for part in unpaid:
        if part.asked is not None:
            words = told_canceled(asker, whole.amount(part), request.note)
            told = GroupEvent(now_s, request.group_id, account_id, CANCELED, request_id, words, account_id=part.asked)
            group_events.note(tx, told)


def decline(tx: Transaction, account_id: int, request_id: str, part_id: str, reason: str, now_s: int) -> None:
    """Declines the part that the account is asked for; who asked is told. Once more changes nothing.

    Raises ``NotFound`` for a request or part that it may not see, ``BadValue`` for a part that it is not asked for,
    ``TooLate`` for one that is paid, under way or taken back, and ``Expired``.
    """
    if not 0 < len(reason) <= MAX_MEMO_CHARS or "\0" in reason:
        raise BadValue("reason", reason, f"1 to {MAX_MEMO_CHARS} characters, none of them NUL")
    whole = requests.hold(tx, request_id)
    part = _seen(whole, account_id, request_id, part_id)
    assert whole is not None  # noqa: S101 - it has the part
    request = whole.request
    if part.asked != account_id:
        raise BadValue("part", part_id, "one that you are asked for")
    match whole.stage(part, now_s):
        case "declined":
            return
        case "expired":
            assert request.deadline_s is not None  # noqa: S101 - it is over
            raise Expired(f"request {request_id}", request.deadline_s, now_s)
        case "paying" | "paid" | "canceled" as stage:
            how = {"paying": "its payment is under way", "paid": "it is paid", "canceled": "it was taken back"}[stage]
            raise TooLate(f"part {part_id}", how)
    requests.decline(tx, part_id, reason, now_s)
    asked = shown(accounts.handles(tx, [account_id])[account_id])
    words = told_declined(asked, whole.amount(part), reason)
    told = GroupEvent(now_s, request.group_id, account_id, DECLINED, request_id, words, account_id=request.asker)
    group_events.note(tx, told)


def remind(tx: Transaction, account_id: int, request_id: str, now_s: int) -> None:
    """Reminds those who are named and still to pay, each of them at most once a day.

    Raises as ``own_request``, ``TooLate`` where nobody is to be reminded any more, and ``TooMany`` where all were
    within the last day.
    """
    whole = own_request(tx, account_id, request_id)
    unpaid = reminding.waiting(whole, now_s).unpaid
    if not unpaid:
        raise TooLate(f"request {request_id}", "nobody who is named in it is still to pay")
    if not reminding.remind(tx, whole, now_s, account_id):
        last_s = min(part.reminded_at_s or now_s for part in unpaid)
        raise TooMany("reminders of one part", "1 a day", last_s + REMINDED_EVERY_S - now_s)


def _seen(whole: Whole | None, account_id: int, request_id: str, part_id: str) -> Part:
    own = () if whole is None else own_parts(whole, account_id)
    if not own:
        raise not_found(request_id)
    for part in own:
        if part.id == part_id:
            return part
    raise NotFound("part", part_id, "the request has none that you may see with this id")
