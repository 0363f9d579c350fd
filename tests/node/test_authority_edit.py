"""Changing an authority: who may change what, what is kept of it, two editors at once, taking it back."""

import asyncio
from datetime import date

import pytest

from directory_sync.authority import Authority
from node.domain.access import operator
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, authority_edit, authority_history, directory
from node.service.authority_edit import Why, change, current, publish, remade
from node.service.node import Node
from node.store import people
from tests.directory_sync.world import authority
from tests.node.coordinated import BERLIN, LINKS, PQ, administrator, country, settle

CHAMBER = "DE-zaek-berlin"
EDIT = Why("edit", "Umzug")
LOCAL = administrator(CHAMBER)
STATE = administrator("DE-state")
AREA = administrator("DE-area")
OTHER = administrator("DE-other")


@pytest.fixture
async def berlin(make_node) -> Node:
    """Germany's node with its coordinated list."""
    node: Node = make_node("DE")
    await settle(node)
    return node


def there(node: Node, authority_id: str = CHAMBER) -> Authority:
    """Return an authority as it is now."""
    found = current(node, authority_id)
    assert found is not None
    return found


async def refused(code: str, awaitable) -> dict[str, str]:
    """Await something that must be refused with this code; return the fields at fault."""
    with pytest.raises(NodeError) as caught:
        await awaitable
    assert caught.value.code == code, caught.value
    return caught.value.fields


async def test_a_local_administrator_changes_what_is_its_own(berlin: Node) -> None:
    """Titles, contacts, languages and competences are published as a new version, with author, reason and fields."""
    new = remade(there(berlin), place="Potsdam", titles={"de": "Kammer"}, competences=["activity:health-care"])
    made = await change(berlin, LOCAL, new, EDIT)
    assert (made.v, made.place, made.competences) == (2, "Potsdam", ("activity:health-care",))
    assert directory.export_authorities(berlin, operator())[-1] == made
    (latest, first) = authority_history.history(berlin, LOCAL, CHAMBER)
    assert (latest.kind, latest.reason, first.kind, first.reason) == ("edit", "Umzug", "import", "The first list")
    told = {one.field: (one.before, one.after) for one in latest.fields}
    assert told == {
        "place": ("Berlin", "Potsdam"),
        "titles.de": ("Zahnärztekammer, Berlin", "Kammer"),
        "titles.hu": ("Fogorvosi kamara, Berlin", None),
        "competences": ("profession:dental-practitioner", "activity:health-care"),
    }
    assert await change(berlin, LOCAL, made, EDIT) == made  # nothing new is nothing to publish
    assert len(authority_history.history(berlin, LOCAL, CHAMBER)) == 2


async def test_the_history_names_nobody_who_has_left(berlin: Node) -> None:
    """It tells a change from the operator's still, by the id of the account, whose name is blocked."""
    new = NewPerson("lena", "Lena Vogt", "de", frozenset({"data-administrator"}), frozenset({CHAMBER}))
    lena = await accounts.add_person(berlin, operator(), new)
    await change(berlin, lena.actor(), remade(there(berlin), place="Potsdam"), EDIT)
    assert [one.by for one in authority_history.history(berlin, LOCAL, CHAMBER)] == ["Lena Vogt", ""]
    await accounts.end_person(berlin, operator(), lena.id)
    assert [one.by for one in authority_history.history(berlin, LOCAL, CHAMBER)] == [lena.id, ""]
    await berlin.store.write(lambda tx: people.delete(tx, [lena.id]))
    assert [one.by for one in authority_history.history(berlin, LOCAL, CHAMBER)] == [lena.id, ""]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Reichszahnärztekammer"),
        ("level", "national"),
        ("region", {"code": "DE2", "name": "Bayern"}),
        ("coordinator", "DIMIC"),
        ("links", {**LINKS, "validating": "DE-nation"}),
        ("valid_until", date(2027, 1, 1)),
        ("demo", False),
        ("areas", [{"area": PQ, "role": "coordinator"}]),
    ],
)
async def test_a_local_administrator_can_t_raise_itself(berlin: Node, field: str, value: object) -> None:
    """The official name, type, links, region and areas are its coordinators' alone; the import is no way around."""
    values = {"areas": [{"area": PQ, "role": "coordinator"}]} if field == "coordinator" else {}
    new = remade(there(berlin), **{**values, field: value})
    faults = await refused("forbidden", change(berlin, LOCAL, new, EDIT))
    assert {one.partition(".")[0] for one in faults} >= {field}
    await refused("forbidden", publish(berlin, LOCAL, [new], Why("import", "Import")))
    assert there(berlin).v == 1


