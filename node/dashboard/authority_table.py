"""Importing and exporting a coordinator's authorities as a table: upload, look at what would change, publish."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from directory_sync import limits
from directory_sync.table import CellError, Fault, Read
from node.clock import new_uuid
from node.dashboard.authority_fields import Fields, Row
from node.dashboard.authority_form import mistakes_of
from node.dashboard.form import Form
from node.dashboard.page import ACTOR, NODE, Mistake, Texts, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.errors import NodeError
from node.service import authority_edit, table_import
from node.service.authority_edit import Why
from node.service.table_import import RowChange
from translations.catalogue import Text

SHOWN: Final = 200
"""Changed rows, or cells at fault, that a page shows."""
PREVIEW_MINUTES: Final = 30
"""Minutes for which a table that was looked at can be published."""
PREVIEWS: Final = 20
"""Tables that wait at a time, one for each person; then the oldest has to be looked at again."""
_FIELDS: Final = ("table", "mapping")
_TOLD: Final[dict[Fault, str]] = {
    "missing": "error.required",
    "malformed": "error.malformed",
    "too-long": "error.too-long",
    "not-in-list": "error.not-in-list",
    "date": "error.date",
    "column-missing": "exchange.cell.column-missing",
    "column-unknown": "exchange.cell.column-unknown",
    "column-twice": "exchange.cell.column-twice",
    "cells": "exchange.cell.cells",
    "id-twice": "exchange.cell.id-twice",
    "too-large": "exchange.cell.too-large",
    "unreadable": "exchange.cell.unreadable",
    "encoding": "exchange.cell.encoding",
}
"""What is wrong with one cell is told as in the form of one record."""


@dataclass(frozen=True)
class _Waiting:
    token: str
    table: Read
    until: datetime


@dataclass
class Previews:
    """Tables that somebody is looking at. They aren't kept over a restart: the file is still with its owner."""

    waiting: dict[str, _Waiting] = field(default_factory=dict)

    def keep(self, person: str, token: str, table: Read, now: datetime) -> None:
        """Remember a table for its person, in the place of an earlier one."""
        self.waiting.pop(person, None)
        while len(self.waiting) >= PREVIEWS:
            self.waiting.pop(next(iter(self.waiting)))
        self.waiting[person] = _Waiting(token, table, now + timedelta(minutes=PREVIEW_MINUTES))

    def take(self, person: str, token: str, now: datetime) -> Read | None:
        """Return a person's table once, if it is the one that was looked at and not too old."""
        found = self.waiting.get(person)
        if found is None or found.token != token or found.until < now:
            return None
        return self.waiting.pop(person).table


KEPT: Final = web.AppKey("table_previews", Previews)


@dataclass(frozen=True)
class _Change:
    row: int
    id: str
    name: str
    state: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class _Cell:
    row: str
    column: str
    problem: Text


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app[KEPT] = Previews()
    app.router.add_get("/authorities/table", page)
    app.router.add_post("/authorities/table", check)
    app.router.add_post("/authorities/table/publish", publish)
    app.router.add_get("/authorities/table.csv", export)
    app.router.add_get("/authorities/table.xlsx", export)


async def page(request: web.Request) -> web.Response:
    """Show the form for a table."""
    return _show(request)


def _show(
    request: web.Request,
    errors: dict[str, Mistake] | None = None,
    cells: tuple[_Cell, ...] = (),
    changes: list[RowChange] | None = None,
    token: str = "",
) -> web.Response:
    texts = texts_of(request)
    request[ACTOR].require("directory.change")
    counts = Counter(one.state for one in changes or ())
    touched = [one for one in changes or () if one.state != "unchanged"]
    names = Fields(texts)
    return render(
        request,
        "authority_table",
        422 if errors or cells else 200,
        section="authorities",
        table_size=limits.MAX_TABLE_BYTES,
        mapping_size=limits.MAX_MAPPING_BYTES,
        cells=cells[:SHOWN],
        looked=changes is not None,
        counts=tuple((state, counts[state]) for state in ("added", "changed", "unchanged")),
        changes=tuple(
            _Change(
                one.row, one.authority, one.name, one.state, names.rows(one.fields) if one.state == "changed" else ()
            )
            for one in touched[:SHOWN]
        ),
        more=max(0, len(touched) - SHOWN),
        token=token,
        errors=errors or {},
    )


