"""A coordinator's authorities and invitations; registering, inviting, approving, returning."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from aiohttp import web

from node.dashboard.authority_fields import Fields
from node.dashboard.authority_form import Filled, choices, filled, mistakes_of, record_of, typed
from node.dashboard.form import Form, offset_of
from node.dashboard.page import ACTOR, NODE, Mistake, Option, Texts, render, see_other, texts_of
from node.dashboard.profile import language_choices
from node.dashboard.sign_in import checked_form
from node.errors import NodeError
from node.service import coordinated, registration
from node.service.coordinated import STATES, Wanted
from node.service.registration import INVITATION_DAYS, Account, Registration
from translations.catalogue import Text

_PAGE = 50
_OPEN = ("invited", "submitted", "returned")


@dataclass(frozen=True)
class Link:
    """A one-time link just made, shown once: for the first administrator, or for who is invited."""

    text: Text
    address: str
    name: str


@dataclass(frozen=True)
class _Listed:
    id: str
    name: str
    name_lang: str
    place: str
    areas: tuple[str, ...]
    state: Text


@dataclass(frozen=True)
class _Invited:
    id: str
    note: str
    state: Text
    at: datetime


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/authorities", page)
    app.router.add_get("/authorities/register", register_page)
    app.router.add_post("/authorities/register", register)
    app.router.add_post("/authorities/invite", invite)
    app.router.add_get("/authorities/invitations/{registration}", review_page)
    app.router.add_post("/authorities/invitations/{registration}/approve", approve)
    app.router.add_post("/authorities/invitations/{registration}/return", give_back)
    app.router.add_post("/authorities/invitations/{registration}/withdraw", withdraw)


async def page(request: web.Request) -> web.Response:
    """List the coordinated authorities and the open invitations."""
    return await _list(request)


async def _list(
    request: web.Request,
    link: Link | None = None,
    values: dict[str, str] | None = None,
    errors: dict[str, Mistake] | None = None,
) -> web.Response:
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    wanted = {name: request.query.get(name, "")[:200] for name in ("q", "area", "state")}
    offset = offset_of(request)
    found = await coordinated.coordinated(node, actor, Wanted(**wanted, limit=_PAGE, offset=offset))
    fields, day = Fields(texts), node.directory_day()

    def href(at: int) -> str:
        return "/authorities?" + urlencode({**wanted, "from": at})

    return render(
        request,
        "authorities",
        422 if errors else 200,
        section="authorities",
        items=tuple(
            _Listed(
                one.id,
                one.name,
                one.name_lang,
                one.place,
                tuple(fields.area(role.area) for role in one.areas),
                texts.t(f"authorities.state.{coordinated.state_of(one, day)}"),
            )
            for one in found.items
        ),
        total=found.total,
        invitations=tuple(_invited(texts, one) for one in registration.listing(node, actor)),
        areas=tuple(Option(area, texts.plain(fields.area(area))) for area in node.areas),
        states=tuple(Option(state, texts.t(f"authorities.state.{state}")) for state in STATES),
        filtered=any(wanted.values()),
        link=link,
        coordinators=_coordinators(request),
        values={**wanted, **(values or {})},
        errors=errors or {},
        newer_href=href(max(0, offset - _PAGE)) if offset else None,
        more_href=href(found.more) if found.more is not None else None,
    )


def _invited(texts: Texts, one: Registration) -> _Invited:
    expired = one.state in ("invited", "returned") and one.expires_at < texts.node.clock.now()
    state = "expired" if expired else one.state
    return _Invited(one.id, one.note, texts.t(f"authorities.invitation.{state}"), one.updated_at)


def _coordinators(request: web.Request) -> tuple[Option, ...]:
    texts = texts_of(request)
    found = registration.coordinators_of(request.app[NODE], request[ACTOR])
    return tuple(Option(one.id, texts.plain(one.name)) for one in found)


# --- registering at once ---


async def register_page(request: web.Request) -> web.Response:
    """Show the form of a new authority."""
    return _register(request, Filled({"name_lang": texts_of(request).lang}), {})


def _register(request: web.Request, form: Filled, errors: dict[str, Mistake]) -> web.Response:
    found = _coordinators(request)
    if not found:
        raise NodeError("forbidden")
    return render(
        request,
        "authorities_register",
        422 if errors else 200,
        section="authorities",
        coordinators=found,
        written=(),
        values=form.values,
        picked=form.picked,
        errors=errors,
        languages_of_pages=language_choices(),
        **choices(request.app[NODE], texts_of(request)),
    )


async def register(request: web.Request) -> web.Response:
    """Publish a new authority; the first administrator's link is shown once."""
    form, node, texts = await checked_form(request), request.app[NODE], texts_of(request)
    given = typed(form)
    fields = {**record_of({}, given), "id": form["id"]}
    account = account_of(form) if form["login"] or form["person_name"] else None
    try:
        made = await registration.register(node, request[ACTOR], form["by"], fields, (form["reason"], account))
    except NodeError as error:
        if error.code not in ("invalid", "forbidden", "exists") or not error.fields:
            raise
        return _register(request, given, mistakes_of(error.fields, texts))
    if made.link is None or account is None:
        return see_other(f"/authority/{quote(made.authority.id, safe='')}", "flash.saved")
    return await _list(request, _first_link(request, made.link, account.name))


