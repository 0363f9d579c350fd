"""Tables of our own authorities: read, shown row by row before anything is published, and written out again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from directory_sync.authority import Authority
from directory_sync.mapping import PLAIN, ColumnMapping, MappingError
from directory_sync.table import Read, read_file, write_sheet, write_table
from node.domain.access import Actor
from node.domain.authority_change import FieldChange, changes_between
from node.errors import NodeError
from node.service import authority_edit
from node.service.authority_edit import editor_of, own_records
from node.service.node import Node

CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class RowChange:
    """What a row of a table would change; `state` is added, changed or unchanged."""

    row: int
    authority: str
    name: str
    state: str
    fields: tuple[FieldChange, ...]


def mapping_of(data: bytes) -> ColumnMapping:
    """Read a mapping file; an empty one stands for our own columns. Raises `invalid`."""
    if not data.strip():
        return PLAIN
    try:
        return ColumnMapping.read(data)
    except MappingError as error:
        raise NodeError("invalid", f"The mapping file: {error}", fields={"mapping": "malformed"}) from None


async def read(
    node: Node, data: bytes, mapping: ColumnMapping, told: Callable[[int], None] = lambda _row: None
) -> Read:
    """Read a CSV or XLSX file of our country's authorities, off the loop; `told` is called from a thread."""
    work = partial(read_file, data, node.country, mapping, told)
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def preview(node: Node, actor: Actor, table: Read) -> tuple[list[RowChange], dict[str, str]]:
    """Return what each row would change, and what keeps the table from being published: `ROW.FIELD` → code.

    Publishes nothing. Raises `forbidden` for who changes no directory.
    """
    actor.require("directory.change")
    records = [one for _, one in table.records]
    there = await node.store.read(lambda q: {one.id: one for one in own_records(q, node.country)})
    found = [_row(row, there.get(one.id), one) for row, one in table.records]
    faults = await authority_edit.faults_of_all(node, actor, records)
    rows = [row for row, _ in table.records]
    return found, {_by_row(field, rows): code for field, code in faults.items()}


def _by_row(field: str, rows: list[int]) -> str:
    place, _, name = field.partition(".")
    return f"{rows[int(place)]}.{name}" if place.isdigit() and int(place) < len(rows) else field


def _row(row: int, before: Authority | None, after: Authority) -> RowChange:
    fields = changes_between(before, after)
    state = "added" if before is None else "changed" if fields else "unchanged"
    return RowChange(row, after.id, after.name, state, fields)


async def export(node: Node, actor: Actor, *, spreadsheet: bool) -> bytes:
    """Return the table of the authorities that an actor may change: for the operator all of the country."""
    actor.require("directory.change")
    editor = editor_of(node, actor)
    records = await node.store.read(lambda q: [one for one in own_records(q, node.country) if editor.sees_all_of(one)])
    work: Callable[[], bytes] = partial(write_sheet, records) if spreadsheet else lambda: write_table(records).encode()
    return await asyncio.get_running_loop().run_in_executor(None, work)
