"""Drafts: what a person has typed so far, kept by the server at each step, complete or not."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from protocol.content import Attachments, Id, Replies, Said, Variables
from protocol.limits import MAX_QUESTIONS

Kind = Literal["request", "reply"]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class RequestDraft(BaseModel):
    """A request as far as it has been filled in; `authority` is the asking one, `country` and `to` the asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    authority: Id | None = None
    country: Country | None = None
    to: Id | None = None
    area: Id | None = None
    set: Id | None = None
    questions: Annotated[tuple[Id, ...], Field(max_length=MAX_QUESTIONS)] = ()
    comments: Annotated[dict[Id, Said], Field(max_length=MAX_QUESTIONS)] = Field(default_factory=dict)
    variables: Variables = Field(default_factory=dict)
    due: dt.date | None = None
    comment: Said | None = None
    attachments: Attachments = ()
    confidential: bool = False


class ReplyDraft(BaseModel):
    """A reply as far as it has been filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    answers: Replies = Field(default_factory=dict)
    comment: Said | None = None
    attachments: Attachments = ()
    confidential: bool = False


Content = RequestDraft | ReplyDraft


class Draft(BaseModel):
    """A stored draft; `case` is the id of the case it replies to, or will open."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    kind: Kind
    case: str
    authority: str
    version: int
    updated_at: dt.datetime
    request: RequestDraft | None = None
    reply: ReplyDraft | None = None
