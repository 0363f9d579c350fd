"""A question set from a spreadsheet with XLSForm columns: sheets `survey`, `choices`, `settings`, and our `variables`.

Of XLSForm only what a set can express is taken: anything else is refused with sheet, row and column. Pure.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from protocol.encoding import canonical_json
from protocol.limits import MAX_ROWS
from translations.area import Area
from translations.catalogue import ENGLISH
from translations.finding import Finding
from translations.languages import LANGUAGES
from translations.pack import read_pack, write_pack
from translations.yaml_file import AreaError, Source

Sheets = Mapping[str, Sequence[Sequence[str]]]
"""Sheet → its rows of text, the heading first."""

_LABELLED: Final = re.compile(r"(label|hint|form_title)(?:::.*\(([a-z]{2})\))?")
_VARIABLE: Final = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_CONDITION: Final = re.compile(
    r"(?:\$\{(?P<a>[^{}]+)\}\s*=\s*['\"](?P<x>[^'\"]+)['\"]|selected\(\s*\$\{(?P<b>[^{}]+)\}\s*,\s*['\"](?P<y>[^'\"]+)['\"]\s*\))"
)
_COLUMNS: Final = {
    "survey": frozenset({"type", "name", "required", "relevant", "personal", "repeat_count"}),
    "choices": frozenset({"list_name", "name"}),
    "variables": frozenset({"type", "name", "list", "required", "personal", "repeat_count"}),
    "settings": frozenset({"form_id", "version"}),
}
_YES: Final = {"": False, "no": False, "false": False, "false()": False, "yes": True, "true": True, "true()": True}
_TYPES: Final = frozenset({"text", "date", "country"})
_COLUMN_TYPES: Final = _TYPES | {"code", "name"}


class Row(NamedTuple):
    """One row: its number as the spreadsheet shows it, its cells by column, its texts by kind and language."""

    number: int
    cells: dict[str, str]
    texts: dict[str, dict[str, str]]


class _RefusedError(Exception):
    """A cell that a set can't express."""

    def __init__(self, row: int, column: str, message: str) -> None:
        self.row, self.column, self.message = row, column, message
        super().__init__(message)


def with_form(area: Area, sheets: Sheets, file: Path) -> Area:
    """Return an area with the set of a form added, or replaced by it. Raises AreaError with every fault found."""
    form = _Form(json.loads(write_pack(area)), file)
    for sheet, read in (("settings", form.settings), ("choices", form.choices), ("variables", form.variables),
                        ("survey", form.survey)):  # fmt: skip
        form.sheet = sheet
        try:
            read(_rows(sheet, sheets.get(sheet, ())))
        except _RefusedError as error:
            form.refuse(error)
        if form.faults:
            raise AreaError(form.faults)
    return form.area()


def _rows(sheet: str, rows: Sequence[Sequence[str]]) -> Iterator[Row]:
    """Yield the rows that hold something; raises where a column isn't known and a row has something in it."""
    heading = [cell.strip() for cell in rows[0]] if rows else []
    for number, row in enumerate(rows[1:], 2):
        cells: dict[str, str] = {}
        texts: dict[str, dict[str, str]] = {}
        for column, cell in zip(heading, (cell.strip() for cell in row), strict=False):
            labelled = _LABELLED.fullmatch(column)
            if not cell:
                continue
            if labelled and (labelled[2] or ENGLISH) in LANGUAGES:
                texts.setdefault(labelled[1], {})[labelled[2] or ENGLISH] = _VARIABLE.sub(r"{\1}", cell)
            elif column in _COLUMNS[sheet]:
                cells[column] = cell
            else:
                raise _RefusedError(number, column, "a set has nothing of this kind")
        if cells or texts:
            yield Row(number, cells, texts)


