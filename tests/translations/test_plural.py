import pytest
from babel import Locale

from translations.languages import LANGUAGES
from translations.make_names import CLDR_LOCALES
from translations.plural import names_one_number, plural_category, required_categories


@pytest.mark.parametrize("lang", LANGUAGES)
def test_table_is_cldr(lang: str) -> None:
    """Our own table gives CLDR's category for every number that a page may show."""
    rule = Locale.parse(CLDR_LOCALES[lang]).plural_form
    for n in (*range(1300), 10_001, 999_999, 1_000_000, 1_000_001, 3_000_000, 1_500_000):
        assert plural_category(lang, n) == rule(n), n


@pytest.mark.parametrize(
    ("lang", "n", "category"),
    [
        ("hu", 1, "one"),
        ("lv", 0, "zero"),
        ("lv", 21, "one"),
        ("lv", 111, "zero"),
        ("mt", 0, "few"),
        ("mt", 2, "two"),
        ("mt", 119, "many"),
        ("pt", 0, "other"),
        ("fr", 0, "one"),
        ("pl", 22, "few"),
        ("pl", 112, "many"),
        ("sl", 101, "one"),
        ("hr", 11, "other"),
        ("is", 21, "one"),
        ("ro", 101, "few"),
        ("ga", 7, "many"),
        ("lt", 10, "other"),
    ],
)
def test_traps(lang: str, n: int, category: str) -> None:
    """The numbers that grammars and older tables disagree about have CLDR's category."""
    assert plural_category(lang, n) == category


def test_required_categories() -> None:
    """A catalogue needs the forms of whole numbers, and those of fractions or millions alone are not asked for."""
    assert required_categories("en") == ("one", "other")
    assert required_categories("es") == ("one", "other")
    assert required_categories("cs") == ("one", "few", "other")
    assert required_categories("pl") == ("one", "few", "many")
    assert required_categories("mt") == ("one", "two", "few", "many", "other")


def test_figure_may_be_a_word() -> None:
    """German "one" is for 1 alone; Croatian "one" is for 21 too and needs the figure."""
    assert names_one_number("de", "one")
    assert not names_one_number("hr", "one")