async def test_only_the_validating_coordinator_changes_the_name(berlin: Node) -> None:
    """Berlin's coordinator does; the area's, another authority's and a mere handler don't."""
    new = remade(there(berlin), name="Zahnärztekammer Berlin-Brandenburg")
    for actor in (LOCAL, AREA):
        assert await refused("forbidden", change(berlin, actor, new, EDIT)) == {"name": "not-yours"}
    assert await refused("forbidden", change(berlin, OTHER, new, EDIT)) == {"id": "not-yours"}
    await refused("forbidden", change(berlin, administrator("DE-state", role="handler"), new, EDIT))
    assert (await change(berlin, STATE, new, EDIT)).name == "Zahnärztekammer Berlin-Brandenburg"


async def test_an_area_is_opened_by_its_coordinator_and_left_by_the_authority(berlin: Node) -> None:
    """Who suspended itself can't come back alone; another area isn't the area's coordinator's to open."""
    suspended = [{"area": PQ, "role": "authority", "status": "suspended"}]
    away = await change(berlin, LOCAL, remade(there(berlin), areas=suspended), EDIT)
    back = remade(away, areas=[{"area": PQ, "role": "authority"}])
    assert await refused("forbidden", change(berlin, LOCAL, back, EDIT)) == {"areas": "not-yours"}
    again = await change(berlin, AREA, back, EDIT)
    more = remade(again, areas=[*again.areas, {"area": "services", "role": "authority"}])
    assert await refused("forbidden", change(berlin, AREA, more, EDIT)) == {"areas": "not-yours"}


async def test_a_coordinator_can_t_take_an_authority_out_of_its_reach(berlin: Node) -> None:
    """Berlin's coordinator moves nobody to Bavaria and raises nobody to its own rank."""
    away = remade(there(berlin), region={"code": "DE2", "name": "Bayern"})
    assert await refused("forbidden", change(berlin, STATE, away, EDIT)) == {"region": "out-of-reach"}
    raised = remade(there(berlin), coordinator="SDIMIC")
    assert await refused("forbidden", change(berlin, STATE, raised, EDIT)) == {"coordinator": "out-of-reach"}


async def test_an_unknown_code_is_refused_here_and_taken_from_others(berlin: Node) -> None:
    """A competence that our lists don't have isn't published by us (SPEC S-202); a free keyword is."""
    new = remade(there(berlin), competences=["activity:alchemy"])
    assert await refused("invalid", change(berlin, LOCAL, new, EDIT)) == {"competences": "unknown-competence"}
    new = remade(there(berlin), competences=["profession:wizard"])
    assert await refused("invalid", change(berlin, LOCAL, new, EDIT)) == {"competences": "unknown-competence"}
    made = await change(berlin, LOCAL, remade(there(berlin), competences=["laser", "keyword:sanctions"]), EDIT)
    assert made.competences == ("laser", "keyword:sanctions")


async def test_a_link_to_nobody_isn_t_published(berlin: Node) -> None:
    """Faults of links are named by the field, and a coordinator that others need can't vanish (SPEC S-201)."""
    new = remade(there(berlin), links={**LINKS, "access": {PQ: "DE-other"}})
    faults = await refused("invalid", change(berlin, operator(), new, EDIT))
    assert faults == {f"links.access.{PQ}": "not-a-coordinator"}
    gone = remade(there(berlin, "DE-area"), areas=[], coordinator=None)
    faults = await refused("invalid", change(berlin, operator(), gone, EDIT))
    assert faults == {f"{CHAMBER}.links.{one}.{PQ}": "not-a-coordinator" for one in ("access", "request")}
    second = authority(id="DE-zz", coordinator="NIMIC", level="national", links={})
    faults = await refused("invalid", publish(berlin, operator(), [second], EDIT))
    assert faults == {"0.coordinator": "second-nimic"}


