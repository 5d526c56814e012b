"""How a bill is divided, as a person writes it on the command line and reads it there."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.group import member_named
from chainwallet.cli.terminal import plain
from chainwallet.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chainwallet.client.groups import Group
    from chainwallet.rules.itemised import Extra, Itemised
    from chainwallet.rules.money import Money

What = Annotated[str, typer.Argument(metavar="WHAT", help='Title, amount and currency, such as "Dinner 84.60 EUR".')]
With = Annotated[
    str | None, typer.Option("--with", metavar="NAMES", help="Who shares it beside you, with commas. Default: all.")
]
WithoutMe = Annotated[bool, typer.Option("--without-me", help="You have no share of it.")]
PaidBy = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Who paid: ana, or ana=60,ben=24.60. Default: you paid all.")
]
Exactly = Annotated[str | None, typer.Option("--exact", metavar="NAMES", help="Who owes what: ana=50,ben=34.60.")]
Percent = Annotated[str | None, typer.Option(metavar="NAMES", help="Who owes which percentage: ana=60,ben=40.")]
Shares = Annotated[str | None, typer.Option(metavar="NAMES", help="In proportion to weights: ana=2,ben=1/2.")]
Adjust = Annotated[
    str | None, typer.Option(metavar="NAMES", help="The same for all, and more or less for some: ben=-4.00.")
]
Items = Annotated[
    list[str] | None,
    typer.Option(
        "--item",
        metavar="TEXT",
        help='Something on the bill and who had it: "Wine 9.90 x2: ana,ben". May be given several times; what no item '
        "covers is divided among all.",
    ),
]
Tip = Annotated[str | None, typer.Option(metavar="AMOUNT", help='On top of the amount: 10%, 5.00, "5.00 equally".')]
Tax = Annotated[str | None, typer.Option(metavar="AMOUNT", help="As --tip.")]
Service = Annotated[str | None, typer.Option("--service", metavar="AMOUNT", help="As --tip: a service charge.")]
Discount = Annotated[str | None, typer.Option(metavar="AMOUNT", help="As --tip, but taken off.")]

_WHAT = re.compile(r"(.+?)\s+(-?[0-9.]+)\s+([A-Za-z]{3})")
_ITEM = re.compile(r"(.+?)\s+(-?[0-9.]+)(?:\s+x([0-9]{1,4}))?\s*(?::\s*(.+))?")
EQUALLY = " equally"


@dataclass(frozen=True)
class Wishes:
    """What was written about the split."""

    people: str | None = None
    without_me: bool = False
    exact: str | None = None
    percent: str | None = None
    shares: str | None = None
    adjust: str | None = None
    items: tuple[str, ...] = ()
    tip: str | None = None
    tax: str | None = None
    service: str | None = None
    discount: str | None = None

    @property
    def extras(self) -> dict[str, str]:
        """Tip, tax, service charge and discount, where they were written."""
        given = {"tip": self.tip, "tax": self.tax, "service": self.service, "discount": self.discount}
        return {name: text for name, text in given.items() if text is not None}


def title_and_money(what: str) -> tuple[str, "Money"]:
    """The title and the amount in ``Dinner 84.60 EUR``. Raises ``BadValue``, ``TooPrecise`` and ``UnknownCurrency``."""
    from chainwallet.rules.money import currency_of, parse_money

    match = _WHAT.fullmatch(what.strip())
    if match is None:
        raise BadValue("WHAT", what, 'a title, an amount and a currency, such as "Dinner 84.60 EUR"')
    return match[1], parse_money(match[2], currency_of(match[3].upper()))


def split_of(
    group: "Group", wishes: Wishes, title: str, money: "Money", *, is_whole: bool = False
) -> tuple[dict[str, Any], str]:
    """The split of ``money`` as the service takes it, and the total that it comes to.

    Tip and the like come on top of ``money``, unless it ``is_whole``: then they are parts of it. Raises ``BadValue``
    where it is not one way of dividing, or items come to more than ``money``.
    """
    ways = [name for name in ("exact", "percent", "shares", "adjust") if getattr(wishes, name) is not None]
    ways += ["item, tip, tax, service or discount"] if wishes.items or wishes.extras else []
    if len(ways) > 1:
        raise BadValue("split", " and ".join(ways), "one way of dividing the bill")
    people = _people(group, wishes)
    if wishes.exact is not None:
        return {"mode": "exact", "amounts": _listed(group, wishes.exact, "exact", "amount")}, money.decimal
    if wishes.percent is not None:
        return {"mode": "percent", "percentages": _listed(group, wishes.percent, "percent", "percent")}, money.decimal
    if wishes.shares is not None:
        return {"mode": "shares", "weights": _listed(group, wishes.shares, "shares", "weight")}, money.decimal
    if wishes.adjust is not None:
        amounts = _listed(group, wishes.adjust, "adjust", "amount")
        return {"mode": "adjustments", "people": people, "amounts": amounts}, money.decimal
    if ways and is_whole:
        items = tuple(_item(group, text, people, money) for text in wishes.items)
        return _Split(items, wishes.extras, tuple(people)).document, money.decimal
    if ways:
        return _itemised(group, wishes, people, title, money)
    return {"mode": "equal", "people": people}, money.decimal


def payers_of(group: "Group", paid_by: str | None, total: str) -> dict[str, str]:
    """Who paid how much, by id; one who is named without an amount paid ``total``."""
    if paid_by is None:
        return {group.me: total}
    if "=" not in paid_by:
        return {member_named(group, paid_by).id: total}
    return {one["member"]: one["amount"] for one in _listed(group, paid_by, "paid-by", "amount")}


def _people(group: "Group", wishes: Wishes) -> list[str]:
    if wishes.people is None:
        named = [one.id for one in group.members if one.left_at is None and one.role != "viewer"]
    else:
        named = [group.me, *_each_once("with", group, wishes.people)]
    return [one for one in dict.fromkeys(named) if one != group.me or not wishes.without_me]


def in_words(split: "Mapping[str, Any]", names: "Mapping[str, str]") -> str:
    """How ``split``, a document of the service's, divides a bill; ``names`` by the members' ids."""

    def of(members: "Iterable[str]") -> str:
        return plain(", ".join(sorted(names.get(member, member) for member in members))) or "nobody"

    def each(listed: "Iterable[Mapping[str, Any]]", what: str, unit: str = "") -> str:
        return plain(
            ", ".join(sorted(f"{names.get(one['member'], one['member'])} {one[what]}{unit}" for one in listed))
        )

    match split["mode"]:
        case "equal":
            return f"equally among {of(split['people'])}"
        case "exact":
            return f"exactly: {each(split['amounts'], 'amount')}"
        case "percent":
            return f"by percentages: {each(split['percentages'], 'percent', '%')}"
        case "shares":
            return f"in shares: {each(split['weights'], 'weight')}"
        case "adjustments":
            return f"equally among {of(split['people'])}, but for {each(split['amounts'], 'amount') or 'nobody'}"
    items = [
        f"{plain(one['label'])} {one['price']}" + (f" x{one['quantity']}" if one.get("quantity", 1) != 1 else "")
        + f" of {of(person['member'] for person in one['people'])}"
        for one in split["items"]
    ]  # fmt: skip
    rest = [f"the rest of {of(split['rest'])}"] if split.get("rest") else []
    extras = [
        f"{name} {extra['percent'] + '%' if extra.get('percent') is not None else extra['amount']}"
        for name in ("tax", "tip", "service", "discount")
        if (extra := split.get(name)) is not None
    ]
    return "by items: " + "; ".join([*items, *rest, *extras])


def _each_once(option: str, group: "Group", names: str) -> list[str]:
    """The ids of the members with these names; raises ``BadValue`` where somebody is named twice."""
    found: dict[str, str] = {}
    for name in names.split(","):
        member = member_named(group, name)
        if member.id in found:
            raise BadValue(option, names, f"each person once: {found[member.id]} and {name.strip()} are one")
        found[member.id] = name.strip()
    return list(found)


def _listed(group: "Group", text: str, option: str, what: str) -> list[dict[str, str]]:
    """``ana=10,ben=20`` as documents."""
    found = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise BadValue(option, text, "names with values, such as ana=10,ben=20")
        found.append({"member": member_named(group, name).id, what: value.strip()})
    return found


def _itemised(
    group: "Group", wishes: Wishes, people: list[str], title: str, money: "Money"
) -> tuple[dict[str, Any], str]:
    from chainwallet.rules.itemised import item_for, itemised_total
    from chainwallet.rules.money import Money

    items = [_item(group, text, people, money) for text in wishes.items]
    left_minor = money.amount_minor - sum(item.amount.amount_minor for item in items)
    if left_minor * money.amount_minor < 0:
        over = Money(abs(left_minor), money.currency)
        raise BadValue("item", f"items that come to {over} more than the bill", f"{money} at most")
    if left_minor:
        items.append(item_for(title, Money(left_minor, money.currency), *people))
    split = _Split(tuple(items), wishes.extras)
    total = itemised_total(split.as_rule(money), money.currency)
    return split.document, total.decimal


def _item(group: "Group", text: str, people: list[str], money: "Money") -> Any:
    from chainwallet.rules.itemised import item_for
    from chainwallet.rules.money import parse_money

    match = _ITEM.fullmatch(text.strip())
    if match is None:
        raise BadValue("item", text, 'a label, a price and who had it, such as "Wine 9.90 x2: ana,ben"')
    label, price, quantity, names = match.groups()
    had = people if names is None else _each_once("item", group, names)
    amount = parse_money(price, money.currency, "item")
    if amount.amount_minor * money.amount_minor < 0:
        expected = "below 0, as the bill is a refund" if money.amount_minor < 0 else "above 0, as the bill's amount is"
        raise BadValue("item", text, f"a price {expected}")
    return item_for(label, amount, *had, quantity=int(quantity or 1))


@dataclass(frozen=True)
class _Split:
    """Items, and extras as they were written; what neither covers is divided among ``rest``."""

    items: tuple[Any, ...]
    extras: dict[str, str]
    rest: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """As the service takes it."""
        items = [
            {"label": one.label, "price": one.price.decimal, "quantity": one.quantity,
             "people": [{"member": member} for member in one.people]}
            for one in self.items
        ]  # fmt: skip
        extras = {}
        for name, text in self.extras.items():
            value, spread = _spread(text)
            number = {"percent": value[:-1]} if value.endswith("%") else {"amount": value}
            extras[name] = {**number, "spread": spread}
        return {"mode": "itemised", "items": items, "rest": list(self.rest), **extras}

    def as_rule(self, money: "Money") -> "Itemised":
        """As the rules have it, for its total."""
        from chainwallet.rules.itemised import Itemised

        extras: dict[str, Any] = {name: _extra(name, text, money) for name, text in self.extras.items()}
        return Itemised(self.items, **extras)


def _extra(name: str, text: str, money: "Money") -> "Extra":
    from chainwallet.rules.itemised import Extra
    from chainwallet.rules.money import parse_money
    from chainwallet.rules.number import parse_number

    value, spread = _spread(text)
    if value.endswith("%"):
        return Extra(parse_number(value[:-1], name), spread)
    return Extra(parse_money(value, money.currency, name), spread)


def _spread(text: str) -> tuple[str, Any]:
    """The number, and how it is spread."""
    is_equal = text.strip().endswith(EQUALLY)
    return text.strip().removesuffix(EQUALLY).strip(), "equal" if is_equal else "proportional"
