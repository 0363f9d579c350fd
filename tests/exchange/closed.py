"""A case that is answered and closed, for the tests on what happens to it afterwards."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from node.domain.access import Actor, granted
from node.service import (
    cases,
    drafts,
    erasure,
    messages,
    retention,
)
from node.service.node import Node
from node.service.verification import check_node
from node.store import erasures
from protocol.content import Said
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply
from translations.area import Areas

AREA = "professional-qualifications"
OTTO = Actor("id-otto", "Otto", "de", granted(["data-administrator"], ["DE-zaek-berlin"]))
ZSOFIA = Actor("id-zsofia", "Zsófia", "hu", granted(["data-administrator"], ["HU-okfo"]))
PART = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c09"
WORD = Said(text="Noch offen.", lang="de")
PERSONAL = ("Eszter", "Kovács", "oklevel.pdf", "Bitte prüfen", "nyilvántartásban")


@dataclass
class Closed:
    """Two nodes with a case that was closed, and one that stays open and proves the time."""

    both: World
    case_id: str
    open_id: str

    async def later(self, days: float) -> None:
        """Let time pass on both clocks, and let each side have a receipt of the other afterwards."""
        self.both.clock.offset += dt.timedelta(days=days)
        await messages.send(self.both["DE"], ANNA, self.open_id, WORD)
        await messages.send(self.both["HU"], KATALIN, self.open_id, WORD)
        await self.both.settled()

    async def run(self, country: str) -> retention.Done:
        """Do a node's daily run, and let what it tells arrive."""
        done = await retention.run(self.both[country])
        await erasure.look(self.both[country])
        await self.both.settled()
        await erasure.finish(self.both[country])
        return done


@asynccontextmanager
async def closed(folder: Path) -> AsyncIterator[Closed]:
    """Give two nodes with a closed case; at the end both are sound."""
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id, open_id = await ask(both), await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        await drafts.start_reply(both["HU"], KATALIN, case_id)  # stays, since the reply is sent whole
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)
        await both.settled()
        yield Closed(both, case_id, open_id)
        await both.settled()
        for country in both.net.nodes:
            assert check_node(both[country]) == []


async def answered_and_closed(both: World, case_id: str) -> None:
    """Let Budapest answer, and Berlin close the case."""
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    await cases.close(both["DE"], ANNA, case_id)
    await both.settled()


def plan(node: Node) -> list[tuple[str, str]]:
    """Return what is due at a node: case and step."""
    return [(due.case_id, due.step) for due in retention.plan(node)]


def left(node: Node) -> dict[str, list[str]]:
    """Return which files of a node's data hold which personal words in the clear, and its attachments."""
    words = {
        word: [
            path.name for path in node.config.data.rglob("*") if path.is_file() and word.encode() in path.read_bytes()
        ]
        for word in PERSONAL
    }
    return {word: files for word, files in words.items() if files}


def erased_at(both: World, case_id: str) -> set[str]:
    """Return the countries that show a case to nobody any more."""
    return {
        country
        for country, node in both.net.nodes.items()
        if node.store.read_now(lambda q: erasures.find(q, case_id)) is not None
    }


def forget_area(node: Node) -> None:
    """Let a node have an area no more, as when its operator takes back a pilot."""
    node.areas = Areas(area for area in node.areas.values() if area.id != AREA)
