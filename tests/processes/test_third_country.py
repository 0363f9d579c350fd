"""docs/operating.md, "A third country joins", played as it stands: Austria joins two nodes that go on running."""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from node.cli.demo_nodes import DemoNode, own_token
from node.cli.free_ports import free_ports
from tests.processes.network import Network, entente, processes_with, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).resolve().parents[2]
SECTION = re.compile(r"(?ms)^## A third country joins\n(.*?)(?=^## |\Z)")
BLOCK = re.compile(r"(?ms)^```sh\n(.*?)^```$")
END = """
echo PLAYED "$CASE"
read -r _
kill $(jobs -p)
wait
"""


# Seconds for one block of the page, on however busy a machine: one holds up to a dozen commands, each a Python to start.
_BLOCK_S = 120


def blocks() -> list[str]:
    """Return the blocks of the page's section in their order."""
    section = SECTION.search((ROOT / "docs/operating.md").read_text(encoding="utf-8"))
    assert section is not None
    return BLOCK.findall(section[1])


def surroundings(folder: Path, two: Network, at: DemoNode) -> dict[str, str]:
    """Return the environment of the three operators: the command, and folders and addresses of their own."""
    command = folder / "bin" / "entente"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m node "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    (folder / "post").mkdir()
    return {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DE": str(two.nodes["DE"].folder),
        "HU": str(two.nodes["HU"].folder),
        "AT": str(at.folder),
        "POST": str(folder / "post"),
        "AT_PEERS": f"127.0.0.1:{at.peers}",
        "AT_PEERS_URL": f"https://127.0.0.1:{at.peers}",
        "AT_WEB": f"127.0.0.1:{at.web}",
        "AT_WEB_URL": at.url,
        "AT_HEALTH": f"127.0.0.1:{at.health}",
    }


@contextlib.asynccontextmanager
async def playing(folder: Path, environment: dict[str, str]) -> AsyncIterator[str]:
    """Run all blocks in one shell; gives the case that they name, and stops what they started at the end."""
    script = folder / "page.sh"
    script.write_text("\n".join(f"echo BEGUN\n{block}" for block in blocks()) + END, encoding="utf-8")
    printed = (folder / "printed").open("wb")
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", str(script), cwd=folder / "post", env=environment, start_new_session=True,
        stdin=asyncio.subprocess.PIPE, stdout=printed, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed.close()

    def case() -> str | None:
        said = (folder / "printed").read_text(encoding="utf-8", errors="replace")
        assert shell.returncode is None, said
        found = re.search(r"^PLAYED (.+)$", said, re.MULTILINE)
        return found[1] if found else None

    def begun() -> int:
        return (folder / "printed").read_bytes().count(b"BEGUN\n")

    try:
        yield await until("the page has been played", case, begun, _BLOCK_S)
        await shell.communicate(b"\n")
        assert processes_with(environment["AT"]) == {}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        await shell.wait()


async def test_the_page_as_it_stands(two: Network, tmp_path: Path):
    """By the page's own commands Austria joins, asks Hungary and is answered, while both others just run."""
    running = {country: two.pid(country) for country in ("DE", "HU")}
    at = DemoNode("AT", tmp_path / "at", *free_ports(3))
    katalin = await two.reader("HU", "szabo.katalin")
    async with playing(tmp_path, surroundings(tmp_path, two, at)) as case, aiohttp.ClientSession() as session:
        eva = await own_token(at, session, "eva.gruber", "test")
        got = await katalin.api.call("GET", f"cases/{case}", lang="hu")
        assert (got["asking"]["country"], got["state"]) == ("AT", "sent")
        await katalin.api.call("POST", f"cases/{case}/accept", {})
        await katalin.api.call(
            "POST", f"cases/{case}/reply", {"answers": {"registration-status": {"code": "registered"}}}
        )

        async def answered() -> dict[str, object] | None:
            view = await eva.call("GET", f"cases/{case}", lang="de")
            return view if view["state"] == "replied" else None

        view = await until("the answer is in Vienna", answered, patience_s=_BLOCK_S)
        labels = [question["answer"]["label"] for question in view["questions"] if question["answer"]]
        assert [label["lang"] for label in labels] == ["de"]
        for node in (at, *two.nodes.values()):
            async with session.get(f"http://127.0.0.1:{node.health}/healthz") as answer:
                assert (await answer.json())["members"] == ["AT", "DE", "HU"]
    assert running == {country: two.pid(country) for country in ("DE", "HU")}
    found, _ = await asyncio.gather(entente("verify", "--json", "-C", at.folder), two.verify())
    assert found.data == []
