"""Tables of a whole country: looked at row by row, taken in whole or not at all, ten thousand at once."""

import time

import pytest

from directory_sync.mapping import PLAIN
from directory_sync.table import write_sheet, write_table
from node.domain.access import operator
from node.errors import NodeError
from node.service import authority_history, directory, table_import
from node.service.authority_edit import Why, publish
from node.service.node import Node
from tests.directory_sync.world import authority
from tests.node.coordinated import administrator, country, settle

STATE = administrator("DE-state")


@pytest.fixture
async def berlin(make_node) -> Node:
    """Germany's node with its coordinated list."""
    node: Node = make_node("DE")
    await settle(node)
    return node


def changed(**fields: object) -> list:
    """Return the country with fields of the chamber changed."""
    return [one if one.id != "DE-zaek-berlin" else one.model_copy(update=fields) for one in country()]


async def test_a_table_is_looked_at_row_by_row(berlin: Node) -> None:
    """Each row says whether it adds, changes or leaves, and which fields from what to what; nothing is published."""
    new = authority(id="DE-new", name="Neue Kammer", links={"validating": "DE-state"})
    table = await table_import.read(berlin, write_sheet([*changed(place="Potsdam"), new]), PLAIN)
    found, faults = await table_import.preview(berlin, operator(), table)
    assert faults == {}
    assert {one.authority: one.state for one in found if one.state != "unchanged"} == {
        "DE-new": "added",
        "DE-zaek-berlin": "changed",
    }
    (chamber,) = (one for one in found if one.state == "changed")
    assert [(f.field, f.before, f.after) for f in chamber.fields] == [("place", "Berlin", "Potsdam")]
    assert [one.row for one in found] == [2, 3, 4, 5, 6, 7]
    assert len(directory.export_authorities(berlin, operator())) == 5


async def test_what_keeps_a_table_from_being_published_is_told_by_row(berlin: Node) -> None:
    """Links to nobody, unknown codes, another country and what isn't the coordinator's: row and field, all at once."""
    stranger = authority(id="DE-x", links={"validating": "DE-nation"}, competences=["activity:alchemy"])
    table = await table_import.read(berlin, write_table([*changed(name="Anders"), stranger]).encode(), PLAIN)
    _, faults = await table_import.preview(berlin, STATE, table)
    assert faults == {"6.competences": "unknown-competence", "6.links.validating": "not-yours"}
    _, faults = await table_import.preview(berlin, administrator("DE-zaek-berlin"), table)
    assert faults["7.name"] == "not-yours"
    with pytest.raises(NodeError, match="forbidden"):
        await table_import.preview(berlin, administrator("DE-state", role="handler"), table)
    assert (await table_import.read(berlin, write_table([authority(id="HU-a", country="HU")]).encode(), PLAIN)).errors


async def test_an_export_holds_what_its_reader_may_change_and_loses_nothing(berlin: Node) -> None:
    """A coordinator gets its own authorities, the operator all; imported again nothing changes."""
    data = await table_import.export(berlin, STATE, spreadsheet=True)
    own = await table_import.read(berlin, data, PLAIN)
    assert {one.id for _, one in own.records} == {"DE-state", "DE-zaek-berlin"}
    for spreadsheet in (True, False):
        data = await table_import.export(berlin, operator(), spreadsheet=spreadsheet)
        table = await table_import.read(berlin, data, PLAIN)
        found, faults = await table_import.preview(berlin, operator(), table)
        assert {one.state for one in found} == {"unchanged"}
        assert faults == {}
        made = await publish(berlin, operator(), [one for _, one in table.records], Why("import", "Again"))
        assert (made.added, made.changed, made.ended, made.unchanged) == (0, 0, 0, 5)


async def test_ten_thousand_rows_in_one_import(berlin: Node) -> None:
    """A spreadsheet of 10,000 is read, looked at, published and kept in the history, all of it or nothing."""
    many = [
        authority(id=f"DE-{n:05d}", name=f"Kammer {n}", links={"validating": "DE-state"}, demo=False, contacts={})
        for n in range(10_000)
    ]
    times = [time.process_time()]
    data = write_sheet(many)
    times.append(time.process_time())
    rows: list[int] = []
    table = await table_import.read(berlin, data, PLAIN, rows.append)
    times.append(time.process_time())
    assert rows[-1] == 10_001
    found, faults = await table_import.preview(berlin, STATE, table)
    assert (len(found), faults) == (10_000, {})
    times.append(time.process_time())
    made = await publish(berlin, STATE, [one for _, one in table.records], Why("import", "Reform"))
    times.append(time.process_time())
    assert made.added == 10_000
    assert authority_history.history(berlin, STATE, "DE-09999")[0].reason == "Reform"
    named = ("write", "read", "preview", "publish")
    print({name: round(after - before, 1) for name, before, after in zip(named, times, times[1:], strict=False)})  # noqa: T201
    broken = [*many[:-1], many[-1].model_copy(update={"name": "Anders", "competences": ("activity:alchemy",)})]
    with pytest.raises(NodeError, match="invalid"):
        await publish(berlin, STATE, [one.model_copy(update={"place": "Bonn"}) for one in broken], Why("import", "x"))
    assert all(one.place == "Berlin" for one in directory.export_authorities(berlin, operator()))
