"""An authority as its country describes it to all others: one record of the directory.

The official name is never translated; the informal title and the description are, so that a reader who
knows no other language finds the authority by what it does. Records come from other countries' nodes,
perhaps of a newer minor version: unknown fields are kept, known ones are checked strictly. What one record
can't know, such as whether its coordinators exist, is in `coordination.py`.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from directory_sync import limits

Level = Literal["national", "regional", "local"]
Role = Literal["authority", "coordinator"]
AreaStatus = Literal["active", "suspended"]
CoordinatorType = Literal["NIMIC", "SDIMIC", "LIMIC", "DIMIC"]
"""National, of one region, of one legal area, delegated (domain: types of authorities)."""

# Control characters and lone surrogates, line and paragraph separators, what can't be seen, and what reorders text.
_HIDING = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def _clean(text: str) -> str:
    """Refuse what could hide or reorder what a reader sees: control, direction, invisible characters (SPEC S-177)."""
    if not text.isprintable() and _HIDING.search(text):  # what is printable has none of them, and is most of all texts
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
RequestCoordinators = Annotated[
    tuple[AuthorityId, ...], Field(min_length=1, max_length=limits.MAX_REQUEST_COORDINATORS)
]


class Described(BaseModel):
    """A frozen part of a signed document: fields of a newer minor version are kept (SPEC S-124).

    The fields of each part stand in the order of the alphabet, so that what pydantic writes is canonical JSON.
    """

    model_config = ConfigDict(frozen=True, extra="allow", str_max_length=limits.MAX_RECORD_BYTES, defer_build=True)


def _empty(value: object) -> bool:
    """Say whether a field of a later version is left out, so that records without it keep their bytes (SPEC S-203)."""
    return not value


class Region(Described):
    """Where an authority is competent: a NUTS code (`DE3`, Greece `EL3`) or ISO 3166-2 (`DE-BE`).

    `name` is the region's own, `names` what it is called in other languages (SPEC S-200).
    """

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-?[A-Z0-9]{1,5}$")]
    name: Place
    names: Annotated[dict[Language, Place], Field(max_length=limits.MAX_LANGUAGES, exclude_if=_empty)] = {}


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
    phone: (
        Annotated[
            str,
            StringConstraints(pattern=r"^\+?[0-9][0-9 ()/.-]*[0-9]$", max_length=limits.MAX_PHONE_CHARS),
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

    def hosts(self) -> tuple[str, ...]:
        """Return the host names of e-mail and web address, as far as given."""
        mail = self.email.rpartition("@")[2] if self.email else None
        web = self.web.split("/")[2].partition(":")[0] if self.web else None
        return tuple(host for host in (mail, web) if host)


class AreaRole(Described):
    """What an authority is in one legal area; one that is suspended there isn't asked (SPEC S-199)."""

    area: AreaId
    role: Role
    status: AreaStatus = "active"


class Links(Described):
    """The coordinators of an authority: who registered it, who opens each area, who helps there, who only observes."""

    access: Annotated[dict[AreaId, AuthorityId], Field(max_length=limits.MAX_AREAS)] = {}
    observers: Annotated[tuple[AuthorityId, ...], Field(max_length=limits.MAX_OBSERVERS)] = ()
    request: Annotated[dict[AreaId, RequestCoordinators], Field(max_length=limits.MAX_AREAS)] = {}
    validating: AuthorityId | None = None

    def named(self) -> frozenset[str]:
        """Return the ids of all authorities that are linked."""
        found = {*self.access.values(), *self.observers, *(one for ids in self.request.values() for one in ids)}
        return frozenset(found | {self.validating} if self.validating else found)


def _none_if_bare(links: Links | None) -> Links | None:
    """Take links without any value for none, as a NIMIC's are (SPEC S-203)."""
    return links if links is not None and (links.named() or links.model_extra) else None


