"""Requests ("please pay me"): how a part of one stands, when who is asked is reminded, and what people are told of it.

How a part stands follows from the request and from the promise of the payment that pays it, and is stored nowhere:

| the payment      | and the request                            | the part     |
|------------------|--------------------------------------------|--------------|
| final            |                                            | paid         |
| not ended        |                                            | paying       |
| none, or unpaid  | taken back by who asked                    | canceled     |
|                  | declined by who is asked                   | declined     |
|                  | its deadline is over                       | expired      |
|                  | none of these                              | asked        |
"""

from dataclasses import dataclass
from typing import Literal

from chainwallet.errors import BadValue
from chainwallet.rules.money import Money
from chainwallet.rules.promise import Canceled, Expired, Final, Stage
from chainwallet.rules.timestamp import time_text

PartStage = Literal["asked", "paying", "paid", "declined", "canceled", "expired"]

DAY_S = 86_400
REMINDED_EVERY_S = DAY_S
"""Who is asked is reminded of a part at most so often."""
REMINDED_BEFORE_S = DAY_S
"""So long before its deadline a request reminds by itself; one with less time than two of these, at half of it."""
LONGEST_S = 2 * 366 * DAY_S
"""A deadline is at most so far away."""
MOST_MINOR = 10**15
"""The most that is asked for at once, in minor units: ten billion euros in cents, a thousandfold."""
SHOWN_NOTE_CHARS = 80


@dataclass(frozen=True)
class Terms:
    """What a part's stage depends on beside its payment."""

    is_canceled: bool
    is_declined: bool
    deadline_s: int | None


def part_stage(terms: Terms, payment: Stage | None, now_s: int) -> PartStage:
    """How a part stands; ``payment`` is the stage of the payment that pays it, None where there is none."""
    match payment:
        case Final():
            return "paid"
        case None | Canceled() | Expired():
            pass
        case _:
            return "paying"
    if terms.is_canceled:
        return "canceled"
    if terms.is_declined:
        return "declined"
    if terms.deadline_s is not None and now_s >= terms.deadline_s:
        return "expired"
    return "asked"


def payment_id(part_id: str, attempt: int) -> str:
    """The id of the payment with which somebody pays a part; the first attempt is 1, the next follows an unpaid end."""
    return f"request:{part_id}" if attempt == 1 else f"request:{part_id}:{attempt}"


def check_deadline(deadline_s: int, now_s: int) -> int:
    """``deadline_s``; raises ``BadValue`` of ``deadline`` for one that is over, or too far away."""
    if not now_s < deadline_s <= now_s + LONGEST_S:
        expected = f"a time after {time_text(now_s)} and not after {time_text(now_s + LONGEST_S)}"
        raise BadValue("deadline", time_text(deadline_s), expected)
    return deadline_s


def reminds_at_s(made_at_s: int, deadline_s: int | None) -> int | None:
    """When a request reminds by itself; None where it has no deadline."""
    if deadline_s is None:
        return None
    return max(deadline_s - REMINDED_BEFORE_S, made_at_s + (deadline_s - made_at_s) // 2)


def may_remind(reminded_at_s: int | None, now_s: int) -> bool:
    """Whether who is asked may be reminded now."""
    return reminded_at_s is None or now_s >= reminded_at_s + REMINDED_EVERY_S


# ------------------------------------------------------------------------------------------------ told to people


def told_asked(asker: str, amount: Money, note: str | None) -> str:
    """To who is asked; ``asker`` is a handle as it is shown."""
    return f"{asker} asks you for {amount}{_about(note)}"


def told_reminded(asker: str, amount: Money, note: str | None) -> str:
    """To who is asked, again."""
    return f"{asker} still waits for {amount}{_about(note)}"


def told_canceled(asker: str, amount: Money, note: str | None) -> str:
    """To who was asked."""
    return f"{asker} no longer asks you for {amount}{_about(note)}"


def told_paying(payer: str, amount: Money, note: str | None) -> str:
    """To who asked."""
    return f"{payer} pays {amount}{_about(note)}"


def told_declined(asked: str, amount: Money, reason: str) -> str:
    """To who asked."""
    return f"{asked} declines to pay {amount}{_about(reason)}"


def told_over(unpaid: int, note: str | None) -> str:
    """To who asked, when the deadline is over: how many parts nobody pays."""
    parts = "1 part is" if unpaid == 1 else f"{unpaid} parts are"
    return f"the time is over and {parts} not paid{_about(note)}"


def _about(text: str | None) -> str:
    if not text:
        return ""
    return f": {text if len(text) <= SHOWN_NOTE_CHARS else text[: SHOWN_NOTE_CHARS - 1] + '…'}"
