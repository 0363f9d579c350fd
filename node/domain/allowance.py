"""Token buckets: who may ask for how much, and how long they wait who asked for more."""

import math
from dataclasses import dataclass, field

from node.errors import NodeError

BURST_S = 20
"""Seconds' worth of calls that a person, or all strangers at one address, may make at a stroke."""

MAX_BUCKETS = 10_000
"""Callers of whom an allowance is remembered; beyond, those who called longest ago start afresh."""


@dataclass
class Buckets:
    """A bucket for each caller: it holds up to `burst` and fills by `per_s` every second."""

    per_s: float
    burst: float
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, who: str, cost: float, now: float) -> float:
        """Spend `cost` and return 0, or spend nothing and return the seconds after which it could be spent."""
        level, needed = self._level(who, now), min(cost, self.burst)
        if level < needed:
            return (needed - level) / self.per_s
        self._keep(who, level - needed, now)
        return 0.0

    def require(self, who: str, cost: float, now: float) -> None:
        """Spend `cost`; raises `too-many`."""
        if wait := math.ceil(self.wait(who, cost, now)):
            raise NodeError("too-many", f"Too many calls; try again in {wait} s.", retry_after_s=wait)

    def _level(self, who: str, now: float) -> float:
        level, since = self._levels.get(who, (self.burst, now))
        return min(self.burst, level + max(0.0, now - since) * self.per_s)

    def _keep(self, who: str, level: float, now: float) -> None:
        self._levels.pop(who, None)
        self._levels[who] = (level, now)
        if len(self._levels) > MAX_BUCKETS:
            del self._levels[next(iter(self._levels))]


class Allowances:
    """What people may ask of a listener: each person for itself, and all who aren't signed in at one address together.

    Who is signed in is never counted with strangers: a flood from behind the same proxy stops nobody's work.
    """

    def __init__(self, calls_per_s: float, strangers_per_s: float) -> None:
        """Take the calls per second in the long run."""
        self._persons = Buckets(calls_per_s, calls_per_s * BURST_S)
        self._strangers = Buckets(strangers_per_s, strangers_per_s * BURST_S)

    def person(self, person: str, now: float) -> None:
        """Count a call of somebody signed in; raises `too-many`."""
        self._persons.require(person, 1, now)

    def stranger(self, address: str, now: float) -> None:
        """Count a call of somebody else; raises `too-many`. `address`: see `callers.address_of`."""
        self._strangers.require(address, 1, now)