class Authority(Described):
    """One authority. `id` is stable for life: the country's code, a dash and a slug (`DE-zaek-berlin`).

    `v` counts the versions of this record. `valid_until` is the last day on which the authority may be
    asked, `successor` the one that took its tasks over. `coordinator` is its type if it is a typed
    coordinator; `links` is None in a record that names no coordinators. A record marked `demo` is invented
    but for its name, and its contacts end in `.example` (RFC 2606; SPEC S-125). Raises pydantic's
    ValidationError for anything over a limit of `limits.py`.
    """

    areas: Annotated[tuple[AreaRole, ...], Field(max_length=limits.MAX_AREAS)] = ()
    competences: Annotated[tuple[Competence, ...], Field(max_length=limits.MAX_COMPETENCES)] = ()
    contacts: Contacts = Contacts()
    coordinator: Annotated[CoordinatorType | None, Field(exclude_if=_empty)] = None
    country: Country
    demo: bool = False
    descriptions: Annotated[dict[Language, Description], Field(max_length=limits.MAX_LANGUAGES)] = {}
    id: AuthorityId
    languages: Annotated[tuple[Language, ...], Field(max_length=limits.MAX_LANGUAGES)] = ()
    level: Level
    links: Annotated[Links | None, AfterValidator(_none_if_bare), Field(exclude_if=_empty)] = None
    name: Name
    name_lang: Language
    place: Place
    region: Region | None = None
    successor: Annotated[AuthorityId | None, Field(exclude_if=_empty)] = None
    titles: Annotated[dict[Language, Title], Field(max_length=limits.MAX_LANGUAGES)] = {}
    v: Annotated[int, Field(ge=1, le=2**53 - 1)]
    valid_from: date
    valid_until: date | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self.id.startswith(f"{self.country}-"):
            raise ValueError("id: must begin with the country's code and a dash")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until: lies before valid_from")
        if len(self.areas) > 1 and len({role.area for role in self.areas}) < len(self.areas):
            raise ValueError("areas: names an area twice")
        if self.demo and any(not host.endswith(".example") for host in self.contacts.hosts()):
            raise ValueError("contacts: a demo authority may only be reached under .example")
        if self.coordinator is not None:
            self._coordinates_rightly()
        if self.links is not None or self.successor is not None:
            self._is_linked_rightly()
        return self

    def _coordinates_rightly(self) -> None:
        """Hold the type of a coordinator against what it coordinates (SPEC S-196)."""
        coordinated = [role.area for role in self.areas if role.role == "coordinator"]
        if self.coordinator == "NIMIC" and self.level != "national":
            raise ValueError("coordinator: a NIMIC is national")
        if self.coordinator == "SDIMIC" and self.region is None:
            raise ValueError("coordinator: an SDIMIC has a region")
        if self.coordinator == "LIMIC" and len(coordinated) != 1:
            raise ValueError("coordinator: a LIMIC coordinates exactly one area")
        if self.coordinator == "DIMIC" and not coordinated:
            raise ValueError("coordinator: a DIMIC coordinates an area")

    def _is_linked_rightly(self) -> None:
        """Check what links and successor can be checked for without other records (SPEC S-197, S-198)."""
        if self.successor is not None and self.valid_until is None:
            raise ValueError("successor: needs valid_until")
        links = self.links or Links()
        named = links.named() | ({self.successor} if self.successor else set())
        if self.id in named:
            raise ValueError("links: an authority isn't linked to itself")
        if not all(one.startswith(f"{self.country}-") for one in named):
            raise ValueError("links: only authorities of the same country")
        if self.links is not None and (links.validating is None) != (self.coordinator == "NIMIC"):
            raise ValueError("links: every authority but a NIMIC has one validating coordinator")
        if not {*links.access, *links.request} <= {role.area for role in self.areas}:
            raise ValueError("links: names an area that the authority doesn't have")
        if any(len(set(ids)) < len(ids) for ids in (links.observers, *links.request.values())):
            raise ValueError("links: names an authority twice")

    def valid_on(self, day: date) -> bool:
        """Say whether the authority may be asked on that day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def role_in(self, area: str) -> Role | None:
        """Return its role in a legal area, or None where it has none or is suspended."""
        return next((role.role for role in self.areas if role.area == area and role.status == "active"), None)

    def active_areas(self) -> frozenset[str]:
        """Return the legal areas in which it may be asked."""
        return frozenset(role.area for role in self.areas if role.status == "active")


def in_language(texts: Mapping[str, str], lang: str) -> tuple[str, str] | None:
    """Return (text, its language): the wanted language, else English, else the first; None if empty."""
    found = next((choice for choice in (lang, "en", *sorted(texts)) if choice in texts), None)
    return None if found is None else (texts[found], found)
