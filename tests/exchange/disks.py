"""Yesterday's disk: saved, put back, and what must hold once its node has got back what it lost."""

import asyncio
import shutil
from contextlib import closing
from typing import Any

from node.service.node import Node
from node.service.verification import check_node
from node.store.engine import connect
from tests.exchange.pair import World, open_for_test


def all_of(node: Node, sql: str) -> list[Any]:
    """Return the rows of a query as tuples."""
    return [tuple(row) for row in node.store.read_now(lambda q: q.all(sql))]


def save_disk(both: World, country: str) -> None:
    """Copy the files of a node as they are now: what is committed, whatever its writer is in the middle of."""
    node = both[country]
    yesterday = both.folder / f"{country}-yesterday"
    yesterday.mkdir(mode=0o700)
    databases = sorted(node.config.data.glob("*.db"))
    for database in databases:
        with closing(connect(database, readonly=True)) as source, closing(connect(yesterday / database.name)) as copy:
            source.backup(copy)
    shutil.copytree(node.config.data, yesterday, ignore=shutil.ignore_patterns("*.db*"), dirs_exist_ok=True)


async def put_back(both: World, *countries: str) -> None:
    """Stop some nodes and put their old files in place; `start_again` starts them."""
    both.members = both[countries[0]].members  # type: ignore[attr-defined]
    for country in countries:
        data = both[country].config.data
        await both.stop(country)
        shutil.rmtree(data)
        shutil.move(both.folder / f"{country}-yesterday", data)


async def start_again(both: World, *countries: str) -> None:
    """Start nodes from what is on their disks."""
    for country in countries:
        node = open_for_test(both.folder / country, country, both.clock, inline=both.inline)
        node.members = both.members  # type: ignore[attr-defined]
        both.net.nodes[country] = node
    for country in countries:
        await both.start(country)


async def recovered(both: World, *, longest_s: float = 30.0) -> None:
    """Wait until the nodes have compared and everything has arrived."""
    await asyncio.sleep(2)
    await both.settled(longest_s=longest_s)


def same_on_both(both: World) -> None:
    """Both sides hold the same cases in the same state, every invariant holds, and nobody is accused."""
    sql = "SELECT id, number, state, n, head, date_state, date_n, date_head, due, agreed, on_its_way FROM cases"
    found = [all_of(both[country], sql + " WHERE state <> 'refused' ORDER BY id") for country in ("DE", "HU")]
    assert found[0] == found[1]
    sql = "SELECT digest, kind FROM event WHERE status = 'applied' ORDER BY digest"
    assert all_of(both["DE"], sql) == all_of(both["HU"], sql)
    for country in ("DE", "HU"):
        assert check_node(both[country]) == []
        assert all_of(both[country], "SELECT * FROM proof") == []
        assert all_of(both[country], "SELECT * FROM blob WHERE here = 0") == []
        assert all_of(both[country], "SELECT * FROM event WHERE status = 'on-its-way'") == []
        assert all_of(both[country], "SELECT * FROM recovery WHERE finished_at IS NULL") == []
