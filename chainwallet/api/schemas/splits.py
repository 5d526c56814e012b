"""How a bill is divided: a document for each way, as it comes in and as it is told."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Literal, TypeVar, assert_never

from pydantic import Field

from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.words import WholeNumber, said
from chainwallet.errors import BadValue
from chainwallet.rules.itemised import EXTRAS, MAX_ITEMS, MAX_QUANTITY, Extra, Item, Itemised, Spread
from chainwallet.rules.money import Currency, Money, parse_money
from chainwallet.rules.number import Number, number_text, parse_number
from chainwallet.rules.split import Adjustments, Equal, Exact, Percent, Shares
from chainwallet.rules.terms import MAX_LABEL_CHARS, MAX_PEOPLE, AnySplit
from chainwallet.rules.text import clean_line

SignedText = Annotated[
    str,
    Field(
        max_length=40,
        pattern=said(r"^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,10})?$", "a plain decimal number such as 12.40 or -12.40"),
        description="A plain decimal number, in quotes, in the bill's currency; below 0 in refunds and income",
        examples=["12.40"],
    ),
]
NumberText = Annotated[
    str,
    Field(
        max_length=64,
        pattern=said(r"^-?[0-9]{1,20}(\.[0-9]{1,20}|/[0-9]{1,20})?$", "an exact number such as 33.3 or 100/3"),
        description="An exact number, in quotes: a decimal or a fraction",
        examples=["33.3", "100/3"],
    ),
]
PersonId = Annotated[IdText, Field(description="A member's id")]
PeopleIds = Annotated[list[PersonId], Field(max_length=MAX_PEOPLE)]

_Value = TypeVar("_Value")
_Text = TypeVar("_Text", bound=Document)


class MemberAmount(Document):
    """A member and an amount."""

    member: PersonId
    amount: SignedText


class MemberPercent(Document):
    """A member and a percentage."""

    member: PersonId
    percent: NumberText


class MemberWeight(Document):
    """A member and a weight: nights stayed, portions eaten."""

    member: PersonId
    weight: NumberText = Field("1", examples=["2"])


Amounts = Annotated[list[MemberAmount], Field(max_length=MAX_PEOPLE)]


class EqualSplit(Document):
    """Everybody owes the same."""

    mode: Literal["equal"]
    people: PeopleIds


class ExactSplit(Document):
    """Everybody owes a stated amount; the amounts sum to the total."""

    mode: Literal["exact"]
    amounts: Amounts


class PercentSplit(Document):
    """Everybody owes a percentage; exactly 100 together."""

    mode: Literal["percent"]
    percentages: list[MemberPercent] = Field(max_length=MAX_PEOPLE)


class SharesSplit(Document):
    """Everybody owes in proportion to a weight."""

    mode: Literal["shares"]
    weights: list[MemberWeight] = Field(max_length=MAX_PEOPLE)


class AdjustmentsSplit(Document):
    """Everybody owes the same, and those named in amounts that much more or, below 0, less."""

    mode: Literal["adjustments"]
    people: PeopleIds
    amounts: Amounts


class BillItem(Document):
    """Something on the bill, for those who had it, in proportion to their weights."""

    label: str = Field(min_length=1, max_length=4 * MAX_LABEL_CHARS, examples=["Vinho verde"])
    price: SignedText = Field(description="Of one piece")
    quantity: WholeNumber = Field(1, ge=1, le=MAX_QUANTITY)
    people: list[MemberWeight] = Field(max_length=MAX_PEOPLE)


class BillExtra(Document):
    """Tax, tip, service charge or discount: an amount, or a percentage of items and rest together."""

    amount: SignedText | None = Field(None, examples=["5.00"])
    percent: NumberText | None = Field(None, examples=["10"])
    spread: Spread = Field("proportional", description="In proportion to what everybody had, or the same for all")


class ItemisedSplit(Document):
    """Everybody owes what they had and their part of the extras; what no item covers is divided among `rest`."""

    mode: Literal["itemised"]
    items: list[BillItem] = Field(max_length=MAX_ITEMS)
    rest: PeopleIds = Field([])
    tax: BillExtra | None = None
    tip: BillExtra | None = None
    service: BillExtra | None = None
    discount: BillExtra | None = None


SplitDocument = Annotated[
    EqualSplit | ExactSplit | PercentSplit | SharesSplit | AdjustmentsSplit | ItemisedSplit,
    Field(discriminator="mode"),
]


def split_from(body: SplitDocument, currency: Currency) -> AnySplit:
    """The split that ``body`` says. Raises ``BadValue`` and ``TooPrecise`` naming the field."""
    match body:
        case EqualSplit():
            return Equal(tuple(body.people))
        case ExactSplit():
            return Exact(amounts_from("exact", body.amounts, currency))
        case PercentSplit():
            return Percent(_by_member("percent", body.percentages, lambda one: one.percent, parse_number))
        case SharesSplit():
            return Shares(_by_member("shares", body.weights, lambda one: one.weight, parse_number))
        case AdjustmentsSplit():
            return Adjustments(tuple(body.people), amounts_from("adjustments", body.amounts, currency))
        case ItemisedSplit():
            items = [_item(index, item, currency) for index, item in enumerate(body.items)]
            extras = {name: _extra(name, getattr(body, name), currency) for name in EXTRAS}
            return Itemised(tuple(items), tuple(body.rest), **extras)
    assert_never(body)


def split_shown(split: AnySplit) -> SplitDocument:
    """``split`` as a document."""
    match split:
        case Equal(people):
            return EqualSplit(mode="equal", people=list(people))
        case Exact(amounts):
            return ExactSplit(mode="exact", amounts=amounts_shown(amounts))
        case Percent(numbers):
            percentages = [MemberPercent(member=one, percent=number_text(each)) for one, each in numbers.items()]
            return PercentSplit(mode="percent", percentages=percentages)
        case Shares(numbers):
            return SharesSplit(mode="shares", weights=_weights(numbers))
        case Adjustments(people, amounts):
            return AdjustmentsSplit(mode="adjustments", people=list(people), amounts=amounts_shown(amounts))
        case Itemised():
            items = [
                BillItem(
                    label=item.label, price=item.price.decimal, quantity=item.quantity, people=_weights(item.people)
                )
                for item in split.items
            ]
            extras = {name: _extra_shown(extra) for name, extra in split.extras}
            return ItemisedSplit(mode="itemised", items=items, rest=list(split.rest), **extras)
    assert_never(split)


def amounts_from(field: str, some: Sequence[MemberAmount], currency: Currency) -> dict[str, Money]:
    """The amounts by member. Raises ``BadValue`` of ``<field>.<member>`` for one who comes twice, ``TooPrecise``."""
    return _by_member(field, some, lambda one: one.amount, lambda text, where: parse_money(text, currency, where))


def amounts_shown(amounts: Mapping[str, Money]) -> list[MemberAmount]:
    """Amounts as documents."""
    return [MemberAmount(member=member, amount=amount.decimal) for member, amount in amounts.items()]


def _by_member(
    field: str, some: Collection[_Text], text_of: Callable[[_Text], str], read: Callable[[str, str], _Value]
) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for one in some:
        member: str = one.member  # type: ignore[attr-defined]  # all that come here have one
        if member in found:
            raise BadValue(f"{field}.{member}", text_of(one), "each person once")
        found[member] = read(text_of(one), f"{field}.{member}")
    return found


def _weights(numbers: Mapping[str, Number]) -> list[MemberWeight]:
    return [MemberWeight(member=member, weight=number_text(number)) for member, number in numbers.items()]


def _item(index: int, item: BillItem, currency: Currency) -> Item:
    field = f"items.{index}"
    price = parse_money(item.price, currency, f"{field}.price")
    people: dict[str, Number] = dict(_by_member(f"{field}.people", item.people, lambda one: one.weight, parse_number))
    return Item(clean_line(item.label, f"{field}.label", MAX_LABEL_CHARS), price, people, item.quantity)


def _extra(field: str, extra: BillExtra | None, currency: Currency) -> Extra | None:
    if extra is None:
        return None
    if (extra.amount is None) == (extra.percent is None):
        raise BadValue(field, "both" if extra.amount is not None else "neither", "either an amount or a percent")
    if extra.amount is not None:
        return Extra(parse_money(extra.amount, currency, field), extra.spread)
    return Extra(parse_number(extra.percent or "", field), extra.spread)


def _extra_shown(extra: Extra) -> BillExtra:
    if isinstance(extra.value, Money):
        return BillExtra(amount=extra.value.decimal, percent=None, spread=extra.spread)
    return BillExtra(amount=None, percent=number_text(extra.value), spread=extra.spread)
