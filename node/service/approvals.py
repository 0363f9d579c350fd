"""Approval by the coordinator before a request or a reply is sent: asked for, approved, or returned with a reason.

What is approved is one version of a draft, for one step. A draft that changes has to be approved again; one that is
returned stays as it is, with the reason. On approval it is sent in the name of who asked.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case import Case
from node.domain.draft import Content, Draft, ReplyDraft
from node.domain.person import text_fault
from node.errors import NodeError
from node.service import attachments, cases, drafts, requests, telling
from node.service.approval_rule import Place, Step, decides_for, is_needed, place_of
from node.service.list_place import next_of, place_from
from node.service.node import Node
from node.store import approvals, audit, people
from node.store import cases as stored_cases
from node.store.list_place import EARLIEST
from node.store.tx import Row, Tx
from protocol.request import REPLY, REPLY_PART, SEND

MAX_RETURN_CHARS: Final = 2000
"""Characters of the reason for which a request or a reply is returned."""

State = Literal["needed", "waiting", "approved", "returned"]


@dataclass(frozen=True)
class Waiting:
    """What waits, without its contents, which `read` gives; `number` and `due` are those of the case of a reply.

    `own`: the reader wrote in it or asked for it, so somebody else decides.
    """

    draft: str
    step: Step
    version: int
    authority: str
    area: str
    asked_at: datetime
    case: str
    number: str | None
    due: date | None
    own: bool


@dataclass(frozen=True)
class Standing:
    """How a draft stands: None where nobody has to approve it; `reason` is the coordinator's.

    `step` is what was asked for: the whole reply, or the answers so far.
    """

    state: State | None
    reason: str = ""
    step: Step | None = None


def standing(node: Node, actor: Actor, draft_id: str) -> Standing:
    """Return how a draft of the actor's authority stands."""
    return _standing(node, drafts.read(node, actor, draft_id))


def _place(node: Node, draft: Draft) -> Place | None:
    """Return what a draft is of; None for a request without an area yet, and a reply that nobody can send now."""
    if draft.request is not None:
        area = draft.request.area
        return Place(draft.authority, area, "asking") if area else None
    case = node.store.read_now(lambda q: stored_cases.find(q, draft.case))
    return place_of(case) if case is not None and REPLY in case.moves() else None


def _standing(node: Node, draft: Draft) -> Standing:
    place = _place(node, draft)
    if place is None or not is_needed(node, place):
        return Standing(None)
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft.id))
    if row is None or row["authority"] != place.authority:
        return Standing("needed")
    if row["state"] == "returned":
        return Standing("returned", _reason(node, draft, row), row["step"])
    if row["version"] != draft.version:
        return Standing("needed")
    return Standing("approved" if row["state"] == "approved" else "waiting", step=row["step"])


def _reason(node: Node, draft: Draft, row: Row) -> str:
    key = node.case_keys.find(draft.case)
    return node.case_keys.open(key, bytes(row["reason"]), f"approval {draft.id}").decode()


async def ask(node: Node, actor: Actor, draft_id: str, step: Step | None = None) -> None:
    """Ask the coordinator to approve a complete draft as it is now; `step` is by default the whole of it.

    Raises as the sending of it does, and `wrong-state` where nobody has to approve it.
    """
    draft = drafts.read(node, actor, draft_id)
    step = step or (SEND if draft.request is not None else REPLY)
    place = _check(node, actor, draft, step)
    if not is_needed(node, place):
        raise NodeError("wrong-state", "Nobody has to approve it: send it.")
    values = {"draft": draft.id, "step": step, "authority": place.authority, "area": place.area}
    about = _about(node, draft)

    def work(tx: Tx) -> None:
        approvals.ask(tx, {**values, "version": draft.version, "by": actor.id})
        audit.append(tx, actor.id, "approval.ask", draft.case, place.authority)
        waiting = approvals.waiting_draft(tx, draft.id)
        if waiting is None:
            raise NodeError("stale", "The draft was changed, sent or deleted meanwhile.")
        telling.tell_of_approval(tx, node, waiting, about)

    await node.store.write(work)
    node.post()


async def ask_with(node: Node, actor: Actor, case_id: str, reply: ReplyDraft) -> None:
    """Ask for approval of a reply in words, kept in the draft of the reply; what was answered there stays."""
    draft = await drafts.start_reply(node, actor, case_id)
    assert draft.reply is not None
    words = {"comment": reply.comment, "confidential": reply.confidential}
    await drafts.save(node, actor, draft.id, draft.reply.model_copy(update=words), draft.version)
    await ask(node, actor, draft.id, REPLY)


def _check(node: Node, actor: Actor, draft: Draft, step: Step) -> Place:
    """Check that a draft could be sent now, but for its approval."""
    if (draft.request is not None) != (step == SEND):
        raise NodeError("invalid", f"This is the draft of a {draft.kind}.", fields={"draft": "wrong-kind"})
    if draft.request is not None:
        content = requests.only_needed(node, draft.request)
        requests.check(node, actor, content)
        return Place(content.authority or "", content.area or "", "asking")
    return place_of(cases.check_reply(node, actor, draft.case, step, _reply(node, draft)))


def _about(node: Node, draft: Draft) -> tuple[str, date]:
    """Return the other country, and until when the reply is due."""
    if draft.request is not None and draft.request.country and draft.request.due:
        return draft.request.country, draft.request.due
    case = node.store.read_now(lambda q: stored_cases.find(q, draft.case))
    assert case is not None
    return case.counterpart, case.due


def _reply(node: Node, draft: Draft) -> ReplyDraft:
    assert draft.reply is not None
    return cases.only_counting(node, draft.case, draft.reply)


