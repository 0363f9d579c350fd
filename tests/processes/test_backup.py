"""A backup of a node that serves and is written to, and one that is killed."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from node.service.backup import MAIN_DB
from tests.processes.network import Network, entente, small_request, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


async def test_a_backup_while_requests_are_sent_and_received(two: Network, tmp_path: Path):
    """Backups made under load hold one state each: whatever was acknowledged before is in, and each can be restored."""
    asker, country = await two.reader("DE", "anna.berger"), "DE"
    folder, main, keys = two.nodes[country].folder, tmp_path / "main", tmp_path / "keys"
    ended, sent = asyncio.Event(), []

    async def send() -> None:
        while not ended.is_set():
            sent.append((await asker.api.call("POST", "requests", small_request()))["id"])

    writers = [asyncio.create_task(send()) for _ in range(2)]
    try:
        before: list[str] = []
        for _ in range(2):
            await until("something new is sent", lambda old=before: len(sent) > len(old) + 5)
            before = list(sent)
            made = await entente("backup", "create", main, "--keys", keys, "--json", "-C", folder)
            assert made.code == 0, made.err
            with sqlite3.connect(Path(made.data[0]["folder"]) / MAIN_DB) as db:
                held = {row[0] for row in db.execute("SELECT id FROM cases")}
            db.close()
            assert held >= set(before)
            assert len(held) == made.data[0]["counts"]["cases"]
        refused = await entente("restore", main, "--keys", keys, "--yes", "-C", folder)
        rehearsed = await entente("restore", main, "--keys", keys, "--rehearse", "-C", folder)
    finally:
        ended.set()
        await asyncio.gather(*writers)
    assert (refused.code, "entente: data-in-use:" in refused.err) == (1, True)
    assert rehearsed.code == 0, rehearsed.err
    assert "verified and removed in" in rehearsed.out
    assert not (folder / "data" / "restored.json").exists()
    await two.both_sides(lambda here, there: here.keys() == there.keys())


def parts(folder: Path) -> list[Path]:
    """Return the databases of backups that aren't complete."""
    return list(folder.glob("*/*.part/*.db"))


async def test_killed_in_the_middle_of_a_backup(two: Network, tmp_path: Path):
    """What kill -9 leaves is no backup, and the next run removes it."""
    folder = two.nodes["HU"].folder
    command = ("-m", "node", "backup", "create", tmp_path / "main", "--keys", tmp_path / "keys", "-C", folder)
    process = await asyncio.create_subprocess_exec(sys.executable, *map(str, command))
    try:
        await until("a part of the copy", lambda: parts(tmp_path))
    finally:
        process.kill()
        await process.wait()
    assert parts(tmp_path)
    assert (await entente("backup", "list", tmp_path / "main", "--json")).data == []
    assert (await entente(*command[2:])).code == 0
    assert len((await entente("backup", "list", tmp_path / "main", "--json")).data) == 1
    assert not parts(tmp_path)
