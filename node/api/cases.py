"""Cases: the work list, a case in the reader's language, and what either side does with it."""

from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, model_validator

from node.api.drafts import ReplyFields, reply_of
from node.api.requests import CaseRef, case_ref
from node.api.route import Call, File, Limit, Part, Place, Query, Route, Shape, Upload
from node.domain.case_view import CaseSummary, CaseView, Handler
from node.domain.draft import Country
from node.service import (
    allocation,
    attachments,
    cases,
    forwarding,
    messages,
    rating,
    reading,
    referral,
    splitting,
    urgency,
)
from node.service.case_list import MAX_WORDS
from node.service.urgency import UrgentCases
from protocol.content import Day, Id, Number, Rate, Said
from protocol.limits import MAX_QUESTIONS
from protocol.request import Side, State


class CaseSearch(Shape):
    """What the work list is narrowed to; never a person.

    With `passed_on` it is the cases that one's authorities had once and passed on: a line of each, and nothing else.
    With `mine` it is those that the caller looks after, with `blocked` those whose data are blocked or deleted:
    of these number, authorities, area, state and dates, whoever asks.
    With `todo` it is the open cases in which the caller's side has something to do, without it (`false`) the other
    open ones. `text` are words that stand in number, authority of the other side or country.

    The latest change is first, and a part begins behind a place (a change and an id): while one reads on, no case
    comes twice or is left out, but one that changes meanwhile: it is at the beginning then.
    """

    state: Literal[State, "refused"] | None = None
    role: Side | None = None
    area: Id | None = None
    country: Country | None = None
    number: Number | None = None
    open: bool | None = None
    passed_on: bool | None = None
    mine: bool | None = None
    blocked: bool | None = None
    todo: bool | None = None
    text: str = Field("", max_length=MAX_WORDS)
    limit: Limit = 50
    after: Place = ""


class UrgentQuery(Query):
    """Which part of the list of urgent cases."""

    after: str = Field("", max_length=60, description="`next` of the part before.")
    limit: Limit = Field(50, ge=1, le=urgency.MAX_LIMIT)


class Comment(Shape):
    """An act with a word beside it."""

    comment: Said | None = None


class Acceptance(Comment):
    """Acceptance; with `date`, until when: the date on the table is agreed to, another one proposed."""

    date: Day | None = None


class Refusal(Comment):
    """Why a request is declined: a code of the area's list `decline-reasons`."""

    reason: Id


class PassingOn(Shape):
    """Which authority of the own country gets the case, and why."""

    to: Id
    reason: Said


class Why(Shape):
    """Why a reply is referred, or what is missing in it."""

    reason: Said


class Allocation(Shape):
    """Who of the authority looks after the case: the id of a person; null for nobody."""

    handler: Id | None = None


class PartPassedOn(PassingOn):
    """Which questions go along: ids of items of the question set that this case asks; one at least stays."""

    questions: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MAX_QUESTIONS)]


class OtherDate(Comment):
    """Another date for the reply."""

    date: Day


class NewMessage(Shape):
    """What is written to the other side; a file goes by a call of its own."""

    comment: Said
    confidential: StrictBool = Field(default=False, description="Ask that the message is handled confidentially.")


class FileQuery(Query):
    """How a file that is sent as a message is to be handled."""

    confidential: bool = Field(default=False, description="Ask that the file is handled confidentially.")


class Handlers(Shape):
    """Who looks after the case, and who of the authority may."""

    handler: Handler | None
    items: tuple[Handler, ...]


class Unclear(Shape):
    """What is unclear in the reply."""

    question: Said
    confidential: StrictBool = Field(default=False, description="Ask that the question is handled confidentially.")


class NewRating(Shape):
    """How satisfied one is with a reply: each -1 (unsatisfied), 0 (neutral) or 1 (satisfied)."""

    timeliness: Rate
    efforts: Rate


class NewReply(ReplyFields):
    """A reply as a whole, or the id of its draft and nothing else."""

    draft: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> "NewReply":
        if self.draft is not None and self.model_fields_set != {"draft"}:
            raise ValueError("a draft has its own content")
        return self


async def search(call: Call) -> Part[CaseSummary]:
    """List cases."""
    body: CaseSearch = call.body
    filters = reading.CaseFilter(**body.model_dump(exclude={"limit", "after"}))
    found = await reading.list_cases(call.node, call.actor, filters, call.lang, limit=body.limit, after=body.after)
    return Part[CaseSummary](items=found.items, next=found.next)


