"""Approval before sending: asked for by the authority, decided by its coordinator, switched per area."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field, StrictBool

from node.api.drafts import RequestFields, request_fields
from node.api.requests import CaseRef, case_ref
from node.api.route import Call, Page, PageQuery, Route, Shape, page_of
from node.service import approvals
from node.service.approvals import MAX_RETURN_CHARS, State, Waiting
from protocol.content import Id


class ApprovalState(Shape):
    """How a draft stands: null where nobody has to approve it; `reason` is the coordinator's for returning it."""

    state: State | None
    reason: str


class WaitingView(Shape):
    """A request that waits for approval, without its contents; `version` is what was asked to be approved."""

    draft: str
    version: int
    authority: str
    area: str
    asked_at: dt.datetime


class Approval(WaitingView):
    """A request that waits for approval, with its contents."""

    request: RequestFields


class Decision(Shape):
    """The version that was looked at."""

    version: Annotated[int, Field(ge=1)]


class Return(Decision):
    """The version that was looked at, and why it is returned."""

    reason: Annotated[str, Field(max_length=MAX_RETURN_CHARS)]


class SwitchView(Shape):
    """Approval in one area of an authority; `fixed` where the area's rule leaves no choice."""

    area: str
    on: bool
    fixed: bool


class Switches(Shape):
    """Approval in each area in which the authority has a coordinator."""

    items: tuple[SwitchView, ...]


class Switching(Shape):
    """An area, and whether a coordinator approves the authority's requests there."""

    area: Id
    on: StrictBool


async def ask(call: Call) -> ApprovalState:
    """Ask for approval."""
    await approvals.ask(call.node, call.actor, call.path["draft"])
    return await standing(call)


async def standing(call: Call) -> ApprovalState:
    """Say how a draft stands."""
    found = approvals.standing(call.node, call.actor, call.path["draft"])
    return ApprovalState(state=found.state, reason=found.reason)


async def listing(call: Call) -> Page[WaitingView]:
    """List what waits."""
    query: PageQuery = call.query
    found = tuple(_view(one) for one in approvals.list_waiting(call.node, call.actor))
    items, following = page_of(found, query)
    return Page[WaitingView](items=items, next=following)


def _view(one: Waiting) -> WaitingView:
    return WaitingView(**vars(one))


async def read(call: Call) -> Approval:
    """Read a request that waits."""
    waiting, content = approvals.read(call.node, call.actor, call.path["draft"])
    return Approval(**vars(waiting), request=request_fields(content))


async def approve(call: Call) -> CaseRef:
    """Approve and send."""
    body: Decision = call.body
    return case_ref(await approvals.approve(call.node, call.actor, call.path["draft"], body.version))


async def give_back(call: Call) -> None:
    """Return a request."""
    body: Return = call.body
    await approvals.give_back(call.node, call.actor, call.path["draft"], body.version, body.reason)


async def switches(call: Call) -> Switches:
    """Say where approval is on."""
    found = approvals.switches(call.node, call.actor, call.path["authority"])
    return Switches(items=tuple(SwitchView(area=one.area, on=one.on, fixed=one.fixed) for one in found))


async def switch(call: Call) -> Switches:
    """Switch approval on or off."""
    body: Switching = call.body
    await approvals.switch(call.node, call.actor, call.path["authority"], body.area, on=body.on)
    return await switches(call)


ROUTES: Final = (
    Route("GET", "/drafts/{draft}/approval", "readApprovalState", "Say whether a draft waits for approval, or was"
          " returned and why", standing, ApprovalState),
    Route("POST", "/drafts/{draft}/approval", "askApproval", "Ask the coordinator to approve a draft as it is now", ask,
          ApprovalState),
    Route("GET", "/approvals", "listApprovals", "List what waits for the caller's approval, the oldest first", listing,
          Page[WaitingView], query=PageQuery),
    Route("GET", "/approvals/{draft}", "readApproval", "Read a request that waits for the caller's approval", read,
          Approval),
    Route("POST", "/approvals/{draft}/approve", "approveRequest", "Approve a request and send it", approve, CaseRef,
          body=Decision),
    Route("POST", "/approvals/{draft}/return", "returnRequest", "Return a request to its authority, with a reason",
          give_back, None, body=Return, status=204),
    Route("GET", "/authorities/{authority}/approval", "listApprovalSwitches", "Say in which areas a coordinator"
          " approves the requests of one's authority", switches, Switches),
    Route("POST", "/authorities/{authority}/approval", "switchApproval", "Switch approval on or off in an area", switch,
          Switches, body=Switching),
)  # fmt: skip