def account_of(form: Form) -> Account:
    """Return the account that a form describes."""
    return Account(form["login"], form["person_name"], form["person_language"])


def _first_link(request: web.Request, token: str, name: str) -> Link:
    node, texts = request.app[NODE], texts_of(request)
    until = node.clock.now() + timedelta(hours=node.config.web.link_hours)
    address = f"{node.config.web.url.rstrip('/')}/link/{token}"
    return Link(texts.t("authorities.registered", when=texts.moment(until)), address, name)


# --- by invitation ---


async def invite(request: web.Request) -> web.Response:
    """Make an invitation and show its link once."""
    form, node = await checked_form(request), request.app[NODE]
    try:
        _, token = await registration.invite(node, request[ACTOR], form["by"], form["note"])
    except NodeError as error:
        if error.code != "invalid":
            raise
        return await _list(request, values=form.values(), errors=mistakes_of(error.fields, texts_of(request)))
    return await _list(request, _invitation_link(request, token, form["note"]))


def _invitation_link(request: web.Request, token: str, note: str) -> Link:
    node, texts = request.app[NODE], texts_of(request)
    until = node.clock.now() + timedelta(days=INVITATION_DAYS)
    address = f"{node.config.web.url.rstrip('/')}/invitation/{token}"
    return Link(texts.t("authorities.invite.made", when=texts.moment(until)), address, note)


async def review_page(request: web.Request) -> web.Response:
    """Show what an invited person wrote."""
    return _review(request, {}, {})


def _review(request: web.Request, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    node, texts = request.app[NODE], texts_of(request)
    one = registration.one(node, request[ACTOR], request.match_info["registration"])
    return render(
        request,
        "authorities_review",
        422 if errors else 200,
        section="authorities",
        registration=one,
        state=_invited(texts, one).state,
        open=one.state in _OPEN,
        rows=Fields(texts).rows(registration.written(node, one)),
        values=values,
        errors=errors,
    )


async def approve(request: web.Request) -> web.Response:
    """Publish what was written and open the account."""
    form, node, texts = await checked_form(request), request.app[NODE], texts_of(request)
    name = request.match_info["registration"]
    try:
        made = await registration.approve(node, request[ACTOR], name, form["id"], form["reason"])
    except NodeError as error:
        if error.code not in ("invalid", "forbidden", "exists") or not error.fields:
            raise
        return _review(request, form.values(), mistakes_of(error.fields, texts))
    assert made.link is not None
    return await _list(request, _first_link(request, made.link, made.authority.name))


async def give_back(request: web.Request) -> web.Response:
    """Return a registration with a reason, or make its link anew; the link is shown once."""
    form, node, texts = await checked_form(request), request.app[NODE], texts_of(request)
    name = request.match_info["registration"]
    try:
        token = await registration.give_back(node, request[ACTOR], name, form["return_reason"])
    except NodeError as error:
        if error.code != "invalid":
            raise
        found = mistakes_of(error.fields, texts)
        return _review(request, form.values(), {"return_reason": found["reason"]} if "reason" in found else found)
    return await _list(request, _invitation_link(request, token, registration.one(node, request[ACTOR], name).note))


async def withdraw(request: web.Request) -> web.Response:
    """End an invitation."""
    await checked_form(request)
    await registration.withdraw(request.app[NODE], request[ACTOR], request.match_info["registration"])
    return see_other("/authorities", "flash.saved")


def form_of(record: dict[str, object], request: web.Request) -> Filled:
    """Return the form as an invited person left it."""
    return filled(registration.as_record(request.app[NODE], record), request.app[NODE]) if record else Filled()
