"""Itemised bills: who had what, and tax, tip, service charge and discount on top; divided once, at the very end.

Everyone's exact share is a fraction: their part of each item, of the rest that no item covers, and of each extra.
Only the finished shares are rounded (see ``apportion``), so that no step before loses or makes a minor unit.

Percentages are of the subtotal: all items and the rest. None is taken of another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Literal, TypeAlias

from chainwallet.errors import BadValue
from chainwallet.rules.apportion import round_to_sum
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.number import Number, number_text, ratio, scaled
from chainwallet.rules.split import check_currency

MAX_ITEMS = 200
MAX_QUANTITY = 10_000
MAX_PERCENT = 1_000
MAX_DISCOUNT_PERCENT = 100
MAX_SCALE = 10**600
"""The largest common denominator of all items' weights: beyond all receipts, and quick to compute with."""

Spread: TypeAlias = Literal["proportional", "equal"]
"""How an extra is divided: in proportion to what everyone had of the subtotal, or the same for all who take part."""


@dataclass(frozen=True)
class Item:
    """``quantity`` pieces of ``label`` at ``price`` each, for people in proportion to weights above 0.

    The same weight for all divides it equally (see ``item_for``).
    """

    label: str
    price: Money
    people: Mapping[str, Number]
    quantity: int = 1

    @property
    def amount(self) -> Money:
        """The price of all pieces together."""
        return Money(self.price.amount_minor * self.quantity, self.price.currency)


def item_for(label: str, price: Money, *people: str, quantity: int = 1) -> Item:
    """An item that ``people`` had in equal parts."""
    return Item(label, price, dict.fromkeys(people, 1), quantity)


@dataclass(frozen=True)
class Extra:
    """A tax, tip, service charge or discount: money, or a percentage of the subtotal."""

    value: Money | Number
    spread: Spread = "proportional"


@dataclass(frozen=True)
class Itemised:
    """Everyone owes what they had, and their part of the extras.

    What of the bill's total no item or extra covers is divided equally among the people of ``rest``; without them, the
    total is what items and extras come to. All amounts have the sign of the bill; a ``discount`` is taken away.
    """

    items: tuple[Item, ...]
    rest: tuple[str, ...] = ()
    tax: Extra | None = None
    tip: Extra | None = None
    service: Extra | None = None
    discount: Extra | None = None

    @property
    def extras(self) -> Iterator[tuple[str, Extra]]:
        """The extras that there are, with their names."""
        for name in EXTRAS:
            extra = getattr(self, name)
            if extra is not None:
                yield name, extra

    @property
    def people(self) -> tuple[str, ...]:
        """All who take part: those of the items in their order, then those of the rest."""
        return tuple(dict.fromkeys([*(person for item in self.items for person in item.people), *self.rest]))


EXTRAS = ("tax", "tip", "service", "discount")


@dataclass(frozen=True)
class ExactShares:
    """Shares before they are rounded: each of ``parts`` / ``denominator`` minor units, of the size of the total."""

    parts: Mapping[str, int]
    denominator: int


def itemised_shares(total: Money, split: Itemised, lineage: bytes) -> dict[str, int]:
    """Everyone's share of ``total`` in minor units, in the order of ``split.people``; raises as ``exact_shares``."""
    exact = exact_shares(total, split)
    return round_to_sum(exact.parts, exact.denominator, total.amount_minor, lineage)


def exact_shares(total: Money, split: Itemised) -> ExactShares:
    """Everyone's exact share of ``total``.

    Raises ``CurrencyMismatch``, and ``BadValue`` with the field:

    - ``people``: nobody takes part, or a name comes twice in ``rest``;
    - ``items``: more than ``MAX_ITEMS``, or none above 0 where an extra is spread in proportion;
    - ``items.<index>.people``, ``.quantity``, ``.price``: nobody, a quantity outside 1 to ``MAX_QUANTITY``, a price of
      the other sign than the bill; ``items.<index>.people.<person>``: a weight that is not above 0;
      ``items.<index>.people`` also for weights so fine that ``MAX_SCALE`` does not do for all items;
    - ``tax``, ``tip``, ``service``, ``discount``: below 0 (in a refund: above), a percentage above ``MAX_PERCENT``
      (of a discount: ``MAX_DISCOUNT_PERCENT``), a discount that leaves somebody less than nothing to owe;
    - ``total``: neither the sum of items and extras nor, where percentages give it parts of a minor unit, that sum
      rounded up or down; or less than that sum where there is a rest. The error says the difference.
    """
    sign = _sign(total.amount_minor, split)
    subtotals, scale = _subtotals(split, total.currency, sign)
    extras = _extras(split, total.currency, sign)
    items = Fraction(sum(subtotals.values()), scale)
    size = Fraction(abs(total.amount_minor))
    if split.rest:
        subtotal = _subtotal_with_rest(items, extras, size, total, split)
    else:
        subtotal = items
        _check_total(items + extras.of(items), total, sign)
    return _spread(
        subtotals, scale, (subtotal - items) if split.rest else Fraction(0), subtotal, extras, split, total.currency
    )


