"""The lists of service activities and keywords, which authorities of all countries use."""

import shutil
from pathlib import Path

import pytest

from translations import competence
from translations.check import check
from translations.competence import load_competences, shipped
from translations.languages import LANGUAGES
from translations.yaml_file import AreaError


def test_every_code_has_a_name_in_every_language() -> None:
    """A reader of any language is shown each shipped activity and keyword in that language."""
    found = shipped()
    named = {
        (kind, code, lang): found.label(kind, code, lang)
        for kind in competence.LISTS
        for code in found.codes(kind)
        for lang in LANGUAGES
    }
    assert len(named) == 50 * 26
    assert {key for key, text in named.items() if text is None or text.lang != key[2]} == set()


def test_a_code_of_nobody_has_no_name() -> None:
    """An unknown kind or code is answered by None, as another country's newer list may have it."""
    assert shipped().label("activity", "alchemy", "de") is None
    assert shipped().label("hobby", "construction", "de") is None
    german = shipped().label("activity", "construction", "de")
    assert german is not None
    assert german.text == "Baugewerbe"


@pytest.mark.parametrize(
    ("file", "before", "after", "code"),
    [
        ("lists/activities.yaml", "code: plumbing", "code: crafts", "duplicate-code"),
        ("lists/activities.yaml", "id: activities", "id: services", "wrong-id"),
        ("lists/keywords.yaml", "text: list.keywords.sanctions", "text: list.keywords.none", "missing-text"),
        ("lists/keywords.yaml", "  - code: sanctions\n    text: list.keywords.sanctions\n", "", "unused-text"),
        ("po/de.po", 'msgstr "Sanktionen"', 'msgstr ""', "empty"),
    ],
)
def test_a_spoilt_list_is_found(tmp_path: Path, file: str, before: str, after: str, code: str) -> None:
    """The check finds what is wrong with a list, and a list with a double code isn't loaded."""
    folder = tmp_path / "competences"
    shutil.copytree(competence.SHIPPED, folder)
    assert [one for one in check(tmp_path) if "competences" in str(one.file)] == []
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert code in [one.code for one in check(tmp_path) if "competences" in str(one.file)]
    if code in ("duplicate-code", "wrong-id"):
        with pytest.raises(AreaError, match=r"activities\.yaml"):
            load_competences(folder)
