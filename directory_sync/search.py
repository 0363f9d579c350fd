"""Finding an authority: what is searched of it, how well it fits the words of a query, and why.

Pure. A store keeps the searchable texts in an FTS5 table and what words there are beside it. It turns a
query into `Word`s with what the vocabulary knows of them, takes a bounded number of rows by `expression`
(ranking unbounded prefix hits is what makes full text slow), and orders those rows with a `Matcher`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from directory_sync import marks
from directory_sync.authority import Authority
from directory_sync.folding import fold

Field = Literal["name", "title", "place", "keyword", "competence", "area", "country", "region"]
Quality = Literal[1, 2, 3]
Tokens = Sequence[Sequence[str]]  # of `folding.query_tokens`: words, each with its spellings

WHOLE: Final = 3
BEGUN: Final = 2
MISTYPED: Final = 1
MIN_PREFIX_CHARS: Final = 2  # one letter alone matches only itself: half a directory begins with an s
MIN_PLACE_CHARS: Final = 3

# What the index's tokenizer takes as one word: ASCII letters, digits and underscores, and anything beyond ASCII.
_ONE_WORD: Final = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]+")
_TEXTS: Final[tuple[tuple[Field, int], ...]] = (("name", 8), ("title", 6), ("place", 5), ("keyword", 5))
_KINDS: Final[dict[str, tuple[Field, int]]] = {"k": ("competence", 7), "a": ("area", 2), "c": ("country", 3)}
_ORDER: Final[dict[Field, int]] = {
    "competence": 0, "region": 1, "name": 2, "title": 3, "place": 4, "keyword": 5, "country": 6, "area": 7,
}  # fmt: skip
_STANDING: Final = {"national": 0, "regional": 1, "local": 2}
_REGION: Final = 15  # as much as for who sits in the place
_COMPETENT: Final = 12  # for who is competent for the matter just where it is asked for


class Searchable(NamedTuple):
    """The folded text of an authority by field, and its marks; `standing` is 0 for national to 2 for local.

    These five fields are the columns of a full-text table. Rows are numbered by standing first, so that a
    bounded part of the hits holds those first whom one asks when nothing says otherwise. `region` is the code
    of the region that the place lies in, empty where it is unknown or a whole country.
    """

    name: str
    title: str
    place: str
    keyword: str
    marks: str
    standing: int = 2
    country: str = ""
    region: str = ""

    def texts(self) -> tuple[str, ...]:
        """Return what words can be found in."""
        return (self.name, self.title, self.place, self.keyword)

    def places(self) -> Iterator[str]:
        """Yield the words that name a place in the authority's region."""
        if self.region:
            yield from (word for word in self.place.split() if len(word) >= MIN_PLACE_CHARS and word.isalpha())


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query, and what the vocabulary knows of it.

    `begun` and `mistyped` are words of texts that begin with it, or that it becomes by one typing error; `many`
    says that there are more of the first than these. `marks` are those that it means in some language, with how
    well: a profession, an area, a country. `regions` are the marks of who is competent where it is a place's
    name, with points, more for the smaller region.
    """

    forms: tuple[str, ...]
    begun: tuple[str, ...] = ()
    mistyped: tuple[str, ...] = ()
    many: bool = False
    marks: Mapping[str, Quality] = field(default_factory=dict)
    regions: Mapping[str, int] = field(default_factory=dict)


class Match(NamedTuple):
    """How well an authority fits: fewer mistyped words first, then the higher score; and the fields it is found by."""

    mistyped: int
    score: int
    fields: frozenset[Field]

    @property
    def order(self) -> tuple[int, int]:
        """The key by which better ones come first."""
        return (self.mistyped, -self.score)

    @property
    def why(self) -> tuple[Field, ...]:
        """The fields, the best reason first."""
        return tuple(sorted(self.fields, key=_ORDER.__getitem__))


def searchable(authority: Authority, languages: Collection[str], folded: Callable[[str], str] = fold) -> Searchable:
    """Fold an authority for readers of `languages`: titles in these, names always.

    `folded` may be a `Folding`, where there are many. What areas and competences are called in any language isn't
    in it: they are marks, and the vocabulary knows which words mean them.
    """
    region, titles = authority.region, authority.titles
    free = [code for code in authority.competences if ":" not in code]
    return Searchable(
        name=folded(authority.name),
        title=folded(" ".join([text for lang, text in titles.items() if lang in languages])) if titles else "",
        place=folded(f"{authority.place} {region.name} {region.code}" if region else authority.place),
        keyword=folded(" ".join(free)) if free else "",
        marks=" ".join(marks.marks_of(authority)),
        standing=_STANDING[authority.level],
        country=authority.country,
        region=region.code if region else "",
    )


# --- how well ---


class Matcher:
    """Holds authorities against the words of one query."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = [_Prepared(word) for word in words]
        self._placed = any(word.regions for word in words)

    def match(self, text: Searchable) -> Match | None:
        """Say whether every word is somewhere in the authority, how well, and in which fields."""
        padded = [f" {part} " if part else "" for part in text.texts()]
        everything = "".join(padded)
        there = frozenset(text.marks.split())
        score, mistyped = 2 - text.standing, 0
        fields: set[Field] = set()
        for word in self._words:
            hits = word.typed_right(padded, everything, there)
            if not hits:
                hits = word.typed_wrong(padded, there)
                mistyped += 1
            if not hits:
                return None
            score += max(hits)[0] + len(hits) - 1
            fields.update([field for _, field in hits])
        if "competence" in fields and ("region" in fields or not self._placed):
            score += _COMPETENT
        return Match(mistyped, score, frozenset(fields)) if self._words else None


