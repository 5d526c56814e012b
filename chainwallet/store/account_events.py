"""What accounts are told: one row for each thing that happened to a promise or an address of theirs, or in a group.

Rows are numbered as they are committed, one transaction after the other, so whoever has read one has read all before
it; ``news`` is where they come from.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select

from chainwallet.evm import Address
from chainwallet.rules.fact import Fact
from chainwallet.rules.handle import Handle
from chainwallet.store.account_schema import account_events, accounts
from chainwallet.store.database import Transaction
from chainwallet.store.facts import fact_of
from chainwallet.store.group_schema import group_events
from chainwallet.store.promises import Kind
from chainwallet.store.schema import facts, happenings, promises
from chainwallet.store.words import address_or_none


@dataclass(frozen=True)
class Promised:
    """The promise that an event is about."""

    kind: Kind
    id: str
    token: str
    payee: Address | None
    value: int
    """Token units."""
    words: str
    """What happened, for its payer."""


@dataclass(frozen=True)
class DoneInGroup:
    """What was done in the group ``group_id``; None: outside of groups."""

    group_id: str | None
    subject: str
    """The id of the bill, member, plan or request."""
    words: str
    """What was done, for a person."""
    actor: Handle | None
    """Who did it; None: the service."""


@dataclass(frozen=True)
class AccountEvent:
    """Something that ``account`` is told: what happened to a promise or a movement of ``owner``, an address of its; or
    what was done in a group, where ``owner`` is None."""

    id: int
    account: int
    kind: str
    """``payment.accepted``, ``movement.incoming`` ..."""
    at_s: int
    """When it happened, seconds since 1970."""
    owner: Address | None
    promised: Promised | None
    movement: tuple[str, Fact] | None
    """The token and its ``Transfer``, which a reorg may have removed since."""
    done: DoneInGroup | None


def after(tx: Transaction, account: int, event_id: int, limit: int) -> tuple[AccountEvent, ...]:
    """The first ``limit`` events of ``account`` after the one numbered ``event_id``."""
    return tuple(map(_event, tx.execute(_AFTER, {"account": account, "after": event_id, "limit": limit})))


def numbers_after(tx: Transaction, event_id: int, limit: int) -> Sequence[tuple[int, int]]:
    """Number and account of the first ``limit`` events of all accounts after the one numbered ``event_id``."""
    return [(row.id, row.account) for row in tx.execute(_NUMBERS, {"after": event_id, "limit": limit})]


def numbered(tx: Transaction, event_ids: Collection[int]) -> tuple[AccountEvent, ...]:
    """The events with these numbers, in order."""
    return tuple(map(_event, tx.execute(_NUMBERED, {"ids": list(event_ids)})))


def newest(tx: Transaction) -> int:
    """The number of the last event; 0 before the first."""
    return tx.execute(_NEWEST).scalar_one() or 0


def newest_of(tx: Transaction, account: int) -> int:
    """The number of the last event of ``account``; 0 before the first."""
    return tx.execute(_NEWEST_OF, {"account": account}).scalar_one() or 0


# ------------------------------------------------------------------------------------------------ rows

_HAPPENING = happenings.c.words.label("told_words")
_PROMISE = [getattr(promises.c, name).label(f"promise_{name}") for name in ("kind", "id", "token", "payee", "value")]
_DONE = [
    group_events.c.group_id.label("done_group"),
    group_events.c.subject.label("done_subject"),
    group_events.c.words.label("done_words"),
    accounts.c.handle.label("done_by"),
]
_FACT = [column.label(f"fact_{column.name}") for column in facts.c]


def _events() -> Select[Any]:
    return (
        select(account_events, _HAPPENING, *_PROMISE, *_FACT, *_DONE)
        .outerjoin_from(account_events, happenings, happenings.c.id == account_events.c.happening)
        .outerjoin(promises, promises.c.number == happenings.c.promise)
        .outerjoin(facts, facts.c.id == account_events.c.fact)
        .outerjoin(group_events, group_events.c.id == account_events.c.group_event)
        .outerjoin(accounts, accounts.c.id == group_events.c.actor)
        .order_by(account_events.c.id)
    )


_AFTER = (
    _events()
    .where(account_events.c.account == bindparam("account"), account_events.c.id > bindparam("after"))
    .limit(bindparam("limit"))
)
_NUMBERED = _events().where(account_events.c.id.in_(bindparam("ids", expanding=True)))
_NUMBERS = (
    select(account_events.c.id, account_events.c.account)
    .where(account_events.c.id > bindparam("after"))
    .order_by(account_events.c.id)
    .limit(bindparam("limit"))
)
_NEWEST = select(func.max(account_events.c.id))
_NEWEST_OF = _NEWEST.where(account_events.c.account == bindparam("account"))


def _event(row: Row[Any]) -> AccountEvent:
    promised = movement = done = None
    if row.happening is not None:
        promised = Promised(
            row.promise_kind,
            row.promise_id,
            row.promise_token,
            address_or_none(row.promise_payee),
            int(row.promise_value, 16),
            row.told_words,
        )
    if row.fact is not None:
        movement = (row.fact_token, fact_of(row, "fact_"))
    if row.group_event is not None:
        actor = None if row.done_by is None else Handle(row.done_by)
        done = DoneInGroup(row.done_group, row.done_subject, row.done_words, actor)
    return AccountEvent(row.id, row.account, row.kind, row.at_s, address_or_none(row.owner), promised, movement, done)
