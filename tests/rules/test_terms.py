"""Terms of a bill have one writing, a hash that consents commit to, and lines that texts never move."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import BadValue, TooPrecise, UnknownCurrency
from chainwallet.evm import to_hex
from chainwallet.rules.canonical import Document, canonical
from chainwallet.rules.itemised import Extra, Itemised, item_for
from chainwallet.rules.money import Money, currency_of, parse_money
from chainwallet.rules.split import Adjustments, Equal, Exact, Percent, Shares
from chainwallet.rules.terms import (
    MAX_MINOR,
    MAX_PEOPLE,
    AnySplit,
    Terms,
    check_members,
    lines,
    reversal,
    same_money,
    tie_break,
    with_split,
)
from chainwallet.rules.terms_document import from_document, split_document, split_of, terms_document, terms_hash
from tests.rules.bills import exact_of, random_bill, shuffled

EUR, JPY = currency_of("EUR"), currency_of("JPY")
DAY = date(2026, 11, 27)

dices = st.integers(0, 2**64).map(Random)


def eur(text: str) -> Money:
    return parse_money(text, EUR)


DINNER = Terms("Dinner", "at the port", DAY, eur("84.60"), Equal(("ana", "bob", "eve")), {"bob": eur("84.60")})
MENU = Itemised((item_for("Menu", eur("80"), "ana", "bob"),), tip=Extra(eur("4.60")))


def changed(path: str, value: object, of: Mapping[str, Document]) -> Document:
    """The document ``of`` with another value (None: without) at ``path``."""
    first, _, rest = path.partition(".")
    document = dict(of)
    if rest:
        inner = document[first]
        assert isinstance(inner, Mapping)
        document[first] = changed(rest, value, inner)
    elif value is None:
        del document[first]
    else:
        document[first] = value  # type: ignore[assignment]  # the tests also write what no document holds
    return document


@settings(max_examples=40, deadline=None)
@given(dices)
def test_a_document_reads_back(dice: Random) -> None:
    """Terms of any mode read back from their document as they were, to the same bytes, hash and lines."""
    bill = random_bill(dice)
    terms = bill.terms
    document = terms_document(terms)
    again = from_document(document)
    assert canonical(terms_document(again)) == canonical(document)
    assert exact_of(again) == exact_of(terms)
    assert set(lines(again, bill.lineage)) == set(lines(terms, bill.lineage))
    assert from_document(terms_document(again)) == again
    if not isinstance(terms.split, Itemised):
        split, payers = shuffled(terms, dice)
        assert terms_hash(replace(terms, split=split, payers=payers)) == terms_hash(terms)


def test_a_document_by_example() -> None:
    """The document of a bill is what anybody can write and hash again by RFC 8785."""
    assert canonical(terms_document(DINNER)).decode() == (
        '{"currency":"EUR","date":"2026-11-27","kind":"chainwallet/bill/1","note":"at the port",'
        '"payers":{"bob":"84.60"},"split":{"mode":"equal","people":["ana","bob","eve"]},"title":"Dinner",'
        '"total":"84.60"}'
    )
    assert to_hex(terms_hash(DINNER)) == "0x85de9130f7e5219b4fb5fa07b6f3447f71ef7e985042e7fc797076fb667b3c7a"


SPLITS: list[tuple[AnySplit, Document]] = [
    (Exact({"bob": eur("4"), "ana": eur("6")}), {"mode": "exact", "amounts": {"ana": "6.00", "bob": "4.00"}}),
    (
        Percent({"ana": Decimal("33.30"), "bob": Fraction(667, 10)}),
        {"mode": "percent", "percentages": {"ana": "33.3", "bob": "66.7"}},
    ),
    (Shares({"ana": Fraction(1, 3), "bob": 2}), {"mode": "shares", "weights": {"ana": "1/3", "bob": "2"}}),
    (
        Adjustments(("bob", "ana"), {"bob": eur("-1")}),
        {"mode": "adjustments", "people": ["ana", "bob"], "amounts": {"bob": "-1.00"}},
    ),
    (
        replace(MENU, rest=("eve",), discount=Extra(5, "equal")),
        {
            "mode": "itemised",
            "items": [{"label": "Menu", "price": "80.00", "quantity": 1, "people": {"ana": "1", "bob": "1"}}],
            "rest": ["eve"],
            "tip": {"amount": "4.60", "spread": "proportional"},
            "discount": {"percent": "5", "spread": "equal"},
        },
    ),
]


@pytest.mark.parametrize(("split", "document"), SPLITS)
def test_splits_by_example(split: AnySplit, document: Document) -> None:
    """A split's document states amounts as decimals, and weights and percentages exactly."""
    assert split_document(split) == document
    assert split_document(split_of(document, EUR)) == document


