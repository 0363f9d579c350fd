"""What a reader sees of the directory: found authorities, page by page, in the reader's language."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from node.domain.case_view import Text, View

T = TypeVar("T")


class Reason(Text):
    """Why an authority was found: `code` is the field (name, title, place, keyword, area), the text says it."""

    code: str


class Found(View):
    """One authority of a search result; the official `name` is never translated.

    `askable` says whether another country's authority may be asked: it is active, not our own,
    and no new counterpart while the member list has expired.
    """

    authority: str
    country: str
    country_name: str
    name: str
    name_lang: str
    title: Text | None
    place: str
    areas: tuple[Text, ...]
    why: tuple[Reason, ...]
    askable: bool


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
    """What a reader looks for; without words it is a list by country and name."""

    q: str = ""
    country: str | None = None
    area: str | None = None
    role: str | None = None
    limit: int = 20
    offset: int = 0


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
