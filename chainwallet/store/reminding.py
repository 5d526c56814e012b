"""Reminding those who are asked for money, and telling who asked when the time is over: by hand, and by the service."""

from dataclasses import dataclass

from chainwallet.rules.handle import shown
from chainwallet.rules.request import may_remind, told_over, told_reminded
from chainwallet.store import accounts, group_events, requests
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.requests import Part, Whole

REMINDED, OVER = "request.reminded", "request.expired"


@dataclass(frozen=True)
class Waiting:
    """The parts of a request that somebody named is still to pay, and of them those who may be reminded now."""

    unpaid: tuple[Part, ...]
    remindable: tuple[Part, ...]


def waiting(whole: Whole, now_s: int) -> Waiting:
    """Who is still to pay a part of a request."""
    unpaid = tuple(part for part in whole.parts if part.asked is not None and whole.stage(part, now_s) == "asked")
    return Waiting(unpaid, tuple(part for part in unpaid if may_remind(part.reminded_at_s, now_s)))


def remind(tx: Transaction, whole: Whole, now_s: int, actor: int | None) -> tuple[Part, ...]:
    """Reminds those who may be reminded of a request that ``tx`` holds; of which parts. ``actor`` None: the service."""
    request, some = whole.request, waiting(whole, now_s).remindable
    if not some:
        return ()
    requests.remind(tx, [part.id for part in some], now_s)
    asker = shown(accounts.handles(tx, [request.asker])[request.asker])
    for part in some:
        words = told_reminded(asker, whole.amount(part), request.note)
        told = GroupEvent(now_s, request.group_id, actor, REMINDED, request.id, words, account_id=part.asked)
        group_events.note(tx, told)
    return some


def look(tx: Transaction, request_id: str, now_s: int) -> None:
    """What the service does by itself about a request that is due: it reminds before the deadline, and ends it then."""
    whole = requests.hold(tx, request_id)
    if whole is None or whole.request.due_at_s is None or whole.request.due_at_s > now_s:
        return  # somebody else did
    request = whole.request
    if request.deadline_s is not None and now_s < request.deadline_s:
        remind(tx, whole, now_s, None)
        requests.look_again(tx, request_id, request.deadline_s)
        return
    unpaid = [part for part in whole.parts if whole.stage(part, now_s) == "expired"]
    if unpaid:
        words = told_over(len(unpaid), request.note)
        told = GroupEvent(now_s, request.group_id, None, OVER, request.id, words, account_id=request.asker)
        group_events.note(tx, told)
    requests.look_again(tx, request_id, None)
