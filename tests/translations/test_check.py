import json
from pathlib import Path

import pytest

import translations
from tests.translations.small_area import CHECKS, ENGLISH, GERMAN, write_area
from translations.check import check, check_areas
from translations.check_glossary import has_wording
from translations.po_file import write_po

SHIPPED = Path(translations.__file__).parent


def _codes(root: Path, *languages: str) -> list[str]:
    return [finding.code for finding in check(root, languages or ("de", "en"))]


def _german(root: Path, **changed: str) -> None:
    """Write the small area with some German texts changed (dots and dashes as underscores), None left out."""
    write_area(root)
    entries = [
        (key, ENGLISH[key], changed.get(key.replace(".", "_").replace("-", "_"), text)) for key, text in GERMAN.items()
    ]
    write_po(root / "areas/small/po/de.po", "de", entries)


def test_shipped_areas_are_sound() -> None:
    """The areas that we ship have no broken reference, no text without English and none that nothing names."""
    assert check_areas(SHIPPED) == []


def test_shipped_english_is_sound() -> None:
    """The English catalogues, which all others follow, have nothing to report."""
    assert [finding.shown() for finding in check(SHIPPED, ["en"])] == []


def test_sound_folder(tmp_path: Path) -> None:
    """A folder in order has no findings, and a language without its file has one."""
    write_area(tmp_path)
    assert _codes(tmp_path) == []
    assert _codes(tmp_path, "fr") == ["missing-file"]


@pytest.mark.parametrize(
    ("text_id", "text", "code"),
    [
        ("area_title", "", "empty"),
        ("area_title", " Klein", "space"),
        ("item_regulated", "Ist dieser Beruf reglementiert? Beruf:", "lost-placeholder"),
        ("item_regulated", "Reglementiert? {profession} {person}", "invented-placeholder"),
        ("item_regulated", "Reglementiert? {profession.__class__} {profession}", "invented-placeholder"),
        ("item_since", "Seit wann", "end-mark"),
    ],
)
def test_text_findings(tmp_path: Path, text_id: str, text: str, code: str) -> None:
    """Each way of spoiling a translation is found, and nothing else is."""
    _german(tmp_path, **{text_id: text})
    assert _codes(tmp_path) == [code]


def test_entry_findings(tmp_path: Path) -> None:
    """Missing, surplus, doubled, fuzzy, unflagged and outdated entries are found with their lines."""
    folder = write_area(tmp_path)
    path = folder / "po" / "de.po"
    text = path.read_text(encoding="utf-8")
    for before, after, code in (
        ('msgctxt "set.checks"', 'msgctxt "set.chess"', "extra-entry"),
        ('msgctxt "set.checks"', 'msgctxt "area.title"', "duplicate-entry"),
        ('msgctxt "set.checks"', '#, fuzzy\nmsgctxt "set.checks"', "fuzzy"),
        ('msgid "Checks"', 'msgid "Cheques"', "stale-english"),
        ("#, python-brace-format\n", "", "missing-flag"),
    ):
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")
        found = check(tmp_path, ["de"])
        assert code in [each.code for each in found]
        assert all(each.line > 0 for each in found if each.code != "missing-entry")
    path.write_text("spoilt here", encoding="utf-8")
    assert _codes(tmp_path) == ["unreadable"]


def test_plural_forms_per_language(tmp_path: Path) -> None:
    """Polish needs few and many; Maltese two as well; a word may stand for a figure that a form names alone."""
    po = tmp_path / "interface" / "po"
    english = {"c.one": "{n} case", "c.other": "{n} cases"}
    write_po(po / "en.po", "en", [(key, text, text) for key, text in english.items()])
    write_po(po / "pl.po", "pl", [("c.one", english["c.one"], "jedna"), ("c.few", english["c.other"], "{n} sprawy")])
    write_po(po / "hr.po", "hr", [("c.one", english["c.one"], "jedan"), ("c.few", english["c.other"], "{n} b")])
    assert [finding.message for finding in check(tmp_path, ["pl"])] == ["c.many is missing (en.po:15)"]
    assert sorted(_codes(tmp_path, "hr")) == ["lost-placeholder", "missing-entry"]
    write_po(po / "en.po", "en", [("c.one", "one case", "one case"), ("c.other", *2 * ["{n} cases"])])
    given = [("c.one", "one case", "{n} a"), ("c.few", "{n} cases", "{n} b"), ("c.other", "{n} cases", "{n} c")]
    write_po(po / "hr.po", "hr", given)
    assert _codes(tmp_path, "hr") == []
    write_po(po / "de.po", "de", [("c.few", english["c.other"], "{n}")])
    assert sorted(_codes(tmp_path, "de")) == ["extra-entry", "missing-entry", "missing-entry"]


