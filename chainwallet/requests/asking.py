"""Asking: what somebody wants from whom becomes a request with parts that sum to it exactly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chainwallet.accounts import Caller
from chainwallet.errors import BadValue, CurrencyMismatch, NotFound
from chainwallet.evm import keccak256
from chainwallet.groups import standing
from chainwallet.payments import MAX_MEMO_CHARS
from chainwallet.rules.handle import Handle, parse_handle, shown
from chainwallet.rules.money import Money
from chainwallet.rules.request import MOST_MINOR, check_deadline, reminds_at_s, told_asked
from chainwallet.rules.split import Equal, split_bill
from chainwallet.store import accounts, group_events, requests
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.requests import Part, Request, Whole

MOST_PARTS = 100
MOST_NAME_CHARS = 64
ASKED = "request.asked"


@dataclass(frozen=True)
class Wanted:
    """A part: ``amount`` of the person with ``handle``, or (None) of whoever has the link.

    An open part may have a ``name``, and is paid by one of them, or (not ``is_once``) by each that wants to.
    """

    handle: str | None
    amount: Money
    name: str | None = None
    is_once: bool = True


@dataclass(frozen=True)
class Equally:
    """``total`` in equal parts of those with ``handles``; ``with_me``: who asks bears a part too, which nobody pays."""

    total: Money
    handles: tuple[str, ...]
    with_me: bool = False


@dataclass(frozen=True)
class Each:
    """An amount of each."""

    parts: tuple[Wanted, ...]


@dataclass(frozen=True)
class Wish:
    """What somebody asks for, until ``deadline_s`` where there is one, in a group of theirs or outside of any."""

    shares: Equally | Each
    note: str | None = None
    deadline_s: int | None = None
    group_id: str | None = None


@dataclass(frozen=True)
class Made:
    """A new request, and the token of its link, which is told this once."""

    whole: Whole
    token: str


def wanted_parts(wish: Wish, asker: Handle, request_id: str) -> tuple[Wanted, ...]:
    """The parts that ``wish`` asks for, their handles as they are; equal ones sum to the total, to the last cent.

    Which of them get the cents that are left over follows from ``request_id`` and the handles alone. Raises
    ``BadValue`` for no part or too many, for nothing, for more than ``MOST_MINOR``, for a person who is named twice and
    for who asks themselves; ``CurrencyMismatch``.
    """
    shares = wish.shares
    given = _equal_parts(shares, asker, request_id) if isinstance(shares, Equally) else shares.parts
    if not 0 < len(given) <= MOST_PARTS:
        raise BadValue("parts", len(given), f"1 to {MOST_PARTS}")
    parts = tuple(_checked(part, given[0].amount) for part in given)
    if sum(part.amount.amount_minor for part in parts) > MOST_MINOR:
        raise BadValue(
            "amount", str(parts[0].amount), f"at most {Money(MOST_MINOR, parts[0].amount.currency)} together"
        )
    named = [part.handle for part in parts if part.handle is not None]
    for handle in named:
        if handle == asker:
            raise BadValue("of", shown(asker), "somebody else than who asks")
        if named.count(handle) > 1:
            raise BadValue("of", shown(Handle(handle)), "each person once")
    if len(parts) - len(named) > 1:
        raise BadValue("parts", len(parts) - len(named), "at most 1 part without a person")
    return parts


def make(tx: Transaction, caller: Caller, wish: Wish, new_id: Callable[[], str], link_hash: str, now_s: int) -> Whole:
    """Stores what ``wish`` asks for, and tells those who are asked.

    Raises as ``wanted_parts``; ``BadValue`` of ``deadline`` and ``note``; ``NotFound`` for a person who has no account
    here or is not in the group, and what ``standing`` raises for who asks.
    """
    request_id = new_id()
    parts = wanted_parts(wish, caller.handle, request_id)
    deadline_s = None if wish.deadline_s is None else check_deadline(wish.deadline_s, now_s)
    _check_text("note", wish.note, MAX_MEMO_CHARS)
    people = _people(tx, caller, wish.group_id, [part.handle for part in parts if part.handle is not None])
    request = Request(
        id=request_id,
        asker=caller.account_id,
        currency=parts[0].amount.currency.code,
        note=wish.note or None,
        link_hash=link_hash,
        group_id=wish.group_id,
        made_at_s=now_s,
        deadline_s=deadline_s,
        due_at_s=reminds_at_s(now_s, deadline_s),
    )
    rows = [
        Part(
            id=new_id(),
            request_id=request_id,
            position=position,
            asked=None if part.handle is None else people[part.handle],
            name=part.name,
            amount_minor=part.amount.amount_minor,
            is_once=part.is_once,
        )
        for position, part in enumerate(parts)
    ]
    requests.add(tx, request, rows)
    for row, part in zip(rows, parts, strict=True):
        if row.asked is not None:
            words = told_asked(shown(caller.handle), part.amount, request.note)
            told = GroupEvent(now_s, wish.group_id, caller.account_id, ASKED, request_id, words, account_id=row.asked)
            group_events.note(tx, told)
    return Whole(request, tuple(rows), ())


def _equal_parts(shares: Equally, asker: Handle, request_id: str) -> tuple[Wanted, ...]:
    if len(shares.handles) > MOST_PARTS:  # before they are looked at one by one
        raise BadValue("of", len(shares.handles), f"1 to {MOST_PARTS} people")
    if not shares.handles:
        raise BadValue("of", 0, f"1 to {MOST_PARTS} people")
    handles = tuple(parse_handle(handle, "of") for handle in shares.handles)
    people = (*handles, *([asker] if shares.with_me else []))
    if shares.total.amount_minor > MOST_MINOR:
        raise BadValue("amount", str(shares.total), f"at most {Money(MOST_MINOR, shares.total.currency)} together")
    lines = split_bill(shares.total, Equal(people), {asker: shares.total}, keccak256(bytes.fromhex(request_id)))
    share_of = {line.person: line.share for line in lines}
    return tuple(Wanted(handle, share_of[handle]) for handle in handles)


def _checked(part: Wanted, first: Money) -> Wanted:
    """The part with its handle as it is stored."""
    if part.amount.currency != first.currency:
        raise CurrencyMismatch(first.currency.code, part.amount.currency.code)
    if part.amount.amount_minor <= 0:
        raise BadValue("amount", str(part.amount), f"at least {Money(1, first.currency)} of each")
    if part.handle is None:
        _check_text("name", part.name, MOST_NAME_CHARS)
        return part
    if not part.is_once:
        raise BadValue("once", part.is_once, "true where a person is named: they pay it once")
    if part.name is not None:
        raise BadValue("name", part.name, "a name only where no person is named")
    return Wanted(parse_handle(part.handle, "of"), part.amount)


def _check_text(field: str, text: str | None, most_chars: int) -> None:
    if text is None:
        return
    if len(text) > most_chars:
        raise BadValue(field, f"{len(text)} characters", f"at most {most_chars} characters")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise BadValue(field, text, "a text that can be stored: no NUL, no half of a surrogate pair")


def _people(tx: Transaction, caller: Caller, group_id: str | None, handles: Sequence[str]) -> Mapping[str, int]:
    """The accounts of those who are asked, by handle."""
    here = None if group_id is None else standing(tx, caller, group_id, "member").people
    found: dict[str, int] = {}
    for handle in handles:
        account = accounts.by_handle(tx, Handle(handle))
        if account is None:
            raise NotFound("account", shown(Handle(handle)), "nobody here has this handle")
        if here is not None and not any(one.account_id == account.id and one.is_here for one in here):
            raise NotFound("member", shown(Handle(handle)), "the group has nobody with this handle")
        found[handle] = account.id
    return found
