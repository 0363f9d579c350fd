"""Referring an unsatisfactory reply: the asking side's coordinator decides, then the replying side's (SPEC S-265).

Whom a country's directory names as the request coordinator of an authority in an area may get a case, and nobody else.
"""

from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service import cases, competence
from node.service.deciding import wrote
from node.service.issue import issue
from node.service.node import Node
from node.store import authorities
from protocol.content import MATTER, PERSON, ActMatter, Content, PartyName, ReferMatter, Said, WordPerson
from protocol.content import Actor as ActorName
from protocol.request import ESCALATE, REFER, RETURN, UPHOLD


async def refer(node: Node, actor: Actor, case_id: str, reason: Said) -> Case:
    """Refer a reply to the own country's coordinator; raises `no-coordinator` where there is none, on either side."""
    case = cases.case_to_act(node, actor, case_id, REFER)
    coordinator_of(node, case, case.counterpart, case.their_authority)  # else the referral could go no further
    to = coordinator_of(node, case, node.country, case.own_authority)
    matter = ReferMatter(actor=_who(node, actor, case, REFER), to=to)
    return await issue(node, actor, case, REFER, {MATTER: matter, PERSON: WordPerson(comment=reason)})


async def escalate(node: Node, actor: Actor, case_id: str, comment: Said | None = None) -> Case:
    """Agree, as the asking side's coordinator, with who finds the reply insufficient: the other side's decides now."""
    case = cases.case_to_act(node, actor, case_id, ESCALATE)
    to = coordinator_of(node, case, case.counterpart, case.their_authority)
    return await _decide(
        node, actor, case, ESCALATE, ReferMatter(actor=_who(node, actor, case, ESCALATE), to=to), comment
    )


async def uphold(node: Node, actor: Actor, case_id: str, comment: Said | None = None) -> Case:
    """Hold the reply sufficient, as the replying side's coordinator: the asking side can accept it and close.

    Raises `own-reply` for who wrote or approved it.
    """
    case = cases.case_to_act(node, actor, case_id, UPHOLD)
    if wrote(node, actor, case):
        raise NodeError("own-reply")  # SPEC S-287
    return await _decide(node, actor, case, UPHOLD, ActMatter(actor=_who(node, actor, case, UPHOLD)), comment)


async def send_back(node: Node, actor: Actor, case_id: str, missing: Said) -> Case:
    """Ask the own authority for an addition, as the replying side's coordinator; `missing` says what for."""
    case = cases.case_to_act(node, actor, case_id, RETURN)
    return await _decide(node, actor, case, RETURN, ActMatter(actor=_who(node, actor, case, RETURN)), missing)


async def _decide(node: Node, actor: Actor, case: Case, kind: str, matter: ActMatter, word: Said | None) -> Case:
    contents: dict[str, Content] = {MATTER: matter}
    if word is not None:
        contents[PERSON] = WordPerson(comment=word)
    return await issue(node, actor, case, kind, contents)


def _who(node: Node, actor: Actor, case: Case, kind: str) -> ActorName:
    return ActorName(authority=cases.acting_for(node, actor, case, kind) or case.own_authority, name=actor.name)


def coordinator_of(node: Node, case: Case, country: str, authority: str) -> PartyName:
    """Return the coordinator to whom a country's directory leads from an authority of the case, in the case's area."""
    day = node.directory_day()
    found = node.store.read_now(lambda q: competence.coordinators(q, country, authority, case.area, day))
    if not found:
        raise NodeError("no-coordinator", f"{country}: the directory names no request coordinator of {authority}.")
    name = node.store.read_now(lambda q: authorities.name_of(q, found[0]))
    return PartyName(authority=found[0], name=name or found[0])
