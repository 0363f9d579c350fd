"""What every page needs: the reader, the language, the texts, and how it is rendered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from node.domain.access import Actor
from node.domain.case_view import Text
from node.errors import NodeError
from node.service import find, observed, reading, subjects, urgency
from node.service.authority_edit import editor_of
from node.service.callers import address_of
from node.service.case_list import MOST_COUNTED
from node.service.list_place import MAX_PLACE
from node.service.node import Node
from node.service.sessions import csrf_of
from translations import dates, languages
from translations.catalogue import Text as CatalogueText

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER: Final = Path(__file__).parent
NODE: Final = web.AppKey("dashboard_node", Node)
ACTOR: Final = web.RequestKey("actor", Actor)
SESSION: Final = web.RequestKey("session", str)
LANG: Final = web.RequestKey("lang", str)
FLASH_COOKIE: Final = "entente_flash"
LANG_COOKIE: Final = "entente_lang"


_SECTIONS: Final = {
    "work": "cases.list",
    "find": "directory.search",
    "observed": "cases.observe",
    "ask": "cases.act",
    "drafts": "cases.read",
    "approvals": "cases.decide",
    "authority": "directory.search",
    "authorities": "directory.change",
    "urgent": "cases.read",
    "audit": "audit.read",
    "statistics": "statistics.read",
    "subjects": "subjects.manage",
    "people": "people.manage",
    "protection": "protection.read",
    "peers": "node.observe",
    "queue": "node.observe",
    "node": "node.observe",
    "profile": "own-account",
}
"""Entry of the menu → what its page does."""


class Option(NamedTuple):
    """One entry of a selection list."""

    value: str
    text: Text | CatalogueText


class Mistake(NamedTuple):
    """What is wrong with a field, and the field's label for the list on top."""

    text: Text | CatalogueText
    label: Text | CatalogueText | None = None


class LanguageLink(NamedTuple):
    """This page in one of the 26 languages."""

    code: str
    name: str
    href: str


class User(NamedTuple):
    """Who is signed in, as the frame shows it; `authorities` are ids with their official names.

    `sections` are the entries of the menu that the reader's roles open.
    """

    name: str
    authorities: Mapping[str, str]
    sections: tuple[str, ...]


class Flash(NamedTuple):
    """A message after an action."""

    kind: str
    text: Text | CatalogueText


@dataclass(frozen=True)
class Texts:
    """The texts of one reader, as the templates call them."""

    node: Node
    lang: str

    def t(self, text_id: str, /, **values: object) -> CatalogueText:
        """Return a text of the interface."""
        return self.node.texts.text(text_id, self.lang, **values)

    def tn(self, text_id: str, n: int, /, **values: object) -> CatalogueText:
        """Return a text with a number in the right plural form."""
        return self.node.texts.plural(text_id, n, self.lang, **values)

    def day(self, value: date) -> str:
        """Write a date."""
        return dates.format_date(value, self.lang)

    def moment(self, value: datetime) -> str:
        """Write a time in the node's zone."""
        return dates.format_datetime(value, self.lang, self.node.config.node.time_zone)

    def size(self, value: int) -> str:
        """Write a file's size."""
        return dates.format_size(value, self.lang)

    def language_name(self, code: str) -> str:
        """Name a language."""
        return languages.language_name(code, self.lang)

    def country_name(self, code: str) -> str:
        """Name a country."""
        return languages.country_name(code, self.lang)

    def plain(self, words: str) -> Text:
        """Wrap words that are in the reader's language already."""
        return Text(text=words, lang=self.lang)

    def writing(self) -> tuple[Option, ...]:
        """Return the languages in which free text can be written, the reader's first."""
        codes = sorted(languages.LANGUAGES, key=lambda code: (code != self.lang, self.language_name(code)))
        return tuple(Option(code, self.plain(self.language_name(code))) for code in codes)

    def countries(self, codes: Any) -> tuple[Option, ...]:
        """Return countries as a selection list, in the order of their names."""
        named = sorted((self.country_name(code), code) for code in codes)
        return tuple(Option(code, self.plain(name)) for name, code in named)


@cache
def environment() -> "Environment":
    """Return the template environment: everything is escaped, nothing undefined is printed.

    It is made for the first page, since a start needs none.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def texts_of(request: web.Request) -> Texts:
    """Return the texts in the request's language."""
    return Texts(request.app[NODE], request[LANG])


def render(request: web.Request, template: str, status: int = 200, **context: Any) -> web.Response:
    """Render a page of the dashboard."""
    node, texts = request.app[NODE], texts_of(request)
    actor = request.get(ACTOR)
    names = {name: getattr(texts, name) for name in ("t", "tn", "day", "moment", "size", "language_name")}
    frame = {
        "lang": texts.lang,
        "static": "/static",
        "country": texts.country_name(node.country),
        "languages": _links(request),
        "demo": node.config.node.demo,
        "user": _user(node, actor) if actor else None,
        "section": "",
        "todo": _todo(node, actor) if actor and actor.may("cases.read") else "",
        "claims_due": subjects.count_due(node, actor) if actor and actor.may("subjects.manage") else 0,
        "flash": _flashes(request, texts),
        "csrf": csrf_of(request[SESSION], actor.id) if actor and SESSION in request else "",
        "values": {},
        "errors": {},
    }
    html = environment().get_template(f"{template}.html").render({**frame, **names, **context})
    response = web.Response(text=html, content_type="text/html", status=status)
    if FLASH_COOKIE in request.cookies:
        response.del_cookie(FLASH_COOKIE)
    return response


