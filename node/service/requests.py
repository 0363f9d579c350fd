"""Asking: from a draft to a request on its way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from directory_sync.authority import Authority
from node.domain.access import Actor
from node.domain.case import Case
from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import competence, counterparts, drafts, freshness
from node.service.approval_rule import Place, require_approved
from node.service.cases import own_case
from node.service.issue import Opening, open_cases
from node.service.judge import plain
from node.service.node import Node
from node.store import authorities
from node.store import cases as stored_cases
from node.store.tx import Read
from protocol.content import MATTER, PERSON, Asked, Content, PartyName, SendMatter, SendPerson
from protocol.content import Actor as ActorName
from protocol.request import SEND
from translations.answer import check_request, needed_variables
from translations.area import Area
from translations.question_set import is_about_person

MAX_AT_ONCE: Final = 100
"""Requests that one call may send."""


async def send_draft(node: Node, actor: Actor, draft_id: str) -> Case:
    """Send a draft; it becomes the case of the same id. Raises `invalid` with what is missing, `approval-needed`."""
    draft = drafts.read(node, actor, draft_id)
    if draft.request is None:
        raise NodeError("invalid", "This is the draft of a reply.")
    content = only_needed(node, draft.request)
    known = _known(node, [content])
    _check_one(node, actor, content, known, None)
    place = Place(content.authority or "", content.area or "", "asking")
    require_approved(node, place, (draft.id, draft.version), SEND)
    _require_known_counterparts(node, [content])
    (number,) = await node.ahead.numbers(node.country, 1, node.all_asked)
    opening = _opening(node, actor, draft.id, content, number, known)
    keys = {draft.id: node.case_keys.find(draft.id)}
    return (await open_cases(node, actor, [replace(opening, draft=(draft.id, draft.version))], keys))[0]


async def send(node: Node, actor: Actor, content: RequestDraft) -> Case:
    """Send a request at once, without a draft (for national systems)."""
    return (await send_many(node, actor, [content]))[0]


async def send_many(node: Node, actor: Actor, contents: Sequence[RequestDraft]) -> list[Case]:
    """Send up to `MAX_AT_ONCE` requests, all of them or none, in one commit.

    Raises `invalid` for the first that isn't complete, its number before the fields (`3.due`).
    """
    actor.require("cases.act")
    if not 0 < len(contents) <= MAX_AT_ONCE:
        raise NodeError("invalid", f"Between 1 and {MAX_AT_ONCE} requests can be sent at once.")
    wanted = [only_needed(node, content) for content in contents]
    known = _known(node, wanted)
    for place, content in enumerate(wanted):
        _check_one(node, actor, content, known, place if len(wanted) > 1 else None)
    for authority, area in {(content.authority or "", content.area or "") for content in wanted}:
        require_approved(node, Place(authority, area, "asking"), None, SEND)
    _require_known_counterparts(node, wanted)
    numbers, keys = await node.ahead.both(node.country, len(wanted), node.all_asked)
    openings = [
        _opening(node, actor, case_id, content, number, known)
        for (case_id, _), content, number in zip(keys, wanted, numbers, strict=True)
    ]
    return await open_cases(node, actor, openings, dict(keys))


_Where = tuple[str, str]
"""Country and authority."""
Known = Mapping[_Where, Authority | None]
"""What the directories say of the authorities that some requests name; None where one may not be asked today."""


def _places(node: Node, content: RequestDraft) -> dict[str, _Where]:
    """Return where the two authorities of a request are looked up, by the field that names them."""
    return {
        "authority": (node.country, content.authority or ""),
        "to": (content.country or "", content.to or ""),
    }


def _known(node: Node, contents: Sequence[RequestDraft]) -> Known:
    """Look up every authority that some requests name, once."""
    today = node.directory_day()
    wanted = {place for content in contents for place in _places(node, content).values()}

    def look(q: Read, country: str, authority: str) -> Authority | None:
        record = authorities.listed(q, country, [authority]).get(authority)
        found = authorities.read(record) if record is not None else None
        return found if found and found.valid_on(today) else None

    return node.store.read_now(lambda q: {place: look(q, *place) for place in wanted})


def _check_one(node: Node, actor: Actor, content: RequestDraft, known: Known, place: int | None) -> None:
    faults = _faults(node, actor, content, known)
    if faults:
        named = faults if place is None else {f"{place}.{path}": code for path, code in faults.items()}
        raise NodeError("invalid", "The request isn't complete.", fields=named)


def check(node: Node, actor: Actor, content: RequestDraft) -> None:
    """Check that a request is complete; raises `invalid` naming every field at fault (path → code)."""
    actor.require("cases.act")
    _check_one(node, actor, content, _known(node, [content]), None)


def _faults(node: Node, actor: Actor, content: RequestDraft, known: Known) -> dict[str, str]:
    needed = ("authority", "country", "to", "area", "set", "questions", "due")
    faults = {name: "missing" for name in needed if not getattr(content, name)}
    if content.authority:
        actor.require("cases.act", content.authority, content.area or None)
    for name, place in _places(node, content).items():
        if getattr(content, name) and known[place] is None:
            faults[name] = "unknown-authority"
    if content.due and content.due < node.today():
        faults["due"] = "in-the-past"
    if content.country == node.country:
        faults["country"] = "own-country"
    area = node.areas.get(content.area or "")
    if content.area and area is None:
        faults["area"] = "unknown-area"
    elif area and content.set and content.set not in area.question_sets:
        faults["set"] = "unknown-question-set"
    if area and not faults.keys() & {"area", "set", "questions"}:
        faults |= {
            f"{p.of}.{p.item}": p.code
            for p in check_request(area, content.set, content.questions, plain(content.variables))
        }
    return _role_faults(node, content, known) | faults


def role_faults(node: Node, content: RequestDraft) -> dict[str, str]:
    """Return which of the two authorities the area's rules don't let ask or answer, by its role there."""
    return _role_faults(node, content, _known(node, [content]))


def _role_faults(node: Node, content: RequestDraft, known: Known) -> dict[str, str]:
    area = node.areas.get(content.area or "")
    if area is None:
        return {}
    places = _places(node, content)
    asking, replying = known[places["authority"]], known[places["to"]]
    found = {}
    if asking is not None and not competence.may(area, asking, "asking"):
        found["authority"] = "wrong-role"
    if replying is not None and not competence.may(area, replying, "replying"):
        found["to"] = "wrong-role"
    return found


def only_needed(node: Node, content: RequestDraft) -> RequestDraft:
    """Return a draft without variables and comments that no chosen question needs any more."""
    area = node.areas.get(content.area or "")
    known = area.question_sets.get(content.set or "") if area else None
    if known is None:
        return content
    needed = needed_variables(known, content.questions)
    variables = {name: value for name, value in content.variables.items() if name in needed}
    comments = {item: said for item, said in content.comments.items() if item in content.questions}
    if (len(variables), len(comments)) == (len(content.variables), len(content.comments)):
        return content
    return content.model_copy(update={"variables": variables, "comments": comments})


def _require_known_counterparts(node: Node, contents: Sequence[RequestDraft]) -> None:
    """Refuse a country never dealt with, once the member list has expired or its directory is too old.

    Raises `list-expired` (SPEC S-112) or `directory-old` (SPEC S-223).
    """
    countries = sorted({content.country or "" for content in contents})
    new = counterparts.unmet(node, countries)
    if new:
        raise NodeError("list-expired", f"The member list has expired; {', '.join(new)} would be a new counterpart.")
    aged = [country for country in countries if freshness.grade_of(node, country) == "known-only"]
    if aged and (new := node.store.read_now(lambda q: tuple(one for one in aged if not stored_cases.met(q, one)))):
        raise NodeError("directory-old", f"The directory of {', '.join(new)} is too old for a new counterpart.")


def sent_from(node: Node, actor: Actor, draft_id: str) -> Case:
    """Return the case that a draft became, so that a repeated post finds it; else `not-found`."""
    return own_case(node, actor, draft_id)


def _opening(node: Node, actor: Actor, case_id: str, content: RequestDraft, number: str, known: Known) -> Opening:
    area = node.areas[content.area or ""]
    question_set = area.question_sets[content.set or ""]
    own, other = (known[place] for place in _places(node, content).values())
    assert own is not None and other is not None and content.due is not None  # noqa: PT018 - checked before
    matter = SendMatter.model_construct(
        number=number,
        asking=PartyName(authority=own.id, name=own.name),
        replying=PartyName(authority=other.id, name=other.name),
        actor=ActorName(authority=own.id, name=actor.name),
        area=area.id,
        set=question_set.id,
        version=question_set.version,
        set_sha256=question_set.sha256,
        questions=tuple(Asked(item=item, comment=content.comments.get(item)) for item in content.questions),
        variables={k: v for k, v in content.variables.items() if not _personal(area, k)},
        due=content.due,
        confidential=content.confidential or None,
    )
    contents: dict[str, Content] = {MATTER: matter}
    personal = {k: v for k, v in content.variables.items() if _personal(area, k)}
    if personal or content.comment or content.attachments:
        contents[PERSON] = SendPerson(variables=personal, comment=content.comment, attachments=content.attachments)
    return Opening(content.country or "", case_id, contents)


def _personal(area: Area, variable: str) -> bool:
    """Say whether a variable is about the person; unknown ones are treated as if they were."""
    known = area.variables.get(variable)
    return known is None or is_about_person(known)
