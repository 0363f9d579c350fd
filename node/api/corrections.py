"""Contests and corrections beside a case's data, recorded by data administrators; the other side gets them signed."""

from typing import Annotated, Final

from pydantic import Field

from node.api.requests import CaseRef, case_ref
from node.api.route import Call, Query, Route, Shape
from node.service import corrections
from node.service.corrections import CaseCorrections, Ground, OpenContest
from protocol.content import CaseId, Digest, Said


class Contesting(Shape):
    """Which event of the case a person contests, why, and what it says."""

    event: Digest
    ground: Ground
    text: Said


class Correcting(Shape):
    """Which own event of the case is corrected, what is right instead, and the contest that this answers, if any."""

    event: Digest
    text: Said
    contest: CaseId | None = None


class Answering(Shape):
    """The contest that ends without a correction, and why, if there is something to say."""

    contest: CaseId
    text: Said | None = None


class OpenContests(Shape):
    """The cases in which a contest waits for an answer, those that are ours to examine first."""

    items: Annotated[tuple[OpenContest, ...], Field(max_length=corrections.MAX_OPEN)]


async def read(call: Call) -> CaseCorrections:
    """Read what was recorded beside a case."""
    return corrections.read(call.node, call.actor, call.path["case"], call.lang)


async def contest(call: Call) -> CaseRef:
    """Record a contest."""
    body: Contesting = call.body
    return case_ref(
        await corrections.contest(call.node, call.actor, call.path["case"], body.event, body.ground, body.text)
    )


async def correct(call: Call) -> CaseRef:
    """Record a correction."""
    body: Correcting = call.body
    return case_ref(
        await corrections.correct(call.node, call.actor, call.path["case"], body.event, body.text, body.contest)
    )


async def settle(call: Call) -> CaseRef:
    """Record that what was contested is right."""
    body: Answering = call.body
    return case_ref(await corrections.settle(call.node, call.actor, call.path["case"], body.contest, body.text))


async def withdraw(call: Call) -> CaseRef:
    """Take a contest back."""
    body: Answering = call.body
    return case_ref(await corrections.withdraw(call.node, call.actor, call.path["case"], body.contest, body.text))


async def waiting(call: Call) -> OpenContests:
    """List open contests."""
    return OpenContests(items=corrections.open_contests(call.node, call.actor, call.lang))


ROUTES: Final = (
    Route("GET", "/contests", "listContests", "List the cases in which a contest waits for an answer", waiting,
          OpenContests),
    Route("GET", "/cases/{case}/corrections", "readCorrections", "Read what was contested and corrected beside a case,"
          " and what may be", read, CaseCorrections, query=Query),
    Route("POST", "/cases/{case}/corrections/contest", "contestData", "Record that a person contests what was said",
          contest, CaseRef, body=Contesting),
    Route("POST", "/cases/{case}/corrections/correct", "correctData", "Record what is right instead of what this side"
          " has said", correct, CaseRef, body=Correcting),
    Route("POST", "/cases/{case}/corrections/settle", "settleContest", "Record that what was contested was examined and"
          " is right", settle, CaseRef, body=Answering),
    Route("POST", "/cases/{case}/corrections/withdraw", "withdrawContest", "Take back a contest of this side", withdraw,
          CaseRef, body=Answering),
)  # fmt: skip
