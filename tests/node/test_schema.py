"""Bringing a database up to date: what is due is done once, and what a newer version did is never touched."""

import asyncio
import itertools
import sqlite3
from pathlib import Path

import pytest

from node.domain.access import granted
from node.errors import NodeError
from node.store import approvals, case_lists, cases, courses, people
from node.store.migrations import NODE
from node.store.schema import Database, Schema
from node.store.store import Store
from protocol.request import OWNER
from tests.node.clock import TestClock


def _of(version: int, name: str = "steps") -> Schema:
    """Return the schema of a program's version: it makes a table, then adds a row at each later migration."""
    schema = Schema(name)

    @schema(name="001")
    def _first(db: Database) -> None:
        db.execute("CREATE TABLE step (n INTEGER PRIMARY KEY) STRICT")

    def _next(db: Database) -> None:
        db.execute("INSERT INTO step DEFAULT VALUES")

    for number in range(2, version + 1):
        schema(name=f"{number:03}")(_next)
    return schema


def _rows(path: Path, schema: Schema) -> int:
    """Open a database as a start does; returns how many rows it has then."""
    store = Store(path, schema, TestClock(), inline=True)
    count = store.read_now(lambda q: q.one("SELECT count(*) AS count FROM step"))
    asyncio.run(store.close())
    assert count is not None
    return int(count["count"])


def test_what_is_due_is_done_once(tmp_path: Path):
    """A new database gets every migration, one that is up to date none, an older one those it lacks."""
    path = tmp_path / "steps.db"
    assert [_rows(path, _of(version)) for version in (2, 2, 4, 4)] == [1, 1, 3, 3]


def test_a_newer_version_is_refused(tmp_path: Path):
    """An older program names the migrations that it doesn't know, and changes nothing."""
    path = tmp_path / "steps.db"
    _rows(path, _of(3))
    with pytest.raises(NodeError) as refused:
        _rows(path, _of(2))
    assert refused.value.code == "schema-newer"
    assert "003" in refused.value.message
    assert _rows(path, _of(3)) == 2


def test_accounts_of_an_earlier_version_keep_what_they_had(tmp_path: Path):
    """Each role that an account had for all its authorities is held in each of them, in all areas."""
    path, older = tmp_path / "node.db", Schema("node")
    for name in NODE.names[: NODE.names.index("026_grants")]:
        older(name=name)(NODE.migration(name))
    asyncio.run(Store(path, older, TestClock(), inline=True).close())
    with sqlite3.connect(path) as db:
        for person, roles in (("ada", "data-administrator handler"), ("olga", "operator")):
            db.execute(
                "INSERT INTO person (id, name, login, language, roles, created_at) VALUES (?, ?, ?, 'de', ?, ?)",
                (person, person.title(), person, roles, "2026-01-05T08:00:00.000000Z"),
            )
        db.executemany("INSERT INTO membership (person, authority) VALUES ('ada', ?)", [("DE-a",), ("DE-b",)])
    db.close()
    store = Store(path, NODE, TestClock(), inline=True)
    ada, olga = store.read_now(people.listing)
    asyncio.run(store.close())
    assert ada.grants == granted(["handler", "data-administrator"], ["DE-a", "DE-b"])
    assert olga.grants == granted(["operator"], ())


_OLD_CASE = {
    "counterpart": "HU", "own_authority": "DE-a", "their_authority": "HU-b", "their_name": "B", "area": "services",
    "question_set": "s", "set_version": 1, "set_sha256": "x", "n": 1, "head": "h", "date_n": 0, "date_head": "h",
    "due": "2026-12-01", "opened": 0, "unread": 0, "on_its_way": 0, "created_at": "2026-11-02T08:00:00.000000Z",
    "updated_at": "2026-11-03T08:00:00.000000Z", "former": "", "asking_coordinator": "DE-c",
    "replying_coordinator": "DE-c",
}  # fmt: skip


def test_cases_of_an_earlier_version_stand_in_the_lists(tmp_path: Path):
    """Whose turn it is, who passed a case on, with whom there was one: as the program itself would have noted it."""
    path, older = tmp_path / "node.db", Schema("node")
    for name in NODE.names[: NODE.names.index("044_case_lists")]:
        older(name=name)(NODE.migration(name))
    asyncio.run(Store(path, older, TestClock(), inline=True).close())
    kinds = itertools.product(("asking", "replying"), (*OWNER, "refused"), ("asked", "proposed", "agreed"))
    with sqlite3.connect(path) as db:
        for number, (role, state, date_state) in enumerate(kinds):
            row = {**_OLD_CASE, "id": f"{number:08x}", "number": f"DE-2026-{number:06}", "role": role, "state": state}
            row |= {"date_state": date_state, "closed_at": None if OWNER.get(state) else _OLD_CASE["updated_at"]}
            row |= {"former": "DE-z DE-y DE-z"} if state == "closed" else {}
            referred = state in (("referred", "escalated") if role == "asking" else ("escalated",))
            row |= {"coordinator": "DE-c" if referred else ""}
            db.execute(f"INSERT INTO cases ({', '.join(row)}) VALUES ({', '.join(':' + name for name in row)})", row)
    db.close()
    store = Store(path, NODE, TestClock(), inline=True)
    rows = store.read_now(cases.overview)
    assert len(rows) == 2 * 11 * 3
    assert {row["id"]: row["turn"] for row in rows} == {row["id"]: cases.from_row(row).turn for row in rows}
    assert {row["turn"] for row in rows} == {"", "us", "coordinator"}
    reach = (("DE-z", ""),)
    passed_on = store.read_now(
        lambda q: case_lists.listing(q, case_lists.Wanted(reach, filters={"passed_on": True}), 9)
    )
    assert [(row["state"], row["role"]) for row in passed_on.rows] == [("closed", "replying")] * 3
    assert store.read_now(lambda q: (cases.met(q, "HU"), cases.met(q, "FR"))) == (True, False)
    assert store.read_now(courses.count_running) == len(rows)
    asyncio.run(store.close())


def test_drafts_of_an_earlier_version_keep_their_writers(tmp_path: Path):
    """What waited goes on waiting, and who began it and who changed it last still don't decide on it."""
    path, older = tmp_path / "node.db", Schema("node")
    for name in NODE.names[: NODE.names.index("048_writers_of_drafts")]:
        older(name=name)(NODE.migration(name))
    asyncio.run(Store(path, older, TestClock(), inline=True).close())
    with sqlite3.connect(path) as db:
        for draft, changed_by in (("one", "bea"), ("two", "")):
            db.execute(
                "INSERT INTO draft (id, kind, case_id, authority, person, changed_by, content, version, updated_at)"
                " VALUES (?, 'request', ?, 'DE-a', 'ada', ?, x'00', 2, '2026-11-03T08:00:00.000000Z')",
                (draft, draft, changed_by),
            )
            db.execute(
                "INSERT INTO approval (draft, authority, area, version, state, asked_by, asked_at)"
                " VALUES (?, 'DE-a', 'services', 2, 'waiting', 'cem', '2026-11-03T08:00:00.000000Z')",
                (draft,),
            )
    db.close()
    store = Store(path, NODE, TestClock(), inline=True)
    waiting = store.read_now(lambda q: [approvals.waiting_draft(q, one) for one in ("one", "two")])
    asyncio.run(store.close())
    assert [row and approvals.authors(row) for row in waiting] == [{"ada", "bea", "cem"}, {"ada", "cem"}]
