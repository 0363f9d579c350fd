"""Passing a case on to another authority of the replying country, which answers from then on."""

from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError, from_protocol
from node.service import cases, competence
from node.service.issue import issue
from node.service.node import Node
from node.store import authorities
from protocol.content import MATTER, PERSON, ForwardMatter, PartyName, Said, WordPerson
from protocol.content import Actor as ActorName
from protocol.problems import ProtocolError
from protocol.request import FORWARD


async def forward(node: Node, actor: Actor, case_id: str, to: str, reason: Said) -> Case:
    """Pass a case on, before or after its acceptance; who did so keeps a line of the work list, and nothing else.

    Raises `unknown-authority` or `not-competent`, and `invalid` for the authority that has the case already. A wish to
    withdraw that waits is granted, since nobody has accepted the case now (SPEC S-076).
    """
    case = cases.case_to_act(node, actor, case_id, FORWARD)
    name = name_of(node, case, to)
    who = ActorName(authority=case.own_authority, name=actor.name)
    matter = ForwardMatter(actor=who, to=PartyName(authority=to, name=name))
    after = await issue(node, actor, case, FORWARD, {MATTER: matter, PERSON: WordPerson(comment=reason)})
    await cases.grant_withdrawal(node, case_id)
    return after


def name_of(node: Node, case: Case, to: str) -> str:
    """Return the official name of an authority that may get the case."""
    if to == case.own_authority:
        raise NodeError("invalid", "This authority has the case already.", fields={"to": "own-authority"})
    day = node.directory_day()
    try:
        node.store.read_now(lambda q: competence.check(q, node.country, to, case.area, day))
    except ProtocolError as error:
        raise from_protocol(error) from None
    area = node.areas.get(case.area)
    if area is not None and not node.store.read_now(lambda q: competence.may_by_record(q, area, to, "replying")):
        raise NodeError("invalid", "The area's rules don't let it answer.", fields={"to": "wrong-role"})
    return node.store.read_now(lambda q: authorities.name_of(q, to)) or to
