"""The delivery as a whole: a courier and a fetcher for every other active member."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from node.delivery.call import Line
from node.delivery.courier import Courier
from node.delivery.fetcher import Fetcher
from node.service import follow_up
from node.service.node import Node
from protocol.batch import Versions


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

    async def start(self) -> None:
        """Connect the node's hints to the couriers and start one for each peer."""
        self._node.wake = self.wake
        self._node.heard = self.heard
        await follow_up.grant_withdrawals(self._node)
        self.match_members()

    def match_members(self) -> None:
        """Start what is missing for active members, and stop what runs for others."""
        members = self._node.members
        wanted = (members.active_countries() - {self._node.country}) if members else frozenset()
        for country in sorted(wanted - self._ways.keys()):
            if country not in self._lines:
                self._lines[country] = self._line_to(country)
            line = self._lines[country]
            courier, fetcher = Courier(self._node, country, line), Fetcher(self._node, country, line)
            tasks = tuple(asyncio.create_task(run(), name=f"{country}") for run in (courier.run, fetcher.run))
            for task in tasks:
                task.add_done_callback(_surface)
            self._ways[country] = _Way(courier, fetcher, tasks)
        for country in sorted(self._ways.keys() - wanted):
            for task in self._ways.pop(country).tasks:
                task.cancel()

    def wake(self, country: str) -> None:
        """Say that something new waits for a country."""
        if country in self._ways:
            self._ways[country].courier.wake()

    def heard(self, country: str, members: Versions | None, heads: Versions) -> None:
        """Pass on what a peer said it knows."""
        if country in self._ways:
            self._ways[country].fetcher.heard(members, heads)

    def announce(self) -> None:
        """Let every peer know that our directory has changed."""
        for way in self._ways.values():
            way.fetcher.announce()

    async def stop(self) -> None:
        """Stop everything and close the connections; what waits is on disk."""
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
