"""Tables from elsewhere: spreadsheets, other columns, formulas, bombs; and what we write comes back."""

import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from directory_sync import limits
from directory_sync.demo import COUNTRIES, demo_authorities
from directory_sync.mapping import ColumnMapping, MappingError
from directory_sync.sheet import SheetError, is_spreadsheet, rows_of, write_spreadsheet
from directory_sync.table import read_file, write_sheet, write_table
from tests.directory_sync.world import authority

HEADING = ["id", "name", "name_lang", "level", "valid_from", "place"]
ROW = ["DE-a", "Amt", "de", "local", "2026-01-01", "Berlin"]
SAFE = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=40)


def book(*rows: list[object]) -> bytes:
    """Return a spreadsheet as a person makes one, with numbers and days as such."""
    made = Workbook()
    for row in rows:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def archive(**parts: bytes) -> bytes:
    """Return a ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name.replace("__", "/") + ".xml", data)
    return out.getvalue()


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_spreadsheet_comes_back_as_it_was(country):
    """Export and import are each other's inverse, in 26 languages."""
    records = demo_authorities(country)
    read = read_file(write_sheet(records), country)
    assert (tuple(one for _, one in read.records), read.errors) == (records, ())
    assert [row for row, _ in read.records] == list(range(2, len(records) + 2))


@given(SAFE, SAFE)
def test_any_text_survives_a_spreadsheet(name, place):
    """Quotes, apostrophes, formulas and leading zeros come back as they were."""
    one = authority(name=name, place=place)
    assert read_file(write_sheet([one]), "DE").records == ((2, one),)


def test_nothing_that_we_write_is_a_formula():
    """A name that a spreadsheet would run is a text cell in XLSX, and has an apostrophe in CSV."""
    one = authority(id="DE-007", name="=HYPERLINK(1)", place="+1", competences=["@home", "-", "0012"])
    sheet = load_workbook(io.BytesIO(write_sheet([one]))).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}
    assert {cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "n"} <= {None}
    assert sheet["B2"].value == "=HYPERLINK(1)"
    assert read_file(write_table([one]).encode(), "DE").records == ((2, one),)


def test_cells_are_read_as_text():
    """Numbers, days and formulas of a spreadsheet are what they say; a zero in front of a text stays."""
    rows = list(rows_of(book(["a", "b", "c", "d", "e", "f", "g"],
                             ["007", 7, 7.0, 7.5, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), "=1+1"])))  # noqa: DTZ001 # fmt: skip
    assert rows[1] == ["007", "7", "7", "7.5", "2026-01-02", "2026-01-02 03:04:00", "=1+1"]
    read = read_file(book(HEADING, [*ROW[:4], date(2026, 1, 1), "=cmd|' /C calc'!A0"]), "DE")
    assert read.records[0][1].place == "=cmd|' /C calc'!A0"


def test_errors_of_a_spreadsheet_name_row_and_column():
    """The row is counted as the spreadsheet does, and nothing is taken in."""
    read = read_file(book(HEADING, ROW, ["DE-b", "Amt", "de", "federal", "gestern", "Berlin"]), "DE")
    assert read.records == ()
    assert [(error.row, error.column) for error in read.errors] == [(3, "level"), (3, "valid_from")]


MAPPING = b"""
ignore = ["Bemerkung"]
[columns]
"Bezeichnung" = "name"
"Nr" = "id"
"Ebene" = "level"
"Ort" = "place"
"Kurz" = "title:de"
"Aufgaben" = "competences"
[values]
name_lang = "de"
valid_from = "2026-01-01"
[prefix]
id = "DE-reg-"
[separators]
competences = ";"
[codes.level]
"Bund" = "national"
"Land" = "regional"
[codes.competences]
"Elektro" = "activity:electrical-installation"
"""


def test_somebody_else_s_columns_are_mapped():
    """Own headings, own words, a number with zeros as id, a list with its own separator, and a column left out."""
    rows = [
        ["Nr", "Bezeichnung", "Ebene", "Ort", "Kurz", "Aufgaben", "Bemerkung"],
        ["0042", "Kammer", "Land", "Köln", "Kurzname", "Elektro; freies Wort", "x"],
    ]
    for data in (
        book(*rows),
        ";".join(rows[0]).encode() + b"\n" + '0042;Kammer;Land;Köln;Kurzname;"Elektro; freies Wort";x\n'.encode(),
    ):
        ((_, one),) = read_file(data, "DE", ColumnMapping.read(MAPPING)).records
        assert (one.id, one.level, one.name_lang, one.titles) == ("DE-reg-0042", "regional", "de", {"de": "Kurzname"})
        assert one.competences == ("activity:electrical-installation", "freies Wort")


