"""`entente verify`: nothing to find after real exchanges, and every planted damage found under its name."""

import datetime as dt
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from node.service import cases, drafts, requests, subjects
from node.service.verification import check_node
from node.store.engine import connect
from protocol.content import Said
from tests.exchange.closed import OTTO
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request
from tests.exchange.test_subjects import claim

Damage = Callable[[sqlite3.Connection], None]


def codes(both: World, country: str) -> set[str]:
    """Return the codes of what is found at a node."""
    return {finding.code for finding in check_node(both[country])}


async def exchanged(both: World) -> str:
    """Play a request with another date, an answer and a clarification; a reply draft stays open."""
    case_id = await ask(both)
    await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
    await cases.accept(both["HU"], KATALIN, case_id)
    await both.settled()
    await cases.agree_date(both["DE"], ANNA, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    await cases.clarify(both["DE"], ANNA, case_id, Said(text="Seit wann?", lang="de"))
    await both.settled()
    await drafts.start_reply(both["HU"], KATALIN, case_id)
    return case_id


async def test_nothing_is_found_at_any_moment_of_an_exchange(tmp_path: Path) -> None:
    """All invariants hold while a peer is down, after a final refusal, and when everything has arrived."""
    async with world(tmp_path, "DE", "HU") as both:
        await exchanged(both)
        assert (check_node(both["DE"]), check_node(both["HU"])) == ([], [])
        both.net.down.add("HU")
        await requests.send(both["DE"], ANNA, request())
        assert check_node(both["DE"]) == []
        both.net.down.clear()
        await both.settled()
        await requests.send(both["DE"], ANNA, request())
        both["HU"].store.writer.write_now(lambda tx: tx.run("UPDATE authority SET ended = 1 WHERE id = 'HU-okfo'"))
        await both.settled()
        assert both["DE"].store.read_now(lambda q: q.one("SELECT COUNT(*) c FROM event WHERE status = 'refused'"))["c"]
        assert (check_node(both["DE"]), check_node(both["HU"])) == ([], [])


async def test_it_runs_beside_a_node_that_works(tmp_path: Path) -> None:
    """While requests go back and forth, each look sees one consistent state and finds nothing."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        for _ in range(10):
            await requests.send(both["DE"], ANNA, request())
            assert (check_node(both["DE"]), check_node(both["HU"])) == ([], [])
        await both.settled()


def flip(place: int) -> Damage:
    """Change one byte of an event's line: to another character of base64url, so that the line is still one."""

    def damage(db: sqlite3.Connection) -> None:
        digest, line = db.execute("SELECT digest, line FROM event WHERE kind = 'request.send'").fetchone()
        where = place % len(line)
        assert re.fullmatch(rb"[A-Za-z0-9_-]{9}", line[where - 4 : where + 5]), "in the middle of a text"
        changed = line[:where] + (b"B" if line[where] == ord("A") else b"A") + line[where + 1 :]
        db.execute("UPDATE event SET line = ? WHERE digest = ?", (changed, digest))

    return damage


def sql(statement: str) -> Damage:
    """Do something with SQL that the node never does."""
    return lambda db: db.execute(statement) and None


def swap(table: str, column: str, where: str = "1") -> Damage:
    """Change the last characters of a text, such as a signature."""
    return sql(
        f"UPDATE {table} SET {column} = substr({column}, 1, length({column}) - 8) || 'AAAAAAAA' WHERE rowid ="
        f" (SELECT MIN(rowid) FROM {table} WHERE {where})"
    )


DAMAGES: dict[str, tuple[Damage, set[str]]] = {
    "a byte of an event's signed text": (flip(300), {"event-damaged"}),
    "a byte of an event's content": (flip(-200), {"content-damaged"}),
    "an event is gone": (sql("DELETE FROM event WHERE kind = 'request.accept'"), {"event-missing", "chain-broken"}),
    "an event under another kind": (sql("UPDATE event SET kind = 'date.agree' WHERE kind = 'request.accept'"), {"event-damaged"}),
    "the keys of a part": (sql("UPDATE event SET ceks = zeroblob(80) WHERE kind = 'request.accept'"), {"content-damaged"}),
    "a receipt's signature": (swap("batch", "receipt"), {"receipt-signature"}),
    "another batch's receipt": (
        sql("UPDATE batch SET receipt = (SELECT receipt FROM batch ORDER BY first DESC, iss LIMIT 1) WHERE first = 1"),
        {"receipt-damaged"},
    ),
    "a received batch without receipt": (sql("UPDATE batch SET receipt = NULL WHERE iss = 'DE'"), {"receipt-missing"}),
    "a batch's signature": (swap("batch", "jws"), {"batch-signature"}),
    "a batch is gone": (sql("DELETE FROM batch WHERE first = 2"), {"stream-broken"}),
    "the head of a stream": (sql("UPDATE stream SET next = next + 1"), {"stream-broken"}),
    "a case's state": (sql("UPDATE cases SET state = 'closed'"), {"case-state"}),
    "a case's count": (sql("UPDATE cases SET on_its_way = 3"), {"case-state"}),
    "a case's date": (sql("UPDATE cases SET due = '2030-01-01'"), {"case-state"}),
    "a case is gone": (sql("DELETE FROM cases"), {"case-missing"}),
    "an audit entry is gone": (sql("DELETE FROM audit WHERE seq = (SELECT MAX(seq) - 2 FROM audit)"), {"audit-broken"}),
    "an audit entry is altered": (sql("UPDATE audit SET actor = 'nobody' WHERE seq = 2"), {"audit-broken"}),
    "the end of the audit trail is gone": (
        sql("DELETE FROM audit WHERE seq >= (SELECT MIN(seq) FROM audit WHERE action = 'request.clarify')"),
        {"audit-missing"},
    ),
    "an event's fate": (sql("UPDATE event SET status = 'on-its-way' WHERE iss = 'HU'"), {"outbox-broken", "case-state"}),
    "an event queued again": (
        sql("INSERT INTO outbox (peer, digest, created_at) SELECT 'DE', digest, at FROM event WHERE iss = 'HU' LIMIT 1"),
        {"outbox-broken"},
    ),
    "an attachment's row": (sql("UPDATE blob SET sealed_size = sealed_size + 1"), {"attachment-damaged"}),
    "a draft": (sql("UPDATE draft SET content = zeroblob(64)"), {"draft-damaged"}),
    "a leaf of a log": (sql("UPDATE log_leaf SET v = v + 1 WHERE country = 'DE' AND n = 1"), {"directory-damaged"}),
    "a tile of a log": (sql("UPDATE log_tile SET hashes = zeroblob(length(hashes))"), {"directory-damaged"}),
    "a record of a directory": (sql("UPDATE authority SET salt = 'AAAAAAAAAAAAAAAAAAAAAA'"), {"directory-damaged"}),
    "a checkpoint's signature": (sql("UPDATE log SET note = substr(note, 1, length(note) - 9) || 'AAAAAAA=' || char(10)"), {"directory-damaged"}),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_planted_damage_is_found(tmp_path: Path, name: str) -> None:
    """Each damage is found under the codes that belong to it, at the node that has it only."""
    damage, expected = DAMAGES[name]
    async with world(tmp_path, "DE", "HU") as both:
        await exchanged(both)
        db = connect(both["HU"].store.path)
        damage(db)
        db.close()
        assert expected <= codes(both, "HU")
        assert codes(both, "DE") == set()


async def test_lost_files_and_keys_are_found(tmp_path: Path) -> None:
    """A missing or changed attachment, a file of nobody and a missing case key are found."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await exchanged(both)
        (blob,) = (both["HU"].config.data / "blobs").glob("*/*")
        whole = blob.read_bytes()
        blob.write_bytes(whole[:-1] + b"\0")
        assert codes(both, "HU") == {"attachment-damaged"}
        blob.unlink()
        assert codes(both, "HU") == {"attachment-missing"}
        blob.write_bytes(whole)
        stray = blob.with_name("A" * 43)
        stray.write_bytes(b"stray")
        assert codes(both, "HU") == set()  # perhaps its row is just being written
        both.clock.offset = dt.timedelta(days=36500)
        assert "attachment-orphan" in codes(both, "HU")
        both.clock.offset = dt.timedelta()
        stray.unlink()
        lose = "DELETE FROM case_key WHERE case_id = :id"
        await both["HU"].key_store.write(lambda tx: tx.run(lose, {"id": case_id}))
        assert codes(both, "HU") == {"case-key-missing", "draft-damaged"}
        await both["HU"].case_keys.erase([case_id])
        assert codes(both, "HU") == {"draft-damaged"}  # whoever erases a case deletes its drafts


async def test_a_claim_that_nobody_can_read_is_found(tmp_path: Path) -> None:
    """By its id: its key is lost, or its text was altered; one whose key was destroyed on purpose is on its way out."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        node = both["DE"]
        lost, altered, gone, _whole = [(await subjects.open_file(node, OTTO, claim())).id for _ in range(4)]
        await node.key_store.write(lambda tx: tx.run("DELETE FROM case_key WHERE case_id = :id", {"id": lost}))
        await node.store.write(
            lambda tx: tx.run("UPDATE subject_file SET content = zeroblob(80) WHERE id = :id", {"id": altered})
        )
        await node.case_keys.erase([gone])
        found = {(one.code, one.subject) for one in check_node(node)}
        assert found == {("claim-key-missing", f"claim {lost}"), ("claim-damaged", f"claim {altered}")}


async def test_a_damaged_database_is_said_before_all_else(tmp_path: Path) -> None:
    """Where SQLite itself finds damage, nothing read from the file is judged."""
    async with world(tmp_path, "DE", "HU") as both:
        await exchanged(both)
        db = connect(both["HU"].store.path)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_case'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.close()
        with both["HU"].store.path.open("r+b") as file:
            file.seek((root - 1) * size)
            file.write(b"\xff" * 400)
        assert codes(both, "HU") == {"database-damaged"}
