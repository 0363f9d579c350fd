"""How far deletions have come, for the operator: numbers and days, no persons."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from node.clock import unstamp
from node.service import retention
from node.service.erasure_backups import Holder, complete_on, holders
from node.service.node import Node
from node.store import erasures
from node.store.erasures import Why
from node.store.tx import Row


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Place(_View):
    """A folder that holds case keys of a time, until when at most; None: until somebody removes it."""

    path: str
    at: datetime
    until: datetime | None


class Erasure(_View):
    """A deletion: `complete_on` says when it is complete at the latest; None where a folder has to be removed first."""

    case: str
    number: str
    area: str
    counterpart: str
    why: Why
    decided_at: datetime
    key_gone_at: datetime | None
    complete_at: datetime | None
    complete_on: datetime | None
    theirs: datetime | None


class Status(_View):
    """The day by which is decided (None: the clock isn't proven), counts, and the latest deletions.

    `areas_unknown` are areas of closed cases that were never here: their own periods can't be counted.
    """

    day: date | None
    attested: datetime | None
    decided: int
    key_gone: int
    finished: int
    complete: int
    areas_unknown: tuple[str, ...]
    items: tuple[Erasure, ...]
    holders: tuple[Place, ...]


def status(node: Node, limit: int) -> Status:
    """Return how far deletions have come, the latest `limit` of them one by one."""
    held, clocks = holders(node), retention.clocks(node)
    counts, rows = node.store.read_now(lambda q: (erasures.counts(q), erasures.listing(q, limit)))
    return Status(
        day=clocks.day,
        attested=clocks.attested,
        **dict(counts),
        areas_unknown=tuple(retention.unknown_areas(node)),
        items=tuple(_erasure(row, held) for row in rows),
        holders=tuple(Place(path=str(one.path), at=one.at, until=one.until) for one in held),
    )


def _erasure(row: Row, held: list[Holder]) -> Erasure:
    def time(name: str) -> datetime | None:
        return unstamp(row[name]) if row[name] else None

    return Erasure(
        case=row["case_id"],
        number=row["number"],
        area=row["area"],
        counterpart=row["counterpart"],
        why=row["why"],
        decided_at=unstamp(row["decided_at"]),
        key_gone_at=time("key_gone_at"),
        complete_at=time("complete_at"),
        complete_on=complete_on(held, row["key_gone_at"]) if row["key_gone_at"] else None,
        theirs=time("erased_there_at"),
    )
