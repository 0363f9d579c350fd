"""What a linked observer sees: a summary of the cases of the authorities that name it in their record.

Need-to-know (Regulation (EU) No 1024/2012, Article 9(4) and (6)): only the actors that take part in a case see the
personal data in it, so an observer gets number, area, countries, state and dates, and no way into the case.
"""

from dataclasses import dataclass

from node.clock import unstamp
from node.domain.access import ALL_AREAS, Actor, Reach
from node.domain.case_view import CaseOutline
from node.service.case_list import MAX_AT_ONCE
from node.service.case_texts import CaseTexts
from node.service.find import names
from node.service.list_place import place_from, place_text
from node.service.node import Node
from node.store import authorities, case_lists, cases
from node.store.case_lists import Wanted
from node.store.events import GIVEN_UP
from node.store.tx import Row


@dataclass(frozen=True)
class Outlines:
    """Part of the summary; `next` is where the following part begins, None at the end."""

    items: tuple[CaseOutline, ...]
    next: str | None


def observes(node: Node, actor: Actor) -> bool:
    """Say whether an authority of the actor observes others."""
    return bool(_reach(node, actor))


def _reach(node: Node, actor: Actor) -> Reach:
    """Return the observed authorities, each with the area in which the actor's role counts at the observer."""
    by: dict[str, set[str]] = {}
    for observer, area in actor.reach("cases.observe"):
        by.setdefault(observer, set()).add(area)
    links = node.store.read_now(lambda q: authorities.observed(q, by))
    found = {(authority, area) for observer, authority in links for area in by[observer]}
    return tuple(sorted(pair for pair in found if pair[1] == ALL_AREAS or (pair[0], ALL_AREAS) not in found))


async def list_observed(node: Node, actor: Actor, lang: str, *, limit: int = 50, after: str = "") -> Outlines:
    """Return the cases of the authorities that the actor's observe, the latest change first, behind a place."""
    actor.require("cases.observe")
    reach, place = _reach(node, actor), place_from(after)
    part = await node.store.read(lambda q: case_lists.listing(q, Wanted(reach), min(limit, MAX_AT_ONCE), place))
    called = names(node, {authority for authority, _ in reach})
    texts = CaseTexts(node, lang)
    return Outlines(tuple(_outline(texts, row, called) for row in part.rows), place_text(part.next))


def _outline(texts: CaseTexts, row: Row, called: dict[str, str]) -> CaseOutline:
    case = cases.from_row(row)
    return CaseOutline(
        number=case.number,
        role=case.role,
        state=case.state,
        state_text=texts.interface("state.given-up" if row["void"] == GIVEN_UP else f"state.{case.state}"),
        authority=case.own_authority,
        authority_name=called.get(case.own_authority, case.own_authority),
        country=case.counterpart,
        country_name=texts.country(case.counterpart),
        area=texts.area_title(case.area),
        due=case.due,
        sent_at=unstamp(row["created_at"]),
        updated_at=unstamp(row["updated_at"]),
        closed_at=unstamp(row["closed_at"]) if row["closed_at"] else None,
    )
