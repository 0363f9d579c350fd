"""What is asked often reads by index, and counts are kept: nothing gets slower with the number of cases."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.service import cases
from node.service.node import Node
from node.store import cases as stored
from node.store import erasures, mails, streams, subjects
from node.store.list_place import FIRST
from node.store.tx import Read, Row
from tests.exchange.pair import START, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply


def counted(node: Node) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    """Return the counts that the store keeps, and what counting every case gives."""
    kept = node.store.read_now(stored.counts)
    found = node.store.read_now(
        lambda q: q.all("SELECT role, state, COUNT(*) AS count FROM cases GROUP BY role, state ORDER BY role, state")
    )
    return [tuple(row) for row in kept], [tuple(row) for row in found]


async def test_the_counts_that_are_kept_are_those_of_the_cases(tmp_path: Path) -> None:
    """At each step of two cases on both sides, and after one was deleted."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id, _other = await ask(both), await ask(both)
        for step in (
            lambda: cases.accept(both["HU"], KATALIN, case_id),
            lambda: cases.reply(both["HU"], KATALIN, case_id, reply()),
            lambda: cases.close(both["DE"], ANNA, case_id),
        ):
            await step()
            await both.settled()
            for node in (both["DE"], both["HU"]):
                kept, found = counted(node)
                assert kept == found
        await both["HU"].store.write(lambda tx: tx.run("DELETE FROM cases WHERE id = :id", {"id": case_id}))
        kept, found = counted(both["HU"])
        assert kept == found == [("replying", "sent", 1)]


async def test_last_times_are_those_of_the_newest_batches(tmp_path: Path) -> None:
    """The receipt and the batch that came last, of all that came; read from the ends of the streams."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)

        def told_and_true() -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
            told = both["DE"].store.read_now(lambda q: streams.last_times(q, "DE"))["HU"]
            rows = both["DE"].store.read_now(lambda q: q.all("SELECT * FROM batch"))
            receipt = max((row["receipted_at"] for row in rows if row["iss"] == "DE"), default=None)
            return told, (receipt, max((row["at"] for row in rows if row["aud"] == "DE"), default=None))

        told, true = told_and_true()
        assert told == true
        both.clock.offset += dt.timedelta(hours=1)
        await cases.accept(both["HU"], KATALIN, case_id)
        await both.settled()
        later, true = told_and_true()
        assert (later, later != told) == (true, True)


class _Planned:
    """A reader that asks SQLite how it would read, and reads nothing."""

    def __init__(self, q: Read) -> None:
        self._q = q
        self.plans: list[str] = []

    def all(self, sql: str, values: dict[str, Any] | None = None) -> list[Row]:
        """Note which indexes a question reads the cases, or orders (`e`), by; those of its columns aside."""
        rows = self._q.all(f"EXPLAIN QUERY PLAN {sql}", values or {})
        self.plans += [row["detail"] for row in rows if {"cases", "e"} & set(row["detail"].split())]
        return []

    def one(self, sql: str, values: dict[str, Any] | None = None) -> None:
        """Note the same of a question for one row."""
        self.all(sql, values)


@pytest.mark.parametrize(
    ("index", "ask_for"),
    [
        ("cases_open (own_authority=? AND area=?)", lambda q: stored.urgent(q, "area", ["a", "b"], ("", ""), 50)),
        ("cases_asked (number=? AND role=?)", lambda q: stored.asked_with(q, "DE-2026-000001")),
        (
            "cases_received (own_authority=? AND created_at>? AND created_at<?)",
            lambda q: subjects.searched(q, "a", dict.fromkeys(("number", "country", "area", "since", "before")), 50),
        ),
        ("erasure_ordered", lambda q: erasures.orders(q, ["a", "b"], 50, FIRST)),
        ("cases_parts (counterpart=?)", lambda q: stored.unopened_parts(q, "HU")),
        ("cases_sent (role=? AND created_at>? AND created_at<?)", lambda q: mails.unaccepted(q, START.date(), START.date())),
        ("cases_idle (updated_at>? AND updated_at<?)", lambda q: mails.idle(q, START.date(), START.date())),
    ],
)  # fmt: skip
async def test_what_is_asked_often_reads_by_its_index(
    tmp_path: Path, index: str, ask_for: Callable[[Any], object]
) -> None:
    """However many cases there are, those that have ended, or are others', are passed over."""
    async with world(tmp_path, "DE") as one:
        planned = one["DE"].store.read_now(_plans_of(ask_for))
        assert planned
        assert [plan for plan in planned if f"INDEX {index}" not in plan] == []


def _plans_of(ask_for: Callable[[Any], object]) -> Callable[[Read], list[str]]:
    def work(q: Read) -> list[str]:
        planned = _Planned(q)
        ask_for(planned)
        return planned.plans

    return work