_Hits = list[tuple[int, Field]]  # points and where


class _Prepared:
    """A word as it is looked for in texts that have a space before and after each of theirs."""

    def __init__(self, word: Word) -> None:
        self._whole = tuple(f" {form} " for form in word.forms)
        self._begun = tuple(f" {form}" for form in word.forms if len(form) >= MIN_PREFIX_CHARS)
        self._mistyped = tuple(f" {one} " for one in word.mistyped)
        self._marks = {one: how for one, how in word.marks.items() if how > MISTYPED}
        self._mistyped_marks = {one: how for one, how in word.marks.items() if how == MISTYPED}
        self._regions = word.regions

    def typed_right(self, padded: Sequence[str], everything: str, there: frozenset[str]) -> _Hits:
        """Return where the word is as it was typed, whole or as a beginning; `everything` is all texts in one."""
        hits: _Hits = []
        if self._quality(everything):
            for (name, weight), part in zip(_TEXTS, padded, strict=True):
                if part and (quality := self._quality(part)):
                    hits.append((weight * quality, name))
        if not self._marks.keys().isdisjoint(there):
            hits += _by_marks(self._marks, there)
        if self._regions and (covered := self._regions.keys() & there):
            hits.append((_REGION + 2 * max(self._regions[one] for one in covered), "region"))
        return hits

    def _quality(self, part: str) -> int:
        for one in self._whole:
            if one in part:
                return WHOLE
        for one in self._begun:
            if one in part:
                return BEGUN
        return 0

    def typed_wrong(self, padded: Sequence[str], there: frozenset[str]) -> _Hits:
        """Return where there is a word that this one becomes by a typing error."""
        hits: _Hits = []
        for (name, weight), part in zip(_TEXTS, padded, strict=True):
            if any(one in part for one in self._mistyped):
                hits.append((weight * MISTYPED, name))
        return hits + _by_marks(self._mistyped_marks, there)


def _by_marks(marks: Mapping[str, Quality], there: frozenset[str]) -> _Hits:
    kinds = ((_KINDS[one[1]], marks[one]) for one in marks.keys() & there)
    return [(weight * quality, name) for (name, weight), quality in kinds]


def of_columns(columns: Sequence[str], standing: int) -> Searchable:
    """Return what was stored in the columns of the index."""
    name, title, place, keyword, marks_there = columns
    return Searchable(name, title, place, keyword, marks_there, standing)


def covering(country: str, region: str) -> dict[str, int]:
    """Return the marks of who is competent for a place in a region, with points: the smallest region has most."""
    chain = marks.around(region)
    smaller = {marks.of_whole(code): 2 + len(chain) - place for place, code in enumerate(chain)}
    return {**smaller, marks.of_whole(country): 1}


# --- full text ---


def expression(words: Iterable[Word], quality: Quality, filters: Sequence[Sequence[str]] = ()) -> str:
    """Return an FTS5 MATCH expression: every word, found at least this well, and one mark of every filter.

    Every word stands in double quotes and holds none, so that nothing a user types is ever an operator
    (SQLite, "FTS5 Extension", 3.1 FTS5 Strings). Nothing to ask gives the empty string: then don't ask, since
    FTS5 calls an empty expression a syntax error.
    """
    groups = [*(_tokens(word, quality) for word in words), *filters]
    return " AND ".join(filter(None, map(_any_of, groups)))


def naming(words: Sequence[Word], filters: Sequence[Sequence[str]] = ()) -> str:
    """Return the expression for those that have all the words, as typed, in their name or title."""
    named = " AND ".join(filter(None, (_any_of(word.forms) for word in words)))
    marked = expression((), WHOLE, filters)
    return " AND ".join(filter(None, (f"{{name title}} : ({named})" if named else "", marked)))


def _tokens(word: Word, quality: Quality) -> dict[str, None]:
    found = [*word.forms, *(one for one, how in word.marks.items() if how >= quality), *word.regions]
    if quality <= BEGUN:
        found += word.begun
    if quality <= MISTYPED:
        found += word.mistyped
    return dict.fromkeys(one for one in found if one)


def _any_of(words: Iterable[str]) -> str:
    """Return the expression for one of some words; what the index has as no one word is left out."""
    asked = " OR ".join(f'"{word}"' for word in words if _ONE_WORD.fullmatch(word))
    return f"({asked})" if asked else ""


COLUMNS: Final = ("name", "title", "place", "keyword", "marks")
