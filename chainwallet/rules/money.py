"""Amounts of money: integers of minor units that carry their currency and refuse to mix.

Currencies and their decimals come from ISO 4217 (the maintained list of the ``iso4217`` library). On chain every
currency has ``TOKEN_DECIMALS`` decimals; conversions in both directions are exact or refused.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Self

from iso4217 import Currency as IsoCurrency

from chainwallet.errors import BadValue, CurrencyMismatch, TooPrecise, UnknownCurrency

TOKEN_DECIMALS = 6  # Cash.decimals(), the same for every currency
MAX_TOKEN_UNITS = 2**96 - 1  # Cash: balances and supply are uint96

# ISO 4217 list three (historic), those withdrawn since 2011: groups of those years still have them.
_WITHDRAWN_DECIMALS = {"BYR": 0} | dict.fromkeys(
    ["ANG", "BGN", "CUC", "EEK", "GHC", "HRK", "LTL", "LVL", "MRO", "SLL", "STD", "VEF", "ZMK", "ZWL"], 2
)

_PLAIN_DECIMAL = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Currency:
    """An ISO 4217 currency: ``code`` of three capitals, ``decimals`` of its minor unit (EUR 2, JPY 0, KWD 3)."""

    code: str
    decimals: int

    def __str__(self) -> str:
        return self.code


def currency_of(code: str) -> Currency:
    """The currency with ISO 4217 alphabetic ``code`` (any case, spaces around it ignored), also a withdrawn one.

    Raises ``UnknownCurrency`` for a code not on the list, or one without minor units (gold, test codes, "no currency").
    """
    trimmed = code.strip()
    letters = trimmed.upper() if trimmed.isascii() else ""  # upper() makes an I of some other letters
    if letters in _WITHDRAWN_DECIMALS:
        return Currency(letters, _WITHDRAWN_DECIMALS[letters])
    try:
        iso = IsoCurrency(letters)
    except ValueError:
        raise UnknownCurrency(code) from None
    if iso.exponent is None or iso.exponent > TOKEN_DECIMALS:
        raise UnknownCurrency(code)
    return Currency(iso.code, iso.exponent)


@dataclass(frozen=True)
class Money:
    """``amount_minor`` minor units of ``currency``; negative amounts are debts."""

    amount_minor: int
    currency: Currency

    def _of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency.code, other.currency.code)
        return other.amount_minor

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._of(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._of(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._of(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._of(other)

    @classmethod
    def zero(cls, currency: Currency) -> Self:
        """No money, in ``currency``."""
        return cls(0, currency)

    @property
    def decimal(self) -> str:
        """The amount as a plain decimal string with exactly the currency's decimals: ``-0.05``, ``1500``."""
        return _decimal_text(self.amount_minor, self.currency.decimals)

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency.code}"

    @property
    def token_units(self) -> int:
        """The same amount in units of the token's 6 decimals.

        Raises ``BadValue`` above ``MAX_TOKEN_UNITS``, the most that one account can hold.
        """
        units = self.amount_minor * _units_per_minor(self.currency)
        if abs(units) > MAX_TOKEN_UNITS:
            raise BadValue("amount", str(self), f"at most {token_text(MAX_TOKEN_UNITS)} {self.currency.code}")
        return units


def parse_money(text: str, currency: Currency, field: str = "amount") -> Money:
    """The amount that ``text`` writes as a plain decimal (``12``, ``12.5``, ``-0.05``), exactly.

    Raises ``BadValue`` for anything but digits with one optional point and sign, and ``TooPrecise`` for more decimals
    than ``currency`` has; both name ``field``.
    """
    match = _PLAIN_DECIMAL.fullmatch(text.strip())
    if match is None:
        raise BadValue(field, text, "a plain decimal number such as 12.50")
    sign, whole, decimals = match[1], match[2], match[3] or ""
    if len(decimals) > currency.decimals:
        raise TooPrecise(field, text, currency.code, currency.decimals)
    minor = int(whole + decimals.ljust(currency.decimals, "0"))
    return Money(-minor if sign else minor, currency)


def from_token_units(units: int, currency: Currency, field: str = "amount") -> Money:
    """``units`` of the token's 6 decimals as money; raises ``TooPrecise`` when a part of a minor unit would be lost."""
    minor, rest = divmod(units, _units_per_minor(currency))
    if rest:
        raise TooPrecise(field, token_text(units), currency.code, currency.decimals)
    return Money(minor, currency)


def amount_text(units: int, currency: Currency) -> str:
    """``units`` of the token with the currency's decimals, or with all 6 where there is a part of a minor unit."""
    try:
        return from_token_units(units, currency).decimal
    except TooPrecise:
        return token_text(units)


def token_text(units: int) -> str:
    """``units`` of the token as a plain decimal string with all 6 decimals."""
    return _decimal_text(units, TOKEN_DECIMALS)


def exact_minor(value: Decimal, currency: Currency) -> Fraction:
    """``value`` in minor units of ``currency``, exact even where it has more decimals than the currency."""
    return Fraction(value) * Fraction(10) ** currency.decimals


def _units_per_minor(currency: Currency) -> int:
    return int(10 ** (TOKEN_DECIMALS - currency.decimals))


def _decimal_text(amount: int, decimals: int) -> str:
    digits = str(abs(amount)).rjust(decimals + 1, "0")
    point = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"-{point}" if amount < 0 else point
