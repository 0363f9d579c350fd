"""`entente retention` on a node with a case: what would be done and why, done, and how far it has come."""

import asyncio
import datetime as dt
from pathlib import Path

from node.clock import SystemClock, stamp
from node.config import load
from node.domain.case import Case
from node.server import close_node, open_node
from node.store import cases, peers
from node.store.tx import Tx
from tests.cli.conftest import Entente, init

CASE = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c01"


def _closed(folder: Path, days: int) -> None:
    """Put a case into a node that was closed some days ago, and a peer's signed time of now."""
    now = SystemClock().now()

    def work(tx: Tx) -> None:
        peers.reached(tx, "HU", 0.0, int(now.timestamp()))
        case = Case(
            id=CASE, number="AT-2023-000001", role="asking", counterpart="HU", own_authority="AT-x",
            their_authority="HU-y", their_name="Y", area="general", question_set="s", set_version=1, set_sha256="0" * 64,
            state="refused", n=1, head="h", date_state="asked", date_n=0, date_head="h", due=now.date(),
        )  # fmt: skip
        cases.insert(tx, case, unread=False, on_its_way=0)
        tx.run("UPDATE cases SET closed_at = :at", {"at": stamp(now - dt.timedelta(days=days))})

    async def add() -> None:
        node = open_node(load(folder))
        await node.case_keys.make([CASE])
        await node.store.write(work)
        await close_node(node)

    asyncio.run(add())


def test_an_operator_sees_what_would_be_deleted_and_why_then_does_it(entente: Entente, folder: Path):
    """Without a proven time nothing; then a dry run that changes nothing; then the deletion, seen in the status."""
    init(entente, "AT")
    assert "clock-wrong" in entente("retention", "run", "--dry-run", "-C", "at", code=1).err
    assert entente("retention", "status", "--json", "-C", "at").data["day"] is None
    _closed(folder / "at", 4 * 366)
    dry = entente("retention", "run", "--dry-run", "-C", "at").out
    assert "AT-2023-000001  deleted from" in dry
    assert "3 years after closure on" in dry
    assert "Would be blocked: 0; deleted: 1." in dry
    assert entente("retention", "status", "--json", "-C", "at").data["decided"] == 0
    (line,) = entente("retention", "run", "--json", "-C", "at").out.splitlines()
    assert '"step": "erase"' in line
    status = entente("retention", "status", "--json", "-C", "at").data
    assert [(one["number"], one["why"], one["key_gone_at"] is None) for one in status["items"]] == [
        ("AT-2023-000001", "time", False)
    ]
    assert "AT-2023-000001" in entente("retention", "status", "-C", "at").out
