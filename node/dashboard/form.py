"""Reading forms: bounded, in memory only, so that no personal data touch the disk on their way."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web import HTTPRequestEntityTooLarge

from node.errors import NodeError
from node.service.kept_form import MAX_KEPT, MAX_SEALED
from protocol.content import Said
from protocol.limits import (
    MAX_ATTACHMENTS,
    MAX_BLOB,
    MAX_COLUMNS,
    MAX_PART,
    MAX_PARTS,
    MAX_QUESTIONS,
    MAX_ROWS,
    MAX_TEXT,
)
from translations.languages import LANGUAGES

_MAX_FIELD: Final = 64 * 1024
_FULL_TABLES: Final = 8
"""Full tables that a question set may have: with 40 characters a cell they fill the two parts of a reply."""
MAX_FIELDS: Final = MAX_QUESTIONS * 4 + _FULL_TABLES * MAX_ROWS * MAX_COLUMNS
"""Fields of a form: of each question answer, reason, comment and language, and the cells of its tables."""
MAX_FORM: Final = 2 * MAX_PARTS * MAX_PART
"""Characters of a form's fields with their names; twice what an event holds."""
_MAX_SMALL: Final = 1000
"""Fields of a stranger's form."""


MAX_OFFSET: Final = 100_000
"""Entries that a list's page may leave out, as in the API."""


def whole_number(text: str, most: int = 2**53) -> int | None:
    """Return a number written in plain digits, from 0 up to `most`; None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    return int(text) if int(text) <= most else None


def day_of(text: str) -> date | None:
    """Return a day written as 2026-11-30, or None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def offset_of(request: web.Request) -> int:
    """Return how many entries of a list the address leaves out; 0 where it says nothing that can be done."""
    return whole_number(request.query.get("from", ""), MAX_OFFSET) or 0


@dataclass(frozen=True)
class File:
    """An uploaded file."""

    name: str
    media_type: str
    data: bytes


@dataclass
class Form:
    """The fields of a form; a name may have several values.

    `named_files` are the first file of each field, `refused_file` names the file that can't be taken.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    named_files: dict[str, File] = field(default_factory=dict)
    refused_file: str = ""
    _count: int = 0
    _size: int = 0

    def add(self, name: str, value: str, most: int = MAX_FIELDS) -> None:
        """Add a value that was sent; raises `too-large` beyond `most` values or `MAX_FORM`."""
        self._count, self._size = self._count + 1, self._size + len(name) + len(value)
        if self._count > most or self._size > MAX_FORM:
            raise NodeError("too-large")
        self.fields.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        """Return the first value without surrounding space; an empty string where there is none."""
        return self.fields.get(name, [""])[0].strip()

    def all(self, name: str) -> list[str]:
        """Return every value of a name."""
        return self.fields.get(name, [])

    def values(self) -> dict[str, str]:
        """Return what was typed, to show it again."""
        return {name: values[0] for name, values in self.fields.items() if name not in ("csrf", "do", "remove")}

    def starting(self, prefix: str) -> dict[str, str]:
        """Return the non-empty fields whose names begin with `prefix`, without it."""
        return {n.removeprefix(prefix): self[n] for n in self.fields if n.startswith(prefix) and self[n]}

    def ticked(self, name: str) -> bool:
        """Say whether a box was ticked."""
        return self[name] == "yes"

    def number(self, name: str) -> int | None:
        """Return a whole number, or None where it isn't one."""
        return whole_number(self[name])

    def date(self, name: str) -> date | None:
        """Return a date, or None where it isn't one."""
        return day_of(self[name])

    def said(self, name: str, lang: str) -> Said | None:
        """Return a free text with its language, or None where it is empty; raises `invalid` when too long."""
        text = self[name].replace("\r\n", "\n")
        if not text:
            return None
        if len(text) > MAX_TEXT:
            raise NodeError("invalid", fields={name: "too-long"})
        if lang not in LANGUAGES:
            raise NodeError("invalid", fields={name: "unknown-language"})
        return Said(text=text, lang=lang)

    def said_or_fault(self, name: str, lang: str, found: dict[str, str]) -> Said | None:
        """Return a free text like `said`; one that is too long is noted in `found`, so that the form comes back."""
        try:
            return self.said(name, lang)
        except NodeError as error:
            if error.fields.get(name) != "too-long":
                raise
            found[name] = "error.text-long"
            return None


async def read_form(request: web.Request, *, files: bool = True, longer: str = "") -> Form:
    """Read a form's fields and files; raises `too-large` beyond the limits.

    Without `files` it is a stranger's form: a small one, and `invalid` where it comes in parts. Its field `longer`
    may be as long as a form that was kept.
    """
    form = Form()
    try:
        if request.content_type == "multipart/form-data":
            if not files:
                raise NodeError("invalid", "This form takes no files.")
            await _multipart(request, form)
        else:
            for name, value in (await request.post()).items():
                if len(str(value)) > (MAX_SEALED if name == longer else _MAX_FIELD):
                    raise NodeError("too-large")
                form.add(name, str(value), MAX_FIELDS if files else _MAX_SMALL)
    except HTTPRequestEntityTooLarge:
        raise NodeError("too-large") from None
    except (ValueError, AssertionError, BadHttpMessage):  # the last: a part's own head is too long
        raise NodeError("invalid", "The form can't be read.") from None
    return form


async def read_typed(request: web.Request) -> tuple[Form, bool]:
    """Read what was typed into the form of a session that has ended, and whether files came along.

    Whoever sends it is a stranger by now: files are let go as they come, and the text may fill `MAX_KEPT` in all.
    """
    if request.content_type != "multipart/form-data":
        return await read_form(request), False
    form, files, size = Form(), False, 0
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                raise NodeError("invalid", "The form can't be read.")
            if part.filename is None:
                text = (await _bounded(part, _MAX_FIELD)).decode("utf-8")
                size += len(text)
                if size > MAX_KEPT:
                    raise NodeError("too-large")
                form.add(part.name, text)
            else:
                files |= await _let_go(part) or bool(part.filename)
    except (ValueError, AssertionError, BadHttpMessage):  # the last: a part's own head is too long
        raise NodeError("invalid", "The form can't be read.") from None
    return form, files


async def _let_go(part: BodyPartReader) -> bool:
    """Read a file to nowhere; returns whether there was anything."""
    size = 0
    while chunk := await part.read_chunk(64 * 1024):
        size += len(chunk)
        if size > MAX_BLOB:
            raise NodeError("too-large", fields={part.name or "": "too-large"})
    return size > 0


async def _multipart(request: web.Request, form: Form) -> None:
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise NodeError("invalid", "The form can't be read.")
        if part.filename is None:
            form.add(part.name, (await _bounded(part, _MAX_FIELD)).decode("utf-8"))
        else:
            data = await _bounded(part, MAX_BLOB)
            if part.filename or data:
                form.files.append(File(part.filename or "", part.headers.get("Content-Type", ""), data))
                form.named_files.setdefault(part.name, form.files[-1])
            if len(form.files) > MAX_ATTACHMENTS:
                raise NodeError("too-large", "Too many files.")


async def _bounded(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > limit:
            raise NodeError("too-large", fields={part.name or "": "too-large"})
    return bytes(data)
