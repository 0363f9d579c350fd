"""For those who don't know whom to ask: from country, area, profession and place to an authority or a coordinator."""

from functools import partial
from typing import Final

from directory_sync.search import WHOLE, Field, expression
from node.domain.access import Actor
from node.domain.directory_view import Matter, Proposal, Query
from node.service import find, meanings
from node.service.asked import words_of
from node.service.describe import Describer
from node.service.labels import Labels
from node.service.node import Node
from node.store import authority_index
from node.store.authority_index import Wanted
from node.store.tx import Read
from translations.catalogue import Text

_PROPOSED: Final = 5
_COORDINATORS: Final = 3
_LISTED: Final = ("profession", "activity")
"""Kinds of competences that are offered."""

_Proposed = list[tuple[str, tuple[Field, ...]]]


async def propose(node: Node, actor: Actor, matter: Matter, lang: str | None = None) -> Proposal:
    """Return whom to ask about a matter; raises as `find.search` does.

    Without an authority for the place, those for a larger territory are proposed; a coordinator always is, if the
    country has one: for the area, else for any.
    """
    actor.require("directory.search")
    reader = lang or actor.language
    query = Query(matter.place, matter.country, matter.area, "authority", competence=matter.competence)
    find.check(query, reader)
    await meanings.ensure(node)
    describers = (Describer(node, reader), Describer(node, reader))
    return await node.store.read(partial(_proposal, node, query, describers))


def competences(node: Node, lang: str) -> tuple[tuple[str, Text], ...]:
    """Return the professions and activities that may be chosen, with their names, in the order of these."""
    labels = Labels(node.areas)
    codes = [code for code in labels.codes() if code.partition(":")[0] in _LISTED]
    named = [(code, found) for code in codes if (found := labels.text(code, lang)) is not None]
    return tuple(sorted(named, key=lambda item: item[1].text.casefold()))


def _proposal(node: Node, query: Query, describers: tuple[Describer, Describer], q: Read) -> Proposal:
    words = words_of(q, query.q, what_is_known=True)
    wanted = find.wanted_of(node, query)
    placed = find.ranked(q, words, wanted)[0] if words else []
    plain: tuple[Field, ...] = ("competence",) if query.competence else ()
    proposed = placed[:_PROPOSED] or _national(q, wanted, plain, _PROPOSED)
    describe, describe_coordinators = describers
    describe.asked(words, wanted.filters)
    coordinating = Query(country=query.country, area=query.area, role="coordinator")
    coordinators = _coordinators(node, q, coordinating)
    return Proposal(
        authorities=describe.each(q, proposed),
        coordinators=describe_coordinators.each(q, coordinators),
        wider=bool(words) and not placed,
    )


def _coordinators(node: Node, q: Read, query: Query) -> _Proposed:
    for one in (query, Query(country=query.country, role=query.role)):
        if found := _national(q, find.wanted_of(node, one), (), _COORDINATORS):
            return found
    return []


def _national(q: Read, wanted: Wanted, why: tuple[Field, ...], most: int) -> _Proposed:
    """Return those that pass the filters: national ones first, as the index has them."""
    if not wanted.countries:
        return []
    rows = authority_index.matching(q, expression((), WHOLE, wanted.filters), wanted, most)
    return [(row["id"], why) for row in rows]
