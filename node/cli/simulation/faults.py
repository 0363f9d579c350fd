"""What happens to nodes and ways from time to time; each kind of fault is a class that strikes and lets go.

Mishaps of single calls (loss, delay, repetition, reordering, alteration) are in `network`; deaths at commit and
send boundaries, with torn logs, are in `life` and `world`.
"""

import asyncio
from abc import ABC, abstractmethod
from random import Random
from typing import ClassVar, Final, Protocol

from typing_extensions import override

from node.cli.simulation.assembly import Assembly
from node.cli.simulation.clock import DriftingClock
from node.cli.simulation.life import Life
from node.cli.simulation.network import Network
from node.cli.simulation.operators import REVOKE
from node.service.key_change import KINDS
from protocol.jws import Signer

_HOUR: Final = 3600.0


class Stage(Protocol):
    """What faults may touch."""

    lives: dict[str, Life]
    clocks: dict[str, DriftingClock]
    network: Network
    severity: float
    assembly: Assembly

    @property
    def stormy(self) -> bool:
        """Whether faults may still strike."""

    def count(self, kind: str, *words: object) -> None:
        """Note a fault."""

    def back_up(self, country: str) -> bool:
        """Copy a node's files, as an operator does; returns whether there is somebody to judge what comes of it."""

    def change_key(self, country: str, kind: str) -> None:
        """Let an operator renew a key of a kind, or revoke an earlier one."""

    def restore(self, country: str) -> None:
        """Let a node lose its disk and start from the copy."""

    def robbed(self, country: str, signer: Signer) -> None:
        """Let whoever stole a message key use it."""


class Fault(ABC):
    """A kind of fault: how often it strikes (seconds between two at severity 1), and what it does."""

    kind: ClassVar[str]
    every_s: ClassVar[float] = 600.0
    longest_s: ClassVar[float] = 300.0

    def __init__(self, stage: Stage, chance: Random) -> None:
        """Take what it may touch, and chance of its own."""
        self.stage = stage
        self.chance = chance

    async def strike_now_and_then(self, duration_s: float) -> None:
        """Strike at random times for a while; what it holds is let go after a random time too."""
        ends = asyncio.get_running_loop().time() + duration_s
        pause = self.every_s / self.stage.severity
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / pause))
            if not self.stage.stormy or asyncio.get_running_loop().time() > ends:
                return
            if not self.stage.lives:
                continue
            country = self.chance.choice(sorted(self.stage.lives))
            if not self.strike(country):
                continue
            self.stage.count(self.kind, country)
            await asyncio.sleep(self.chance.uniform(1.0, self.longest_s))
            self.let_go(country)

    @abstractmethod
    def strike(self, country: str) -> bool:
        """Do it to a country whose node runs; returns whether it could be done."""

    def let_go(self, country: str) -> None:  # noqa: B027 - what doesn't last has nothing to end
        """End it, where it lasts."""


class Partition(Fault):
    """A country and perhaps others are cut off from the rest, in both directions."""

    kind = "partition"

    @override
    def strike(self, country: str) -> bool:
        self._ways = self.ways(country)
        self.stage.network.cut |= self._ways
        return True

    def ways(self, country: str) -> set[tuple[str, str]]:
        """Return the ways that it cuts."""
        everyone = sorted(self.stage.clocks)
        inside = {country, *(c for c in everyone if self.chance.random() < 0.3)}  # noqa: PLR2004
        outside = [c for c in everyone if c not in inside]
        return {way for a in inside for b in outside for way in ((a, b), (b, a))}

    @override
    def let_go(self, country: str) -> None:
        self.stage.network.cut -= self._ways


class OneWay(Partition):
    """A country hears the others and isn't heard, or the other way round: receipts get lost, requests don't."""

    kind = "one-way-partition"

    @override
    def ways(self, country: str) -> set[tuple[str, str]]:
        deaf = self.chance.random() < 0.5  # noqa: PLR2004
        others = [c for c in sorted(self.stage.clocks) if c != country]
        return {(other, country) if deaf else (country, other) for other in others}


