"""Showing bills: everything about one, and lists of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainwallet.bills.record import Record, load, load_each
from chainwallet.groups import Standing
from chainwallet.rules.bill import Standing as BillStanding
from chainwallet.store import bills, debts, group_events
from chainwallet.store.bills import Bill, Said, Version, Wanted
from chainwallet.store.database import Transaction
from chainwallet.store.debts import PaidElsewhere
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.members import Member
from chainwallet.store.promises import Promise


@dataclass(frozen=True)
class SeenBill:
    """A bill as ``me`` sees it, with the names of its ``people``, who include members that left.

    By debt: ``payments`` that were made for it, what was said of it as ``elsewhere`` paid, and the ``plans`` that have
    it.
    """

    record: Record
    standing: BillStanding
    me: Member
    people: Mapping[str, Member]
    payments: Mapping[int, tuple[Promise, ...]]
    elsewhere: Mapping[int, PaidElsewhere]
    plans: Mapping[int, str]


@dataclass(frozen=True)
class BillStory:
    """A bill with all that ever became of it: versions, what was said to each, reversals, and who did what."""

    seen: SeenBill
    versions: tuple[Version, ...]
    said: tuple[Said, ...]
    reversals: tuple[Bill, ...]
    events: tuple[GroupEvent, ...]


def see(tx: Transaction, here: Standing, records: Sequence[Record]) -> tuple[SeenBill, ...]:
    """Each of ``records`` as the caller sees it."""
    ids = [debt.id for record in records for debt in record.debts]
    payments, elsewhere, plans = debts.payments_of(tx, ids), debts.paid_elsewhere(tx, ids), debts.plans_of(tx, ids)
    people = here.by_id
    return tuple(SeenBill(one, one.standing, here.me, people, payments, elsewhere, plans) for one in records)


def show(tx: Transaction, here: Standing, bill_id: str) -> BillStory:
    """All of a bill of the group. Raises ``NotFound``."""
    record = load(tx, here.group.id, bill_id)
    (seen,) = see(tx, here, [record])
    return BillStory(
        seen,
        bills.versions(tx, bill_id),
        bills.said_of(tx, bill_id),
        bills.reversals_of(tx, bill_id),
        group_events.about(tx, here.group.id, bill_id),
    )


def listed(
    tx: Transaction, here: Standing, wanted: Wanted, after: tuple[int, str] | None, limit: int
) -> tuple[SeenBill, ...]:
    """The latest ``limit`` of the group's bills that are ``wanted``, the newest first, after a time and an id."""
    return see(tx, here, load_each(tx, bills.listed(tx, here.group.id, wanted, after, limit)))
