"""Bringing a database up to date: what is due is done once, and what a newer version did is never touched."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from node.domain.access import granted
from node.errors import NodeError
from node.store import people
from node.store.migrations import NODE
from node.store.schema import Database, Schema
from node.store.store import Store
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
