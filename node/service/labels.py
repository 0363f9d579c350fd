"""What areas and competences are called, in the languages of those who search."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from directory_sync.authority import Authority
from directory_sync.folding import fold
from directory_sync.search import Searchable, searchable
from translations import competence
from translations.area import Areas
from translations.catalogue import Text
from translations.languages import LANGUAGES


class Labels:
    """Names of areas (by their id) and of competences (`kind:code`: `profession:doctor`, `activity:crafts`).

    What it has looked up once it remembers: a directory repeats the same few competences.
    """

    def __init__(self, areas: Areas) -> None:
        """Take the areas that this node knows."""
        self._areas = areas
        self._known: dict[tuple[str, str], Text | None] = {}
        self._folded: dict[str, str] = {}

    def text(self, code: str, lang: str) -> Text | None:
        """Return what a code is called in `lang`, or in English; None for a free keyword or an unknown code."""
        key = (code, lang)
        if key not in self._known:
            self._known[key] = self._look_up(code, lang)
        return self._known[key]

    def exact(self, code: str, lang: str) -> str | None:
        """Return what a code is called in `lang` and in no other language."""
        found = self.text(code, lang)
        return found.text if found is not None and found.lang == lang else None

    def names(self, code: str) -> Iterable[str]:
        """Yield a code and what it is called in every language."""
        yield code
        yield from (name for lang in LANGUAGES if (name := self.exact(code, lang)))

    def searchable(self, authority: Authority) -> Searchable:
        """Return what `directory_sync.search.searchable` does, folding each code's 27 names only once."""
        plain = authority.model_copy(update={"competences": (), "areas": ()})
        areas = [role.area for role in authority.areas]
        found = searchable(plain, LANGUAGES)
        return replace(found, competence=self._words(authority.competences), area=self._words(areas))

    def _words(self, codes: Sequence[str]) -> str:
        for code in codes:
            if code not in self._folded:
                self._folded[code] = " ".join(fold(name) for name in self.names(code))
        return " ".join(dict.fromkeys(" ".join(self._folded[code] for code in codes).split()))

    def _look_up(self, code: str, lang: str) -> Text | None:
        if code in self._areas:
            area = self._areas[code]
            return area.catalogue.text(area.rules.title, lang)
        kind, _, value = code.partition(":")
        if kind in competence.LISTS:
            return competence.shipped().label(kind, value, lang)
        for area in self._areas.values():
            variable = area.variables.get(kind)
            codes = area.lists.get(variable.list) if variable and variable.list else None
            entry = codes.get(value) if codes else None
            if entry is not None:
                return area.catalogue.text(entry.text, lang)
        return None
