"""Exact numbers that are no money: percentages and weights, read and written without a part lost."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import TypeAlias

from chainwallet.errors import BadValue

MAX_EXPONENT = 40  # numbers are read from 10**-40 to 10**40, so that none is too long to compute with
MAX_DIGITS = 41  # of numerator and denominator
MAX_DECIMALS = 12  # of a number that is written as a decimal

Number: TypeAlias = Fraction | Decimal | int
"""An exact number: a percentage or a weight."""

_MOST = 10**MAX_EXPONENT
_WRITTEN = re.compile(r"(-?\d{1,41})(?:\.(\d{1,40})|/(\d{1,41}))?", re.ASCII)


def ratio(field: str, value: Number) -> tuple[int, int]:
    """Numerator and denominator of ``value``, in lowest terms.

    Raises ``BadValue`` of ``field`` for a number below 0, one that is not finite, and one beyond 10**40 or finer than
    10**-40.
    """
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT or len(value.as_tuple().digits) > MAX_DIGITS:
            raise BadValue(field, str(value), f"a number with an exponent between -{MAX_EXPONENT} and {MAX_EXPONENT}")
    elif max(abs(value.numerator), value.denominator) > _MOST:
        raise BadValue(field, _cut(str(value)), f"a number with an exponent between -{MAX_EXPONENT} and {MAX_EXPONENT}")
    numerator, denominator = value.as_integer_ratio()
    if numerator < 0:
        raise BadValue(field, str(value), "at least 0")
    return numerator, denominator


def scaled(field: str, values: Mapping[str, Number]) -> tuple[dict[str, int], int]:
    """``values`` as whole numbers, and the scale by which each was multiplied; raises as ``ratio`` does.

    The field of an error is ``<field>.<key>``.
    """
    whole = {key: value for key, value in values.items() if type(value) is int and 0 <= value <= _MOST}
    if len(whole) == len(values):
        return whole, 1
    ratios = {key: ratio(f"{field}.{key}", value) for key, value in values.items()}
    scale = lcm(*(denominator for _, denominator in ratios.values()))
    return {key: numerator * (scale // denominator) for key, (numerator, denominator) in ratios.items()}, scale


def number_text(number: Number) -> str:
    """A decimal where one of at most 12 decimals says it exactly, otherwise numerator/denominator."""
    numerator, denominator = number.as_integer_ratio()
    for decimals in range(MAX_DECIMALS + 1):
        if 10**decimals % denominator == 0:
            digits = str(abs(numerator) * 10**decimals // denominator).rjust(decimals + 1, "0")
            sign = "-" if numerator < 0 else ""
            return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits
    return f"{numerator}/{denominator}"


def parse_number(text: str, field: str) -> Fraction:
    """The number that ``text`` writes as a decimal (``33.3``) or a fraction (``100/3``), exactly.

    Raises ``BadValue`` of ``field`` for any other text.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or (match[3] is not None and int(match[3]) == 0):
        raise BadValue(field, _cut(text), "a number such as 33.3 or 100/3")
    if match[3] is not None:
        return Fraction(int(match[1]), int(match[3]))
    return Fraction(Decimal(text))


def _cut(text: str) -> str:
    return text if len(text) <= 64 else text[:63] + "…"