class SlowPeer(Fault):
    """Every call to or from a country takes seconds, some longer than anybody waits."""

    kind = "slow-peer"

    @override
    def strike(self, country: str) -> bool:
        self.stage.network.slow[country] = self.chance.choice((0.5, 5.0, 25.0, 70.0))
        return True

    @override
    def let_go(self, country: str) -> None:
        self.stage.network.slow.pop(country, None)


class FullDisk(Fault):
    """No transaction of a node can be committed for a while: SQLite finds no room."""

    kind = "full-disk"

    @override
    def strike(self, country: str) -> bool:
        self._life = self.stage.lives[country]
        self._life.full = True
        return True

    @override
    def let_go(self, country: str) -> None:
        self._life.full = False


class ClockJump(Fault):
    """A clock is set forward or back, by seconds up to days."""

    kind = "clock-jump"
    every_s = 900.0

    @override
    def strike(self, country: str) -> bool:
        far = self.chance.choice((5.0, 300.0, _HOUR, 30 * _HOUR))
        self.stage.clocks[country].jump(self.chance.uniform(-far, far))
        return True

    @override
    def let_go(self, country: str) -> None:
        if self.chance.random() < 0.5:  # noqa: PLR2004 - the operator notices, or not
            self.stage.clocks[country].correct()


class ClockDrift(Fault):
    """A clock runs too slow or too fast."""

    kind = "clock-drift"
    every_s = 900.0

    @override
    def strike(self, country: str) -> bool:
        self.stage.clocks[country].drift(self.chance.uniform(0.9, 1.1))
        return True


class PowerCut(Fault):
    """A node loses power between two boundaries, with whatever it was about to do."""

    kind = "power-cut"
    longest_s = 2.0

    @override
    def strike(self, country: str) -> bool:
        self.stage.lives[country].end("between")
        return True


class Suspension(Fault):
    """The states suspend a member, and take it back."""

    kind = "suspension"
    every_s = 1500.0

    @override
    def strike(self, country: str) -> bool:
        return self.stage.assembly.suspend(country)

    @override
    def let_go(self, country: str) -> None:
        self.stage.assembly.reinstate(country)


class Departure(Fault):
    """A member leaves for good."""

    kind = "departure"
    every_s = 4000.0

    @override
    def strike(self, country: str) -> bool:
        return self.stage.assembly.leave(country)


class Arrival(Fault):
    """A country joins while everything else goes on."""

    kind = "arrival"
    every_s = 1000.0

    @override
    def strike(self, country: str) -> bool:
        return self.stage.assembly.join()


class OldBackup(Fault):
    """A node loses its disk and is started from a backup of some minutes ago."""

    kind = "old-backup"
    every_s = 1500.0

    @override
    def strike(self, country: str) -> bool:
        return self.stage.back_up(country)

    @override
    def let_go(self, country: str) -> None:
        self.stage.restore(country)


class KeyRenewal(Fault):
    """An operator renews a key while messages under the earlier one are on their way."""

    kind = "key-renewal"
    every_s = 500.0
    longest_s = 120.0

    @override
    def strike(self, country: str) -> bool:
        self.stage.change_key(country, self.chance.choice(KINDS))
        return True


class KeyRevocation(Fault):
    """An operator finds that a message key was stolen: renews it, and revokes the earlier one a while later."""

    kind = "key-revocation"
    every_s = 900.0

    @override
    def strike(self, country: str) -> bool:
        self._stolen = self.stage.lives[country].node.keys.signer
        self.stage.change_key(country, "message")
        return True

    @override
    def let_go(self, country: str) -> None:
        self.stage.change_key(country, REVOKE)
        self.stage.robbed(country, self._stolen)


FAULTS: Final[tuple[type[Fault], ...]] = (
    Partition,
    OneWay,
    SlowPeer,
    FullDisk,
    ClockJump,
    ClockDrift,
    PowerCut,
    Suspension,
    Departure,
    Arrival,
    OldBackup,
    KeyRenewal,
    KeyRevocation,
)
"""The kinds that strike in every simulation."""
