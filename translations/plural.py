"""Which plural form a whole number takes: CLDR's cardinal rules for the 26 languages (UTS 35, part 3).

Babel's gettext headers disagree with CLDR for hu, lv and mt, and its plain `pt` is Brazilian, so this is
our own table; a test compares it with CLDR's rules.
"""

from collections.abc import Callable
from typing import Final

CATEGORIES: Final = ("zero", "one", "two", "few", "many", "other")
_MILLION: Final = 1_000_000


def _one_other(n: int) -> str:
    return "one" if n == 1 else "other"


def _romance(n: int) -> str:  # es, it, pt as in Portugal
    return "many" if n and n % _MILLION == 0 else _one_other(n)


def _french(n: int) -> str:
    return "one" if n == 0 else _romance(n)


def _czech(n: int) -> str:  # and Slovak; their "many" is for fractions
    return "few" if n in {2, 3, 4} else _one_other(n)


def _irish(n: int) -> str:
    if n in {1, 2}:
        return "one" if n == 1 else "two"
    if n in range(3, 7):
        return "few"
    return "many" if n in range(7, 11) else "other"


def _croatian(n: int) -> str:
    if _icelandic(n) == "one":
        return "one"
    return "few" if n % 10 in {2, 3, 4} and n % 100 not in {12, 13, 14} else "other"


def _icelandic(n: int) -> str:
    return "one" if n % 10 == 1 and n % 100 // 10 != 1 else "other"


def _lithuanian(n: int) -> str:  # its "many" is for fractions
    if n % 10 == 0 or n % 100 in range(11, 20):
        return "other"
    return "one" if n % 10 == 1 else "few"


def _latvian(n: int) -> str:
    if n % 10 == 0 or n % 100 in range(11, 20):
        return "zero"
    return "one" if n % 10 == 1 else "other"


def _maltese(n: int) -> str:
    if n in {1, 2}:
        return "one" if n == 1 else "two"
    if n == 0 or n % 100 in range(3, 11):
        return "few"
    return "many" if n % 100 in range(11, 20) else "other"


def _polish(n: int) -> str:
    if n == 1:
        return "one"
    return "few" if n % 10 in {2, 3, 4} and n % 100 not in {12, 13, 14} else "many"


def _romanian(n: int) -> str:
    if n == 1:
        return "one"
    return "few" if n == 0 or n % 100 in range(1, 20) else "other"


def _slovenian(n: int) -> str:
    return {1: "one", 2: "two", 3: "few", 4: "few"}.get(n % 100, "other")


_RULES: Final[dict[str, Callable[[int], str]]] = {
    **dict.fromkeys(("bg", "da", "de", "el", "en", "et", "fi", "hu", "nb", "nl", "sv"), _one_other),
    **dict.fromkeys(("es", "it", "pt"), _romance),
    **dict.fromkeys(("cs", "sk"), _czech),
    "fr": _french,
    "ga": _irish,
    "hr": _croatian,
    "is": _icelandic,
    "lt": _lithuanian,
    "lv": _latvian,
    "mt": _maltese,
    "pl": _polish,
    "ro": _romanian,
    "sl": _slovenian,
}


def plural_category(lang: str, n: int) -> str:
    """Return the CLDR category (`one`, `few` …) of the whole number `n` in one of the 26 languages."""
    return _RULES[lang](abs(n))


def names_one_number(lang: str, category: str) -> bool:
    """Whether a form is for one number alone, so that a word may stand for the figure."""
    return sum(plural_category(lang, n) == category for n in range(201)) == 1


def required_categories(lang: str) -> tuple[str, ...]:
    """Return the forms that a catalogue must have: those of whole numbers below a million.

    The `many` of es, fr, it and pt is for multiples of a million alone; there `other` stands in.
    """
    found = {plural_category(lang, n) for n in range(201)}
    return tuple(category for category in CATEGORIES if category in found)
