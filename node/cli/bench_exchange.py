"""The measurement behind `entente bench exchange`: requests between two node processes."""

import asyncio
import json
import statistics
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from node.cli.demo_network import nodes_of, seed
from node.cli.demo_nodes import Api, DemoNode, service_token
from node.clock import SystemClock, stopwatch, unstamp
from node.errors import NodeError

_WAIT_S: Final = 300.0
_AT_ONCE: Final = 100
_ALONE: Final = 60
_FIRST_LOOK_S: Final = 0.016
_STEP_S: Final = 0.004
_LEAST_STEP_S: Final = 0.0005
_LOOK_S: Final = 0.25
"""Seconds between looks at the other node's metrics: each costs that node what a dozen messages cost."""


@dataclass(frozen=True)
class Figures:
    """What a run measured; latencies from submission to visible at the other node.

    Under load a request counts as visible at the time stamp of the transaction that stored it.
    """

    mode: str
    messages: int
    messages_per_s: float
    p50_ms: float
    p99_ms: float
    unloaded_p50_ms: float
    cpu_s_per_1000: float
    rss_mb: dict[str, float]
    idle_rss_mb: dict[str, float]
    start_s: dict[str, float]
    lost: int
    duplicated: int


def measure_and_print(mode: str, messages: int, callers: int, *, as_json: bool) -> None:
    """Measure, and print the figures."""
    figures = asyncio.run(_run(mode, messages, callers))
    if as_json:
        print(json.dumps(asdict(figures)))
        return
    for name, value in asdict(figures).items():
        print(f"{name:>18}  {value}")


async def _run(mode: str, messages: int, callers: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix="entente-bench-") as folder:
        async with (
            nodes_of(Path(folder), ("DE", "HU"), lambda _words: None) as nodes,
            aiohttp.ClientSession() as session,
        ):
            await seed(nodes, session)
            return await _Bench(nodes, session, mode, messages, callers).measure()


