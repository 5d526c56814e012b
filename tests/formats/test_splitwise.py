from decimal import Decimal
from fractions import Fraction
from importlib.resources import files

import pytest

from chainwallet.errors import BadRow, BadValue
from chainwallet.formats.splitwise import GroupHistory, read_splitwise
from chainwallet.formats.splitwise_headers import LANGUAGES
from chainwallet.rules.money import Currency, currency_of

EUR, CHF, JPY = currency_of("EUR"), currency_of("CHF"), currency_of("JPY")
HEADER = "Date,Description,Category,Cost,Currency,Ana,Ben,Cleo"
DINNER = "2026-05-01,Dinner,Dining out,60.00,EUR,40.00,-20.00,-20.00"
TAXI = "2026-05-02,Taxi,Taxi,30.01,EUR,-10.00,20.00,-10.00"
TOTAL = "2026-05-03,Total balance, , ,EUR,30.00,0.00,-30.00"


def export(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, "", *rows, "")).encode()


def read(*rows: str, header: str = HEADER) -> GroupHistory:
    return read_splitwise(export(*rows, header=header), "trip.csv")


def refusal(data: bytes) -> tuple[int, str, str]:
    """Row, field and value of the ``BadRow`` that ``data`` is refused with."""
    with pytest.raises(BadRow) as refused:
        read_splitwise(data, "trip.csv")
    assert refused.value.source == "trip.csv"
    assert "\n" not in str(refused.value)
    return refused.value.row, refused.value.field, refused.value.value


def nets(history: GroupHistory, currency: Currency = EUR) -> list[Fraction]:
    return list(history.exact_nets(currency).values())


def test_plain_export() -> None:
    """An export gives its people, its entries and the totals that it was checked against."""
    history = read(DINNER, TAXI, "", TOTAL)
    assert history.people == ("Ana", "Ben", "Cleo")
    assert history.currencies == (EUR,)
    assert history.totals == {EUR: (Decimal("30.00"), Decimal("0.00"), Decimal("-30.00"))}
    assert history.notes == ()
    assert history.exact_nets(EUR) == {"Ana": Fraction(3000), "Ben": Fraction(0), "Cleo": Fraction(-3000)}
    dinner = history.entries[0]
    assert (dinner.row, dinner.date, dinner.description, dinner.category) == (3, "2026-05-01", "Dinner", "Dining out")
    assert (dinner.cost, dinner.currency, dinner.nets[0]) == (Decimal("60.00"), EUR, Decimal("40.00"))


def test_bundled_trip() -> None:
    """The bundled trip is an export without oddities: six friends, two currencies, totals that agree."""
    history = read_splitwise((files("chainwallet.formats.examples") / "trip.csv").read_bytes(), "trip.csv")
    assert len(history.people) == 6
    assert len(history.entries) == 30
    assert list(history.totals) == list(history.currencies) == [EUR, JPY]
    assert history.notes == ()
    assert sum(nets(history, EUR)) == sum(nets(history, JPY)) == 0
    assert any(entry.cost and entry.cost < 0 for entry in history.entries)
    assert any(sum(net > 0 for net in entry.nets) > 1 for entry in history.entries)
    assert sum(entry.is_payment for entry in history.entries) == 4


def test_note_above_the_header() -> None:
    """Lines above the header, in any language, become notes, and rows are counted from the top of the file."""
    data = b"Note: does not include group expenses\n\nHinweis: ohne Gruppen, oder so,,\n" + export(DINNER, TOTAL, TAXI)
    history = read_splitwise(data, "trip.csv")
    assert [entry.row for entry in history.entries] == [6, 8]
    assert history.notes == (
        "before the header: Note: does not include group expenses",
        "before the header: Hinweis: ohne Gruppen, oder so",
    )


