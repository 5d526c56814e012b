"""What accounts have not been told yet, and how far the notifier has come: its whole reading and writing.

What happened to promises is marked as it is told, row by row: on PostgreSQL rows are committed in another order than
they are numbered in, so that a cursor would pass over one that is committed late. Facts are written by one transaction
at a time on each chain; under its lock none is under way, and a cursor is safe. What is done in groups belongs to no
chain: it is marked like what happens to promises, by whichever chain's notifier comes first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, func, insert, literal_column, select, update

from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store import facts as history
from chainwallet.store import group_events, members
from chainwallet.store.account_schema import account_events, notified
from chainwallet.store.database import Transaction
from chainwallet.store.facts import ABOVE_ALL
from chainwallet.store.locks import take_turns
from chainwallet.store.schema import cursors, facts, happenings, promises

FINAL_SPAN_BLOCKS = 1_000  # looked through for movements that became final, at most, in one step
MARKED_AT_ONCE = 500  # bound values in one statement stay far below SQLite's 32,766

Accounts = Callable[[Transaction, Collection[Address]], Mapping[Address, int]]
"""By address, the account here whose it is; others are not there."""

INCOMING, UNDONE, FINAL = "movement.incoming", "movement.undone", "movement.final"
KINDS = {
    "WasAccepted": "accepted",
    "WasSigned": "signed",
    "WasTakenUp": "carried",
    "WasReturned": "returned",
    "WasRenewed": "renewed",
    "WasWithdrawn": "canceling",
    "WasExecuted": "executed",
    "WasConfirmed": "final",
    "WasCanceled": "canceled",
    "WasOutlived": "expired",
    "WasUndone": "undone",
}
"""What an event is called, by the name of what happened to a promise; the promise's own kind stands before it."""


@dataclass(frozen=True)
class Told:
    """How far a chain's facts were told of: the last that came in, the last block whose movements were told to be
    final, and since when reorgs have not been looked for."""

    fact: int
    final_block: int
    orphaned_since_s: int


@dataclass(frozen=True)
class Event:
    """An event that is to be written; ``owner`` is None for what was done in a group."""

    account: int
    kind: str
    at_s: int
    owner: Address | None
    happening: int | None = None
    fact: int | None = None
    group_event: int | None = None


@dataclass(frozen=True)
class News:
    """Some of what has not been told; nothing of it is, and nothing moves on, before it is written."""

    events: tuple[Event, ...] = ()
    happenings: tuple[int, ...] = ()
    """Those about promises that are seen to with this; not all of them concern accounts."""
    group_events: tuple[int, ...] = ()
    """Those that are seen to with this."""
    told: Told | None = None
    """How far the facts are told of then; None where nothing of the chain is verified."""
    was_told: Told | None = None

    @property
    def progress(self) -> int:
        """How much is seen to; 0 where nothing is to be written."""
        return len(self.events) + len(self.happenings) + len(self.group_events) + (self.told != self.was_told)


def lock(tx: Transaction, chain: str) -> None:
    """From here to its end ``tx`` alone writes events, and no facts of ``chain`` are written."""
    take_turns(tx, "notifying")
    take_turns(tx, "following", chain)


def gather(tx: Transaction, chain: str, confirmations: int, accounts: Accounts, now_s: int, limit: int) -> News:
    """The first of what was not told: at most ``limit`` of each of undone, incoming and final movements and happenings.

    And of what was done in groups so much that ``limit`` events come of it. A transaction that took the ``lock`` may
    ``write`` it.
    """
    tokens = tuple(tx.execute(_TOKENS_OF, {"chain": chain}).scalars())
    ours = _Gathering(tx, chain, tokens, accounts, now_s, limit)
    happened, seen_to = ours.happened()
    done, done_seen_to = ours.done_in_groups()
    head = history.head(tx, chain)
    was_told = _told(tx, chain)
    if head is None:
        return News((*happened, *done), seen_to, done_seen_to)
    final_block = head.number - confirmations + 1
    told = was_told or Told(0, final_block, 0)
    undone, told = ours.undone(told)
    incoming, told, lowest = ours.incoming(told)
    final, told = ours.final(told, min(final_block, lowest - 1))
    return News((*happened, *undone, *incoming, *final, *done), seen_to, done_seen_to, told, was_told)


