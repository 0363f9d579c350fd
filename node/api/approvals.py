"""Approval before sending: asked for by the authority, decided by its coordinator, switched per area or case."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field, StrictBool

from node.api.drafts import DraftFile, ReplyFields, RequestFields, files_of, reply_fields, request_fields
from node.api.requests import CaseRef, case_ref
from node.api.route import Call, File, Part, PartQuery, Query, Route, Shape
from node.domain.draft import ReplyDraft, RequestDraft
from node.service import approval_switches, approvals
from node.service.approval_rule import Step
from node.service.approvals import MAX_RETURN_CHARS, State, Waiting
from protocol.content import Id
from protocol.request import REPLY_PART, Side


class ApprovalState(Shape):
    """How a draft stands: null where nobody has to approve it; `reason` is the coordinator's for returning it.

    `step` is what was asked for: request.send, request.reply, or request.reply-part for the answers so far.
    """

    state: State | None
    reason: str
    step: Step | None


class WaitingView(Shape):
    """What waits for approval, without its contents; `version` is what was asked to be approved.

    `case` is the case that a reply is to, or that a request will become; `number` and `due` are those of the former.
    `own`: the caller wrote in it or asked for it, so somebody else approves it.
    """

    draft: str
    step: Step
    version: int
    authority: str
    area: str
    asked_at: dt.datetime
    case: str
    number: str | None
    due: dt.date | None
    own: bool


class Approval(WaitingView):
    """What waits for approval, with its contents: a request, or a reply."""

    request: RequestFields | None
    reply: ReplyFields | None
    attachments: tuple[DraftFile, ...]


class Decision(Shape):
    """The version that was looked at."""

    version: Annotated[int, Field(ge=1)]


class Return(Decision):
    """The version that was looked at, and why it is returned."""

    reason: Annotated[str, Field(max_length=MAX_RETURN_CHARS)]


class AskQuery(Query):
    """What is asked for."""

    part: bool = Field(default=False, description="Of the draft of a reply: only send the answers so far.")


class SwitchView(Shape):
    """Approval of an authority's requests (`asking`) or replies in an area; `fixed` where the rule leaves no choice."""

    area: str
    side: Side
    on: bool
    fixed: bool


class Switches(Shape):
    """Approval in each area in which the authority has a coordinator."""

    items: tuple[SwitchView, ...]


class Switching(Shape):
    """An area, and whether a coordinator approves the authority's requests (`asking`) or replies there."""

    area: Id
    side: Side = "asking"
    on: StrictBool


class CaseSwitch(Shape):
    """Whether a coordinator approves the replies to a case."""

    on: StrictBool


async def ask(call: Call) -> ApprovalState:
    """Ask for approval."""
    query: AskQuery = call.query
    await approvals.ask(call.node, call.actor, call.path["draft"], REPLY_PART if query.part else None)
    return await standing(call)


async def standing(call: Call) -> ApprovalState:
    """Say how a draft stands."""
    return ApprovalState(**vars(approvals.standing(call.node, call.actor, call.path["draft"])))


async def send(call: Call) -> CaseRef:
    """Send what was approved."""
    return case_ref(await approvals.send_approved(call.node, call.actor, call.path["draft"]))


async def listing(call: Call) -> Part[WaitingView]:
    """List what waits."""
    query: PartQuery = call.query
    found, following = approvals.list_waiting(call.node, call.actor, query.limit, query.after)
    return Part[WaitingView](items=tuple(_view(one) for one in found), next=following)


def _view(one: Waiting) -> WaitingView:
    return WaitingView(**vars(one))


async def read(call: Call) -> Approval:
    """Read what waits."""
    waiting, content = approvals.read(call.node, call.actor, call.path["draft"])
    return Approval(
        **vars(waiting),
        request=request_fields(content) if isinstance(content, RequestDraft) else None,
        reply=reply_fields(content) if isinstance(content, ReplyDraft) else None,
        attachments=files_of(content),
    )


async def read_file(call: Call) -> File:
    """Read a file of what waits."""
    opened = await approvals.read_file(call.node, call.actor, call.path["draft"], call.path["sha256"])
    return File(opened.name, opened.media_type, opened.data)


async def approve(call: Call) -> CaseRef:
    """Approve and send."""
    body: Decision = call.body
    return case_ref(await approvals.approve(call.node, call.actor, call.path["draft"], body.version))


async def give_back(call: Call) -> None:
    """Return a request or reply."""
    body: Return = call.body
    await approvals.give_back(call.node, call.actor, call.path["draft"], body.version, body.reason)


async def switches(call: Call) -> Switches:
    """Say where approval is on."""
    found = approval_switches.switches(call.node, call.actor, call.path["authority"])
    return Switches(items=tuple(SwitchView(**vars(one)) for one in found))


async def switch(call: Call) -> Switches:
    """Switch approval on or off."""
    body: Switching = call.body
    authority = call.path["authority"]
    await approval_switches.switch(call.node, call.actor, authority, body.area, body.side, on=body.on)
    return await switches(call)


async def switch_case(call: Call) -> CaseSwitch:
    """Switch approval of the replies to a case."""
    body: CaseSwitch = call.body
    return CaseSwitch(on=await approval_switches.switch_case(call.node, call.actor, call.path["case"], on=body.on))


ROUTES: Final = (
    Route("GET", "/drafts/{draft}/approval", "readApprovalState", "Say whether a draft waits for approval, or was"
          " returned and why", standing, ApprovalState),
    Route("POST", "/drafts/{draft}/approval", "askApproval", "Ask the coordinator to approve a draft as it is now", ask,
          ApprovalState, query=AskQuery),
    Route("POST", "/drafts/{draft}/send-approved", "sendApproved",
          "Send a draft that was approved, where that wasn't possible at once", send, CaseRef),
    Route("GET", "/approvals", "listApprovals", "List what waits for the caller's approval, the oldest first", listing,
          Part[WaitingView], query=PartQuery),
    Route("GET", "/approvals/{draft}", "readApproval", "Read a request or reply that waits for the caller's approval",
          read, Approval),
    Route("GET", "/approvals/{draft}/attachments/{sha256}", "readApprovalFile",
          "Read a file of what waits for the caller's approval", read_file, File),
    Route("POST", "/approvals/{draft}/approve", "approveRequest", "Approve a request or reply and send it", approve,
          CaseRef, body=Decision),
    Route("POST", "/approvals/{draft}/return", "returnRequest",
          "Return a request or reply to its authority, with a reason", give_back, None, body=Return, status=204),
    Route("GET", "/authorities/{authority}/approval", "listApprovalSwitches", "Say in which areas a coordinator"
          " approves the requests and replies of one's authority", switches, Switches),
    Route("POST", "/authorities/{authority}/approval", "switchApproval", "Switch approval on or off in an area", switch,
          Switches, body=Switching),
    Route("POST", "/cases/{case}/approval", "switchCaseApproval",
          "Switch approval of the replies to one case on or off", switch_case, CaseSwitch, body=CaseSwitch),
)  # fmt: skip
