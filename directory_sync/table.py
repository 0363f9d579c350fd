"""Authorities as a CSV table, for the country's coordinator and a spreadsheet.

Columns, in this order; the first five, `place` and `valid_from` are required in every row:

    id, name, name_lang, level, valid_from, valid_until, place, region_code, region_name,
    address, email, web, phone      as text
    languages                       codes, separated by spaces
    areas                           `area:role`, separated by spaces (`professional-qualifications:authority`);
                                    `area:role:suspended` where it isn't active
    competences                     separated by ` | `
    coordinator                     NIMIC, SDIMIC, LIMIC, DIMIC or nothing
    validating, observers           ids of linked authorities, separated by spaces
    access, request                 `area:id` and `area:id,id`, separated by spaces
    successor                       id
    demo                            `yes` or nothing
    v                               a number; nothing means 1
    title:XX, description:XX, region_name:XX    one column per language, as many as are needed

The country is the one whose table is read, since every id begins with it. All cells are text: leading
zeros survive. Comma or semicolon, a byte order mark or none. Fields of newer versions have no column, so
a table is for editing one's own records, not for carrying another country's.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from directory_sync import limits
from directory_sync.authority import Authority, Links
from directory_sync.mapping import PLAIN, ColumnMapping
from directory_sync.sheet import SheetError, csv_rows, is_spreadsheet, rows_of, write_spreadsheet

COLUMNS = (
    "id", "name", "name_lang", "level", "valid_from", "valid_until", "place", "region_code", "region_name",
    "address", "email", "web", "phone", "languages", "areas", "competences",
    "coordinator", "validating", "access", "request", "observers", "successor", "demo", "v",
)  # fmt: skip
REQUIRED = ("id", "name", "name_lang", "level", "valid_from", "place")
_PER_LANGUAGE = {"title": "titles", "description": "descriptions", "region_name": "names"}
_CONTACTS = ("address", "email", "web", "phone")
_BAR = " | "
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FIELD_COLUMNS = {
    "region.code": "region_code", "region.name": "region_name", "country": "id", "links": "validating",
    **{f"links.{name}": name for name in ("validating", "access", "request", "observers")},
}  # fmt: skip


Fault = Literal[
    "missing", "malformed", "too-long", "not-in-list", "date",
    "column-missing", "column-unknown", "column-twice", "cells", "id-twice", "too-large", "unreadable", "encoding",
]  # fmt: skip
"""What can be wrong with a cell; the second line is about the table's form."""


class CellError(NamedTuple):
    """What is wrong where: `row` counts as a spreadsheet does (1 is the heading), `column` by its heading.

    `problem` is English; `code` says the same to a program, with `number`: the most characters (`too-long`), or the
    other row (`id-twice`).
    """

    row: int
    column: str
    problem: str
    code: Fault = "malformed"
    number: int = 0


def write_table(authorities: Iterable[Authority]) -> str:
    """Return the table of these authorities, with a column for every language that one of them has."""
    return csv_of(*_table(authorities))


def csv_of(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table as CSV (RFC 4180) in which nothing is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heading)
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return out.getvalue()


def write_sheet(authorities: Iterable[Authority]) -> bytes:
    """Return the same table as an XLSX file, in which every cell is text."""
    return write_spreadsheet(*_table(authorities))


def _table(authorities: Iterable[Authority]) -> tuple[list[str], list[list[str]]]:
    records = sorted(authorities, key=lambda authority: authority.id)
    languages = [
        f"{kind}:{lang}"
        for kind, field in _PER_LANGUAGE.items()
        for lang in sorted({lang for record in records for lang in _texts(record, field)})
    ]
    heading = [*COLUMNS, *languages]
    cells = (dict(_cells(record)) for record in records)
    return heading, [[row.get(column, "") for column in heading] for row in cells]


def _texts(record: Authority, field: str) -> Mapping[str, str]:
    if field == "names":
        return record.region.names if record.region else {}
    texts: Mapping[str, str] = getattr(record, field)
    return texts


def read_table(text: str, country: str) -> tuple[tuple[Authority, ...], tuple[CellError, ...]]:
    """Read a CSV table of `country`: (authorities, errors), and no authorities if there is any error."""
    read = read_rows(csv_rows(text), country, guarded=True)
    return tuple(one for _, one in read.records), read.errors


class Read(NamedTuple):
    """What a table holds: authorities with their rows, none of them if there is any error."""

    records: tuple[tuple[int, Authority], ...]
    errors: tuple[CellError, ...]