def test_a_split_may_be_written_loosely() -> None:
    """A split is read with people in any order and numbers in any plain writing."""
    split = split_of({"mode": "adjustments", "people": ["bob", "ana"], "amounts": {"bob": "1"}}, EUR)
    assert split == Adjustments(("bob", "ana"), {"bob": eur("1.00")})
    item: Document = {"label": "Tea", "price": "2", "people": {"ana": "1"}}
    tea = split_of({"mode": "itemised", "items": [item], "tip": {"percent": "10.0"}}, EUR)
    assert tea == Itemised((item_for("Tea", eur("2"), "ana"),), tip=Extra(10))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("kind", "chainwallet/bill/2", "kind"),
        ("title", None, "document.title"),
        ("colour", "red", "document.colour"),
        ("title", 5, "title"),
        ("title", " Dinner", "title"),
        ("date", "2026-11-31", "date"),
        ("date", "20261127", "date"),
        ("total", "84.6", "total"),
        ("total", "84,60", "total"),
        ("total", 84, "total"),
        ("currency", "eur", "currency"),
        ("payers", [], "payers"),
        ("payers.bob", "84.6", "payers"),
        ("payers.Bob B", "1.00", "people"),
        ("split", "equal", "split"),
        ("split.mode", "fair", "split.mode"),
        ("split.mode", None, "split.mode"),
        ("split.people", "ana", "people"),
        ("split.people", ["bob", "ana", "eve"], "split"),
        ("split.people", ["ana", "ana"], "people"),
        ("split.people", [], "people"),
        ("split.people", None, "split.people"),
        ("split.weights", {}, "split.weights"),
        ("split", {"mode": "itemised", "items": [{}]}, "items.0.label"),
        ("split", {"mode": "itemised", "items": [], "tip": {}}, "tip"),
        ("split", {"mode": "itemised", "items": [], "tip": {"percent": "1", "amount": "1"}}, "tip"),
        ("split", {"mode": "itemised", "items": [], "tip": {"percent": "1", "spread": "odd"}}, "tip.spread"),
        ("split", {"mode": "itemised", "items": {}, "rest": ["ana"]}, "items"),
        ("split", {"mode": "shares", "weights": {"ana": "1e3"}}, "shares.ana"),
        ("split", {"mode": "shares", "weights": {"ana": 1}}, "shares.ana"),
    ],
)
def test_a_document_that_is_not_as_written_is_refused(path: str, value: object, field: str) -> None:
    """A field that is missing, unknown, of another kind or written another way is refused by name."""
    with pytest.raises(BadValue) as refused:
        from_document(changed(path, value, terms_document(DINNER)))
    assert refused.value.field == field


def test_a_quantity_is_a_whole_number() -> None:
    """A quantity that is a text or a truth value is refused."""
    for quantity in ("2", True):
        item: Document = {"label": "Tea", "price": "2", "people": {"ana": "1"}, "quantity": quantity}
        with pytest.raises(BadValue) as refused:
            split_of({"mode": "itemised", "items": [item]}, EUR)
        assert refused.value.field == "items.0.quantity"


