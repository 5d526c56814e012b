"""Dividing money: whole minor units by the largest remainder method, in exact arithmetic and in one pass.

Source: Hamilton's method of apportionment. A tie goes to the lower keccak256(lineage ++ person as UTF-8), so that
neither the order of the people nor a cosmetic edit ever moves a unit. ``lineage`` names the thing divided for life
(a bill keeps it through its edits) and makes the luck of the tie differ from bill to bill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TypeVar

from chainwallet.errors import BadValue
from chainwallet.evm import keccak256

_Exact = TypeVar("_Exact", int, Fraction)


def largest_remainder(total: int, weights: Mapping[str, Fraction | int], lineage: bytes) -> dict[str, int]:
    """``total`` minor units divided over people in proportion to ``weights``, in the order of ``weights``.

    Each share is the exact one rounded up or down; the shares sum to ``total``. The shares of ``-total`` are exactly
    the negatives of the shares of ``total``. Raises ``BadValue`` for a weight below zero (``weights.<person>``), for
    weights that sum to zero (``weights``) and for a name that UTF-8 cannot write (``people``).
    """
    for person, weight in weights.items():
        if weight < 0:
            raise BadValue(f"weights.{person}", str(weight), "a weight of at least 0")
    scale = lcm(*(weight.denominator for weight in weights.values()))
    parts = {person: weight.numerator * (scale // weight.denominator) for person, weight in weights.items()}
    whole = sum(parts.values())
    if whole == 0:
        raise BadValue("weights", "0", "a sum above 0")
    size = abs(total)
    return round_to_sum({person: size * part for person, part in parts.items()}, whole, total, lineage)


def round_to_sum(parts: Mapping[str, int], denominator: int, total: int, lineage: bytes) -> dict[str, int]:
    """Exact shares, each ``part`` / ``denominator`` minor units of the size of ``total``, rounded to whole ones.

    The parts are at least 0, and together less than one unit from ``abs(total)``. Each share is the exact one rounded
    up or down, the larger remainders up, with the sign of ``total``; they sum to ``total``. Raises ``BadValue`` for a
    name that UTF-8 cannot write (``people``).
    """
    _check_names(parts)
    floors_and_rests = {person: divmod(part, denominator) for person, part in parts.items()}
    left = abs(total) - sum([floor for floor, _ in floors_and_rests.values()])
    raised = _largest({person: rest for person, (_, rest) in floors_and_rests.items()}, left, lineage) if left else ()
    sign = -1 if total < 0 else 1
    shares = {person: sign * (floor + (person in raised)) for person, (floor, _) in floors_and_rests.items()}
    if sum(shares.values()) != total:
        raise AssertionError(f"shares sum to {sum(shares.values())}, not to {total}")
    return shares


@dataclass(frozen=True)
class RoundedNet:
    """One person's net, rounded once: ``exact_minor`` as it was, ``net_minor`` as it is paid (both minor units)."""

    exact_minor: Fraction
    net_minor: int

    @property
    def difference(self) -> Fraction:
        """Rounded less exact, in minor units: positive when the rounding favours the person."""
        return self.net_minor - self.exact_minor


def round_to_zero_sum(nets_minor: Mapping[str, Fraction | int], lineage: bytes) -> dict[str, RoundedNet]:
    """Exact nets in minor units, rounded to whole units that sum to exactly zero, in the order of ``nets_minor``.

    Files carry rounded cells, so the exact nets may miss zero by some ``gap``. Everyone moves by less than
    1 + abs(gap) / number of people: by less than one unit when they sum to zero, and nets that are whole and sum to
    zero stay as they are. No other whole nets with sum zero are nearer, by the largest or by the squared difference.

    Raises ``BadValue`` (``nets``) when the gap is one minor unit per person or more: then the sum is wrong, not
    rounded; and for a name that UTF-8 cannot write (``people``).
    """
    exact = {person: Fraction(net) for person, net in nets_minor.items()}
    if not exact:
        return {}
    _check_names(exact)
    gap = sum(exact.values(), Fraction(0))
    if abs(gap) >= len(exact):
        raise BadValue("nets", str(gap), f"a sum less than {len(exact)} minor units (one per person) from zero")

    floors = {person: net // 1 for person, net in exact.items()}
    each, left = divmod(-sum(floors.values()), len(exact))
    raised = _largest({person: net % 1 for person, net in exact.items()}, left, lineage)
    rounded = {person: RoundedNet(net, floors[person] + each + (person in raised)) for person, net in exact.items()}
    if sum(net.net_minor for net in rounded.values()) != 0:
        raise AssertionError("rounded nets do not sum to zero")
    return rounded


def _largest(remainders: Mapping[str, _Exact], count: int, lineage: bytes) -> frozenset[str]:
    """The ``count`` people with the largest remainders; only those who tie for the last place are hashed."""
    if count <= 0:
        return frozenset()
    last = sorted(remainders.values(), reverse=True)[count - 1]
    above = [person for person, remainder in remainders.items() if remainder > last]
    tied = [person for person, remainder in remainders.items() if remainder == last]
    if len(above) + len(tied) > count:
        tied.sort(key=lambda person: keccak256(lineage + person.encode("utf-8")))
    return frozenset(above + tied[: count - len(above)])


def _check_names(people: Mapping[str, object]) -> None:
    for person in people:
        try:
            person.encode("utf-8")
        except UnicodeEncodeError:
            raise BadValue("people", person, "a name that UTF-8 can write") from None
