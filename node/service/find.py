"""Finding an authority: words in any order, language and alphabet, and why each one was found."""

from collections.abc import Iterable, Sequence
from typing import Final

from directory_sync.authority import Authority, in_language
from directory_sync.folding import fold, query_tokens
from directory_sync.search import Field, Searchable, Tokens, fts_query, match
from node.domain.access import Actor
from node.domain.case_view import Text
from node.domain.directory_view import Found, Page, Query, Reason
from node.errors import NodeError
from node.service import counterparts
from node.service.labels import Labels
from node.service.node import Node
from node.store import authorities
from node.store.authorities import Wanted
from node.store.tx import Read
from translations.languages import LANGUAGES, country_name

MAX_LIMIT: Final = 100
"""Authorities on one page."""
MAX_OFFSET: Final = 100_000
_CANDIDATES: Final = 1000
"""Hits that are ordered; a search that has more asks for another word, since ordering all would cost too much."""

_Hit = tuple[str, tuple[Field, ...]]
_CODES: Final[dict[Field, str]] = {
    "name": "name",
    "title": "title",
    "place": "place",
    "competence": "keyword",
    "area": "area",
}
"""Fields → the texts `why.*`."""


async def search(node: Node, actor: Actor, query: Query, lang: str | None = None) -> Page[Found]:
    """Return one page of the active authorities of all active countries that fit, best first.

    Texts are in `lang`, the actor's language unless given. Raises `forbidden`, `invalid`, `unknown-language`.
    """
    actor.require("directory.search")
    reader = lang or actor.language
    _check(query, reader)
    countries = tuple(sorted(active_countries(node) & ({query.country} if query.country else active_countries(node))))
    wanted = Wanted(node.clock.now().date(), countries, query.area, query.role)
    tokens = query_tokens(query.q)

    def work(q: Read) -> tuple[list[tuple[Authority, tuple[Field, ...]]], int]:
        hits, total = _by_words(q, tokens, wanted, query) if query.q.strip() else _in_order(q, wanted, query)
        return [(_record(q, one), why) for one, why in hits], total

    hits, total = await node.store.read(work)
    describe = _Describer(node, reader, tokens)
    items = tuple(describe.found(one, why) for one, why in hits)
    return Page(items, total, query.offset, query.limit, capped=bool(tokens) and total >= _CANDIDATES)


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
    day = node.clock.now().date()
    if country not in active_countries(node) or not authority_id.isascii():
        return False
    return node.store.read_now(lambda q: authorities.is_active(q, country, authority_id, day))


def active_countries(node: Node) -> frozenset[str]:
    """Return the countries whose authorities are shown: our own, and the active members."""
    return (node.members.active_countries() if node.members else frozenset()) | {node.country}


def _check(query: Query, lang: str) -> None:
    if lang not in LANGUAGES:
        raise NodeError("unknown-language", fields={"lang": "unknown-language"})
    faults = {}
    if not 1 <= query.limit <= MAX_LIMIT:
        faults["limit"] = "out-of-range"
    if not 0 <= query.offset <= MAX_OFFSET:
        faults["offset"] = "out-of-range"
    named = {"country": query.country, "area": query.area, "role": query.role}
    faults |= {name: "malformed" for name, value in named.items() if value is not None and not value.isascii()}
    if faults:
        raise NodeError("invalid", fields=faults)


def _by_words(q: Read, tokens: Tokens, wanted: Wanted, query: Query) -> tuple[list[_Hit], int]:
    expression = fts_query(tokens)
    if not expression or not wanted.countries:
        return [], 0
    ranked = []
    for row in authorities.matching(q, expression, wanted, _CANDIDATES):
        text = Searchable(row["name"], row["title"], row["place"], row["competence"], row["area"])
        if fits := match(text, tokens):
            ranked.append((-fits.score, row["sort"], row["id"], fits.why))
    ranked.sort()
    part = ranked[query.offset : query.offset + query.limit]
    return [(found, why) for _, _, found, why in part], len(ranked)


def _in_order(q: Read, wanted: Wanted, query: Query) -> tuple[list[_Hit], int]:
    if not wanted.countries:
        return [], 0
    ids = authorities.in_order(q, wanted, query.limit, query.offset)
    return [(one, ()) for one in ids], authorities.count(q, wanted)


def _record(q: Read, authority_id: str) -> Authority:
    line = authorities.record_of(q, authority_id)
    assert line is not None
    return Authority.model_validate_json(line)


class _Describer:
    """Turns authorities into what a reader of one language sees."""

    def __init__(self, node: Node, lang: str, tokens: Tokens) -> None:
        self._node = node
        self._lang = lang
        self._tokens = tokens
        self._labels = Labels(node.areas)
        self._unmet = counterparts.unmet(node, active_countries(node))

    def found(self, one: Authority, why: Sequence[Field]) -> Found:
        title = in_language(one.titles, self._lang)
        return Found(
            authority=one.id,
            country=one.country,
            country_name=country_name(one.country, self._lang),
            name=one.name,
            name_lang=one.name_lang,
            title=Text(text=title[0], lang=title[1]) if title else None,
            place=one.place,
            areas=tuple(self._label(role.area) for role in one.areas),
            why=tuple(self._reason(one, field) for field in why),
            askable=one.country != self._node.country and one.country not in self._unmet,
        )

    def _label(self, code: str) -> Text:
        found = self._labels.text(code, self._lang)
        return Text(text=found.text, lang=found.lang) if found else Text(text=code, lang="en")

    def _reason(self, one: Authority, field: Field) -> Reason:
        code = _CODES[field]
        said = self._node.texts.text(f"why.{code}", self._lang, match=self._matched(one, field))
        return Reason(code=code, text=said.text, lang=said.lang)

    def _matched(self, one: Authority, field: Field) -> str:
        if field == "name":
            return one.name
        if field == "title":
            ordered = sorted(one.titles.items(), key=lambda title: title[0] != self._lang)
            return next((text for _, text in ordered if self._hits([text])), one.name)
        if field == "place":
            return one.place
        codes = one.competences if field == "competence" else [role.area for role in one.areas]
        return ", ".join(self._label(code).text for code in codes if self._hits(self._labels.names(code)))

    def _hits(self, texts: Iterable[str]) -> bool:
        words = Searchable(" ".join(fold(text) for text in texts), "", "", "", "")
        return any(match(words, [token]) for token in self._tokens)