def test_currencies_and_decimals_of_a_document() -> None:
    """An unknown currency and an amount with too many decimals are refused as such."""
    with pytest.raises(UnknownCurrency):
        from_document(changed("currency", "EUX", terms_document(DINNER)))
    with pytest.raises(TooPrecise):
        from_document(changed("total", "84.600", terms_document(DINNER)))


def several(count: int) -> Equal:
    return Equal(tuple(f"m{number}" for number in range(count)))


BIG = Money(MAX_MINOR, EUR)


@pytest.mark.parametrize(
    ("bad", "field", "value"),
    [
        ({"title": ""}, "title", ""),
        ({"title": "x" * 121}, "title", "x" * 63 + "…"),
        ({"title": "Din\u202ener"}, "title", "Din\u202ener"),
        ({"title": "Cafe\u0301"}, "title", "Cafe\u0301"),
        ({"note": "x" * 2_001}, "note", "x" * 63 + "…"),
        ({"note": "a\x00b"}, "note", "a\x00b"),
        ({"date": date(1899, 12, 31)}, "date", "1899-12-31"),
        ({"date": date(2200, 1, 1)}, "date", "2200-01-01"),
        ({"total": BIG + Money(1, EUR)}, "total", "10000000000000.01 EUR"),
        ({"split": several(MAX_PEOPLE)}, "people", MAX_PEOPLE + 1),
        ({"split": Equal(("ana", "Bob B"))}, "people", "Bob B"),
        ({"split": Equal(("ana", "x" * 65))}, "people", "x" * 64),
        ({"split": Equal(("ana", "ana"))}, "people", "ana"),
        ({"split": Percent({"ana": 50, "bob": Decimal("49.99")})}, "percent", "99.99"),
        ({"split": Exact({"ana": eur("84.00")})}, "exact", "84.00 EUR"),
        ({"payers": {"ana": eur("80")}}, "payers", "80.00 EUR"),
        ({"payers": {}}, "payers", "0.00 EUR"),
        ({"split": Itemised((item_for(" Tea", eur("84.60"), "ana"),))}, "items.0.label", " Tea"),
        ({"split": Itemised((item_for("Tea", BIG, "ana", quantity=2),))}, "items.0.price", "20000000000000.00 EUR"),
    ],
)
def test_terms_that_break_a_rule_cannot_be_made(bad: dict[str, object], field: str, value: object) -> None:
    """Texts, days, amounts and people beyond their limits are refused with field and value."""
    with pytest.raises(BadValue) as refused:
        replace(DINNER, **bad)  # type: ignore[arg-type]  # each is of its field's type
    assert (refused.value.field, refused.value.value) == (field, value)


@pytest.mark.parametrize(
    ("split", "difference"),
    [
        (Percent({"ana": 50, "bob": Decimal("49.99")}), "100 together; 0.01 is missing"),
        (Percent({"ana": 50, "bob": Decimal("50.5")}), "100 together; 0.5 is too much"),
        (Exact({"ana": eur("84.00")}), "84.60 EUR together; 0.60 EUR is missing"),
        (Exact({"ana": eur("84.00"), "bob": eur("1")}), "84.60 EUR together; 0.40 EUR is too much"),
    ],
)
def test_what_does_not_sum_says_the_difference(split: AnySplit, difference: str) -> None:
    """Amounts that miss the total, and percentages that miss 100, are refused with the difference."""
    with pytest.raises(BadValue) as refused:
        with_split(DINNER, split)
    assert refused.value.expected == difference


def test_the_largest_bill_is_exact() -> None:
    """A bill of the largest amount among the most people is divided exactly."""
    people = several(MAX_PEOPLE)
    terms = Terms("All", "", DAY, BIG, people, {"m0": BIG})
    shares = [line.share.amount_minor for line in lines(terms, tie_break("ab12"))]
    assert (len(shares), sum(shares)) == (MAX_PEOPLE, MAX_MINOR)


