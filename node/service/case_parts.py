"""What a reader sees of the parts of a case, and of the case that a part came from."""

from node.domain.access import Actor
from node.domain.case import Case
from node.domain.case_view import CasePart
from node.service.case_texts import CaseTexts
from node.service.contents import Stored
from node.service.node import Node
from node.store import authorities, cases, refusals
from protocol.content import SplitMatter


def parts_of(node: Node, texts: CaseTexts, actor: Actor, case: Case, events: list[Stored]) -> tuple[CasePart, ...]:
    """Return the cases that questions of a case became; their contents are for their own authorities alone."""
    named = {stored.matter.part: stored.matter.to.name for stored in events if isinstance(stored.matter, SplitMatter)}
    return tuple(
        _part(node, texts, actor, case.counterpart, (part, f"{case.number}/{place}", named.get(part, "")))
        for place, part in enumerate(case.parts, 1)
    )


def part_of(node: Node, texts: CaseTexts, actor: Actor, case: Case) -> CasePart | None:
    """Return the case that a part came from; None for a case that is no part."""
    if not case.part_of:
        return None
    return _part(node, texts, actor, case.counterpart, (case.part_of, case.number.partition("/")[0], ""))


def _part(node: Node, texts: CaseTexts, actor: Actor, peer: str, named: tuple[str, str, str]) -> CasePart:
    case_id, number, name = named
    found = node.store.read_now(lambda q: cases.find(q, case_id))
    if found is None:
        refused = node.store.read_now(lambda q: refusals.has_case(q, peer, case_id))
        state = texts.interface("part.refused") if refused else None
        return CasePart(number=number, case=None, authority=name, state=state)
    if found.role == "asking":
        name = found.their_name
    else:
        name = node.store.read_now(lambda q: authorities.name_of(q, found.own_authority)) or found.own_authority
    return CasePart(
        number=number,
        case=case_id if actor.may("cases.read", found.own_authority, found.area) else None,
        authority=name,
        state=texts.interface(f"state.{found.state}"),
    )
