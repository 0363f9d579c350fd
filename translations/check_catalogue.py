"""Check the PO files of one catalogue against its English file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from translations.catalogue import ENGLISH
from translations.finding import Finding
from translations.placeholders import placeholders, stray_braces
from translations.plural import CATEGORIES, names_one_number, required_categories
from translations.po_file import PoEntry, PoError, read_po

# What a text may end with where the English one ends so; the Greek question mark looks like a semicolon.
_ENDS: Final = {"?": "?;\u037e", ":": ":", "…": "…", ".": ".!…)"}


class CatalogueFiles(NamedTuple):
    """A folder of PO files, and the entries or the error of each language that has a file."""

    folder: Path
    entries: dict[str, list[PoEntry]]
    errors: list[Finding]

    def path(self, lang: str) -> Path:
        """Return the file of a language, there or not."""
        return self.folder / f"{lang}.po"

    def english(self) -> dict[str, str]:
        """Return the English text of each id."""
        return {each.id: each.english for each in self.entries.get(ENGLISH, ()) if not each.obsolete}


def read_catalogue(folder: Path, languages: Sequence[str]) -> CatalogueFiles:
    """Read English and `languages`; files that are missing or can't be read become findings."""
    catalogue = CatalogueFiles(folder, {}, [])
    for lang in sorted({ENGLISH, *languages}):
        path = catalogue.path(lang)
        try:
            catalogue.entries[lang] = read_po(path)
        except FileNotFoundError:
            catalogue.errors.append(Finding(path, 0, "missing-file", f"there is no {path.name}"))
        except PoError as error:
            catalogue.errors.append(Finding(path, 0, "unreadable", str(error)))
    return catalogue


def catalogue_findings(catalogue: CatalogueFiles, languages: Sequence[str]) -> list[Finding]:
    """Return what is wrong with the files of `languages`, English among them if it is named."""
    findings = list(catalogue.errors)
    english = catalogue.english()
    for lang in languages:
        if lang in catalogue.entries:
            findings += _file_findings(catalogue.path(lang), lang, catalogue.entries[lang], english)
            findings += _missing(catalogue, lang, english)
    return findings


def expected_ids(english: Mapping[str, str], lang: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids that a language must have, and those that it may have.

    A text with `.one` and `.other` in English is a plural: each language has its own forms of it.
    """
    plurals = {text_id.removesuffix(".one") for text_id in english if text_id.endswith(".one")}
    plurals = {stem for stem in plurals if f"{stem}.other" in english}
    forms = {f"{stem}.{category}" for stem in plurals for category in CATEGORIES}
    must = {f"{stem}.{category}" for stem in plurals for category in required_categories(lang)}
    plain = english.keys() - forms
    return frozenset(plain | must), frozenset(plain | must | {f"{stem}.other" for stem in plurals} | english.keys())


def english_of(english: Mapping[str, str], text_id: str) -> str:
    """Return the English text that a form translates: its own, or that of the plural's `.other`."""
    return english.get(text_id) or english.get(f"{text_id.rpartition('.')[0]}.other", "")


def _missing(catalogue: CatalogueFiles, lang: str, english: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the texts that a language lacks, with the line of the English one that a translator looks for."""
    lines = {entry.id: entry.line for entry in catalogue.entries[ENGLISH]} if ENGLISH in catalogue.entries else {}
    there = {entry.id for entry in catalogue.entries[lang]}
    for text_id in sorted(expected_ids(english, lang)[0] - there):
        line = lines.get(text_id) or lines.get(f"{text_id.rpartition('.')[0]}.other", 0)
        yield Finding(catalogue.path(lang), 0, "missing-entry", f"{text_id} is missing (en.po:{line})")


def _file_findings(path: Path, lang: str, entries: Sequence[PoEntry], english: Mapping[str, str]) -> Iterator[Finding]:
    may = expected_ids(english, lang)[1]
    seen: set[str] = set()
    for entry in entries:
        codes = list(_entry_findings(entry, lang, english_of(english, entry.id)) if entry.id in may else ())
        if entry.obsolete or entry.id not in may:
            codes = [("extra-entry", "is not in en.po, or is obsolete")]
        if entry.id in seen:
            codes.append(("duplicate-entry", "stands twice"))
        seen.add(entry.id)
        yield from (Finding(path, entry.line, code, f"{entry.id} {message}") for code, message in codes)


def _entry_findings(entry: PoEntry, lang: str, english: str) -> Iterator[tuple[str, str]]:
    """Yield (code, message) for one entry; an English one may leave its msgstr empty."""
    text = entry.translation or (entry.english if lang == ENGLISH else "")
    if entry.english != english:
        yield "stale-english", "translates another English text than en.po has"
    if not text.strip():
        yield "empty", "has no translation"
        return
    if lang == ENGLISH and text != entry.english:
        yield "stale-english", "has a msgstr that differs from its msgid"
    if entry.fuzzy:
        yield "fuzzy", "is marked fuzzy"
    if text != text.strip():
        yield "space", "begins or ends with a space"
    yield from _brace_findings(entry, lang, english, text)
    end = english.rstrip()[-1:]
    if end in _ENDS and text.rstrip()[-1] not in _ENDS[end]:
        yield "end-mark", f"doesn't end like the English text, with {end!r}"


def _brace_findings(entry: PoEntry, lang: str, english: str, text: str) -> Iterator[tuple[str, str]]:
    wanted, found = placeholders(english), placeholders(text)
    category = entry.id.rpartition(".")[2]
    number = frozenset({"n"}) if category in CATEGORIES else frozenset()
    lost, invented = wanted - found, found - wanted - number
    if names_one_number(lang, category):  # "one case" needs no figure
        lost -= number
    if lost:
        yield "lost-placeholder", f"lacks {', '.join(f'{{{name}}}' for name in sorted(lost))}"
    if invented or stray_braces(text):
        yield "invented-placeholder", "has braces that the English text hasn't"
    if (wanted or found) and not entry.brace_format:
        yield "missing-flag", "has placeholders but no flag python-brace-format"
