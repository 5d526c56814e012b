import random
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import BadRow, Refused
from chainwallet.formats.splitwise import read_splitwise
from chainwallet.formats.splitwise_headers import LANGUAGES
from chainwallet.rules.money import Currency, currency_of

CURRENCIES = [currency_of(code) for code in ("EUR", "MKD", "JPY", "KWD", "CLF")]
DESCRIPTIONS = [
    "Dinner",
    "",
    "Bread, wine",
    'The "good" one',
    "two\nlines",
    "Паркинг 03 и 04",
    "焼き鳥",
    "Ana paid Ben",
    "=1+1",
]
QUIRKS = [
    "bom",
    "utf-16",
    "crlf",
    "cr",
    "note",
    "blank lines",
    "comma lines",
    "no totals",
    "empty column",
    "all quoted",
]

# What a name keeps: no separators and no control characters, in NFC.
NAMES = (
    st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12)
    .map(lambda name: unicodedata.normalize("NFC", name))
    .filter(lambda name: not name.isspace())
)


@dataclass
class Row:
    """A row to be written: ``nets`` in minor units."""

    currency: Currency
    nets: list[int]
    kind: str = "Dinner"
    is_total: bool = False


@dataclass
class Export:
    """A file to be written, and ``lines``: on which line each of its rows came to stand."""

    people: list[str]
    rows: list[Row]
    language: str
    quirks: set[str]
    lines: list[int] = field(default_factory=list)

    def written(self) -> bytes:
        words = LANGUAGES[self.language]
        records = [[*words[:5], *self.people]]
        if "note" in self.quirks:
            records.insert(0, ["Note: does not include group expenses"])
        first = len(records)
        for row in self.rows:
            if "blank lines" in self.quirks:
                records.append([])
            if "comma lines" in self.quirks:
                records.append([""] * (5 + len(self.people)))
            spent = sum(net for net in row.nets if net > 0)
            before = (
                ["2026-05-01", words.total, " ", " "] if row.is_total else ["", row.kind, "General", cell(spent, row)]
            )
            records.append([*before, row.currency.code, *(cell(net, row) for net in row.nets)])
        end = "\r\n" if "crlf" in self.quirks else "\r" if "cr" in self.quirks else "\n"
        lines = [",".join(map(self.quoted, [*record, *[""] * ("empty column" in self.quirks)])) for record in records]
        starts = [1 + sum(1 + line.count("\n") for line in lines[:index]) for index in range(len(lines))]
        self.lines = [start for start, record in zip(starts[first:], records[first:], strict=True) if any(record)]
        text = "".join(line + end for line in lines)
        if "utf-16" in self.quirks:
            return text.encode("utf-16")
        return text.encode("utf-8-sig" if "bom" in self.quirks else "utf-8")

    def quoted(self, text: str) -> str:
        needed = "all quoted" in self.quirks or any(mark in text for mark in ',"\n\r')
        return '"' + text.replace('"', '""') + '"' if needed else text


def cell(minor: int, row: Row) -> str:
    decimals = row.currency.decimals
    digits = str(abs(minor)).rjust(decimals + 1, "0")
    whole, part = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "0")
    return f"{'-' if minor < 0 else ''}{whole}.{part}"


@st.composite
def exports(draw: st.DrawFn, max_rows: int = 200) -> Export:
    people = draw(st.lists(NAMES, min_size=2, max_size=15, unique=True))
    currencies = draw(st.lists(st.sampled_from(CURRENCIES), min_size=1, max_size=3, unique=True))
    count = draw(st.integers(1, max_rows))
    dice = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - hundreds of rows of a group, not a secret
    rows = []
    for _ in range(count):
        nets = [dice.choice((0, dice.randint(-(10**6), 10**6))) for _ in people]
        nets[dice.randrange(len(nets))] -= sum(nets)
        rows.append(Row(dice.choice(currencies), nets, dice.choice(DESCRIPTIONS)))
    quirks = draw(st.sets(st.sampled_from(QUIRKS)))
    if "no totals" not in quirks:
        rows += [Row(currency, sums(rows, currency, len(people)), is_total=True) for currency in currencies]
    return Export(people, rows, draw(st.sampled_from(list(LANGUAGES))), quirks)


