"""Asking: one request, from a draft or whole, or up to a hundred at once."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field, model_validator

from node.api.drafts import RequestFields, request_of
from node.api.route import Call, Route, Shape
from node.domain.case import Case
from node.errors import NodeError
from node.service import requests
from protocol.content import Id
from protocol.limits import MAX_ITEMS
from protocol.request import Side


class CaseRef(Shape):
    """A case after an act, without anything about a person.

    `owner` is the side that moves it next. `on_its_way` until the other node's receipt is there: the act
    stands on disk and is delivered without further ado; GET the case to see it applied.
    """

    id: str
    number: str
    state: str
    owner: Side | None
    on_its_way: bool
    due: dt.date


class NewRequest(RequestFields):
    """A request as a whole, or the id of a draft and nothing else."""

    draft: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> "NewRequest":
        if self.draft is not None and self.model_fields_set != {"draft"}:
            raise ValueError("a draft has its own content")
        return self


class NewRequests(Shape):
    """Requests that are sent together."""

    requests: Annotated[tuple[RequestFields, ...], Field(min_length=1, max_length=MAX_ITEMS)]


class SentRequests(Shape):
    """The cases of the requests, in the order of the list: all were sent, or none was."""

    items: tuple[CaseRef, ...]


def case_ref(case: Case) -> CaseRef:
    """Return a case just after an act of our own."""
    return CaseRef(id=case.id, number=case.number, state=case.state, owner=case.owner, on_its_way=True, due=case.due)


async def send(call: Call) -> CaseRef:
    """Send a request."""
    body: NewRequest = call.body
    if body.draft is None:
        return case_ref(await requests.send(call.node, call.actor, body.content()))
    request_of(call, body.draft)
    return case_ref(await requests.send_draft(call.node, call.actor, body.draft))


async def send_all(call: Call) -> SentRequests:
    """Send several requests, all of them or none."""
    body: NewRequests = call.body
    contents = [one.content() for one in body.requests]
    try:
        sent = await requests.send_many(call.node, call.actor, contents)
    except NodeError as error:
        where = "requests." if len(contents) > 1 else "requests.0."
        fields = {f"{where}{field}": code for field, code in error.fields.items()}
        raise NodeError(error.code, error.message, error.hint, fields) from None
    return SentRequests(items=tuple(case_ref(case) for case in sent))


ROUTES: Final = (
    Route("POST", "/requests", "sendRequest", "Send a request, whole or from a draft", send, CaseRef,
          body=NewRequest, status=201),
    Route("POST", "/requests/bulk", "sendRequests", "Send up to a hundred requests at once", send_all, SentRequests,
          body=NewRequests, status=201),
)  # fmt: skip
