"""The searches of `entente bench directory`: what officials type, how long it takes, and how much is found."""

import random
import statistics
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from directory_sync import marks
from directory_sync.search import WHOLE, Matcher, Searchable, expression, of_columns
from node.domain.access import operator
from node.domain.directory_view import Query
from node.service import find, meanings
from node.service.asked import Bounds, words_of
from node.service.labels import Labels
from node.service.node import Node
from node.store import authority_index
from node.store.authority_index import Wanted
from node.store.tx import Read

_TIMED: Final = 1000
_COMPARED: Final = 60
_FIRST: Final = 20
"""Results of the first page, which the recall is of."""
_EVERYTHING: Final = Bounds(begun=0, near=10**6, meanings=10**6)
_PROFESSIONS: Final = (
    "Zahnarzt", "fogorvos", "οδοντίατρος", "зъболекар", "zahnartz", "médecin", "architekt", "nurse", "midwife",
)  # fmt: skip


class Searched(NamedTuple):
    """Milliseconds of a search from the words to the described first page, and the recall of that page.

    They are those of the searching thread, which waits for nothing: other work on the machine doesn't count.
    """

    p50_ms: float
    p99_ms: float
    recall: float


async def search_figures(node: Node, names: Sequence[str]) -> Searched:
    """Search an open node's directory for what is in these names, as people type it."""
    await meanings.ensure(node)
    asked = queries(names, _TIMED)
    for words in asked[:50]:
        await find.search(node, operator(), Query(words), "de")
    took = []
    for words in asked:
        began = time.thread_time()
        await find.search(node, operator(), Query(words), "de")
        took.append((time.thread_time() - began) * 1000)
    wanted = find.wanted_of(node, Query())
    recalls = node.store.read_now(lambda q: [*recall(q, wanted, queries(names, _COMPARED, seed=2))])
    return Searched(
        round(statistics.median(took), 2),
        round(statistics.quantiles(took, n=100)[98], 2),
        round(statistics.mean(recalls), 4),
    )


def queries(names: Sequence[str], count: int, seed: int = 1) -> list[str]:
    """Return what is typed: whole names in any order, places, beginnings, professions, and a third with an error."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    return [_query(chance, chance.choice(names).replace("–", " ").split()) for _ in range(count)]


def _query(chance: random.Random, words: list[str]) -> str:
    place, profession = words[-1], chance.choice(_PROFESSIONS)
    typed = (
        " ".join(words),
        " ".join(reversed(words)),
        place,
        words[0],
        place[: chance.randrange(2, 7)],
        f"{profession} {place}",
        f"{mistyped(chance, place)} {profession}",
        " ".join([*words[:-1], mistyped(chance, place)]),
        mistyped(chance, place),
    )
    return chance.choice(typed)


def mistyped(chance: random.Random, word: str) -> str:
    """Return a word of at least five letters with one error after its first letter, any other as it is."""
    if len(word) < 5:  # noqa: PLR2004
        return word
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice("aeinrst")
    ends = (word[at + 1 :], word[at + 1] + word[at] + word[at + 2 :], letter + word[at + 1 :], letter + word[at:])
    return word[:at] + chance.choice(ends)


def recall(q: Read, wanted: Wanted, asked: Sequence[str]) -> list[float]:
    """Return for each query how much of the first page is among the best that there are.

    The best are found by holding every authority against the words, with everything that the vocabulary knows of
    them. Where many fit equally well, any of them will do.
    """
    everyone = _everyone(q, wanted)
    return [_recall(q, wanted, everyone, words) for words in asked]


def _everyone(q: Read, wanted: Wanted) -> list[Searchable]:
    found = expression((), WHOLE, [[marks.of_country(country) for country in wanted.countries]])
    rows = authority_index.matching(q, found, wanted, 10**7)
    return [of_columns(texts, standing) for _, _, _, standing, *texts in rows]


def _recall(q: Read, wanted: Wanted, everyone: Sequence[Searchable], typed: str) -> float:
    matcher = Matcher(words_of(q, typed, bounds=_EVERYTHING))
    orders = sorted(fits.order for one in everyone if (fits := matcher.match(one)) is not None)
    if not (best := orders[:_FIRST]):
        return 1.0
    ids, _ = find.ranked(q, words_of(q, typed), wanted)
    found = [matcher.match(text) for text in _texts(q, [one for one, _ in ids[:_FIRST]])]
    return min(1.0, sum(fits is not None and fits.order <= best[-1] for fits in found) / len(best))


def _texts(q: Read, ids: Sequence[str]) -> list[Searchable]:
    labels = Labels({})
    return [labels.searchable(find.record_of(q, one)) for one in ids]