def sums(rows: list[Row], currency: Currency, people: int) -> list[int]:
    return [sum(row.nets[person] for row in rows if row.currency == currency) for person in range(people)]


@settings(max_examples=120, deadline=None)
@given(exports())
def test_nets_survive_any_export(export: Export) -> None:
    """Whatever the quirks of an export, each person's net in each currency is read to the last minor unit."""
    history = read_splitwise(export.written(), "group.csv")
    entries = [row for row in export.rows if not row.is_total]
    assert list(history.people) == export.people
    assert [entry.row for entry in history.entries] == export.lines[: len(entries)]
    assert set(history.currencies) == {row.currency for row in export.rows}
    for currency in history.currencies:
        expected = sums(entries, currency, len(export.people))
        assert history.exact_nets(currency) == dict(zip(export.people, expected, strict=True))
        assert (currency in history.totals) == ("no totals" not in export.quirks)


@settings(max_examples=120, deadline=None)
@given(exports(max_rows=40), st.data())
def test_one_minor_unit_more_is_refused(export: Export, data: st.DataObject) -> None:
    """A row or a total that is changed by one minor unit in one cell is refused by its line."""
    index = data.draw(st.integers(0, len(export.rows) - 1))
    person = data.draw(st.integers(0, len(export.people) - 1))
    row = export.rows[index]
    row.nets[person] += data.draw(st.sampled_from((-1, 1)))
    with pytest.raises(BadRow) as refused:
        read_splitwise(export.written(), "group.csv")
    assert refused.value.row == export.lines[index]
    assert refused.value.field == (export.people[person] if row.is_total else "sum of all people")
    off = row.nets[person] if row.is_total else sum(row.nets)
    assert Decimal(refused.value.value) == Decimal(cell(off, row))


@settings(max_examples=120, deadline=None)
@given(exports(max_rows=40), st.data())
def test_money_moved_between_two_people_is_refused(export: Export, data: st.DataObject) -> None:
    """A row or a total that is changed in favour of one person and against another is refused by the total's line."""
    export.quirks.discard("no totals")
    export.rows = [row for row in export.rows if not row.is_total]
    currencies = list(dict.fromkeys(row.currency for row in export.rows))
    totals = [Row(currency, sums(export.rows, currency, len(export.people)), is_total=True) for currency in currencies]
    export.rows += totals
    index = data.draw(st.integers(0, len(export.rows) - 1))
    winner, loser = data.draw(st.permutations(range(len(export.people))))[:2]
    row = export.rows[index]
    row.nets[winner] += 1
    row.nets[loser] -= 1
    with pytest.raises(BadRow) as refused:
        read_splitwise(export.written(), "group.csv")
    total = next(
        line
        for line, each in zip(export.lines, export.rows, strict=True)
        if each.is_total and each.currency == row.currency
    )
    assert (refused.value.row, refused.value.field) == (total, export.people[min(winner, loser)])


HEADERS = st.sampled_from([b"", b"Date,Description,Category,Cost,Currency,Ana,Ben\n", b"a,b,c,d,e,Ana,Ben\n"])
SCRAPS = [
    b",",
    b"\n",
    b'"',
    b"\r",
    b";",
    b"\t",
    b" ",
    b"EUR",
    b"JPY",
    b"1.00",
    b"-1.00",
    b"0",
    b"1,5",
    b"Total balance",
]
ROWS = st.lists(st.sampled_from([*SCRAPS, b"\xff\xfe", b"\xef\xbb\xbf"]), max_size=60).map(b"".join)


def outcome(data: bytes) -> str:
    """What reading ``data`` ends with; anything but a value or a refusal is raised."""
    try:
        history = read_splitwise(data, "any")
    except Refused as refused:
        return str(refused)
    return f"{len(history.people)} people, {len(history.entries)} entries"


@settings(max_examples=400, deadline=None)
@given(HEADERS, st.binary() | ROWS)
def test_any_bytes(header: bytes, data: bytes) -> None:
    """Any bytes are read, or refused with one line for a person."""
    assert "\n" not in outcome(header + data)