def read_file(
    data: bytes, country: str, mapping: ColumnMapping = PLAIN, told: Callable[[int], None] = lambda _row: None
) -> Read:
    """Read a table of `country` from a CSV or XLSX file; `told` hears the number of each row that was read."""
    return read_rows(rows_of(data), country, mapping, guarded=not is_spreadsheet(data), told=told)


def read_rows(
    rows: Iterable[list[str]],
    country: str,
    mapping: ColumnMapping = PLAIN,
    *,
    guarded: bool,
    told: Callable[[int], None] = lambda _row: None,
) -> Read:
    """Read the rows of a table, the heading first; `guarded` cells may have an apostrophe before a formula."""
    reader = _Reader(country, mapping, guarded=guarded)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            if number == 1:
                reader.heading(row)
            elif reader.columns and any(cell.strip() for cell in row):
                reader.row(number, row)
            told(number)
        if number == 0:
            reader.heading([])
    except SheetError as error:
        reader.errors.append(CellError(error.row or number + 1, reader.first, error.detail, error.fault))
    if len(reader.records) > limits.MAX_RECORDS:
        reader.errors.append(CellError(number, "id", f"more than {limits.MAX_RECORDS} authorities", "too-large"))
    return Read((), tuple(reader.errors)) if reader.errors else Read(tuple(reader.records), ())


class _Reader:
    """Reads a table row by row; errors name the columns as the table does, not as a mapping calls them."""

    def __init__(self, country: str, mapping: ColumnMapping, *, guarded: bool) -> None:
        self._country, self._mapping, self._guarded = country, mapping, guarded
        self._seen: dict[str, int] = {}
        self._ours: list[str | None] = []
        self._width = 0
        self._theirs: dict[str, str] = {}
        self.columns: list[str] = []
        self.records: list[tuple[int, Authority]] = []
        self.errors: list[CellError] = []

    @property
    def first(self) -> str:
        """The first column, for what is wrong with a row as a whole."""
        return next(iter(self._theirs.values()), "")

    def heading(self, row: list[str]) -> None:
        """Take the heading; without any fault in it `columns` are ours."""
        theirs = [cell.strip() for cell in row]
        self._ours = [self._mapping.ours(column) for column in theirs]
        self._width = len(theirs)
        self._theirs = {ours: column for ours, column in zip(self._ours, theirs, strict=True) if ours is not None}
        columns = [column for column in self._ours if column is not None]
        self.errors += _heading_errors(columns, self._mapping.values, self._theirs)
        self.columns = [] if self.errors else columns

    def row(self, number: int, row: list[str]) -> None:
        """Take one row."""
        if len(row) != self._width:
            text = f"{len(row)} cells, the heading has {self._width}"
            self.errors.append(CellError(number, self.first, text, "cells"))
            return
        cells = self._cells(row)
        missing = [column for column in REQUIRED if column not in cells]
        self.errors += [self._error(number, column, "is required", "missing") for column in missing]
        if missing:
            return
        first = self._seen.setdefault(cells["id"], number)
        if first != number:
            self.errors.append(self._error(number, "id", f"stands in row {first} too", "id-twice", first))
        try:
            self.records.append((number, Authority.model_validate(_record(cells, self._country))))
        except ValidationError as error:
            self.errors += [
                self._error(number, *_column_of(problem), *_fault_of(problem)) for problem in error.errors()
            ]

    def _cells(self, row: list[str]) -> dict[str, str]:
        cells = dict(self._mapping.values)
        for column, value in zip(self._ours, row, strict=True):
            plain = value.strip(" ")
            text = self._mapping.cell(column, _unguarded(plain) if self._guarded else plain) if column else ""
            if column and text:
                cells[column] = text
        return cells

    def _error(self, row: int, column: str, problem: str, code: Fault = "malformed", number: int = 0) -> CellError:
        return CellError(row, self._theirs.get(column, column), problem, code, number)


