"""Who coordinates whom in a country: what a coordinator reaches, and whether its records' links hold together.

Pure. One record can't know whether the coordinators that it names exist and may coordinate it; a country
checks that before it publishes (SPEC S-201). Readers of other countries' lists don't: a wrong link harms only
the country that wrote it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from directory_sync.authority import Authority, CoordinatorType

Lookup = Callable[[str], Authority | None]
Faults = dict[str, str]  # field, such as `links.access.AREA` → code

_MAY_REGISTER: Final[Mapping[CoordinatorType | None, frozenset[CoordinatorType | None]]] = {
    "NIMIC": frozenset({"SDIMIC", "LIMIC", "DIMIC", None}),
    "SDIMIC": frozenset({"LIMIC", "DIMIC", None}),
    "LIMIC": frozenset({"DIMIC", None}),
    "DIMIC": frozenset({None}),
    None: frozenset({None}),
}
"""Type of a coordinator → the types that it registers; None is an authority, or a coordinator without a type."""


@dataclass(frozen=True)
class Reach:
    """What a coordinator coordinates: legal areas and a region; None is all of them, and the whole country."""

    areas: frozenset[str] | None
    region: str | None

    def has_area(self, area: str) -> bool:
        """Say whether the coordinator coordinates a legal area."""
        return self.areas is None or area in self.areas

    def has_place_of(self, one: Authority) -> bool:
        """Say whether an authority's region lies in the coordinator's: NUTS codes contain longer ones."""
        if self.region is None:
            return True
        code = one.region.code if one.region else ""
        inside = "-" not in self.region and "-" not in code and code.startswith(self.region)
        return code == self.region or inside


def reach_of(one: Authority) -> Reach | None:
    """Return what an authority coordinates, None where it is no coordinator."""
    region = one.region.code if one.region and one.level != "national" else None
    areas = frozenset(role.area for role in one.areas if role.role == "coordinator" and role.status == "active")
    match one.coordinator:
        case "NIMIC":
            return Reach(None, None)
        case "SDIMIC":
            return Reach(None, one.region.code if one.region else "")
        case _:
            return Reach(areas, region) if areas else None


def coordinators_of(one: Authority, area: str) -> frozenset[str]:
    """Return the coordinators that an authority's record names for its requests in a legal area."""
    if one.links is None:
        return frozenset()
    named = {one.links.validating, one.links.access.get(area), *one.links.request.get(area, ())}
    return frozenset(each for each in named if each is not None)


def registration_faults(by: Authority, one: Authority) -> Faults:
    """Return why a coordinator may not register (or approve) an authority, by field; nothing where it may."""
    reach = reach_of(by)
    if reach is None:
        return {"links.validating": "not-a-coordinator"}
    faults = {}
    if one.coordinator not in _MAY_REGISTER[by.coordinator]:
        faults["coordinator"] = "out-of-reach"
    elif (
        one.coordinator is None and by.coordinator in (None, "DIMIC") and any(r.role != "authority" for r in one.areas)
    ):
        faults["areas"] = "out-of-reach"
    if not reach.has_place_of(one):
        faults["region"] = "out-of-reach"
    if not one.areas and reach.areas is not None:
        faults["areas"] = "missing"
    if any(not reach.has_area(role.area) for role in one.areas):
        faults["areas"] = "out-of-reach"
    return faults


def link_faults(one: Authority, find: Lookup, day: date) -> Faults:
    """Return what is wrong with the links of one record, by field (SPEC S-201).

    `find` knows the country's records. Codes: `unknown-authority`, `ended`, `not-a-coordinator`,
    `out-of-reach` and `cycle`.
    """
    faults = dict(_coordinator_faults(one, find, day))
    for observer in one.links.observers if one.links else ():
        if fault := _present(find(observer), day):
            faults["links.observers"] = fault
    if one.successor is not None and find(one.successor) is None:
        faults["successor"] = "unknown-authority"
    if "links.validating" not in faults and _circles(one, find, _validated_by):
        faults["links.validating"] = "cycle"
    if "successor" not in faults and _circles(one, find, lambda each: each.successor):
        faults["successor"] = "cycle"
    return faults


def country_faults(records: Mapping[str, Authority], day: date) -> dict[str, Faults]:
    """Return what is wrong with the links of all records of a country, by id and field; only those with a fault.

    A country has one NIMIC (domain: one national coordinator per state): a second active one is `second-nimic`.
    """
    found = {one.id: faults for one in records.values() if (faults := link_faults(one, records.get, day))}
    national = sorted(one.id for one in records.values() if one.coordinator == "NIMIC" and one.valid_on(day))
    for second in national[1:]:
        found.setdefault(second, {})["coordinator"] = "second-nimic"
    return found


def _coordinator_faults(one: Authority, find: Lookup, day: date) -> Iterator[tuple[str, str]]:
    if one.links is None:
        return
    if one.links.validating is not None:
        by = find(one.links.validating)
        if fault := _present(by, day):
            yield "links.validating", fault
        elif by is not None:
            yield from (("links.validating", fault) for fault in set(_validating_fault(by, one)))
    for area, coordinator in one.links.access.items():
        if fault := _area_fault(find(coordinator), one, area, day):
            yield f"links.access.{area}", fault
    for area, coordinators in one.links.request.items():
        for coordinator in coordinators:
            if fault := _area_fault(find(coordinator), one, area, day):
                yield f"links.request.{area}", fault


def _validating_fault(by: Authority, one: Authority) -> Iterator[str]:
    """Yield why a coordinator can't be the validating one: it is none, or has another region."""
    reach = reach_of(by)
    if reach is None:
        yield "not-a-coordinator"
    elif not reach.has_place_of(one):
        yield "out-of-reach"


def _area_fault(by: Authority | None, one: Authority, area: str, day: date) -> str | None:
    if fault := _present(by, day):
        return fault
    assert by is not None
    reach = reach_of(by)
    if reach is None:
        return "not-a-coordinator"
    return None if reach.has_area(area) and reach.has_place_of(one) else "out-of-reach"


def _present(one: Authority | None, day: date) -> str | None:
    if one is None:
        return "unknown-authority"
    return "ended" if one.valid_until is not None and one.valid_until < day else None


def _validated_by(one: Authority) -> str | None:
    return one.links.validating if one.links else None


def _circles(one: Authority, find: Lookup, following: Callable[[Authority], str | None]) -> bool:
    """Say whether a chain of links that begins at a record leads back to it."""
    seen: set[str] = set()
    here = following(one)
    while here is not None and here not in seen:
        if here == one.id:
            return True
        seen.add(here)
        there = find(here)
        here = following(there) if there else None
    return False
