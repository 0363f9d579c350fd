"""What capitals are called in other languages: nobody in Budapest looks for `Wien`, but for `Bécs`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CAPITALS_FILE: Final = Path(__file__).with_name("capitals.json")


def capitals() -> Iterator[tuple[str, str]]:
    """Yield each (native name, name in another language), of CLDR through capitals.json."""
    for names in json.loads(CAPITALS_FILE.read_text(encoding="utf-8")).values():
        yield from ((native, other) for native in names["native"] for other in names["others"])