def write(tx: Transaction, chain: str, news: News, now_s: int) -> None:
    """Writes what was gathered in ``tx``."""
    if news.events:
        tx.execute(insert(account_events), [_columns(event) for event in news.events])
    for start in range(0, len(news.happenings), MARKED_AT_ONCE):
        some = news.happenings[start : start + MARKED_AT_ONCE]
        tx.execute(update(happenings).where(happenings.c.id.in_(some)).values(told_at_s=now_s))
    group_events.mark_told(tx, news.group_events, now_s)
    if news.told is not None and news.told != news.was_told:
        values = {
            "fact": news.told.fact,
            "final_block": news.told.final_block,
            "orphaned_since_s": news.told.orphaned_since_s,
        }
        if news.was_told is None:
            tx.execute(insert(notified).values(chain=chain, **values))
        else:
            tx.execute(update(notified).where(notified.c.chain == chain).values(values))


def _columns(event: Event) -> dict[str, object]:
    return {
        "account": event.account,
        "kind": event.kind,
        "at_s": event.at_s,
        "owner": None if event.owner is None else to_hex(event.owner),
        "happening": event.happening,
        "fact": event.fact,
        "group_event": event.group_event,
    }


def _told(tx: Transaction, chain: str) -> Told | None:
    row = tx.execute(select(notified).where(notified.c.chain == chain)).one_or_none()
    return Told(row.fact, row.final_block, row.orphaned_since_s) if row else None


# ------------------------------------------------------------------------------------------------ gathering


@dataclass(frozen=True)
class _Gathering:
    tx: Transaction
    chain: str
    tokens: tuple[str, ...]
    accounts: Accounts
    now_s: int
    limit: int

    def _asked(self, **more: object) -> dict[str, object]:
        return {"tokens": self.tokens, "limit": self.limit, **more}

    def happened(self) -> tuple[tuple[Event, ...], tuple[int, ...]]:
        """What happened to promises, for their payers."""
        rows = self.tx.execute(_HAPPENED, {"chain": self.chain, "limit": self.limit}).all()
        owned = self._owned(row.payer for row in rows)
        events = tuple(
            Event(owned[payer], f"{row.kind}.{KINDS[row.name]}", row.at_s, payer, happening=row.id)
            for row in rows
            if (payer := Address(from_hex(row.payer))) in owned
        )
        return events, tuple(row.id for row in rows)

    def done_in_groups(self) -> tuple[Sequence[Event], tuple[int, ...]]:
        """What was done in groups, for the accounts that are in them now, or for the one that it is meant for."""
        found = group_events.untold(self.tx, self.limit)
        whole = {one.group_id for one in found if one.account_id is None and one.group_id is not None}
        people = members.accounts_in(self.tx, whole) if whole else {}
        events: list[Event] = []
        for seen_to, one in enumerate(found):
            if len(events) >= self.limit:
                return events, tuple(each.id for each in found[:seen_to])
            told = people.get(one.group_id or "", []) if one.account_id is None else [one.account_id]
            events += [Event(account, one.kind, one.at_s, None, group_event=one.id) for account in told]
        return events, tuple(one.id for one in found)

    def undone(self, told: Told) -> tuple[Sequence[Event], Told]:
        """Movements that were told and that reorgs removed."""
        moved_at_s = self.tx.execute(_MOVED_AT, self._asked()).scalar_one()
        rows = self.tx.execute(_UNDONE, self._asked(since_s=told.orphaned_since_s)).all()
        events = [_of_movement(row, UNDONE, row.orphaned_at_s) for row in rows]
        if len(rows) < self.limit:  # no reorg to come has an earlier time than the last change had
            told = replace(told, orphaned_since_s=moved_at_s)
        return events, told

    def incoming(self, told: Told) -> tuple[Sequence[Event], Told, int]:
        """Movements that came in, for their payees, and the lowest block with one; they may be final, too, later."""
        newest = self.tx.execute(_NEWEST_FACT).scalar_one() or 0
        rows = self.tx.execute(_INCOMING, self._asked(after=told.fact)).all() if newest > told.fact else []
        owned = self._owned(row.payee for row in rows)
        events, lowest = [], ABOVE_ALL
        for row in rows:
            payee = Address(from_hex(row.payee))
            if payee in owned and row.orphaned_at_s is None:
                events.append(Event(owned[payee], INCOMING, row.happened_at_s, payee, fact=row.id))
                lowest = min(lowest, row.block)
        last = rows[-1].id if len(rows) == self.limit else max(newest, told.fact)
        return events, replace(told, fact=last, final_block=min(told.final_block, lowest - 1)), lowest

    def final(self, told: Told, up_to: int) -> tuple[Sequence[Event], Told]:
        """Movements that were told before and have become final, in blocks up to ``up_to``."""
        up_to = min(up_to, told.final_block + FINAL_SPAN_BLOCKS)
        if up_to <= told.final_block:
            return [], told
        rows = self.tx.execute(_FINAL, self._asked(above=told.final_block, up_to=up_to)).all()
        if len(rows) == self.limit:  # those of the last one's block may not be all
            up_to = rows[-1].block - 1
        return [_of_movement(row, FINAL, self.now_s) for row in rows], replace(told, final_block=up_to)

    def _owned(self, texts: Any) -> Mapping[Address, int]:
        addresses = {Address(from_hex(text)) for text in texts}
        return self.accounts(self.tx, addresses) if addresses else {}


