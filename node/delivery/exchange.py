"""The delivery as a whole: a courier and a fetcher for every other active member."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.delivery.call import Line
from node.delivery.courier import Courier
from node.delivery.fetcher import Fetcher
from node.service import directory, versions
from node.service.node import Node, no_delivery
from node.store import peers
from protocol.batch import Versions
from protocol.history import Told

_HEAD_START_S: Final = 0.2
"""Seconds, for each further peer, by which a node that starts puts off its first looks at the peers' lists.

A whole network that starts at once would else check every list of all before half of its nodes answer.
"""


@dataclass
class _Way:
    courier: Courier
    fetcher: Fetcher
    tasks: tuple["asyncio.Task[None]", ...]


class Exchange:
    """Starts and stops what runs for each peer as the member list changes."""

    def __init__(self, node: Node, line_to: Callable[[str], Line]) -> None:
        """Take the function that makes the way to a country."""
        self._node = node
        self._line_to = line_to
        self._ways: dict[str, _Way] = {}
        self._lines: dict[str, Line] = {}
        self._couriers: dict[str, Courier] = {}
        self._own_record = 0
        self._asked = False
        self._told: set[str] = set()
        self._asked_at = 0.0
        self._marks: dict[str, tuple[object, ...]] = {}
        self._turn = asyncio.Semaphore()
        self._head_start = _HEAD_START_S

    async def start(self) -> None:
        """Connect the node's hints to the couriers and start one for each peer."""
        self._node.wake = self.wake
        self._node.idle = self.idle
        self._node.heard = self.heard
        self._node.fetch_areas = self.fetch_areas
        self._node.comparison = self.compared
        self._node.is_compared = self.is_compared
        self._node.told = self.told
        self._asked = directory.head(self._node, self._node.country) is None  # a new node: nothing of it is out there
        self._node.asked = self.asked
        self._marks = self._node.store.read_now(peers.marks)
        self._node.all_asked = self.all_asked
        self._node.half_asked = self.half_asked
        self._node.witness_asked = self.witness_asked
        self.match_members()
        self._head_start = 0.0  # who joins later is looked at at once

    def match_members(self) -> None:
        """Start what is missing for active members, and stop what runs for others."""
        members = self._node.members
        wanted = (members.active_countries() - {self._node.country}) if members else frozenset()
        for country in sorted(wanted - self._ways.keys()):
            if country not in self._lines:
                self._lines[country] = self._line_to(country)
            line = self._lines[country]
            after_s = self._head_start * len(wanted - {country})
            if country in self._couriers:
                self._couriers[country].compare_again()
            courier = self._couriers.setdefault(country, Courier(self._node, country, line))
            fetcher = Fetcher(self._node, country, line, turn=self._turn, after_s=after_s)
            tasks = tuple(asyncio.create_task(run(), name=f"{country}") for run in (courier.run, fetcher.run))
            for task in tasks:
                task.add_done_callback(_surface)
            self._ways[country] = _Way(courier, fetcher, tasks)
        own = members.role_version(self._node.country) if members else 0
        if own != self._own_record:
            self._own_record = own
            for way in self._ways.values():
                way.courier.compare_again()
        for country in sorted(self._ways.keys() - wanted):
            for task in self._ways.pop(country).tasks:
                task.cancel()

    def follow_operators(self) -> None:
        """Take up what commands did to queues and blocks: what is held, released, to be tried again."""
        marks = self._node.store.read_now(peers.marks)
        for country, way in self._ways.items():
            if marks.get(country) != self._marks.get(country):
                way.courier.look_again()
                way.fetcher.heard({}, {})
        self._marks = marks

    def wake(self, country: str) -> None:
        """Say that something new waits for a country."""
        if country in self._ways:
            self._ways[country].courier.wake()

    def idle(self, country: str) -> bool:
        """Say whether what is new for a country can be sealed at once."""
        return country in self._ways and self._ways[country].courier.idle

    def is_compared(self, country: str) -> bool | None:
        """Say whether the streams with a country were compared since the start; None where nothing runs for it."""
        return self._ways[country].courier.was_compared if country in self._ways else None

    async def compared(self, country: str, batch: str) -> bool:
        """Say whether the streams with a country were compared since the start; waits a moment for it (SPEC S-039)."""
        return country in self._ways and await self._ways[country].courier.compared(batch)

    def told(self, country: str, told: Told) -> None:
        """Fetch back what a peer has newer than we do of our own directory and record (SPEC S-133)."""
        self._asked = True
        self._told.add(country)
        own = directory.own_size(self._node)
        record = self._node.members.role_version(self._node.country) if self._node.members else 0
        if country in self._ways:
            self._ways[country].fetcher.take_back(directory=told.directory > own, record=told.record > record)

    def ask_for_record(self, countries: list[str]) -> None:
        """Ask some peers again which record of ours they know, now and then: the next certificate waits for them."""
        now = asyncio.get_running_loop().time()
        if countries and now - self._asked_at > self._node.config.peers.refresh_s:
            self._asked_at = now
            for country in countries:
                if country in self._ways:
                    self._ways[country].courier.compare_again()

    def asked(self) -> bool:
        """Say whether some peer has told which versions of our own documents it knows, or there is no peer."""
        return self._asked or not self._ways

    def all_asked(self) -> bool:
        """Say whether everybody who may know documents of ours has told which, since the start (SPEC S-133)."""
        return versions.neighbours(self._node) <= self._told

    def half_asked(self) -> bool:
        """Say whether more than half of those have: before that no checkpoint of our log is signed (SPEC S-133)."""
        others = versions.neighbours(self._node)
        return not others or 2 * len(others & self._told) > len(others)

    def witness_asked(self) -> bool:
        """Say whether at least half have shown what we cosigned: before that nothing is cosigned (SPEC S-255)."""
        others = versions.neighbours(self._node)
        looked = sum(country in others and way.fetcher.looked for country, way in self._ways.items())
        return 2 * looked >= len(others)

    def heard(self, country: str, members: Versions | None, heads: Versions) -> None:
        """Pass on what a peer said it knows."""
        if country in self._ways:
            self._ways[country].fetcher.heard(members, heads)

    def fetch_areas(self, country: str) -> None:
        """Look at once for the versions of areas that a peer has."""
        if country in self._ways:
            self._ways[country].fetcher.want_areas()

    def announce(self) -> None:
        """Let every peer know that our directory has changed."""
        for way in self._ways.values():
            way.fetcher.announce()

    async def stop(self) -> None:
        """Stop everything and close the connections; what waits is on disk."""
        self._node.idle = lambda _country: False
        self._node.is_compared = lambda _country: None
        self._node.comparison = lambda _country, _batch: no_delivery()
        self._node.asked = self._node.all_asked = self._node.half_asked = lambda: True
        self._node.witness_asked = lambda: True
        tasks = [task for way in self._ways.values() for task in way.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ways.clear()
        for line in self._lines.values():
            await line.close()


def _surface(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a courier or fetcher ended", "exception": error, "task": task}
        )
