"""Everyday words and capitals: for codes and languages that there are, and only where the lists lack them."""

import pytest

from tests.conftest import ROOT
from translations import competence
from translations.area import load_areas
from translations.capitals import CAPITALS_FILE, capitals
from translations.fold import fold
from translations.languages import LANGUAGES
from translations.make_capitals import ZONES, capitals_json
from translations.synonyms import load_synonyms
from translations.yaml_file import AreaError

SYNONYMS = load_synonyms()


def labels() -> dict[tuple[str, str], str]:
    """Return the official names of all codes by (code, language)."""
    found = {}
    area = load_areas(ROOT / "translations" / "areas")["professional-qualifications"]
    for entry in area.lists["professions"].codes:
        for lang in LANGUAGES:
            found[f"profession:{entry.code}", lang] = area.code_label("professions", entry.code, lang).text
    lists = competence.shipped()
    for code in lists.codes("activity"):
        for lang in LANGUAGES:
            label = lists.label("activity", code, lang)
            found[f"activity:{code}", lang] = label.text if label else ""
    return found


def test_each_word_stands_for_a_code_and_says_something_new():
    """Codes and languages exist, and no word is what the official name says already."""
    official = labels()
    for code, languages in SYNONYMS.by_code.items():
        assert list(languages) == sorted(languages), code
        for lang, words in languages.items():
            assert lang in LANGUAGES
            assert len(words) == len(set(words))
            for word in words:
                assert fold(word) not in fold(official[code, lang]).split(), (code, lang, word)


def test_a_broken_file_names_its_fault(tmp_path):
    """A code that can't be one is refused with the file."""
    path = tmp_path / "synonyms.yaml"
    path.write_text("not a code:\n  de: [Wort]\n")
    with pytest.raises(AreaError, match=r"synonyms\.yaml"):
        load_synonyms(path)


def test_capitals_are_those_of_cldr():
    """The file is what its script makes, for every country but Malta, whose capital CLDR doesn't name."""
    assert CAPITALS_FILE.read_text(encoding="utf-8") == capitals_json()
    assert len(ZONES) == 29
    assert ("Wien", "Bécs") in set(capitals())
