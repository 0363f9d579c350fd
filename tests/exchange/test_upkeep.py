"""What a running node looks after by itself: parts that couldn't be opened, files that a crash left."""

import asyncio
import datetime as dt
import sqlite3
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.delivery.upkeep import Upkeep
from node.errors import NodeError
from node.service import messages, upkeep
from node.service.node import Node
from node.store import blobs
from node.store import cases as stored_cases
from tests.exchange.pair import open_for_test
from tests.exchange.test_crossing import asked
from tests.exchange.test_messages import FILE, WORD
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_splitting import _held, _split_without_its_file
from tests.exchange.test_story import ANNA


async def _opened_later(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["DE"]
        path = await _split_without_its_file(both, case_id)
        (part,) = stored_case(node, case_id).parts
        running = asyncio.create_task(Upkeep(node, both.exchanges["DE"]).run(1.0))
        await asyncio.sleep(10)
        assert not _held(both, "DE", part)
        path.with_suffix(".away").rename(path)
        await asyncio.sleep(600)
        await both.settled()
        assert _held(both, "HU", part)
        running.cancel()


def test_a_part_that_could_not_be_opened_is_opened_by_the_upkeep(tmp_path: Path) -> None:
    """Without another batch and without a restart, some minutes after its file is back (SPEC S-230)."""
    run(_opened_later(tmp_path))


async def _named_only(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["DE"]
        path = await _split_without_its_file(both, case_id)
        (part,) = stored_case(node, case_id).parts

        def unopened(some: list[str] | None) -> list[tuple[str, str]]:
            return node.store.read_now(lambda q: stored_cases.unopened_parts(q, "HU", some))

        assert unopened(None) == unopened([case_id]) == [(case_id, part)]
        assert unopened(["another"]) == []
        assert node.parts_waiting == {"HU"}
        path.with_suffix(".away").rename(path)


def test_a_batch_looks_only_at_the_cases_that_it_divides(tmp_path: Path) -> None:
    """What waits from before is the upkeep's: a batch costs no look at every case that was ever divided."""
    run(_named_only(tmp_path))


def _files(node: Node) -> list[Path]:
    return sorted(path for path in (node.config.data / "blobs").rglob("*") if path.is_file())


async def _swept(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["DE"]
        before = _files(node)
        commit, commits = node.store.writer.commit, []

        def dies(connection: sqlite3.Connection) -> None:
            commits.append(1)
            if len(commits) > 1:  # the file is stored, the message isn't
                raise sqlite3.OperationalError("the power has failed")
            commit(connection)

        node.store.writer.commit = dies
        with pytest.raises((NodeError, sqlite3.OperationalError)):
            await messages.send(node, ANNA, case_id, WORD, [FILE])
        members = node.members
        await both.stop("DE")
        node = open_for_test(both.folder / "DE", "DE", both.clock, inline=True)
        node.members = members
        both.net.nodes["DE"] = node
        await both.start("DE")
        assert len(_files(node)) == len(before) + 1
        await upkeep.round_of(node)
        assert len(_files(node)) == len(before) + 1  # it may belong to what is just being written
        both.clock.offset += dt.timedelta(days=2)
        await upkeep.round_of(node)
        assert _files(node) == before
        assert [row["here"] for row in node.store.read_now(lambda q: blobs.of_case(q, case_id)).values()] == [1]


def test_a_file_that_a_crash_left_without_its_message_is_swept(tmp_path: Path) -> None:
    """Nothing names it, so nobody would ever delete it; a day later the upkeep does."""
    run(_swept(tmp_path))
