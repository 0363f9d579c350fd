"""The answers of a case as they stand: those of the whole reply, until then those sent part by part (SPEC S-262)."""

from collections.abc import Iterable

from node.domain.case import Case
from node.service import contents
from node.service.contents import Stored
from node.service.judge import area_of
from node.service.node import Node
from protocol.content import Reply, ReplyMatter, ReplyPerson, SendMatter
from protocol.request import REPLY_PART
from translations.area import Area


def standing(area: Area | None, asked: SendMatter, events: Iterable[Stored]) -> dict[str, Reply]:
    """Return the answers by item; `events` are those that count, in their order.

    A reply says everything anew, unless it is a clarification in words. A part replaces what was said about the same
    questions before.
    """
    answers: dict[str, Reply] = {}
    for stored in events:
        if isinstance(stored.matter, ReplyMatter):
            about = stored.person.answers if isinstance(stored.person, ReplyPerson) else {}
            given = {**stored.matter.answers, **about}
            if stored.kind == REPLY_PART and area is not None:
                of = area.question_sets[asked.set].question_of
                again = {of.get(item) for item in given}
                given = {item: one for item, one in answers.items() if of.get(item) not in again} | given
            answers = given or answers
    return answers


def so_far(node: Node, case: Case) -> dict[str, Reply]:
    """Return the answers sent part by part to what a case still asks; none once the whole reply was sent."""
    if case.state != "accepted":
        return {}
    events = contents.of_case(node, case.id)
    asked = contents.asked(events)
    area = area_of(node.areas, asked)
    if area is None:
        return {}
    of, open_questions = area.question_sets[asked.set].question_of, {one.item for one in asked.questions}
    found = standing(area, asked, [stored for stored in events if stored.status != "refused"])
    return {item: one for item, one in found.items() if of.get(item) in open_questions}