def test_blank_lines() -> None:
    """Blank lines, lines of commas and lines of spaces are no rows, but they count as lines."""
    history = read(",,,,,,,", DINNER, "  ", '"",,,', "\u00a0", TAXI, ",,,,,,,,,,", TOTAL)
    assert [entry.row for entry in history.entries] == [4, 8]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_mark(encoding: str) -> None:
    """A byte order mark is no part of the first heading, and tells UTF-16."""
    data = export(DINNER, TAXI, TOTAL).decode().encode(encoding)
    assert read_splitwise(data, "trip.csv") == read(DINNER, TAXI, TOTAL)


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_line_ends(end: bytes) -> None:
    """CRLF, LF and a lone CR end lines alike."""
    data = export(DINNER, TAXI, TOTAL).replace(b"\n", end)
    assert read_splitwise(data, "trip.csv") == read(DINNER, TAXI, TOTAL)


def test_quoted_cells() -> None:
    """Commas, doubled quotes and line ends inside quotes belong to the cell."""
    row = '2026-05-01,"Bread, ""good"" wine\r\nand  cheese",Food,6.00,EUR,4.00,-2.00,-2.00'
    first, second = read(row, TAXI).entries
    assert first.description == 'Bread, "good" wine\nand  cheese'
    assert (first.row, second.row) == (3, 5)


def test_rows_that_cost_nothing() -> None:
    """Rows of zeros and rows with a blank cost are entries that move what their cells say."""
    history = read(
        "2026-05-01,Settle all balances,Payment,0.00,EUR,0.00,0.00,0.00",
        "2026-05-01,Nothing,General, ,EUR,0.00,0,-0.00",
        "2026-05-01,Old debt,General,,EUR,5.00,-5.00,",
        DINNER,
    )
    assert [entry.cost for entry in history.entries] == [Decimal(0), None, None, Decimal(60)]
    assert nets(history) == [4500, -2500, -2000]


def test_short_rows() -> None:
    """Cells missing at the end of a row are blank, and blank cells are zero."""
    assert list(read("2026-05-01,Gum,Food,1.00,EUR,1.00,-1.00").entries[0].nets) == [1, -1, 0]
    assert list(read("2026-05-01,Gum,Food,1.00,EUR, ,\u00a0,").entries[0].nets) == [0, 0, 0]
    assert list(read("2026-05-01,Gum,Food,1.00,EUR").entries[0].nets) == [0, 0, 0]


def test_missing_total() -> None:
    """A currency without a total row is read, and a note says that nothing could be compared."""
    history = read(DINNER, "2026-05-02,Fondue,Dining out,9.00,CHF,-3.00,6.00,-3.00", TAXI, TOTAL)
    assert history.totals.keys() == {EUR}
    assert history.notes == ("no total row for CHF",)


def test_total_row_for_each_currency() -> None:
    """Each currency has its own total row, compared with that currency's rows wherever it stands."""
    history = read(
        "2026-05-03,Total balance, , ,CHF,-3.00,6.00,-3.00",
        DINNER,
        TOTAL,
        "2026-05-02,Fondue,Dining out,9.00,\u00a0chf ,-3.00,6.00,-3.00",
        TAXI,
        "2026-05-03,Total balance, , ,JPY,0.00,0.00,0.00",
    )
    assert history.currencies == (CHF, EUR, JPY)
    assert nets(history, CHF) == [-300, 600, -300]
    assert nets(history, EUR) == [3000, 0, -3000]
    assert nets(history, JPY) == [0, 0, 0]
    assert history.notes == ()


def test_several_payers_and_refund() -> None:
    """Several people may have paid one row, and a refund has a negative cost."""
    history = read(
        "2026-05-01,Boat,General,100.00,EUR,20.00,30.00,-50.00",
        "2026-05-02,Deposit back,General,-30.00,EUR,10.00,10.00,-20.00",
    )
    assert history.entries[1].cost == Decimal("-30.00")
    assert nets(history) == [3000, 4000, -7000]


