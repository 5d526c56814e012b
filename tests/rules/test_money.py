"""Amounts are integers of minor units that read, print and convert exactly, and refuse to mix."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue, CurrencyMismatch, TooPrecise, UnknownCurrency
from chainwallet.rules.money import (
    MAX_TOKEN_UNITS,
    Currency,
    Money,
    currency_of,
    exact_minor,
    from_token_units,
    parse_money,
    token_text,
)

EUR, JPY, KWD = currency_of("EUR"), currency_of("JPY"), currency_of("KWD")

currencies = st.sampled_from([EUR, JPY, KWD])
amounts = st.integers(min_value=-(10**24), max_value=10**24)


@pytest.mark.parametrize(("code", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("BGN", 2), ("BYR", 0)])
def test_decimals_are_those_of_iso_4217(code: str, decimals: int) -> None:
    """A currency has the decimals that ISO 4217 gives it."""
    assert currency_of(code) == Currency(code, decimals)


@pytest.mark.parametrize("code", ["eur", " Eur ", "EUR\n"])
def test_codes_are_read_in_any_case(code: str) -> None:
    """A currency's code is read in any case and with spaces around it."""
    assert currency_of(code) == EUR


@pytest.mark.parametrize("code", ["XAU", "XXX", "XTS", "EU", "", "EURO", "€", "978", "u\u017fd", "\u0131nr"])
def test_codes_without_minor_units_are_refused(code: str) -> None:
    """Gold, test codes, "no currency" and codes that are not on the list are refused by name."""
    with pytest.raises(UnknownCurrency) as refused:
        currency_of(code)
    assert refused.value.code == code


@given(amounts, currencies)
def test_printed_amounts_read_back(amount_minor: int, currency: Currency) -> None:
    """An amount printed and read again is the same amount."""
    money = Money(amount_minor, currency)
    assert parse_money(money.decimal, currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "minor", "printed"),
    [
        ("12", EUR, 1200, "12.00 EUR"),
        (" 12.5 ", EUR, 1250, "12.50 EUR"),
        ("-0.05", EUR, -5, "-0.05 EUR"),
        ("0", EUR, 0, "0.00 EUR"),
        ("-0.00", EUR, 0, "0.00 EUR"),
        ("007.10", EUR, 710, "7.10 EUR"),
        ("1500", JPY, 1500, "1500 JPY"),
        ("-1", JPY, -1, "-1 JPY"),
        ("0.001", KWD, 1, "0.001 KWD"),
        ("-12.345", KWD, -12345, "-12.345 KWD"),
    ],
)
def test_amounts_are_read_and_printed(text: str, currency: Currency, minor: int, printed: str) -> None:
    """Plain decimals are read exactly and printed with all the currency's decimals."""
    money = parse_money(text, currency)
    assert money == Money(minor, currency)
    assert str(money) == printed


@pytest.mark.parametrize(
    "text", ["", "-", ".5", "5.", "+5", "1,50", "1.000,00", "1e3", "NaN", "--1", "1 000", "٣", "0x1"]
)
def test_other_writings_of_numbers_are_refused(text: str) -> None:
    """Anything but digits with one point and one minus sign is refused, and the error names the field."""
    with pytest.raises(BadValue) as refused:
        parse_money(text, EUR, field="share")
    assert (refused.value.field, refused.value.value) == ("share", text)


@pytest.mark.parametrize(("text", "currency"), [("0.001", EUR), ("1.500", EUR), ("1.0", JPY), ("1.2345", KWD)])
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: Currency) -> None:
    """An amount with more decimals than its currency is refused, never rounded."""
    with pytest.raises(TooPrecise) as refused:
        parse_money(text, currency, field="share")
    assert (refused.value.field, refused.value.value) == ("share", text)
    assert (refused.value.currency, refused.value.decimals) == (currency.code, currency.decimals)


@pytest.mark.parametrize(("currency", "units"), [(EUR, 12_340_000), (JPY, 1_234_000_000), (KWD, 1_234_000)])
def test_token_units_have_six_decimals(currency: Currency, units: int) -> None:
    """On chain every currency has six decimals."""
    assert Money(1234, currency).token_units == units


@given(amounts, currencies)
def test_token_units_convert_back_exactly(amount_minor: int, currency: Currency) -> None:
    """An amount converted to token units and back is the same amount, or is more than an account can hold."""
    money = Money(amount_minor, currency)
    if abs(amount_minor) * 10 ** (6 - currency.decimals) > MAX_TOKEN_UNITS:
        with pytest.raises(BadValue):
            _ = money.token_units
    else:
        assert from_token_units(money.token_units, currency) == money


@pytest.mark.parametrize(("units", "currency"), [(10_001, EUR), (-9_999, EUR), (999_999, JPY), (1, KWD)])
def test_token_units_below_a_minor_unit_are_refused(units: int, currency: Currency) -> None:
    """Token units that the currency cannot write are refused, never rounded."""
    with pytest.raises(TooPrecise):
        from_token_units(units, currency)


def test_token_units_are_printed_with_six_decimals() -> None:
    """Token units are printed with all six decimals."""
    assert [token_text(units) for units in (0, 1, -1, 12_340_000)] == ["0.000000", "0.000001", "-0.000001", "12.340000"]


def test_two_currencies_never_mix() -> None:
    """Adding, subtracting and comparing amounts of two currencies is refused, and equality is false."""
    euro, yen = Money(1, EUR), Money(1, JPY)
    for mix in (lambda: euro + yen, lambda: euro - yen, lambda: euro < yen, lambda: euro <= yen, lambda: euro > yen):
        with pytest.raises(CurrencyMismatch):
            mix()
    assert euro != yen


@given(amounts, amounts, currencies)
def test_amounts_add_and_compare_as_integers(left: int, right: int, currency: Currency) -> None:
    """Amounts of one currency add, subtract and compare as their minor units do."""
    a, b = Money(left, currency), Money(right, currency)
    assert (a + b).amount_minor == left + right
    assert (a - b) == a + (-b)
    assert (a < b, a <= b, a > b, a >= b) == (left < right, left <= right, left > right, left >= right)
    assert a + Money.zero(currency) == a


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [("12.345", EUR, Fraction(2469, 2)), ("0.5", JPY, Fraction(1, 2)), ("-1.5", KWD, Fraction(-1500))],
)
def test_exact_minor_keeps_every_decimal(value: str, currency: Currency, minor: Fraction) -> None:
    """A number with more decimals than its currency stays exact until it is rounded once."""
    assert exact_minor(Decimal(value), currency) == minor
