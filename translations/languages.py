"""The 26 languages, and the names of countries and languages in each of them (CLDR, through names.json)."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

_LANGUAGES: Final = "bg cs da de el en es et fi fr ga hr hu is it lt lv mt nb nl pl pt ro sk sl sv"
LANGUAGES: Final = tuple(_LANGUAGES.split())

# ISO 3166-1 alpha-2 as CLDR has it, with XK (Kosovo) in the use of the Union's institutions. Greece is GR.
_COUNTRIES: Final = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
    BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI
    FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN
    IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
    MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
    PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK
    YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_COUNTRIES.split())

NAMES_FILE: Final = Path(__file__).with_name("names.json")

_MAX_HEADER: Final = 1000  # characters of an Accept-Language header that are read
_SAME: Final = {"no": "nb", "nn": "nb"}  # a reader of Norwegian is served the Norwegian that we have


@lru_cache(maxsize=1)
def _names() -> dict[str, dict[str, dict[str, str]]]:
    """Return `{"countries" | "languages": {lang: {code: name}}}`."""
    names: dict[str, dict[str, dict[str, str]]] = json.loads(NAMES_FILE.read_text(encoding="utf-8"))
    return names


def country_name(code: str, lang: str) -> str:
    """Return the name of an ISO 3166-1 code (or of `EU`) in `lang`; an unknown code is its own name."""
    return _names()["countries"][lang].get(code, code)


def country_codes() -> tuple[str, ...]:
    """Return every territory that has a name in the languages."""
    return tuple(sorted(_names()["countries"]["en"]))


def language_name(code: str, lang: str) -> str:
    """Return the name of one of the 26 languages in `lang`; an unknown code is its own name."""
    return _names()["languages"][lang].get(code, code)


def native_name(lang: str) -> str:
    """Return a language's name in itself, as a language menu shows it."""
    return language_name(lang, lang)


def best_language(accept_language: str | None, default: str) -> str:
    """Return the language of ours that an Accept-Language header (RFC 9110, 12.5.4) likes best.

    Equal weights count in the order written. Anything unreadable is skipped, and `default` answers the rest.
    """
    best, best_weight = default, 0.0
    for part in (accept_language or "")[:_MAX_HEADER].split(","):
        tag, _, parameter = part.partition(";")
        primary = tag.strip().lower().split("-")[0]
        lang = default if primary == "*" else _SAME.get(primary, primary)
        weight = _weight(parameter)
        if lang in LANGUAGES and weight > best_weight:
            best, best_weight = lang, weight
    return best


def _weight(parameter: str) -> float:
    """Return the q value of a header's part: 1 where none is given, 0 where it can't be read."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
