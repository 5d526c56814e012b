"""What exported spreadsheets have in common: text, records with line numbers, numbers as people write them.

Bytes in, values out; nothing is guessed. A number that can be read in two ways is not a number.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from io import StringIO
from typing import NamedTuple

from chainwallet.errors import BadRow, BadValue

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
MAX_BYTES = 10_000_000  # some 60,000 rows of 15 people
MAX_CELL_CHARS = 10_000  # csv itself refuses cells above 131,072
MAX_DIGITS = 40  # of one number: beyond any amount of any currency

_SHOWN_CHARS = 80  # of a value that an error repeats
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # all but tabs and line ends
_LINE_END = re.compile("\r\n|\r|\n")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TEXT_EXPECTED = "UTF-8 text (or UTF-16 with a byte order mark): a CSV file, not a spreadsheet program's own format"
_QUOTES_EXPECTED = (
    f"balanced quotes, with quotes inside a cell doubled, and at most {MAX_CELL_CHARS:,} characters a cell"
)

NUMBER_EXPECTED = "a number such as -12.50, whose separators can be read in only one way"

_PLAIN = re.compile(rf"-?\d{{1,{MAX_DIGITS}}}(?:\.(\d{{1,{MAX_DIGITS}}}))?", re.ASCII)
_SPACES = " \u00a0\u2009\u202f'’"  # used between groups of three digits: spaces of four kinds, two apostrophes
_MINUS_SIGNS = str.maketrans({"\u2212": "-"})
_DECIMAL_COMMA = str.maketrans({",": ".", ".": None, **dict.fromkeys(_SPACES)})
_DECIMAL_POINT = str.maketrans({",": None, **dict.fromkeys(_SPACES)})
_POINTS_GROUP = str.maketrans({".": None})
_OTHER_WAYS = tuple(
    (re.compile(f"-?{digits}", re.ASCII), table)
    for digits, table in (
        (r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}\.\d+", _DECIMAL_POINT),  # 1,234.50 and the Indian 1,23,456.00
        (r"[1-9]\d{0,2}(?:,\d{2,3})+,\d{3}", _DECIMAL_POINT),  # 1,234,567
        (r"[1-9]\d{0,2}(?:\.\d{3})+,\d+", _DECIMAL_COMMA),  # 1.234,50
        (r"[1-9]\d{0,2}(?:\.\d{3}){2,}", _POINTS_GROUP),  # 1.234.567
        (r"\d+,(?:\d{1,2}|\d{4,})", _DECIMAL_COMMA),  # 12,50
        (r"(?:0\d*|\d{4,}),\d{3}", _DECIMAL_COMMA),  # 0,125 and 1234,125
        (rf"[1-9]\d{{0,2}}(?:[{_SPACES}]\d{{3}})+(?:\.\d+)?", _DECIMAL_POINT),  # 1 234.50
        (rf"[1-9]\d{{0,2}}(?:[{_SPACES}]\d{{3}})+,\d+", _DECIMAL_COMMA),  # 1 234,50
    )
)
_GROUP_OR_DECIMALS = re.compile(r"-?[1-9]\d{0,2}\.\d{3}", re.ASCII)  # 1.234, where commas mark the decimals


class Record(NamedTuple):
    """One record: ``row`` is the physical line it starts on, counted from 1; ``cells`` are as written."""

    row: int
    cells: list[str]


class Number(NamedTuple):
    """A number: its exact ``value``, how many ``decimals`` were written, whether a ``comma`` marked them."""

    value: Decimal
    decimals: int
    comma: bool


def decode(data: bytes, source: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark, without that mark.

    Raises ``BadValue`` above ``MAX_BYTES``, and ``BadRow`` for bytes that are no text.
    """
    if len(data) > MAX_BYTES:
        raise BadValue(f"size of {source}", f"{len(data):,} bytes", f"at most {MAX_BYTES:,} bytes")
    encoding = "utf-16" if data.startswith(_UTF16_MARKS) else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        row = _line_of(data[: error.start].decode(encoding, "ignore"))
        raise BadRow(source, row, "text", f"byte 0x{data[error.start]:02x}", _TEXT_EXPECTED) from None
    if "\0" in text:
        raise BadRow(source, _line_of(text[: text.index("\0")]), "text", "byte 0x00", _TEXT_EXPECTED)
    return text.lstrip("\ufeff")


def records(text: str, delimiter: str, source: str) -> Iterator[Record]:
    """The records of ``text`` that are not blank (RFC 4180; lines may end in CRLF, LF or CR).

    Raises ``BadRow`` for unbalanced quotes and for a cell above ``MAX_CELL_CHARS``.
    """
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        row = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            raise BadRow(source, row, "quotes", shown(_line(text, row)), _QUOTES_EXPECTED) from None
        if cells is None:
            return
        if not any(map(str.strip, cells)):
            continue
        if len(longest := max(cells, key=len)) > MAX_CELL_CHARS:
            expected = f"at most {MAX_CELL_CHARS:,} characters"
            raise BadRow(source, row, f"column {cells.index(longest) + 1}", shown(longest), expected)
        yield Record(row, cells)


@lru_cache(maxsize=4096)
def read_number(text: str) -> Number | None:
    """The number that ``text`` writes, exactly, or ``None`` where it writes none or can be read in two ways.

    Spaces around it, grouped thousands, a decimal comma and the Unicode minus sign are understood; ``1,234`` and
    exponents are not. At most ``MAX_DIGITS`` digits.
    """
    written = text.strip().translate(_MINUS_SIGNS)
    if written.startswith("-"):
        written = "-" + written[1:].lstrip()
    comma = False
    match = _PLAIN.fullmatch(written)
    if match is None:
        if len(written) > 2 * MAX_DIGITS:
            return None
        for pattern, table in _OTHER_WAYS:
            if pattern.fullmatch(written):
                match = _PLAIN.fullmatch(written.translate(table))
                comma = table is _DECIMAL_COMMA
                break
    if match is None or sum(map(str.isdigit, match[0])) > MAX_DIGITS:
        return None
    value = Decimal(match[0])
    return Number(value if value else value.copy_abs(), len(match[1] or ""), comma)


def could_be_thousands(text: str) -> bool:
    """Whether ``text`` is like ``1.234``: a thousand or one and a bit, in a file that marks decimals by commas."""
    return _GROUP_OR_DECIMALS.fullmatch(text.strip().translate(_MINUS_SIGNS)) is not None


def guarded(text: str) -> str:
    """``text`` with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_SIGNS) else text


def unguarded(text: str) -> str:
    """What ``guarded`` was given."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA_SIGNS) else text


def one_line(text: str) -> str:
    """``text`` in Unicode's NFC on one line, with single spaces; control characters become U+FFFD."""
    return _CONTROLS.sub("\ufffd", unicodedata.normalize("NFC", " ".join(text.split())))


def paragraph(text: str) -> str:
    """``text`` without spaces around it, lines ended by LF; control characters become U+FFFD."""
    return _CONTROLS.sub("\ufffd", _LINE_END.sub("\n", text.strip()))


def shown(text: str) -> str:
    """``text`` for an error: cut after ``_SHOWN_CHARS`` characters."""
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _line_of(text_before: str) -> int:
    return len(_LINE_END.findall(text_before)) + 1


def _line(text: str, row: int) -> str:
    return _LINE_END.split(text, row)[row - 1]
