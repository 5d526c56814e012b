"""Percentages and weights are read and written without a part lost."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.rules.number import Number, number_text, parse_number, ratio, scaled


@given(st.builds(Fraction, st.integers(0, 10**40), st.integers(1, 10**40)))
def test_a_written_number_reads_back(number: Fraction) -> None:
    """Any number that is not too long, written and read again is the same number."""
    assert parse_number(number_text(number), "weight") == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (12, "12"),
        (Decimal("33.30"), "33.3"),
        (Decimal("1E+3"), "1000"),
        (Fraction(1, 8), "0.125"),
        (Fraction(200, 3), "200/3"),
        (Decimal("-0.5"), "-0.5"),
        (Decimal("1E-13"), "1/10000000000000"),
    ],
)
def test_a_number_is_written_shortly(number: Number, text: str) -> None:
    """A number is a decimal where twelve decimals say it exactly, otherwise a fraction."""
    assert number_text(number) == text


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "1/0", "1/", "/2", ".5", "5.", "1.5/2", " 1", "1\n", "٣", "9" * 42])
def test_other_writings_are_refused(text: str) -> None:
    """Anything but a plain decimal or a fraction is refused by its field."""
    with pytest.raises(BadValue) as refused:
        parse_number(text, "percent.Ana")
    assert refused.value.field == "percent.Ana"


def test_numbers_are_scaled_together() -> None:
    """Numbers of any kind become whole ones under one scale."""
    values: dict[str, Number] = {"Ana": Fraction(1, 3), "Bob": Decimal("0.5"), "Eve": 2}
    assert scaled("shares", values) == ({"Ana": 2, "Bob": 3, "Eve": 12}, 6)
    assert scaled("shares", {"Ana": 1, "Bob": 2}) == ({"Ana": 1, "Bob": 2}, 1)
    assert scaled("shares", {}) == ({}, 1)


@pytest.mark.parametrize("value", [-1, Fraction(-1, 3), Decimal("NaN"), Decimal("1E+41"), 10**41, Fraction(1, 10**41)])
def test_numbers_out_of_bounds_are_refused(value: Number) -> None:
    """A number below zero, not finite, or too long to compute with is refused by its field."""
    with pytest.raises(BadValue) as refused:
        ratio("shares.Ana", value)
    assert refused.value.field == "shares.Ana"
    with pytest.raises(BadValue):
        scaled("shares", {"Ana": value, "Bob": 1})
