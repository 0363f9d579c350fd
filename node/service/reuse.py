"""A new draft from a request that was sent before."""

from dataclasses import dataclass
from typing import Final, Literal

from node.domain.access import Actor
from node.domain.case import Case
from node.domain.draft import Draft, RequestDraft
from node.errors import NodeError
from node.service import attachments, contents, drafts, find
from node.service.cases import case_for
from node.service.contents import Stored
from node.service.node import Node
from protocol.content import AttachmentRef, SendMatter, SendPerson

Step = Literal["authority", "set", "questions", "details", "check"]
"""Where a request is mended: whom to ask, about what, which questions, with what, or nothing to be mended."""

_MEND: Final[dict[str, Step]] = {
    "unknown-authority": "authority",
    "unknown-area": "set",
    "unknown-question": "questions",
    "content-incomplete": "details",
    "content-malformed": "details",
    "wrong-answer-type": "details",
    "event-too-large": "details",
}
"""Final refusal of a request → the step that needs mending; all others aren't the official's to mend."""


@dataclass(frozen=True)
class Reused:
    """The new draft, and the step at which to go on."""

    draft: Draft
    mend: Step


async def draft_from(node: Node, actor: Actor, case_id: str) -> Reused:
    """Begin a request with what an earlier one of the actor's authority holds; raises `wrong-state` for others'.

    One that the other country finally refused never happened, so everything typed goes along. Of any other only
    authority, questions and what isn't about the person do: a person's data serve the case they were given for.
    """
    actor.require("cases.act")
    case = case_for(node, actor, case_id, "cases.act")
    if case.role != "asking":
        raise NodeError("wrong-state", "Only a request of one's own authority can be used again.")
    sent = next(stored for stored in contents.of_case(node, case_id) if isinstance(stored.matter, SendMatter))
    content = _content(node, case, sent)
    draft_id = await drafts.new_request(node)
    if case.state == "refused":
        files = await _copy_files(node, actor, case_id, draft_id, _person(sent).attachments)
        content = content.model_copy(update={"attachments": files})
    draft = await drafts.start_request(node, actor, content, draft_id)
    return Reused(draft, _mend(node, case, sent, content))


def _person(sent: Stored) -> SendPerson:
    return sent.person if isinstance(sent.person, SendPerson) else SendPerson()


def _content(node: Node, case: Case, sent: Stored) -> RequestDraft:
    matter = sent.matter
    assert isinstance(matter, SendMatter)
    area = node.areas.get(matter.area)
    known = area.question_sets.get(matter.set) if area else None
    asked = [question for question in matter.questions if known is None or question.item in known.questions]
    content = RequestDraft(
        authority=case.own_authority,
        country=case.counterpart,
        to=case.their_authority,
        area=matter.area if area else None,  # as soon as it can be: who may read the draft depends on it
        set=matter.set if known else None,
        questions=tuple(question.item for question in asked),
        variables=matter.variables,
        confidential=bool(matter.confidential),
    )
    if case.state != "refused":
        return content
    typed = {
        "comments": {question.item: question.comment for question in asked if question.comment is not None},
        "variables": {**matter.variables, **_person(sent).variables},
        "comment": _person(sent).comment,
        "due": matter.due if matter.due >= node.today() else None,
    }
    return content.model_copy(update=typed)


def _mend(node: Node, case: Case, sent: Stored, content: RequestDraft) -> Step:
    if not find.is_active(node, case.counterpart, case.their_authority):
        return "authority"
    if content.set is None:
        return "set"
    if not content.questions:
        return "questions"
    return "details" if sent.code is None else _MEND.get(sent.code, "check")


async def _copy_files(
    node: Node, actor: Actor, case_id: str, draft_id: str, refs: tuple[AttachmentRef, ...]
) -> tuple[AttachmentRef, ...]:
    """Encrypt a case's files anew for a draft: each case's files have keys of their own. All of them or none."""
    copied: list[AttachmentRef] = []
    try:
        for ref in refs:
            file = await attachments.read_attachment(node, actor, case_id, ref.sha256)
            copied.append(await drafts.store_file(node, draft_id, file.name, file.media_type, file.data))
    except NodeError:
        await drafts.drop(node, draft_id, copied)
        raise
    return tuple(copied)
