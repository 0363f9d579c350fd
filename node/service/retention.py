"""The daily run: which closed cases are blocked and erased today, and why; then it is done.

Each side counts from its own note of the closure, by the area's rules that are in force at its node.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from directory_sync.checkpoint import read_checkpoint
from directory_sync.problem import DirectoryError
from node.clock import stamp, unstamp
from node.domain.retention import DEFAULT, MAX_CLOCK_ERROR, Rule, closed_on, day_that_counts, decide, last_closed
from node.errors import NodeError
from node.service import erasure
from node.service.log_keys import seen_by
from node.service.node import Node
from node.store import audit, logs, peers, retention
from node.store.retention import Step
from node.store.tx import Read, Tx
from protocol.event import parse_item
from protocol.problems import ProtocolError
from protocol.receipt import parse_receipt
from translations.area import MAX_DELETE_YEARS

log: Final = structlog.get_logger("entente.retention")
MANY: Final = 500
"""Cases that are looked at, or blocked, at once."""


@dataclass(frozen=True)
class Due:
    """A case that is to be blocked or erased: since when, and by which rule from which closure."""

    case_id: str
    number: str
    area: str
    step: Step
    closed_on: dt.date
    since: dt.date
    rule: Rule
    theirs: bool = False
    """Whether the reason is that the other side has deleted it."""

    @property
    def why(self) -> str:
        """The reason in words."""
        if self.theirs:
            return f"deleted by the other side, area {self.area}"
        period = f"{self.rule.block_months} months" if self.step == "block" else f"{self.rule.delete_years} years"
        return f"{period} after closure on {self.closed_on}, area {self.area}"


@dataclass(frozen=True)
class Clocks:
    """What says which day counts: our clock, the latest time that a peer signed, and the peers' differences."""

    now: dt.datetime
    attested: dt.datetime | None
    offsets: dict[str, float]

    @property
    def day(self) -> dt.date | None:
        """The day by which is decided; None where nothing may be."""
        return day_that_counts(self.now, self.attested, list(self.offsets.values()))


@dataclass(frozen=True)
class Done:
    """What a run did."""

    blocked: int
    erased: int


