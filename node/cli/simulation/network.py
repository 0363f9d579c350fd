"""What lies between the nodes: it loses, delays, repeats, reorders and alters, and can be cut in one direction."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from node.delivery.call import Answer, Call, LineError

TIMEOUT_S: Final = 30.0
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_OTHER: Final = bytes.maketrans(_ALPHABET, _ALPHABET[16:] + _ALPHABET[:16])
_TEXT_STARTS: Final = (b"ey", b"{")
_HEADER: Final = 16
_RUN: Final = re.compile(rb"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Weather:
    """How likely each mishap is for one call; `slow_s` is the longest ordinary delay in one direction."""

    loss: float = 0.0
    late: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    slow_s: float = 0.05


CALM: Final = Weather()


@dataclass(frozen=True)
class Fate:
    """What happens to one call."""

    out_s: float
    back_s: float
    lost_out: bool
    lost_back: bool
    again_s: float | None
    corrupt_out: float | None
    corrupt_back: float | None


@dataclass
class Network:
    """The ways between countries; `cut` has pairs `(from, to)`, `slow` seconds more for each way of a country."""

    chance: Random
    faults: Counter[str]
    weather: Weather = CALM
    cut: set[tuple[str, str]] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)

    def fate(self, me: str, peer: str) -> Fate:
        """Draw what happens to a call."""
        weather, draw = self.weather, self.chance.random
        more = self.slow.get(me, 0.0) + self.slow.get(peer, 0.0)
        out, back = (0.001 + draw() * weather.slow_s + more for _ in range(2))
        late = draw() < weather.late
        fate = Fate(
            out_s=out + TIMEOUT_S * (1 + draw()) if late else out,
            back_s=back,
            lost_out=draw() < weather.loss,
            lost_back=draw() < weather.loss,
            again_s=draw() * 2 * TIMEOUT_S if draw() < weather.duplicate else None,
            corrupt_out=draw() ** 2 if draw() < weather.corrupt else None,  # rather at the beginning
            corrupt_back=draw() ** 2 if draw() < weather.corrupt else None,
        )
        self._count(fate, late=late)
        return fate

    def _count(self, fate: Fate, *, late: bool) -> None:
        happened = {
            "loss": fate.lost_out + fate.lost_back,
            "reordering": late,
            "duplication": fate.again_s is not None,
            "corruption": (fate.corrupt_out is not None) + (fate.corrupt_back is not None),
            "delay": fate.out_s + fate.back_s > 1.0,
        }
        for kind, count in happened.items():
            if count:
                self.faults[kind] += int(count)

    def is_cut(self, sender: str, receiver: str) -> bool:
        """Say whether nothing gets from one country to another."""
        return (sender, receiver) in self.cut

    def heal(self) -> None:
        """Let everything through again, at once and unaltered."""
        self.weather = CALM
        self.cut.clear()
        self.slow.clear()


def path_of(call: Call) -> str:
    """Return the part of a call's path that is the same for every seed, such as `batches`."""
    return call.path.split("/")[3]


async def give_up() -> Answer:
    """Wait as long as a line waits for an answer, then fail as it does."""
    await asyncio.sleep(TIMEOUT_S)
    raise LineError("no answer in time")


def altered(body: bytes, where: float) -> bytes:
    """Return bytes of which one is another, or the rest is missing; what makes them invalid never depends on keys.

    In text a character becomes another one of base64url, of the same last bits, so that it stays well-formed. Not so
    in what a JWS signs: hashes stand in there, encoded once more, and whether one of them stays well-formed depends
    on the others of its characters; so it never does.
    """
    if not body:
        return body
    at = min(int(where * len(body)), len(body) - 1)
    if where * 1000 % 1 < 0.2:  # noqa: PLR2004 - one alteration of five
        return body[:at]
    text = body.startswith(_TEXT_STARTS)
    at = at if text else max(at, min(_HEADER, len(body) - 1))
    old = body[at : at + 1]
    if text and (run := _RUN.match(body, at)) and body[run.end() : run.end() + 1] == b".":
        return body[:at] + b"!" + body[at + 1 :]
    new = old.translate(_OTHER) if text else bytes([old[0] ^ 0x10])
    return body[:at] + (new if new != old else b"A") + body[at + 1 :]
