"""Splitwise's group export ("Export as spreadsheet", CSV): bytes -> a group's history, checked against itself.

A person's cell is what that person paid minus what that person owed. So each row sums to zero, and each currency's
``Total balance`` row repeats the sums of its column. Both are checked; what does not fit is refused with its row.

What is decided here, where the files leave a choice:

- A row is a total when its description (or, with none, its date) is the total's label in any known language, unless it
  has a category and a cost that is not zero: then it is an entry with that name, and a note says so.
- Where a currency has no such row, its last row is the total if it has neither category nor cost and repeats the sums.
  A last row of that shape that repeats no sums could be a total that is wrong, so it is refused.
- Totals may stand anywhere; they are compared with all rows of their currency.
- Cells with parts of a minor unit are kept exactly. They were rounded when they were written, so their rows may miss
  zero by half a unit of the last written decimal for each cell that is not zero, and a person's total may be off by
  less than half a minor unit for each such cell of that person and one for itself. All else is compared exactly.
- The cost is not checked against the cells, because nothing is computed from it; a row that moves more than its cost is
  noted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction

from chainwallet.errors import BadRow, BadValue
from chainwallet.formats.splitwise_headers import HEADINGS, is_payment_category, is_total_label
from chainwallet.formats.splitwise_table import Table, known_currency, read_table
from chainwallet.formats.spreadsheet import (
    NUMBER_EXPECTED,
    Number,
    Record,
    could_be_thousands,
    decode,
    one_line,
    paragraph,
    read_number,
    shown,
    unguarded,
)
from chainwallet.rules.money import Currency, exact_minor

MEANT_DECIMALS = 9  # digits of a cell beyond these are the dust of binary floating point

_DATE, _DESCRIPTION, _CATEGORY, _COST, _CURRENCY = range(HEADINGS)
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])  # sums of 100,000 numbers of 40 digits on either side
_BLANK = Number(Decimal(0), 0, comma=False)
_CURRENCY_EXPECTED = "an ISO 4217 code of a currency with minor units, such as EUR"
_LISTED_ROWS = 5  # that a note names


@dataclass(frozen=True)
class Entry:
    """One expense or payment.

    ``row`` is the line of the file it starts on, from 1; ``date`` is as written. ``cost`` and ``nets`` are in major
    units of ``currency``, exactly as written; ``nets`` has what each person paid minus owed, in the order of the
    group's people. ``cost`` is ``None`` where the cell is blank, and negative for a refund. ``is_payment`` tells a
    payment between two people from an expense.
    """

    row: int
    date: str
    description: str
    category: str
    cost: Decimal | None
    currency: Currency
    nets: tuple[Decimal, ...]
    is_payment: bool


@dataclass(frozen=True)
class GroupHistory:
    """A group's whole history.

    ``people`` have distinct names. ``totals`` holds the cells of the total rows (major units), for the currencies that
    had one. ``currencies`` are in order of first appearance, also those with a total row only. ``notes`` are sentences
    for the reader on what was unusual.
    """

    people: tuple[str, ...]
    entries: tuple[Entry, ...]
    totals: Mapping[Currency, tuple[Decimal, ...]]
    currencies: tuple[Currency, ...]
    notes: tuple[str, ...]

    def exact_nets(self, currency: Currency) -> dict[str, Fraction]:
        """What each person is owed (positive) or owes (negative) in minor units of ``currency``, not rounded.

        They sum to zero, or nearly so where cells carry parts of a minor unit. Raises ``BadValue`` for a currency that
        the history does not have.
        """
        if currency not in self.currencies:
            raise BadValue("currency", currency.code, f"one of {', '.join(c.code for c in self.currencies) or 'none'}")
        rows = [entry.nets for entry in self.entries if entry.currency == currency]
        with localcontext(_EXACT):
            sums = [_sum(nets[person] for nets in rows) for person in range(len(self.people))]
        return {person: exact_minor(total, currency) for person, total in zip(self.people, sums, strict=True)}


def read_splitwise(data: bytes, source: str) -> GroupHistory:
    """The history in ``data``, the bytes of an export; ``source`` is what errors call the file.

    Raises ``BadRow`` for what is no such export, a cell that is no number or currency, a row that does not sum to zero
    and a total that disagrees, with row, heading, value and what was expected; ``BadValue`` for a file above a limit.
    """
    with localcontext(_EXACT):
        table = read_table(decode(data, source), source)
        lines = [_line(table, record) for record in table.rows]
        _refuse_mixed_marks(table, lines)
        by_currency: dict[Currency, list[_Line]] = {}
        for line in lines:
            by_currency.setdefault(line.currency, []).append(line)
        books = {currency: _book(table, currency, own) for currency, own in by_currency.items()}
        entries = [line for line in lines if books[line.currency].total is not line]
        notes = [*table.notes, *(note for book in books.values() for note in book.notes), *_oddities(entries)]
        return GroupHistory(
            people=table.people,
            entries=tuple(map(_entry, entries)),
            totals={currency: book.total.nets for currency, book in books.items() if book.total},
            currencies=tuple(books),
            notes=tuple(notes),
        )


@dataclass(frozen=True)
class _Line:
    """One row as read: an entry or a total."""

    row: int
    date: str
    description: str
    category: str
    cost: Number | None
    currency: Currency
    cells: tuple[Number, ...]

    @property
    def nets(self) -> tuple[Decimal, ...]:
        return tuple(cell.value for cell in self.cells)

    @property
    def parts(self) -> list[bool]:
        """Of each cell, whether it carries a part of a minor unit."""
        minor, decimals = _minor_unit(self.currency), self.currency.decimals
        return [cell.decimals > decimals and bool(cell.value % minor) for cell in self.cells]

    @property
    def bare(self) -> bool:
        """Whether there is neither a category nor a cost, as in a total row."""
        return not self.category and self.cost is None

    @property
    def has_label(self) -> bool:
        return is_total_label(self.description or self.date)

    @property
    def is_total(self) -> bool:
        """Whether its label makes it a total row."""
        return self.has_label and not (self.category and self.cost and self.cost.value)

    @property
    def is_payment(self) -> bool:
        """Whether its category says so, or it is named "Ana paid Ben" and one person pays one other the whole cost."""
        amounts = sorted(filter(None, self.nets))
        pair = len(amounts) == 2 and (self.cost is None or self.cost.value == amounts[1])
        return is_payment_category(self.category) or (pair and " paid " in self.description)


@dataclass(frozen=True)
class _Book:
    """One currency's total row, if it has one, and what was unusual about its rows."""

    total: _Line | None
    notes: tuple[str, ...]


