"""Texts by id and language, from a folder of PO files."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from translations.languages import LANGUAGES
from translations.placeholders import insert
from translations.plural import plural_category
from translations.po_file import read_po
from translations.question_set import Code

ENGLISH: Final = "en"


class Text(NamedTuple):
    """A text and the language it is really in, which is not always the one asked for."""

    text: str
    lang: str


class UnknownTextError(KeyError):
    """A text id that no English catalogue has, or a value that its text needs: the programmer's fault."""


class Catalogue:
    """The texts of folders of `<lang>.po`, earlier ones first; a language is read when it is first asked for."""

    def __init__(self, *po_dirs: Path) -> None:
        self._po_dirs = po_dirs
        self._given: Mapping[str, Mapping[str, str]] | None = None
        self._texts: dict[str, dict[str, str]] = {}

    @classmethod
    def of(cls, texts: Mapping[str, Mapping[str, str]]) -> "Catalogue":
        """Return a catalogue of the texts given, by language and id."""
        made = cls()
        made._given = texts
        return made

    def text(self, text_id: str, lang: str, /, **values: object) -> Text:
        """Return the text in `lang`, or in English where `lang` has none; the result says which.

        A translation that asks for a value nobody gives counts as missing. Raises UnknownTextError.
        """
        return self._first([(text_id, lang), (text_id, ENGLISH)], values)

    def label(self, entry: Code, lang: str) -> Text:
        """Return what a code of a list is called; its `name` is the same in every language (SPEC S-245)."""
        return Text(entry.name, lang) if entry.name else self.text(entry.text or "", lang)

    def plural(self, text_id: str, n: int, lang: str, /, **values: object) -> Text:
        """Return `<id>.<plural category of n>`, or `<id>.other`; `{n}` is the number unless `values` has it.

        A language that has neither form falls back to English with English's own form.
        """
        forms = [
            (f"{text_id}.{category}", candidate)
            for candidate in (lang, ENGLISH)
            if candidate in LANGUAGES
            for category in (plural_category(candidate, n), "other")
        ]
        return self._first(forms, {"n": n, **values})

    def template(self, text_id: str, lang: str) -> Text | None:
        """Return the text before its values are inserted, or None where neither `lang` nor English has it."""
        for candidate in (lang, ENGLISH):
            found = self._language(candidate).get(text_id)
            if found is not None:
                return Text(found, candidate)
        return None

    def ids(self) -> frozenset[str]:
        """Return the ids of the English catalogue."""
        return frozenset(self._language(ENGLISH))

    def again(self) -> "Catalogue":
        """Return the catalogue of the same folders that has read no language yet, for a use that needs all at once."""
        return Catalogue(*self._po_dirs) if self._given is None else Catalogue.of(self._given)

    def digest(self) -> str:
        """Return the SHA-256 of all its files, for what is made from its texts and has to follow them."""
        found = hashlib.sha256(repr(self._given).encode())
        for path in (path for folder in self._po_dirs for path in sorted(folder.glob("*.po"))):
            found.update(path.name.encode() + path.read_bytes())
        return found.hexdigest()

    def _first(self, forms: list[tuple[str, str]], values: dict[str, object]) -> Text:
        """Return the first (id, language) that exists and whose values are all given."""
        reason = "unknown"
        for text_id, lang in forms:
            template = self._language(lang).get(text_id)
            if template is None:
                continue
            try:
                return Text(insert(template, values), lang)
            except KeyError as missing:
                reason = f"needs a value for {missing}"
        raise UnknownTextError(f"text {forms[-1][0]!r} of {', '.join(map(str, self._po_dirs)) or 'a pack'}: {reason}")

    def _language(self, lang: str) -> dict[str, str]:
        """Return id → text of one language; empty for one that has no file (or isn't ours: no path is built)."""
        if lang not in self._texts:
            self._texts[lang] = self._load(lang) if lang in LANGUAGES else {}
        return self._texts[lang]

    def _load(self, lang: str) -> dict[str, str]:
        texts = dict((self._given or {}).get(lang, {}))
        for path in (folder / f"{lang}.po" for folder in reversed(self._po_dirs)):
            if path.exists():
                texts.update(_texts_of(path, path.stat().st_mtime_ns))
        return texts


@lru_cache(maxsize=2)
def _texts_of(path: Path, _changed_ns: int) -> dict[str, str]:
    """Return id → text of one file; it stays for a moment, since the areas read their common texts one after another.

    What is fuzzy or obsolete is left out; of the English file, the source is the text where there is no other.
    """
    return {
        entry.id: text
        for entry in read_po(path)
        if (text := entry.translation or (entry.english if path.stem == ENGLISH else ""))
        and not entry.fuzzy
        and not entry.obsolete
    }
