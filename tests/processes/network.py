"""Real node processes of one network: made, started, killed and judged by the commands of an operator."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from node.cli.demo_network import PEOPLE, found, seed
from node.cli.demo_nodes import DemoNode, make_nodes, own_token
from node.cli.demo_story import Reader
from node.config import FILE_NAME
from tests.command import Said

LANGUAGES = {"DE": "de", "HU": "hu", "AT": "de"}
_PATIENCE_S = 40.0
_PAUSE_S = 0.02
_QUICK = {"retry_first_s = 1.0": "retry_first_s = 0.1", "refresh_s = 5.0": "refresh_s = 2.0"}


async def entente(*arguments: object) -> Said:
    """Run a command in a process of its own, and wait for its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node", *map(str, arguments), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = Said(out.decode(), err.decode(), process.returncode or 0)
    assert "Traceback" not in said.err, said.err
    return said


def small_request(asking: str = "DE-zaek-berlin", replying: str = "HU-okfo") -> dict[str, Any]:
    """Return one question about the registration of a person, from one authority to another."""
    return {
        "authority": asking, "country": replying[:2], "to": replying, "area": "professional-qualifications",
        "set": "establishment", "questions": ["registration-status"],
        "variables": {
            "person": {"given_names": "Eszter", "family_name": "Példa", "birth_date": "1991-04-17"},
            "profession": {"code": "dental-practitioner"},
        },
        "due": "2099-12-31",
    }  # fmt: skip


async def until(
    what: str, true: Callable[[], Any], moves: Callable[[], Any] = lambda: None, patience_s: float = _PATIENCE_S
) -> Any:
    """Look until something is so, and return it; fails after a while without a move. `true` may be a coroutine function.

    What has many steps is waited for as long as it moves on: each change of `moves()` begins the while anew.
    """
    loop = asyncio.get_running_loop()
    seen, deadline = moves(), loop.time() + patience_s
    while True:
        found = true()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        if seen != (now := moves()):
            seen, deadline = now, loop.time() + patience_s
        assert loop.time() < deadline, f"not in {patience_s} s: {what}"
        await asyncio.sleep(_PAUSE_S)


def processes_with(words: str) -> dict[int, str]:
    """Return the running processes whose command line holds some words, by id."""
    found = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if words in line:
                found[int(place.name)] = line
    return found


def rss_mb(pid: int) -> float:
    """Return how much memory a process has, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def log_of(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a node's log."""
    lines = (folder / "serve.log").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


@dataclass
class Network:
    """Nodes that run, and the people at their screens."""

    folder: Path
    nodes: dict[str, DemoNode]
    session: aiohttp.ClientSession
    readers: dict[str, Reader] = field(default_factory=dict)

    async def reader(self, country: str, login: str) -> Reader:
        """Return a demo user with a token of their own; the same one at each call."""
        if login not in self.readers:
            name = next(name for known, name, _, _ in PEOPLE[country] if known == login)
            api = await own_token(self.nodes[country], self.session, login, "test")
            self.readers[login] = Reader(country, name, LANGUAGES[country], api)
        return self.readers[login]

    def pid(self, country: str) -> int:
        """Return the id of a node's process."""
        process = self.nodes[country].process
        assert process is not None
        assert process.returncode is None
        return process.pid

    async def kill(self, *countries: str) -> None:
        """Kill nodes with signal 9 and start them again."""
        processes = [self.nodes[country].process for country in countries]
        for process in processes:
            assert process is not None
            process.kill()
        for process in processes:
            await process.wait()
        await asyncio.gather(*(self.nodes[country].start() for country in countries))

    async def acquainted(self) -> None:
        """Wait until every node knows the others' authorities: only then can anything be asked."""

        async def known() -> bool:
            for here in self.nodes:
                reader = await self.reader(here, PEOPLE[here][0][0])
                for there in self.nodes.keys() - {here}:
                    if not (await reader.api.call("GET", "authorities", country=there, limit="1"))["items"]:
                        return False
            return True

        await until("the directories of all", known)

    async def cases(self, reader: Reader, counterpart: str) -> dict[str, dict[str, Any]]:
        """Return all cases with a country that a person sees, by id."""
        search = {"limit": 200, "country": counterpart}
        while True:
            found: dict[str, dict[str, Any]] = {}
            after: str | None = ""
            while after is not None:
                page = await reader.api.call("POST", "cases/search", search | {"after": after})
                found |= {case["id"]: case for case in page["items"]}
                after = page["next"]
            newest = (await reader.api.call("POST", "cases/search", search | {"limit": 1}))["items"]
            if newest == list(found.values())[:1]:  # else one changed meanwhile, and is at the beginning
                return found

    async def both_sides(self, wanted: Callable[[dict[str, Any], dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Wait until the cases in Berlin and in Budapest are as wanted and nothing is on its way; return both."""
        asker, replier = await self.reader("DE", "anna.berger"), await self.reader("HU", "szabo.katalin")

        async def look() -> list[dict[str, Any]] | None:
            sides = [await self.cases(asker, "HU"), await self.cases(replier, "DE")]
            on_its_way = any(case["on_its_way"] for side in sides for case in side.values())
            return sides if not on_its_way and wanted(*sides) else None

        return await until("both sides have the same cases", look)

    async def verify(self) -> None:
        """Check every node's data as `entente verify` does, while they serve."""
        every = [entente("verify", "--json", "-C", node.folder) for node in self.nodes.values()]
        assert [(said.data, said.code) for said in await asyncio.gather(*every)] == [([], 0)] * len(every)


@contextlib.asynccontextmanager
async def network(folder: Path, *countries: str) -> AsyncIterator[Network]:
    """Let nodes found a network, start them with the demo's authorities and users, and stop them at the end."""
    nodes = make_nodes(folder, countries)
    await asyncio.gather(*(node.init() for node in nodes.values()))
    for node in nodes.values():
        file = node.folder / FILE_NAME
        text = file.read_text(encoding="utf-8")
        for old, new in _QUICK.items():
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    await found(folder, nodes)
    try:
        await asyncio.gather(*(node.start() for node in nodes.values()))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            await seed(nodes, session)
            made = Network(folder, nodes, session)
            await made.acquainted()
            yield made
    finally:
        await asyncio.gather(*(node.stop() for node in nodes.values()))
