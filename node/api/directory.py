"""The directory: finding authorities, reading one, exchanging our own country's list with other programs."""

from typing import Annotated, Final

from pydantic import Field, RootModel

from directory_sync.authority import Authority
from directory_sync.limits import MAX_BODY_BYTES, MAX_CODE_CHARS
from node.api.route import Call, Limit, Page, PageQuery, Query, Route, Shape, page_of
from node.domain.directory_view import Changes as Made
from node.domain.directory_view import Found, Matter, Proposal
from node.domain.directory_view import Query as Wanted
from node.errors import NodeError
from node.service import authority_edit, directory, find, whom
from node.service.authority_edit import MAX_REASON_CHARS, Why
from protocol.limits import MAX_NAME

_EXPORTED: Final = 1000
MAX_REGION_CHARS: Final = 8
MAX_LANGUAGE_CHARS: Final = 35


class AuthorityQuery(PageQuery):
    """What authorities are looked for; without words it is a list by country and name."""

    q: str = Field("", max_length=MAX_NAME, description="Words in any order: name, title, place, keywords.")
    country: str | None = Field(None, description="ISO 3166-1 alpha-2.")
    area: str | None = Field(None, description="Id of a legal area.")
    role: str | None = Field(None, description="authority or coordinator; in the area, if one is given.")
    level: str | None = Field(None, description="national, regional or local.")
    region: str | None = Field(
        None, max_length=MAX_REGION_CHARS, description="NUTS or ISO 3166-2: in it, or competent for all of it."
    )
    competence: str | None = Field(
        None, max_length=MAX_CODE_CHARS, description="A code such as profession:dental-practitioner."
    )
    understands: str | None = Field(None, max_length=MAX_LANGUAGE_CHARS, description="A language that it understands.")
    limit: Limit = Field(20, le=find.MAX_LIMIT, ge=1)


class WhomQuery(Query):
    """What somebody knows who doesn't know whom to ask."""

    country: str = Field(description="ISO 3166-1 alpha-2.")
    area: str = Field(description="Id of a legal area.")
    competence: str | None = Field(
        None, max_length=MAX_CODE_CHARS, description="A code such as profession:dental-practitioner."
    )
    place: str = Field("", max_length=MAX_NAME, description="A town or region, in any spelling.")


class ImportQuery(Query):
    """How records are taken in."""

    complete: bool = Field(default=False, description="Authorities that aren't named leave the list.")


class ExportQuery(PageQuery):
    """A part of our own list."""

    limit: int = Field(_EXPORTED, ge=1, le=_EXPORTED)


class Records(RootModel[tuple[Authority, ...]]):
    """Authorities of our own country, as the export gives them; the node counts `v` itself."""


class Import(Shape):
    """Authorities of our own country with the reason for the change, which stays in the history of each."""

    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS, description="Why; it stays in the history.")]
    complete: Annotated[bool, Field(description="Authorities that aren't named leave the list.")] = False
    records: tuple[Authority, ...]


class Changes(Shape):
    """What an import changed, in numbers of authorities, and the list's version."""

    version: int
    added: int
    changed: int
    ended: int
    unchanged: int


async def search(call: Call) -> Page[Found]:
    """Find authorities."""
    query: AuthorityQuery = call.query
    wanted = Wanted(**query.model_dump(exclude={"lang"}))
    found = await find.search(call.node, call.actor, wanted, call.lang)
    return Page[Found](items=found.items, next=found.more)


async def whom_to_ask(call: Call) -> Proposal:
    """Propose whom to ask."""
    query: WhomQuery = call.query
    matter = Matter(query.country, query.area, query.competence, query.place)
    return await whom.propose(call.node, call.actor, matter, call.lang)


async def read(call: Call) -> Authority:
    """Read one authority."""
    call.actor.require("directory.search")
    return find.authority(call.node, call.path["authority"])


async def take_in(call: Call) -> Changes:
    """Import authorities."""
    body: Records = call.body
    query: ImportQuery = call.query
    why = Why("import", "Import")  # no query, which logs may hold, says in words why
    return _changes(await authority_edit.publish(call.node, call.actor, body.root, why, complete=query.complete))


async def take_in_for(call: Call) -> Changes:
    """Import authorities, for a reason."""
    body: Import = call.body
    why = Why("import", body.reason)
    try:
        made = await authority_edit.publish(call.node, call.actor, body.records, why, complete=body.complete)
    except NodeError as error:
        fields = {name if name == "reason" else f"records.{name}": code for name, code in error.fields.items()}
        raise NodeError(error.code, error.message, error.hint, fields) from None
    return _changes(made)


def _changes(made: Made) -> Changes:
    return Changes(
        version=made.version, added=made.added, changed=made.changed, ended=made.ended, unchanged=made.unchanged
    )


async def hand_out(call: Call) -> Page[Authority]:
    """Export authorities."""
    items, following = page_of(directory.export_authorities(call.node, call.actor), call.query)
    return Page[Authority](items=items, next=following)


ROUTES: Final = (
    Route(
        "GET", "/authorities", "findAuthorities", "Find authorities of all countries, best first",
        search, Page[Found], query=AuthorityQuery,
    ),
    Route(
        "GET", "/directory/whom", "proposeAuthorities",
        "Propose the authorities competent for a matter, and the coordinators who can be asked instead",
        whom_to_ask, Proposal, query=WhomQuery,
    ),
    Route("GET", "/authorities/{authority}", "readAuthority", "Read an authority's record", read, Authority),
    Route(
        "POST", "/directory/import", "importAuthorities", "Add or replace authorities of our country, and publish",
        take_in, Changes, body=Records, query=ImportQuery, limit=MAX_BODY_BYTES,
    ),
    Route(
        "POST", "/directory/imports", "importAuthoritiesFor",
        "Add or replace authorities of our country for a reason, and publish",
        take_in_for, Changes, body=Import, limit=MAX_BODY_BYTES,
    ),
    Route(
        "GET", "/directory/export", "exportAuthorities", "Read our country's list, for editing and importing again",
        hand_out, Page[Authority], query=ExportQuery,
    ),
)  # fmt: skip
