import pytest

from chainwallet.errors import BadRow, BadValue
from chainwallet.formats.splitwise import read_splitwise
from chainwallet.formats.splitwise_table import MAX_PEOPLE, MAX_ROWS
from chainwallet.formats.spreadsheet import MAX_BYTES, MAX_CELL_CHARS

HEADER = "Date,Description,Category,Cost,Currency,Ana,Ben,Cleo"
DINNER = "2026-05-01,Dinner,Dining out,60.00,EUR,40.00,-20.00,-20.00"
TAXI = "2026-05-02,Taxi,Taxi,30.01,EUR,-10.00,20.00,-10.00"
TOTAL = "2026-05-03,Total balance, , ,EUR,30.00,0.00,-30.00"
NO_NUMBERS = [
    *(
        "abc",
        "NaN",
        "Infinity",
        "-inf",
        "1e5",
        "0x10",
        "1.2.3",
        "--1",
        "+1",
        "€5",
        ".5",
        "5.",
        "٣",
        "1_000",
        "-",
        "1 23",
    ),
    *('"1,234"', '"1,23,45"', '"0,123.50"', "9" * 41, "1." + "0" * 40),
]


def export(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, "", *rows, "")).encode()


def refusal(data: bytes) -> tuple[int, str, str]:
    """Row, field and value of the ``BadRow`` that ``data`` is refused with."""
    with pytest.raises(BadRow) as refused:
        read_splitwise(data, "trip.csv")
    assert refused.value.source == "trip.csv"
    assert "\n" not in str(refused.value)
    return refused.value.row, refused.value.field, refused.value.value


def expectation(data: bytes) -> str:
    with pytest.raises(BadRow) as refused:
        read_splitwise(data, "trip.csv")
    return refused.value.expected


@pytest.mark.parametrize("written", NO_NUMBERS)
def test_no_number(written: str) -> None:
    """A cell that is no number, or can be read in two ways, or is huge, is refused with its row and column."""
    value = written.strip('"')
    for row, field in (
        (f"2026-05-01,Gum,Food,1.00,EUR,1.00,{written},", "Ben"),
        (f"2026-05-01,Gum,Food,{written},EUR,1.00,-1.00,", "Cost"),
        (f"2026-05-01,Total balance, , ,EUR,1.00,-1.00,{written}", "Cleo"),
    ):
        assert refusal(export(DINNER, row)) == (4, field, value)


def test_mixed_decimal_marks() -> None:
    """Where one cell marks decimals by a comma, a point before three digits could mean thousands and is refused."""
    rows = ["2026-05-01,Gum,Food,1.234,EUR,1.234,-1.234,", '2026-05-02,Gum,Food,1,EUR,"0,50","-0,50",']
    assert refusal(export(*rows)) == (3, "Cost", "1.234")
    assert expectation(export(*rows)).startswith("a decimal comma, as in row 4")
    rows[0] = '2026-05-01,Gum,Food,1,EUR,"1,5",-1.500,'
    assert refusal(export(*rows)) == (3, "Ben", "-1.500")


@pytest.mark.parametrize("code", ["", " ", "EURO", "€", "XXX", "XAU", "BTC", "12", "ıQD"])
def test_unknown_currency(code: str) -> None:
    """An unknown or missing currency is refused under its heading, as the file calls it."""
    header = "Datum,Beschreibung,Kategorie,Kosten,Währung,Ana,Ben,Cleo"
    row = DINNER.replace("EUR", code)
    assert refusal(export(TAXI, row, header=header)) == (4, "Währung", code)
    assert refusal(export(TAXI, TOTAL.replace("EUR", code))) == (4, "Currency", code)
    assert "ISO 4217" in expectation(export(TAXI, row))


def test_row_that_does_not_sum_to_zero() -> None:
    """A row that misses zero by one minor unit is refused with what it sums to."""
    row = "2026-05-01,Dinner,Dining out,60.00,EUR,40.00,-20.00,-20.01"
    assert refusal(export(TAXI, row)) == (4, "sum of all people", "-0.01")
    assert expectation(export(TAXI, row)).startswith("0 EUR")
    header = "Date,Description,Category,Cost,Currency,Ana"
    assert refusal(export("2026-05-01,Gum,Food,1.00,EUR,1.00", header=header)) == (3, "sum of all people", "1.00")


def test_total_that_disagrees() -> None:
    """A total that disagrees with its column by one minor unit is refused with the person and the column's sum."""
    assert refusal(export(DINNER, TAXI, TOTAL.replace("30.00,0.00", "29.99,0.01"))) == (5, "Ana", "29.99")
    assert expectation(export(DINNER, TAXI, TOTAL.replace("30.00,0.00", "29.99,0.01"))).startswith("30.00, the sum")
    assert refusal(export(DINNER, TOTAL, TAXI, TOTAL.replace("EUR,30.00", "JPY,1.00")))[:2] == (6, "Ana")


def test_second_total() -> None:
    """A second total row for one currency is refused."""
    assert refusal(export(DINNER, TAXI, TOTAL, TOTAL)) == (6, "Description", "Total balance")
    assert expectation(export(DINNER, TAXI, TOTAL, TOTAL)) == "one total row for EUR, which is row 5"


