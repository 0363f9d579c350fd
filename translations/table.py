"""Tables: what a value `{"rows": [{column: value}]}` may hold, and how its cells read (SPEC S-291, S-292).

Values are what JSON gives and may come from strangers: nothing here raises, whatever they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from protocol.limits import MAX_ROWS
from translations.catalogue import Catalogue, Text
from translations.dates import format_date
from translations.languages import COUNTRIES, country_name
from translations.limits import CELL_CHARACTERS, ID_CHARACTERS, VARIABLE_TEXT_CHARACTERS
from translations.question_set import CodeList, Column, Item, Variable
from translations.variable import field_problem, is_date

CELL_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "code": frozenset({"code"}),
    "text": frozenset({"text", "lang"}),
    "date": frozenset({"date"}),
    "country": frozenset({"country"}),
    "name": frozenset({"name"}),
}
"""Type of a column → the fields of its cells."""
_LINE_ROWS: Final = 5
"""Rows that a sentence names."""


class CellProblem(NamedTuple):
    """What is wrong in a table: a stable code, where (`rows`, row from 0, column), a sentence for the log.

    The code is empty where the value is no table at all.
    """

    code: str
    where: tuple[str, ...]
    what: str


def most_rows(table: Item | Variable) -> int:
    """Return how many rows a table may have."""
    return table.rows or MAX_ROWS


def table_problems(table: Item | Variable, lists: Mapping[str, CodeList], rows: object) -> Iterator[CellProblem]:
    """Yield what is wrong with the rows of a table (SPEC S-292)."""
    if not isinstance(rows, list | tuple) or not rows:
        yield CellProblem("", (), "has no list of one row or more")
        return
    if len(rows) > most_rows(table):
        yield CellProblem("too-many-rows", ("rows",), f"are more than {most_rows(table)}")
        return
    columns = {column.id: column for column in table.columns}
    for number, row in enumerate(rows):
        where = ("rows", str(number))
        if not isinstance(row, Mapping) or not row:
            yield CellProblem("wrong-cell", where, "is no row with a cell")
            continue
        for name, value in row.items():
            if isinstance(name, str) and name in columns:
                yield from _cell(columns[name], lists, value, (*where, name))
            else:
                yield CellProblem("unknown-column", (*where, _quoted(name)), "is no column of the table")
        for column in table.columns:
            if column.required and column.id not in row:
                yield CellProblem("missing-cell", (*where, column.id), "must be filled in")


def _cell(
    column: Column, lists: Mapping[str, CodeList], value: object, where: tuple[str, ...]
) -> Iterator[CellProblem]:
    keys = CELL_KEYS[column.type]
    if not isinstance(value, Mapping) or value.keys() != keys:
        yield CellProblem("wrong-cell", where, f"is no {column.type}")
        return
    for key in sorted(keys):
        problem = field_problem(key, value[key], CELL_CHARACTERS if key in ("text", "name") else ID_CHARACTERS)
        if problem:
            yield CellProblem("too-long" if problem == "too-long" else "wrong-cell", where, f"has a {key} {problem}")
            return
    if column.list and lists[column.list].get(str(value["code"])) is None:
        yield CellProblem("unknown-answer", where, f"has a code that is not in list {column.list}")


def _quoted(name: object) -> str:
    """Return no more of a stranger's name than an id can be long, in ASCII."""
    return (ascii(name[:ID_CHARACTERS])[1:-1] if isinstance(name, str) else type(name).__name__)[:ID_CHARACTERS]


def cell_text(
    column: Column, value: Mapping[str, object], lists: Mapping[str, CodeList], catalogue: Catalogue, lang: str
) -> Text:
    """Return a cell as a reader of `lang` sees it; free text stays in its language."""
    given = value.get(column.type)
    entry = lists[column.list].get(str(given)) if column.list else None
    if entry:
        return catalogue.label(entry, lang)
    if column.type == "country" and given in COUNTRIES:
        return Text(country_name(str(given), lang), lang)
    if column.type == "date" and is_date(given):
        return Text(format_date(date.fromisoformat(str(given)), lang), lang)
    if column.type in ("text", "name") and isinstance(given, str):
        return Text(given, str(value.get("lang") or lang))
    return Text("…", lang)


def in_a_line(columns: Sequence[Column], value: Mapping[str, object]) -> str:
    """Return what names the first rows of a table, for a sentence: their names, their texts where they have none."""
    rows = value.get("rows")
    kept = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list | tuple) else []
    for kind in ("name", "text"):
        named = [column.id for column in columns if column.type == kind]
        lines = [line for row in kept[:_LINE_ROWS] if (line := " ".join(_words(row, named, kind)))]
        if lines:
            more = "; …" if len(kept) > _LINE_ROWS else ""
            return "; ".join(lines)[:VARIABLE_TEXT_CHARACTERS] + more
    return ""


def _words(row: Mapping[str, object], names: Iterable[str], kind: str) -> Iterator[str]:
    for name in names:
        cell = row.get(name)
        if isinstance(cell, Mapping) and isinstance(cell.get(kind), str):
            yield str(cell[kind])
