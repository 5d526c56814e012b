"""Amounts of money: a decimal text beside its currency, never a JSON number."""

from typing import Annotated, Self

from pydantic import Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.words import said
from chainwallet.rules.money import Currency, Money, amount_text, currency_of, parse_money

MOST_CHARACTERS = 40

CurrencyText = Annotated[
    str,
    Field(
        pattern=said(r"^[A-Z]{3}$", "an ISO 4217 code such as EUR"),
        description="ISO 4217 code of a currency of this network",
        examples=["EUR"],
    ),
]


class Amount(Document):
    """An amount that is asked for: more than nothing, with at most the currency's decimals."""

    amount: str = Field(
        max_length=MOST_CHARACTERS,
        pattern=said(
            r"^([1-9][0-9]{0,29}(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)$", "a plain decimal number above 0, such as 12.40"
        ),
        description="A plain decimal number, in quotes",
        examples=["12.40"],
    )
    currency: CurrencyText

    def money(self, field: str = "amount") -> Money:
        """The amount. Raises ``UnknownCurrency``, and of ``field`` ``TooPrecise``, and ``BadValue`` for too much.

        Whether the currency is one of the network's is for the answer to say.
        """
        money = parse_money(self.amount, currency_of(self.currency), field)
        assert money.token_units > 0  # noqa: S101 - the pattern has a digit that is not 0
        return money


class ShownAmount(Document):
    """An amount that is told: with the currency's decimals, or all 6 where there is a part of its smallest unit."""

    amount: str = Field(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,6})?$", description="In quotes", examples=["12.40"])
    currency: CurrencyText

    @classmethod
    def of(cls, money: Money) -> Self:
        """``money`` as a document."""
        return cls(amount=money.decimal, currency=money.currency.code)

    @classmethod
    def of_units(cls, units: int, currency: Currency) -> Self:
        """``units`` of the token as a document."""
        return cls(amount=amount_text(units, currency), currency=currency.code)
