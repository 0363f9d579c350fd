"""What a route of the API is: one row binds address, shapes, words and handler; the rest is made from it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from node.domain.access import Actor
from node.service.node import Node
from protocol.limits import MIB
from translations.languages import LANGUAGES

T = TypeVar("T")

PREFIX: Final = "/api/v1"
MAX_JSON: Final = MIB
"""Bytes of a JSON body."""
MAX_PAGE: Final = 200
"""Entries of one page of a list."""
MAX_OFFSET: Final = 100_000


class Shape(BaseModel):
    """A frozen value of our own API; unknown fields are errors. Its validator is built at its first use."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Query(Shape):
    """The query of every call."""

    lang: str | None = Field(
        None,
        description="Language of the answer's texts; the caller's own unless given.",
        json_schema_extra={"enum": [*LANGUAGES, None]},
    )


Limit = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Entries at most.")]
Offset = Annotated[int, Field(ge=0, le=MAX_OFFSET, description="Entries to leave out; `next` of the page before.")]


class PageQuery(Query):
    """The query of a list."""

    limit: Limit = 50
    offset: Offset = 0


class Page(Shape, Generic[T]):
    """Part of a list; `next` is the offset of the following part, null at the end."""

    items: tuple[T, ...]
    next: int | None


Place = Annotated[
    str, Field(max_length=70, description="Where to go on: `next` of the part before; empty for the beginning.")
]


class Part(Shape, Generic[T]):
    """Part of a list, `next` is where it goes on, null at the end; it may be short, even empty, before that."""

    items: tuple[T, ...]
    next: str | None


class PartQuery(Query):
    """Which part of a list that is read on from a place."""

    limit: Limit = 50
    after: Place = ""


def page_of(items: tuple[T, ...], query: PageQuery) -> tuple[tuple[T, ...], int | None]:
    """Cut one page out of a whole list; returns its entries and the offset of the following one."""
    end = query.offset + query.limit
    return items[query.offset : end], end if end < len(items) else None


@dataclass(frozen=True)
class Upload:
    """A file that came with a call: field `file` of multipart/form-data."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class File:
    """A file as an answer."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Call:
    """One call: `query` and `body` have the shapes that the route names, `secret` is what the caller came in with.

    `address` is where it came from (see `callers.address_of`).
    """

    node: Node
    actor: Actor
    lang: str
    path: Mapping[str, str]
    query: Any
    body: Any
    secret: str
    address: str


Access = Literal["token", "session", "open"]
"""What opens a route: a bearer token, only the session of a person who signed in, or nothing."""


@dataclass(frozen=True)
class Route:
    """One row: `path` follows the prefix.

    A POST that only reads is `reading` and needs no Idempotency-Key; nor does one that is open to all.
    """

    method: str
    path: str
    operation: str
    summary: str
    handler: Callable[[Call], Awaitable[BaseModel | File | None]]
    answer: type[BaseModel] | type[File] | None
    body: type[BaseModel] | type[Upload] | None = None
    query: type[Query] = Query
    status: int = 200
    limit: int = MAX_JSON
    reading: bool = False
    access: Access = "token"

    @property
    def repeatable(self) -> bool:
        """Whether an Idempotency-Key makes the call happen once."""
        return self.method == "POST" and not self.reading and self.access != "open"
