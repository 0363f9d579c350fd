"""The reader's own settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aiohttp import web

from node.dashboard.page import ACTOR, LANG_COOKIE, NODE, SESSION, Mistake, Option, render, see_other, texts_of
from node.dashboard.sign_in import COOKIE, MINIMUM, checked_form, password_faults, wait_text
from node.domain.mail import HOWS, Choice, How, Topic
from node.domain.person import MAX_LABEL_CHARS
from node.errors import NodeError
from node.service import accounts, calendar_feed, find, mail_choice, passwords, sessions, tokens
from translations.catalogue import Text
from translations.languages import LANGUAGES, native_name


@dataclass(frozen=True)
class _Membership:
    name: str
    roles: tuple[Text, ...]


class _MadeToken(NamedTuple):
    token: str
    until: datetime


class _Topic(NamedTuple):
    id: str
    text: Text
    chosen: bool


class _MailView(NamedTuple):
    on: bool
    waits: bool
    refused: str
    hows: tuple[Option, ...]
    topics: tuple[_Topic, ...]


_HOWS: Final[dict[How, str]] = {"once": "mail.how.once", "daily": "mail.summary", "never": "mail.how.never"}
_TOPICS: Final[dict[Topic, str]] = {
    "new": "ask.title",
    "accepted": "event.request.accept",
    "answered": "mail.answered",
    "clarification": "event.request.clarify",
    "message": "event.note.message",
    "ended": "mail.topic.ended",
    "dates": "mail.topic.dates",
    "approval": "nav.approvals",
}
_DAYS: Final = (7, 30, tokens.TOKEN_DAYS, 180, tokens.MAX_TOKEN_DAYS)
"""For so many days a new token may work."""


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/profile", page)
    app.router.add_post("/profile/language", set_language)
    app.router.add_post("/profile/password", set_password)
    app.router.add_post("/profile/sign-out-everywhere", sign_out_everywhere)
    app.router.add_post("/profile/tokens", make_token)
    app.router.add_post("/profile/tokens/end", end_token)


def language_choices() -> tuple[Option, ...]:
    """Return the 26 languages by their own names."""
    return tuple(Option(code, Text(native_name(code), code)) for code in LANGUAGES)


async def page(request: web.Request) -> web.Response:
    """Show the profile."""
    return show(request, {})


def show(
    request: web.Request,
    errors: dict[str, Mistake],
    values: dict[str, str] | None = None,
    made: _MadeToken | None = None,
    calendar: str = "",
) -> web.Response:
    """Show the profile, with what is wrong with a form of it, or with what was just made."""
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    roles = tuple(texts.t(f"people.role.{role}") for role in sorted(actor.roles) if role != "operator")
    names = find.names(node, actor.authorities).values()
    choice, values = mail_choice.read(node, actor), values or {}
    return render(
        request,
        "profile",
        422 if errors else 200,
        section="profile",
        name=actor.name,
        authorities=tuple(_Membership(name, roles) for name in names),
        choices=language_choices(),
        minimum=MINIMUM,
        sessions=sessions.session_count(node, actor),
        tokens=tokens.list_tokens(node, actor),
        made=made,
        days=_days(request),
        default_days=str(tokens.TOKEN_DAYS),
        links=sessions.link_notes(node, actor),
        mail=_mail(request, choice, values) if actor.may("cases.read") or actor.may("subjects.manage") else None,
        feed=calendar_feed.note(node, actor),
        calendar=calendar,
        values={
            "page_language": actor.language,
            "mail_address": choice.address,
            "mail_how": choice.how,
            **values,
        },
        errors=errors,
    )


def _mail(request: web.Request, choice: Choice, typed: Mapping[str, str]) -> _MailView:
    texts = texts_of(request)
    chosen = [t for t in _TOPICS if (f"topic_{t}" in typed if "mail_how" in typed else t in choice.topics)]
    return _MailView(
        on=mail_choice.is_set_up(request.app[NODE]),
        waits=bool(choice.address) and choice.confirmed_at is None,
        refused=choice.refused,
        hows=tuple(Option(how, texts.t(_HOWS[how])) for how in HOWS),
        topics=tuple(_Topic(topic, texts.t(text), topic in chosen) for topic, text in _TOPICS.items()),
    )


def _days(request: web.Request) -> tuple[Option, ...]:
    texts, now = texts_of(request), request.app[NODE].clock.now()
    return tuple(Option(str(n), texts.plain(texts.day((now + timedelta(days=n)).date()))) for n in _DAYS)


async def set_language(request: web.Request) -> web.Response:
    """Choose the language of the pages for good."""
    form = await checked_form(request)
    await accounts.set_language(request.app[NODE], request[ACTOR], form["page_language"])
    response = see_other("/profile", "flash.saved")
    response.del_cookie(LANG_COOKIE)
    return response


async def set_password(request: web.Request) -> web.Response:
    """Change the password; other sessions and all tokens end."""
    form, texts = await checked_form(request), texts_of(request)
    found = password_faults(form)
    if not found:
        new, current = form.fields["password"][0], form.fields.get("current", [""])[0]
        try:
            await passwords.set_password(request.app[NODE], request[SESSION], new, current)
        except NodeError as error:
            known = {
                "wrong-credentials": ("current", "error.password-wrong"),
                "invalid": ("password", "error.password-common"),
            }
            if error.code == "too-many":
                return show(request, {"current": Mistake(wait_text(request, error))})
            if error.code not in known:
                raise
            field, text_id = known[error.code]
            found = {field: text_id}
    if found:
        return show(
            request, {f: Mistake(texts.t(i, n=MINIMUM) if "short" in i else texts.t(i)) for f, i in found.items()}
        )
    return see_other("/profile", "flash.password-changed")


async def make_token(request: web.Request) -> web.Response:
    """Make an access token for the reader and show it once."""
    form, node = await checked_form(request), request.app[NODE]
    days = int(form["token_days"]) if form["token_days"] in map(str, _DAYS) else 0
    try:
        token = await tokens.make_token(node, request[SESSION], form["token_label"], days)
    except NodeError as error:
        if error.code != "invalid":
            raise
        ids = {"missing": "error.required", "too-many": "error.token-count", "out-of-range": "error.not-in-list"}
        texts = texts_of(request)
        faults = {
            f"token_{field}": texts.t("error.too-long", n=MAX_LABEL_CHARS)
            if fault == "too-long"
            else texts.t(ids.get(fault, "error.choose"))
            for field, fault in error.fields.items()
        }
        return show(request, {name: Mistake(text) for name, text in faults.items()}, form.values())
    return show(request, {}, made=_MadeToken(token, node.clock.now() + timedelta(days=days)))


async def end_token(request: web.Request) -> web.Response:
    """Revoke one of the reader's access tokens."""
    form = await checked_form(request)
    await tokens.end_token(request.app[NODE], request[ACTOR], form["token"])
    return see_other("/profile", "flash.saved")


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """End all sessions of this person."""
    await checked_form(request)
    await sessions.sign_out_everywhere(request.app[NODE], request[ACTOR])
    response = see_other("/sign-in", "flash.signed-out-everywhere")
    response.del_cookie(COOKIE, path="/")
    return response
