"""Finding an authority: words in any order, language and alphabet, and why each one was found."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from directory_sync import marks
from directory_sync.authority import Authority
from directory_sync.search import (
    BEGUN,
    MISTYPED,
    WHOLE,
    Field,
    Match,
    Matcher,
    Quality,
    Word,
    expression,
    naming,
    of_columns,
)
from node.domain.access import Actor
from node.domain.directory_view import Found, Page, Query
from node.errors import NodeError
from node.service import meanings
from node.service.asked import words_of
from node.service.describe import Describer
from node.service.node import Node
from node.store import authorities, authority_index
from node.store.authority_index import Wanted
from node.store.tx import Read
from translations.languages import LANGUAGES

MAX_LIMIT: Final = 100
"""Authorities on one page."""
MAX_OFFSET: Final = 100_000
_CANDIDATES: Final = 120
"""Hits that are ordered; a search that has more asks for another word, since ordering all would cost too much."""
_MORE: Final = 60
"""Hits more that are ordered where there are that many, of each kind that ranks before the others."""
_ENOUGH: Final = 20
"""Hits that make it needless to look for typing errors."""


async def search(node: Node, actor: Actor, query: Query, lang: str | None = None) -> Page[Found]:
    """Return one page of the active authorities of all active countries that fit, best first.

    Texts are in `lang`, the actor's language unless given. Raises `forbidden`, `invalid`, `unknown-language`.
    """
    actor.require("directory.search")
    reader = lang or actor.language
    check(query, reader)
    await meanings.ensure(node)
    wanted, describe = wanted_of(node, query), Describer(node, reader)

    def work(q: Read) -> tuple[tuple[Found, ...], int, bool]:
        if query.q.strip():
            words = words_of(q, query.q, what_is_known=bool(query.competence or query.area))
            ids, capped = ranked(q, words, wanted)
            total, part = len(ids), ids[query.offset : query.offset + query.limit]
        else:
            words, capped = (), False
            part, total = _in_order(q, wanted, query)
        describe.asked(words, wanted.filters)
        return describe.each(q, part), total, capped

    items, total, capped = await node.store.read(work)
    return Page(items, total, query.offset, query.limit, capped=capped)


def authority(node: Node, authority_id: str) -> Authority:
    """Return an authority of any country, also one that has ended; raises `not-found`."""
    line = node.store.read_now(lambda q: authorities.record_of(q, authority_id)) if authority_id.isascii() else None
    if line is None:
        raise NodeError("not-found", "There is no such authority.")
    return Authority.model_validate_json(line)


def known(node: Node, authority_id: str | None) -> Authority | None:
    """Return an authority like `authority`, or None where there is none (any more)."""
    try:
        return authority(node, authority_id) if authority_id else None
    except NodeError:
        return None


def names(node: Node, authority_ids: Iterable[str]) -> dict[str, str]:
    """Return authorities with their official names, in the order of these; an unknown one is called by its id."""
    found = node.store.read_now(lambda q: {one: authorities.name_of(q, one) or one for one in authority_ids})
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))


def own_active(node: Node, authority_id: str) -> bool:
    """Say whether an authority is one of ours and active today."""
    return is_active(node, node.country, authority_id)


def is_active(node: Node, country: str, authority_id: str) -> bool:
    """Say whether an authority of an active country is active today."""
    day = node.directory_day()
    if country not in active_countries(node) or not authority_id.isascii():
        return False
    return node.store.read_now(lambda q: authorities.is_active(q, country, authority_id, day))


def active_countries(node: Node) -> frozenset[str]:
    """Return the countries whose authorities are shown: our own, and the active members."""
    return (node.members.active_countries() if node.members else frozenset()) | {node.country}


def check(query: Query, lang: str) -> None:
    """Refuse a query that makes no sense; raises `invalid` and `unknown-language`."""
    if lang not in LANGUAGES:
        raise NodeError("unknown-language", fields={"lang": "unknown-language"})
    faults = {}
    if not 1 <= query.limit <= MAX_LIMIT:
        faults["limit"] = "out-of-range"
    if not 0 <= query.offset <= MAX_OFFSET:
        faults["offset"] = "out-of-range"
    for name in ("country", "area", "role", "level", "region", "competence", "understands"):
        value = getattr(query, name)
        if value is not None and not (value.isascii() or (name == "competence" and value.isprintable())):
            faults[name] = "malformed"
    if faults:
        raise NodeError("invalid", fields=faults)


def wanted_of(node: Node, query: Query) -> Wanted:
    """Return whom a query is about, without its words."""
    active = active_countries(node)
    countries = tuple(sorted(active & ({query.country} if query.country else active)))
    return Wanted(node.directory_day(), countries, tuple(_filters(query)))


def _filters(query: Query) -> Iterable[tuple[str, ...]]:
    if query.country:
        yield (marks.of_country(query.country),)
    if query.area:
        yield (marks.of_area(query.area, query.role),)
    elif query.role:
        yield (marks.of_role(query.role),)
    if query.level:
        yield (marks.of_level(query.level),)
    if query.region:
        around = (marks.of_whole(code) for code in marks.around(query.region.upper()))
        yield (marks.of_inside(query.region), *around)
    if query.competence:
        yield (marks.of_competence(query.competence),)
    if query.understands:
        yield (marks.of_language(query.understands),)


_Ranked = tuple[str, tuple[Field, ...]]


def ranked(q: Read, words: Sequence[Word], wanted: Wanted) -> tuple[list[_Ranked], bool]:
    """Return the ids of what fits all the words, best first, and whether there may be more.

    Each question to the index is bounded. The bounded part holds national authorities first; where it is full,
    those come in too that rank before them all.
    """
    if not words or not wanted.countries:
        return [], False
    candidates, filters = _Candidates(q, words, wanted), wanted.filters
    capped = candidates.take_best(words, BEGUN)
    rare = [word for word in words if not word.many]
    if 0 < len(rare) < len(words):
        capped |= candidates.take(expression(rare, BEGUN, filters))
    if len(candidates.found) < _ENOUGH and any(word.mistyped for word in words):
        capped |= candidates.take_best(words, MISTYPED)
    return candidates.in_order(), capped


def _best(words: Sequence[Word], quality: Quality, filters: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield what finds those that rank first: by name, in the place itself or its smallest region, by all reasons."""
    if quality > MISTYPED:
        yield naming(words, filters)
        yield expression(words, WHOLE, filters)
    if any(word.regions for word in words):
        yield expression([replace(word, regions=_smallest(word)) for word in words], quality, filters)
        yield expression([replace(word, regions={}) for word in words], quality, filters)
    if marked := [[one for one, how in word.marks.items() if how >= quality] for word in words if word.marks]:
        yield expression([replace(word, marks={}) for word in words], quality, [*filters, *marked])


