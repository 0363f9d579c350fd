"""An authority as its country describes it to all others: one record of the directory.

The official name is never translated; the informal title and the description are, so that a reader who
knows no other language finds the authority by what it does. Records come from other countries' nodes,
perhaps of a newer minor version: unknown fields are kept, known ones are checked strictly.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from directory_sync import limits

Level = Literal["national", "regional", "local"]
Role = Literal["authority", "coordinator"]

# Control characters and lone surrogates, line and paragraph separators, what can't be seen, and what reorders text.
_HIDING = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def _clean(text: str) -> str:
    """Refuse what could hide or reorder what a reader sees: control, direction, invisible characters (SPEC S-177)."""
    if _HIDING.search(text):
        raise ValueError("holds a control, direction or invisible character")
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text


def _clean_lines(text: str) -> str:
    """Like `_clean`, but a line feed is allowed inside."""
    _clean(text.replace("\n", " "))
    return text


def _text(most: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=most)


Line = AfterValidator(_clean)
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
AuthorityId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[a-z0-9]+)+$", max_length=limits.MAX_ID_CHARS)]
AreaId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=limits.MAX_CODE_CHARS)]
Name = Annotated[str, _text(limits.MAX_NAME_CHARS), Line]
Title = Annotated[str, _text(limits.MAX_TITLE_CHARS), Line]
Description = Annotated[str, _text(limits.MAX_DESCRIPTION_CHARS), AfterValidator(_clean_lines)]
Place = Annotated[str, _text(limits.MAX_PLACE_CHARS), Line]
Competence = Annotated[str, StringConstraints(min_length=1, max_length=limits.MAX_CODE_CHARS, pattern=r"^[^|]+$"), Line]


class Described(BaseModel):
    """A frozen part of a signed document: fields of a newer minor version are kept (SPEC S-124)."""

    model_config = ConfigDict(frozen=True, extra="allow", str_max_length=limits.MAX_RECORD_BYTES)


class Region(Described):
    """Where an authority is competent: a NUTS code (`DE3`, Greece `EL3`) or ISO 3166-2 (`DE-BE`)."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-?[A-Z0-9]{1,5}$")]
    name: Place


class Contacts(Described):
    """How to reach an authority outside the network; each may be missing."""

    address: Annotated[str, _text(limits.MAX_ADDRESS_CHARS), Line] | None = None
    email: (
        Annotated[
            str,
            StringConstraints(
                pattern=r"^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}$",
                max_length=limits.MAX_EMAIL_CHARS,
            ),
        ]
        | None
    ) = None
    web: (
        Annotated[
            str,
            StringConstraints(
                pattern=r"^https?://([A-Za-z0-9-]+\.)+[A-Za-z]{2,}(:[0-9]{1,5})?(/[!#-;=?-Z_a-z~]*)?$",
                max_length=limits.MAX_WEB_CHARS,
            ),
        ]
        | None
    ) = None
    phone: (
        Annotated[
            str,
            StringConstraints(pattern=r"^\+?[0-9][0-9 ()/.-]*[0-9]$", max_length=limits.MAX_PHONE_CHARS),
        ]
        | None
    ) = None

    def hosts(self) -> tuple[str, ...]:
        """Return the host names of e-mail and web address, as far as given."""
        mail = self.email.rpartition("@")[2] if self.email else None
        web = self.web.split("/")[2].partition(":")[0] if self.web else None
        return tuple(host for host in (mail, web) if host)


class AreaRole(Described):
    """What an authority is in one legal area (domain: area, status and role per area)."""

    area: AreaId
    role: Role
    status: Literal["active"] = "active"


class Authority(Described):
    """One authority. `id` is stable for life: the country's code, a dash and a slug (`DE-zaek-berlin`).

    `v` counts the versions of this record. `valid_until` is the last day on which the authority may be
    asked. A record marked `demo` is invented but for its name, and its contacts end in `.example`
    (RFC 2606; SPEC S-125). Raises pydantic's ValidationError for anything over a limit of `limits.py`.
    """

    id: AuthorityId
    country: Country
    name: Name
    name_lang: Language
    titles: Annotated[dict[Language, Title], Field(max_length=limits.MAX_LANGUAGES)] = {}
    descriptions: Annotated[dict[Language, Description], Field(max_length=limits.MAX_LANGUAGES)] = {}
    level: Level
    region: Region | None = None
    place: Place
    contacts: Contacts = Contacts()
    languages: Annotated[tuple[Language, ...], Field(max_length=limits.MAX_LANGUAGES)] = ()
    areas: Annotated[tuple[AreaRole, ...], Field(max_length=limits.MAX_AREAS)] = ()
    competences: Annotated[tuple[Competence, ...], Field(max_length=limits.MAX_COMPETENCES)] = ()
    demo: bool = False
    valid_from: date
    valid_until: date | None = None
    v: Annotated[int, Field(ge=1, le=2**53 - 1)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self.id.startswith(f"{self.country}-"):
            raise ValueError("id: must begin with the country's code and a dash")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until: lies before valid_from")
        if len({role.area for role in self.areas}) < len(self.areas):
            raise ValueError("areas: names an area twice")
        if self.demo and not all(host.endswith(".example") for host in self.contacts.hosts()):
            raise ValueError("contacts: a demo authority may only be reached under .example")
        return self

    def valid_on(self, day: date) -> bool:
        """Say whether the authority may be asked on that day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def role_in(self, area: str) -> Role | None:
        """Return its role in a legal area, or None where it has none."""
        return next((role.role for role in self.areas if role.area == area), None)


def in_language(texts: Mapping[str, str], lang: str) -> tuple[str, str] | None:
    """Return (text, its language): the wanted language, else English, else the first; None if empty."""
    found = next((choice for choice in (lang, "en", *sorted(texts)) if choice in texts), None)
    return None if found is None else (texts[found], found)
