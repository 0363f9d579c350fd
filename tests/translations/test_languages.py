import pytest
from babel import Locale

from translations import make_names
from translations.languages import (
    COUNTRIES,
    LANGUAGES,
    NAMES_FILE,
    best_language,
    country_name,
    language_name,
    native_name,
)


def test_names_regenerate() -> None:
    """The names in the repository are byte for byte what CLDR gives."""
    assert NAMES_FILE.read_text(encoding="utf-8") == make_names.names_json()


def test_countries_are_iso() -> None:
    """The countries are all of CLDR's territories of two letters, without its groups and exceptional codes."""
    exceptional = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
    territories = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()}
    assert territories - exceptional == COUNTRIES


def test_languages_are_the_26() -> None:
    """There are 26 languages, in order, and each has a name in each."""
    assert len(LANGUAGES) == 26
    assert list(LANGUAGES) == sorted(set(LANGUAGES))
    assert all(language_name(code, lang) != code for code in LANGUAGES for lang in LANGUAGES)


def test_names_are_those_of_europe() -> None:
    """Greece is GR, Portuguese is Portugal's, and each language calls itself by its own name."""
    assert country_name("GR", "de") == "Griechenland"
    assert country_name("EL", "de") == "EL"
    assert country_name("CZ", "pt") == "Chéquia"
    assert native_name("el") == "Ελληνικά"
    assert native_name("ga") == "Gaeilge"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("en;q=0.3, hu;q=0.8", "hu"),
        ("nn, en;q=0.1", "nb"),
        ("zh, *;q=0.5", "en"),
        ("fr;q=0, sv;q=0.2", "sv"),
        ("fr;q=nan, lv;q=bad, mt;q=2", "en"),
        ("x" * 100_000 + ",de", "en"),
    ],
)
def test_best_language(header: str | None, expected: str) -> None:
    """A browser's wishes lead to the best of our languages, and nonsense to the default."""
    assert best_language(header, "en") == expected
