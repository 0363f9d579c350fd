"""Tables of a request and a reply in one reader's language."""

from collections.abc import Mapping

from node.domain.case_view import Choice, Column, Columns, ReadCell, Table, Text
from translations.area import Area
from translations.catalogue import Text as CatalogueText
from translations.question_set import Column as AreaColumn
from translations.question_set import Item, Variable
from translations.table import cell_text, most_rows


def columns_of(area: Area, thing: Item | Variable, lang: str) -> Columns | None:
    """Return what a table takes, for a form; None for any other type."""
    if thing.type != "table":
        return None
    columns = (_column(area, column, lang, _choices(area, column, lang)) for column in thing.columns)
    return Columns(columns=tuple(columns), rows=most_rows(thing))


def table_of(area: Area, thing: Item | Variable, value: Mapping[str, object], lang: str) -> Table | None:
    """Return a table as it was filled in; None for any other type, and where there is no table."""
    rows = value.get("rows")
    if thing.type != "table" or not isinstance(rows, list | tuple):
        return None
    return Table(
        columns=tuple(_column(area, column, lang) for column in thing.columns),
        rows=tuple(
            {column.id: _cell(area, column, row[column.id], lang) for column in thing.columns if column.id in row}
            for row in rows
        ),
    )


def _column(area: Area, column: AreaColumn, lang: str, choices: tuple[Choice, ...] = ()) -> Column:
    return Column(
        id=column.id,
        text=_shown(area.catalogue.text(column.text, lang)),
        type=column.type,
        required=column.required,
        personal=column.personal,
        choices=choices,
    )


def _choices(area: Area, column: AreaColumn, lang: str) -> tuple[Choice, ...]:
    codes = area.lists[column.list].codes if column.list else ()
    return tuple(Choice(code=one.code, label=_shown(area.catalogue.label(one, lang))) for one in codes)


def _cell(area: Area, column: AreaColumn, value: Mapping[str, object], lang: str) -> ReadCell:
    text = cell_text(column, value, area.lists, area.catalogue, lang)
    code = next((value[key] for key in ("code", "country", "date") if key in value), None)
    return ReadCell(text=text.text, lang=text.lang, code=code if isinstance(code, str) else None)


def _shown(text: CatalogueText) -> Text:
    return Text(text=text.text, lang=text.lang)