def test_doubtful_total() -> None:
    """A last row that could be a total with an unknown label, or an entry, is refused instead of guessed."""
    bare = "2026-05-03,Saldo kokku, , ,EUR,29.00,1.00,-30.00"
    assert refusal(export(DINNER, TAXI, bare)) == (5, "Description", "Saldo kokku")
    twice = "2026-05-01,Gum,,,EUR,1.00,-1.00,"
    assert refusal(export(twice, twice)) == (4, "Description", "Gum")


def test_more_cells_than_headings() -> None:
    """A row with more cells than the header, or with a cell in a column without a name, is refused."""
    assert refusal(export(DINNER + ",1.00")) == (3, "column 9", "1.00")
    assert refusal(export(TAXI, DINNER + ",0", header=HEADER + ",")) == (4, "column 9", "0")
    assert refusal(export("2026-05-01,Bread, wine,Food,60.00,EUR,40.00,-20.00,-20.00"))[:2] == (3, "column 9")


def test_unbalanced_quotes() -> None:
    """A quote that is never closed, or is followed by text, is refused with the line on which its record starts."""
    assert refusal(export(DINNER, '2026-05-01,"Gum,Food,1.00', TAXI)) == (4, "quotes", '2026-05-01,"Gum,Food,1.00')
    assert refusal(export('2026-05-01,"Gum"s,Food,1.00,EUR,0,0,0'))[:2] == (3, "quotes")


@pytest.mark.parametrize(
    ("data", "row", "value"),
    [
        (b"", 1, "an empty file"),
        (b"\n \n\t\n", 1, "an empty file"),
        (b"\xef\xbb\xbf", 1, "an empty file"),
        (b",,,\n", 1, ",,,"),
        (b"\n<!DOCTYPE html>\n<html><body>Not found</body></html>", 2, "<!DOCTYPE html>"),
        (b'{"friends": [], "groups": []}', 1, '{"friends": [], "groups": []}'),
        (b"what,amount,date\nDinner,12.00,2026-05-01\n", 1, "what,amount,date"),
        (b"\n".join((DINNER.encode(), TAXI.encode())), 1, DINNER),
        (b"Kuup,Kirj,Kat,Hind,Valuuta,Ana,Ben\n2026-05-01,Gum,Food,1.00,EUR,1.00,2.00", 1, None),
        (b"Kuup,Kirj,Kat,Hind,Valuuta,Ana,Ben\n", 1, None),
        (b"Date,Description,Category,Cost,Currency\n", 1, "Date,Description,Category,Cost,Currency"),
        (b"Date,Description,Category,Cost,Currency, ,\n", 1, None),
    ],
)
def test_no_such_export(data: bytes, row: int, value: str | None) -> None:
    """What is no Splitwise export is refused at its first line, with what was expected."""
    found = refusal(data)
    assert found == (row, "header", value if value is not None else found[2])


def test_spliit_export() -> None:
    """A CSV of Spliit is named as such, because its columns look alike and mean something else."""
    data = '\ufeff"Date","Description","Category","Currency","Cost","Original cost","Ana","Ben"\n'.encode()
    assert refusal(data)[:2] == (1, "header")
    assert "looks like a Spliit export" in expectation(data)


@pytest.mark.parametrize(
    ("data", "row", "value"),
    [
        (export(DINNER) + b"Caf\xe9", 4, "byte 0xe9"),
        (b"PK\x03\x04\x14\x00\x06", 1, "byte 0x00"),
        (b"\x89PNG\r\n", 1, "byte 0x89"),
        (export(DINNER).decode().encode("utf-16-le"), 1, "byte 0x00"),
        (export(DINNER).decode().encode("utf-16")[:-1], 3, "byte 0x0a"),
        (b"\xff\xfe\n\x00\x00\xd8a\x00", 2, "byte 0x00"),
    ],
)
def test_no_text(data: bytes, row: int, value: str) -> None:
    """Bytes that are no text are refused with the line they are on."""
    assert refusal(data) == (row, "text", value)


def test_limits() -> None:
    """A file above a limit is refused by naming the limit."""
    with pytest.raises(BadValue, match=r"size of trip.csv: .* at most 10,000,000 bytes"):
        read_splitwise(b" " * (MAX_BYTES + 1), "trip.csv")
    with pytest.raises(BadValue, match=r"people in trip.csv: got 257, expected at most 256"):
        read_splitwise(export(header=HEADER + ",X" * (MAX_PEOPLE - 2)), "trip.csv")
    with pytest.raises(BadValue, match=r"rows of trip.csv: .* at most 100,000 rows"):
        read_splitwise(HEADER.encode() + b"\n,,,,EUR" * (MAX_ROWS + 1), "trip.csv")
    long = "x" * (MAX_CELL_CHARS + 1)
    row, field, value = refusal(export(DINNER, f"2026-05-01,{long},Food"))
    assert (row, field, len(value)) == (4, "column 2", 80)
    assert refusal(export(DINNER, "x" * 200_000))[:2] == (4, "quotes")
    within = read_splitwise(export("2026-05-01," + "x" * MAX_CELL_CHARS + DINNER[17:]), "trip.csv")
    assert len(within.entries[0].description) == MAX_CELL_CHARS