def test_texts_never_move_a_cent() -> None:
    """Another title, note, date or label is the same money; other amounts, payers or shares are not."""
    sevenths = replace(DINNER, split=Shares({"ana": 1, "bob": 3, "eve": 3}))
    cosmetic = replace(sevenths, title="Supper", note="", date=date(2026, 1, 1))
    assert same_money(sevenths, cosmetic)
    assert lines(sevenths, tie_break("ab")) == lines(cosmetic, tie_break("ab"))
    assert terms_hash(sevenths) != terms_hash(cosmetic)
    menu = replace(DINNER, split=MENU)
    assert same_money(menu, replace(menu, split=replace(MENU, items=(item_for("Lunch", eur("80"), "bob", "ana"),))))
    assert same_money(DINNER, replace(DINNER, split=Shares({"ana": 2, "bob": 2, "eve": 2, "gus": 0})))
    assert same_money(DINNER, replace(DINNER, split=Adjustments(("eve", "ana", "bob"), {})))
    assert not same_money(DINNER, sevenths)
    assert not same_money(DINNER, replace(DINNER, payers={"ana": eur("84.60")}))
    assert not same_money(DINNER, replace(DINNER, total=eur("84.61"), payers={"bob": eur("84.61")}))
    yen = Money(8460, JPY)
    assert not same_money(DINNER, replace(DINNER, total=yen, payers={"bob": yen}))


@settings(max_examples=40, deadline=None)
@given(dices)
def test_the_same_money_has_the_same_lines(dice: Random) -> None:
    """Terms with the same exact shares have the same lines under every lineage, in whatever mode they state them."""
    terms = random_bill(dice).terms
    exact = exact_of(terms)
    if sum(exact.values()) != terms.total.amount_minor:
        return  # its total is rounded: no weights say the same
    other = replace(terms, split=Shares(dict(reversed(exact.items()))))
    assert same_money(terms, other)
    lineage = dice.randbytes(8)
    assert set(lines(terms, lineage)) == set(lines(other, lineage))


def test_a_tie_is_broken_by_the_bill() -> None:
    """Who gets the odd cent differs from bill to bill, and stays the same through all versions of one."""
    cent = Terms("Cent", "", DAY, eur("0.01"), several(5), {"m0": eur("0.01")})
    lucky = {
        next(line.person for line in lines(cent, tie_break(f"bill-{number}")) if line.share == eur("0.01"))
        for number in range(40)
    }
    assert lucky == set(several(5).people)


def test_a_reversal_takes_everything_back() -> None:
    """A reversal states everyone's rounded share negatively, so that the two bills sum to nothing."""
    terms = replace(DINNER, split=replace(MENU, rest=("eve",)), total=eur("90.01"), payers={"gus": eur("90.01")})
    found = lines(terms, tie_break("first"))
    undone = reversal(terms, found, "Dinner taken back", date(2026, 12, 1), note="wrong group")
    assert (undone.title, undone.note, undone.date) == ("Dinner taken back", "wrong group", date(2026, 12, 1))
    back = {line.person: line for line in lines(undone, tie_break("second"))}
    assert {line.person: (-line.share, -line.paid, -line.net) for line in found} == {
        person: (line.share, line.paid, line.net) for person, line in back.items()
    }


def test_everybody_is_a_member() -> None:
    """A payer or participant outside the group is refused by name."""
    check_members(DINNER, {"ana", "bob", "eve", "gus"})
    with pytest.raises(BadValue) as payer:
        check_members(DINNER, {"ana", "eve"})
    assert (payer.value.field, payer.value.value) == ("payers.bob", "84.60 EUR")
    with pytest.raises(BadValue) as participant:
        check_members(DINNER, {"ana", "bob"})
    assert (participant.value.field, participant.value.value) == ("people", "eve")


def test_people_are_named_once() -> None:
    """The people of a bill are those of its split and those who only paid, each once."""
    terms = replace(DINNER, payers={"gus": eur("80"), "eve": eur("4.60")})
    assert terms.people == ("ana", "bob", "eve", "gus")
    assert terms.currency == EUR