def _line(table: Table, record: Record) -> _Line:
    row, cells = record
    for column in (*table.unnamed, *range(len(table.headings), len(cells))):
        if column < len(cells) and cells[column].strip():
            expected = "no cell here, because the header names nobody in this column"
            raise BadRow(table.source, row, table.heading(column), shown(cells[column]), expected)
    date, description, category, cost, code = (cells + [""] * HEADINGS)[:HEADINGS]
    currency = known_currency(code)
    if currency is None:
        raise BadRow(table.source, row, table.heading(_CURRENCY), shown(code), _CURRENCY_EXPECTED)
    return _Line(
        row=row,
        date=one_line(unguarded(date)),
        description=paragraph(unguarded(description)),
        category=one_line(unguarded(category)),
        cost=_number(table, record, _COST) if cost.strip() else None,
        currency=currency,
        cells=tuple(_number(table, record, column) for column in table.columns),
    )


def _number(table: Table, record: Record, column: int) -> Number:
    cell = record.cells[column] if column < len(record.cells) else ""
    number = read_number(cell) if cell.strip() else _BLANK
    if number is None:
        raise BadRow(table.source, record.row, table.heading(column), shown(cell), NUMBER_EXPECTED)
    return number


def _refuse_mixed_marks(table: Table, lines: Iterable[_Line]) -> None:
    """Where one cell marks decimals by a comma, another's ``1.234`` may be a thousand or one and a bit."""
    comma = next((line.row for line in lines if any(cell.comma for cell in (*line.cells, line.cost or _BLANK))), None)
    if comma is None:
        return
    for row, cells in table.rows:
        for column in (_COST, *table.columns):
            if column < len(cells) and could_be_thousands(cells[column]):
                expected = f"a decimal comma, as in row {comma}: a point before three digits can be read in two ways"
                raise BadRow(table.source, row, table.heading(column), shown(cells[column]), expected)


