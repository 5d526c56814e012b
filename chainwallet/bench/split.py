"""How fast bills are divided, groups planned and balances found: pure computing, on one core and without a chain.

Times are of the processor, so that other work on the machine does not count; each figure is the median of its runs.
The bills come from a fixed seed: everywhere the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from random import Random
from statistics import median

from chainwallet.bench.timing import processor_s
from chainwallet.evm import keccak256
from chainwallet.rules.balances import OpenDebts, balances_of, in_words
from chainwallet.rules.debts import debts_of
from chainwallet.rules.itemised import Extra, Item, Itemised, itemised_total
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.netting import MAX_EXACT_PEOPLE, transfers_of
from chainwallet.rules.split import Adjustments, Equal, Exact, Percent, Shares, bill_lines
from chainwallet.rules.terms import AnySplit, split_shares

EUR = Currency("EUR", 2)
SPLITS = 3_000
MOST_PEOPLE = 10  # of a bill that is divided
BILLS = 500
PEOPLE = 30


@dataclass(frozen=True)
class Figures:
    """What `bench split` prints."""

    splits_per_s: int
    """Bills of 2 to 10 people, of all six modes by turns, from what they say to everyone's line."""
    plan_15_ms: float
    """The fewest transfers of 15 people."""
    balances_500x30_ms: float
    """All balances of 30 people from the debts of 500 bills, and those of one person in words."""


@dataclass(frozen=True)
class _Bill:
    total: Money
    split: AnySplit
    payers: dict[str, Money]
    lineage: bytes


def figures(runs: int) -> Figures:
    """Measures each ``runs`` times."""
    dice = Random(7)  # noqa: S311 - the same bills everywhere, no secrets
    bills = [_bill(number, dice) for number in range(SPLITS)]
    nets = [_nets(dice) for _ in range(runs)]
    debts = _debts(dice)
    splitting = [processor_s(partial(_split_all, bills)) for _ in range(runs)]
    planning = [processor_s(partial(transfers_of, each)) for each in nets]
    balancing = [processor_s(partial(_balance, debts)) for _ in range(runs)]
    return Figures(
        int(SPLITS / median(splitting)), round(median(planning) * 1_000, 2), round(median(balancing) * 1_000, 2)
    )


def _split_all(bills: Sequence[_Bill]) -> None:
    for bill in bills:
        bill_lines(bill.total, split_shares(bill.total, bill.split, bill.lineage), bill.payers)


def _balance(bills: Sequence[OpenDebts]) -> None:
    names = {person: person for person in _people(PEOPLE)}
    titles = {bill.bill: bill.bill for bill in bills}
    viewer = next(iter(names))
    for balances in balances_of(bills):
        for pair in balances.of(viewer):
            in_words(pair, balances.currency, viewer, names, titles)


def _people(count: int) -> tuple[str, ...]:
    return tuple(f"member-{number}" for number in range(count))


def _bill(number: int, dice: Random) -> _Bill:
    people = _people(dice.randint(2, MOST_PEOPLE))
    total = Money(dice.randint(1_000, 100_000), EUR)
    split: AnySplit
    match number % 6:
        case 0:
            split = Equal(people)
        case 1:
            split = Exact(_cut(total, people, dice))
        case 2:
            first = dice.randint(1, 9_999)
            rest = dict.fromkeys(people[2:], 0)
            split = Percent({people[0]: Decimal(first) / 100, people[1]: Decimal(10_000 - first) / 100, **rest})
        case 3:
            split = Shares({person: dice.randint(1, 5) for person in people})
        case 4:
            split = Adjustments(people, {people[0]: Money(dice.randint(0, 999), EUR)})
        case _:
            split = _itemised(people, dice)
            total = itemised_total(split, EUR)
    payers = _cut(total, people[: dice.randint(1, 2)], dice)
    return _Bill(total, split, payers, keccak256(number.to_bytes(4, "big")))


def _itemised(people: Sequence[str], dice: Random) -> Itemised:
    items = tuple(
        Item(
            f"item {index}",
            Money(dice.randint(100, 3_000), EUR),
            {person: 1 for person in people if dice.random() < 0.4},
        )
        for index in range(len(people))
    )
    shared = Item("for all", Money(1_000, EUR), dict.fromkeys(people, 1))
    return Itemised((*(item for item in items if item.people), shared), tax=Extra(Decimal("8.875")), tip=Extra(10))


def _cut(total: Money, people: Sequence[str], dice: Random) -> dict[str, Money]:
    marks = sorted(dice.randint(0, total.amount_minor) for _ in people[1:])
    ends = zip([0, *marks], [*marks, total.amount_minor], strict=True)
    return {person: Money(end - start, EUR) for person, (start, end) in zip(people, ends, strict=True)}


def _nets(dice: Random) -> dict[str, int]:
    nets = {person: dice.randint(-100_000, 100_000) for person in _people(MAX_EXACT_PEOPLE - 1)}
    return {**nets, "the last one": -sum(nets.values())}


def _debts(dice: Random) -> tuple[OpenDebts, ...]:
    people = _people(PEOPLE)
    bills = []
    for number in range(BILLS):
        total = Money(dice.randint(3_000, 300_000), EUR)
        payers = _cut(total, dice.sample(people, dice.randint(1, 3)), dice)
        lines = bill_lines(total, split_shares(total, Equal(people), b""), payers)
        bills.append(OpenDebts(f"bill {number}", EUR, debts_of(lines)))
    return tuple(bills)