def itemised_total(split: Itemised, currency: Currency) -> Money:
    """What items and extras come to, to the nearest minor unit; a half is rounded away from zero.

    Raises ``CurrencyMismatch``, and ``BadValue`` as ``exact_shares`` does; of ``total`` where there is a rest: nothing
    but a stated total says how much it is.
    """
    if split.rest:
        raise BadValue("total", "none", "a total, which says how much the rest is that no item covers")
    sign = _sign(0, split)
    subtotals, scale = _subtotals(split, currency, sign)
    items = Fraction(sum(subtotals.values()), scale)
    exact = items + _extras(split, currency, sign).of(items)
    if exact < 0:
        over = f"{_minor_text(-exact, currency)} more than all the rest of the bill"
        raise BadValue("discount", over, "no more than all the rest of the bill")
    return Money(sign * int((2 * exact + 1) // 2), currency)


@dataclass(frozen=True)
class _Extras:
    """All extras of a bill, in minor units and in parts of the subtotal, by how they are spread."""

    proportional: Fraction
    proportional_rate: Fraction
    equal: Fraction
    equal_rate: Fraction

    @property
    def fixed(self) -> Fraction:
        return self.proportional + self.equal

    @property
    def rate(self) -> Fraction:
        return self.proportional_rate + self.equal_rate

    def of(self, subtotal: Fraction) -> Fraction:
        return self.fixed + subtotal * self.rate


def _sign(total_minor: int, split: Itemised) -> int:
    amounts = [total_minor, *(item.price.amount_minor for item in split.items)]
    return -1 if next((amount for amount in amounts if amount), 0) < 0 else 1


def _subtotals(split: Itemised, currency: Currency, sign: int) -> tuple[dict[str, int], int]:
    """What everyone had of the items, in parts of a minor unit, and how many of these parts one is."""
    if len(split.items) > MAX_ITEMS:
        raise BadValue("items", len(split.items), f"at most {MAX_ITEMS}")
    people = split.people
    if not people:
        raise BadValue("people", 0, "at least one person")
    for index, person in enumerate(split.rest):
        if person in split.rest[:index]:
            raise BadValue("people", person, "each person once")
    weighed, scale = [], 1
    subtotals = dict.fromkeys(people, 0)
    for index, item in enumerate(split.items):
        field = f"items.{index}"
        weights = _weights(item, field, currency, sign)
        whole = sum(weights.values())
        scale = lcm(scale, whole)
        if scale > MAX_SCALE:
            expected = (
                f"weights that have a common denominator of at most {len(str(MAX_SCALE)) - 1} digits in all items"
            )
            raise BadValue(f"{field}.people", len(item.people), expected)
        weighed.append((sign * item.amount.amount_minor, weights, whole))
    for amount, weights, whole in weighed:
        each = amount * (scale // whole)
        for person, weight in weights.items():
            subtotals[person] += each * weight
    return subtotals, scale


def _weights(item: Item, field: str, currency: Currency, sign: int) -> dict[str, int]:
    """The item's weights as whole numbers."""
    check_currency(item.price, currency)
    if not 1 <= item.quantity <= MAX_QUANTITY:
        raise BadValue(f"{field}.quantity", item.quantity, f"1 to {MAX_QUANTITY}")
    if sign * item.price.amount_minor < 0:
        raise BadValue(f"{field}.price", str(item.price), _bound(sign))
    if not item.people:
        raise BadValue(f"{field}.people", 0, "at least one person")
    weights, _ = scaled(f"{field}.people", item.people)
    for person, weight in weights.items():
        if weight == 0:
            raise BadValue(f"{field}.people.{person}", "0", "a weight above 0")
    return weights


def _extras(split: Itemised, currency: Currency, sign: int) -> _Extras:
    sums = {"proportional": [Fraction(0), Fraction(0)], "equal": [Fraction(0), Fraction(0)]}
    for name, extra in split.extras:
        direction = -1 if name == "discount" else 1
        if isinstance(extra.value, Money):
            check_currency(extra.value, currency)
            if sign * extra.value.amount_minor < 0:
                raise BadValue(name, str(extra.value), _bound(sign))
            sums[extra.spread][0] += direction * sign * extra.value.amount_minor
        else:
            numerator, denominator = ratio(name, extra.value)
            most = MAX_DISCOUNT_PERCENT if name == "discount" else MAX_PERCENT
            if numerator > most * denominator:
                raise BadValue(name, number_text(extra.value), f"0 to {most} percent")
            sums[extra.spread][1] += Fraction(direction * numerator, 100 * denominator)
    return _Extras(*sums["proportional"], *sums["equal"])


def _subtotal_with_rest(items: Fraction, extras: _Extras, size: Fraction, total: Money, split: Itemised) -> Fraction:
    """The subtotal of which items, rest and extras come to the total."""
    if extras.rate <= -1:
        raise BadValue("discount", "100 percent", "less than that where a rest is divided")
    subtotal = (size - extras.fixed) / (1 + extras.rate)
    if subtotal < items:
        missing = _minor_text(items + extras.of(items) - size, total.currency)
        people = ", ".join(split.rest)
        expected = f"at least what items and extras come to, so that a rest is left for {people}; {missing} is missing"
        raise BadValue("total", str(total), expected)
    return subtotal


def _check_total(exact: Fraction, total: Money, sign: int) -> None:
    off = sign * total.amount_minor - exact
    if abs(off) >= 1:
        difference = _minor_text(abs(off), total.currency)
        said = _minor_text(sign * exact, total.currency)
        word = "is missing" if off < 0 else "is too much"
        raise BadValue("total", str(total), f"{said}, the sum of items and extras; {difference} {word}")


def _spread(
    subtotals: Mapping[str, int],
    scale: int,
    rest: Fraction,
    subtotal: Fraction,
    extras: _Extras,
    split: Itemised,
    currency: Currency,
) -> ExactShares:
    """Everyone's part of items and rest, times what the proportional extras make of it, plus the equal extras."""
    proportional = extras.proportional + subtotal * extras.proportional_rate
    if subtotal == 0 and proportional != 0:
        raise BadValue("items", "0", "items or a rest above 0, in proportion to which the extras are spread")
    factor = 1 + proportional / subtotal if subtotal else Fraction(1)
    equal = (extras.equal + subtotal * extras.equal_rate) / len(subtotals)
    each = rest / len(split.rest) if split.rest else Fraction(0)

    inner = lcm(scale, each.denominator)
    denominator = lcm(inner * factor.denominator, equal.denominator)
    times = factor.numerator * (denominator // (inner * factor.denominator))
    plus = equal.numerator * (denominator // equal.denominator)
    part_of_rest = each.numerator * (inner // each.denominator)
    having_rest = frozenset(split.rest)
    parts = {
        person: (had * (inner // scale) + (part_of_rest if person in having_rest else 0)) * times + plus
        for person, had in subtotals.items()
    }
    person = min(parts, key=parts.__getitem__)
    if parts[person] < 0:
        assert split.discount is not None  # noqa: S101 - nothing else is taken away
        value, off = split.discount.value, _minor_text(Fraction(-parts[person], denominator), currency)
        said = str(value) if isinstance(value, Money) else f"{number_text(value)} percent"
        raise BadValue("discount", said, f"no more than what {person} owes without it; {off} is too much")
    return ExactShares(parts, denominator)


def _bound(sign: int) -> str:
    return "at least 0" if sign > 0 else "at most 0, as the bill is a refund"


def _minor_text(minor: Fraction, currency: Currency) -> str:
    """An exact amount: with the currency's decimals where they say it, with more or as a fraction where not."""
    if minor.denominator == 1:
        return str(Money(int(minor), currency))
    return f"{number_text(minor / 10**currency.decimals)} {currency.code}"
