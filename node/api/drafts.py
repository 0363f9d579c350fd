"""Drafts of requests and replies, kept by the node until they are sent, and the files attached to them."""

import datetime as dt
from typing import Annotated, Any, Final

from pydantic import Field, StrictBool, model_validator

from node.api.route import Call, Part, PartQuery, Route, Shape, Upload
from node.domain.draft import Content, Country, Draft, Kind, ReplyDraft, RequestDraft
from node.errors import NodeError
from node.service import drafts
from node.service.reuse import Step, draft_from
from protocol.content import AttachmentRef, Day, Id, Replies, Said, Variables
from protocol.limits import MAX_QUESTIONS


class RequestFields(Shape):
    """A request as far as it is filled in: `authority` asks, `to` in `country` is asked; files go to a draft."""

    authority: Id | None = None
    country: Country | None = None
    to: Id | None = None
    area: Id | None = None
    set: Id | None = None
    questions: Annotated[tuple[Id, ...], Field(max_length=MAX_QUESTIONS)] = ()
    comments: Annotated[dict[Id, Said], Field(max_length=MAX_QUESTIONS)] = Field(default_factory=dict)
    variables: Variables = Field(default_factory=dict)
    due: Day | None = None
    comment: Said | None = None
    confidential: StrictBool = Field(default=False, description="Ask that the request is handled confidentially.")

    def content(self) -> RequestDraft:
        """Return the request without files."""
        return RequestDraft.model_validate({name: getattr(self, name) for name in RequestFields.model_fields})


class ReplyFields(Shape):
    """A reply as far as it is filled in; files go to a draft."""

    answers: Replies = Field(default_factory=dict)
    comment: Said | None = None
    confidential: StrictBool = Field(default=False, description="Ask that the reply is handled confidentially.")

    def content(self) -> ReplyDraft:
        """Return the reply without files."""
        return ReplyDraft(answers=self.answers, comment=self.comment, confidential=self.confidential)


class DraftFile(Shape):
    """A file of a draft; `sha256` is that of its ciphertext, `size` in bytes of the file."""

    sha256: str
    name: str
    media_type: str
    size: int


class DraftRef(Shape):
    """A draft without what it says; `case` is the case that it replies to, or will become."""

    id: str
    kind: Kind
    case: str
    authority: str
    version: int
    updated_at: dt.datetime
    attachments: tuple[str, ...]


class ReusedRef(DraftRef):
    """A new draft from an earlier request; `mend` is the step that needs attention before it is sent."""

    mend: Step


class DraftView(Shape):
    """A draft; `version` counts its changes."""

    id: str
    kind: Kind
    case: str
    authority: str
    version: int
    updated_at: dt.datetime
    request: RequestFields | None
    reply: ReplyFields | None
    attachments: tuple[DraftFile, ...]


class DraftChange(Shape):
    """New content of a draft; with `version` only where nobody has changed it since. Files stay as they are."""

    version: Annotated[int, Field(ge=1)] | None = None
    request: RequestFields | None = None
    reply: ReplyFields | None = None

    @model_validator(mode="after")
    def _one(self) -> "DraftChange":
        if (self.request is None) == (self.reply is None):
            raise ValueError("either request or reply")
        return self


def _files(draft: Draft) -> tuple[AttachmentRef, ...]:
    held = draft.request or draft.reply
    return held.attachments if held else ()


def files_of(content: Content) -> tuple[DraftFile, ...]:
    """Return the files of a request or reply."""
    return tuple(
        DraftFile(sha256=r.sha256, name=r.name, media_type=r.media_type, size=r.size) for r in content.attachments
    )


def request_fields(content: RequestDraft) -> RequestFields:
    """Return what a request says, without its files."""
    return RequestFields.model_validate(_fields(content, RequestFields))


def reply_fields(content: ReplyDraft) -> ReplyFields:
    """Return what a reply says, without its files."""
    return ReplyFields.model_validate(_fields(content, ReplyFields))


def ref_of(draft: Draft) -> DraftRef:
    """Return a draft without what it says."""
    return DraftRef(
        id=draft.id,
        kind=draft.kind,
        case=draft.case,
        authority=draft.authority,
        version=draft.version,
        updated_at=draft.updated_at,
        attachments=tuple(ref.sha256 for ref in _files(draft)),
    )


