"""What the fields of an authority's record are called and how their values are shown, in the reader's language."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.dashboard.page import Texts
from node.domain.authority_change import FieldChange
from node.service import find
from node.service.labels import Labels
from translations.catalogue import Text
from translations.languages import LANGUAGES

_PLAIN: Final[Mapping[str, str]] = {
    "contacts.address": "address",
    "contacts.email": "email",
    "contacts.web": "web",
    "contacts.phone": "phone",
    "region.code": "region-code",
    "region.name": "region-name",
    "links.validating": "validating",
    "links.observers": "observers",
}
_OF: Final = (
    ("titles.", "titles", "language"),
    ("descriptions.", "descriptions", "language"),
    ("region.names.", "region-name", "language"),
    ("areas.", "areas", "area"),
    ("links.access.", "access", "area"),
    ("links.request.", "request", "area"),
)
KNOWN: Final = frozenset(
    {"id", "name", "name-lang", "level", "place", "languages", "competences", "coordinator", "valid-from",
     "valid-until", "successor"}
)  # fmt: skip

_UNTOLD: Final = ("country", "demo")
"""Fields that a reader knows: every record here has the same."""
_ORDER: Final = (
    "id", "name", "titles", "descriptions", "level", "place", "region", "contacts", "languages", "areas",
    "competences", "coordinator", "links.validating", "links.access", "links.request", "links.observers",
    "valid_from", "valid_until", "successor",
)  # fmt: skip
"""In which order a reader looks for fields."""


def _place(change: FieldChange) -> tuple[int, str]:
    found = (place for place, begin in enumerate(_ORDER) if f"{change.field}.".startswith(begin))
    return next(found, len(_ORDER)), change.field


@dataclass(frozen=True)
class Row:
    """A field in a table: its label, of which language or area, and values to compare."""

    label: Text
    of: str
    before: str
    after: str
    yours: str = ""


@dataclass(frozen=True)
class Fields:
    """Labels and values for one reader."""

    texts: Texts

    @property
    def _labels(self) -> Labels:
        return Labels(self.texts.node.areas)

    def rows(self, changes: Iterable[FieldChange], yours: Mapping[str, str] | None = None) -> tuple[Row, ...]:
        """Return what changed as rows; `yours` is what the reader has in the same fields."""
        mine = yours or {}
        return tuple(
            Row(
                *self.label(change.field),
                self.value(change.field, change.before),
                self.value(change.field, change.after),
                self.value(change.field, mine.get(change.field)),
            )
            for change in sorted(changes, key=_place)
            if change.field not in _UNTOLD
        )

    def label(self, field: str) -> tuple[Text, str]:
        """Return what a field is called, and of which language or area it is (empty for most)."""
        for begin, name, kind in _OF:
            if field.startswith(begin):
                rest = field.removeprefix(begin)
                return self.texts.t(f"authority.field.{name}"), self.area(rest) if kind == "area" else self.lang(rest)
        name = _PLAIN.get(field, field.replace("_", "-"))
        if name in _PLAIN.values() or name in KNOWN:
            return self.texts.t(f"authority.field.{name}"), ""
        return Text(field, self.texts.lang), ""

    def value(self, field: str, value: str | None) -> str:
        """Return a value as a reader understands it; several stand on lines of their own."""
        return "\n".join(self._one(field, line) for line in value.split("\n")) if value else ""

    def _one(self, field: str, value: str) -> str:
        """Return one value; a kind of field that has no words of its own is shown as it stands."""
        role, _, status = value.partition(" ")
        kinds: dict[str, Callable[[], str]] = {
            "level": lambda: self.texts.t(f"authority.level.{value}").text,
            "areas": lambda: self.role(role, status.strip("()")),
            "competences": lambda: self.competence(value),
            "languages": lambda: self.lang(value),
            "name_lang": lambda: self.lang(value),
            "links": lambda: self.authority(value),
            "successor": lambda: self.authority(value),
            "valid_from": lambda: self.texts.day(date.fromisoformat(value)),
            "valid_until": lambda: self.texts.day(date.fromisoformat(value)),
        }
        return kinds.get(field.partition(".")[0], lambda: value)()

    def authority(self, authority_id: str) -> str:
        """Name an authority by its official name and its id."""
        return f"{find.names(self.texts.node, [authority_id])[authority_id]} ({authority_id})"

    def role(self, role: str, status: str) -> str:
        """Name a role in an area, and its status where it isn't active."""
        name = self.texts.t(f"authority.role.{role}").text
        return name if status == "active" else f"{name} – {self.texts.t(f'authority.status.{status}').text}"

    def area(self, area: str) -> str:
        """Name a legal area; an unknown one is called by its id."""
        found = self._labels.text(area, self.texts.lang)
        return found.text if found else area

    def competence(self, code: str) -> str:
        """Name a competence; a free keyword or an unknown code is its own name."""
        found = self._labels.text(code, self.texts.lang)
        return found.text if found else code

    def lang(self, code: str) -> str:
        """Name a language; one that isn't ours is its own name."""
        return self.texts.language_name(code) if code in LANGUAGES else code
