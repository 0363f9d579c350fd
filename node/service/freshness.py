"""How far a country's directory can be relied on now: how old it is, who has witnessed it, and whether its log lied."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from directory_sync.checkpoint import read_checkpoint
from directory_sync.problem import DirectoryError
from directory_sync.trust import enough
from node.domain.case_view import View
from node.service.log_keys import seen_by, witnesses_of
from node.service.node import Node
from node.store import logs
from node.store.logs import Log
from protocol.encoding import b64u

Grade = Literal["fresh", "stale", "known-only"]


@dataclass(frozen=True)
class LogState:
    """A country's log here: how large and old it is, who cosigned it, and what is wrong with it.

    `size` and `root` are of the newest checkpoint, `waiting` counts our own leaves that have none yet. `witnesses`
    says who has cosigned and when, `needed` how many make it witnessed. `withheld` counts records that it hasn't
    given, since `withheld_since`; `frozen` says why nothing more is taken over.
    """

    country: str
    origin: str
    size: int
    root: str
    waiting: int
    confirmed_at: datetime
    grade: Grade
    witnesses: dict[str, datetime]
    needed: int
    withheld: int
    withheld_since: datetime | None
    frozen: str | None

    @property
    def witnessed(self) -> bool:
        """Whether enough members have cosigned the checkpoint (SPEC S-218)."""
        return len(self.witnesses) >= self.needed


class Standing(View):
    """How far a directory can be relied on: how old it is, how many of the needed witnesses cosigned, why it is frozen.

    `grade` is `fresh`, `stale` (may be out of date) or `known-only` (no new counterparts any more); `frozen` is null
    as long as its log hasn't contradicted itself.
    """

    grade: Grade
    witnesses: int
    needed: int
    frozen: str | None

    @classmethod
    def of(cls, state: LogState) -> "Standing":
        """Say of a log what concerns its readers."""
        return cls(grade=state.grade, witnesses=len(state.witnesses), needed=state.needed, frozen=state.frozen)


def grade(node: Node, confirmed_at: datetime) -> Grade:
    """Grade a directory by when it was last known to be the newest (SPEC S-223)."""
    config, age = node.config.directory, node.clock.now() - confirmed_at
    if age > timedelta(days=config.known_only_days):
        return "known-only"
    return "stale" if age > timedelta(hours=config.stale_hours) else "fresh"


def grade_of(node: Node, country: str) -> Grade:
    """Grade a country's directory; our own is always fresh, and so is what was never fetched."""
    log = node.store.read_now(lambda q: logs.find(q, country))
    return "fresh" if log is None or not log.note or country == node.country else grade(node, log.confirmed_at)


def states(node: Node) -> list[LogState]:
    """Return the state of every log that is here, by country."""
    found = node.store.read_now(lambda q: [(log, logs.pending(q, log.country)) for log in logs.every(q)])
    return [_state(node, log, pending) for log, pending in found]


def standings(node: Node) -> dict[str, Standing]:
    """Return how far each directory with a checkpoint can be relied on, by country."""
    return {state.country: Standing.of(state) for state in states(node) if state.root}


def _state(node: Node, log: Log, pending: tuple[int, datetime | None]) -> LogState:
    try:
        seen = seen_by(node, log.country, read_checkpoint(log.note.encode())) if log.note else {}
    except DirectoryError:
        seen = {}  # a witness has another key under the same name by now
    own = log.country == node.country
    return LogState(
        country=log.country,
        origin=log.origin,
        size=log.signed,
        root=b64u(log.root),
        waiting=log.size - log.signed if own else 0,
        confirmed_at=log.confirmed_at,
        grade="fresh" if own else grade(node, log.confirmed_at),
        witnesses=seen,
        needed=enough(len(witnesses_of(node, log.country))),
        withheld=pending[0],
        withheld_since=pending[1],
        frozen=log.frozen,
    )


def notes(node: Node, countries: frozenset[str]) -> list[tuple[str, str, datetime]]:
    """Return what readers have to be told of some countries' directories: (text id, country, last update)."""
    found = []
    for state in states(node):
        if state.country not in countries or state.country == node.country:
            continue
        if state.frozen is not None:
            found.append(("find.frozen", state.country, state.confirmed_at))
        elif state.grade != "fresh":
            found.append((f"find.{state.grade}", state.country, state.confirmed_at))
        elif not state.witnessed:
            found.append(("find.unwitnessed", state.country, state.confirmed_at))
    return found
