"""Random bills of all modes, and what must be true of each: ``python -m tests.rules.bills COUNT [SEED]``.

What everyone owes is computed a second time here, in fractions and as simply as it can be said.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import repeat
from random import Random
from time import monotonic

from chainwallet.evm import keccak256
from chainwallet.rules.debts import debts_of, debts_of_nets, nets_of
from chainwallet.rules.itemised import Extra, Item, Itemised, Spread, itemised_total
from chainwallet.rules.money import Currency, Money, currency_of
from chainwallet.rules.number import Number
from chainwallet.rules.split import Adjustments, BillLine, Equal, Exact, Percent, Shares, bill_lines
from chainwallet.rules.terms import AnySplit, Terms, lines, reversal, split_shares

CURRENCIES = tuple(currency_of(code) for code in ("EUR", "JPY", "KWD"))
MOST_PEOPLE = 30
MOST_MINOR = 10**12
CHUNK = 5_000  # bills that one process checks at once
TOLD = 50_000  # after so many bills it is said how far it is
NOTHING = Fraction(0)
DAY = date(2026, 11, 27)
MODES = ("equal", "exact", "percent", "shares", "adjustments", "itemised", "itemised with a rest")


@dataclass(frozen=True)
class RandomBill:
    """A bill, and which mode it was made for."""

    mode: str
    terms: Terms
    lineage: bytes


def random_bill(dice: Random) -> RandomBill:
    """A bill of 1 to 30 people, of 1 to 10**12 minor units, for one or several payers."""
    currency = dice.choice(CURRENCIES)
    people = [f"m{number}" for number in dice.sample(range(1_000), dice.randint(1, dice.randint(1, MOST_PEOPLE)))]
    total = Money(amount(dice), currency)
    mode = dice.choice(MODES)
    split, total = _split(mode, total, people, dice)
    payers = dice.sample([*people, "z1", "z2"], dice.randint(1, min(3, len(people))))
    terms = Terms("Bill", "", DAY, total, split, cut(total, payers, dice))
    return RandomBill(mode, terms, keccak256(dice.randbytes(8)))


def amount(dice: Random, most: int = MOST_MINOR) -> int:
    """An amount from 1 to ``most``, of any length alike."""
    return min(most, int(10 ** dice.uniform(0, len(str(most)) - 1)) + dice.choice((0, 0, 1)))


def cut(total: Money, people: Sequence[str], dice: Random) -> dict[str, Money]:
    """``total`` cut into a part for each of ``people``."""
    marks = sorted(dice.randint(0, total.amount_minor) for _ in people[1:])
    ends = zip([0, *marks], [*marks, total.amount_minor], strict=True)
    return {person: Money(end - start, total.currency) for person, (start, end) in zip(people, ends, strict=True)}


def _split(mode: str, total: Money, people: list[str], dice: Random) -> tuple[AnySplit, Money]:
    match mode:
        case "equal":
            return Equal(tuple(people)), total
        case "exact":
            return Exact(cut(total, people, dice)), total
        case "percent":
            hundred = cut(Money(10_000, CURRENCIES[0]), people, dice)
            return Percent({person: Fraction(part.amount_minor, 100) for person, part in hundred.items()}), total
        case "shares":
            return Shares(_weights(people, dice)), total
        case "adjustments":
            parts = cut(total, [*people, "the equal part"], dice)
            adjusted = dice.sample(people, dice.randint(0, len(people)))
            return Adjustments(tuple(people), {person: parts[person] for person in adjusted}), total
        case _:
            return _itemised(mode, total.currency, people, dice)


def _weights(people: Sequence[str], dice: Random) -> dict[str, Number]:
    kinds = (1, 1, 2, 3, Fraction(1, 2), Fraction(1, 3), Fraction(dice.randint(1, 999), 100))
    return {person: dice.choice(kinds) for person in people}


def _itemised(mode: str, currency: Currency, people: list[str], dice: Random) -> tuple[Itemised, Money]:
    most = 10 ** dice.randint(1, 9)
    items = []
    for _ in range(dice.randint(1, 8)):
        quantity, having = dice.choice((1, 1, 1, 3)), dice.sample(people, dice.randint(1, len(people)))
        items.append(Item("Item", Money(amount(dice, most), currency), _weights(having, dice), quantity))
    subtotal = sum(item.amount.amount_minor for item in items)
    split = Itemised(
        tuple(items),
        tax=_extra(dice, subtotal, currency),
        tip=_extra(dice, subtotal, currency),
        service=_extra(dice, subtotal, currency),
        discount=dice.choice((None, Extra(Fraction(dice.randint(0, 10_000), 100)))),
    )
    total = itemised_total(split, currency)
    if mode == "itemised":
        return split, total
    rest = tuple(dice.sample(people, dice.randint(1, len(people))))
    if split.discount is not None and split.discount.value == 100:
        split = replace(split, discount=None)
        total = itemised_total(split, currency)
    return replace(split, rest=rest), Money(total.amount_minor + 1 + amount(dice, most), currency)


def _extra(dice: Random, subtotal: int, currency: Currency) -> Extra | None:
    spreads: tuple[Spread, ...] = ("proportional", "equal")
    spread = dice.choice(spreads)
    return dice.choice(
        (
            None,
            Extra(Money(dice.randint(0, subtotal // 4), currency), spread),
            Extra(Fraction(dice.randint(0, 3_000), 100), spread),
        )
    )


# ------------------------------------------------------------------------------------------------ a second account


def exact_of(terms: Terms) -> dict[str, Fraction]:
    """What everyone owes, as a fraction of a minor unit."""
    total = Fraction(terms.total.amount_minor)
    match terms.split:
        case Equal(people):
            return {person: total / len(people) for person in people}
        case Exact(amounts):
            return {person: Fraction(amount.amount_minor) for person, amount in amounts.items()}
        case Percent(percentages):
            return {person: total * Fraction(percent) / 100 for person, percent in percentages.items()}
        case Shares(weights):
            whole = sum((Fraction(weight) for weight in weights.values()), Fraction(0))
            return {person: total * Fraction(weight) / whole for person, weight in weights.items()}
        case Adjustments(people, amounts):
            extra = {person: Fraction(amount.amount_minor) for person, amount in amounts.items()}
            each = (total - sum(extra.values())) / len(people)
            return {person: each + extra.get(person, 0) for person in people}
        case Itemised():
            return _exact_itemised(total, terms.split)


def _exact_itemised(total: Fraction, split: Itemised) -> dict[str, Fraction]:
    had = dict.fromkeys(split.people, Fraction(0))
    for item in split.items:
        whole = sum((Fraction(weight) for weight in item.people.values()), Fraction(0))
        for person, weight in item.people.items():
            had[person] += item.amount.amount_minor * Fraction(weight) / whole
    extras = [(-1 if name == "discount" else 1, extra) for name, extra in split.extras]
    if split.rest:
        fixed = sum(sign * e.value.amount_minor for sign, e in extras if isinstance(e.value, Money))
        rate = sum((sign * Fraction(e.value) for sign, e in extras if not isinstance(e.value, Money)), Fraction(0))
        rest = (total - fixed) / (1 + rate / 100) - sum(had.values())
        for person in split.rest:
            had[person] += rest / len(split.rest)
    subtotal = sum(had.values(), Fraction(0))
    shares = dict(had)
    for sign, extra in extras:
        money = isinstance(extra.value, Money)
        value = Fraction(extra.value.amount_minor) if isinstance(extra.value, Money) else Fraction(extra.value)
        whole = sign * (value if money else subtotal * value / 100)
        for person, part in had.items():
            shares[person] += whole / len(had) if extra.spread == "equal" else whole * part / subtotal
    return shares


# ------------------------------------------------------------------------------------------------ what must be true


def check(bill: RandomBill, dice: Random) -> None:
    """Asserts all that is promised of any bill."""
    terms, made = bill.terms, lines(bill.terms, bill.lineage)
    found = rows(made)
    shares, paid, nets = (dict(zip(found, column, strict=True)) for column in zip(*found.values(), strict=True))
    assert sum(shares.values()) == sum(paid.values()) == terms.total.amount_minor
    assert sum(nets.values()) == 0
    exact = exact_of(terms)
    for person, share in shares.items():
        whole, parts = exact.get(person, NOTHING).as_integer_ratio()
        assert share >= 0
        assert abs(share * parts - whole) < parts

    assert rows(divided(terms.total, *shuffled(terms, dice), bill.lineage)) == found
    negative = {person: (-share, -paid, -net) for person, (share, paid, net) in found.items()}
    assert rows(divided(-terms.total, *negated(terms), bill.lineage)) == negative
    undone = lines(reversal(terms, made, "Undone", DAY), dice.randbytes(8))
    assert rows(undone) == negative

    debts = debts_of_nets(nets)
    assert nets_of(debts) == {person: nets[person] for person in sorted(nets) if nets[person]}
    assert all(debt.amount_minor > 0 for debt in debts)
    turned = sorted((debt.creditor, debt.debtor, debt.amount_minor) for debt in debts_of(undone))
    assert turned == [(debt.debtor, debt.creditor, debt.amount_minor) for debt in debts]


def rows(found: Sequence[BillLine]) -> dict[str, tuple[int, int, int]]:
    """Share, payment and net of each person."""
    return {line.person: (line.share.amount_minor, line.paid.amount_minor, line.net.amount_minor) for line in found}


def divided(total: Money, split: AnySplit, payers: dict[str, Money], lineage: bytes) -> tuple[BillLine, ...]:
    """The lines of a bill."""
    return bill_lines(total, split_shares(total, split, lineage), payers)


def shuffled(terms: Terms, dice: Random) -> tuple[AnySplit, dict[str, Money]]:
    """Split and payers of ``terms`` with everybody named in another order."""

    def mixed(keys: Sequence[str]) -> list[str]:
        return dice.sample(keys, len(keys))

    split = terms.split
    match split:
        case Equal(people):
            split = Equal(tuple(mixed(people)))
        case Exact(amounts):
            split = Exact({person: amounts[person] for person in mixed(list(amounts))})
        case Percent(numbers):
            split = Percent({person: numbers[person] for person in mixed(list(numbers))})
        case Shares(numbers):
            split = Shares({person: numbers[person] for person in mixed(list(numbers))})
        case Adjustments(people, amounts):
            split = Adjustments(tuple(mixed(people)), amounts)
        case Itemised():
            items = [
                replace(item, people={person: item.people[person] for person in mixed(list(item.people))})
                for item in dice.sample(split.items, len(split.items))
            ]
            split = replace(split, items=tuple(items), rest=tuple(mixed(split.rest)))
    return split, {person: terms.payers[person] for person in mixed(list(terms.payers))}


def negated(terms: Terms) -> tuple[AnySplit, dict[str, Money]]:
    """Split and payers of ``terms`` with every amount negated."""
    split = terms.split
    match split:
        case Exact(amounts):
            split = Exact({person: -amount for person, amount in amounts.items()})
        case Adjustments(people, amounts):
            split = Adjustments(people, {person: -amount for person, amount in amounts.items()})
        case Itemised():
            extras = {
                name: replace(extra, value=-extra.value if isinstance(extra.value, Money) else extra.value)
                for name, extra in split.extras
            }
            items = tuple(replace(item, price=-item.price) for item in split.items)
            split = Itemised(items, split.rest, **extras)
        case _:
            pass
    return split, {person: -paid for person, paid in terms.payers.items()}


def run(seed: int, chunk: int, count: int) -> Counter[str]:
    """Makes and checks ``count`` bills, the same for the same numbers; how many of each mode there were."""
    dice, modes = Random(f"{seed}/{chunk}"), Counter[str]()  # noqa: S311 - no secrets
    for _ in range(count):
        bill = random_bill(dice)
        try:
            check(bill, dice)
        except Exception as error:
            raise AssertionError(f"seed {seed}, chunk {chunk}: {bill}") from error
        modes[bill.mode] += 1
        modes["lines"] += len(bill.terms.people)
    return modes


def main(count: int, seed: int) -> None:
    """Checks ``count`` bills on all cores, and prints how many of each mode there were."""
    start, modes = monotonic(), Counter[str]()
    chunks = [min(CHUNK, count - first) for first in range(0, count, CHUNK)]
    with ProcessPoolExecutor() as pool:
        for done, found in enumerate(pool.map(run, repeat(seed), range(len(chunks)), chunks), 1):
            modes += found
            if done * CHUNK % TOLD == 0:
                print(f"{done * CHUNK:,} exact after {monotonic() - start:.0f} s", flush=True)
    for mode in MODES:
        print(f"{mode:>20}: {modes[mode]:,}")
    print(f"{count:,} bills of {modes['lines']:,} lines, seed {seed}: all exact, in {monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
