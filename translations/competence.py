"""Lists of competences that belong to no single legal area: service activities and keywords, in all languages.

An authority's record names one as `activity:CODE` or `keyword:CODE`; professions stand in the lists of the areas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from translations.catalogue import Catalogue, Text
from translations.finding import Finding
from translations.question_set import CodeList
from translations.yaml_file import AreaError, Source, read_yaml

SHIPPED: Final = Path(__file__).with_name("competences")
LISTS: Final[Mapping[str, str]] = MappingProxyType({"activity": "activities", "keyword": "keywords"})
"""Kind of competence → the list that has its codes."""


@dataclass(frozen=True)
class Competences:
    """The lists by kind, and their texts."""

    lists: Mapping[str, CodeList]
    catalogue: Catalogue

    def label(self, kind: str, code: str, lang: str) -> Text | None:
        """Return what a code is called in `lang`, or in English; None for an unknown kind or code."""
        codes = self.lists.get(kind)
        entry = codes.get(code) if codes else None
        return self.catalogue.label(entry, lang) if entry else None

    def codes(self, kind: str) -> tuple[str, ...]:
        """Return the codes of a kind, in the order of its list."""
        found = self.lists.get(kind)
        return tuple(entry.code for entry in found.codes) if found else ()


@lru_cache(maxsize=1)
def shipped() -> Competences:
    """Return the lists that come with this version. Raises AreaError with every fault found."""
    return load_competences(SHIPPED)


def load_competences(folder: Path) -> Competences:
    """Return the lists of one folder. Raises AreaError with every fault found."""
    lists, sources = _read(folder)
    if faults := _doubles(lists, sources):
        raise AreaError(faults)
    return Competences(MappingProxyType(lists), Catalogue(folder / "po"))


def competence_findings(folder: Path) -> list[Finding]:
    """Return what is wrong with the lists of one folder, their English texts included."""
    try:
        lists, sources = _read(folder)
    except AreaError as error:
        return error.faults
    used = {entry.text: (kind, entry.code) for kind, found in lists.items() for entry in found.codes if entry.text}
    english = Catalogue(folder / "po").ids()
    missing = [
        sources[kind].fault(code, "missing-text", f"en.po has no {text}")
        for text, (kind, code) in used.items()
        if text not in english
    ]
    unused = [
        Finding(folder / "po" / "en.po", 0, "unused-text", f"nothing names {text}") for text in english - used.keys()
    ]
    return [*_doubles(lists, sources), *missing, *unused]


def _read(folder: Path) -> tuple[dict[str, CodeList], dict[str, Source]]:
    lists: dict[str, CodeList] = {}
    sources: dict[str, Source] = {}
    for kind, name in LISTS.items():
        path = folder / "lists" / f"{name}.yaml"
        lists[kind], sources[kind] = read_yaml(path, CodeList)
        if lists[kind].id != name:
            raise AreaError([Finding(path, 1, "wrong-id", f"id {lists[kind].id!r} is not the file's name")])
    return lists, sources


def _doubles(lists: Mapping[str, CodeList], sources: Mapping[str, Source]) -> list[Finding]:
    faults = []
    for kind, found in lists.items():
        codes = [entry.code for entry in found.codes]
        faults += [
            sources[kind].fault(code, "duplicate-code", f"{code} stands twice in {found.id}")
            for place, code in enumerate(codes)
            if code in codes[:place]
        ]
    return faults
