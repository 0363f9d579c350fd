"""Two and five real nodes while lines fail, processes die, disks fill and keys change: the counts are exact.

`FAULT_SEED` plays other chances, `FAULT_ROUNDS` more of them (every kind of fault strikes once a round).
"""

import asyncio
import contextlib
import os
import random
import resource
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.cli.demo_network import found
from node.cli.demo_nodes import OPERATORS, Api, DemoNode, make_nodes, service_token
from node.cli.free_ports import free_ports
from node.config import FILE_NAME
from tests.processes.fault_proxy import FaultProxy, Mode
from tests.processes.network import entente, small_request, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

SEED = int(os.environ.get("FAULT_SEED", "1"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
EACH = {2: 10, 5: 4}
"""Requests that every node of a network of so many sends while one fault lasts."""
AREA = "professional-qualifications"
QUICK = {
    "retry_first_s = 1.0": "retry_first_s = 0.1",
    "retry_longest_s = 300.0": "retry_longest_s = 1.0",
    "refresh_s = 5.0": "refresh_s = 1.0",
}
LINES: tuple[Mode, ...] = ("refuse", "reset", "half-open", "one-way", "slow")
KEYS = ("message", "encryption", "tls", "master")
EX_IOERR = 74


def authority(country: str) -> dict[str, Any]:
    """Return the one authority of a country."""
    return {
        "id": f"{country}-register", "country": country, "name": f"Register {country}", "name_lang": "en",
        "level": "national", "place": "Place", "areas": [{"area": AREA, "role": "authority"}],
        "demo": True, "valid_from": "2026-01-01", "v": 1,
    }  # fmt: skip


@dataclass
class Strangers:
    """Connections to the nodes' own ports that say a byte now and then, and never more."""

    ports: list[int]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin, eight at each node."""
        self.tasks = [asyncio.create_task(self._linger(port)) for port in self.ports for _ in range(8)]

    async def stop(self) -> None:
        """Go away."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _linger(self, port: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    for byte in b"\x16\x03\x01\x02\x00\x01" + bytes(32):
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(0.25)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.1)


@dataclass
class Fire:
    """A network under fire: every node sends to every other, and accepts what it gets."""

    nodes: dict[str, DemoNode]
    lines: dict[str, FaultProxy]
    apis: dict[str, Api]
    session: aiohttp.ClientSession
    chance: random.Random
    stored: dict[str, str] = field(default_factory=dict)
    unknown: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    # --- traffic ---

    async def post(self, country: str, path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        """Repeat a call under one key until the node has answered it for good."""
        headers = {**self.apis[country]._headers, "Idempotency-Key": key}

        async def attempt() -> tuple[int, Any] | None:
            url = f"{self.nodes[country].url}/api/v1/{path}"
            try:
                async with self.session.post(url, json=body, headers=headers) as answer:
                    return (answer.status, await answer.json(content_type=None)) if answer.status < 429 else None
            except (aiohttp.ClientError, OSError):
                self.counts["calls repeated"] += 1
                return None

        return await until(f"an answer of {country} to {path}", attempt)

    async def ask(self, country: str, number: int) -> None:
        """Send one request and keep what was answered."""
        other = self.chance.choice(sorted(self.nodes.keys() - {country}))
        status, body = await self.post(
            country, "requests", small_request(f"{country}-register", f"{other}-register"), f"{country}-{number}"
        )
        if status == 201:
            assert body["id"] not in self.stored
            self.stored[body["id"]] = country
        else:  # the first answer was lost with the process: sent or not, the sender has to look
            assert body["code"] == "stale", body
            self.unknown += 1

    async def accept(self, country: str) -> None:
        """Accept all that has come, as far as the node can be reached."""
        found = await self._search(country, role="replying", state="sent", limit=200)
        for case in found["items"] if found else ():
            self.counts["accepting"] += 1  # another key each time: who was told `stale` has looked, and tries again
            key = f"accept-{self.counts['accepting']}"
            status, body = await self.post(country, f"cases/{case['id']}/accept", {}, key)
            assert status == 200 or body["code"] in ("stale", "wrong-state"), body

    async def _search(self, country: str, **filters: Any) -> Any:
        try:
            return await self.apis[country].call("POST", "cases/search", filters)
        except aiohttp.ClientError:
            return None

    async def cases(self, country: str) -> dict[str, dict[str, Any]] | None:
        """Return all cases of a node by id, None while it can't be said."""
        found: dict[str, dict[str, Any]] = {}
        after: Any = ""
        while after is not None:
            page = await self._search(country, limit=200, after=after)
            if page is None or found.keys() & {case["id"] for case in page["items"]}:
                return None
            found |= {case["id"]: case for case in page["items"]}
            after = page["next"]
        newest = await self._search(country, limit=1)
        return found if newest and newest["items"] == list(found.values())[:1] else None

    # --- faults ---

    async def kill(self, country: str, answered: Callable[[], Awaitable[None]]) -> None:
        """Kill -9 in the middle of it."""
        await answered()
        process = self.nodes[country].process
        assert process is not None
        process.kill()
        await process.wait()
        await self.nodes[country].start()

    async def kill_all(self, _country: str, answered: Callable[[], Awaitable[None]]) -> None:
        """Kill -9 all of them at once."""
        await answered()
        processes = [node.process for node in self.nodes.values() if node.process is not None]
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in processes))
        await asyncio.gather(*(node.start() for node in self.nodes.values()))

    async def freeze(self, country: str, answered: Callable[[], Awaitable[None]]) -> None:
        """Stop a process, so that its connections stay open and nothing answers."""
        process = self.nodes[country].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            await answered()
        finally:
            process.send_signal(signal.SIGCONT)

    async def fill_disk(self, country: str, answered: Callable[[], Awaitable[None]]) -> None:
        """Let no file be written beyond 8 KiB: the node ends rather than guess what is on disk, and starts again."""
        node = self.nodes[country]
        assert node.process is not None
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        await answered()
        process = node.process
        await until(f"the end of {country} at a full disk", lambda: process.returncode is not None)
        assert process.returncode == EX_IOERR
        await node.start()

    def line(self, mode: Mode) -> Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]:
        """Let the way to one node fail."""

        async def fail(country: str, answered: Callable[[], Awaitable[None]]) -> None:
            self.lines[country].be(mode)
            try:
                await answered()
                await until(f"{mode} strikes", lambda: self.lines[country].struck.get(mode))
            finally:
                self.lines[country].be("pass")

        return fail

    def renew(self, kind: str) -> Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]:
        """Renew a key while it is in use, by the operator's command."""

        async def renewed(country: str, answered: Callable[[], Awaitable[None]]) -> None:
            said = await entente("member", "renew-key", kind, "-C", self.nodes[country].folder)
            assert said.code == 0, said.err
            await answered()

        return renewed

    async def strike(self, name: str, fault: Callable[..., Awaitable[None]], number: int) -> None:
        """Send from every node while one fault lasts; it begins in the middle and ends when the others are through."""
        victim = self.chance.choice(sorted(self.nodes))
        self.counts[name] += 1
        each = EACH[len(self.nodes)]
        sent = {
            country: [asyncio.create_task(self.ask(country, number * each + one)) for one in range(each)]
            for country in self.nodes
        }
        accepting = asyncio.create_task(self.accept(victim))
        others = [task for country in sent.keys() - {victim} for task in sent[country]]

        async def answered() -> None:
            await until(f"answers during {name}", lambda: sum(task.done() for task in others) >= len(others) // 2)

        await fault(victim, answered)
        await asyncio.gather(accepting, *(task for tasks in sent.values() for task in tasks))

    # --- the end ---

    async def settled(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Wait until everything is accepted and nothing is on its way; return every node's cases."""

        async def look() -> dict[str, dict[str, dict[str, Any]]] | None:
            await asyncio.gather(*(self.accept(country) for country in self.nodes))
            found = dict(zip(self.nodes, await asyncio.gather(*map(self.cases, self.nodes)), strict=True))
            every = [case for cases in found.values() for case in (cases or {}).values()]
            done = all(cases is not None for cases in found.values()) and all(
                case["state"] == "accepted" and not case["on_its_way"] for case in every
            )
            return found if done and len(every) >= 2 * len(self.stored) else None  # type: ignore[return-value]

        return await until("everything accepted on both sides", look)


@contextlib.asynccontextmanager
async def fire(folder: Path, countries: tuple[str, ...], chance: random.Random) -> AsyncIterator[Fire]:
    """Let nodes found a network in which each is reached through a proxy."""
    nodes = make_nodes(folder, countries)
    ports = dict(zip(countries, free_ports(len(countries)), strict=True))
    lines = {country: FaultProxy(node.peers, chance) for country, node in nodes.items()}
    await asyncio.gather(*(node.init() for node in nodes.values()))
    for country, node in nodes.items():
        file = node.folder / FILE_NAME
        text = file.read_text(encoding="utf-8")
        changes = QUICK | {f'url = "https://127.0.0.1:{node.peers}"': f'url = "https://127.0.0.1:{ports[country]}"'}
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    await found(folder, nodes)
    strangers = Strangers([node.peers for node in nodes.values()])
    try:
        await asyncio.gather(*(lines[country].start(ports[country]) for country in countries))
        await asyncio.gather(*(node.start() for node in nodes.values()))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            apis = {}
            for country, node in nodes.items():
                await Api(node, node.operator_token(), session).call("POST", "directory/import", [authority(country)])
                apis[country] = await service_token(node, session, "system", f"{country}-register")
            made = Fire(nodes, lines, apis, session, chance)
            await until("the directories of all", lambda: acquainted(made))
            strangers.start()
            yield made
    finally:
        await strangers.stop()
        for node in nodes.values():
            if node.process is not None and node.process.returncode is None:
                node.process.send_signal(signal.SIGCONT)
        await asyncio.gather(*(node.stop() for node in nodes.values()))
        await asyncio.gather(*(line.close() for line in lines.values()))


async def acquainted(made: Fire) -> bool:
    """Say whether every node knows every other's authority."""
    for here, api in made.apis.items():
        for there in made.nodes.keys() - {here}:
            if not (await api.call("GET", "authorities", country=there, limit="1"))["items"]:
                return False
    return True


@pytest.mark.parametrize("countries", [("DE", "HU"), ("DE", "HU", "FR", "PL", "GR")], ids=["two", "five"])
async def test_whatever_fails_each_request_is_there_once(
    tmp_path: Path, countries: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged is there once on both sides in one state, nothing else is, and every node verifies."""
    for country in countries:
        monkeypatch.setitem(OPERATORS, country, (f"Operator {country}", "en", "UTC"))
    chance = random.Random(SEED)
    async with fire(tmp_path, countries, chance) as made:
        faults = {
            "kill": made.kill, "kill all": made.kill_all, "freeze": made.freeze, "disk full": made.fill_disk,
            **{f"line {mode}": made.line(mode) for mode in LINES},
            **{f"renew {kind}": made.renew(kind) for kind in KEYS},
        }  # fmt: skip
        number, each = 0, EACH[len(countries)] * len(countries)
        for _ in range(ROUNDS):
            for name in chance.sample(sorted(faults), len(faults)):
                await made.strike(name, faults[name], number)
                number += 1
        sides = await made.settled()
        asked = {country: {i for i, case in sides[country].items() if case["role"] == "asking"} for country in sides}
        got = {country: {i for i, case in sides[country].items() if case["role"] == "replying"} for country in sides}
        struck = sum((Counter(line.struck) for line in made.lines.values()), Counter[str]())
        print(  # noqa: T201 - the figures are what the test is for
            f"\nseed {SEED}: {number * each} requests, {len(made.stored)} acknowledged,"
            f" {made.unknown} unknown to the sender, {sum(map(len, asked.values()))} at the senders,"
            f" {sum(map(len, got.values()))} at the receivers; {dict(made.counts)}; hits on lines {dict(struck)}"
        )
        every = [one for ids in asked.values() for one in ids]
        assert len(every) == len(set(every)) == sum(map(len, got.values()))
        assert set(every) == {one for ids in got.values() for one in ids}
        assert made.stored.keys() <= set(every)
        assert len(made.stored) + made.unknown == number * each
        assert len(every) <= len(made.stored) + made.unknown
        assert all(one in asked[country] for one, country in made.stored.items())
        assert made.counts.keys() >= faults.keys()
        assert struck.keys() == set(LINES)
        numbers = [case["number"] for country in sides for case in sides[country].values() if case["role"] == "asking"]
        assert len(set(numbers)) == len(numbers)
        said = await asyncio.gather(*(entente("verify", "--json", "-C", node.folder) for node in made.nodes.values()))
        assert [(one.data, one.code) for one in said] == [([], 0)] * len(countries)
