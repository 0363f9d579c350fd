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
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from directory_sync import limits
from directory_sync.authority import Authority, Links

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


class CellError(NamedTuple):
    """What is wrong where: `row` counts as a spreadsheet does (1 is the heading), `column` by its heading."""

    row: int
    column: str
    problem: str


def write_table(authorities: Iterable[Authority]) -> str:
    """Return the table of these authorities, with a column for every language that one of them has."""
    records = sorted(authorities, key=lambda authority: authority.id)
    languages = [
        f"{kind}:{lang}"
        for kind, field in _PER_LANGUAGE.items()
        for lang in sorted({lang for record in records for lang in _texts(record, field)})
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS, *languages], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({column: _guarded(cell) for column, cell in _cells(record)} for record in records)
    return out.getvalue()


def _texts(record: Authority, field: str) -> Mapping[str, str]:
    if field == "names":
        return record.region.names if record.region else {}
    texts: Mapping[str, str] = getattr(record, field)
    return texts


def read_table(text: str, country: str) -> tuple[tuple[Authority, ...], tuple[CellError, ...]]:
    """Read a table of `country`: (authorities, errors), and no authorities if there is any error."""
    lines = text.removeprefix("\ufeff")
    heading = lines.partition("\n")[0]
    rows = csv.reader(io.StringIO(lines, newline=""), delimiter=";" if ";" in heading else ",", strict=True)
    errors: list[CellError] = []
    records: list[Authority] = []
    seen: dict[str, int] = {}
    columns: list[str] = []
    number = 0
    try:
        columns = [cell.strip() for cell in next(rows, [])]
        number = 1
        errors += _heading_errors(columns)
        for number, row in enumerate(() if errors else rows, start=2):
            if any(cell.strip() for cell in row):
                _read_row(number, columns, row, country, (records, errors, seen))
    except csv.Error as error:
        errors.append(CellError(number + 1, columns[0] if columns else "", str(error)))
    if len(records) > limits.MAX_RECORDS:
        errors.append(CellError(number, "id", f"more than {limits.MAX_RECORDS} authorities"))
    return ((), tuple(errors)) if errors else (tuple(records), ())


def _read_row(
    number: int,
    columns: list[str],
    row: list[str],
    country: str,
    into: tuple[list[Authority], list[CellError], dict[str, int]],
) -> None:
    records, errors, seen = into
    if len(row) != len(columns):
        errors.append(CellError(number, columns[0], f"{len(row)} cells, the heading has {len(columns)}"))
        return
    cells = {column: value for column, cell in zip(columns, row, strict=True) if (value := _unguarded(cell.strip(" ")))}
    missing = [column for column in REQUIRED if column not in cells]
    errors += [CellError(number, column, "is required") for column in missing]
    if missing:
        return
    first = seen.setdefault(cells["id"], number)
    if first != number:
        errors.append(CellError(number, "id", f"stands in row {first} too"))
    try:
        records.append(Authority.model_validate(_record(cells, country)))
    except ValidationError as error:
        errors += [CellError(number, *_column_of(problem)) for problem in error.errors()]


def _heading_errors(columns: list[str]) -> Iterator[CellError]:
    for column in REQUIRED:
        if column not in columns:
            yield CellError(1, column, "this column is missing")
    for index, column in enumerate(columns):
        kind, colon, _lang = column.partition(":")
        if column not in COLUMNS and not (colon and kind in _PER_LANGUAGE):
            yield CellError(1, column, "is no column of this table")
        if column in columns[:index]:
            yield CellError(1, column, "this column stands twice")


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


def _guarded(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
