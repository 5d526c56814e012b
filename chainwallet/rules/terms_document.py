"""Terms and splits as documents, and back: amounts as decimal texts, weights and percentages as exact numbers.

``terms_hash`` is what consents commit to: the Keccak-256 of the document as RFC 8785 writes it. The document names
people in the order of their ids, so that an order of people is no part of it; items keep theirs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar, assert_never

from chainwallet.errors import BadValue
from chainwallet.evm import Hash32
from chainwallet.rules.canonical import Document, document_hash
from chainwallet.rules.itemised import EXTRAS, MAX_ITEMS, MAX_QUANTITY, Extra, Item, Itemised
from chainwallet.rules.money import Currency, Money, currency_of, parse_money
from chainwallet.rules.number import Number, number_text, parse_number
from chainwallet.rules.split import Adjustments, Equal, Exact, Percent, Shares
from chainwallet.rules.terms import MAX_PEOPLE, AnySplit, Terms, check_member_id

KIND = "chainwallet/bill/1"
MODES = ("equal", "exact", "percent", "shares", "adjustments", "itemised")

_FIELDS = {"kind", "title", "note", "date", "currency", "total", "split", "payers"}
_MODE_FIELDS = {
    "equal": {"people"},
    "exact": {"amounts"},
    "percent": {"percentages"},
    "shares": {"weights"},
    "adjustments": {"people", "amounts"},
    "itemised": {"items", "rest", *EXTRAS},
}
_OPTIONAL = {"rest", *EXTRAS}

_Read = TypeVar("_Read")


def terms_document(terms: Terms) -> dict[str, Document]:
    """The document of ``terms``: ``kind``, texts, ``date``, ``currency``, ``total``, ``split``, ``payers``."""
    return {
        "kind": KIND,
        "title": terms.title,
        "note": terms.note,
        "date": terms.date.isoformat(),
        "currency": terms.currency.code,
        "total": terms.total.decimal,
        "split": split_document(terms.split),
        "payers": _amounts(terms.payers),
    }


def terms_hash(terms: Terms) -> Hash32:
    """The Keccak-256 of the document of ``terms`` in its one writing."""
    return document_hash(terms_document(terms))


def split_document(split: AnySplit) -> dict[str, Document]:
    """The document of ``split``: ``mode`` (one of ``MODES``) and what the mode needs."""
    match split:
        case Equal(people):
            return {"mode": "equal", "people": sorted(people)}
        case Exact(amounts):
            return {"mode": "exact", "amounts": _amounts(amounts)}
        case Percent(percentages):
            return {"mode": "percent", "percentages": _numbers(percentages)}
        case Shares(weights):
            return {"mode": "shares", "weights": _numbers(weights)}
        case Adjustments(people, amounts):
            return {"mode": "adjustments", "people": sorted(people), "amounts": _amounts(amounts)}
        case Itemised():
            items = [_item_document(item) for item in split.items]
            document: dict[str, Document] = {"mode": "itemised", "items": items}
            if split.rest:
                document["rest"] = sorted(split.rest)
            return document | {name: _extra_document(extra) for name, extra in split.extras}
    assert_never(split)


def from_document(document: Document) -> Terms:
    """The terms that ``document`` states: the inverse of ``terms_document``.

    Raises ``BadValue`` naming the field for a document that is not exactly as ``terms_document`` writes it,
    ``UnknownCurrency``, and what ``Terms`` raises.
    """
    fields = _object(document, "document", _FIELDS, frozenset())
    if fields["kind"] != KIND:
        raise BadValue("kind", fields["kind"], KIND)
    currency = currency_of(_text(fields["currency"], "currency"))
    terms = Terms(
        title=_text(fields["title"], "title"),
        note=_text(fields["note"], "note"),
        date=parse_date(_text(fields["date"], "date"), "date"),
        total=parse_money(_text(fields["total"], "total"), currency, "total"),
        split=split_of(fields["split"], currency),
        payers=_map(fields["payers"], "payers", _money_in(currency)),
    )
    again = terms_document(terms)
    for field, value in fields.items():
        if again[field] != value:
            raise BadValue(field, value, f"as terms are written: {again[field]!r}")
    return terms


def split_of(document: Document, currency: Currency) -> AnySplit:
    """The split that ``document`` states, with amounts in ``currency``; people in any order, numbers in any writing.

    Raises ``BadValue`` naming the field for a field that is missing, unknown or of another kind; ``TooPrecise``.
    """
    mode = _text(_object(document, "split", {"mode"}, None)["mode"], "split.mode")
    if mode not in _MODE_FIELDS:
        raise BadValue("split.mode", mode[:64], f"one of {', '.join(MODES)}")
    fields = _object(document, "split", {"mode", *_MODE_FIELDS[mode]}, _OPTIONAL)
    money = _money_in(currency)
    match mode:
        case "equal":
            return Equal(_people(fields["people"], "people"))
        case "exact":
            return Exact(_map(fields["amounts"], "exact", money))
        case "percent":
            return Percent(_map(fields["percentages"], "percent", _number))
        case "shares":
            return Shares(_map(fields["weights"], "shares", _number))
        case "adjustments":
            return Adjustments(_people(fields["people"], "people"), _map(fields["amounts"], "adjustments", money))
        case _:
            return _itemised(fields, currency)


def parse_date(text: str, field: str) -> date:
    """The day that ``text`` writes as ``2026-11-27``; raises ``BadValue`` of ``field``."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise BadValue(field, text[:64], "a day such as 2026-11-27")
    return day


