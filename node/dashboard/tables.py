"""Tables in forms: a cell's field is `<name>/<row from 0>/<column>`; a button adds rows, without a script."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from node.dashboard.form import Form, whole_number
from node.dashboard.page import Texts
from node.domain.case_view import Column, Columns, Text
from protocol.content import Cell, Content

_EMPTY: Final = 3
"""Empty rows after those that are filled in."""
_MORE: Final = 5
"""Rows that the button adds."""
_KEYS: Final = {"code": "code", "text": "text", "date": "date", "country": "country", "name": "name"}
_PATH: Final = re.compile(r"(.+)\.rows(?:\.([0-9]+)(?:\.([a-z0-9_]+))?)?")


def shown_rows(name: str, takes: Columns, values: Mapping[str, str]) -> int:
    """Return how many rows a form shows: what is filled in, some empty ones, and those asked for."""
    numbers = (field.removeprefix(f"{name}/").partition("/")[0] for field in values if field.startswith(f"{name}/"))
    filled = max((number + 1 for each in numbers if (number := whole_number(each, takes.rows)) is not None), default=0)
    before = whole_number(values.get(f"{name}/rows", ""), takes.rows) or 0
    more = _MORE if values.get("more") == name else 0
    return min(takes.rows, max(filled if before else filled + _EMPTY, before + more, _EMPTY))


def typed(name: str, rows: Sequence[Mapping[str, Content]]) -> dict[str, str]:
    """Return the cells of a draft's table as fields of the form."""
    return {
        f"{name}/{number}/{column}": str(next(iter(given.values()), ""))
        for number, row in enumerate(rows)
        for column, cell in row.items()
        if (given := cell.model_dump(mode="json", exclude={"lang"}, exclude_none=True))
    }


def read_rows(form: Form, name: str, takes: Columns, lang: str, found: dict[str, str]) -> list[dict[str, Cell]]:
    """Return the rows that were filled in, and note what is wrong in `found` by field.

    The form's rows close up, those without a cell that can be kept last: so the rows of what is kept have the
    numbers of the form's.
    """
    filled = [cells for number in range(takes.rows) if (cells := form.starting(f"{name}/{number}/"))]
    read = [_row(takes.columns, cells, lang) for cells in filled]
    order = sorted(range(len(read)), key=lambda number: not read[number][0])
    for field in [field for field in form.fields if field.startswith(f"{name}/") and field != f"{name}/rows"]:
        del form.fields[field]
    for number, before in enumerate(order):
        form.fields |= {f"{name}/{number}/{column}": [text] for column, text in filled[before].items()}
        found |= {f"{name}/{number}/{column}": text_id for column, text_id in read[before][1].items()}
    return [read[before][0] for before in order if read[before][0]]


def _row(columns: Sequence[Column], cells: Mapping[str, str], lang: str) -> tuple[dict[str, Cell], dict[str, str]]:
    """Return the cells that can be kept, and what is wrong with the others, by column."""
    row: dict[str, Cell] = {}
    wrong: dict[str, str] = {}
    for column in columns:
        if column.id not in cells:
            continue
        given: dict[str, Any] = {_KEYS[column.type]: cells[column.id]}
        try:
            row[column.id] = Cell.model_validate(given | ({"lang": lang} if column.type == "text" else {}))
        except ValidationError:
            wrong[column.id] = "error.date" if column.type == "date" else "error.too-long"
    return row, wrong


def field_of(path: str) -> str:
    """Return the field of the form for where a check found something: `variable.workers.rows.0.birth_date`."""
    match = _PATH.fullmatch(path)
    if match is None:
        return path
    name, row, column = match.groups()
    return f"{name}/{row}/{column}" if column else name


def cell_labels(texts: Texts, name: str, takes: Columns, found: Mapping[str, str]) -> dict[str, Text]:
    """Return what names each cell of a table at fault: its row, counted from 1, and its column."""
    headings = {column.id: column.text for column in takes.columns}
    labels: dict[str, Text] = {}
    for field in found:
        of, _, rest = field.partition("/")
        row, _, column = rest.partition("/")
        if of == name and column in headings:
            words = f"{texts.t('table.row', n=int(row) + 1).text}: {headings[column].text}"
            labels[field] = texts.plain(words)
    return labels
