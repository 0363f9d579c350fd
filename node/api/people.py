"""People and their ways in, for operators and data administrators; and who the caller is."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field

from node.api.route import Call, Page, PageQuery, Route, Shape, page_of
from node.domain.access import Role
from node.domain.person import MAX_LABEL_CHARS, MAX_NAME_CHARS, NewPerson, Person
from node.service import accounts, sessions
from protocol.content import Id


class Me(Shape):
    """On whose behalf the caller acts."""

    id: str
    name: str
    language: str
    roles: tuple[Role, ...]
    authorities: tuple[str, ...]


class PersonFields(Shape):
    """What is said of a new person."""

    login: Annotated[str, Field(max_length=MAX_LABEL_CHARS)]
    name: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    language: str
    roles: Annotated[tuple[Role, ...], Field(max_length=len(Role.__args__))]
    authorities: Annotated[tuple[Id, ...], Field(max_length=100)] = ()


class PersonRef(Shape):
    """An account without the person's name."""

    id: str


class PersonView(Shape):
    """An account; `ended_at` is set once the person has left."""

    id: str
    login: str
    name: str
    language: str
    roles: tuple[Role, ...]
    authorities: tuple[str, ...]
    has_password: bool
    created_at: dt.datetime
    ended_at: dt.datetime | None


class SignInLink(Shape):
    """A link that signs in once; an earlier one stops working."""

    url: str
    expires_at: dt.datetime


class NewToken(Shape):
    """Where a token will be used, and for how many days."""

    label: Annotated[str, Field(max_length=MAX_LABEL_CHARS)]
    days: int


class Token(Shape):
    """A bearer token, shown this once."""

    token: str
    expires_at: dt.datetime


def _view(person: Person) -> PersonView:
    return PersonView(
        id=person.id,
        login=person.login,
        name=person.name,
        language=person.language,
        roles=tuple(sorted(person.roles)),
        authorities=tuple(sorted(person.authorities)),
        has_password=person.has_password,
        created_at=person.created_at,
        ended_at=person.ended_at,
    )


async def me(call: Call) -> Me:
    """Say who calls."""
    actor = call.actor
    return Me(
        id=actor.id,
        name=actor.name,
        language=actor.language,
        roles=tuple(sorted(actor.roles)),
        authorities=tuple(sorted(actor.authorities)),
    )


async def add(call: Call) -> PersonRef:
    """Add a person."""
    body: PersonFields = call.body
    new = NewPerson(body.login, body.name, body.language, frozenset(body.roles), frozenset(body.authorities))
    return PersonRef(id=(await accounts.add_person(call.node, call.actor, new)).id)


async def listing(call: Call) -> Page[PersonView]:
    """List people."""
    found = tuple(_view(person) for person in accounts.list_people(call.node, call.actor))
    items, following = page_of(found, call.query)
    return Page[PersonView](items=items, next=following)


async def make_link(call: Call) -> SignInLink:
    """Make a sign-in link."""
    web = call.node.config.web
    expires = call.node.clock.now() + dt.timedelta(hours=web.link_hours)
    secret = await sessions.make_link(call.node, call.actor, call.path["login"])
    return SignInLink(url=f"{web.url.rstrip('/')}/link/{secret}", expires_at=expires)


async def make_token(call: Call) -> Token:
    """Make a bearer token."""
    body: NewToken = call.body
    secret = await sessions.make_token(call.node, call.actor, body.label, body.days, call.path["login"])
    return Token(token=secret, expires_at=call.node.clock.now() + dt.timedelta(days=body.days))


async def end(call: Call) -> None:
    """End an account."""
    await accounts.end_person(call.node, call.actor, call.path["login"])


ROUTES: Final = (
    Route("GET", "/me", "readMe", "Say on whose behalf the caller acts", me, Me),
    Route("POST", "/people", "addPerson", "Add a person; a sign-in link opens the account", add, PersonRef,
          body=PersonFields, status=201),
    Route("GET", "/people", "listPeople", "List the accounts that the caller manages", listing, Page[PersonView],
          query=PageQuery),
    Route("POST", "/people/{login}/link", "makeLink", "Make a link that signs a person in once", make_link,
          SignInLink, status=201),
    Route("POST", "/people/{login}/token", "makeToken", "Make a bearer token for a person", make_token, Token,
          body=NewToken, status=201),
    Route("POST", "/people/{login}/end", "endPerson", "End an account with its sessions, links and tokens", end,
          None, status=204),
)  # fmt: skip