async def test_a_coordinator_registers_only_within_its_reach(berlin: Node) -> None:
    """Nobody registers outside its region, under another's name, or without being a coordinator."""
    fields = {"id": "DE-new", "links": {"validating": "DE-state"}}
    await publish(berlin, STATE, [authority(**fields)], Why("register", "Neue Kammer"))
    bavarian = authority(**{**fields, "id": "DE-b"}, region={"code": "DE2", "name": "Bayern"})
    assert await refused("forbidden", publish(berlin, STATE, [bavarian], EDIT)) == {"0.region": "out-of-reach"}
    named = authority(id="DE-b", links={"validating": "DE-nation"})
    assert await refused("forbidden", publish(berlin, STATE, [named], EDIT)) == {"0.links.validating": "not-yours"}
    for actor in (LOCAL, administrator("DE-state", role="handler")):
        await refused("forbidden", publish(berlin, actor, [authority(**{**fields, "id": "DE-b"})], EDIT))
    services = authority(id="DE-b", areas=[{"area": "services", "role": "authority"}], links={"validating": "DE-area"})
    assert await refused("forbidden", publish(berlin, AREA, [services], EDIT)) == {"0.areas": "out-of-reach"}


async def test_a_record_of_another_country_is_refused(berlin: Node) -> None:
    """Neither a coordinator nor the operator can publish for Hungary."""
    theirs = authority(id="HU-x", country="HU", region=None, links=None)
    assert await refused("invalid", publish(berlin, operator(), [theirs], EDIT)) == {"0.country": "foreign"}
    await refused("forbidden", publish(berlin, STATE, [theirs], EDIT))


async def test_the_second_of_two_editors_is_told(berlin: Node) -> None:
    """Both began with version 1: the second is refused as stale, and on top of version 2 it is saved."""
    first = remade(there(berlin), place="Potsdam")
    second = remade(there(berlin), languages=["de", "pl"])
    await change(berlin, LOCAL, first, EDIT)
    await refused("stale", change(berlin, STATE, second, EDIT))
    base = authority_history.version(berlin, CHAMBER, 1)
    assert base is not None
    assert base.place == "Berlin"
    made = await change(berlin, STATE, remade(there(berlin), languages=["de", "pl"]), EDIT)
    assert (made.v, made.place, made.languages) == (3, "Potsdam", ("de", "pl"))


