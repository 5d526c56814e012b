"""Which promises the facts may have something new to say about: those alone are judged, however many there are.

What decides about a promise is a fact that has come or gone since it was looked at last, a block that has become
final, or the end of the transaction that carries it. Each question here follows an index to the promises it concerns.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, or_, select, tuple_

from chainwallet.rules.window import NONCE_END
from chainwallet.store import facts as history
from chainwallet.store.bulk import asked
from chainwallet.store.database import Transaction
from chainwallet.store.evidence import Horizon
from chainwallet.store.promises import OPEN
from chainwallet.store.schema import IS_CANCELED, IS_LIVE, facts, promises, submissions
from chainwallet.store.words import word


@dataclass(frozen=True)
class Seen:
    """What was looked at last: the horizon, and the number of the token's last fact, canonical or not."""

    horizon: Horizon
    last_fact: int


def seen_now(tx: Transaction, token: str, at: Horizon) -> Seen:
    """What ``tx`` sees."""
    last = select(facts.c.id).where(facts.c.token == token).order_by(facts.c.id.desc()).limit(1)
    return Seen(at, tx.execute(last).scalar_one_or_none() or 0)


def ripe(tx: Transaction, token: str, at: Horizon) -> set[int]:
    """Those that were executed as deep as was asked for, those whose time is over by a block as deep, and those whose
    carrier has ended while they were in it.
    """
    mine = promises.c.token == token
    executed = (promises.c.stage == "executed") & (promises.c.executed_block <= at.final_block)
    outlived = promises.c.stage.in_(OPEN) & (promises.c.valid_before <= at.final_timestamp_s)
    carried = select(promises.c.number).join(submissions, submissions.c.id == promises.c.submission_id)
    has_ended = or_(
        submissions.c.stage.in_(("failed", "conflict")),
        and_(submissions.c.stage == "final", submissions.c.block <= at.number),
    )
    return _numbers(
        tx,
        select(promises.c.number).where(mine, executed),
        select(promises.c.number).where(mine, outlived),
        carried.where(mine, promises.c.stage == "carried", has_ended),
    )


def by_new_facts(tx: Transaction, token: str, before: Seen, at: Horizon) -> set[int]:
    """Those that facts after ``before`` may have executed, or deprived of their nonce by the final block of ``at``.

    Facts are numbered in the order in which they are learned: also those that came in the place of orphaned ones.
    """
    new = _came_after(before.last_fact)
    came = tx.execute(select(new.c.token, new.c.payer, new.c.nonce).where(new.c.kind.in_(("Paid", "Consented"))))
    pairs = sorted({(payer, nonce) for its_token, payer, nonce in came if its_token == token})
    them = asked(tx, payer=[payer for payer, _ in pairs], nonce=[nonce for _, nonce in pairs])
    among = tuple_(promises.c.payer, promises.c.nonce).in_(select(them.c.payer, them.c.nonce))
    named = select(promises.c.number).where(promises.c.token == token, among)
    became_final = facts.c.block > before.horizon.final_block
    return _numbers(
        tx,
        named.where(promises.c.adopted_at_s.is_(None)),  # an index each
        named.where(promises.c.adopted_at_s.is_not(None)),
        _deprived(facts, token, at, became_final),
        _deprived(new, token, at, new.c.block <= before.horizon.final_block),
    )


def _came_after(last: int) -> FromClause:
    """The facts after the one with this number: first they, then what they concern, however long the history is."""
    columns = ("token", "kind", "payer", "nonce", "block", "orphaned_at_s")
    later = select(*(facts.c[name] for name in columns)).where(facts.c.id > last, facts.c.orphaned_at_s.is_(None))
    return later.cte("new").prefix_with("MATERIALIZED")


def set_aside(tx: Transaction, token: str) -> set[int]:
    """Those that a transaction of ours has left out, and that wait for another turn."""
    waiting = (promises.c.stage == "queued") & (promises.c.setbacks > 0)
    return _numbers(tx, select(promises.c.number).where(promises.c.token == token, waiting))


def by_orphans(tx: Transaction, token: str, since_s: int) -> set[int]:
    """Those whose end was proved by a fact that a reorg removed, as we learned at ``since_s`` or later."""
    lost = (facts.c.token == token) & (facts.c.orphaned_at_s >= since_s)
    its_nonce = (promises.c.payer == facts.c.payer) & (promises.c.nonce == facts.c.nonce)
    its_execution = its_nonce & (promises.c.executed_block_hash == facts.c.block_hash)
    mine, was_executed = promises.c.token == token, promises.c.stage.in_(("executed", "final"))
    undone = select(promises.c.number).join(facts, its_execution).where(mine, was_executed, lost).distinct()
    return _numbers(
        tx,
        undone.where(promises.c.adopted_at_s.is_(None)),  # an index each
        undone.where(promises.c.adopted_at_s.is_not(None)),
        select(promises.c.number).where(mine, IS_CANCELED, promises.c.payer.in_(select(facts.c.payer).where(lost))),
    )


def expired_too_early(tx: Transaction, token: str, at: Horizon) -> set[int]:
    """Those that ended by a final block past their time, where there is none such any more."""
    is_too_early = (promises.c.stage == "expired") & (promises.c.valid_before > at.final_timestamp_s)
    return _numbers(tx, select(promises.c.number).where(promises.c.token == token, is_too_early))


def _deprived(some: FromClause, token: str, at: Horizon, when: ColumnElement[bool]) -> Select[Any]:
    """Open ones whose nonce a final fact of their payer, one of ``some``, used, cancelled or came past."""
    is_window = some.c.nonce < word(NONCE_END)
    reached = or_(promises.c.nonce == some.c.nonce, and_(is_window, promises.c.nonce <= some.c.nonce))
    kinds = some.c.kind.in_((*history.USING, "NoncesCanceled"))
    is_final = (some.c.block <= at.final_block) & some.c.orphaned_at_s.is_(None)
    theirs = (promises.c.token == some.c.token) & (promises.c.payer == some.c.payer)
    query = select(promises.c.number).join(some, theirs & reached)
    return query.where(some.c.token == token, when, kinds, is_final, IS_LIVE, promises.c.stage.in_(OPEN)).distinct()


def _numbers(tx: Transaction, *queries: Select[Any]) -> set[int]:
    return {number for query in queries for number in tx.execute(query).scalars()}
