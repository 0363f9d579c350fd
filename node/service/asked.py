"""What a reader typed, as words of which the vocabulary has said what they may be."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from directory_sync.fillers import FILLERS
from directory_sync.folding import query_tokens
from directory_sync.search import BEGUN, MIN_PREFIX_CHARS, MISTYPED, WHOLE, Quality, Word, covering
from directory_sync.spelling import MIN_CHARS, heads, is_slip
from node.store import vocabulary
from node.store.tx import Read

_MIN_MEANING_CHARS: Final = 3
_MIN_STEM_CHARS: Final = 5
_MAX_ENDING_CHARS: Final = 3


class Bounds(NamedTuple):
    """How much the vocabulary is asked for one word, so that no word costs much.

    `begun` longer words are looked for in the index, the most used first; the others are seen among the other words'
    hits. `near` is words one typing error away, `meanings` what one word may mean. A place that lies in more regions
    than `places` is no name of a place.
    """

    begun: int = 64
    near: int = 48
    meanings: int = 24
    places: int = 12


_BOUNDS: Final = Bounds()


def words_of(q: Read, text: str, *, what_is_known: bool = False, bounds: Bounds = _BOUNDS) -> tuple[Word, ...]:
    """Return the words of a query.

    A place counts for all who are competent there, however far away they sit, where something else says for what:
    another word that means a profession or an activity, or a filter (`what_is_known`).
    """
    tokens = query_tokens(text)
    telling = [forms for forms in tokens if not FILLERS.intersection(forms)]
    words = [_word(q, forms, bounds) for forms in telling or tokens]
    what = [any(one.startswith("_k_") for one in word.marks) for word in words]
    return tuple(
        word if what_is_known or any(what[:place] + what[place + 1 :]) else _anywhere(word)
        for place, word in enumerate(words)
    )


def _anywhere(word: Word) -> Word:
    return Word(word.forms, word.begun, word.mistyped, word.many, word.marks)


def _word(q: Read, forms: tuple[str, ...], bounds: Bounds) -> Word:
    begun, many = _begun(q, forms, bounds.begun)
    near = _near(q, forms)[: bounds.near]
    marks = _marks(q, forms, near, bounds.meanings)
    native = tuple(one for one, how in marks.items() if not one.startswith("_") and how == WHOLE)
    forms = (*forms, *(one for one in native if one not in forms))
    return Word(
        forms=forms,
        begun=tuple(begun),
        mistyped=tuple(one for one in near if one not in forms),
        many=many,
        marks={one: how for one, how in marks.items() if one.startswith("_")},
        regions=_regions(q, forms, near, bounds.places),
    )


def _begun(q: Read, forms: Sequence[str], most: int) -> tuple[list[str], bool]:
    found: list[str] = []
    many = False
    for form in forms:
        if len(form) >= MIN_PREFIX_CHARS:
            longer = vocabulary.begun(q, form, most + 1)
            many |= len(longer) > most
            found += longer[:most]
    return found, many


def _near(q: Read, forms: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for form in forms:
        if len(form) >= MIN_CHARS and not form.isdigit():
            there = vocabulary.near(q, heads(form))
            found.update((word, None) for word in there if is_slip(form, word))
    return list(found)


def _marks(q: Read, forms: Sequence[str], near: Sequence[str], most: int) -> dict[str, Quality]:
    """Return what a word means, and how well it is typed: a shorter name with an ending counts as its beginning."""
    found: dict[str, Quality] = {}
    stems = [
        form[:-cut] for form in forms for cut in range(1, _MAX_ENDING_CHARS + 1) if len(form) - cut >= _MIN_STEM_CHARS
    ]
    if near:
        found.update((row["mark"], MISTYPED) for row in vocabulary.meanings(q, near, most))
    for form in forms:
        if len(form) >= _MIN_MEANING_CHARS:
            found.update((mark, BEGUN) for mark in vocabulary.meanings_begun(q, form, most))
    rows = vocabulary.meanings(q, [*forms, *stems], most)
    found.update((row["mark"], BEGUN) for row in rows if row["word"] in stems)
    found.update((row["mark"], WHOLE) for row in rows if row["word"] in forms)
    return found


def _regions(q: Read, forms: Sequence[str], near: Sequence[str], most: int) -> dict[str, int]:
    there = vocabulary.places(q, forms, most + 1)
    if not there and near:
        there = vocabulary.places(q, near, most + 1)
    if len(there) > most:
        return {}
    points: dict[str, int] = {}
    for country, region in there:
        for mark, value in covering(country, region).items():
            points[mark] = max(value, points.get(mark, 0))
    return points