async def test_two_editors_at_the_same_moment(berlin: Node) -> None:
    """Of two changes of one authority one wins; changes of different authorities don't hinder each other."""
    same = [change(berlin, LOCAL, remade(there(berlin), place=place), EDIT) for place in ("Potsdam", "Köln")]
    done = await asyncio.gather(*same, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Authority", "NodeError"]
    assert there(berlin).v == 2
    both = (CHAMBER, "DE-other")
    different = [change(berlin, administrator(one), remade(there(berlin, one), place="Bonn"), EDIT) for one in both]
    assert [one.place for one in await asyncio.gather(*different)] == ["Bonn", "Bonn"]


async def test_a_change_is_taken_back(berlin: Node) -> None:
    """Undoing publishes the earlier record as a new version; the history holds all three."""
    await change(berlin, LOCAL, remade(there(berlin), place="Potsdam"), EDIT)
    (latest, first) = authority_history.history(berlin, LOCAL, CHAMBER)
    assert (latest.undoable, first.undoable) == (True, False)
    back = await authority_history.undo(berlin, LOCAL, CHAMBER, latest.seq, 2, "Irrtum")
    assert (back.v, back.place) == (3, "Berlin")
    assert [one.kind for one in authority_history.history(berlin, LOCAL, CHAMBER)] == ["undo", "edit", "import"]
    await refused("not-found", authority_history.undo(berlin, LOCAL, CHAMBER, first.seq, 3, "Irrtum"))
    await refused("stale", authority_history.undo(berlin, LOCAL, CHAMBER, latest.seq, 2, "Irrtum"))
    await refused("not-found", authority_history.undo(berlin, OTHER, CHAMBER, latest.seq, 3, "Irrtum"))


async def test_undoing_gives_nobody_back_what_was_taken(berlin: Node) -> None:
    """A local administrator can't undo what its coordinator did to the name."""
    await change(berlin, STATE, remade(there(berlin), name="Kammer"), EDIT)
    latest = authority_history.history(berlin, LOCAL, CHAMBER)[0]
    undone = authority_history.undo(berlin, LOCAL, CHAMBER, latest.seq, 2, "Zurück")
    assert await refused("forbidden", undone) == {"name": "not-yours"}


async def test_an_authority_is_ended_with_a_successor_and_stays(berlin: Node) -> None:
    """Only its coordinator ends it; the record keeps its last day and who follows, and can be brought back."""
    ends = (CHAMBER, 1, date(2027, 6, 30), ("Fusion", "DE-other"))
    await refused("forbidden", authority_history.end(berlin, LOCAL, *ends))
    ended = await authority_history.end(berlin, STATE, *ends)
    assert (ended.valid_until, ended.successor, ended.v) == (date(2027, 6, 30), "DE-other", 2)
    wrong = (CHAMBER, 2, date(2027, 6, 30), ("Fusion", "DE-nobody"))
    assert await refused("invalid", authority_history.end(berlin, STATE, *wrong)) == {"successor": "unknown-authority"}
    too_early = (CHAMBER, 2, date(2020, 1, 1), ("Fusion", None))
    assert "valid_until" in await refused("invalid", authority_history.end(berlin, STATE, *too_early))
    latest = authority_history.history(berlin, STATE, CHAMBER)[0]
    assert latest.kind == "end"
    assert (await authority_history.undo(berlin, STATE, CHAMBER, latest.seq, 2, "Doch nicht")).valid_until is None


async def test_every_change_has_a_reason(berlin: Node) -> None:
    """No reason, a too long one or one with a line feed is refused."""
    new = remade(there(berlin), place="Potsdam")
    for reason, fault in (("", "missing"), ("x" * 501, "too-long"), ("a\nb", "malformed")):
        assert await refused("invalid", change(berlin, LOCAL, new, Why("edit", reason))) == {"reason": fault}


async def test_who_has_no_part_in_an_authority_doesn_t_see_its_history(berlin: Node) -> None:
    """Its administrators, its coordinators and the operator do; a handler and another authority don't."""
    for actor in (LOCAL, STATE, AREA, operator()):
        assert authority_history.history(berlin, actor, CHAMBER)
    for actor in (OTHER, administrator(CHAMBER, role="handler")):
        with pytest.raises(NodeError, match="not-found"):
            authority_history.history(berlin, actor, CHAMBER)


async def test_who_leaves_the_list_is_kept_in_the_history(berlin: Node) -> None:
    """A complete import without an authority is noted at it; only the operator makes one."""
    rest = [one for one in country() if one.id != "DE-other"]
    await refused("forbidden", publish(berlin, STATE, rest, Why("import", "Neu"), complete=True))
    await publish(berlin, operator(), rest, Why("import", "Neu"), complete=True)
    gone = berlin.store.read_now(lambda q: q.all("SELECT kind, reason FROM authority_change WHERE after IS NULL"))
    assert [tuple(row) for row in gone] == [("leave", "Neu")]


async def test_a_list_without_links_goes_on_as_before(make_node) -> None:
    """Records that name no coordinators are changed by who coordinates their area, and by their own people."""
    node: Node = make_node("DE")
    coordinator = authority(id="DE-c", areas=[{"area": PQ, "role": "coordinator"}], region=BERLIN)
    await publish(node, operator(), [authority(), coordinator], Why("import", "Alt"))
    assert not authority_edit.editor_of(node, LOCAL).coordinates
    made = await change(node, LOCAL, remade(there(node), place="Potsdam"), EDIT)
    renamed = await change(node, administrator("DE-c"), remade(made, name="Kammer"), EDIT)
    assert renamed.name == "Kammer"


async def test_who_has_left_the_list_comes_back_only_by_its_coordinator(berlin: Node) -> None:
    """An authority that was taken out can't edit itself in again, and a coordinator that was has no power left."""
    rest = [one for one in country() if one.id not in (CHAMBER, "DE-area")]
    await publish(berlin, operator(), rest, Why("import", "Ohne Kammer"), complete=True)
    new = remade(there(berlin), place="Potsdam", links={"validating": "DE-state"})
    assert await refused("forbidden", change(berlin, LOCAL, new, EDIT)) == {"links.validating": "not-yours"}
    assert authority_edit.editor_of(berlin, AREA).coordinators == ()
    await refused("forbidden", publish(berlin, AREA, [authority(id="DE-n", links={"validating": "DE-area"})], EDIT))
    assert (await change(berlin, STATE, new, EDIT)).place == "Potsdam"
