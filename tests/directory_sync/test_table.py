"""A coordinator edits the directory in a spreadsheet and loses nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.demo import COUNTRIES, demo_authorities
from directory_sync.table import COLUMNS, CellError, read_table, write_table
from tests.directory_sync.world import authority

HEADING = "id,name,name_lang,level,valid_from,place"
ROW = "DE-a,Amt,de,local,2026-01-01,Berlin"
SAFE = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=40)


@pytest.mark.parametrize("country", COUNTRIES)
def test_what_is_written_is_read_again(country):
    """Export and import are each other's inverse, in 26 languages."""
    records = demo_authorities(country)
    assert read_table(write_table(records), country) == (records, ())


def test_a_full_record_survives():
    """Every field of the record has its column."""
    one = authority(
        contacts={"address": "Stallstraße 1, 10585 Berlin", "phone": "+49 30 0000", "email": "a@b.example"},
        descriptions={"de": 'Zeile 1\nZeile "2"; mit, Zeichen'},
        areas=[{"area": "a", "role": "authority"}, {"area": "b", "role": "coordinator"}],
        competences=["profession:dental-practitioner", "two words"],
        valid_until="2030-01-01",
        v=12,
    )
    assert read_table(write_table([one]), "DE") == ((one,), ())
    assert tuple(next(csv.reader(io.StringIO(write_table([one])))))[: len(COLUMNS)] == COLUMNS


def test_leading_zeros_survive():
    """An id, a code or a phone number that begins with zeros stays text."""
    one = authority(id="DE-007", contacts={"phone": "0049300000"}, competences=["0012"])
    assert read_table(write_table([one]), "DE")[0][0].competences == ("0012",)
    assert read_table(write_table([one]), "DE")[0][0].contacts.phone == "0049300000"


def test_formula():
    """A name that a spreadsheet would run is written as text, and read as it was."""
    one = authority(name="=HYPERLINK(1)", competences=["@home", "+"], contacts={"phone": "+49 30"})
    written = write_table([one])
    assert "'=HYPERLINK" in written
    assert ",=HYPERLINK" not in written
    assert read_table(written, "DE") == ((one,), ())


@given(SAFE, SAFE)
def test_any_text_survives(name, place):
    """Quotes, commas, apostrophes and formulas come back as they were."""
    one = authority(name=name, place=place)
    assert read_table(write_table([one]), "DE") == ((one,), ())


def test_tables_as_spreadsheets_write_them():
    """Semicolons, a byte order mark and empty lines are understood."""
    text = "\ufeff" + f"{HEADING}\r\n{ROW}\r\n,,,,,\r\n\r\n".replace(",", ";")
    records, errors = read_table(text, "DE")
    assert ([one.id for one in records], errors) == (["DE-a"], ())


def test_all_errors_at_once_and_nothing_imported():
    """One wrong cell means that nothing is imported, and every wrong cell is named."""
    text = (
        "id,name,name_lang,level,valid_from,place,email,region_code,region_name,areas,title:de,v\n"
        "DE-a,Amt,de,local,2026-01-01,Berlin,,,,,,\n"
        "DE-b,,de,federal,2026-01-01,Berlin,,,,,,\n"
        "DE-c,Amt,de,federal,1.1.2026,Berlin,nobody,X,Berlin,pq:boss,,0\n"
        "DE-a,Amt,de,local,2026-01-01,Berlin,,,,,,\n"
        "HU-a,Amt,de,local,2026-01-01,Berlin,,,,,,\n"
        "DE-d,Amt\n"
        f"DE-e,Amt,de,local,2026-01-01,Berlin,,,,,{'x' * 201},\n"
    )
    records, errors = read_table(text, "DE")
    assert records == ()
    assert sorted((error.row, error.column, error.code, error.number) for error in errors) == [
        (3, "name", "missing", 0), (4, "areas", "not-in-list", 0), (4, "email", "malformed", 0),
        (4, "level", "not-in-list", 0), (4, "region_code", "malformed", 0), (4, "v", "malformed", 0),
        (4, "valid_from", "date", 0), (5, "id", "id-twice", 2), (6, "id", "malformed", 0), (7, "id", "cells", 0),
        (8, "title:de", "too-long", 200),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", CellError(1, "id", "this column is missing", "column-missing")),
        ("name\nAmt\n", CellError(1, "id", "this column is missing", "column-missing")),
        (f"{HEADING},colour\n{ROW},red\n", CellError(1, "colour", "is no column of this table", "column-unknown")),
        (f"{HEADING},id\n{ROW},DE-a\n", CellError(1, "id", "this column stands twice", "column-twice")),
        (f'{HEADING}\n{ROW}\n"DE-b\n', CellError(3, "id", "unexpected end of data", "unreadable")),
        (
            f"{HEADING}\n{ROW.replace('Amt', 'x' * 200_000)}\n",
            CellError(2, "id", "field larger than field limit (131072)", "unreadable"),
        ),
    ],
    ids=range(6),
)
def test_tables_that_are_none(text, error):
    """What isn't such a table is refused with the place where it goes wrong."""
    records, errors = read_table(text, "DE")
    assert records == ()
    assert error in errors