def _smallest(word: Word) -> dict[str, int]:
    """Return the smallest regions of a place."""
    most = max(word.regions.values(), default=0)
    return {mark: points for mark, points in word.regions.items() if points == most}


class _Candidates:
    """What was found so far of one query."""

    def __init__(self, q: Read, words: Sequence[Word], wanted: Wanted) -> None:
        self._q = q
        self._matcher = Matcher(words)
        self._wanted = wanted
        self._seen: set[int] = set()
        self.found: list[tuple[tuple[int, int], str, str, Match]] = []

    def take_best(self, words: Sequence[Word], quality: Quality) -> bool:
        """Take a part of those that have all the words; where there are more, those too that rank before them."""
        everything = expression(words, quality, self._wanted.filters)
        full = self.take(everything)
        if full:
            for best in dict.fromkeys(_best(words, quality, self._wanted.filters)):
                if best != everything:
                    self.take(best, _MORE)
        return full

    def take(self, expression: str, most: int = _CANDIDATES) -> bool:
        """Take a bounded part of what an expression finds; returns whether it was full."""
        if not expression:
            return False
        rows = authority_index.matching(self._q, expression, self._wanted, most)
        for number, one, sort, standing, *texts in rows:
            if number not in self._seen:
                self._seen.add(number)
                if (fits := self._matcher.match(of_columns(texts, standing))) is not None:
                    self.found.append((fits.order, sort, one, fits))
        return len(rows) == most

    def in_order(self) -> list[_Ranked]:
        """Return all, best first."""
        return [(one, fits.why) for _, _, one, fits in sorted(self.found)]


def _in_order(q: Read, wanted: Wanted, query: Query) -> tuple[list[_Ranked], int]:
    if not wanted.countries:
        return [], 0
    marked = expression((), WHOLE, wanted.filters)
    why: tuple[Field, ...] = ("competence",) if query.competence else ()
    ids = authority_index.in_order(q, marked, wanted, (query.limit, query.offset))
    return [(one, why) for one in ids], authority_index.count(q, marked, wanted)


def record_of(q: Read, authority_id: str) -> Authority:
    """Return the record of an authority that was found."""
    line = authorities.record_of(q, authority_id)
    assert line is not None
    return Authority.model_validate_json(line)