def _view(draft: Draft) -> DraftView:
    held = draft.request or draft.reply
    return DraftView(
        **{**ref_of(draft).model_dump(), "attachments": files_of(held) if held else ()},
        request=request_fields(draft.request) if draft.request else None,
        reply=reply_fields(draft.reply) if draft.reply else None,
    )


def _fields(content: RequestDraft | ReplyDraft, shape: type[Shape]) -> dict[str, Any]:
    return {name: getattr(content, name) for name in shape.model_fields}


async def start(call: Call) -> DraftRef:
    """Begin a request."""
    body: RequestFields = call.body
    return ref_of(await drafts.start_request(call.node, call.actor, body.content()))


async def listing(call: Call) -> Part[DraftRef]:
    """List drafts."""
    query: PartQuery = call.query
    found, following = drafts.part(call.node, call.actor, query.limit, query.after)
    return Part[DraftRef](items=tuple(ref_of(draft) for draft in found), next=following)


async def read(call: Call) -> DraftView:
    """Read a draft."""
    return _view(drafts.read(call.node, call.actor, call.path["draft"]))


async def change(call: Call) -> DraftRef:
    """Replace a draft's content."""
    body: DraftChange = call.body
    given = body.request or body.reply
    assert given is not None
    return ref_of(await drafts.save(call.node, call.actor, call.path["draft"], given.content(), body.version))


async def delete(call: Call) -> None:
    """Delete a draft."""
    await drafts.delete(call.node, call.actor, call.path["draft"])


async def attach(call: Call) -> DraftRef:
    """Add a file to a draft."""
    file: Upload = call.body
    return ref_of(await drafts.attach(call.node, call.actor, call.path["draft"], file.name, file.media_type, file.data))


async def detach(call: Call) -> DraftRef:
    """Take a file off a draft."""
    return ref_of(await drafts.detach(call.node, call.actor, call.path["draft"], call.path["sha256"]))


async def start_reply(call: Call) -> DraftRef:
    """Begin a reply, or return the one that was begun."""
    return ref_of(await drafts.start_reply(call.node, call.actor, call.path["case"]))


async def reuse(call: Call) -> ReusedRef:
    """Begin a request from an earlier one."""
    made = await draft_from(call.node, call.actor, call.path["case"])
    return ReusedRef(**ref_of(made.draft).model_dump(), mend=made.mend)


def request_of(call: Call, draft_id: str) -> None:
    """Raise `invalid` unless a draft is one of a request."""
    if drafts.read(call.node, call.actor, draft_id).request is None:
        raise NodeError("invalid", "This is the draft of a reply.", fields={"draft": "wrong-kind"})


def reply_of(call: Call, draft_id: str) -> tuple[ReplyDraft, tuple[str, int]]:
    """Return what the draft of a reply to the call's case says, with its id and version; others are `invalid`."""
    draft = drafts.read(call.node, call.actor, draft_id)
    if draft.reply is None or draft.case != call.path["case"]:
        raise NodeError("invalid", "This is no draft of a reply to the case.", fields={"draft": "wrong-kind"})
    return draft.reply, (draft.id, draft.version)


ROUTES: Final = (
    Route("POST", "/drafts", "startDraft", "Begin a request; nothing needs to be complete", start, DraftRef,
          body=RequestFields, status=201),
    Route("GET", "/drafts", "listDrafts", "List the drafts of one's authorities, the newest first", listing,
          Part[DraftRef], query=PartQuery),
    Route("GET", "/drafts/{draft}", "readDraft", "Read a draft", read, DraftView),
    Route("PUT", "/drafts/{draft}", "changeDraft", "Replace a draft's content; its files stay", change, DraftRef,
          body=DraftChange),
    Route("DELETE", "/drafts/{draft}", "deleteDraft", "Delete a draft with its files", delete, None, status=204),
    Route("POST", "/drafts/{draft}/attachments", "attachFile", "Add a file (PDF, PNG, JPEG or text) to a draft",
          attach, DraftRef, body=Upload, status=201),
    Route("DELETE", "/drafts/{draft}/attachments/{sha256}", "detachFile", "Take a file off a draft", detach, DraftRef),
    Route("POST", "/cases/{case}/reply-draft", "startReplyDraft", "Begin a reply, or find the one begun",
          start_reply, DraftRef),
    Route("POST", "/cases/{case}/reuse", "reuseCase",
          "Begin a request from an earlier one; a refused one goes along whole, others without the person",
          reuse, ReusedRef, status=201),
)  # fmt: skip
