"""Files of persons who claim access, correction or deletion: the data administrator's work list."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from node.api.route import Call, Part, PartQuery, Query, Route, Shape
from node.domain.subject import Outcome, Want
from node.service import subject_cases, subject_export, subject_retention, subjects
from node.service.subject_cases import FoundCase
from node.service.subject_export import SubjectCopy
from node.service.subjects import FileLine, FileView, NewFile
from protocol.content import CaseId, Day, Id, Name
from protocol.limits import MAX_TEXT

Words = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class Claim(Shape):
    """What a person claims of an authority: `reach` is how it wants to be answered, `asked` what it has written."""

    authority: Id
    wants: Annotated[tuple[Want, ...], Field(min_length=1, max_length=4)]
    received: Day
    person: Name
    reach: Words
    asked: Words


class FileRef(Shape):
    """A file by its id and its number."""

    id: str
    number: str


class FilesQuery(PartQuery):
    """The query of the list of files."""

    ended: bool = Field(default=False, description="Files that have ended, the latest first, in place of open ones.")


class Doing(Shape):
    """What was done."""

    words: Words


class Extension(Shape):
    """Until when the period is extended, when the person was told so, and why."""

    until: Day
    told_on: Day
    words: Words


class Ending(Shape):
    """How a file ends and on which day, with what was done or why it is refused."""

    outcome: Outcome
    on: Day
    words: Words = ""


class CaseFilter(Query):
    """What may be searched: a part of the number, country, area, and the days since and before which cases are here."""

    number: str | None = Field(None, max_length=30)
    country: str | None = Field(None, max_length=2)
    area: str | None = Field(None, max_length=100)
    since: dt.date | None = None
    before: dt.date | None = None


class FoundCases(Shape):
    """Cases by what may be known of them without a look into them."""

    items: tuple[FoundCase, ...]


class Naming(Shape):
    """A case that holds data of the person."""

    case: CaseId


class Reason(Shape):
    """Why data are looked at, blocked ones too; it is recorded."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


async def open_file(call: Call) -> FileRef:
    """Record a claim."""
    body: Claim = call.body
    file = await subjects.open_file(call.node, call.actor, NewFile(**dict(body)))
    return FileRef(id=file.id, number=file.number)


async def listing(call: Call) -> Part[FileLine]:
    """List files."""
    query: FilesQuery = call.query
    found = subjects.listing(call.node, call.actor, ended=query.ended, limit=query.limit, after=query.after)
    return Part[FileLine](items=found.items, next=found.next)


async def read(call: Call) -> FileView:
    """Read a file."""
    return subjects.read(call.node, call.actor, call.path["file"])


async def note(call: Call) -> FileView:
    """Note what was done."""
    body: Doing = call.body
    await subjects.note(call.node, call.actor, call.path["file"], body.words)
    return await read(call)


async def extend(call: Call) -> FileView:
    """Extend the period."""
    body: Extension = call.body
    await subjects.extend(call.node, call.actor, call.path["file"], body.until, body.told_on, body.words)
    return await read(call)


async def end(call: Call) -> FileView:
    """End a file."""
    body: Ending = call.body
    await subjects.end(call.node, call.actor, call.path["file"], body.outcome, body.on, body.words)
    return await read(call)


async def delete(call: Call) -> None:
    """Delete a file."""
    await subject_retention.delete(call.node, call.actor, call.path["file"])


async def named(call: Call) -> FoundCases:
    """List the cases that a file names."""
    return FoundCases(items=subject_cases.linked(call.node, call.actor, call.path["file"], call.lang))


async def search(call: Call) -> FoundCases:
    """Find cases."""
    query: CaseFilter = call.query
    wanted = {name: str(value) for name, value in dict(query).items() if value is not None and name != "lang"}
    return FoundCases(items=subject_cases.search(call.node, call.actor, call.path["file"], wanted, call.lang))


async def link(call: Call) -> FoundCases:
    """Name a case in a file."""
    body: Naming = call.body
    await subject_cases.link(call.node, call.actor, call.path["file"], body.case)
    return await named(call)


async def unlink(call: Call) -> FoundCases:
    """Take a case out of a file."""
    await subject_cases.unlink(call.node, call.actor, call.path["file"], call.path["case"])
    return await named(call)


async def copy(call: Call) -> SubjectCopy:
    """Make a copy of what is kept."""
    body: Reason = call.body
    return await subject_export.copy(call.node, call.actor, call.path["file"], body.reason, call.lang)


ROUTES: Final = (
    Route("GET", "/subjects", "listSubjectFiles", "List the files of persons who claim their rights, by date",
          listing, Part[FileLine], query=FilesQuery),
    Route("POST", "/subjects", "openSubjectFile", "Record that a person claims access, correction or deletion",
          open_file, FileRef, body=Claim, status=201),
    Route("GET", "/subjects/{file}", "readSubjectFile", "Read a file", read, FileView),
    Route("DELETE", "/subjects/{file}", "deleteSubjectFile", "Delete a file that has ended, before its time", delete,
          None, status=204),
    Route("POST", "/subjects/{file}/notes", "noteInSubjectFile", "Note what was done for a claim", note, FileView,
          body=Doing),
    Route("POST", "/subjects/{file}/extend", "extendSubjectFile", "Extend the period where the law allows it",
          extend, FileView, body=Extension),
    Route("POST", "/subjects/{file}/end", "endSubjectFile", "Answer or refuse a claim, or note that it was withdrawn",
          end, FileView, body=Ending),
    Route("GET", "/subjects/{file}/cases", "listSubjectCases", "List the cases that a file names", named, FoundCases),
    Route("GET", "/subjects/{file}/search", "searchSubjectCases", "Find cases of the authority for a file, blocked ones"
          " too", search, FoundCases, query=CaseFilter),
    Route("POST", "/subjects/{file}/cases", "nameSubjectCase", "Name a case that holds data of the person", link,
          FoundCases, body=Naming),
    Route("DELETE", "/subjects/{file}/cases/{case}", "unnameSubjectCase", "Take a case out of a file", unlink,
          FoundCases),
    Route("POST", "/subjects/{file}/copy", "copySubjectData", "Read all that is kept in the cases of a file, with a"
          " reason", copy, SubjectCopy, body=Reason),
)  # fmt: skip
