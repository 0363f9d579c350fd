"""A node that lost the end of its own directory log, and what else of its peer it goes on fetching meanwhile."""

import asyncio
from pathlib import Path

from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.delivery.call import Answer
from node.delivery.incoming_directory import DIRECTORY
from node.domain.access import operator
from node.service import directory, key_change, messages
from node.store import blobs
from tests.exchange.disks import all_of, put_back, save_disk, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_directory_faults import publish
from tests.exchange.test_key_rotation import take_up
from tests.exchange.test_messages import FILE, WORD
from tests.exchange.test_story import KATALIN, ask

_HOUR_S = 3600.0


async def _renewed(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        save_disk(both, "DE")
        ours = demo_authorities("DE")
        await publish(both, "DE", ours[:-1])
        newest = directory.heads(both["HU"])["DE"]
        await put_back(both, "DE")
        await start_again(both, "DE")
        node = both["DE"]
        await key_change.renew(node, operator(), "log")
        await asyncio.sleep(120)
        assert directory.heads(node)["DE"] == newest
        await take_up(node, both)
        await publish(both, "DE", ours)
        assert directory.heads(both["HU"])["DE"] == directory.heads(node)["DE"] > newest
        assert all_of(both["HU"], "SELECT * FROM proof") == []


def test_a_log_whose_key_was_renewed_after_a_loss_comes_back(tmp_path: Path) -> None:
    """What peers hold is signed with the key before; the node takes it back and goes on with the new one (SPEC S-231)."""
    run(_renewed(tmp_path))


async def _old_disk(both: World) -> None:
    """Start Germany from an old disk, and let Hungary fail to give it back what it had published since."""
    await both.settled()
    save_disk(both, "DE")
    await publish(both, "DE", demo_authorities("DE")[:-1])
    await put_back(both, "DE")
    both.net.before = lambda me, _peer, call: Answer(500) if me == "DE" and call.path == f"{DIRECTORY}/DE" else None
    await start_again(both, "DE")
    await asyncio.sleep(10)


async def _files_go_on(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await _old_disk(both)
        await messages.send(both["HU"], KATALIN, case_id, WORD, [FILE])
        await asyncio.sleep(60)
        rows = both["DE"].store.read_now(lambda q: blobs.of_case(q, case_id)).values()
        assert [row["here"] for row in rows] == [1, 1]


def test_files_are_fetched_while_the_own_log_does_not_come_back(tmp_path: Path) -> None:
    """Whatever is wrong with a directory, messages go on with all that belongs to them (SPEC S-068)."""
    run(_files_go_on(tmp_path))


async def _left_alone(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.after = lambda _, peer, call, said: Answer(500) if call.path == f"{DIRECTORY}/{peer}" else said
        for country in ("DE", "HU"):
            await publish(both, country, demo_authorities(country)[:-1])
        await asyncio.sleep(_HOUR_S)
        both.net.calls.clear()
        await asyncio.sleep(_HOUR_S)
        tried = [call for call in both.net.calls if call[2].startswith(DIRECTORY)]
        assert 0 < len(tried) <= 2 * 4 * _HOUR_S / both["DE"].config.peers.refresh_s


def test_two_nodes_that_can_not_use_each_others_directory_leave_each_other_alone(tmp_path: Path) -> None:
    """Their calls tell each other of the heads that were refused already: that is no news, and wakes nobody (SPEC S-084)."""
    run(_left_alone(tmp_path))
