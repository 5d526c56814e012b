"""Requests, their parts, and which payments pay them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, tuple_, update

from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.promise import Canceled, Expired
from chainwallet.rules.request import PartStage, Terms, part_stage
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns
from chainwallet.store.promises import Promise
from chainwallet.store.promises import every as every_promise
from chainwallet.store.request_schema import request_parts as parts
from chainwallet.store.request_schema import request_payments as payments
from chainwallet.store.request_schema import requests

Place = tuple[int, str]
"""When a request was made, and its id: its place in a list."""


@dataclass(frozen=True)
class Request:
    """Somebody, the account ``asker``, asks for money in ``currency``, until ``deadline_s`` where there is one.

    ``link_hash`` is the SHA-256 of the token in its link; ``due_at_s`` is when the service reminds next by itself, or
    says that the time is over.
    """

    id: str
    asker: int
    currency: str
    note: str | None
    link_hash: str
    group_id: str | None
    made_at_s: int
    deadline_s: int | None = None
    due_at_s: int | None = None
    canceled_at_s: int | None = None


@dataclass(frozen=True)
class Part:
    """What one is asked for: the account ``asked``, or, where that is None, whoever has the link.

    ``name`` says for a person what an open part is; one of them pays it (``is_once``), or each that wants to.
    """

    id: str
    request_id: str
    position: int
    asked: int | None
    name: str | None
    amount_minor: int
    is_once: bool = True
    declined_at_s: int | None = None
    reason: str | None = None
    reminded_at_s: int | None = None


@dataclass(frozen=True)
class PartPayment:
    """The payment with which the account ``account_id`` pays a part, in its ``attempt``, counted from 1."""

    part_id: str
    account_id: int
    attempt: int
    promise: Promise
    made_at_s: int


@dataclass(frozen=True)
class Whole:
    """A request with its parts, as they were asked for, and their payments, the first ones first."""

    request: Request
    parts: tuple[Part, ...]
    payments: tuple[PartPayment, ...]

    def part(self, part_id: str) -> Part | None:
        """The part with this id."""
        return next((part for part in self.parts if part.id == part_id), None)

    def payment_of(self, part: Part, account_id: int | None = None) -> PartPayment | None:
        """The payment that pays ``part``, or has paid it; None where there is none, or it ended unpaid.

        Of a part that each may pay it is that of the account ``account_id``.
        """
        for one in reversed(self.payments):
            is_its = one.part_id == part.id and (part.is_once or one.account_id == account_id)
            if is_its and not isinstance(one.promise.stage, Canceled | Expired):
                return one
        return None

    def stage(self, part: Part, now_s: int, account_id: int | None = None) -> PartStage:
        """How ``part`` stands; one that each may pay, for the account ``account_id``."""
        paying = self.payment_of(part, account_id)
        terms = Terms(self.request.canceled_at_s is not None, part.declined_at_s is not None, self.request.deadline_s)
        return part_stage(terms, None if paying is None else paying.promise.stage, now_s)

    def amount(self, part: Part) -> Money:
        """What is asked for in ``part``."""
        return Money(part.amount_minor, currency_of(self.request.currency))


# ------------------------------------------------------------------------------------------------ finding


def by_id(tx: Transaction, request_id: str) -> Whole | None:
    """The request with this id."""
    return _one(tx, requests.c.id == request_id)


def by_link(tx: Transaction, link_hash: str) -> Whole | None:
    """The request whose link has a token with this SHA-256."""
    return _one(tx, requests.c.link_hash == link_hash)


def hold(tx: Transaction, request_id: str) -> Whole | None:
    """The request with this id; from here to its end ``tx`` alone changes it."""
    take_turns(tx, "request", request_id)
    return by_id(tx, request_id)


def asked_by(tx: Transaction, account_id: int, before: Place | None, limit: int) -> tuple[Whole, ...]:
    """The latest ``limit`` requests of an account before the place ``before``, the newest first."""
    return _listed(tx, requests.c.asker == account_id, before, limit)


def asked_of(tx: Transaction, account_id: int, before: Place | None, limit: int) -> tuple[Whole, ...]:
    """As ``asked_by``, those that ask the account, or that it pays."""
    asking = select(parts.c.request_id).where(parts.c.asked == account_id)
    paid = select(parts.c.request_id).where(
        parts.c.id.in_(select(payments.c.part_id).where(payments.c.account_id == account_id))
    )
    return _listed(tx, requests.c.id.in_(asking.union(paid)), before, limit)


def due(tx: Transaction, now_s: int, limit: int) -> tuple[str, ...]:
    """The ids of the first ``limit`` requests that the service looks at now, the longest due first."""
    query = select(requests.c.id).where(requests.c.due_at_s <= now_s).order_by(requests.c.due_at_s, requests.c.id)
    return tuple(tx.execute(query.limit(limit)).scalars())


# ------------------------------------------------------------------------------------------------ storing


def add(tx: Transaction, request: Request, some: Sequence[Part]) -> None:
    """Stores a new request with its parts."""
    tx.execute(insert(requests).values(vars(request)))
    tx.execute(insert(parts), [dict(vars(part)) for part in some])


def change_link(tx: Transaction, request_id: str, link_hash: str) -> None:
    """Gives a request another link; the one before leads nowhere from now on."""
    tx.execute(update(requests).where(requests.c.id == request_id).values(link_hash=link_hash))


def cancel(tx: Transaction, request_id: str, now_s: int) -> None:
    """Notes that a request, which ``tx`` holds, was taken back; the service does not remind of it any more."""
    tx.execute(update(requests).where(requests.c.id == request_id).values(canceled_at_s=now_s, due_at_s=None))


def look_again(tx: Transaction, request_id: str, due_at_s: int | None) -> None:
    """When the service looks next at a request, which ``tx`` holds."""
    tx.execute(update(requests).where(requests.c.id == request_id).values(due_at_s=due_at_s))


def decline(tx: Transaction, part_id: str, reason: str, now_s: int) -> None:
    """Notes that who is asked will not pay a part of a request that ``tx`` holds."""
    tx.execute(update(parts).where(parts.c.id == part_id).values(declined_at_s=now_s, reason=reason))


def remind(tx: Transaction, part_ids: Collection[str], now_s: int) -> None:
    """Notes that those were reminded who are asked for these parts of a request that ``tx`` holds."""
    tx.execute(update(parts).where(parts.c.id.in_(sorted(part_ids))).values(reminded_at_s=now_s))


def pay(tx: Transaction, payment: PartPayment) -> None:
    """Stores which payment pays a part of a request that ``tx`` holds."""
    row = {
        "part_id": payment.part_id,
        "account_id": payment.account_id,
        "attempt": payment.attempt,
        "promise": payment.promise.number,
        "made_at_s": payment.made_at_s,
    }
    tx.execute(insert(payments).values(row))


# ------------------------------------------------------------------------------------------------ rows


def _one(tx: Transaction, is_it: ColumnElement[bool]) -> Whole | None:
    found = _whole(tx, tx.execute(select(requests).where(is_it)).all())
    return found[0] if found else None


def _listed(tx: Transaction, is_one: ColumnElement[bool], before: Place | None, limit: int) -> tuple[Whole, ...]:
    query = select(requests).where(is_one)
    if before is not None:
        query = query.where(tuple_(requests.c.made_at_s, requests.c.id) < before)
    query = query.order_by(requests.c.made_at_s.desc(), requests.c.id.desc()).limit(limit)
    return _whole(tx, tx.execute(query).all())


def _whole(tx: Transaction, rows: Sequence[Row[Any]]) -> tuple[Whole, ...]:
    """The requests in ``rows``, in their order, each with its own."""
    if not rows:
        return ()
    ids = [row.id for row in rows]
    of_them = select(parts).where(parts.c.request_id.in_(ids)).order_by(parts.c.request_id, parts.c.position)
    found = [Part(**row._mapping) for row in tx.execute(of_them)]
    among = select(parts.c.id).where(parts.c.request_id.in_(ids))
    paying = select(payments).where(payments.c.part_id.in_(among)).order_by(payments.c.made_at_s, payments.c.promise)
    paid = tx.execute(paying).all()
    promises = {one.number: one for one in every_promise(tx, {row.promise for row in paid})} if paid else {}
    made = [PartPayment(row.part_id, row.account_id, row.attempt, promises[row.promise], row.made_at_s) for row in paid]
    request_of = {part.id: part.request_id for part in found}
    its_parts: defaultdict[str, list[Part]] = defaultdict(list)
    its_payments: defaultdict[str, list[PartPayment]] = defaultdict(list)
    for part in found:
        its_parts[part.request_id].append(part)
    for one in made:
        its_payments[request_of[one.part_id]].append(one)
    return tuple(Whole(Request(**row._mapping), tuple(its_parts[row.id]), tuple(its_payments[row.id])) for row in rows)
