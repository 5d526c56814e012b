"""Shares of a bill: who owes how much of it, who paid it, and what is open between them.

Five ways to split, as in the apps that people know: equally, by exact amounts, by percentages, by weights, and
equally with adjustments. Every division is one largest-remainder pass. A bill may be negative (a refund): the
split of a refund is exactly the negative of the split of the bill.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, assert_never

from chainwallet.errors import BadValue, CurrencyMismatch
from chainwallet.rules.apportion import round_to_sum
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.number import Number, number_text, scaled


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
    return bill_lines(total, shares_minor(total, split, lineage), payers)


def bill_lines(total: Money, shares: Mapping[str, int], payers: Mapping[str, Money]) -> tuple[BillLine, ...]:
    """Everyone's line: the people of ``shares`` (minor units that sum to ``total``), then payers who only paid.

    Raises ``CurrencyMismatch`` and ``BadValue`` of ``payers`` as ``split_bill`` does.
    """
    part_amounts("payers", payers, total)
    currency, nothing = total.currency, Money(0, total.currency)
    lines, net_sum = [], 0
    for person, share in shares.items():
        paid = payers.get(person, nothing)
        net = paid.amount_minor - share
        net_sum += net
        lines.append(BillLine(person, Money(share, currency), paid, Money(net, currency)))
    for person, paid in payers.items():
        if person not in shares:
            net_sum += paid.amount_minor
            lines.append(BillLine(person, nothing, paid, paid))
    if net_sum != 0:  # so the shares sum to what was paid, which is the total
        raise AssertionError(f"the nets of a bill of {total} do not sum to zero: {lines}")
    return tuple(lines)


def shares_minor(total: Money, split: Split, lineage: bytes) -> dict[str, int]:
    """Everyone's share in minor units; raises as ``split_bill`` does, but for the payers."""
    match split:
        case Equal(people):
            check_people(people)
            return _divide(total, dict.fromkeys(people, 1), len(people), lineage)
        case Exact(amounts):
            check_people(tuple(amounts))
            return part_amounts("exact", amounts, total)
        case Percent(percentages):
            check_people(tuple(percentages))
            parts, scale = scaled("percent", percentages)
            off = sum(parts.values()) - 100 * scale
            if off:
                value, difference = number_text(Fraction(off, scale) + 100), number_text(Fraction(abs(off), scale))
                raise BadValue("percent", value, f"100 together; {_off(difference, is_less=off < 0)}")
            return _divide(total, parts, 100 * scale, lineage)
        case Shares(weights):
            check_people(tuple(weights))
            parts, _ = scaled("shares", weights)
            whole = sum(parts.values())
            if not whole:
                raise BadValue("shares", "0", "more than 0 together")
            return _divide(total, parts, whole, lineage)
        case Adjustments(people, amounts):
            check_people(people)
            return _adjusted(total, people, amounts, lineage)
        case _:
            assert_never(split)


def _divide(total: Money, parts: Mapping[str, int], whole: int, lineage: bytes) -> dict[str, int]:
    size = abs(total.amount_minor)
    return round_to_sum({person: size * part for person, part in parts.items()}, whole, total.amount_minor, lineage)


def _adjusted(total: Money, people: tuple[str, ...], amounts: Mapping[str, Money], lineage: bytes) -> dict[str, int]:
    for person, amount in amounts.items():
        if person not in people:
            raise BadValue(f"adjustments.{person}", str(amount), "one of the people of the bill")
        check_currency(amount, total.currency)
    sign, count = -1 if total.amount_minor < 0 else 1, len(people)
    rest = sign * (total.amount_minor - sum(amount.amount_minor for amount in amounts.values()))
    parts = dict.fromkeys(people, rest)
    for person, amount in amounts.items():
        parts[person] += count * sign * amount.amount_minor
    for person, part in parts.items():
        if part < 0:
            bound = "at least" if sign > 0 else "at most"
            limit, said = (Money(minor, total.currency) for minor in (-sign * (rest // count), sign * (part // count)))
            expected = f"{bound} {limit}, so that the share ({said}) is not of the other sign than the bill"
            raise BadValue(f"adjustments.{person}", str(amounts.get(person, Money.zero(total.currency))), expected)
    return round_to_sum(parts, count, total.amount_minor, lineage)


def check_people(people: Sequence[str]) -> None:
    """Raises ``BadValue`` (``people``) where nobody takes part or a name comes twice."""
    if not people:
        raise BadValue("people", 0, "at least one person")
    if len(set(people)) < len(people):
        twice = next(person for index, person in enumerate(people) if person in people[:index])
        raise BadValue("people", twice, "each person once")


def part_amounts(field: str, amounts: Mapping[str, Money], total: Money) -> dict[str, int]:
    """``amounts`` in minor units.

    Raises ``CurrencyMismatch``, and ``BadValue`` for an amount that is not between zero and ``total``
    (``<field>.<person>``) and for amounts that do not sum to it (``field``).
    """
    low, high = min(0, total.amount_minor), max(0, total.amount_minor)
    parts = {}
    for person, amount in amounts.items():
        check_currency(amount, total.currency)
        if not low <= amount.amount_minor <= high:
            raise BadValue(f"{field}.{person}", str(amount), f"an amount between 0 and {total}")
        parts[person] = amount.amount_minor
    off = sum(parts.values()) - total.amount_minor
    if off:
        together = str(Money(total.amount_minor + off, total.currency))
        difference = _off(str(Money(abs(off), total.currency)), is_less=(off < 0) == (total.amount_minor >= 0))
        raise BadValue(field, together, f"{total} together; {difference}")
    return parts


def _off(difference: str, *, is_less: bool) -> str:
    return f"{difference} is missing" if is_less else f"{difference} is too much"


def check_currency(amount: Money, currency: Currency) -> None:
    """Raises ``CurrencyMismatch`` where ``amount`` is in another currency."""
    if amount.currency is not currency and amount.currency != currency:
        raise CurrencyMismatch(currency.code, amount.currency.code)