def test_payments() -> None:
    """A payment is told by its category in any language, or by "Ana paid Ben" where one pays one other it all."""
    payments = [
        "2026-05-01,Ana paid Ben,Payment,9.00,EUR,9.00,-9.00,0.00",
        "2026-05-01,Überweisung,zahlung,9.00,EUR,9.00,-9.00,0.00",
        "2026-05-01,Ana paid Ben,General,9.00,EUR,9.00,-9.00,0.00",
    ]
    expenses = [
        "2026-05-01,Ana paid the bill,Food,9.00,EUR,6.00,-3.00,-3.00",
        "2026-05-01,Ana paid half,Food,9.00,EUR,4.50,-4.50,0.00",
    ]
    assert [entry.is_payment for entry in read(*payments, *expenses).entries] == [True] * 3 + [False] * 2


def test_parts_of_a_minor_unit() -> None:
    """Cells with more decimals than their currency are kept exactly, noted, and compared within their rounding."""
    rows = [
        "2026-05-01,Car,Car,1231.46,EUR,923.595,-307.865,-615.73",
        "2026-05-02,Rice,Food,1200.50,JPY,600.25,-600.25,0.00",
        "2026-05-03,Sake,Food,100,JPY,66.667,-33.333,-33.333",
    ]
    history = read(*rows, "2026-05-03,Total balance, , ,EUR,923.60,-307.87,-615.73")
    assert nets(history) == [Fraction("92359.5"), Fraction("-30786.5"), -61573]
    assert nets(history, JPY) == [Fraction("666.917"), Fraction("-633.583"), Fraction("-33.333")]
    assert history.notes == (
        "cells in EUR with more than 2 decimals: 2",
        "no total row for JPY",
        "cells in JPY with more than 0 decimals: 5",
        "rows in JPY that sum to zero only within rounding: 5",
    )


def test_rounding_has_an_end() -> None:
    """A row of rounded cells may miss zero by half a unit of its last decimal for each cell, and by no more."""
    assert read("2026-05-01,Car,Car,10.00,EUR,6.667,-3.334,-3.334").entries[0].row == 3
    assert refusal(export("2026-05-01,Car,Car,10.00,EUR,6.667,-3.334,-3.335"))[2] == "-0.002"
    assert read("2026-05-01,Car,Car,10.00,EUR,6.667,-6.668,0.000").entries[0].row == 3
    assert refusal(export("2026-05-01,Car,Car,10.00,EUR,0.001,0.000,0.000"))[2] == "0.001"


def test_rounded_total_has_an_end() -> None:
    """A total may differ by less than half a minor unit for each rounded cell of its person and one for itself."""
    rows = ["2026-05-01,Car,Car,1.00,EUR,0.505,-0.505,0.00", DINNER]
    assert read(*rows, "2026-05-03,Total balance, , ,EUR,40.51,-20.50,-20.00").totals
    assert refusal(export(*rows, "2026-05-03,Total balance, , ,EUR,40.515,-20.515,-20.00")) == (5, "Ana", "40.515")
    assert refusal(export(*rows, "2026-05-03,Total balance, , ,EUR,40.50,-20.50,-20.001")) == (5, "Cleo", "-20.001")


def test_trailing_zeros() -> None:
    """Zeros after the currency's last decimal are no part of a minor unit."""
    history = read("2026-05-01,Rice,Food,1200.0,JPY,600.00,-600.0,0", "2026-05-02,Gum,Food,1,EUR,1.000,-1,")
    assert nets(history, JPY) == [600, -600, 0]
    assert history.notes == ("no total row for JPY", "no total row for EUR")


def test_huge_amounts() -> None:
    """Sums of numbers of 40 digits are exact."""
    row = f"2026-05-01,Debt,General,,EUR,{'9' * 38}.01,-{'9' * 38}.01,0.00"
    small = f"2026-05-02,Gum,Food,,EUR,0.{'0' * 37}01,0.00,-0.{'0' * 37}01"
    history = read(row, small, row)
    assert nets(history)[0] == 2 * (Fraction(10**38 - 1) * 100 + 1) + Fraction(1, 10**37)
    assert sum(nets(history)) == 0