def _book(table: Table, currency: Currency, lines: Sequence[_Line]) -> _Book:
    """The checks of one currency: each row against zero, the total row against the others."""
    notes = []
    total = _labelled_total(table, lines)
    entries = [line for line in lines if line is not total]
    ends_bare = total is None and entries[-1].bare
    rounded = _rounded(table, entries[:-1] if ends_bare else entries)
    if ends_bare and (total := _unlabelled_total(table, entries)):
        entries.pop()
        notes.append(f"row {total.row} has neither category nor cost and was read as the total of {currency}")
    elif ends_bare:
        rounded += _rounded(table, entries[-1:])
    if total is None:
        notes.append(f"no total row for {currency}")
    elif (person := _disagreement(total, entries)) is not None:
        expected = f"{_sum(line.nets[person] for line in entries):f}, the sum of the column's {currency} rows"
        heading = table.heading(table.columns[person])
        raise BadRow(table.source, total.row, heading, f"{total.nets[person]:f}", expected)
    if parts := sum(sum(line.parts) for line in entries):
        notes.append(f"cells in {currency} with more than {currency.decimals} decimals: {parts}")
    if rounded:
        notes.append(f"rows in {currency} that sum to zero only within rounding: {_listed(rounded)}")
    return _Book(total, tuple(notes))


def _labelled_total(table: Table, lines: Iterable[_Line]) -> _Line | None:
    labelled = [line for line in lines if line.is_total]
    if len(labelled) > 1:
        first, second = labelled[:2]
        expected = f"one total row for {first.currency}, which is row {first.row}"
        raise BadRow(table.source, second.row, table.heading(_DESCRIPTION), shown(second.description), expected)
    return labelled[0] if labelled else None


def _unlabelled_total(table: Table, lines: Sequence[_Line]) -> _Line | None:
    """The last of ``lines``, which is bare, if it is their total with a label in an unknown language.

    Raises ``BadRow`` where it could as well be an entry: it repeats the sums in a file whose entries are bare too, or
    it is the only bare row and repeats no sums.
    """
    *others, last = lines
    repeats = _disagreement(last, others) is None
    entries_are_bare = any(line.bare and any(line.nets) for line in others)
    if any(last.nets) and repeats == entries_are_bare:
        expected = f"a category or a cost, as entries have, or the sums of the {last.currency} rows, as a total has"
        raise BadRow(table.source, last.row, table.heading(_DESCRIPTION), shown(last.description), expected)
    return last if repeats else None


def _disagreement(total: _Line, entries: Sequence[_Line]) -> int | None:
    """The first person whose cell in ``total`` is not the sum of that column in ``entries``, within its rounding."""
    minor = _minor_unit(total.currency)
    nets = [line.nets for line in entries]
    parts = [line.parts for line in entries]
    for person, written in enumerate(total.nets):
        off = abs(written - _sum(row[person] for row in nets))
        rounded_cells = sum(row[person] for row in parts)
        if off and (rounded_cells == 0 or 2 * off >= (rounded_cells + 1) * minor):
            return person
    return None


def _rounded(table: Table, entries: Iterable[_Line]) -> list[int]:
    """The rows that miss zero by no more than the rounding of their cells with parts of a minor unit.

    Raises ``BadRow`` where one misses it by more.
    """
    rounded = []
    for line in entries:
        off = _sum(line.nets)
        if not off:
            continue
        decimals = min(max(cell.decimals for cell in line.cells), MEANT_DECIMALS)
        allowed_halves = sum(map(bool, line.nets)) if any(line.parts) else 0
        if 2 * abs(off) > allowed_halves * Decimal(1).scaleb(-decimals):
            expected = f"0 {line.currency}, because what some paid the others owe"
            raise BadRow(table.source, line.row, "sum of all people", f"{off:f}", expected)
        rounded.append(line.row)
    return rounded


def _oddities(entries: Iterable[_Line]) -> list[str]:
    entries = list(entries)
    named = [line.row for line in entries if line.has_label]
    above = [line.row for line in entries if line.cost and _sum(filter(_positive, line.nets)) > abs(line.cost.value)]
    notes = []
    if named:
        notes.append(f"rows that are called like a total, but have a category and a cost: {_listed(named)}")
    if above:
        notes.append(f"rows that move more money than their cost: {_listed(above)}")
    return notes


def _entry(line: _Line) -> Entry:
    return Entry(
        row=line.row,
        date=line.date,
        description=line.description,
        category=line.category,
        cost=line.cost.value if line.cost else None,
        currency=line.currency,
        nets=line.nets,
        is_payment=line.is_payment,
    )


def _minor_unit(currency: Currency) -> Decimal:
    return Decimal(1).scaleb(-currency.decimals)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _positive(amount: Decimal) -> bool:
    return amount > 0


def _listed(rows: Sequence[int]) -> str:
    """``rows`` for a note: all of a few, else the first few and how many."""
    first = ", ".join(map(str, rows[:_LISTED_ROWS]))
    return first if len(rows) <= _LISTED_ROWS else f"{first} and {len(rows) - _LISTED_ROWS} more"