def _todo(node: Node, actor: Actor) -> str:
    """Say how many cases wait; of very many only that there are more."""
    count = reading.count_todo(node, actor)
    return f"{MOST_COUNTED - 1}+" if count == MOST_COUNTED else str(count or "")


def _user(node: Node, actor: Actor) -> User:
    coordinates = editor_of(node, actor).coordinates
    hidden = {"authorities": not coordinates, "authority": not actor.authorities}
    hidden["observed"] = actor.may("cases.observe") and not observed.observes(node, actor)
    hidden["urgent"] = not urgency.coordinators(node, actor)
    sections = tuple(section for section in sections_of(actor) if not hidden.get(section))
    return User(actor.name, find.names(node, actor.authorities), sections)


def sections_of(actor: Actor) -> tuple[str, ...]:
    """Return the entries of the menu that an actor's roles open, in their order."""
    return tuple(section for section, what in _SECTIONS.items() if actor.may(what))


def home_of(actor: Actor) -> str:
    """Return the page that an actor begins with: its cases, else the nodes, else the people that it looks after."""
    open_to = sections_of(actor)
    return "/" + next(section for section in ("work", "peers", "people", "profile", "find") if section in open_to)


def _links(request: web.Request) -> tuple[LanguageLink, ...]:
    others = {key: value for key, value in request.query.items() if key != "lang"}
    path = "/" + _readable(request).lstrip("/")  # never another host's address
    return tuple(
        LanguageLink(code, languages.native_name(code), f"{path}?{urlencode({**others, 'lang': code})}")
        for code in languages.LANGUAGES
    )


def _readable(request: web.Request) -> str:
    """Return this page's address, or after a form that has no page of its own that of the page it stood on."""
    resource = request.match_info.route.resource
    methods = {route.method for route in resource} if resource is not None else set()
    return request.path if request.method == "GET" or "GET" in methods else request.path.rpartition("/")[0]


def _flashes(request: web.Request, texts: Texts) -> tuple[Flash, ...]:
    try:
        kind, text_id, values = json.loads(request.cookies[FLASH_COOKIE])
        if not text_id.startswith("flash.") or kind not in ("success", "info", "warning", "error"):
            return ()
        return (Flash(kind, texts.t(text_id, **{str(k): str(v) for k, v in values.items()})),)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return ()


def see_other(path: str, flash: str | None = None, kind: str = "success", **values: str) -> web.Response:
    """Send the browser to another page, with a message there; `kind` is that of a notice."""
    response = web.Response(status=303, headers={"Location": path})
    if flash:
        said = json.dumps([kind, flash, values])
        response.set_cookie(FLASH_COOKIE, said, max_age=60, httponly=True, samesite="Lax")
    return response


def pages(path: str, offset: int, size: int, following: int | None) -> dict[str, Any]:
    """Return where the pages of a list before and after one lead, as the macro `pages` takes them."""
    return {
        "newer_href": f"{path}?from={max(0, offset - size)}" if offset else None,
        "more_href": f"{path}?from={following}" if following is not None else None,
    }


class Around(NamedTuple):
    """Where the beginning and the next part of a list lead, as the macro `first_pages` takes them."""

    first_href: str | None
    more_href: str | None


def place_in(request: web.Request, name: str = "after") -> str:
    """Return where the address says that a list goes on."""
    return request.query.get(name, "")[:MAX_PLACE]


def around(request: web.Request, path: str, following: str | None, name: str = "after") -> Around:
    """Return the links of a list at a path; `name` is that of its place there, and of the section with it."""
    hash_ = "" if name == "after" else f"#{name}"
    more = f"{path}?{urlencode({name: following})}{hash_}" if following else None
    return Around(f"{path}{hash_}" if place_in(request, name) else None, more)


def address(request: web.Request) -> str:
    """Return under what whoever asks is counted (see `callers.address_of`)."""
    trusted = request.app[NODE].config.web.forwarded_for
    return address_of(request.remote, request.headers.getall("X-Forwarded-For", [""])[-1] if trusted else None)


def told_to_wait(response: web.Response, error: NodeError) -> web.Response:
    """Say on an error's page when it may be tried again, where that is known."""
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def mistakes(texts: Texts, found: Mapping[str, str], labels: Mapping[str, Any] | None = None) -> dict[str, Mistake]:
    """Turn `field → text id` into what the form shows."""
    return {name: Mistake(texts.t(text_id), (labels or {}).get(name)) for name, text_id in found.items()}
