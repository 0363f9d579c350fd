"""Dividing a request inside the replying country: some questions go to another authority, as a case of their own.

The replying side names the part, the asking side's node opens it by itself: so what is asked is always signed by who
asks, and encrypted for who answers (SPEC S-229, S-230).
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import structlog

from node.clock import new_uuid
from node.domain.access import Actor, granted
from node.domain.case import Case
from node.errors import NodeError, from_protocol
from node.service import attachments, cases, contents, drafts, forwarding
from node.service.contents import Stored
from node.service.issue import Opening, issue, open_cases
from node.service.judge import area_of, judge_content
from node.service.node import Node
from node.store import blobs
from node.store import cases as stored_cases
from protocol.content import (
    MATTER,
    PERSON,
    AttachmentRef,
    Content,
    PartyName,
    Said,
    SendMatter,
    SendPerson,
    SplitMatter,
    WordPerson,
)
from protocol.content import Actor as ActorName
from protocol.problems import ProtocolError
from protocol.request import SPLIT
from translations.answer import needed_variables

log: Final = structlog.get_logger("entente.splitting")


async def split(node: Node, actor: Actor, case_id: str, to: str, items: Sequence[str], reason: Said) -> Case:
    """Let another authority of the country answer some of the questions; the others stay.

    Raises `unknown-authority` or `not-competent`, and `invalid` for the authority that has the case, and for questions
    that aren't of this case or are all of it.
    """
    case = cases.case_to_act(node, actor, case_id, SPLIT)
    name = forwarding.name_of(node, case, to)
    matter = SplitMatter.model_construct(
        actor=ActorName(authority=case.own_authority, name=actor.name),
        to=PartyName(authority=to, name=name),
        items=tuple(items),
        part=new_uuid(node.entropy),
    )
    parts: dict[str, Content] = {MATTER: matter, PERSON: WordPerson(comment=reason)}
    asked = contents.asked(contents.of_case(node, case_id))
    if not items:
        raise NodeError("invalid", "No question is named.", fields={"questions": "missing"})
    try:
        judge_content(node.areas, SPLIT, parts, lambda: asked)
    except ProtocolError as error:
        raise NodeError("invalid", error.detail, fields={"questions": error.code}) from None
    return await issue(node, actor, case, SPLIT, parts)


async def open_parts(node: Node, peer: str, case_ids: Collection[str] | None = None) -> None:
    """Open every part that a peer has named of our requests, or of some of them: those that a batch speaks of.

    All of them after a restart, for what a crash left, and where one couldn't be opened before.
    """
    if case_ids is not None and not case_ids:
        return
    async with node.part_turns.setdefault(peer, asyncio.Lock()):
        if case_ids is None:
            node.parts_waiting.discard(peer)
        for case_id, part in node.store.read_now(lambda q: stored_cases.unopened_parts(q, peer, case_ids)):
            try:
                await _open(node, case_id, part)
            except (NodeError, OSError) as error:  # of this part alone; the upkeep tries it again
                node.parts_waiting.add(peer)
                log.warning("part-not-opened", case=case_id, code=getattr(error, "code", "disk"))


async def open_waiting(node: Node) -> None:
    """Try again to open the parts that couldn't be opened; part of the upkeep (SPEC S-230)."""
    for peer in sorted(node.parts_waiting):
        await open_parts(node, peer)


async def _open(node: Node, case_id: str, part: str) -> None:
    case = node.store.read_now(lambda q: stored_cases.find(q, case_id))
    assert case is not None
    events = contents.of_case(node, case_id)
    sent = next(stored for stored in events if isinstance(stored.matter, SendMatter))
    named = next(s.matter for s in events if isinstance(s.matter, SplitMatter) and s.matter.part == part)
    actor = Actor(node.country, node.country, "en", granted(["handler"], [case.own_authority]))
    keys = await node.case_keys.make([part])
    person = _person(sent)
    try:
        files = await _copy_files(node, actor, case_id, part, person.attachments)
        opening = Opening(case.counterpart, part, _contents(node, case, sent, named, files))
        await open_cases(node, actor, [opening], keys)
    except ProtocolError as error:
        raise from_protocol(error) from None


def _person(sent: Stored) -> SendPerson:
    return sent.person if isinstance(sent.person, SendPerson) else SendPerson()


def _contents(
    node: Node, case: Case, sent: Stored, named: SplitMatter, files: tuple[AttachmentRef, ...]
) -> dict[str, Content]:
    """Return the request of a part: its questions, and of the values only those that they need."""
    whole, person = sent.matter, _person(sent)
    assert isinstance(whole, SendMatter)
    area = area_of(node.areas, whole)
    needed = needed_variables(area.question_sets[whole.set], named.items) if area else None
    matter = whole.model_copy(
        update={
            "number": f"{case.number}/{case.parts.index(named.part) + 1}",
            "part_of": case.id,
            "replying": named.to,
            "actor": ActorName(authority=case.own_authority),
            "questions": tuple(question for question in whole.questions if question.item in named.items),
            "variables": {k: v for k, v in whole.variables.items() if needed is None or k in needed},
            "due": case.due,
        }
    )
    variables = {k: v for k, v in person.variables.items() if needed is None or k in needed}
    about = person.model_copy(update={"variables": variables, "attachments": files})
    return {MATTER: matter} if about == SendPerson() else {MATTER: matter, PERSON: about}


async def _copy_files(
    node: Node, actor: Actor, case_id: str, part: str, refs: tuple[AttachmentRef, ...]
) -> tuple[AttachmentRef, ...]:
    """Encrypt the request's files anew for its part: each case's files have keys of their own."""
    await drafts.drop_blobs(node, sorted(node.store.read_now(lambda q: blobs.of_case(q, part))))  # what a crash left
    copied = []
    for ref in refs:
        file = await attachments.read_attachment(node, actor, case_id, ref.sha256)
        copied += [await drafts.store_file(node, part, file.name, file.media_type, file.data)]
    return tuple(copied)
