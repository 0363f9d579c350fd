"""What a reader of one language sees of a found authority, and in which words it says why it is proposed."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from directory_sync import marks
from directory_sync.authority import Authority, in_language
from directory_sync.folding import Folding
from directory_sync.search import Field, Word
from node.domain.case_view import Text
from node.domain.directory_view import Found, Reason
from node.service import counterparts
from node.service.labels import Labels
from node.service.node import Node
from node.store import authorities, authority_index
from node.store.tx import Read
from translations.languages import country_name

_ANSWERS: Final = 15
"""Closed cases from which the typical time to answer is taken."""
_FEWEST_ANSWERS: Final = 3
_NAMED: Final = 3
"""Competences that a reason names."""


class Describer:
    """Turns authorities into what a reader of one language sees."""

    def __init__(self, node: Node, lang: str) -> None:
        """Take the reader's language; not in a read, since it reads itself where the member list has expired."""
        self._node = node
        self._lang = lang
        self._typed: tuple[str, ...] = ()
        self._fold = Folding()
        self._asked: set[str] = set()
        self._named: dict[str, Text] = {}
        self._levels: dict[str, Text] = {}
        self._labels = Labels(node.areas)
        members = node.members.active_countries() if node.members else frozenset[str]()
        self._unmet = counterparts.unmet(node, members)

    def asked(self, words: Sequence[Word], filters: Iterable[Sequence[str]]) -> None:
        """Take the words and filters by which authorities are found."""
        self._typed = tuple({form for word in words for form in (*word.forms, *word.mistyped)})
        self._asked = {one for word in words for one in word.marks} | {one for group in filters for one in group}

    def each(self, q: Read, found: Sequence[tuple[str, Sequence[Field]]]) -> tuple[Found, ...]:
        """Describe authorities (their ids) that were found, each by some fields."""
        ids = [one for one, _ in found]
        records, asked = authorities.present(q, ids), authority_index.asked_before(q, ids)
        return tuple(
            self._found(
                Authority.model_validate_json(records[one][0]),
                why,
                _typical(authority_index.answer_days(q, one, _ANSWERS)) if one in asked else None,
            )
            for one, why in found
        )

    def _found(self, one: Authority, why: Sequence[Field], answer_days: int | None) -> Found:
        title = in_language(one.titles, self._lang)
        return Found(
            authority=one.id,
            country=one.country,
            country_name=country_name(one.country, self._lang),
            name=one.name,
            name_lang=one.name_lang,
            title=Text(text=title[0], lang=title[1]) if title else None,
            place=one.place,
            region=one.region.name if one.region else None,
            level=one.level,
            level_name=self._level(one.level),
            areas=tuple(self._label(role.area) for role in one.areas),
            languages=one.languages,
            answer_days=answer_days,
            why=tuple(self._reasons(one, why)),
            askable=one.country != self._node.country and one.country not in self._unmet,
        )

    def _level(self, level: str) -> Text:
        if level not in self._levels:
            self._levels[level] = self._said(f"level.{level}")
        return self._levels[level]

    def _said(self, text_id: str, **values: str) -> Text:
        said = self._node.texts.text(text_id, self._lang, **values)
        return Text(text=said.text, lang=said.lang)

    def _label(self, code: str) -> Text:
        if code not in self._named:
            found = self._labels.text(code, self._lang)
            self._named[code] = Text(text=found.text, lang=found.lang) if found else Text(text=code, lang="en")
        return self._named[code]

    def _reasons(self, one: Authority, why: Iterable[Field]) -> Iterable[Reason]:
        given = set()
        for field in why:
            code = {"competence": "competent", "region": "place", "country": "place"}.get(field, field)
            if code in given or (code == "place" and "competent" in given):
                continue
            given.add(code)
            values = self._competent(one) if code == "competent" else {"match": self._matched(one, field)}
            said = self._said(f"why.{code}", **values)
            yield Reason(code=code, text=said.text, lang=said.lang)

    def _competent(self, one: Authority) -> dict[str, str]:
        """Return for what and where an authority is responsible, of what was asked for."""
        codes = [code for code in one.competences if marks.of_competence(code) in self._asked]
        return {"what": ", ".join(self._label(code).text for code in codes[:_NAMED]), "where": self._where(one)}

    def _where(self, one: Authority) -> str:
        if one.region is not None:
            return one.region.name
        return country_name(one.country, self._lang) if one.level == "national" else one.place

    def _matched(self, one: Authority, field: Field) -> str:
        if field == "name":
            return one.name
        if field == "title":
            ordered = sorted(one.titles.items(), key=lambda title: title[0] != self._lang)
            return next((text for _, text in ordered if self._hits(text)), one.name)
        if field == "place":
            return one.place
        if field in ("region", "country"):
            return self._where(one) if field == "region" else country_name(one.country, self._lang)
        codes = one.competences if field == "keyword" else [role.area for role in one.areas]
        return ", ".join(self._label(code).text for code in codes if field == "area" or self._hits(code))

    def _hits(self, text: str) -> bool:
        return any(word.startswith(self._typed) for word in self._fold(text).split())


def _typical(days: Sequence[float]) -> int | None:
    """Return the median in whole days, at least one; None where there are too few to say."""
    return max(1, round(statistics.median(days))) if len(days) >= _FEWEST_ANSWERS else None
