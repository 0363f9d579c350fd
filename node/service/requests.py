"""Asking: from a draft to a request on its way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from node.clock import new_uuid
from node.domain.access import Actor
from node.domain.case import Case
from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import drafts
from node.service.cases import own_case
from node.service.issue import Opening, open_cases
from node.service.judge import request_problems
from node.service.node import Node
from node.store import authorities, cases
from protocol.content import MATTER, PERSON, Asked, Content, PartyName, SendMatter, SendPerson
from protocol.content import Actor as ActorName
from translations.answer import needed_variables
from translations.area import Area

MAX_AT_ONCE: Final = 100
"""Requests that one call may send."""


async def send_draft(node: Node, actor: Actor, draft_id: str) -> Case:
    """Send a draft; it becomes the case of the same id. Raises `invalid` with what is missing."""
    draft = drafts.read(node, actor, draft_id)
    if draft.request is None:
        raise NodeError("invalid", "This is the draft of a reply.")
    content = only_needed(node, draft.request)
    check(node, actor, content)
    (number,) = await node.store.write(lambda tx: cases.reserve_numbers(tx, node.country, 1))
    opening = _opening(node, actor, draft.id, content, number)
    return (await open_cases(node, actor, [replace(opening, draft_id=draft.id)]))[0]


async def send(node: Node, actor: Actor, content: RequestDraft) -> Case:
    """Send a request at once, without a draft (for national systems)."""
    return (await send_many(node, actor, [content]))[0]


async def send_many(node: Node, actor: Actor, contents: Sequence[RequestDraft]) -> list[Case]:
    """Send up to `MAX_AT_ONCE` requests, all of them or none: two commits for all together.

    Raises `invalid` for the first that isn't complete, its number before the fields (`3.due`).
    """
    actor.require("cases.act")
    if not 0 < len(contents) <= MAX_AT_ONCE:
        raise NodeError("invalid", f"Between 1 and {MAX_AT_ONCE} requests can be sent at once.")
    wanted = [only_needed(node, content) for content in contents]
    for place, content in enumerate(wanted):
        _check_one(node, actor, content, place, len(wanted))
    case_ids = [new_uuid(node.entropy) for _ in wanted]
    numbers, _ = await asyncio.gather(
        node.store.write(lambda tx: cases.reserve_numbers(tx, node.country, len(wanted))),
        node.case_keys.make(case_ids),
    )
    openings = [
        _opening(node, actor, case_id, content, number)
        for case_id, content, number in zip(case_ids, wanted, numbers, strict=True)
    ]
    return await open_cases(node, actor, openings)


def _check_one(node: Node, actor: Actor, content: RequestDraft, place: int, count: int) -> None:
    try:
        check(node, actor, content)
    except NodeError as error:
        if count == 1 or not error.fields:
            raise
        fields = {f"{place}.{path}": code for path, code in error.fields.items()}
        raise NodeError(error.code, error.message, error.hint, fields) from None


def check(node: Node, actor: Actor, content: RequestDraft) -> dict[str, str]:
    """Check that a request is complete; raises `invalid` naming every field at fault (path → code)."""
    actor.require("cases.act")
    faults = {
        name: "missing"
        for name in ("authority", "country", "to", "area", "set", "questions", "due")
        if not getattr(content, name)
    }
    if content.authority:
        actor.require_authority(content.authority)
    if content.due and content.due < node.clock.now().date():
        faults["due"] = "in-the-past"
    if content.country == node.country:
        faults["country"] = "own-country"
    area = node.areas.get(content.area or "")
    if content.area and area is None:
        faults["area"] = "unknown-area"
    elif area and content.set and content.set not in area.question_sets:
        faults["set"] = "unknown-question-set"
    if content.country and content.to and "country" not in faults:
        today = node.clock.now().date()
        known = node.store.read_now(lambda q: authorities.is_active(q, content.country or "", content.to or "", today))
        faults |= {} if known else {"to": "unknown-authority"}
    if area and not faults.keys() & {"area", "set", "questions"}:
        matter = _matter(node, content, area, actor, "")
        faults |= {
            f"{'variables' if 'variable' in p.code else 'questions'}.{p.item}": p.code
            for p in request_problems(area, matter, _person(content, area))
        }
    if faults:
        raise NodeError("invalid", "The request isn't complete.", fields=faults)
    return faults


def only_needed(node: Node, content: RequestDraft) -> RequestDraft:
    """Return a draft without variables and comments that no chosen question needs any more."""
    area = node.areas.get(content.area or "")
    known = area.question_sets.get(content.set or "") if area else None
    if known is None:
        return content
    needed = needed_variables(known, content.questions)
    variables = {name: value for name, value in content.variables.items() if name in needed}
    comments = {item: said for item, said in content.comments.items() if item in content.questions}
    return content.model_copy(update={"variables": variables, "comments": comments})


def sent_from(node: Node, actor: Actor, draft_id: str) -> Case:
    """Return the case that a draft became, so that a repeated post finds it; else `not-found`."""
    return own_case(node, actor, draft_id)


def _opening(node: Node, actor: Actor, case_id: str, content: RequestDraft, number: str) -> Opening:
    area = node.areas[content.area or ""]
    contents: dict[str, Content] = {MATTER: _matter(node, content, area, actor, number)}
    person = _person(content, area)
    if person != SendPerson():
        contents[PERSON] = person
    return Opening(content.country or "", case_id, contents)


def _matter(node: Node, content: RequestDraft, area: Area, actor: Actor, number: str) -> SendMatter:
    question_set = area.question_sets[content.set or ""]
    own, other = content.authority or "", content.to or ""
    names = node.store.read_now(lambda q: {i: authorities.name_of(q, i) for i in (own, other)})
    return SendMatter.model_construct(
        number=number,
        asking=PartyName(authority=own or "-", name=names[own] or own or "-"),
        replying=PartyName(authority=other or "-", name=names[other] or other or "-"),
        actor=ActorName(authority=own or "-", name=actor.name),
        area=area.id,
        set=question_set.id,
        version=question_set.version,
        set_sha256=question_set.sha256,
        questions=tuple(Asked(item=item, comment=content.comments.get(item)) for item in content.questions),
        variables={k: v for k, v in content.variables.items() if not _personal(area, k)},
        due=content.due or node.clock.now().date(),
    )


def _person(content: RequestDraft, area: Area) -> SendPerson:
    personal = {k: v for k, v in content.variables.items() if _personal(area, k)}
    return SendPerson(variables=personal, comment=content.comment, attachments=content.attachments)


def _personal(area: Area, variable: str) -> bool:
    """Say whether a variable is about the person; unknown ones are treated as if they were."""
    known = area.variables.get(variable)
    return known is None or known.personal
