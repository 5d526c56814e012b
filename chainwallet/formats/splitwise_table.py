"""Finding the table in a Splitwise export: the header, the people, the rows below it.

Lines before the header are notes. A header in an unknown language is accepted when a row below it has the layout's
shape: a currency in the fifth column and amounts that sum to zero after it.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import islice, pairwise

from chainwallet.errors import BadRow, BadValue, UnknownCurrency
from chainwallet.formats.splitwise_headers import HEADINGS, is_header, is_spliit_header
from chainwallet.formats.spreadsheet import Record, one_line, read_number, records, shown, unguarded
from chainwallet.rules.money import Currency, currency_of

MAX_ROWS = 100_000  # decades of a busy group
MAX_PEOPLE = 256  # Cash.settle takes at most this many legs
HEADER_WITHIN = 50  # records: the header stands at the top, below a note or two
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}  # Splitwise writes commas, spreadsheet programs any

_HEADER_EXPECTED = "a Splitwise export: Date,Description,Category,Cost,Currency and a column for each person"
_SPLIIT_EXPECTED = f"{_HEADER_EXPECTED}; this looks like a Spliit export, whose cells do not say who paid"
_ROUNDING = Decimal("0.005")  # of one cell, in the first row under an unknown header


@dataclass(frozen=True)
class Table:
    """An export's table: all headings, the people and their columns, columns with no name, rows that are not blank."""

    source: str
    headings: tuple[str, ...]
    people: tuple[str, ...]
    columns: tuple[int, ...]
    unnamed: tuple[int, ...]
    rows: tuple[Record, ...]
    notes: tuple[str, ...]

    def heading(self, column: int) -> str:
        """What an error calls ``column``, counted from 0."""
        if column in self.columns:
            return shown(self.people[self.columns.index(column)])
        named = column < len(self.headings) and self.headings[column]
        return shown(named or f"column {column + 1}")


def read_table(text: str, source: str) -> Table:
    """The table in ``text``.

    Raises ``BadRow`` where there is no header of this layout, nobody in it, or a broken record, and ``BadValue`` above
    ``MAX_ROWS`` or ``MAX_PEOPLE``.
    """
    delimiter, header, notes = _find_header(text, source)
    names = {column: one_line(unguarded(cell)) for column, cell in enumerate(header.cells) if column >= HEADINGS}
    columns = tuple(column for column, name in names.items() if name)
    if not columns:
        expected = "a column for each person after the currency"
        raise BadRow(source, header.row, "header", shown(",".join(header.cells)), expected)
    if len(columns) > MAX_PEOPLE:
        raise BadValue(f"people in {source}", len(columns), f"at most {MAX_PEOPLE} people")
    people = _distinguished([names[column] for column in columns])
    notes += [
        f"more than one person is called {names[column]}; the one in column {column + 1} is shown as {person}"
        for column, person in zip(columns, people, strict=True)
        if names[column] != person
    ]
    below = (record for record in records(text, delimiter, source) if record.row > header.row)
    rows = tuple(islice(below, MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise BadValue(f"rows of {source}", f"more than {MAX_ROWS:,}", f"at most {MAX_ROWS:,} rows")
    headings = tuple(map(one_line, header.cells))
    unnamed = tuple(column for column, name in names.items() if not name)
    return Table(source, headings, people, columns, unnamed, rows, tuple(notes))


@lru_cache(maxsize=1024)
def known_currency(code: str) -> Currency | None:
    """The currency whose ISO 4217 code is ``code`` (spaces around it and case ignored), if there is one."""
    try:
        return currency_of(code) if code.strip().isascii() else None
    except UnknownCurrency:
        return None


def _find_header(text: str, source: str) -> tuple[str, Record, list[str]]:
    """The delimiter, the header, and what was unusual about them."""
    if not text.strip():
        raise BadRow(source, 1, "header", "an empty file", _HEADER_EXPECTED)
    tops = {delimiter: _top(text, delimiter, source) for delimiter in DELIMITERS}
    for delimiter, top in tops.items():
        for index, record in enumerate(top):
            if is_header(record.cells):
                return delimiter, record, _notes(delimiter, top[:index])
    for delimiter, top in tops.items():
        for index, (above, below) in enumerate(pairwise(top)):
            if _could_be_header(above.cells) and _has_the_shape(below.cells):
                words = ", ".join(map(one_line, above.cells[:HEADINGS]))
                unknown = f"the header is in an unknown language ({shown(words)}) and was told by the rows below it"
                return delimiter, above, [*_notes(delimiter, top[:index]), unknown]
    top = tops[","]
    for record in top:
        if is_spliit_header(record.cells):
            raise BadRow(source, record.row, "header", shown(",".join(record.cells)), _SPLIIT_EXPECTED)
    first = top[0] if top else Record(1, [text.strip()])
    raise BadRow(source, first.row, "header", shown(",".join(first.cells)), _HEADER_EXPECTED)


def _top(text: str, delimiter: str, source: str) -> list[Record]:
    """The first records, up to a broken one: this may be no such file, or have another delimiter."""
    top = []
    try:
        for record in islice(records(text, delimiter, source), HEADER_WITHIN):
            top.append(record)  # noqa: PERF402 - what was read before an error is kept
    except BadRow:
        pass
    return top


def _notes(delimiter: str, before: list[Record]) -> list[str]:
    lines = (one_line(delimiter.join(record.cells).rstrip(delimiter)) for record in before)
    notes = [f"before the header: {shown(line)}" for line in lines]
    if delimiter != ",":
        notes.append(f"cells are separated by {DELIMITERS[delimiter]}")
    return notes


def _could_be_header(cells: list[str]) -> bool:
    words = [cell for cell in cells if cell.strip()]
    return len(words) >= HEADINGS + 2 and all(map(str.strip, cells[:HEADINGS])) and not any(map(read_number, words))


def _has_the_shape(cells: list[str]) -> bool:
    if len(cells) <= HEADINGS or known_currency(cells[HEADINGS - 1]) is None:
        return False
    numbers = [read_number(cell) for cell in cells[HEADINGS:] if cell.strip()]
    nets = [number.value for number in numbers if number]
    return bool(nets) and len(nets) == len(numbers) and abs(sum(nets, Decimal(0))) <= len(nets) * _ROUNDING


def _distinguished(names: list[str]) -> tuple[str, ...]:
    """``names`` with a number after each that was there before: Alex, Alex (2)."""
    taken: set[str] = set()
    people = []
    for name in names:
        person, number = name, 1
        while person in taken or (number > 1 and person in names):
            number += 1
            person = f"{name} ({number})"
        taken.add(person)
        people.append(person)
    return tuple(people)