@dataclass
class _Bench:
    nodes: dict[str, DemoNode]
    session: aiohttp.ClientSession
    mode: str
    messages: int
    callers: int

    async def measure(self) -> Figures:
        asker, replier = await asyncio.gather(
            service_token(self.nodes["DE"], self.session, "bench", "DE-zaek-berlin"),
            service_token(self.nodes["HU"], self.session, "bench", "HU-okfo"),
        )
        await self._until_known(asker)
        idle = {country: rss_mb(node) for country, node in self.nodes.items()}
        alone = await self._alone(asker, replier)
        already = await self._arrived()
        cpu, started = self._cpu(), _time_of_day()
        sent = await self._load(asker)
        arrived = await self._until_arrived(already + self.messages)
        cpu = self._cpu() - cpu
        stored = await self._stored(replier, sent)
        spent = max(stored.values()) - started
        delays = [(stored[case] - at) * 1000 for case, at in sent.items() if case in stored]
        return Figures(
            mode=self.mode,
            messages=self.messages,
            messages_per_s=round(self.messages / spent, 1),
            p50_ms=round(statistics.median(delays), 1),
            p99_ms=round(statistics.quantiles(delays, n=100)[98], 1),
            unloaded_p50_ms=round(alone * 1000, 1),
            cpu_s_per_1000=round(cpu / self.messages * 1000, 3),
            rss_mb={country: rss_mb(node) for country, node in self.nodes.items()},
            idle_rss_mb=idle,
            start_s={country: round(node.start_s, 2) for country, node in self.nodes.items()},
            lost=max(0, already + self.messages - arrived),
            duplicated=max(0, arrived - already - self.messages),
        )

    async def _until_known(self, asker: Api) -> None:
        deadline = stopwatch() + _WAIT_S
        while not (await asker.call("GET", "authorities", country="HU", limit="1"))["items"]:
            if stopwatch() > deadline:
                raise NodeError("internal", "The directory of the other node didn't arrive.")
            await asyncio.sleep(0.05)

    async def _alone(self, asker: Api, replier: Api) -> float:
        """Return the seconds after which half of the requests that are sent one by one are visible at the other node.

        A look costs that node as much as receiving does. So each request is looked for once, a step sooner if the one
        before was there and a step later if it wasn't: the looks gather where half of them find it (Dixon and Mood's
        up-and-down method). The steps get smaller at each turn.
        """
        after, step, looks = _FIRST_LOOK_S, _STEP_S, list[tuple[bool, float]]()
        for _ in range(_ALONE):
            looks.append(await self._look_once(asker, replier, after))
            found = looks[-1][0]
            if len(looks) > 1 and looks[-2][0] != found:
                step = max(step / 2, _LEAST_STEP_S)
            after += -step if found else step
        return statistics.median(at for _, at in looks[_ALONE // 3 :])

    async def _look_once(self, asker: Api, replier: Api, after: float) -> tuple[bool, float]:
        """Send a request, look for it after some seconds, and let all come to rest.

        Returns whether it was there, and the middle between question and answer of the look.
        """
        started = stopwatch()
        case = await asker.call("POST", "requests", _request())
        await asyncio.sleep(max(0.0, started + after - stopwatch()))
        asked = stopwatch()
        found = await _listed(replier, case["number"])
        looked = (asked + stopwatch()) / 2 - started
        while (await _listed(asker, case["number"]))[0]["on_its_way"]:  # until the receipt is there
            if stopwatch() - started > _WAIT_S:
                raise NodeError("internal", "The request didn't arrive at the other node.")
            await asyncio.sleep(0.02)
        return bool(found), looked

    async def _load(self, asker: Api) -> dict[str, float]:
        """Submit all messages; returns the time of day of each submission by case."""
        left = list(range(self.messages if self.mode == "api" else -(-self.messages // _AT_ONCE)))
        sent: dict[str, float] = {}

        async def caller() -> None:
            while left:
                left.pop()
                at = _time_of_day()
                if self.mode == "api":
                    sent[(await asker.call("POST", "requests", _request()))["id"]] = at
                    continue
                count = min(_AT_ONCE, self.messages - len(left) * _AT_ONCE)
                made = await asker.call("POST", "requests/bulk", {"requests": [_request()] * count})
                sent.update({case["id"]: at for case in made["items"]})

        await asyncio.gather(*(caller() for _ in range(self.callers if self.mode == "api" else 2)))
        return sent

    async def _arrived(self) -> int:
        """Return how many cases the replying node has, by its own metrics."""
        async with self.session.get(f"http://127.0.0.1:{self.nodes['HU'].health}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith('entente_cases{role="replying"'))

    async def _until_arrived(self, wanted: int) -> int:
        deadline = stopwatch() + _WAIT_S
        while (count := await self._arrived()) < wanted and stopwatch() < deadline:
            await asyncio.sleep(_LOOK_S)  # the other end is another process; when each arrived is read afterwards
        return count

    async def _stored(self, replier: Api, sent: dict[str, float]) -> dict[str, float]:
        """Return the time of day of the transaction that stored each case at the other node, by that node's clock."""
        stored: dict[str, float] = {}
        after: str | None = ""
        while after is not None:
            page = await replier.call("POST", "cases/search", {"limit": 200, "after": after})
            for case in page["items"]:
                if case["id"] in sent:
                    stored[case["id"]] = unstamp(case["updated_at"]).timestamp()
            after = page["next"]
        return stored

    def _cpu(self) -> float:
        return sum(_cpu_s(node) for node in self.nodes.values())


async def _listed(api: Api, number: str) -> list[Any]:
    return list((await api.call("POST", "cases/search", {"number": number}))["items"])


def _request() -> dict[str, Any]:
    return {
        "authority": "DE-zaek-berlin",
        "country": "HU",
        "to": "HU-okfo",
        "area": "professional-qualifications",
        "set": "establishment",
        "questions": ["registration-status", "sanctions"],
        "variables": {
            "person": {"given_names": "Eszter", "family_name": "Példa", "birth_date": "1991-04-17"},
            "profession": {"code": "dental-practitioner"},
        },
        "due": "2099-12-31",
        "comment": {"text": "Bitte prüfen Sie die Eintragung. " * 20, "lang": "de"},
    }


def _time_of_day() -> float:
    return SystemClock().now().timestamp()


def rss_mb(node: DemoNode) -> float:
    """Return how much memory a node's process has."""
    assert node.process is not None
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


def _cpu_s(node: DemoNode) -> float:
    assert node.process is not None
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / 100.0
