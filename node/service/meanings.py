"""What words mean: the names of professions, activities, areas and countries in all languages, kept by the index.

They are written into the database when they differ from what is there, so that a search looks them up like
any other word, with its beginnings and typing errors, and an import folds none of them.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from directory_sync import marks
from directory_sync.folding import fold
from node.service.directory import reindex
from node.service.labels import Labels
from node.service.node import Node
from node.store import authority_index, vocabulary
from protocol.countries import COUNTRIES
from translations import competence
from translations.capitals import capitals
from translations.languages import LANGUAGES, country_name
from translations.synonyms import Synonyms, load_synonyms

TEXTS_VERSION: Final = "1"
"""Of the folded texts: another one writes the index anew."""
_MIN_CHARS: Final = 2
_NO_ANSWERS: Final = (":other", ":not-known")
_JOINING: Final = 3
"""Letters up to which a word of a longer name only joins others: "of", "och", "für"."""


async def ensure(node: Node) -> None:
    """Bring the index up to date with this version's folding, lists and languages; cheap where it is."""
    if node.search_ready:
        return
    if node.store.read_now(lambda q: vocabulary.state(q, "texts")) != TEXTS_VERSION:
        await node.store.write(authority_index.empty)
        await reindex(node)
        await node.store.write(lambda tx: vocabulary.set_state(tx, "texts", TEXTS_VERSION))
        await node.store.write(lambda tx: vocabulary.set_state(tx, "meanings", ""))
    aside = asyncio.get_running_loop().run_in_executor
    synonyms = await aside(None, load_synonyms)
    digest = await aside(None, _digest, node, synonyms)
    if node.store.read_now(lambda q: vocabulary.state(q, "meanings")) != digest:
        found = await aside(None, _meanings, node, synonyms)
        await node.store.write(lambda tx: vocabulary.mean(tx, found))
        await node.store.write(lambda tx: vocabulary.set_state(tx, "meanings", digest))
    node.search_ready = True


def _digest(node: Node, synonyms: Synonyms) -> str:
    parts = [TEXTS_VERSION, synonyms.digest, competence.shipped().catalogue.digest(), *LANGUAGES]
    parts += [f"{area.id} {area.version} {area.catalogue.digest()}" for area in node.areas.values()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _meanings(node: Node, synonyms: Synonyms) -> list[tuple[str, str, int]]:
    """Return each (word, mark) once, with the number of words of the shortest name; slow, so not for the loop."""
    shortest: dict[tuple[str, str], int] = {}
    for mark, name in _names(node, synonyms):
        words = fold(name).split()
        size = len(words)
        for word in words:
            if len(word) >= _MIN_CHARS and (size == 1 or len(word) > _JOINING):
                shortest[word, mark] = min(size, shortest.get((word, mark), size))
    return [(word, mark, size) for (word, mark), size in shortest.items()]


def _names(node: Node, synonyms: Synonyms) -> Iterator[tuple[str, str]]:
    """Yield (mark, name) of everything that has names in the languages."""
    for lang in LANGUAGES:
        yield from _labelled(node, lang)
    for code, words in synonyms.words():
        yield marks.of_competence(code), words
    for country in COUNTRIES:
        for lang in LANGUAGES:
            yield marks.of_country(country), country_name(country, lang)
    for native, other in capitals():
        yield fold(native).split()[0], other.split()[-1]


def _labelled(node: Node, lang: str) -> Iterator[tuple[str, str]]:
    """Yield (mark, name) of one language's areas and competences; its texts are let go of before the next is read."""
    areas = {name: replace(area, catalogue=area.catalogue.again()) for name, area in node.areas.items()}
    lists = competence.shipped()
    labels = Labels(areas, replace(lists, catalogue=lists.catalogue.again()))
    for code in labels.codes():
        if not code.endswith(_NO_ANSWERS) and (name := labels.exact(code, lang)):
            yield marks.of_area(code) if code in node.areas else marks.of_competence(code), name
