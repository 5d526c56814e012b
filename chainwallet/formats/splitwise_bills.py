"""A history that was read from a file -> bills among the members of a group, exact to each person's balance.

A cell says what somebody paid minus what they owed; who paid and how it was split is not in the file. So who is owed
paid, who owes has that share, and what the cost is above that the payers used themselves, in proportion.

Nets are read exactly and each person's final net is rounded once, by largest remainder, to a zero sum. A bill has whole
minor units, so each entry is rounded for itself; where that comes to other final nets, one more bill evens it out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from chainwallet.errors import BadRow, BadValue
from chainwallet.evm import Hash32
from chainwallet.formats.splitwise import Entry, GroupHistory
from chainwallet.rules.apportion import RoundedNet, largest_remainder, round_to_zero_sum
from chainwallet.rules.money import Currency, Money, exact_minor
from chainwallet.rules.split import Exact
from chainwallet.rules.terms import MAX_TITLE_CHARS, Terms

UNTITLED = "(no description)"


@dataclass(frozen=True)
class ReadBill:
    """The bill that one entry becomes; ``row`` is where its file has it, None for a bill that evens out rounding."""

    row: int | None
    terms: Terms


@dataclass(frozen=True)
class Reconciled:
    """One currency's final nets by person: as the file's total row has them (major units), exactly, and as billed."""

    currency: Currency
    totals: Mapping[str, Decimal] | None
    nets: Mapping[str, RoundedNet]


@dataclass(frozen=True)
class ReadBills:
    """All bills of a history, in its order, what they come to, and sentences on what was left out or changed."""

    bills: tuple[ReadBill, ...]
    reconciled: tuple[Reconciled, ...]
    notes: tuple[str, ...]


def bills_of(history: GroupHistory, ids: Mapping[str, str], source: str, root: Hash32) -> ReadBills:
    """The bills of ``history``, whose people have the member ``ids``; ``root`` breaks the ties of rounding.

    ``source`` is what errors and the bills that even out rounding call the file. Raises ``BadRow`` for an entry that no
    bill can be: its date is not written as 2026-11-27, its description has control characters, or its amounts are above
    a bill's limit; and ``BadValue`` (``nets``) for a currency whose nets are too far from a zero sum.
    """
    people = tuple(ids[person] for person in history.people)
    bills: list[ReadBill] = []
    reconciled: list[Reconciled] = []
    notes = []
    without_money = []
    billed = {currency: dict.fromkeys(people, 0) for currency in history.currencies}
    days: list[date] = []
    for entry in history.entries:
        nets = _rounded(entry, people, root, source)
        if any(entry.nets):
            days.append(_day(entry, source))
        if not any(nets.values()):
            without_money.append(entry.row)
            continue
        bills.append(ReadBill(entry.row, _terms(entry, nets, days[-1], source)))
        for person, net in nets.items():
            billed[entry.currency][person] += net
    if without_money:
        rows = ", ".join(map(str, without_money))
        notes.append(f"rows that move no whole minor unit and became no bill: {rows}")
    for currency in history.currencies:
        exact = {ids[person]: net for person, net in history.exact_nets(currency).items()}
        final = round_to_zero_sum(exact, root)
        off = {person: net.net_minor - billed[currency][person] for person, net in final.items()}
        if any(off.values()):
            title = f"Rounding of {source}"[:MAX_TITLE_CHARS]
            bills.append(ReadBill(None, _terms_of(off, currency, 0, title, "", max(days), root)))
            notes.append(f"one more bill evens out the rounding of the entries in {currency}")
        totals = history.totals.get(currency)
        by_id = dict(zip(people, totals, strict=True)) if totals is not None else None
        reconciled.append(Reconciled(currency, by_id, final))
    return ReadBills(tuple(bills), tuple(reconciled), tuple(notes))


def _rounded(entry: Entry, people: Iterable[str], root: Hash32, source: str) -> dict[str, int]:
    """The entry's nets in whole minor units, of those who have one; they sum to zero."""
    exact = {person: exact_minor(net, entry.currency) for person, net in zip(people, entry.nets, strict=True) if net}
    try:
        rounded = round_to_zero_sum(exact, root)
    except BadValue as bad:
        raise BadRow(source, entry.row, "sum of all people", str(bad.value), bad.expected) from None
    return {person: net.net_minor for person, net in rounded.items()}


def _day(entry: Entry, source: str) -> date:
    try:
        return date.fromisoformat(entry.date)
    except ValueError:
        raise BadRow(source, entry.row, "Date", entry.date, "a date such as 2026-11-27") from None


def _terms(entry: Entry, nets: Mapping[str, int], day: date, source: str) -> Terms:
    title = " ".join(entry.description.split()) or UNTITLED
    note = entry.description if len(title) > MAX_TITLE_CHARS or "\n" in entry.description else ""
    if len(title) > MAX_TITLE_CHARS:
        title = title[: MAX_TITLE_CHARS - 1].rstrip() + "…"
    cost = 0 if entry.cost is None else round(exact_minor(entry.cost, entry.currency))
    try:
        return _terms_of(nets, entry.currency, cost, title, note, day, Hash32(bytes(32)))
    except BadValue as bad:
        raise BadRow(source, entry.row, bad.field, str(bad.value), bad.expected) from None


def _terms_of(
    nets: Mapping[str, int], currency: Currency, cost: int, title: str, note: str, day: date, ties: Hash32
) -> Terms:
    """A bill with these nets. Where the cost is above what they move, the payers used the rest themselves."""
    sign = -1 if cost < 0 else 1
    paid = {person: sign * net for person, net in nets.items() if sign * net > 0}
    shares = {person: -sign * net for person, net in nets.items() if sign * net < 0}
    used = max(0, abs(cost) - sum(paid.values()))
    if used and paid:
        for person, own in largest_remainder(used, paid, ties).items():
            paid[person] += own
            shares[person] = own

    def money(minor: int) -> Money:
        return Money(sign * minor, currency)

    split = Exact({person: money(share) for person, share in shares.items()})
    payers = {person: money(amount) for person, amount in paid.items()}
    return Terms(title, note, day, money(sum(paid.values())), split, payers)
