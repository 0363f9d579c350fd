"""Fill in one language of a catalogue: `python -m translations.fill LANG FILE.json --catalogue NAME`.

FILE.json is `{id: translation}`; NAME is `interface` or `areas/<area>`. The command writes `<LANG>.po` beside
`en.po`: the same ids in the same order, the plural forms that the language has (`<id>.few` … where English
has `<id>.one` and `<id>.other`), the notes to translators, and the flags. Translations that the file had are
kept unless FILE.json gives others. Where the English text changed meanwhile, the old translation is kept but
marked fuzzy, and pages show English until a new one comes.

For `en`, FILE.json gives the English texts themselves: new ids are added at the end, others changed.

It reports ids that it doesn't know (and leaves them out), ids that still have no translation, and lost or
invented placeholders; the exit status is 1 if there was anything to report.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from translations.catalogue import ENGLISH
from translations.check_catalogue import catalogue_findings, english_of, expected_ids, read_catalogue
from translations.languages import LANGUAGES
from translations.plural import CATEGORIES
from translations.po_file import PoEntry, read_po, write_po


def fill(folder: Path, lang: str, given: Mapping[str, str]) -> list[str]:
    """Write `<lang>.po` in the folder and return what there is to report, one sentence each."""
    source = read_po(folder / "en.po") if (folder / "en.po").exists() else []
    unknown: list[str] = []
    if lang == ENGLISH:
        _fill_english(folder, source, given)
    else:
        unknown = _fill_translation(folder, lang, source, given)
    report = [f"unknown id: {text_id}" for text_id in unknown]
    return report + [each.shown() for each in catalogue_findings(read_catalogue(folder, [lang]), [lang])]


def _fill_english(folder: Path, source: Sequence[PoEntry], given: Mapping[str, str]) -> None:
    texts = {entry.id: entry.english for entry in source} | dict(given)
    comments = {entry.id: entry.comment for entry in source}
    write_po(folder / "en.po", ENGLISH, [(key, text, text) for key, text in texts.items()], comments=comments)


def _fill_translation(folder: Path, lang: str, source: Sequence[PoEntry], given: Mapping[str, str]) -> list[str]:
    """Write the file and return the ids of `given` that the language doesn't have."""
    path = folder / f"{lang}.po"
    old = {entry.id: entry for entry in read_po(path)} if path.exists() else {}
    english = {entry.id: entry.english for entry in source}
    ids = ids_in_order(english, lang, old.keys() | given.keys())
    entries, fuzzy = [], []
    for text_id in ids:
        text = english_of(english, text_id)
        before = old.get(text_id)
        entries.append((text_id, text, given.get(text_id) or (before.translation if before else "")))
        if before and before.translation and not given.get(text_id) and (before.fuzzy or before.english != text):
            fuzzy.append(text_id)
    write_po(path, lang, entries, fuzzy, {entry.id: entry.comment for entry in source})
    return sorted(given.keys() - set(ids))


def ids_in_order(english: Mapping[str, str], lang: str, known: set[str]) -> list[str]:
    """Return the language's ids in the order of en.po, a plural's forms where its first one stands."""
    must, may = expected_ids(english, lang)
    ids: dict[str, None] = {}
    for text_id in english:
        stem = text_id.rpartition(".")[0]
        forms = [f"{stem}.{category}" for category in CATEGORIES] if f"{stem}.one" in english else []
        for form in forms if text_id in forms and f"{stem}.other" in english else [text_id]:
            if form in must or (form in may and form in known):
                ids.setdefault(form)
    return list(ids)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="translations.fill", description="Fill in one language of a catalogue.")
    parser.add_argument("lang", choices=LANGUAGES)
    parser.add_argument("file", type=Path, help="JSON: {id: translation}")
    parser.add_argument("--catalogue", default="interface", help="interface, or areas/<area>")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent, help="the folder of the catalogues")
    options = parser.parse_args(arguments)
    given = json.loads(options.file.read_text(encoding="utf-8"))
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        parser.error(f"{options.file}: not an object of strings")
    folder = options.root / options.catalogue / "po"
    report = fill(folder, options.lang, given)
    sys.stdout.write("".join(f"{line}\n" for line in report))
    sys.stdout.write(f"{folder / options.lang}.po: {len(given)} given, {len(report)} to look at\n")
    return 1 if report else 0


if __name__ == "__main__":
    sys.exit(main())
