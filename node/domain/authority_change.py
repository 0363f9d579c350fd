"""What a change of an authority's record changes, field by field, and who may change which field. Pure.

Fields are named by paths: `name`, `titles.de`, `contacts.email`, `areas.AREA`, `links.access.AREA`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from directory_sync.authority import Authority
from directory_sync.coordination import Faults, reach_of, registration_faults

_OF_THE_AUTHORITY: Final = ("titles.", "descriptions.", "contacts.", "region.names.")
_OF_THE_AUTHORITY_ALONE: Final = frozenset({"place", "languages", "competences"})
_COUNTED: Final = frozenset({"v"})


@dataclass(frozen=True)
class FieldChange:
    """One field before and after; None where it had or has no value, several values stand on lines of their own."""

    field: str
    before: str | None
    after: str | None


def fields_of(record: Authority | None) -> dict[str, str]:
    """Return a record as field → value, without its number and what has no value."""
    if record is None:
        return {}
    values: dict[str, Any] = record.model_dump(mode="json")
    areas = {role["area"]: f"{role['role']} ({role['status']})" for role in values.pop("areas")}
    return {
        field: value for field, value in _flat({**values, "areas": areas}).items() if value and field not in _COUNTED
    }


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{path}{name}.")
        else:
            found[path + name] = _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    return "" if value is None or value is False else "yes" if value is True else str(value)


def changes_between(before: Authority | None, after: Authority | None) -> tuple[FieldChange, ...]:
    """Return the fields that differ, by name."""
    old, new = fields_of(before), fields_of(after)
    return tuple(
        FieldChange(field, old.get(field), new.get(field))
        for field in sorted(old.keys() | new.keys())
        if old.get(field) != new.get(field)
    )


@dataclass(frozen=True)
class Editor:
    """Who changes records: a data administrator of these authorities, of which some coordinate; or the operator."""

    authorities: frozenset[str]
    coordinators: tuple[Authority, ...]
    operator: bool = False

    @property
    def coordinates(self) -> bool:
        """Whether it may register authorities at all."""
        return self.operator or bool(self.coordinators)

    def validating(self, one: Authority) -> Authority | None:
        """Return the editor's coordinator that validates an authority.

        Where the record names none, every coordinator may that reaches it.
        """
        named = one.links.validating if one.links else None
        if named is not None:
            return next((each for each in self.coordinators if each.id == named), None)
        if one.coordinator == "NIMIC":
            return None
        return next((each for each in self.coordinators if not registration_faults(each, one)), None)

    def opening(self, one: Authority, area: str) -> Authority | None:
        """Return the editor's coordinator that opens and closes a legal area for an authority."""
        named = one.links.access.get(area) if one.links else None
        found = next((each for each in self.coordinators if each.id == named), None) or self.validating(one)
        reach = reach_of(found) if found else None
        return found if reach and reach.has_area(area) else None

    def sees_all_of(self, one: Authority) -> bool:
        """Say whether the editor may see an authority's history and change its everyday fields."""
        opens = one.links.access.values() if one.links else ()
        return (
            self.operator
            or one.id in self.authorities
            or self.validating(one) is not None
            or any(each.id in opens for each in self.coordinators)
        )


def change_faults(editor: Editor, before: Authority | None, after: Authority) -> Faults:
    """Return the fields that the editor may not change so: `not-yours`, or what `registration_faults` says.

    An authority's own administrators keep titles, descriptions, place, contacts, languages and competences, and
    may leave an area; its validating coordinator changes everything within its reach, the official name
    among it; an area is opened by its access coordinator (domain: powers of the links).
    """
    if editor.operator:
        return {}
    if before is None:
        return _registered(editor, after)
    if not editor.sees_all_of(before):
        return {"id": "not-yours"}
    faults: Faults = {}
    by = editor.validating(before)
    for change in changes_between(before, after):
        faults |= _field_fault(editor, by, (before, after), change)
    return faults


def _registered(editor: Editor, after: Authority) -> Faults:
    by = editor.validating(after) if after.links else None
    return registration_faults(by, after) if by else {"links.validating": "not-yours"}


def _field_fault(
    editor: Editor, by: Authority | None, records: tuple[Authority, Authority], change: FieldChange
) -> Faults:
    before, after = records
    field = change.field
    if field in _OF_THE_AUTHORITY_ALONE or field.startswith(_OF_THE_AUTHORITY):
        return {}
    if field.startswith("areas."):
        return _area_fault(editor, before, change)
    if by is None:
        return {field: "not-yours"}
    beyond = registration_faults(by, after)
    which = field.partition(".")[0]
    return {which: beyond[which]} if which in ("coordinator", "region") and which in beyond else {}


def _area_fault(editor: Editor, before: Authority, change: FieldChange) -> Faults:
    """Only its coordinator opens an area; the authority itself may leave it, or be suspended there."""
    opener = editor.opening(before, change.field.removeprefix("areas."))
    if opener is not None:
        makes = _role(change.after) == "coordinator" and opener.coordinator in (None, "DIMIC")
        return {"areas": "out-of-reach"} if makes else {}
    return {} if before.id in editor.authorities and _leaves(change) else {"areas": "not-yours"}


def _leaves(change: FieldChange) -> bool:
    """Say whether an authority gives up an area: none any more, or suspended in the same role."""
    kept = _role(change.before) == _role(change.after)
    return change.after is None or (kept and change.after.endswith("(suspended)"))


def _role(value: str | None) -> str:
    return (value or "").partition(" ")[0]