def test_errors_of_a_mapped_table_name_its_own_columns():
    """Whoever mends the file finds the column by the name that it has there."""
    rows = [["Nr", "Bezeichnung", "Ebene", "Ort", "Farbe"], ["1", "", "Kreis", "Köln", "rot"]]
    read = read_file(book(*rows), "DE", ColumnMapping.read(MAPPING))
    assert [(e.row, e.column) for e in read.errors] == [(1, "Farbe")]
    read = read_file(book(*[row[:4] for row in rows]), "DE", ColumnMapping.read(MAPPING))
    assert [(e.row, e.column) for e in read.errors] == [(2, "Bezeichnung")]
    rows[1][1] = "Amt"
    read = read_file(book(*[row[:4] for row in rows]), "DE", ColumnMapping.read(MAPPING))
    assert [(e.row, e.column) for e in read.errors] == [(2, "Ebene")]


@pytest.mark.parametrize(
    "data",
    [
        b"columns = 1",
        b'[columns]\n"a" = 3',
        b"colour = 1",
        b"[",
        b"\xff",
        b"x = 1\n" * 20_000,
        b"[separators]\nareas = ''",
    ],
    ids=range(7),
)
def test_a_mapping_that_is_none_is_refused(data):
    """A mapping file with unknown or wrong entries, or too large, is told at once."""
    with pytest.raises(MappingError):
        ColumnMapping.read(data)


def test_a_bomb_is_refused_by_its_size_unpacked():
    """A file of kilobytes that claims to be gigabytes is refused before anything of it is read."""
    bomb = archive(xl__worksheets__sheet1=b"<row>" * (limits.MAX_SHEET_BYTES // 5 + 1))
    assert len(bomb) < limits.MAX_TABLE_BYTES / 10
    with pytest.raises(SheetError, match="unpacked"):
        list(rows_of(bomb))
    many = archive(**{f"part{n}": b"" for n in range(limits.MAX_SHEET_PARTS + 1)})
    with pytest.raises(SheetError, match="unpacked"):
        list(rows_of(many))


def test_a_header_that_lies_about_the_size_gains_nothing():
    """An archive whose directory says less than it holds is refused, not read to the end."""
    lying = bytearray(archive(xl__workbook=b"<a>" * 100_000))
    place = lying.rfind(b"PK\x01\x02") + 24
    lying[place : place + 4] = (10).to_bytes(4, "little")
    with pytest.raises(SheetError):
        list(rows_of(bytes(lying)))


def test_entities_that_grow_are_refused():
    """A document type inside a part, where entities could multiply, is refused whatever its spelling."""
    for start in (b'<!DOCTYPE lolz [<!ENTITY lol "lol">]>', b"<!doctype x>", "<!DOCTYPE x>".encode("utf-16")):
        with pytest.raises(SheetError, match="that can be read"):
            list(rows_of(archive(xl__workbook=b"<?xml version='1.0'?>" + start if start[0] == 60 else start)))


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500, archive(a=b"<a/>"), archive(xl__workbook=b"<")]
)
def test_what_only_looks_like_a_spreadsheet_is_refused(data):
    """A broken archive, or one without a workbook, ends with one error and no traceback."""
    assert is_spreadsheet(data)
    assert read_file(data, "DE").errors


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (limits.MAX_TABLE_BYTES + 1),
        (",".join(["c"] * (limits.MAX_COLUMNS + 1)) + "\n").encode(),
        (",".join(HEADING) + "\n" + "x" * (limits.MAX_CELL_CHARS + 1) + ",,,,,\n").encode(),
        write_spreadsheet(HEADING, [["x" * (limits.MAX_CELL_CHARS + 1), *ROW[1:]]]),
        b"\xff\xfe",
    ],
    ids=["file", "columns", "cell", "sheet cell", "not UTF-8"],
)
def test_what_is_too_large_or_unreadable_is_refused(data):
    """Every limit has an error of its own, and none of it is taken in."""
    read = read_file(data, "DE")
    assert read.records == ()
    assert len(read.errors) >= 1


def test_progress_is_told_row_by_row():
    """Whoever waits is told each row."""
    rows: list[int] = []
    read_file(book(HEADING, *([f"DE-{n}", *ROW[1:]] for n in range(50))), "DE", told=rows.append)
    assert rows == list(range(1, 52))
