"""Every text of the interface is shown somewhere, and every text that is shown is there."""

import ast
import re
from collections.abc import Iterator

from tests.dashboard.samples.values import CATALOGUE, DASHBOARD
from translations.plural import CATEGORIES

CODE = sorted(DASHBOARD.parent.rglob("*.py"))
TEMPLATES = sorted((DASHBOARD / "templates").glob("*.html"))
VALUE = "([a-z0-9.-]+)"
AHEAD: dict[str, str] = {}
WORD = re.compile(r"[a-z0-9.-]+\Z")


def _words_of(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of some code that may be ids of texts or parts of them."""
    for found in ast.walk(tree):
        if isinstance(found, ast.Constant) and isinstance(found.value, str) and WORD.match(found.value):
            yield found.value


def _built_of(tree: ast.AST) -> Iterator[str]:
    """Yield what f-strings such as f"state.{case.state}" may become, as patterns; only those with a fixed beginning."""
    for found in ast.walk(tree):
        if isinstance(found, ast.JoinedStr):
            parts = [re.escape(part.value) if isinstance(part, ast.Constant) else VALUE for part in found.values]
            if re.match(r"[a-z]+\\\.", parts[0]):
                yield "".join(parts)


def _of_templates() -> tuple[set[str], set[str]]:
    """Return the words of the templates, and the patterns of what they build with `~`."""
    source = "\n".join(
        re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL) for path in TEMPLATES
    )
    words = {word for word in re.findall(r"'([^'\n]*)'", source) if WORD.match(word)}
    built = {
        f"{re.escape(first)}{VALUE}{re.escape(last)}"
        for first, last in re.findall(r"'([a-z]+\.[a-z0-9.-]*)' ~ [\w.]+(?: ~ '([a-z0-9.-]*)')?", source)
    }
    return words, built


def used(ids: frozenset[str]) -> set[str]:
    """Return the ids that code or templates name, as a whole or built from words that stand in them."""
    words, patterns = _of_templates()
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words |= set(_words_of(tree))
        patterns |= set(_built_of(tree))
    whole = [re.compile(pattern + r"\Z") for pattern in patterns]

    def is_named(text_id: str) -> bool:
        matches = (pattern.match(text_id) for pattern in whole)
        return text_id in words or any(match and set(match.groups()) <= words for match in matches)

    stems = {text_id: text_id.rpartition(".") for text_id in ids}
    return {i for i, (stem, _, last) in stems.items() if is_named(i) or (last in CATEGORIES and is_named(stem))}


def test_no_text_is_left_over():
    """Nothing is translated into 26 languages that nobody ever reads."""
    assert sorted(CATALOGUE.ids() - used(CATALOGUE.ids()) - AHEAD.keys()) == []


def test_a_text_that_nobody_names_is_found():
    """An id like many others, but named nowhere, isn't taken for used; one that is built from its parts is."""
    assert used(frozenset({"error.nobody-says-so", "nav.nowhere", "state.sent", "work.count.one"})) == {
        "state.sent",
        "work.count.one",
    }


def test_every_text_that_a_template_names_is_there():
    """Each id in say(), t(), say_n() and tn() is in the catalogue."""
    source = "\n".join(template.read_text(encoding="utf-8") for template in TEMPLATES)
    single = set(re.findall(r"\b(?:say|t)\('([a-z0-9.-]+[a-z0-9])'[,)]", source))
    counted = set(re.findall(r"\b(?:say_n|tn)\('([a-z0-9.-]+)'", source))
    named = single | {f"{text_id}.{form}" for text_id in counted for form in ("one", "other")}
    assert sorted(named - CATALOGUE.ids()) == []
