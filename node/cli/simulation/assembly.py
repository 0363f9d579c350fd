"""What the states decide while the nodes run, and how the newest list gets to them."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from node.cli.simulation.clock import START
from node.cli.simulation.life import Life
from node.cli.simulation.oracle import Oracle
from node.cli.simulation.states import States
from node.cli.simulation.template import Template, candidate_of, copy_of
from protocol.member_documents import Status

_SMALL: Final = 8


class Network(Protocol):
    """The nodes that the states decide on."""

    lives: dict[str, Life]
    oracle: Oracle
    folder: Path

    def spawn(self, job: Coroutine[Any, Any, object]) -> None:
        """Run something beside the nodes until the end."""

    async def open(self, country: str, folder: Path) -> Life:
        """Start a node on its files."""

    def works(self, country: str) -> None:
        """Let a country's official begin, while the storm lasts."""


class Assembly:
    """The states: they suspend, take back, take in and let go, so that every change can still be heard."""

    def __init__(self, network: Network, template: Template, chance: Random) -> None:
        """Take the network, and chance of its own."""
        self._network = network
        self._template = template
        self._chance = chance
        self.states = States(template.list, template.states)
        self.applicants = list(template.applicants)
        self.gone: set[str] = set()
        self._doubtful: set[str] = set()  # who has joined or was suspended: not everybody listens to them

    def suspend(self, country: str) -> bool:
        """Let a few states suspend a member, or more than half of them, one at a time; returns whether they did."""
        others = [c for c in self.states.newest.countries() if self.states.standing(c) == "suspended"]
        if others or not self._can_do_without(country):
            return False
        by = self.states.few_for(country, self._now())
        if by and self._chance.random() < 0.5:  # noqa: PLR2004 - a few, or more than half
            self.states.suspend(country, by, self._now())
            self._spread(country)
        else:
            self._change(country, "suspended")
        return True

    def reinstate(self, country: str) -> None:
        """Let those who suspended a member make it active again, or more than half of the states."""
        if self.states.standing(country) != "suspended":
            return
        if self._chance.random() < 0.5 and self.states.lift(country, self._now()):  # noqa: PLR2004 - as above
            self._spread(country)
        else:
            self._change(country, "active")

    def leave(self, country: str) -> bool:
        """Let a member leave for good; returns whether it did."""
        if self.gone or not self._can_do_without(country):
            return False
        self.gone.add(country)
        self._change(country, "left")
        return True

    def join(self) -> bool:
        """Let an applicant join; returns whether there was one."""
        if not self.applicants or not self._heard_without(self.applicants[-1]):
            return False
        self._network.spawn(self._arrives(self.applicants.pop()))
        return True

    def staying(self) -> dict[str, Life]:
        """Return the nodes that run and haven't left."""
        lives = self._network.lives
        return {country: lives[country] for country in sorted(lives) if country not in self.gone}

    def _can_do_without(self, country: str) -> bool:
        large = 2 < len(self.states.newest.active_countries()) <= _SMALL  # noqa: PLR2004 - two need each other
        return large and self.states.standing(country) == "active" and self._heard_without(country)

    def _heard_without(self, country: str) -> bool:
        honest = set(self._template.members) & set(self._network.oracle.honest)
        return bool(honest - {country} - self._doubtful - self.gone)

    def _change(self, country: str, status: Status) -> None:
        self.states.change(country, status, self._now())
        self._spread(country)

    def _spread(self, country: str) -> None:
        self._doubtful.add(country)
        self.hand_out()

    def _now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    def hand_out(self) -> None:
        """Let an operator install the newest list, also after the disk of whoever had it is gone."""
        self._network.spawn(self._handed_out())

    async def _handed_out(self) -> None:
        """Give the newest list to one running node that every list names as active, so that the others hear it.

        Goes on until a node has it: an operator sees whether the command worked.
        """
        while True:
            known = self.staying()
            heard = [c for c in known if c in self._network.oracle.honest and c not in self._doubtful]
            if any(self.states.known_to(known[country]) for country in heard):
                return
            if heard:
                await self.states.give_to(known[self._chance.choice(heard)])
            await asyncio.sleep(10.0)

    async def _arrives(self, country: str) -> None:
        network, template = self._network, self._template
        copy_of(template.folder / country / "data", network.folder / country / "data")
        life = await network.open(country, network.folder / country)
        candidate = candidate_of(country, template.states, life.node.keys)
        self.states.take_in(candidate, template.records[country], life.clock.now())
        self._doubtful.add(country)
        self.hand_out()
        while not ((running := network.lives.get(country)) and running.node.members):
            if running is not None:
                await self.states.give_to(running)
            await asyncio.sleep(10.0)
        network.works(country)