async def send_approved(node: Node, actor: Actor, draft_id: str) -> Case:
    """Send a draft as it was approved, where that wasn't possible at the approval; else `approval-needed`."""
    draft = drafts.read(node, actor, draft_id)
    standing = _standing(node, draft)
    if standing.state != "approved" or standing.step is None:
        raise NodeError("approval-needed")
    return await _send(node, actor, draft, standing.step)


async def send(node: Node, actor: Actor, draft_id: str, step: Step) -> Case:
    """Send the draft of a reply as far as its answers count; raises as `cases.reply` does."""
    return await _send(node, actor, drafts.read(node, actor, draft_id), step)


async def _send(node: Node, actor: Actor, draft: Draft, step: Step) -> Case:
    if step == SEND:
        return await requests.send_draft(node, actor, draft.id)
    send = cases.reply_part if step == REPLY_PART else cases.reply
    return await send(node, actor, draft.case, _reply(node, draft), (draft.id, draft.version))


# --- the coordinator's side ---


def list_waiting(node: Node, actor: Actor, limit: int, after: str = "") -> tuple[tuple[Waiting, ...], str | None]:
    """Return part of what waits for the actor's decision, the oldest first, and where it goes on."""
    actor.require("cases.decide")
    place = place_from(after, EARLIEST)
    places = [
        (authority, area)
        for authority, area in node.store.read_now(approvals.waiting_places)
        if decides_for(node, actor, authority, area)
    ]
    rows = node.store.read_now(lambda q: approvals.waiting(q, places, limit + 1, place))
    return tuple(_waiting(actor, row) for row in rows[:limit]), next_of(rows, limit, "asked_at", "draft")


def _waiting(actor: Actor, row: Row) -> Waiting:
    return Waiting(
        draft=row["draft"],
        step=row["step"],
        version=row["version"],
        authority=row["authority"],
        area=row["area"],
        asked_at=unstamp(row["asked_at"]),
        case=row["case_id"],
        number=row["number"],
        due=date.fromisoformat(row["due"]) if row["due"] else None,
        own=_is_own(actor, row),
    )


def _is_own(actor: Actor, row: Row) -> bool:
    return actor.id in approvals.authors(row)


def _to_decide(node: Node, actor: Actor, draft_id: str) -> Row:
    actor.require("cases.decide")
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft_id))
    if row is None or row["state"] != "waiting" or not decides_for(node, actor, row["authority"], row["area"]):
        raise NodeError("not-found")
    waiting = node.store.read_now(lambda q: approvals.waiting_draft(q, draft_id))
    if waiting is None:
        raise NodeError("stale", "It was changed, or its case has ended or was passed on, since approval was asked.")
    return waiting


def read(node: Node, actor: Actor, draft_id: str) -> tuple[Waiting, Content]:
    """Return what waits for the actor's decision, as it will be sent; anything else is `not-found`."""
    row = _to_decide(node, actor, draft_id)
    draft = drafts.held(node, draft_id)
    if draft.request is not None:
        return _waiting(actor, row), requests.only_needed(node, draft.request)
    return _waiting(actor, row), _reply(node, draft)


async def read_file(node: Node, actor: Actor, draft_id: str, sha256: str) -> attachments.OpenedFile:
    """Return a file of what waits for the actor's decision."""
    _, content = read(node, actor, draft_id)
    ref = next((one for one in content.attachments if one.sha256 == sha256), None)
    if ref is None:
        raise NodeError("not-found")
    return await attachments.open_file(node, ref)


async def approve(node: Node, actor: Actor, draft_id: str, version: int) -> Case:
    """Approve the version that was looked at, and send it in the name of who asked.

    Where it can't be sent any more, as the same checks say, nothing is approved. Where only the sending fails, or who
    asked has left, it stays approved, and its authority sends it.
    """
    row = _to_decide(node, actor, draft_id)
    if _is_own(actor, row):
        raise NodeError("own-approval")
    draft, step, sender = drafts.held(node, draft_id), row["step"], _sender(node, row)
    if sender is not None:
        _check(node, sender, draft, step)
    await _decide(node, actor, row, version, "approved", None)
    if sender is None:
        raise NodeError("wrong-state", "Who asked may not send it any more: somebody else of the authority does.")
    return await _send(node, sender, draft, step)


def _sender(node: Node, row: Row) -> Actor | None:
    """Return who asked, as long as he may send it."""
    person = node.store.read_now(lambda q: people.by_id(q, row["asked_by"]))
    if person is None or person.ended_at is not None:
        return None
    actor = person.actor()
    return actor if actor.may("cases.act", row["authority"], row["area"]) else None


async def give_back(node: Node, actor: Actor, draft_id: str, version: int, reason: str) -> None:
    """Return a request or a reply to its authority, with the reason; nothing of it is lost."""
    row = _to_decide(node, actor, draft_id)
    if fault := text_fault(" ".join(reason.split()), MAX_RETURN_CHARS):
        raise NodeError("invalid", fields={"reason": fault})
    key = node.case_keys.find(row["case_id"])
    sealed = node.case_keys.seal(key, reason.strip().encode(), f"approval {draft_id}")
    await _decide(node, actor, row, version, "returned", sealed)


async def _decide(
    node: Node, actor: Actor, row: Row, version: int, state: Literal["approved", "returned"], reason: bytes | None
) -> None:
    about = _about(node, drafts.held(node, row["draft"]))

    def work(tx: Tx) -> None:
        if not approvals.decide(tx, row["draft"], version, state, reason):
            raise NodeError("stale", "It was changed or decided meanwhile.")
        telling.tell_of_decision(tx, node, row, state, about)
        audit.append(tx, actor.id, f"approval.{state}", row["case_id"], row["step"])

    await node.store.write(work)
    node.post()