async def read_urgent(call: Call) -> UrgentCases:
    """List what is urgent at coordinated authorities."""
    asked: UrgentQuery = call.query
    return await urgency.urgent(call.node, call.actor, call.lang, limit=asked.limit, after=asked.after)


async def read(call: Call) -> CaseView:
    """Read a case."""
    return await reading.read_case(call.node, call.actor, call.path["case"], call.lang)


async def read_file(call: Call) -> File:
    """Read an attachment."""
    opened = await attachments.read_attachment(call.node, call.actor, call.path["case"], call.path["sha256"])
    return File(opened.name, opened.media_type, opened.data)


async def accept(call: Call) -> CaseRef:
    """Accept."""
    body: Acceptance = call.body
    return case_ref(await cases.accept(call.node, call.actor, call.path["case"], body.comment, body.date))


async def decline(call: Call) -> CaseRef:
    """Decline."""
    body: Refusal = call.body
    return case_ref(await cases.decline(call.node, call.actor, call.path["case"], body.reason, body.comment))


async def forward(call: Call) -> CaseRef:
    """Pass on."""
    body: PassingOn = call.body
    return case_ref(await forwarding.forward(call.node, call.actor, call.path["case"], body.to, body.reason))


async def allocate(call: Call) -> Handlers:
    """Allocate."""
    body: Allocation = call.body
    await allocation.allocate(call.node, call.actor, call.path["case"], body.handler)
    return await handlers(call)


async def handlers(call: Call) -> Handlers:
    """List who may look after a case."""
    case = cases.own_case(call.node, call.actor, call.path["case"])
    return Handlers(handler=allocation.handler_of(call.node, case), items=allocation.handlers(call.node, case))


async def split(call: Call) -> CaseRef:
    """Pass questions on."""
    body: PartPassedOn = call.body
    act = splitting.split(call.node, call.actor, call.path["case"], body.to, body.questions, body.reason)
    return case_ref(await act)


async def propose_date(call: Call) -> CaseRef:
    """Propose another date."""
    body: OtherDate = call.body
    return case_ref(await cases.propose_date(call.node, call.actor, call.path["case"], body.date, body.comment))


async def agree_date(call: Call) -> CaseRef:
    """Agree to the date on the table."""
    return case_ref(await cases.agree_date(call.node, call.actor, call.path["case"]))


async def reply(call: Call) -> CaseRef:
    """Reply."""
    body: NewReply = call.body
    content, draft = reply_of(call, body.draft) if body.draft else (body.content(), None)
    return case_ref(await cases.reply(call.node, call.actor, call.path["case"], content, draft))


async def reply_part(call: Call) -> CaseRef:
    """Send some answers."""
    body: NewReply = call.body
    content, draft = reply_of(call, body.draft) if body.draft else (body.content(), None)
    return case_ref(await cases.reply_part(call.node, call.actor, call.path["case"], content, draft))


async def clarify(call: Call) -> CaseRef:
    """Ask for a clarification."""
    body: Unclear = call.body
    act = cases.clarify(call.node, call.actor, call.path["case"], body.question, confidential=body.confidential)
    return case_ref(await act)


async def write(call: Call) -> CaseRef:
    """Write a message."""
    body: NewMessage = call.body
    act = messages.send(call.node, call.actor, call.path["case"], body.comment, confidential=body.confidential)
    return case_ref(await act)


async def send_file(call: Call) -> CaseRef:
    """Send a file."""
    file: Upload = call.body
    sent = [messages.NewFile(file.name, file.media_type, file.data)]
    query: FileQuery = call.query
    act = messages.send(call.node, call.actor, call.path["case"], None, sent, confidential=query.confidential)
    return case_ref(await act)


async def close(call: Call) -> CaseRef:
    """Close."""
    return case_ref(await cases.close(call.node, call.actor, call.path["case"]))


async def refer(call: Call) -> CaseRef:
    """Refer the reply."""
    body: Why = call.body
    return case_ref(await referral.refer(call.node, call.actor, call.path["case"], body.reason))


async def escalate(call: Call) -> CaseRef:
    """Agree with a referral."""
    body: Comment = call.body
    return case_ref(await referral.escalate(call.node, call.actor, call.path["case"], body.comment))


async def uphold(call: Call) -> CaseRef:
    """Hold a reply sufficient."""
    body: Comment = call.body
    return case_ref(await referral.uphold(call.node, call.actor, call.path["case"], body.comment))


