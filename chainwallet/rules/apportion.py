"""Dividing money: whole minor units by the largest remainder method, in exact arithmetic and in one pass.

Source: Hamilton's method of apportionment. A tie goes to the lower keccak256(lineage ++ person as UTF-8), so that
neither the order of the people nor a cosmetic edit ever moves a unit. ``lineage`` names the thing divided for life
(a bill keeps it through its edits) and makes the luck of the tie differ from bill to bill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from chainwallet.errors import BadValue
from chainwallet.evm import keccak256


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
    parts = {person: int(weight * scale) for person, weight in weights.items()}
    whole = sum(parts.values())
    if whole == 0:
        raise BadValue("weights", "0", "a sum above 0")

    floors_and_rests = {person: divmod(abs(total) * part, whole) for person, part in parts.items()}
    shares = {person: floor for person, (floor, _) in floors_and_rests.items()}
    left = abs(total) - sum(shares.values())
    rests = {person: Fraction(rest) for person, (_, rest) in floors_and_rests.items()}
    for person in _largest_first(rests, lineage)[:left]:
        shares[person] += 1
    if total < 0:
        shares = {person: -share for person, share in shares.items()}
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
    gap = sum(exact.values(), Fraction(0))
    if abs(gap) >= len(exact):
        raise BadValue("nets", str(gap), f"a sum less than {len(exact)} minor units (one per person) from zero")

    floors = {person: net // 1 for person, net in exact.items()}
    each, left = divmod(-sum(floors.values()), len(exact))
    raised = set(_largest_first({person: net % 1 for person, net in exact.items()}, lineage)[:left])
    rounded = {person: RoundedNet(net, floors[person] + each + (person in raised)) for person, net in exact.items()}
    if sum(net.net_minor for net in rounded.values()) != 0:
        raise AssertionError("rounded nets do not sum to zero")
    return rounded


def _largest_first(remainders: Mapping[str, Fraction], lineage: bytes) -> list[str]:
    return sorted(remainders, key=lambda person: (-remainders[person], _tie(lineage, person)))


def _tie(lineage: bytes, person: str) -> bytes:
    try:
        return keccak256(lineage + person.encode("utf-8"))
    except UnicodeEncodeError:
        raise BadValue("people", person, "a name that UTF-8 can write") from None
