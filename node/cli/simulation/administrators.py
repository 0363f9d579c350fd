"""What data administrators do beside a case: record that its data are contested, and what is right instead."""

from collections.abc import Awaitable, Callable
from random import Random

from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service import corrections
from node.service.node import Node
from protocol.content import Said

Work = Callable[[Actor], Awaitable[Case]]


def correction(node: Node, actor: Actor, case: Case, word: Said, chance: Random) -> Work | None:
    """Return something to record beside what was said, which often isn't this side's; None where nothing is shown."""
    try:
        page = corrections.read(node, actor, case.id, "de")
    except NodeError:
        return None
    if not page.statements:
        return None
    event, ground = chance.choice(page.statements).event, chance.choice(corrections.GROUNDS)
    works: list[Work] = [
        lambda who: corrections.contest(node, who, case.id, event, ground, word),
        lambda who: corrections.correct(node, who, case.id, event, word),
    ]
    if waiting := [one for one in page.corrections if one.open]:
        one = chance.choice(waiting)
        works += [
            lambda who: corrections.correct(node, who, case.id, one.event, word, one.id),
            lambda who: corrections.settle(node, who, case.id, one.id, word),
            lambda who: corrections.withdraw(node, who, case.id, one.id, None),
        ]
    return chance.choice(works)
