"""People and their ways in, for operators and data administrators."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field

from node.api.own_account import GrantView, Tokens, grant_views, tokens_view
from node.api.route import Call, Page, PageQuery, Route, Shape, page_of
from node.domain.access import ALL_AREAS, Grant, Role
from node.domain.person import MAX_LABEL_CHARS, MAX_NAME_CHARS, NewPerson, Person
from node.service import accounts, sessions, tokens
from protocol.content import Id


class PersonFields(Shape):
    """What is said of a new person: each role is held in each authority, in all legal areas or in `areas` alone."""

    login: Annotated[str, Field(max_length=MAX_LABEL_CHARS)]
    name: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    language: str
    roles: Annotated[tuple[Role, ...], Field(max_length=len(Role.__args__))]
    authorities: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    areas: Annotated[tuple[Id, ...], Field(max_length=100)] = ()


class GrantFields(Shape):
    """A role in an authority, in one legal area or, without one, in all."""

    role: Role
    authority: Id
    area: Id | None = None

    def grant(self) -> Grant:
        """Return it as the services take it."""
        return Grant(self.authority, self.role, self.area or ALL_AREAS)


class GrantNoted(GrantView):
    """A grant with when it was made, and the id of the person who made it; None where it was before."""

    granted_at: dt.datetime
    granted_by: str | None


class Grants(Shape):
    """What a person is granted in the authorities that the caller administers."""

    items: tuple[GrantNoted, ...]


class PersonRef(Shape):
    """An account without the person's name."""

    id: str


class PersonView(Shape):
    """An account; `ended_at` is set once the person has left, `service` marks a system's."""

    id: str
    login: str
    name: str
    language: str
    roles: tuple[Role, ...]
    authorities: tuple[str, ...]
    grants: tuple[GrantView, ...]
    has_password: bool
    created_at: dt.datetime
    ended_at: dt.datetime | None
    service: bool


class SignInLink(Shape):
    """A link that signs in once; an earlier one stops working."""

    url: str
    expires_at: dt.datetime


def _view(person: Person) -> PersonView:
    return PersonView(
        id=person.id,
        login=person.login,
        name=person.name,
        language=person.language,
        roles=tuple(sorted(person.roles)),
        authorities=tuple(sorted(person.authorities)),
        grants=grant_views(person.grants),
        has_password=person.has_password,
        created_at=person.created_at,
        ended_at=person.ended_at,
        service=person.service,
    )


async def add(call: Call) -> PersonRef:
    """Add a person."""
    body: PersonFields = call.body
    new = NewPerson(
        body.login,
        body.name,
        body.language,
        frozenset(body.roles),
        frozenset(body.authorities),
        areas=frozenset(body.areas),
    )
    return PersonRef(id=(await accounts.add_person(call.node, call.actor, new)).id)


async def listing(call: Call) -> Page[PersonView]:
    """List people."""
    found = tuple(_view(person) for person in accounts.list_people(call.node, call.actor))
    items, following = page_of(found, call.query)
    return Page[PersonView](items=items, next=following)


async def list_grants(call: Call) -> Grants:
    """List a person's roles."""
    found = accounts.grants_of(call.node, call.actor, call.path["person"])
    return Grants(
        items=tuple(
            GrantNoted(
                role=note.grant.role,
                authority=note.grant.authority or None,
                area=note.grant.area or None,
                granted_at=note.at,
                granted_by=note.by or None,
            )
            for note in found
        )
    )


async def grant(call: Call) -> Grants:
    """Grant a role."""
    await accounts.grant(call.node, call.actor, call.path["person"], call.body.grant())
    return await list_grants(call)


async def revoke(call: Call) -> Grants:
    """Revoke a role."""
    await accounts.revoke(call.node, call.actor, call.path["person"], call.body.grant())
    return await list_grants(call)


async def make_link(call: Call) -> SignInLink:
    """Make a sign-in link."""
    web = call.node.config.web
    expires = call.node.clock.now() + dt.timedelta(hours=web.link_hours)
    secret = await sessions.make_link(call.node, call.actor, call.path["person"])
    return SignInLink(url=f"{web.url.rstrip('/')}/link/{secret}", expires_at=expires)


async def list_tokens(call: Call) -> Tokens:
    """List the tokens of an account."""
    _, found = tokens.tokens_of(call.node, call.actor, call.path["person"])
    return tokens_view(found)


async def end_token(call: Call) -> None:
    """End a token of an account."""
    await tokens.end_token(call.node, call.actor, call.path["token"], call.path["person"])


async def end(call: Call) -> None:
    """End an account."""
    await accounts.end_person(call.node, call.actor, call.path["person"])


ROUTES: Final = (
    Route("POST", "/people", "addPerson", "Add a person; a sign-in link opens the account", add, PersonRef,
          body=PersonFields, status=201),
    Route("GET", "/people", "listPeople", "List the accounts that the caller manages", listing, Page[PersonView],
          query=PageQuery),
    Route("GET", "/people/{person}/grants", "listGrants", "List a person's roles in the authorities that the caller"
          " administers", list_grants, Grants),
    Route("POST", "/people/{person}/grant", "grantRole", "Grant a person a role in an authority, in one legal area or"
          " in all", grant, Grants, body=GrantFields),
    Route("POST", "/people/{person}/revoke", "revokeRole", "Revoke a person's role, at once", revoke, Grants,
          body=GrantFields),
    Route("POST", "/people/{person}/link", "makeLink", "Make a link that signs a person in once", make_link,
          SignInLink, status=201),
    Route("POST", "/people/{person}/end", "endPerson", "End an account with its sessions, links and tokens", end,
          None, status=204),
    Route("GET", "/people/{person}/tokens", "listTokens", "List the bearer tokens of an account", list_tokens, Tokens),
    Route("DELETE", "/people/{person}/tokens/{token}", "endToken", "End a bearer token of an account", end_token,
          None, status=204),
)  # fmt: skip
