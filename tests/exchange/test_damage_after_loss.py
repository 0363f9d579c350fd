"""A node comes back with yesterday's disk, and something on that disk can't be read: it says so, and waits."""

import asyncio
from pathlib import Path

from node.cli.simulation.loop import run
from node.service import upkeep
from node.service.diagnosis import check_local
from node.store import recoveries
from tests.exchange.disks import all_of, recovered, same_on_both
from tests.exchange.pair import open_for_test, world
from tests.exchange.test_damage import marked, rot
from tests.exchange.test_restart import goes_on, lost


async def _damaged(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        given = await lost(both, "HU")
        hurt = all_of(both["DE"], "SELECT id FROM cases ORDER BY created_at LIMIT 1")[0][0]
        node = both.net.nodes["HU"] = open_for_test(both.folder / "HU", "HU", both.clock, inline=True)
        node.members = both["DE"].members
        mend = await rot(node, hurt, "request.send", "a bit of the keys")
        before = all_of(node, "SELECT count(*) FROM event")
        await both.start("HU")
        await asyncio.sleep(30)
        assert all_of(node, "SELECT count(*) FROM event") == before
        assert all_of(node, "SELECT failure FROM peer WHERE country = 'DE'") == [("refused: case-damaged",)]
        assert marked(node) == [hurt]
        assert "case-damaged" in node.store.read_now(recoveries.everything)[0]["refused"]
        assert [check.level for check in check_local(node) if f"case {hurt} is damaged" in check.message] == ["fail"]
        await mend()
        await asyncio.sleep(120)
        await recovered(both)
        await upkeep.round_of(node)
        assert marked(node) == []
        same_on_both(both)
        await goes_on(both, given)


def test_what_belongs_to_a_damaged_case_waits_until_it_is_mended(tmp_path: Path) -> None:
    """The case is marked, nothing of the page is stored, and after the repair all of it comes back (SPEC S-128)."""
    run(_damaged(tmp_path))
