"""`entente demo` as people start and stop it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.network import entente, processes_with

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

FIELDS = ["step", "node", "actor", "lang", "title", "text", "case", "state", "at"]


@contextlib.asynccontextmanager
async def demo(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the demo, with temporary files in a folder; whatever it leaves behind is ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node", "demo", *options, start_new_session=True, env={**os.environ, "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        for left in processes_with(str(folder)):
            os.kill(left, signal.SIGKILL)


def left_in(folder: Path) -> list[Path]:
    """Return what lies in a folder."""
    return list(folder.iterdir())


async def test_the_whole_story_as_json(tmp_path: Path):
    """`demo --once --json` prints the story line by line, each in its reader's language, and leaves nothing."""
    async with demo(tmp_path, "--once", "--json") as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(tmp_path)) == {}
    assert left_in(tmp_path) == []
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert all(list(line) == FIELDS for line in lines)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert {(line["node"], line["lang"]) for line in lines} == {("DE", "de"), ("HU", "hu")}
    said = {
        node: "\n".join(line["title"] + line["text"] for line in lines if line["node"] == node) for node in ("DE", "HU")
    }
    states = {node: [line["state"] for line in lines if line["node"] == node and line["state"]] for node in said}
    for node, words, state in (
        ("DE", ("Zahnärztekammer Berlin, Anna Berger: Anfrage gesendet", "Ja", "(hu)"), "Abgeschlossen"),
        ("HU", ("Országos Kórházi Főigazgatóság, Szabó Katalin: Megkeresés elfogadva", "Igen", "(de)"), "Lezárva"),
    ):  # fmt: skip
        assert all(word in said[node] for word in words)
        assert states[node][-1] == state
    assert "Anfrage gesendet" not in said["HU"]
    assert "Megkeresés elfogadva" not in said["DE"]
    assert len({line["case"] for line in lines if line["case"]}) == 1
    assert lines[-1]["text"] == "not-found"  # another Berlin authority


async def test_ctrl_c_stops_both_nodes(tmp_path: Path):
    """The demo stays up until Ctrl-C, then both nodes end in order and their data are whole."""
    async with demo(tmp_path, "--folder", str(tmp_path / "kept")) as process:
        assert process.stdout is not None
        shown = ""
        while "Ctrl-C" not in shown:
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, (await process.stderr.read()).decode()  # type: ignore[union-attr]
            shown += line.decode()
        assert shown.count("/link/") == 5
        assert len([line for line in processes_with(str(tmp_path)).values() if " serve " in line]) == 2
        os.kill(process.pid, signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(tmp_path)) == {}
    for country in ("de", "hu"):
        log = (tmp_path / "kept" / country / "serve.log").read_text(encoding="utf-8")
        assert '"event": "stopped"' in log
        assert (await entente("verify", "-C", tmp_path / "kept" / country)).code == 0


async def test_ctrl_c_while_keys_are_made(tmp_path: Path):
    """Ctrl-C before the nodes run ends the demo at once, without a complaint."""
    async with demo(tmp_path) as process:
        assert process.stdout is not None
        assert "keys" in (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        os.killpg(process.pid, signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(tmp_path)) == {}
    assert left_in(tmp_path) == []
