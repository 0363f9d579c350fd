"""A command loads only what it needs: what comes in again shows here by its name, whatever the machine's speed."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Entente, init
from tests.conftest import ROOT

_TELLING = """
import atexit, gc, json, sys
from node.__main__ import main
def below(model):
    for one in model.__subclasses__():
        yield one
        yield from below(one)
def tell():
    loaded = {"modules": sorted(sys.modules), "frozen": gc.get_freeze_count()}
    if "aiohttp.connector" in sys.modules:
        loaded["authorities"] = sys.modules["aiohttp.connector"]._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509_ca"]
    if "pydantic" in sys.modules:
        loaded["built"] = sorted({one.__module__ for one in below(sys.modules["pydantic"].BaseModel) if one.__pydantic_complete__})
    print(json.dumps(loaded), file=sys.stderr)
atexit.register(tell)
main(sys.argv[1:])
"""
"""Runs a command and says at its end, in the last line on standard error, what it has loaded and left."""

_HEAVY = {
    "aiohttp", "argon2", "asyncio", "babel", "cryptography", "jinja2", "openpyxl", "polib", "pydantic", "rich", "sqlite3", "ssl",
    "structlog", "tuf", "yaml", "zeroconf",
}  # fmt: skip
"""What no help needs."""

_LATER = {
    "babel", "holidays", "jinja2", "node.delivery.mailer", "node.delivery.metrics", "openpyxl", "prometheus_client",
    "pygments", "rich", "sqlite_utils", "zeroconf",
}  # fmt: skip
"""What a node needs for its first page, scrape or mail, a terminal, a migration or its neighbours, not for its start."""

_BUILT_LATER = {
    "directory_sync.page", "node.domain.case_view", "node.domain.draft", "node.domain.subject",
    "node.store.backup_manifest", "protocol.batch", "protocol.content", "protocol.event", "protocol.receipt",
}  # fmt: skip
"""Whose models get their validators at the first use."""


def told(errors: str) -> dict[str, Any]:
    """Return what a telling command said of itself."""
    said: dict[str, Any] = json.loads(errors.splitlines()[-1])
    return said


@pytest.mark.parametrize("command", ["", "demo", "init", "serve", "bench exchange", "directory import", "doctor"])
def test_a_help_loads_nothing_heavy(command: str):
    """`entente --help` and a command's own help load the command line and nothing that it drives."""
    asked = [sys.executable, "-c", _TELLING, *command.split(), "--help"]
    done = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert "Usage: entente" in done.stdout
    typers = {"pydantic"} if command else set()  # it reads a command's parameters with that
    assert _HEAVY & set(told(done.stderr)["modules"]) == typers


async def _served(folder: Path) -> dict[str, Any]:
    """Run a node until it says that it has started; returns what it told at its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _TELLING, "serve", "-C", str(folder), cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b'"started"' not in (line := await process.stderr.readline()):
                assert line, "it ended"
            process.terminate()
            rest = await process.stderr.read()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return told(rest.decode())


def test_a_start_loads_nothing_that_can_wait(entente: Entente, folder: Path):
    """A node answers before it loads or builds what only pages, messages, terminals, migrations or neighbours need."""
    init(entente, "AT")
    entente("member", "found", "-C", "at")
    left = asyncio.run(_served(folder / "at"))
    assert _LATER & set(left["modules"]) == set()
    assert _BUILT_LATER & set(left["built"]) == set()
    assert left["authorities"] == 0
    assert left["frozen"] > 10_000
