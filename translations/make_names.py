"""Make names.json from CLDR: `python -m translations.make_names`.

The shape is `{"countries": {lang: {code: name}}, "languages": {lang: {code: name}}}`, all keys sorted.
Countries are those of `COUNTRIES` and `EU`, which is the code of the Commission's node.
"""

import json
from typing import Final

from babel import Locale

from translations.languages import COUNTRIES, LANGUAGES, NAMES_FILE

# CLDR's plain `pt` is Brazilian and its plain `en` American.
CLDR_LOCALES: Final = {lang: {"pt": "pt_PT", "en": "en_IE"}.get(lang, lang) for lang in LANGUAGES}


def names_json() -> str:
    """Return the text of names.json: the same for the same version of Babel."""
    locales = {lang: Locale.parse(name) for lang, name in CLDR_LOCALES.items()}
    countries = {
        lang: {code: locale.territories[code] for code in sorted(COUNTRIES | {"EU"})}
        for lang, locale in locales.items()
    }
    languages = {lang: {code: locale.languages[code] for code in LANGUAGES} for lang, locale in locales.items()}
    return json.dumps({"countries": countries, "languages": languages}, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write the file beside this one."""
    NAMES_FILE.write_text(names_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
