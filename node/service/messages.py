"""Messages beside the procedure: what either side writes to the other while a case is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service import cases, drafts
from node.service.issue import issue
from node.service.node import Node
from protocol.content import MATTER, PERSON, AttachmentRef, Confidential, MessagePerson, Said, WrittenMatter
from protocol.content import Actor as ActorName
from protocol.limits import MAX_ATTACHMENTS
from protocol.message import MESSAGE

_ATTEMPTS: Final = 5


@dataclass(frozen=True)
class NewFile:
    """A file to be sent, in the clear."""

    name: str
    media_type: str
    data: bytes


async def send(
    node: Node,
    actor: Actor,
    case_id: str,
    text: Said | None,
    files: Sequence[NewFile] = (),
    *,
    confidential: bool = False,
) -> Case:
    """Write to the other side of an open case; raises `invalid`, `too-large`, `unsupported-media`, `case-full`."""
    cases.case_to_act(node, actor, case_id, MESSAGE)
    if text is None and not files:
        raise NodeError("invalid", "The message is empty.", fields={"comment": "missing"})
    if len(files) > MAX_ATTACHMENTS:
        raise NodeError("too-large", f"A message has at most {MAX_ATTACHMENTS} attachments.")
    for file in files:
        drafts.check_file(file.media_type, file.data)
    stored: list[AttachmentRef] = []
    try:
        for file in files:  # one by one, so that those before one that fails are known
            stored += [await drafts.store_file(node, case_id, file.name, file.media_type, file.data)]
        said = MessagePerson(comment=text, attachments=tuple(stored))
        return await _issue(node, actor, case_id, said, confidential or None)
    except NodeError:  # no event names the files, so nobody would ever delete them
        await drafts.drop_files(node, stored)
        raise


async def _issue(node: Node, actor: Actor, case_id: str, said: MessagePerson, confidential: Confidential) -> Case:
    for _ in range(_ATTEMPTS):  # what else happens in the case is no reason to write again: it fits any open state
        try:
            case = cases.case_to_act(node, actor, case_id, MESSAGE)
            who = ActorName(authority=case.own_authority, name=actor.name)
            matter = WrittenMatter(actor=who, confidential=confidential)
            return await issue(node, actor, case, MESSAGE, {MATTER: matter, PERSON: said})
        except NodeError as error:
            if error.code != "stale":
                raise
    raise NodeError("stale")
