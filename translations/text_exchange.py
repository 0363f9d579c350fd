"""Texts to translators and back: XLIFF 1.2, TMX 1.4, and rows of a spreadsheet. Pure but for reading PO files.

Ids and English texts go along, so that what comes back finds its place and is refused where English changed.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from translations.catalogue import ENGLISH
from translations.check_catalogue import english_of, expected_ids
from translations.fill import ids_in_order
from translations.finding import Finding
from translations.languages import LANGUAGES, native_name
from translations.limits import ID_CHARACTERS, PO_FILE_BYTES
from translations.placeholders import placeholders, stray_braces
from translations.plural import CATEGORIES
from translations.po_file import read_po

XLIFF: Final = "urn:oasis:names:tc:xliff:document:1.2"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"
MAX_TEXT_FILE: Final = 4 * PO_FILE_BYTES
"""Bytes of a file that comes back."""


class Unit(NamedTuple):
    """One text: its English, its note for translators, and what it is in other languages (empty: not yet)."""

    id: str
    english: str
    note: str
    texts: dict[str, str]


class Returned(NamedTuple):
    """One translation that came back, and the English text it was made of; `place` is a row, 0 in an XML file."""

    place: int
    id: str
    english: str
    lang: str
    text: str


class TextFileError(ValueError):
    """A file that can't be read as what it says it is."""


def units(folder: Path, languages: Sequence[str]) -> list[Unit]:
    """Return the texts of a folder of PO files, with each plural form that one of the languages has."""
    source = read_po(folder / "en.po")
    english = {entry.id: entry.english for entry in source}
    notes = {entry.id: entry.comment for entry in source}
    own = {lang: _read(folder / f"{lang}.po") for lang in languages}
    wanted: dict[str, dict[str, str]] = {
        each: {} for lang in languages for each in ids_in_order(english, lang, set(own[lang]))
    }
    for lang in languages:
        must, may = expected_ids(english, lang)
        for each, texts in wanted.items():
            if each in must or (each in may and each in own[lang]):
                texts[lang] = own[lang].get(each, "")
    return [Unit(each, english_of(english, each), notes.get(each, ""), texts) for each, texts in wanted.items()]


def _read(path: Path) -> dict[str, str]:
    entries = read_po(path) if path.exists() else ()
    return {entry.id: "" if entry.fuzzy else entry.translation for entry in entries if not entry.obsolete}


# --- XLIFF ---


def xliff(name: str, lang: str, found: Iterable[Unit]) -> bytes:
    """Return one language as XLIFF 1.2, which the usual tools read."""
    root = ET.Element("xliff", {"xmlns": XLIFF, "version": "1.2"})
    head = {"original": name, "source-language": ENGLISH, "target-language": lang, "datatype": "plaintext"}
    body = ET.SubElement(ET.SubElement(root, "file", head), "body")
    for unit in found:
        if lang not in unit.texts:
            continue
        state = "translated" if unit.texts[lang] else "needs-translation"
        made = ET.SubElement(body, "trans-unit", {"id": unit.id, _SPACE: "preserve"})
        ET.SubElement(made, "source").text = unit.english
        ET.SubElement(made, "target", {"state": state}).text = unit.texts[lang]
        if unit.note:
            ET.SubElement(made, "note").text = unit.note
    return _bytes(root)


def _from_xliff(root: ET.Element) -> Iterator[Returned]:
    for file in root.iter(f"{{{XLIFF}}}file"):
        lang = file.get("target-language", "")
        for unit in file.iter(f"{{{XLIFF}}}trans-unit"):
            source, target = (unit.find(f"{{{XLIFF}}}{name}") for name in ("source", "target"))
            yield Returned(0, unit.get("id", ""), _words(source), lang, _words(target))


# --- TMX ---


def tmx(found: Iterable[Unit]) -> bytes:
    """Return all languages as a translation memory, TMX 1.4."""
    root = ET.Element("tmx", {"version": "1.4"})
    head = {"creationtool": "entente", "creationtoolversion": "1", "segtype": "block", "o-tmf": "po"}
    ET.SubElement(root, "header", head | {"adminlang": ENGLISH, "srclang": ENGLISH, "datatype": "plaintext"})
    body = ET.SubElement(root, "body")
    for unit in found:
        made = ET.SubElement(body, "tu", {"tuid": unit.id})
        for lang, text in ((ENGLISH, unit.english), *unit.texts.items()):
            if text:
                ET.SubElement(ET.SubElement(made, "tuv", {_LANG: lang}), "seg").text = text
    return _bytes(root)


