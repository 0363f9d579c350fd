"""Make capitals.json from CLDR: `python -m translations.make_capitals`.

The shape is `{country: {"native": [name], "others": [name]}}`: what a capital is called where it lies, and in
the 26 languages. CLDR names them as the cities of time zones.
"""

import json
from typing import Final

from babel import Locale

from translations.capitals import CAPITALS_FILE
from translations.languages import LANGUAGES
from translations.make_names import CLDR_LOCALES

# fmt: off
ZONES: Final = {
    "AT": ("Europe/Vienna", "Wien"), "BE": ("Europe/Brussels", "Bruxelles", "Brussel"), "BG": ("Europe/Sofia", "София"),
    "CY": ("Asia/Nicosia", "Λευκωσία"), "CZ": ("Europe/Prague", "Praha"), "DE": ("Europe/Berlin", "Berlin"),
    "DK": ("Europe/Copenhagen", "København"), "EE": ("Europe/Tallinn", "Tallinn"), "ES": ("Europe/Madrid", "Madrid"),
    "FI": ("Europe/Helsinki", "Helsinki", "Helsingfors"), "FR": ("Europe/Paris", "Paris"),
    "GR": ("Europe/Athens", "Αθήνα"),
    "HR": ("Europe/Zagreb", "Zagreb"), "HU": ("Europe/Budapest", "Budapest"), "IE": ("Europe/Dublin", "Dublin"),
    "IS": ("Atlantic/Reykjavik", "Reykjavík"), "IT": ("Europe/Rome", "Roma"), "LI": ("Europe/Vaduz", "Vaduz"),
    "LT": ("Europe/Vilnius", "Vilnius"), "LU": ("Europe/Luxembourg", "Luxembourg"), "LV": ("Europe/Riga", "Rīga"),
    "NL": ("Europe/Amsterdam", "Amsterdam"), "NO": ("Europe/Oslo", "Oslo"), "PL": ("Europe/Warsaw", "Warszawa"),
    "PT": ("Europe/Lisbon", "Lisboa"), "RO": ("Europe/Bucharest", "București"), "SE": ("Europe/Stockholm", "Stockholm"),
    "SI": ("Europe/Ljubljana", "Ljubljana"), "SK": ("Europe/Bratislava", "Bratislava"),
}
# fmt: on
"""Country → its capital's time zone in CLDR, and its native names; CLDR has no zone of Valletta."""


def capitals_json() -> str:
    """Return the text of capitals.json: the same for the same version of Babel."""
    locales = [Locale.parse(CLDR_LOCALES[lang]) for lang in LANGUAGES]
    found = {}
    for country, (zone, *native) in ZONES.items():
        english = zone.partition("/")[2]
        named = {str(locale.time_zones.get(zone, {}).get("city") or english) for locale in locales}
        others = {name.replace("\N{SOFT HYPHEN}", "") for name in named}
        found[country] = {"native": native, "others": sorted(others - set(native))}
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write the file beside this one."""
    CAPITALS_FILE.write_text(capitals_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