def test_dust_of_floating_point() -> None:
    """A cell that was written by binary floating point misses zero by dust, and is kept as written."""
    assert nets(read("2026-05-01,Gum,Food,0.3,EUR,0.30000000000000004,-0.1,-0.2"))[0] == Fraction("30.000000000000004")


def test_names_in_any_script() -> None:
    """Names keep their script, commas and quotes, lose spaces around them and are in Unicode's NFC."""
    header = 'Date,Description,Category,Cost,Currency," Zoe\u0308 ",Дарья,"Lee, ""Bo""",由紀,มานี, עדי,👩‍👧'
    history = read("2026-05-01,Gum,Food,7.00,EUR,6.00,-1.00,-1.00,-1.00,-1.00,-1.00,-1.00", header=header)
    assert history.people == ("Zoë", "Дарья", 'Lee, "Bo"', "由紀", "มานี", "עדי", "👩‍👧")


def test_same_name_twice() -> None:
    """People with the same name are told apart by a number that nobody else has."""
    header = "Date,Description,Category,Cost,Currency,Alex,Zoe\u0308,Alex ,Zoë,Alex (2)"
    history = read("2026-05-01,Gum,Food,2.00,EUR,2.00,0.00,-2.00,0.00,0.00", header=header)
    assert history.people == ("Alex", "Zoë", "Alex (3)", "Zoë (2)", "Alex (2)")
    assert history.exact_nets(EUR)["Alex (3)"] == -200
    assert "more than one person is called Alex; the one in column 8 is shown as Alex (3)" in history.notes


def test_control_characters() -> None:
    """Control characters of a terminal do not survive in names and descriptions."""
    history = read("2026-05-01,Gum\x1b[2J,Food,2.00,EUR,2.00,-2.00,", header=HEADER.replace("Cleo", "Cl\x9beo"))
    assert (history.people[2], history.entries[0].description) == ("Cl\ufffdeo", "Gum\ufffd[2J")


def test_empty_columns() -> None:
    """Columns without a heading whose cells are all empty are dropped."""
    history = read(DINNER + ",,", TAXI, TOTAL + ", ", header=HEADER + ",, ")
    assert history.people == ("Ana", "Ben", "Cleo")
    assert nets(history) == [3000, 0, -3000]


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(language: str) -> None:
    """Headings and the total's label are understood in every language of Splitwise, in any case."""
    words = LANGUAGES[language]
    for change in (str, str.upper, str.lower):
        header = ",".join((*map(change, words[:5]), "Ana", "Ben", "Cleo"))
        history = read(DINNER, TAXI, TOTAL.replace("Total balance", change(words.total)), header=header)
        assert history.totals.keys() == {EUR}
        assert history.notes == ()


def test_unknown_language() -> None:
    """A header in an unknown language is told by a row below it, and its total by place, blanks and sums."""
    header = "Kuup,Kirj,Kat,Hind,Valuuta,Ana,Ben,Cleo"
    history = read(DINNER, TAXI, TOTAL.replace("Total balance", "Saldo kokku"), header="Märkus, a, b\n" + header)
    assert history.totals.keys() == {EUR}
    assert history.notes == (
        "before the header: Märkus, a, b",
        "the header is in an unknown language (Kuup, Kirj, Kat, Hind, Valuuta) and was told by the rows below it",
        "row 6 has neither category nor cost and was read as the total of EUR",
    )


def test_entry_called_like_a_total() -> None:
    """An entry may be called "Total balance" if it has a category and a cost; a note says so."""
    history = read("2026-05-01,Total balance,General,60.00,EUR,40.00,-20.00,-20.00", TAXI, TOTAL)
    assert len(history.entries) == 2
    assert history.notes == ("rows that are called like a total, but have a category and a cost: 3",)


