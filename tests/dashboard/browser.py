"""A reader without scripts: fetches pages, fills in forms, follows redirects, like a browser would."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp


@dataclass
class PageForm:
    """A form of a page with what stands in its fields."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.links: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._select = self._area = ""
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(PageForm(values.get("action", "")))
        elif tag == "a":
            self._href = values.get("href", "")
        if not self.forms:
            return
        fields, name = self.forms[-1].fields, values.get("name", "")
        if tag == "input" and values.get("type") not in ("checkbox", "radio", "file", "submit"):
            fields[name] = values.get("value", "")
        elif tag == "input" and "checked" in values and values.get("type") != "file":
            fields[name] = values.get("value", "on")
        elif tag == "select":
            self._select = name
            fields.setdefault(name, "")
        elif tag == "option" and "selected" in values:
            fields[self._select] = values.get("value", "")
        elif tag == "textarea":
            self._area = name
            fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "a":
            self._href = ""

    def handle_data(self, data: str) -> None:
        if self._area and self.forms:
            self.forms[-1].fields[self._area] += data
        if data.strip():
            self.words.append(data.strip())
            if self._href:
                self.links.append((self._href, data.strip()))


@dataclass
class Page:
    """What the reader sees."""

    status: int
    path: str
    html: str
    forms: list[PageForm]
    text: str
    links: list[tuple[str, str]]
    headers: Any

    def form(self, ending: str) -> PageForm:
        """Return the form that posts to an address with this ending."""
        return next(form for form in self.forms if form.action.endswith(ending))


@dataclass
class Browser:
    """One person's browser at one node."""

    base: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Page:
        """Open a page."""
        async with self.session.get(self.base + path) as answer:
            return await self._page(answer)

    async def post(self, form: PageForm, _upload: tuple[str, str, bytes] | None = None, **changes: str) -> Page:
        """Send a form with some fields changed; follows the redirect."""
        fields = {**form.fields, **{name.replace("__", "."): value for name, value in changes.items()}}
        data: Any = {name: value for name, value in fields.items() if name}
        if _upload is not None:
            sent = aiohttp.FormData()
            for name, value in data.items():
                sent.add_field(name, value, content_type="text/plain")
            sent.add_field("files", _upload[2], filename=_upload[0], content_type=_upload[1])
            data = sent
        async with self.session.post(self.base + form.action, data=data) as answer:
            return await self._page(answer)

    async def _page(self, answer: aiohttp.ClientResponse) -> Page:
        html = await answer.text()
        reader = _Reader()
        reader.feed(html)
        words = " ".join(reader.words)
        return Page(answer.status, answer.url.path, html, reader.forms, words, reader.links, answer.headers)