def _from_tmx(root: ET.Element) -> Iterator[Returned]:
    for unit in root.iter("tu"):
        texts = {each.get(_LANG, ""): _words(each.find("seg")) for each in unit.iter("tuv")}
        english = texts.pop(ENGLISH, "")
        yield from (Returned(0, unit.get("tuid", ""), english, lang, text) for lang, text in texts.items())


# --- rows ---


def rows(found: Iterable[Unit], languages: Sequence[str]) -> list[list[str]]:
    """Return the texts as rows of a spreadsheet, the heading first, with XLSForm's names for languages."""
    heading = ["name", f"label::{native_name(ENGLISH)} ({ENGLISH})", "note"]
    heading += [f"label::{native_name(lang)} ({lang})" for lang in languages]
    return [heading, *([u.id, u.english, u.note, *(u.texts.get(lang, "") for lang in languages)] for u in found)]


def from_rows(found: Sequence[Sequence[str]]) -> list[Returned]:
    """Return the translations in rows like those of `rows`. Raises TextFileError."""
    first = found[0] if found else ()
    heading = [cell.rpartition(" (")[2].removesuffix(")") if "::" in cell else cell for cell in first]
    if heading[:1] != ["name"] or ENGLISH not in heading:
        raise TextFileError("the first column is name, another one label::English (en)")
    english = heading.index(ENGLISH)
    return [
        Returned(number, row[0], row[english], lang, cell)
        for number, row in enumerate(found[1:], 2)
        for lang, cell in zip(heading, row, strict=False)
        if lang in LANGUAGES and lang != ENGLISH and row[0]
    ]


# --- back ---


def from_xml(data: bytes) -> list[Returned]:
    """Return the translations in an XLIFF or TMX file. Raises TextFileError; no entity is ever expanded."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TextFileError("isn't UTF-8") from None
    if len(data) > MAX_TEXT_FILE:
        raise TextFileError(f"larger than {MAX_TEXT_FILE} bytes")
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():  # entities that grow, or that fetch
        raise TextFileError("has a document type")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there are no entities
    except (ET.ParseError, ValueError) as error:
        raise TextFileError(str(error)) from None
    if root.tag == "tmx":
        return list(_from_tmx(root))
    if root.tag == f"{{{XLIFF}}}xliff":
        return list(_from_xliff(root))
    raise TextFileError("is neither XLIFF 1.2 nor TMX")


def accepted(folder: Path, file: Path, returned: Iterable[Returned]) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """Return the translations by language and id, without the empty ones, and what is wrong with the others."""
    english = {entry.id: entry.english for entry in read_po(folder / "en.po")}
    good: dict[str, dict[str, str]] = {}
    faults: list[Finding] = []
    for each in returned:
        if not each.text.strip():
            continue
        if code := _fault(each, english):
            faults.append(Finding(file, each.place, code, f"{each.lang[:20]}: {each.id[:ID_CHARACTERS]}"))
        else:
            good.setdefault(each.lang, {})[each.id] = each.text.strip()
    return good, faults


def _fault(each: Returned, english: Mapping[str, str]) -> str:
    """Return the code of what is wrong with one translation, as the checks of PO files have it."""
    if each.lang not in LANGUAGES or each.lang == ENGLISH:
        return "unknown-language"
    if each.id not in expected_ids(english, each.lang)[1]:
        return "extra-entry"
    source = english_of(english, each.id)
    if each.english != source:
        return "stale-english"
    number = frozenset({"n"}) if each.id.rpartition(".")[2] in CATEGORIES else frozenset()
    if (placeholders(source) ^ placeholders(each.text)) - number:
        return "lost-placeholder"
    return "invented-placeholder" if stray_braces(each.text) else ""


def _words(element: ET.Element | None) -> str:
    return "".join(element.itertext()) if element is not None else ""


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made + b"\n"