# ------------------------------------------------------------------------------------------------ writing


def _amounts(amounts: Mapping[str, Money]) -> dict[str, Document]:
    return {person: amounts[person].decimal for person in sorted(amounts)}


def _numbers(numbers: Mapping[str, Number]) -> dict[str, Document]:
    return {person: number_text(numbers[person]) for person in sorted(numbers)}


def _item_document(item: Item) -> dict[str, Document]:
    return {
        "label": item.label,
        "price": item.price.decimal,
        "quantity": item.quantity,
        "people": _numbers(item.people),
    }


def _extra_document(extra: Extra) -> dict[str, Document]:
    if isinstance(extra.value, Money):
        return {"amount": extra.value.decimal, "spread": extra.spread}
    return {"percent": number_text(extra.value), "spread": extra.spread}


# ------------------------------------------------------------------------------------------------ reading


def _itemised(fields: Mapping[str, Document], currency: Currency) -> Itemised:
    items = _list(fields["items"], "items", MAX_ITEMS)
    extras = {name: _extra(fields[name], name, currency) for name in EXTRAS if name in fields}
    return Itemised(
        items=tuple(_item(item, f"items.{index}", currency) for index, item in enumerate(items)),
        rest=_people(fields.get("rest", []), "rest"),
        **extras,
    )


def _item(document: Document, field: str, currency: Currency) -> Item:
    fields = _object(document, field, {"label", "price", "quantity", "people"}, {"quantity"})
    quantity = fields.get("quantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise BadValue(f"{field}.quantity", quantity, f"a whole number from 1 to {MAX_QUANTITY}")
    label, price = _text(fields["label"], f"{field}.label"), _text(fields["price"], f"{field}.price")
    people = _map(fields["people"], f"{field}.people", _number)
    return Item(label, parse_money(price, currency, f"{field}.price"), people, quantity)


def _extra(document: Document, field: str, currency: Currency) -> Extra:
    fields = _object(document, field, {"amount", "percent", "spread"}, {"amount", "percent", "spread"})
    spread = fields.get("spread", "proportional")
    if spread not in ("proportional", "equal"):
        raise BadValue(f"{field}.spread", spread, "proportional or equal")
    if ("amount" in fields) == ("percent" in fields):
        raise BadValue(field, sorted(fields), "either an amount or a percent")
    value: Money | Number
    if "amount" in fields:
        value = parse_money(_text(fields["amount"], f"{field}.amount"), currency, field)
    else:
        value = parse_number(_text(fields["percent"], f"{field}.percent"), field)
    return Extra(value, spread)


def _object(
    document: Document, field: str, names: Iterable[str], optional: Iterable[str] | None
) -> Mapping[str, Document]:
    """``document`` as an object with all ``names`` but the ``optional``; others are refused unless that is None."""
    if not isinstance(document, Mapping):
        raise BadValue(field, type(document).__name__, "an object")
    for name in sorted(set(names) - set(optional or ())):
        if name not in document:
            raise BadValue(f"{field}.{name}", "nothing", "this field")
    if optional is not None:
        for name in document:
            if name not in names:
                raise BadValue(f"{field}.{name[:64]}", "a field", f"only {', '.join(sorted(names))}")
    return document


def _text(document: Document, field: str) -> str:
    if not isinstance(document, str):
        raise BadValue(field, document, "a text")
    return document


def _list(document: Document, field: str, most: int) -> Sequence[Document]:
    if isinstance(document, str) or not isinstance(document, Sequence):
        raise BadValue(field, type(document).__name__, "a list")
    if len(document) > most:
        raise BadValue(field, len(document), f"at most {most}")
    return document


def _people(document: Document, field: str) -> tuple[str, ...]:
    return tuple(_text(person, field) for person in _list(document, field, MAX_PEOPLE))


def _map(document: Document, field: str, read: Callable[[str, str], _Read]) -> dict[str, _Read]:
    if not isinstance(document, Mapping):
        raise BadValue(field, type(document).__name__, "an object")
    if len(document) > MAX_PEOPLE:
        raise BadValue(field, len(document), f"at most {MAX_PEOPLE}")
    for person in document:
        check_member_id(person)
    return {person: read(_text(text, f"{field}.{person}"), f"{field}.{person}") for person, text in document.items()}


def _money_in(currency: Currency) -> Callable[[str, str], Money]:
    return lambda text, field: parse_money(text, currency, field)


def _number(text: str, field: str) -> Number:
    return parse_number(text, field)
