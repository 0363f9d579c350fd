"""Check that translations use the glossary's words, tolerant of inflection.

`terms.json` is `{term: {"enforce": bool, "terms": {lang: {"text", "also": [...]}}}}`. Where an English text
has the English term of an entry with `enforce`, the translation must have one of that language's wordings.
`exceptions.json` is `{"<lang>:<text id>:<term>": "reason"}`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from translations.catalogue import ENGLISH
from translations.check_catalogue import CatalogueFiles
from translations.finding import Finding
from translations.fold import fold
from translations.languages import LANGUAGES

_SHORTEST: Final = 4  # letters: shorter words are articles and prepositions
_LENITION: Final = re.compile(r"([bcdfgmpst])h")
_INFLECTED: Final = 3  # letters at a word's end that inflection may change


def glossary_findings(folder: Path, catalogues: Sequence[CatalogueFiles], languages: Sequence[str]) -> list[Finding]:
    """Return the translations without the glossary's wording, and the exceptions that nothing needs."""
    terms = {term: entry for term, entry in _read(folder / "terms.json").items() if entry.get("enforce")}
    exceptions: dict[str, str] = _read(folder / "exceptions.json")
    findings, used = [], set()
    for catalogue in catalogues:
        for lang in languages:
            for key, finding in _language_findings(catalogue, lang, terms):
                if key in exceptions:
                    used.add(key)
                else:
                    findings.append(finding)
    if set(languages) == set(LANGUAGES):
        idle, file = sorted(exceptions.keys() - used), folder / "exceptions.json"
        findings += [Finding(file, 0, "needless-exception", f"{key} excuses nothing") for key in idle]
    return findings


def has_wording(text: str, wording: str, lang: str) -> bool:
    """Whether a text has all significant words of a wording, each at least by its stem, wherever it stands.

    Stems are looked for inside words too, since Germanic and Finnic languages build compounds
    and Irish puts letters before words; the h that Irish puts after a consonant is left out on both sides.
    """
    folded, words = _plain(text, lang), re.findall(r"\w+", _plain(wording, lang))
    significant = [word for word in words if len(word) >= _SHORTEST] or words
    return all(word[: max(_SHORTEST, len(word) - _INFLECTED)] in folded for word in significant)


def _plain(text: str, lang: str) -> str:
    return _LENITION.sub(r"\1", fold(text)) if lang == "ga" else fold(text)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _language_findings(catalogue: CatalogueFiles, lang: str, terms: Mapping[str, Any]) -> Iterator[tuple[str, Finding]]:
    """Yield (exception key, finding) for each translation that lacks a wording."""
    patterns = {term: _pattern(entry["terms"][ENGLISH]) for term, entry in terms.items()}
    for entry in catalogue.entries.get(lang, ()) if lang != ENGLISH else ():
        for term, pattern in patterns.items():
            wordings = _wordings(terms[term]["terms"].get(lang, {}))
            if not entry.translation or not wordings or not pattern.search(entry.english):
                continue
            if not any(has_wording(entry.translation, wording, lang) for wording in wordings):
                message = f"{entry.id} has none of the glossary's words for {term}: {', '.join(wordings)}"
                yield f"{lang}:{entry.id}:{term}", Finding(catalogue.path(lang), entry.line, "glossary", message)


def _wordings(entry: Mapping[str, Any]) -> list[str]:
    return [wording for wording in (entry.get("text"), *entry.get("also", ())) if wording]


def _pattern(english: Mapping[str, Any]) -> re.Pattern[str]:
    """Return what finds an English term as whole words, singular or plural."""
    forms = []
    for wording in _wordings(english):
        plural = re.escape(wording[:-1]) + "(?:y|ies)" if wording.endswith("y") else re.escape(wording) + "(?:s|es)?"
        forms.append(plural)
    return re.compile(rf"\b(?:{'|'.join(forms)})\b", re.IGNORECASE)
