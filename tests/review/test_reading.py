"""Reading goes on whatever becomes of the other side, and whoever gives up waiting."""

import asyncio
import time
from pathlib import Path

from node.service import reading
from tests.exchange.pair import members_of, world
from tests.exchange.test_story import KATALIN, ask


async def test_a_case_of_a_country_that_has_left_can_be_opened(tmp_path: Path) -> None:
    """The notice that it was opened is a courtesy; without it the case is read all the same."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        both["HU"].members = members_of(both["HU"])
        seen = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert seen.state == "sent"


async def test_who_gives_up_a_long_query_leaves_its_connection_alone(tmp_path: Path) -> None:
    """A connection is given to nobody else before its query has ended, also where its caller is gone."""
    async with world(tmp_path, "DE", "HU") as both:
        store = both["DE"].store

        def slow(q: object) -> None:
            time.sleep(0.2)  # noqa: TID251 - a query that takes long, not a way of waiting

        for _ in range(3):
            task = asyncio.create_task(store.read(slow))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for _ in range(3):
                assert store.read_now(lambda q: q.one("SELECT 1 AS one"))["one"] == 1  # type: ignore[index]
        assert (await store.read(lambda q: q.one("SELECT 1 AS one")))["one"] == 1  # type: ignore[index]