async def check(request: web.Request) -> web.Response:
    """Read a table and show what it would change."""
    form, node, texts = await checked_form(request), request.app[NODE], texts_of(request)
    actor = request[ACTOR]
    actor.require("directory.change")
    files = _files(form)
    if not files.get("table"):
        return _show(request, {"table": Mistake(texts.t("error.required"), texts.t("exchange.file"))})
    try:
        mapping = table_import.mapping_of(files.get("mapping", b""))
    except NodeError:
        return _show(request, {"mapping": Mistake(texts.t("error.malformed"), texts.t("exchange.mapping"))})
    table = await table_import.read(node, files["table"], mapping)
    if table.errors:
        return _show(request, cells=tuple(_Cell(str(e.row), e.column, _told(texts, e)) for e in table.errors))
    changes, faults = await table_import.preview(node, actor, table)
    if faults:
        return _show(request, cells=_cells(texts, faults))
    token = new_uuid(node.entropy)
    request.app[KEPT].keep(actor.id, token, table, node.clock.now())
    return _show(request, changes=changes, token=token)


def _told(texts: Texts, error: CellError) -> Text:
    """Say in words what is wrong with a cell, or with the table's form."""
    return texts.t(_TOLD[error.code], n=error.number, row=error.number)


def _files(form: Form) -> dict[str, bytes]:
    """Return the uploaded files by the field they came in; the page has two, in this order."""
    found = {name: one.data for name, one in form.named_files.items() if name in _FIELDS}
    return {name: data for name, data in found.items() if data}


def _cells(texts: Texts, faults: dict[str, str]) -> tuple[_Cell, ...]:
    """Say in words what keeps the table from being published, by row and field."""
    cells = []
    for place, code in faults.items():
        row, _, name = place.partition(".")
        said = next(iter(mistakes_of({name: code}, texts).values()))
        label, of = Fields(texts).label(name)
        cells.append(_Cell(row, f"{label.text} – {of}" if of else label.text, Text(said.text.text, said.text.lang)))
    return tuple(cells)


async def publish(request: web.Request) -> web.Response:
    """Publish the table that was looked at: all of it or, if something came in between, nothing."""
    form, node, texts = await checked_form(request), request.app[NODE], texts_of(request)
    actor = request[ACTOR]
    actor.require("directory.change")
    previews = request.app[KEPT]
    waiting = previews.waiting.get(actor.id)
    table = previews.take(actor.id, form["token"], node.clock.now())
    if table is None or waiting is None:
        return _show(request, {"table": Mistake(texts.t("exchange.over"), texts.t("exchange.file"))})
    try:
        await authority_edit.publish(node, actor, [one for _, one in table.records], Why("import", form["reason"]))
    except NodeError as error:
        if error.code not in ("invalid", "forbidden", "stale"):
            raise
        changes, faults = await table_import.preview(node, actor, table)
        if faults:
            return _show(request, cells=_cells(texts, faults))
        previews.keep(actor.id, waiting.token, table, node.clock.now())
        wrong = mistakes_of({"reason": error.fields.get("reason", "missing")}, texts)
        return _show(request, wrong, changes=changes, token=waiting.token)
    return see_other("/authorities", "flash.saved")


async def export(request: web.Request) -> web.Response:
    """Send the table of the reader's authorities."""
    spreadsheet = request.path.endswith(".xlsx")
    data = await table_import.export(request.app[NODE], request[ACTOR], spreadsheet=spreadsheet)
    name = "authorities.xlsx" if spreadsheet else "authorities.csv"
    headers = {
        "Content-Type": table_import.XLSX if spreadsheet else table_import.CSV,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return web.Response(body=data, headers=headers)