def test_total_with_a_cost_of_zero() -> None:
    """A row with the total's label in its description or date is a total, whatever stands for its blanks."""
    for total in ("2026-05-03,Total balance,,0.00,EUR", "Total balance,,,0.00,EUR", ",TOTAL  balance ,General,,EUR"):
        assert read(DINNER, TAXI, f"{total},30.00,0.00,-30.00").totals.keys() == {EUR}


def test_more_moved_than_it_cost() -> None:
    """The cost is not checked against the cells, but a row that moves more than its cost is noted."""
    rows = ["2026-05-01,Dinner,Dining out,6.00,EUR,40.00,-20.00,-20.00"] * 7
    assert "rows that move more money than their cost: 3, 4, 5, 6, 7 and 2 more" in read(*rows).notes


def test_even_group() -> None:
    """A group that is already even, or has no rows, or no more than one person, is a group."""
    assert nets(read("2026-05-01,Gum,Food,1.00,EUR,1.00,-1.00,", "2026-05-02,Gum,Food,1.00,EUR,-1,1,")) == [0, 0, 0]
    empty = read()
    assert (empty.people, empty.entries, empty.currencies) == (("Ana", "Ben", "Cleo"), (), ())
    alone = read("2026-05-01,Gum,Food,1.00,EUR,0.00", header="Date,Description,Category,Cost,Currency,Ana")
    assert nets(alone) == [0]


def test_nets_of_an_absent_currency() -> None:
    """Asking for a currency that the history does not have names those that it has."""
    with pytest.raises(BadValue, match="'JPY', expected one of EUR"):
        read(DINNER).exact_nets(JPY)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"1,234.50"', "1234.50"),
        ('"12,34,567.00"', "1234567.00"),
        ('"1,234,567"', "1234567"),
        ('"1.234,50"', "1234.50"),
        ("1.234.567", "1234567"),
        ('"12,50"', "12.50"),
        ('"0,125"', "0.125"),
        ('"1234,125"', "1234.125"),
        ("1 234.50", "1234.50"),
        ('"1\u202f234,50"', "1234.50"),
        ("1’234.50", "1234.50"),
        ("\u00a012.50\u00a0", "12.50"),
        ("923.595", "923.595"),
        ("007", "7"),
    ],
)
def test_numbers_as_people_write_them(written: str, value: str) -> None:
    """Separators, spaces of all kinds and the Unicode minus sign are understood where there is one way to read them."""
    minus = written.replace('"', '"\u2212', 1) if '"' in written else f"\u2212\u00a0{written.strip()}"
    history = read(f"2026-05-01,Gum,Food,{written},EUR,{written},{minus},")
    assert list(history.entries[0].nets) == [Decimal(value), -Decimal(value), 0]
    assert history.entries[0].cost == Decimal(value)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(delimiter: str) -> None:
    """Spreadsheet programs save the file with semicolons and decimal commas, or with tabs."""
    data = export(DINNER, TAXI, TOTAL).replace(b",", delimiter.encode()).replace(b".", b",")
    history = read_splitwise(data, "trip.csv")
    assert nets(history) == [3000, 0, -3000]
    assert history.notes == (f"cells are separated by {'semicolons' if delimiter == ';' else 'tabs'}",)


def test_bare_entries() -> None:
    """Rows with neither category nor cost are entries where a labelled total, or a row after them, shows it."""
    bare = "2026-05-01,Gum,,,EUR,1.00,-1.00,0.00"
    assert len(read(bare, "2026-05-03,Total balance, , ,EUR,1.00,-1.00,0.00").entries) == 1
    assert len(read(bare, DINNER).entries) == 2
    assert len(read(DINNER, "2026-05-01,Nothing, , ,EUR,0.00,0.00,0.00").entries) == 2
    assert len(read(bare, bare.replace("1.00", "2.00")).entries) == 2
    assert refusal(export(bare, bare.replace("-1.00", "-2.00"), bare)) == (4, "sum of all people", "-1.00")
