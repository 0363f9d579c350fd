"""Coordinators: their types, what they reach, and links that hold together or name each fault by its field."""

import json
from datetime import date

import pytest
from pydantic import ValidationError

from directory_sync.authority import Authority
from directory_sync.coordination import Reach, country_faults, link_faults, reach_of, registration_faults
from directory_sync.demo import all_authorities
from directory_sync.demo.europe import countries
from directory_sync.leaf import canonical, read_record
from directory_sync.table import read_table, write_table
from tests.directory_sync.world import authority, record

PQ = "professional-qualifications"
DAY = date(2026, 11, 23)
BERLIN = {"code": "DE3", "name": "Berlin"}


def area(role: str = "authority", name: str = PQ, **more: str) -> dict[str, str]:
    """Give a role in an area."""
    return {"area": name, "role": role, **more}


NATION = authority(id="DE-nation", coordinator="NIMIC", level="national", region=None, areas=[], links={})
STATE = authority(id="DE-state", coordinator="SDIMIC", areas=[], links={"validating": "DE-nation"})
AREA = authority(
    id="DE-area",
    coordinator="LIMIC",
    level="national",
    region=None,
    areas=[area("coordinator")],
    links={"validating": "DE-nation"},
)
LINKS = {
    "validating": "DE-state",
    "access": {PQ: "DE-area"},
    "request": {PQ: ["DE-area", "DE-state"]},
    "observers": ["DE-nation"],
}
CHAMBER = authority(links=LINKS)
ALL = {one.id: one for one in (NATION, STATE, AREA, CHAMBER)}


@pytest.mark.parametrize(
    "fields",
    [
        {"coordinator": "NIMIC", "level": "regional", "links": {}},
        {"coordinator": "SDIMIC", "region": None},
        {"coordinator": "LIMIC"},
        {"coordinator": "LIMIC", "areas": [area("coordinator"), area("coordinator", "services")]},
        {"coordinator": "DIMIC"},
        {"coordinator": "KING", "areas": [area("coordinator")]},
    ],
)
def test_a_type_that_the_record_contradicts_is_refused(fields: dict[str, object]) -> None:
    """A national coordinator is national, one of a region has one, one of an area coordinates one (SPEC S-196)."""
    with pytest.raises(ValidationError):
        authority(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"links": {"observers": ["DE-nation"]}},
        {"links": {**LINKS, "validating": "DE-zaek-berlin"}},
        {"links": {**LINKS, "validating": "HU-nation"}},
        {"links": {**LINKS, "access": {"services": "DE-area"}}},
        {"links": {**LINKS, "request": {PQ: []}}},
        {"links": {**LINKS, "request": {PQ: ["DE-area"] * 2}}},
        {"links": {**LINKS, "request": {PQ: [f"DE-{n}" for n in range(11)]}}},
        {"links": {**LINKS, "observers": [f"DE-{n}" for n in range(51)]}},
        {"coordinator": "NIMIC", "level": "national", "links": {"validating": "DE-state"}},
        {"successor": "DE-other"},
        {"successor": "DE-zaek-berlin", "valid_until": date(2030, 1, 1)},
        {"areas": [area(status="sleeping")]},
        {"region": {**BERLIN, "names": {"hu": ""}}},
    ],
)
def test_links_that_can_t_be_right_are_refused(fields: dict[str, object]) -> None:
    """One validating coordinator, nobody linked to itself, own areas, own country (SPEC S-197, S-198, S-199, S-200)."""
    with pytest.raises(ValidationError):
        authority(**fields)


def test_an_old_record_keeps_its_bytes() -> None:
    """What a record doesn't use isn't in it, so nothing that was published is another record now (SPEC S-203)."""
    written = json.loads(canonical(authority()))
    assert not {"coordinator", "links", "successor"} & written.keys()
    assert written["region"] == BERLIN
    whole = json.loads(canonical(CHAMBER))
    assert whole["links"]["access"] == {PQ: "DE-area"}


def test_every_reader_takes_the_new_fields_as_they_are() -> None:
    """A record with links, even wrong ones, suspended areas and codes of nobody is read whole (SPEC S-201, S-202)."""
    lost = authority(
        id="DE-b",
        links={"validating": "DE-nobody"},
        areas=[area(status="suspended")],
        competences=["activity:alchemy"],
        region={**BERLIN, "names": {"el": "Βερολίνο"}},
        valid_until=date(2030, 1, 1),
        successor="DE-nobody",
    )
    assert read_record(canonical(lost)) == lost
    assert read_record(canonical(CHAMBER)) == CHAMBER
    assert lost.role_in(PQ) is None
    assert lost.active_areas() == frozenset()


def test_a_table_carries_every_field() -> None:
    """Coordinators, links, successors, states of areas and names of regions survive a spreadsheet."""
    one = authority(
        links=LINKS,
        coordinator="DIMIC",
        areas=[area("coordinator"), area(name="services", status="suspended")],
        region={**BERLIN, "names": {"el": "Βερολίνο", "cs": "Berlín"}},
        valid_until=date(2030, 1, 1),
        successor="DE-b",
    )
    assert read_table(write_table([one, STATE, NATION]), "DE") == ((NATION, STATE, one), ())
    assert NATION.links is None


def test_what_a_coordinator_reaches() -> None:
    """The nation everything, a state its region, an area its area; an authority nothing."""
    assert reach_of(NATION) == Reach(None, None)
    assert reach_of(STATE) == Reach(None, "DE3")
    assert reach_of(AREA) == Reach(frozenset({PQ}), None)
    assert reach_of(CHAMBER) is None
    suspended = authority(areas=[area("coordinator", status="suspended")])
    assert reach_of(suspended) is None


