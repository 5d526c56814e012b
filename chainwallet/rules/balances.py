"""Balances: what the members of a group owe each other, with the bills behind every line, and in words.

Whose bills count is the caller's choice: accepted ones are what is owed, open and disputed ones are shown apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chainwallet.rules.debts import Debt
from chainwallet.rules.money import Currency, Money

MOST_NAMED_BILLS = 6  # of one balance in words; where more than one is left, they are counted
MOST_TITLE_CHARS = 40  # of a bill in words


@dataclass(frozen=True)
class OpenDebts:
    """The debts of one bill (its lineage) that are still owed."""

    bill: str
    currency: Currency
    debts: Sequence[Debt]


@dataclass(frozen=True)
class PairBalance:
    """``debtor`` owes ``creditor`` ``amount_minor``, at least 0; at 0 the two are even, and sorted.

    ``behind`` has the bills with what each adds (negative: takes away), in the order in which they were given.
    """

    debtor: str
    creditor: str
    amount_minor: int
    behind: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Balances:
    """All balances of a group in ``currency``; nobody is in it without a debt, and the nets sum to zero."""

    currency: Currency
    nets: Mapping[str, int]
    """By member: minor units, positive is owed to them."""
    pairs: tuple[PairBalance, ...]
    """For each two members with a bill between them, sorted by their ids."""

    def of(self, member: str) -> tuple[PairBalance, ...]:
        """The balances that ``member`` is a side of."""
        return tuple(pair for pair in self.pairs if member in (pair.debtor, pair.creditor))


def balances_of(bills: Iterable[OpenDebts]) -> tuple[Balances, ...]:
    """The balances that ``bills`` make, one for each currency, by its code."""
    by_currency: dict[Currency, dict[tuple[str, str], list[tuple[str, int]]]] = {}
    for bill in bills:
        entries = by_currency.setdefault(bill.currency, {})
        lineage = bill.bill
        for debt in bill.debts:
            debtor, creditor = debt.debtor, debt.creditor
            if debtor < creditor:
                key, entry = (debtor, creditor), (lineage, debt.amount_minor)
            else:
                key, entry = (creditor, debtor), (lineage, -debt.amount_minor)
            if key in entries:
                entries[key].append(entry)
            else:
                entries[key] = [entry]
    return tuple(_balances(currency, by_currency[currency]) for currency in sorted(by_currency))


def in_words(
    balance: PairBalance, currency: Currency, viewer: str, names: Mapping[str, str], titles: Mapping[str, str]
) -> str:
    """``balance`` as it is said to ``viewer``: ``you owe Bo 12.40: hotel 20.00, minus your taxi 7.60``.

    ``names`` has the names of members, ``titles`` those of bills. At most ``MOST_NAMED_BILLS`` are named, the largest,
    and the others are counted: ``and 12 more``.
    """

    def said(amount_minor: int) -> str:
        return Money(abs(amount_minor), currency).decimal

    debtor, creditor = balance.debtor, balance.creditor
    who = ["you" if member == viewer else names[member] for member in (debtor, creditor)]
    whose = "your" if debtor == viewer else f"{names[debtor]}'s"
    if balance.amount_minor == 0:
        first, second = reversed(who) if creditor == viewer else who
        head = f"{first} and {second} are even"
    else:
        verb = "owe" if debtor == viewer else "owes"
        head = f"{who[0]} {verb} {who[1]} {said(balance.amount_minor)}"
    named = _largest(balance.behind)
    adding = [f"{_short(titles[bill])} {said(amount)}" for bill, amount in named if amount > 0]
    taking = [f"{_short(titles[bill])} {said(amount)}" for bill, amount in named if amount < 0]
    clauses = [", ".join(adding)] if adding else []
    if taking:
        clauses.append(f"minus {whose} " + f", {whose} ".join(taking))
    more = len(balance.behind) - len(named)
    return f"{head}: {', '.join(clauses)}" + (f" and {more} more" if more else "")


def _balances(currency: Currency, entries: Mapping[tuple[str, str], list[tuple[str, int]]]) -> Balances:
    nets: dict[str, int] = {}
    pairs = []
    for (low, high), behind in sorted(entries.items()):
        amount = sum([part for _, part in behind])
        nets[low] = nets.get(low, 0) - amount
        nets[high] = nets.get(high, 0) + amount
        if amount < 0:
            turned = tuple([(bill, -part) for bill, part in behind])
            pairs.append(PairBalance(high, low, -amount, turned))
        else:
            pairs.append(PairBalance(low, high, amount, tuple(behind)))
    if sum(nets.values()) != 0:
        raise AssertionError("the nets of a group do not sum to zero")
    return Balances(currency, dict(sorted(nets.items())), tuple(pairs))


def _largest(behind: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """The largest bills, in the order of ``behind``; all where the cut would leave out one alone."""
    if len(behind) <= MOST_NAMED_BILLS + 1:
        return list(behind)
    largest = sorted(range(len(behind)), key=lambda index: (-abs(behind[index][1]), index))[:MOST_NAMED_BILLS]
    return [behind[index] for index in sorted(largest)]


def _short(title: str) -> str:
    return title if len(title) <= MOST_TITLE_CHARS else title[: MOST_TITLE_CHARS - 1] + "…"
