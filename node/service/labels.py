"""What areas and competences are called, in the languages of those who search."""

from translations.area import Areas
from translations.catalogue import Text


class Labels:
    """Names of areas (by their id) and of competences (`variable:code`, such as `profession:doctor`).

    What it has looked up once it remembers: a directory repeats the same few competences.
    """

    def __init__(self, areas: Areas) -> None:
        """Take the areas that this node knows."""
        self._areas = areas
        self._known: dict[tuple[str, str], Text | None] = {}

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

    def _look_up(self, code: str, lang: str) -> Text | None:
        if code in self._areas:
            area = self._areas[code]
            return area.catalogue.text(area.rules.title, lang)
        kind, _, value = code.partition(":")
        for area in self._areas.values():
            variable = area.variables.get(kind)
            codes = area.lists.get(variable.list) if variable and variable.list else None
            entry = codes.get(value) if codes else None
            if entry is not None:
                return area.catalogue.text(entry.text, lang)
        return None