class _Form:
    """Builds a pack from the area's and the form's own parts."""

    def __init__(self, pack: dict[str, Any], file: Path) -> None:
        self.pack = pack
        self.file = file
        self.sheet = ""
        self.faults: list[Finding] = []
        self.lines: dict[str, int] = {}
        self.table: dict[str, Any] | None = None
        self.set: dict[str, Any] = {"items": []}

    def refuse(self, error: _RefusedError) -> None:
        where = f"{self.sheet}, column {error.column}" if error.column else self.sheet
        self.faults.append(Finding(self.file, error.row, "not-in-a-set", f"{where}: {error.message}"))

    def settings(self, rows: Iterator[Row]) -> None:
        row = next(rows, None)
        if row is None or "form_id" not in row.cells:
            raise _RefusedError(2, "form_id", "the set needs an id")
        before = [one for one in self.pack["question_sets"] if one["id"] == row.cells["form_id"]]
        self.set["id"] = row.cells["form_id"]
        version = row.cells.get("version", str(before[0]["version"] + 1 if before else 1))
        if not (version.isascii() and version.isdigit() and len(version) < 7):  # noqa: PLR2004
            raise _RefusedError(row.number, "version", "isn't a number")
        self.set["version"] = int(version)
        self.set["title"] = self._text(row, "form_title", f"set.{self.set['id']}")
        self.pack["question_sets"] = [one for one in self.pack["question_sets"] if one["id"] != self.set["id"]]

    def choices(self, rows: Iterator[Row]) -> None:
        made: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            name, code = (row.cells.get(column, "") for column in ("list_name", "name"))
            if not name or not code:
                raise _RefusedError(row.number, "name" if name else "list_name", "is empty")
            text = self._text(row, "label", f"list.{name}.{code}")
            made.setdefault(name, []).append({"code": code, "text": text})
            self.lines.setdefault(code, row.number)
        kept = [one for one in self.pack["lists"] if one["id"] not in made]
        self.pack["lists"] = [*kept, *({"id": name, "codes": codes} for name, codes in made.items())]

    def variables(self, rows: Iterator[Row]) -> None:
        for row in rows:
            kind = _kind(row)
            if self._in_table(row, kind):
                continue
            name = row.cells.get("name", "")
            slug = name.replace("_", "-")
            made: dict[str, Any] = {"id": name, "type": row.cells.get("type", "")}
            if kind == "begin repeat":
                made |= self._begin_table(row)
            made["text"] = self._text(row, "label", f"variable.{slug}")
            made |= {key: row.cells[key] for key in ("list",) if key in row.cells}
            self._hint(row, made, f"variable.{slug}.hint")
            if _yes(row, "personal"):
                made["personal"] = True
            self.lines[name] = row.number
            self.pack["variables"] = [one for one in self.pack["variables"] if one["id"] != name] + [made]
            self.table = made if kind == "begin repeat" else None
        self._end()

    def survey(self, rows: Iterator[Row]) -> None:
        items: dict[str, dict[str, Any]] = {}
        group: dict[str, Any] | None = None
        for row in rows:
            kind = _kind(row)
            if self._in_table(row, kind):
                continue
            if kind == "end group":
                group = None
                continue
            made = self._item(row, kind)
            if made["id"] in items:
                raise _RefusedError(row.number, "name", f"{made['id']} stands twice")
            where = group["items"] if group else self.set["items"]
            if "relevant" in row.cells:
                made["enable_when"] = when = _condition(row)
                if when["item"] not in items:
                    raise _RefusedError(row.number, "relevant", f"{when['item']} isn't before it")
                where = items[when["item"]].setdefault("items", [])
            where.append(made)
            items[made["id"]] = made
            if kind == "begin group":
                group = made
            self.table = made if kind == "begin repeat" else None
        self._end()

    def _begin_table(self, row: Row) -> dict[str, Any]:
        """Return what a table has before its columns; `repeat_count` is the most rows it takes."""
        most = row.cells.get("repeat_count", "")
        if most and not (most.isascii() and most.isdigit() and 1 <= int(most[:3]) <= MAX_ROWS and len(most) < 3):  # noqa: PLR2004
            raise _RefusedError(row.number, "repeat_count", f"isn't a number from 1 to {MAX_ROWS}")
        return {"type": "table", "columns": []} | ({"rows": int(most)} if most else {})

    def _in_table(self, row: Row, kind: str) -> bool:
        """Take a row as a column of the table that is open, or as its end; says whether it was one."""
        if self.table is None:
            if kind == "end repeat":
                raise _RefusedError(row.number, "type", "no table has begun")
            return False
        if kind == "end repeat":
            if not self.table["columns"]:
                raise _RefusedError(row.number, "type", "the table has no column")
            self.table = None
        else:
            self.table["columns"].append(self._column(row, kind))
        return True

    def _end(self) -> None:
        if self.table is not None:
            raise _RefusedError(self.lines[self.table["id"]], "type", "the table has no end")

    def _column(self, row: Row, kind: str) -> dict[str, Any]:
        assert self.table is not None
        name = row.cells.get("name", "")
        first, _, chosen = row.cells.get("type", "").partition(" ")
        kind, chosen = ("code", chosen.strip()) if first == "select_one" else (kind, row.cells.get("list", ""))
        if kind not in _COLUMN_TYPES or "relevant" in row.cells or "hint" in row.texts or "repeat_count" in row.cells:
            raise _RefusedError(row.number, "type", f"a table has no columns of this kind: {kind[:40] or 'empty'}")
        self.lines.setdefault(name, row.number)
        made: dict[str, Any] = {"id": name, "type": kind} | ({"list": chosen} if chosen else {})
        made["text"] = self._text(row, "label", f"column.{self.table['id']}.{name}".replace("_", "-"))
        return made | {key: True for key in ("required", "personal") if _yes(row, key)}

    def _item(self, row: Row, kind: str) -> dict[str, Any]:
        name = row.cells.get("name", "")
        self.lines[name] = row.number
        if kind == "begin group":
            return {"id": name, "type": "group", "text": self._text(row, "label", f"group.{name}"), "items": []}
        first, _, chosen = row.cells.get("type", "").partition(" ")
        if first != "select_one" and kind not in _TYPES | {"begin repeat"}:
            raise _RefusedError(row.number, "type", f"a set has no questions of this type: {kind[:40] or 'empty'}")
        made: dict[str, Any] = {"id": name, "type": "choice" if first == "select_one" else kind}
        made["text"] = self._text(row, "label", f"item.{name}")
        self._hint(row, made, f"item.{name}.hint")
        made |= {"list": chosen.strip()} if first == "select_one" else {}
        made |= self._begin_table(row) if kind == "begin repeat" else {}
        made |= {key: True for key in ("required", "personal") if _yes(row, key)}
        shown = re.findall(r"\{([a-z0-9_]+)\}", row.texts["label"][ENGLISH])
        return made | ({"variables": list(dict.fromkeys(shown))} if shown else {})

    def _hint(self, row: Row, made: dict[str, Any], text_id: str) -> None:
        if "hint" in row.texts:
            made["hint"] = self._text(row, "hint", text_id)

    def _text(self, row: Row, kind: str, text_id: str) -> str:
        """Take the texts of a row under an id; where another set has that id in other words, they are refused."""
        given = row.texts.get(kind, {})
        if ENGLISH not in given:
            raise _RefusedError(row.number, f"{kind}::English (en)", "is empty")
        rest = json.dumps([self.pack[part] for part in ("question_sets", "variables")])
        before = self.pack["texts"][ENGLISH].get(text_id, given[ENGLISH])
        if before != given[ENGLISH] and f'"{text_id}"' in rest and kind != "form_title" and self.sheet == "survey":
            raise _RefusedError(row.number, f"{kind}::English (en)", f"another set has {text_id} in other words")
        for lang, text in given.items():
            self.pack["texts"].setdefault(lang, {})[text_id] = text
        if before != given[ENGLISH]:  # translations of other words aren't translations of these
            for lang, texts in self.pack["texts"].items():
                if lang not in given:
                    texts.pop(text_id, None)
        return text_id

    def area(self) -> Area:
        """Return the area, checked like any other; faults name rows of the survey."""
        self.pack["question_sets"].append(self.set)
        for part in ("lists", "question_sets", "variables"):
            self.pack[part].sort(key=lambda one: one["id"])
        named = set(re.findall(r'"(?:text|title|hint)": "([^"]+)"', json.dumps({**self.pack, "texts": {}})))
        texts = self.pack["texts"].items()
        self.pack["texts"] = {lang: {k: text for k, text in of.items() if k in named} for lang, of in texts}
        self.pack["texts"] = {lang: of for lang, of in self.pack["texts"].items() if of}
        source = Source(self.file, self.lines)
        return read_pack(canonical_json(self.pack), {f"questions/{self.set['id']}.yaml": source})


def _kind(row: Row) -> str:
    """Return the type of a row, in whichever of its two spellings: `begin_group`, `begin group`."""
    return " ".join(row.cells.get("type", "").replace("_", " ", 1).split())


def _yes(row: Row, column: str) -> bool:
    said = row.cells.get(column, "").lower()
    if said not in _YES:
        raise _RefusedError(row.number, column, "is neither yes nor no")
    return _YES[said]


def _condition(row: Row) -> dict[str, Any]:
    """Return `enable_when` of a `relevant` such as `${a} = 'x' or selected(${a}, 'y')`; nothing else can be said."""
    found = [_CONDITION.fullmatch(part.strip()) for part in re.split(r"\s+or\s+", row.cells["relevant"])]
    names = {match["a"] or match["b"] for match in found if match}
    if None in found or len(names) != 1:
        raise _RefusedError(row.number, "relevant", "a set knows only ${item} = 'code', joined by or, of one item")
    return {"item": names.pop(), "any": [match["x"] or match["y"] for match in found if match]}