def test_area_texts(tmp_path: Path) -> None:
    """An item without English text, an undeclared variable and a text that nothing names are found."""
    write_area(tmp_path, questions__checks=CHECKS.replace("item.since", "item.until").replace("[country]", "[person]"))
    found = [(finding.code, finding.file.name) for finding in check_areas(tmp_path)]
    assert found == [("unused-text", "en.po"), ("missing-text", "checks.yaml"), ("undeclared-variable", "checks.yaml")]
    write_area(tmp_path, questions__checks=CHECKS.replace("item.since", "item.regulated"))
    assert [finding.code for finding in check_areas(tmp_path)] == ["unused-text"]
    write_area(tmp_path, questions__checks="- 1")
    assert [finding.code for finding in check_areas(tmp_path)] == ["invalid-field"]


def test_common_texts(tmp_path: Path) -> None:
    """A shared text that no area names, a shared list without its texts and a text that stands twice are found."""
    write_area(tmp_path)
    common = tmp_path / "areas" / "shared"
    (common / "lists").mkdir(parents=True)
    (common / "lists/more.yaml").write_text("id: more\ncodes:\n  - {code: a, text: list.more.a}\n")
    (common / "variables.yaml").write_text("variables: []")
    write_po(common / "po/en.po", "en", [("area.title", "Small area", ""), ("idle", "Idle", "")])
    found = [(finding.code, finding.file.name, finding.line) for finding in check_areas(tmp_path)]
    assert found == [("missing-text", "more.yaml", 3), ("unused-text", "en.po", 0), ("double-text", "en.po", 0)]


def _glossary(root: Path, exceptions: dict[str, str]) -> None:
    term = {"en": {"text": "regulated profession"}, "de": {"text": "reglementierter Beruf", "also": ["Kammerberuf"]}}
    terms = {"regulated_profession": {"enforce": True, "terms": term}}
    (root / "glossary").mkdir(exist_ok=True)
    (root / "glossary/terms.json").write_text(json.dumps(terms), encoding="utf-8")
    (root / "glossary/exceptions.json").write_text(json.dumps(exceptions), encoding="utf-8")


def test_glossary(tmp_path: Path) -> None:
    """A text that leaves the glossary's word is found; inflected forms, variants and reasoned exceptions are not."""
    po = tmp_path / "interface" / "po"
    english = "Two regulated professions"
    write_po(po / "en.po", "en", [("a", english, english)])
    for translation, codes in (
        ("Zwei reglementierte Berufe", []),
        ("Zwei Kammerberufe", []),
        ("Zwei geregelte Gewerbe", ["glossary"]),
    ):
        write_po(po / "de.po", "de", [("a", english, translation)])
        _glossary(tmp_path, {})
        assert _codes(tmp_path) == codes
    _glossary(tmp_path, {"de:a:regulated_profession": "a quotation"})
    assert _codes(tmp_path) == []


def test_needless_exception(tmp_path: Path) -> None:
    """An exception that excuses nothing is found once all languages are checked."""
    _glossary(tmp_path, {"de:a:regulated_profession": "a quotation"})
    assert [finding.code for finding in check(tmp_path)] == ["needless-exception"]


@pytest.mark.parametrize(
    ("lang", "text", "wording"),
    [
        ("fi", "Toimivaltaisten viranomaisten luettelo", "toimivaltainen viranomainen"),
        ("de", "Liste der Berufsqualifikationen", "Berufsqualifikation"),
        ("el", "της αρμόδιας αρχής", "αρμόδια αρχή"),
        ("ga", "an ghairm rialáilte", "gairm rialáilte"),
        ("hu", "illetékes hatóságnak", "illetékes hatóság"),
        ("pl", "właściwego organu", "właściwy organ"),
    ],
)
def test_inflection_is_tolerated(lang: str, text: str, wording: str) -> None:
    """A term is found in the form that its sentence needs."""
    assert has_wording(text, wording, lang)