def _of_movement(row: Any, kind: str, at_s: int) -> Event:
    return Event(row.account, kind, at_s, Address(from_hex(row.owner)), fact=row.fact)


_LIMIT: Any = bindparam("limit")
_TOKENS: Any = bindparam("tokens", expanding=True)

_TOKENS_OF = select(cursors.c.token).where(cursors.c.chain == bindparam("chain")).order_by(cursors.c.token)
_HAPPENED = (
    select(happenings.c.id, happenings.c.name, happenings.c.at_s, promises.c.payer, promises.c.kind)
    .join_from(happenings, promises, promises.c.number == happenings.c.promise)
    .where(
        happenings.c.chain == bindparam("chain"),
        happenings.c.told_at_s.is_(None),
        happenings.c.promise.is_not(None),
    )
    .order_by(happenings.c.id)
    .limit(_LIMIT)
)

_MOVED_AT = select(func.coalesce(func.max(cursors.c.moved_at_s), 0)).where(cursors.c.token.in_(_TOKENS))
_NEWEST_FACT = select(func.max(facts.c.id))
_INCOMING = (
    select(facts.c.id, facts.c.payee, facts.c.block, facts.c.happened_at_s, facts.c.orphaned_at_s)
    .where(
        facts.c.id > bindparam("after"),
        facts.c.kind == "Transfer",
        (facts.c.token + literal_column("''")).in_(_TOKENS),  # the sum compels to go by number
    )
    .order_by(facts.c.id)
    .limit(_LIMIT)
)

_was_told = account_events.alias("was_told")


def _not_yet(kind: str) -> Any:
    same = (_was_told.c.fact == account_events.c.fact) & (_was_told.c.account == account_events.c.account)
    return ~select(_was_told.c.id).where(same, _was_told.c.kind == kind).exists()


_MOVEMENTS = select(
    account_events.c.account, account_events.c.owner, account_events.c.fact, facts.c.block, facts.c.orphaned_at_s
).join_from(facts, account_events, account_events.c.fact == facts.c.id)
_UNDONE = (
    _MOVEMENTS.where(
        facts.c.token.in_(_TOKENS),
        facts.c.orphaned_at_s >= bindparam("since_s"),
        account_events.c.kind == INCOMING,
        _not_yet(UNDONE),
    )
    .order_by(facts.c.orphaned_at_s, facts.c.id)
    .limit(_LIMIT)
)
_FINAL = (
    _MOVEMENTS.where(
        facts.c.token.in_(_TOKENS),
        facts.c.block > bindparam("above"),
        facts.c.block <= bindparam("up_to"),
        facts.c.orphaned_at_s.is_(None),
        account_events.c.kind == INCOMING,
        _not_yet(FINAL),
    )
    .order_by(facts.c.block, facts.c.log_index)
    .limit(_LIMIT)
)
