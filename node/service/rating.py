"""Rating a reply once its case is closed: voluntary, by who asked, once (SPEC S-264)."""

from node.domain.access import Actor
from node.domain.case import Case
from node.service import cases
from node.service.issue import issue
from node.service.node import Node
from protocol.content import MATTER, Rate, RatingMatter
from protocol.content import Actor as ActorName
from protocol.message import RATING


async def rate(node: Node, actor: Actor, case_id: str, timeliness: Rate, efforts: Rate) -> Case:
    """Say of a closed request how timely the reply was and how much effort was made: each -1, 0 or 1.

    Raises `wrong-state` where the case isn't closed or is rated already, `not-owner` on the replying side.
    """
    case = cases.case_to_act(node, actor, case_id, RATING)
    who = ActorName(authority=case.own_authority, name=actor.name)
    matter = RatingMatter(actor=who, timeliness=timeliness, efforts=efforts)
    return await issue(node, actor, case, RATING, {MATTER: matter})