async def send_back(call: Call) -> CaseRef:
    """Ask for an addition."""
    body: Why = call.body
    return case_ref(await referral.send_back(call.node, call.actor, call.path["case"], body.reason))


async def rate(call: Call) -> CaseRef:
    """Rate the reply."""
    body: NewRating = call.body
    return case_ref(await rating.rate(call.node, call.actor, call.path["case"], body.timeliness, body.efforts))


async def withdraw(call: Call) -> CaseRef:
    """Ask to withdraw, or grant it."""
    body: Comment = call.body
    return case_ref(await cases.withdraw(call.node, call.actor, call.path["case"], body.comment))


ROUTES: Final = (
    Route("POST", "/cases/search", "searchCases", "List the cases of one's authorities, the latest change first",
          search, Part[CaseSummary], body=CaseSearch, reading=True),
    Route("GET", "/urgent-cases", "listUrgentCases",
          "List what is outstanding at the authorities that one coordinates, the most urgent first",
          read_urgent, UrgentCases, query=UrgentQuery),
    Route("GET", "/cases/{case}", "readCase", "Read a case; its first opening is told to the asking side", read,
          CaseView),
    Route("GET", "/cases/{case}/attachments/{sha256}", "readAttachment", "Read a file of a case", read_file, File),
    Route("GET", "/cases/{case}/handlers", "listHandlers", "List who may look after a case", handlers, Handlers),
    Route("POST", "/cases/{case}/allocate", "allocateCase", "Give a case to a person of one's authority, or to nobody",
          allocate, Handlers, body=Allocation),
    Route("POST", "/cases/{case}/accept", "acceptCase", "Accept a request", accept, CaseRef, body=Acceptance),
    Route("POST", "/cases/{case}/decline", "declineCase", "Decline a request with a reason", decline, CaseRef,
          body=Refusal),
    Route("POST", "/cases/{case}/forward", "forwardCase", "Pass a request on to another authority of the own country",
          forward, CaseRef, body=PassingOn),
    Route("POST", "/cases/{case}/split", "splitCase", "Pass some of the questions on, as a case of their own", split,
          CaseRef, body=PartPassedOn),
    Route("POST", "/cases/{case}/propose-date", "proposeDate", "Propose another date for the reply", propose_date,
          CaseRef, body=OtherDate),
    Route("POST", "/cases/{case}/agree-date", "agreeDate", "Agree to the date that is on the table", agree_date,
          CaseRef),
    Route("POST", "/cases/{case}/reply", "replyToCase", "Send the answers, whole or from a draft", reply, CaseRef,
          body=NewReply),
    Route("POST", "/cases/{case}/reply-part", "replyInPart",
          "Send the answers to some questions now; the whole reply is sent later", reply_part, CaseRef, body=NewReply),
    Route("POST", "/cases/{case}/clarify", "clarifyCase", "Ask for a clarification of the reply", clarify, CaseRef,
          body=Unclear),
    Route("POST", "/cases/{case}/message", "writeToCase", "Write to the other side of an open case", write, CaseRef,
          body=NewMessage),
    Route("POST", "/cases/{case}/files", "sendFileToCase", "Send a file (PDF, PNG, JPEG or text) as a message",
          send_file, CaseRef, body=Upload, query=FileQuery),
    Route("POST", "/cases/{case}/close", "closeCase", "Accept the reply and close the case", close, CaseRef),
    Route("POST", "/cases/{case}/refer", "referCase", "Refer an unsatisfactory reply to the own coordinator", refer,
          CaseRef, body=Why),
    Route("POST", "/cases/{case}/escalate", "escalateCase",
          "Agree with a referral, as the asking side's coordinator: the other side's decides", escalate, CaseRef,
          body=Comment),
    Route("POST", "/cases/{case}/uphold", "upholdReply",
          "Hold a referred reply sufficient, as the replying side's coordinator", uphold, CaseRef, body=Comment),
    Route("POST", "/cases/{case}/return", "returnCase",
          "Ask the own authority for an addition, as the replying side's coordinator", send_back, CaseRef, body=Why),
    Route("POST", "/cases/{case}/rate", "rateCase", "Rate the reply of a closed request, once", rate, CaseRef,
          body=NewRating),
    Route("POST", "/cases/{case}/withdraw", "withdrawCase", "Ask to withdraw a request, or grant that wish", withdraw,
          CaseRef, body=Comment),
)  # fmt: skip
