"""Answers as values: JSON documents become frozen dataclasses, fields by name.

Amounts are exact decimals, times are aware datetimes in UTC, lists are tuples. A field that this version does not know
is left out, so that a newer service can say more; one that is missing or of another type raises ``BadAnswer``.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from chainwallet.client.problems import BadAnswer

TIME = "%Y-%m-%dT%H:%M:%SZ"

T = TypeVar("T")


@dataclass(frozen=True)
class Amount:
    """Money: ``amount`` of ``currency`` (ISO 4217)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @property
    def document(self) -> dict[str, str]:
        """As the service takes it."""
        return {"amount": format(self.amount, "f"), "currency": self.currency}


def amount_of(amount: Amount | str) -> Amount:
    """``12.40 EUR`` as an amount; an ``Amount`` is taken as it is. Raises ``ValueError`` for any other text."""
    if isinstance(amount, Amount):
        return amount
    number, _, currency = amount.strip().partition(" ")
    try:
        exact = Decimal(number)
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or not currency.strip():
        raise ValueError(f"amount: got {amount!r}, expected a number and a currency, such as 12.40 EUR")
    return Amount(exact, currency.strip())


def time_text(at: datetime) -> str:
    """``at``, which knows its time zone, as the service takes it; raises ``ValueError`` where it does not."""
    if at.tzinfo is None:
        raise ValueError(f"time: got {at!r}, expected one that knows its time zone")
    return at.astimezone(UTC).strftime(TIME)


def read(kind: type[T], document: object) -> T:
    """``document`` as a ``kind``, a dataclass. Raises ``BadAnswer``."""
    return _dataclass(kind, document, kind.__name__)


def _dataclass(kind: type[T], document: object, where: str) -> T:
    if not isinstance(document, Mapping):
        raise BadAnswer(f"{type(document).__name__} at {where}", "an object")
    given: dict[str, Any] = {}
    for name, wanted, is_needed in _shape(kind):  # type: ignore[arg-type]  # a class can be hashed
        if name in document:
            given[name] = _value(wanted, document[name], f"{where}.{name}")
        elif is_needed:
            raise BadAnswer(f"no {name} at {where}", "one")
    return kind(**given)


@cache
def _shape(kind: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether it is needed, of each field that is read."""
    hints = get_type_hints(kind)
    return tuple(
        (one.name, hints[one.name], one.default is MISSING and one.default_factory is MISSING)
        for one in fields(kind)
        if one.init and not one.name.startswith("_")
    )


def _value(wanted: Any, value: object, where: str) -> Any:
    """``value`` as a ``wanted``, the type of a field."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        (some,) = (one for one in arguments if one is not type(None))
        return None if value is None else _value(some, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise BadAnswer(f"{type(value).__name__} at {where}", "a list")
        return tuple(_value(arguments[0], one, f"{where}[{number}]") for number, one in enumerate(value))
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _dataclass(wanted, value, where)
    if wanted in (Decimal, datetime):
        return _written(wanted, value, where)
    plain = origin or wanted
    if plain is Mapping:
        plain = dict
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise BadAnswer(f"{value!r} at {where}", f"a {plain.__name__}")
    return value


def _written(wanted: Any, value: object, where: str) -> Any:
    """A decimal or a time, each written as a text."""
    try:
        if not isinstance(value, str):
            raise TypeError
        return Decimal(value) if wanted is Decimal else datetime.strptime(value, TIME).replace(tzinfo=UTC)
    except (ValueError, TypeError, InvalidOperation):
        what = "a decimal number" if wanted is Decimal else "a time such as 2026-11-27T09:41:00Z"
        raise BadAnswer(f"{value!r} at {where}", what) from None
