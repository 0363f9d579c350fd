"""The caller's own account: who that is, signing in without a page, and a person's bearer tokens."""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import Field

from node.api.route import Call, Route, Shape
from node.domain.access import Grant, Role
from node.domain.person import MAX_LABEL_CHARS, MAX_PASSWORD_CHARS
from node.errors import NodeError
from node.service import own_data, sessions, tokens
from node.service.own_data import OwnData

_MAX_SECRET: Final = 100


class GrantView(Shape):
    """A role in an authority, in one legal area or, without one, in all; the operator's has no authority."""

    role: Role
    authority: str | None = None
    area: str | None = None


class Me(Shape):
    """On whose behalf the caller acts; `roles` and `authorities` are those of all grants."""

    id: str
    name: str
    language: str
    roles: tuple[Role, ...]
    authorities: tuple[str, ...]
    grants: tuple[GrantView, ...]


class SignIn(Shape):
    """Either the secret part of a one-time link, or user name and password."""

    link: Annotated[str, Field(max_length=_MAX_SECRET)] | None = None
    login: Annotated[str, Field(max_length=MAX_LABEL_CHARS)] | None = None
    password: Annotated[str, Field(max_length=MAX_PASSWORD_CHARS)] | None = None


class Session(Shape):
    """The session of a person who has signed in; it goes where a bearer token goes, and opens only `/me/...`."""

    session: str
    expires_at: dt.datetime


class NewToken(Shape):
    """Where a token will be used, and for how many days."""

    label: Annotated[str, Field(max_length=MAX_LABEL_CHARS)]
    days: int = tokens.TOKEN_DAYS


class Token(Shape):
    """A bearer token, shown this once."""

    token: str
    expires_at: dt.datetime


class TokenView(Shape):
    """A bearer token as it is listed, without itself; `used_on` is the day of its last use."""

    id: str
    label: str
    created_at: dt.datetime
    used_on: dt.date | None
    expires_at: dt.datetime


class Tokens(Shape):
    """The tokens of one account that still work, oldest first."""

    items: tuple[TokenView, ...]


def tokens_view(found: tuple[tokens.BearerToken, ...]) -> Tokens:
    """Return tokens as the API shows them."""
    return Tokens(
        items=tuple(
            TokenView(
                id=one.id,
                label=one.label,
                created_at=one.created_at,
                used_on=one.used_on,
                expires_at=one.expires_at,
            )
            for one in found
        )
    )


def grant_views(grants: Iterable[Grant]) -> tuple[GrantView, ...]:
    """Return grants as the API shows them."""
    return tuple(
        GrantView(role=one.role, authority=one.authority or None, area=one.area or None) for one in sorted(grants)
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
        grants=grant_views(actor.grants),
    )


async def sign_in(call: Call) -> Session:
    """Sign in."""
    body: SignIn = call.body
    expires = call.node.clock.now() + dt.timedelta(hours=call.node.config.web.session_hours)
    if body.link is not None and body.login is None and body.password is None:
        session, _ = await sessions.use_link(call.node, body.link)
    elif body.link is None and body.login is not None and body.password is not None:
        session, _ = await sessions.sign_in(call.node, body.login, body.password, call.address)
    else:
        raise NodeError("invalid", "Send a link, or login and password.", fields={"link": "missing"})
    return Session(session=session, expires_at=expires)


async def sign_out(call: Call) -> None:
    """End the session."""
    await sessions.sign_out(call.node, call.secret)


async def make_token(call: Call) -> Token:
    """Make a bearer token of one's own."""
    body: NewToken = call.body
    secret = await tokens.make_token(call.node, call.secret, body.label, body.days)
    return Token(token=secret, expires_at=call.node.clock.now() + dt.timedelta(days=body.days))


async def list_tokens(call: Call) -> Tokens:
    """List one's own tokens."""
    return tokens_view(tokens.list_tokens(call.node, call.actor))


async def end_token(call: Call) -> None:
    """End one of one's own tokens."""
    await tokens.end_token(call.node, call.actor, call.path["token"])


async def own_data_of(call: Call) -> OwnData:
    """Read all that is kept of oneself."""
    return own_data.own_data(call.node, call.actor)


ROUTES: Final = (
    Route("GET", "/me", "readMe", "Say on whose behalf the caller acts", me, Me),
    Route("GET", "/me/data", "readOwnData", "Read all that this node keeps of one's own person", own_data_of, OwnData,
          access="session"),
    Route("POST", "/session", "signIn", "Sign in by one-time link or password", sign_in, Session,
          body=SignIn, status=201, access="open"),
    Route("DELETE", "/session", "signOut", "End the session", sign_out, None, status=204, access="session"),
    Route("POST", "/me/tokens", "makeOwnToken", "Make a bearer token of one's own", make_token, Token,
          body=NewToken, status=201, access="session"),
    Route("GET", "/me/tokens", "listOwnTokens", "List one's own bearer tokens", list_tokens, Tokens,
          access="session"),
    Route("DELETE", "/me/tokens/{token}", "endOwnToken", "End one of one's own bearer tokens", end_token, None,
          status=204, access="session"),
)  # fmt: skip