@pytest.mark.parametrize(
    ("code", "inside"), [("DE3", True), ("DE30", True), ("DE300", True), ("DE2", False), ("DE-BE", False)]
)
def test_a_region_lies_in_another(code: str, inside: object) -> None:
    """NUTS codes contain longer ones; a code of ISO 3166-2 is only itself."""
    one = authority(id="DE-b", region={"code": code, "name": "Ort"}, links={"validating": "DE-state"})
    assert registration_faults(STATE, one) == ({} if inside else {"region": "out-of-reach"})
    assert link_faults(one, ALL.get, DAY) == ({} if inside else {"links.validating": "out-of-reach"})


@pytest.mark.parametrize(
    ("by", "fields", "faults"),
    [
        (NATION, {"coordinator": "SDIMIC"}, {}),
        (NATION, {"coordinator": "NIMIC", "level": "national", "links": {}}, {"coordinator": "out-of-reach"}),
        (STATE, {"coordinator": "SDIMIC"}, {"coordinator": "out-of-reach"}),
        (STATE, {"region": None}, {"region": "out-of-reach"}),
        (AREA, {"coordinator": "DIMIC", "areas": [area("coordinator")]}, {}),
        (AREA, {"coordinator": "LIMIC", "areas": [area("coordinator")]}, {"coordinator": "out-of-reach"}),
        (AREA, {"areas": [area(name="services")]}, {"areas": "out-of-reach"}),
        (AREA, {"areas": []}, {"areas": "missing"}),
        (
            authority(id="DE-d", coordinator="DIMIC", areas=[area("coordinator")]),
            {"areas": [area("coordinator")]},
            {"areas": "out-of-reach"},
        ),
        (CHAMBER, {}, {"links.validating": "not-a-coordinator"}),
    ],
)
def test_whom_a_coordinator_may_register(by: Authority, fields: dict[str, object], faults: dict[str, str]) -> None:
    """Nobody registers above or beside itself, outside its region or its areas."""
    assert registration_faults(by, authority(id="DE-new", **fields)) == faults


def test_links_that_hold_together_have_no_fault() -> None:
    """A whole country with four levels of coordination."""
    assert country_faults(ALL, DAY) == {}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"validating": "DE-nobody"}, {"links.validating": "unknown-authority"}),
        ({"validating": "DE-other"}, {"links.validating": "not-a-coordinator"}),
        ({"access": {PQ: "DE-other"}}, {f"links.access.{PQ}": "not-a-coordinator"}),
        ({"access": {PQ: "DE-services"}}, {f"links.access.{PQ}": "out-of-reach"}),
        ({"request": {PQ: ["DE-nobody"]}}, {f"links.request.{PQ}": "unknown-authority"}),
        ({"request": {PQ: ["DE-gone"]}}, {f"links.request.{PQ}": "ended"}),
        ({"observers": ["DE-nobody"]}, {"links.observers": "unknown-authority"}),
    ],
)
def test_each_wrong_link_is_named_by_its_field(changes: dict[str, object], faults: dict[str, str]) -> None:
    """A country doesn't publish a link to nobody, to no coordinator or to one of another area (SPEC S-201)."""
    others = (
        authority(id="DE-other"),
        authority(id="DE-services", areas=[area("coordinator", "services")], level="national"),
        authority(id="DE-gone", areas=[area("coordinator")], valid_until=date(2026, 11, 22)),
    )
    one = Authority.model_validate(record(links={**LINKS, **changes}))
    assert country_faults({**ALL, **{each.id: each for each in others}, one.id: one}, DAY) == {one.id: faults}


def test_coordinators_that_validate_each_other_are_a_circle() -> None:
    """No chain of validating coordinators or successors leads back, and there is one national coordinator."""
    first = authority(id="DE-a", coordinator="SDIMIC", links={"validating": "DE-b"})
    second = authority(id="DE-b", coordinator="SDIMIC", links={"validating": "DE-a"})
    below = authority(id="DE-c", links={"validating": "DE-a"})
    faults = country_faults({one.id: one for one in (first, second, below)}, DAY)
    assert faults == {one: {"links.validating": "cycle"} for one in ("DE-a", "DE-b")}
    end = {"valid_until": date(2026, 12, 31)}
    merged = {one.id: one for one in (authority(id="DE-a", successor="DE-b", **end), authority(id="DE-b", **end))}
    assert country_faults(merged, DAY) == {}
    merged["DE-b"] = authority(id="DE-b", successor="DE-a", **end)
    assert country_faults(merged, DAY) == {one: {"successor": "cycle"} for one in merged}
    lost = authority(id="DE-a", successor="DE-x", **end)
    assert country_faults({"DE-a": lost}, DAY) == {"DE-a": {"successor": "unknown-authority"}}
    twins = {one.id: one for one in (NATION, NATION.model_copy(update={"id": "DE-z"}))}
    assert country_faults(twins, DAY) == {"DE-z": {"coordinator": "second-nimic"}}


def test_the_demo_s_europe_holds_together() -> None:
    """In each of the 30 countries every link leads to a coordinator of the right type, area and region."""
    faults = {
        code: found
        for code in countries()
        if (found := country_faults({one.id: one for one in all_authorities(code)}, DAY))
    }
    assert faults == {}
