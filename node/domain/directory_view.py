"""What a reader sees of the directory: found authorities, page by page, in the reader's language."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from node.domain.case_view import Text, View

T = TypeVar("T")


class Reason(Text):
    """Why an authority is proposed: `code` is competent, name, title, place, keyword or area; the text says it."""

    code: str


class Found(View):
    """One authority of a search result; the official `name` is never translated.

    `askable` says whether another country's authority may be asked: it is active, not our own,
    and no new counterpart while the member list has expired. `answer_days` is the typical time to its answer in days,
    by our own closed requests; None where these are too few. `languages` are those that it understands.
    """

    authority: str
    country: str
    country_name: str
    name: str
    name_lang: str
    title: Text | None
    place: str
    region: str | None
    level: Literal["national", "regional", "local"]
    level_name: Text
    areas: tuple[Text, ...]
    languages: tuple[str, ...]
    answer_days: int | None
    why: tuple[Reason, ...]
    askable: bool


class Proposal(View):
    """Whom one may ask: the competent authorities, the best first, and the coordinators who can be asked instead.

    `wider` says that none was found for the place, so that these are responsible for a larger territory.
    """

    authorities: tuple[Found, ...]
    coordinators: tuple[Found, ...]
    wider: bool


@dataclass(frozen=True)
class Matter:
    """What a reader knows who doesn't know whom to ask; `place` in any spelling."""

    country: str
    area: str
    competence: str | None = None
    place: str = ""


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a result; `capped` says that there are more hits than `total`, too many to be counted."""

    items: tuple[T, ...]
    total: int
    offset: int
    limit: int
    capped: bool = False

    @property
    def more(self) -> int | None:
        """Offset of the next part, if there is one."""
        after = self.offset + self.limit
        return after if after < self.total else None


@dataclass(frozen=True)
class Query:
    """What a reader looks for; without words it is a list by country and name.

    `role` is the one in the area where there is one. `region` is a code of NUTS or ISO 3166-2: authorities in it, and
    those that are competent for all of it. `understands` is a language that the authority does.
    """

    q: str = ""
    country: str | None = None
    area: str | None = None
    role: str | None = None
    limit: int = 20
    offset: int = 0
    level: str | None = None
    region: str | None = None
    competence: str | None = None
    understands: str | None = None


@dataclass(frozen=True)
class Changes:
    """What a new version of a country's list changed, in numbers of authorities."""

    version: int
    added: int = 0
    changed: int = 0
    ended: int = 0
    unchanged: int = 0

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.changed or self.ended)