def clocks(node: Node) -> Clocks:
    """Gather what proves the time: peers' receipts, and their cosignatures of our own directory (SPEC S-218)."""
    longest = MAX_CLOCK_ERROR.total_seconds()
    rows, noted = node.store.read_now(lambda q: (peers.all_peers(q), retention.latest_clock(q, longest)))
    offsets = {str(row["country"]): float(row["clock_offset_s"]) for row in rows if row["clock_offset_s"] is not None}
    cosigned = sorted(_cosigned(node))
    middle = cosigned[len(cosigned) // 2 : len(cosigned) // 2 + 1]  # one witness's clock moves nothing
    proven = [*middle, *([unstamp(noted)] if noted else [])]
    return Clocks(node.clock.now(), max(proven, default=None), offsets)


def _cosigned(node: Node) -> list[dt.datetime]:
    own = node.store.read_now(lambda q: logs.find(q, node.country))
    try:
        return (
            list(seen_by(node, node.country, read_checkpoint(own.note.encode())).values()) if own and own.note else []
        )
    except DirectoryError:
        return []


def _require_day(found: Clocks) -> dt.date:
    if found.day is not None:
        return found.day
    if found.attested is None:
        raise NodeError("clock-wrong", "No peer has signed any time yet.", "It is tried again daily.")
    apart = ", ".join(f"{country} {seconds:+.0f} s" for country, seconds in sorted(found.offsets.items()))
    raise NodeError("clock-wrong", f"The peers' clocks differ from ours: {apart}.")


UNKNOWN: Final = Rule(DEFAULT.block_months, MAX_DELETE_YEARS)
"""Of an area that was never here: what is blocked can still be seen, but what is deleted is gone (SPEC S-278)."""


def rule_of(node: Node, area_id: str) -> Rule:
    """Return the periods of an area, those it had where it isn't here any more; else `UNKNOWN`."""
    area = node.areas.get(area_id)
    if area is not None:
        return Rule(area.rules.block_months, area.rules.delete_years)
    known = node.store.read_now(retention.periods).get(area_id)
    return Rule(*known) if known else UNKNOWN


def unknown_areas(node: Node) -> list[str]:
    """Return the areas of closed cases whose periods this node doesn't know."""
    return [area for area in node.store.read_now(retention.areas) if rule_of(node, area) is UNKNOWN]


async def _remember_periods(node: Node) -> None:
    """Keep the periods of the areas that are here, for closed cases whose area goes."""
    known = node.store.read_now(retention.periods)
    present = {area_id: (area.rules.block_months, area.rules.delete_years) for area_id, area in node.areas.items()}
    changed = {area_id: period for area_id, period in present.items() if known.get(area_id) != period}
    if changed:
        await node.store.write(lambda tx: retention.remember(tx, changed))


def plan(node: Node) -> Iterator[Due]:
    """Return what is to be done today, erasing first; raises `clock-wrong`. Nothing is changed."""
    day, now = _require_day(clocks(node)), node.clock.now()
    steps: tuple[Step, ...] = ("erase", "block")
    erased: set[str] = set()
    for step in steps:
        for area_id in node.store.read_now(retention.areas):
            for due in _of_area(node, step, area_id, (day, now)):
                if step == "erase":
                    erased.add(due.case_id)
                elif due.case_id in erased:
                    continue
                yield due


def _of_area(node: Node, step: Step, area_id: str, today: tuple[dt.date, dt.datetime]) -> Iterator[Due]:
    rule, after = rule_of(node, area_id), ("", "")
    if step == "erase" and rule is UNKNOWN:  # who knows the area has deleted it
        while rows := node.store.read_now(lambda q, a=after: retention.erased_there(q, area_id, MANY, a)):  # type: ignore[misc]
            for row in rows:
                after = (row["closed_at"], row["id"])
                ended = unstamp(row["closed_at"]).date()
                yield Due(row["id"], row["number"], area_id, step, ended, today[0], rule, theirs=True)
        after = ("", "")
    closed = last_closed(rule, today[0])[0 if step == "block" else 1]
    before = (closed + dt.timedelta(days=1)).isoformat()
    while rows := node.store.read_now(lambda q, a=after: retention.due(q, step, area_id, before, MANY, a)):  # type: ignore[misc]
        for row in rows:
            after = (row["closed_at"], row["id"])
            ended = node.store.read_now(lambda q, r=row: _closed(q, r["id"], r["closed_at"], today[1])).date()  # type: ignore[misc]
            found = decide(ended, rule, today[0])
            since = found.block_on if step == "block" else found.delete_on
            if since <= today[0]:
                yield Due(row["id"], row["number"], area_id, step, ended, since, rule)


def _closed(q: Read, case_id: str, noted: str, now: dt.datetime) -> dt.datetime:
    """Return when a case was closed: the latest of what this node noted, and what the other side signed."""
    row = retention.closing(q, case_id)
    proven: list[dt.datetime] = []
    if row is not None:
        before = retention.latest_before(q, row["seq"])
        proven = [unstamp(text) for text in (row["at"], before) if text]
        try:
            proven.append(dt.datetime.fromtimestamp(parse_item(bytes(row["line"])).iat, dt.UTC))
            if row["receipt"]:
                clock = parse_receipt(str(row["receipt"]).encode("ascii")).claims.clock
                proven.append(dt.datetime.fromtimestamp(clock, dt.UTC))
        except (ProtocolError, ValueError, OverflowError, OSError):
            log.warning("closure-unproven", case=case_id, hint="entente verify")
    return closed_on(unstamp(noted), proven, now)


async def run(node: Node, tell: Callable[[Due], None] = lambda _due: None) -> Done:
    """Block and erase what is due, and go on with what was decided earlier; raises `clock-wrong` at the end.

    What an order or an interrupted run left is done whatever the clock says.
    """
    await _remember_periods(node)
    erased = await erasure.carry_out(node)
    blocked = 0
    waiting: list[Due] = []
    try:
        for due in plan(node):
            tell(due)
            waiting.append(due)
            if len(waiting) == MANY:
                blocked += await _decide(node, waiting)
                waiting = []
        blocked += await _decide(node, waiting)
        erased += await erasure.carry_out(node)
    finally:
        await erasure.finish(node)
    return Done(blocked, erased)


async def _decide(node: Node, due: list[Due]) -> int:
    def work(tx: Tx) -> int:
        later = {one.case_id: stamp(dt.datetime.combine(one.closed_on, dt.time(), dt.UTC)) for one in due}
        retention.closed_later(tx, later)
        erasure.decide(tx, node, [one.case_id for one in due if one.step == "erase"], "time")
        blocked = retention.block(tx, [one.case_id for one in due if one.step == "block"])
        audit.extend(tx, [audit.Entry(node.country, "case.block", case_id) for case_id in blocked])
        return len(blocked)

    return await node.store.write(work) if due else 0
