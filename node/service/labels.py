"""What areas and competences are called, in the languages of those who search."""

from collections.abc import Iterable, Mapping
from typing import Final

from directory_sync.authority import Authority
from directory_sync.folding import Folding
from directory_sync.search import Searchable, searchable
from translations.area import Area
from translations.catalogue import Text
from translations.competence import LISTS, Competences, shipped
from translations.languages import LANGUAGES
from translations.question_set import CodeList

_PROFESSION: Final = "profession"
_LANGUAGES: Final = frozenset(LANGUAGES)


class Labels:
    """Names of areas (by their id) and of competences (`kind:code`: `profession:doctor`, `activity:crafts`).

    What it has looked up once it remembers: a directory repeats the same few competences.
    """

    def __init__(self, areas: Mapping[str, Area], competences: Competences | None = None) -> None:
        """Take the areas that this node knows, and other lists of competences than the shipped ones."""
        self._areas = areas
        self._given = competences
        self._known: dict[tuple[str, str], Text | None] = {}
        self._folded = Folding()

    def text(self, code: str, lang: str) -> Text | None:
        """Return what a code is called in `lang`, or in English; None for a free keyword or an unknown code."""
        key = (code, lang)
        if key not in self._known:
            self._known[key] = self._look_up(code, lang)
        return self._known[key]

    def has_list(self, kind: str) -> bool:
        """Say whether competences of a kind (`activity`, `profession`) have a list of codes."""
        return kind in LISTS or any(self._list(area, kind) for area in self._areas.values())

    def exact(self, code: str, lang: str) -> str | None:
        """Return what a code is called in `lang` and in no other language."""
        found = self.text(code, lang)
        return found.text if found is not None and found.lang == lang else None

    def codes(self) -> Iterable[str]:
        """Yield every code that has a name."""
        for area in self._areas.values():
            yield area.id
        professions = [codes for area in self._areas.values() if (codes := self._list(area, _PROFESSION))]
        yield from dict.fromkeys(f"{_PROFESSION}:{entry.code}" for codes in professions for entry in codes.codes)
        for kind in LISTS:
            yield from (f"{kind}:{code}" for code in self._competences.codes(kind))

    def names(self, code: str) -> Iterable[str]:
        """Yield a code and what it is called in every language."""
        yield code
        yield from (name for lang in LANGUAGES if (name := self.exact(code, lang)))

    def searchable(self, authority: Authority) -> Searchable:
        """Return what `directory_sync.search.searchable` does, folding each word of an import only once."""
        return searchable(authority, _LANGUAGES, self._folded)

    @property
    def _competences(self) -> Competences:
        return self._given or shipped()

    def _list(self, area: Area, kind: str) -> CodeList | None:
        """Return an area's list of a kind of competence; of its variables only the profession is one."""
        variable = area.variables.get(kind) if kind == _PROFESSION else None
        return area.lists.get(variable.list) if variable and variable.list else None

    def _look_up(self, code: str, lang: str) -> Text | None:
        if code in self._areas:
            area = self._areas[code]
            return area.catalogue.text(area.rules.title, lang)
        kind, _, value = code.partition(":")
        if kind in LISTS:
            return self._competences.label(kind, value, lang)
        for area in self._areas.values():
            codes = self._list(area, kind)
            entry = codes.get(value) if codes else None
            if entry is not None:
                return area.catalogue.label(entry, lang)
        return None
