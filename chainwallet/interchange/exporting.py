"""Exporting a group: its bills as another app's file."""

from datetime import date
from decimal import Decimal

from chainwallet.bills.record import Record, load_each
from chainwallet.formats.splitwise import Entry, GroupHistory
from chainwallet.formats.splitwise_writing import write_splitwise
from chainwallet.groups import Standing
from chainwallet.rules.money import Currency
from chainwallet.store import bills
from chainwallet.store.database import Transaction


def splitwise(tx: Transaction, here: Standing, today: date) -> bytes:
    """The bills of the group that are not deleted, as they stand, in the CSV that Splitwise exports."""
    records = load_each(tx, [one for one in bills.every(tx, here.group.id) if not one.is_deleted])
    named = {line.person for record in records for line in record.lines}
    people = [one for one in here.people if one.is_here or one.id in named]
    ordered = sorted(records, key=lambda record: (record.terms.date, record.bill.created_at_s, record.bill.id))
    entries = tuple(_entry(row, record, [one.id for one in people]) for row, record in enumerate(ordered, 3))
    currencies = tuple(dict.fromkeys(entry.currency for entry in entries))
    history = GroupHistory(tuple(one.name for one in people), entries, {}, currencies, ())
    return write_splitwise(history, today.isoformat())


def _entry(row: int, record: Record, people: list[str]) -> Entry:
    currency = record.currency
    nets = {line.person: line.net.amount_minor for line in record.lines}
    return Entry(
        row=row,
        date=record.terms.date.isoformat(),
        description=record.terms.title,
        category="",
        cost=_major(record.terms.total.amount_minor, currency),
        currency=currency,
        nets=tuple(_major(nets.get(person, 0), currency) for person in people),
        is_payment=False,
    )


def _major(minor: int, currency: Currency) -> Decimal:
    return Decimal(minor).scaleb(-currency.decimals)
