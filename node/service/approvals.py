"""Approval of requests by the coordinator before they are sent: asked for, approved, or returned with a reason.

What is approved is one version of a draft. A draft that changes has to be approved again; one that is returned stays
as it is, with the reason. On approval it is sent in the name of who asked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case import Case
from node.domain.draft import Draft, RequestDraft
from node.domain.person import text_fault
from node.errors import NodeError
from node.service import drafts, requests
from node.service.approval_rule import coordinators_of, is_needed
from node.service.node import Node
from node.store import approvals, audit, people
from node.store.tx import Row, Tx

MAX_APPROVALS: Final = 500
"""Requests that a coordinator's list of approvals shows, and that are looked through for it."""
MAX_RETURN_CHARS: Final = 2000
"""Characters of the reason for which a request is returned."""

State = Literal["needed", "waiting", "approved", "returned"]


@dataclass(frozen=True)
class Waiting:
    """A request that waits: without its contents, which `read` gives."""

    draft: str
    version: int
    authority: str
    area: str
    asked_at: datetime


@dataclass(frozen=True)
class Standing:
    """How a draft stands: None where nobody has to approve it; `reason` is the coordinator's."""

    state: State | None
    reason: str = ""


def standing(node: Node, actor: Actor, draft_id: str) -> Standing:
    """Return how a draft of the actor's authority stands."""
    return _standing(node, drafts.read(node, actor, draft_id))


def _standing(node: Node, draft: Draft) -> Standing:
    content = draft.request
    if content is None or not content.area or not is_needed(node, draft.authority, content.area):
        return Standing(None)
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft.id))
    if row is None:
        return Standing("needed")
    if row["state"] == "returned":
        return Standing("returned", _reason(node, row))
    if row["version"] != draft.version:
        return Standing("needed")
    return Standing("approved" if row["state"] == "approved" else "waiting")


def _reason(node: Node, row: Row) -> str:
    return node.case_keys.open(
        node.case_keys.find(row["draft"]), bytes(row["reason"]), f"approval {row['draft']}"
    ).decode()


async def ask(node: Node, actor: Actor, draft_id: str) -> None:
    """Ask the coordinator to approve a complete draft as it is now; raises as `requests.send_draft` does."""
    draft = drafts.read(node, actor, draft_id)
    content = _request(draft)
    requests.check(node, actor, requests.only_needed(node, content))
    authority, area = content.authority or "", content.area or ""
    if not is_needed(node, authority, area):
        raise NodeError("wrong-state", "Nobody has to approve this request: send it.")
    values = {"draft": draft.id, "authority": authority, "area": area, "version": draft.version, "by": actor.id}

    def work(tx: Tx) -> None:
        approvals.ask(tx, values)
        audit.append(tx, actor.id, "approval.ask", draft.id, authority)

    await node.store.write(work)


def list_waiting(node: Node, actor: Actor) -> tuple[Waiting, ...]:
    """Return what waits for the actor's decision, the oldest first; without contents."""
    actor.require("cases.decide")
    rows = node.store.read_now(lambda q: approvals.waiting(q, MAX_APPROVALS))
    return tuple(_waiting(row) for row in rows if _decides(node, actor, row))


def _waiting(row: Row) -> Waiting:
    return Waiting(row["draft"], row["version"], row["authority"], row["area"], unstamp(row["asked_at"]))


def _decides(node: Node, actor: Actor, row: Row) -> bool:
    """Say whether one of the actor's coordinators approves for the authority, and its role counts in the area."""
    area = row["area"]
    return any(actor.may("cases.decide", one, area) for one in coordinators_of(node, row["authority"], area))


def read(node: Node, actor: Actor, draft_id: str) -> tuple[Waiting, RequestDraft]:
    """Return a request that waits for the actor's decision; any other is `not-found`."""
    actor.require("cases.decide")
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft_id))
    if row is None or row["state"] != "waiting" or not _decides(node, actor, row):
        raise NodeError("not-found")
    draft = drafts.held(node, draft_id)
    if draft.version != row["version"]:
        raise NodeError("stale", "The request was changed since its approval was asked.")
    return _waiting(row), requests.only_needed(node, _request(draft))


async def approve(node: Node, actor: Actor, draft_id: str, version: int) -> Case:
    """Approve the version that was looked at, and send it in the name of who asked.

    Where it can't be sent now, it stays approved, and its authority sends it once it can.
    """
    read(node, actor, draft_id)
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft_id))
    if row is not None and row["asked_by"] == actor.id:
        raise NodeError("forbidden", "Somebody else approves what one asked for.")
    await _decide(node, actor, (draft_id, version, "approved"), None)
    person = node.store.read_now(lambda q: people.by_id(q, row["asked_by"])) if row else None
    if person is None or person.ended_at is not None:
        raise NodeError("wrong-state", "Who asked has left: somebody else of the authority sends it.")
    return await requests.send_draft(node, person.actor(), draft_id)


async def give_back(node: Node, actor: Actor, draft_id: str, version: int, reason: str) -> None:
    """Return a request to its authority, with the reason; nothing of it is lost."""
    read(node, actor, draft_id)
    if fault := text_fault(" ".join(reason.split()), MAX_RETURN_CHARS):
        raise NodeError("invalid", fields={"reason": fault})
    sealed = node.case_keys.seal(node.case_keys.find(draft_id), reason.strip().encode(), f"approval {draft_id}")
    await _decide(node, actor, (draft_id, version, "returned"), sealed)


async def _decide(node: Node, actor: Actor, what: tuple[str, int, str], reason: bytes | None) -> None:
    draft_id, version, state = what

    def work(tx: Tx) -> None:
        if not approvals.decide(tx, draft_id, version, state, reason):
            raise NodeError("stale", "The request was changed or decided meanwhile.")
        audit.append(tx, actor.id, f"approval.{state}", draft_id)

    await node.store.write(work)


def _request(draft: Draft) -> RequestDraft:
    if draft.request is None:
        raise NodeError("invalid", "This is the draft of a reply.")
    return draft.request


# --- where it is switched on ---


@dataclass(frozen=True)
class Switch:
    """Approval in one area of an authority; `fixed` where the area's rule leaves no choice."""

    area: str
    on: bool
    fixed: bool


def switches(node: Node, actor: Actor, authority: str) -> tuple[Switch, ...]:
    """Return approval in each area in which the authority has a coordinator."""
    _administers(actor, authority)
    found = []
    for area, known in node.areas.items():
        if coordinators_of(node, authority, area):
            fixed = known.rules.approval.asking != "optional"
            found.append(Switch(area, is_needed(node, authority, area), fixed))
    return tuple(found)


async def switch(node: Node, actor: Actor, authority: str, area: str, *, on: bool) -> None:
    """Switch approval of an authority's requests in an area on or off; `invalid` where there is no choice."""
    _administers(actor, authority)
    if (known := node.areas.get(area)) is None:
        raise NodeError("invalid", fields={"area": "unknown-area"})
    if known.rules.approval.asking != "optional":
        raise NodeError("invalid", "The area's rule leaves no choice.", fields={"area": "not-optional"})
    if on and not coordinators_of(node, authority, area):
        raise NodeError(
            "invalid", "The authority has no coordinator who could approve.", fields={"area": "no-coordinator"}
        )

    def work(tx: Tx) -> None:
        approvals.switch(tx, authority, area, on=on)
        audit.append(tx, actor.id, "approval.on" if on else "approval.off", authority, area)

    await node.store.write(work)


def _administers(actor: Actor, authority: str) -> None:
    actor.require("directory.change")
    actor.require("directory.change", authority)