def _heading_errors(columns: list[str], given: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[CellError]:
    for column in REQUIRED:
        if column not in columns and column not in given:
            yield CellError(1, column, "this column is missing", "column-missing")
    for index, column in enumerate((*columns, *given)):
        kind, colon, _lang = column.partition(":")
        if column not in COLUMNS and not (colon and kind in _PER_LANGUAGE):
            yield CellError(1, theirs.get(column, column), "is no column of this table", "column-unknown")
        if column in columns[:index] and index < len(columns):
            yield CellError(1, theirs.get(column, column), "this column stands twice", "column-twice")


def _cells(record: Authority) -> Iterator[tuple[str, str]]:
    values: dict[str, Any] = record.model_dump(mode="json")
    for column in ("id", "name", "name_lang", "level", "valid_from", "valid_until", "place", "v"):
        yield column, "" if values[column] is None else str(values[column])
    for contact in _CONTACTS:
        yield contact, values["contacts"][contact] or ""
    yield "region_code", record.region.code if record.region else ""
    yield "region_name", record.region.name if record.region else ""
    yield "languages", " ".join(record.languages)
    yield (
        "areas",
        " ".join(f"{r.area}:{r.role}" + ("" if r.status == "active" else f":{r.status}") for r in record.areas),
    )
    yield "competences", _BAR.join(record.competences)
    yield "coordinator", record.coordinator or ""
    yield "successor", record.successor or ""
    yield from _link_cells(record.links or Links())
    yield "demo", "yes" if record.demo else ""
    for kind, field in _PER_LANGUAGE.items():
        yield from ((f"{kind}:{lang}", text) for lang, text in _texts(record, field).items())


def _link_cells(links: Links) -> Iterator[tuple[str, str]]:
    yield "validating", links.validating or ""
    yield "access", " ".join(f"{area}:{one}" for area, one in links.access.items())
    yield "request", " ".join(f"{area}:{','.join(ids)}" for area, ids in links.request.items())
    yield "observers", " ".join(links.observers)


def _record(cells: Mapping[str, str], country: str) -> dict[str, Any]:
    """Put the cells where the model has them; what is wrong in them, the model says."""
    plain = (*REQUIRED, "valid_until", "coordinator", "successor")
    record: dict[str, Any] = {column: cells[column] for column in plain if column in cells}
    record |= {
        "country": country,
        "v": cells.get("v", "1"),
        "demo": cells.get("demo", "no"),
        "contacts": {contact: cells[contact] for contact in _CONTACTS if contact in cells},
        "languages": cells.get("languages", "").split(),
        "areas": [_area(cell) for cell in cells.get("areas", "").split()],
        "competences": [part.strip() for part in cells.get("competences", "").split("|") if part.strip()],
    }
    if "region_code" in cells or "region_name" in cells:
        record["region"] = {"code": cells.get("region_code", ""), "name": cells.get("region_name", "")}
    if links := _links(cells):
        record["links"] = links
    for kind, field in _PER_LANGUAGE.items():
        named = ((column.partition(":"), value) for column, value in cells.items())
        texts = {lang: value for (head, colon, lang), value in named if colon and head == kind}
        if field != "names":
            record[field] = texts
        elif texts:
            record.setdefault("region", {"code": "", "name": ""})[field] = texts
    return record


def _area(cell: str) -> dict[str, str]:
    area, _, rest = cell.partition(":")
    role, _, status = rest.partition(":")
    return {"area": area, "role": role, **({"status": status} if status else {})}


def _links(cells: Mapping[str, str]) -> dict[str, Any]:
    links: dict[str, Any] = {}
    if "validating" in cells:
        links["validating"] = cells["validating"]
    if "observers" in cells:
        links["observers"] = cells["observers"].split()
    named = {name: (part.partition(":") for part in cells.get(name, "").split()) for name in ("access", "request")}
    if "access" in cells:
        links["access"] = {area: one for area, _, one in named["access"]}
    if "request" in cells:
        links["request"] = {area: ids.split(",") for area, _, ids in named["request"]}
    return links


def _column_of(problem: Any) -> tuple[str, str]:
    """Return (column, problem) for one of pydantic's errors."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    where = [str(part) for part in problem["loc"]]
    if not where:  # a rule about the whole record names its field first
        field, _, rest = message.partition(": ")
        return {"contacts": "email"}.get(field, field), rest
    head = where[0]
    for kind, field in _PER_LANGUAGE.items():
        if field in where[:2] and where[-1] != field:
            return f"{kind}:{where[where.index(field) + 1]}", message
    if head == "contacts":
        return where[1], message
    return _FIELD_COLUMNS.get(".".join(where[:2]), head), message


def _fault_of(problem: Any) -> tuple[Fault, int]:
    """Return (code, number) for one of pydantic's errors."""
    kind = str(problem["type"])
    if kind == "string_too_long":
        return "too-long", int(problem["ctx"]["max_length"])
    if kind in ("literal_error", "enum"):
        return "not-in-list", 0
    return ("date" if kind.startswith("date_") else "missing" if kind == "string_too_short" else "malformed"), 0


def _guarded(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
