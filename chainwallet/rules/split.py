"""Shares of a bill: who owes how much of it, who paid it, and what is open between them.

Five ways to split, as in the apps that people know: equally, by exact amounts, by percentages, by weights, and
equally with adjustments. Every division is one largest-remainder pass. A bill may be negative (a refund): the
split of a refund is exactly the negative of the split of the bill.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, assert_never

from chainwallet.errors import BadValue
from chainwallet.rules.apportion import largest_remainder
from chainwallet.rules.money import Money

MAX_EXPONENT = 40  # numbers are read from 10**-40 to 10**40, so that none is too long to compute with

Number: TypeAlias = Fraction | Decimal | int
"""An exact number: a percentage or a weight."""


@dataclass(frozen=True)
class Equal:
    """Everyone owes the same."""

    people: tuple[str, ...]


@dataclass(frozen=True)
class Exact:
    """Everyone owes a stated amount; the amounts sum to the total."""

    amounts: Mapping[str, Money]


@dataclass(frozen=True)
class Percent:
    """Everyone owes a percentage; exactly 100 together."""

    percentages: Mapping[str, Number]


@dataclass(frozen=True)
class Shares:
    """Everyone owes in proportion to a weight of at least 0 (nights stayed, portions eaten); above 0 together."""

    weights: Mapping[str, Number]


@dataclass(frozen=True)
class Adjustments:
    """All ``people`` owe the same, and those named in ``amounts`` that much more or, if negative, less."""

    people: tuple[str, ...]
    amounts: Mapping[str, Money]


Split: TypeAlias = Equal | Exact | Percent | Shares | Adjustments


@dataclass(frozen=True)
class BillLine:
    """One person in a bill: ``net`` = ``paid`` - ``share``; a positive net is owed to the person."""

    person: str
    share: Money
    paid: Money
    net: Money


def split_bill(total: Money, split: Split, payers: Mapping[str, Money], lineage: bytes) -> tuple[BillLine, ...]:
    """Everyone's line in a bill of ``total``: the people of ``split`` in its order, then payers who only paid.

    ``payers`` gives what each payer paid; ``lineage`` breaks ties (see ``apportion``). Shares and payments sum to
    ``total``, nets to zero. Every share and payment lies between zero and ``total``: nobody owes less than nothing
    for a bill or more than nothing for a refund. A bill of zero has only zero shares.

    Raises ``CurrencyMismatch`` when an amount is not in the currency of ``total``, and ``BadValue`` with the field:

    - ``people``: nobody takes part, a name comes twice, or UTF-8 cannot write one over which units are divided;
    - ``exact.<person>``, ``payers.<person>``: an amount that is not between zero and ``total``;
    - ``exact``, ``payers``: amounts that do not sum to ``total``;
    - ``percent.<person>``, ``shares.<person>``: a number below 0, not finite, or with an exponent beyond 40;
    - ``percent``: not 100 together; ``shares``: 0 together;
    - ``adjustments.<person>``: not one of the people, or an adjustment that leaves a share of the wrong sign.
    """
    _check_amounts("payers", payers, total)
    shares = _shares(total, split, lineage)
    zero = Money.zero(total.currency)
    lines = []
    for person in (*shares, *(payer for payer in payers if payer not in shares)):
        share, paid = shares.get(person, zero), payers.get(person, zero)
        lines.append(BillLine(person, share, paid, paid - share))
    if _sum((line.share for line in lines), zero) != total or _sum((line.net for line in lines), zero) != zero:
        raise AssertionError(f"shares do not sum to {total} or nets not to zero: {lines}")
    return tuple(lines)


def _shares(total: Money, split: Split, lineage: bytes) -> dict[str, Money]:
    match split:
        case Equal(people):
            _check_people(people)
            return _divide(total, dict.fromkeys(people, 1), lineage)
        case Exact(amounts):
            _check_people(tuple(amounts))
            _check_amounts("exact", amounts, total)
            return dict(amounts)
        case Percent(percentages):
            _check_people(tuple(percentages))
            parts = _numbers("percent", percentages)
            together = sum(parts.values(), Fraction(0))
            if together != 100:
                raise BadValue("percent", _number_text(together), "100 together")
            return _divide(total, parts, lineage)
        case Shares(weights):
            _check_people(tuple(weights))
            parts = _numbers("shares", weights)
            if not any(parts.values()):
                raise BadValue("shares", "0", "more than 0 together")
            return _divide(total, parts, lineage)
        case Adjustments(people, amounts):
            _check_people(people)
            return _adjusted(total, people, amounts, lineage)
        case _:
            assert_never(split)


def _divide(total: Money, weights: Mapping[str, Fraction | int], lineage: bytes) -> dict[str, Money]:
    shares = largest_remainder(total.amount_minor, weights, lineage)
    return {person: Money(share, total.currency) for person, share in shares.items()}


def _adjusted(total: Money, people: tuple[str, ...], amounts: Mapping[str, Money], lineage: bytes) -> dict[str, Money]:
    zero = Money.zero(total.currency)
    for person, amount in amounts.items():
        if person not in people:
            raise BadValue(f"adjustments.{person}", str(amount), "one of the people of the bill")
    equal = _divide(total - _sum(amounts.values(), zero), dict.fromkeys(people, 1), lineage)
    shares = {person: part + amounts.get(person, zero) for person, part in equal.items()}
    for person, share in shares.items():
        if share < zero if zero <= total else zero < share:
            bound = "at least" if zero <= total else "at most"
            expected = f"{bound} {-equal[person]}, so that the share ({share}) is not of the other sign than the bill"
            raise BadValue(f"adjustments.{person}", str(amounts.get(person, zero)), expected)
    return shares


def _check_people(people: tuple[str, ...]) -> None:
    if not people:
        raise BadValue("people", 0, "at least one person")
    seen: set[str] = set()
    for person in people:
        if person in seen:
            raise BadValue("people", person, "each person once")
        seen.add(person)


def _check_amounts(field: str, amounts: Mapping[str, Money], total: Money) -> None:
    for person, amount in amounts.items():
        if not _is_part(amount, total):
            raise BadValue(f"{field}.{person}", str(amount), f"an amount between 0 and {total}")
    together = _sum(amounts.values(), Money.zero(total.currency))
    if together != total:
        raise BadValue(field, str(together), f"{total} together")


def _is_part(amount: Money, total: Money) -> bool:
    zero = Money.zero(total.currency)
    return zero <= amount <= total if zero <= total else total <= amount <= zero


def _sum(amounts: Iterable[Money], zero: Money) -> Money:
    return sum(amounts, zero)


def _numbers(field: str, values: Mapping[str, Number]) -> dict[str, Fraction]:
    return {person: _exact_number(f"{field}.{person}", value) for person, value in values.items()}


def _exact_number(field: str, value: Number) -> Fraction:
    match value:
        case Decimal() if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
            raise BadValue(field, str(value), f"a number with an exponent between -{MAX_EXPONENT} and {MAX_EXPONENT}")
        case Decimal() | Fraction() | int():
            number = Fraction(value)
        case _:
            assert_never(value)
    if number < 0:
        raise BadValue(field, str(value), "at least 0")
    return number


def _number_text(number: Fraction) -> str:
    """A decimal where one of at most 12 decimals says it exactly, otherwise numerator/denominator."""
    for decimals in range(13):
        scaled = number * 10**decimals
        if scaled.denominator == 1:
            whole, rest = divmod(scaled.numerator, 10**decimals)
            return f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)
    return str(number)
