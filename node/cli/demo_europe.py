"""`entente demo --countries`: many nodes until Ctrl-C, or until it is proved that they know and can ask each other."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp

from node.cli.demo_forks import ForkedNode, fork_all, healthy, load_program, make_forked, set_up, stop_all, watched
from node.cli.demo_network import invite, people_of, place_for, until_stopped
from node.cli.demo_nodes import Api, ApiError, own_token
from node.cli.output import say as print_lines
from node.cli.output import table
from node.clock import SystemClock, stopwatch
from node.errors import NodeError
from protocol.countries import COUNTRIES

_SYNCED_S: Final = 1800.0
_ANSWERED_S: Final = 120.0
_TELL_S: Final = 5.0
_LOOK_S: Final = 0.05
"""Seconds, for each node, between looks at what all nodes have: a look costs each of them some milliseconds."""
_AREA: Final = "professional-qualifications"
_QUESTION: Final = "profession-regulated"
_ANSWERS: Final = {_QUESTION: {"code": "no"}, "regulated-education": {"code": "no"}}
_KIB: Final = 1024.0
_MEMORY: Final = "{mb:.0f} MB with what they share counted once ({rss_mb:.0f} MB by RSS)"
_GRADES: Final = ("none", "fresh", "stale", "known-only")

Say = Callable[[str], None]


@dataclass
class Row:
    """What one node was seen to know: lists of other countries, authorities in all of them, and its memory.

    `grade` is the worst that any node gives its directory, `witnesses` how many have cosigned it, of `needed`.
    """

    country: str
    url: str
    version: int
    authorities: int
    lists: int
    known: int
    memory_mb: float
    grade: str
    witnesses: int
    needed: int
    frozen: bool
    state: str


def chosen(text: str) -> tuple[str, ...]:
    """Read `all` or `DE,HU,…`; raises `invalid` where there is an unknown country, or only one."""
    if text.strip().lower() == "all":
        return COUNTRIES
    named = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if unknown := [country for country in named if country not in COUNTRIES]:
        raise NodeError("invalid", f"No country of the network: {', '.join(unknown)}", "entente demo --countries all")
    if len(named) < 2:  # noqa: PLR2004
        raise NodeError("invalid", "A network has at least two countries.", "entente demo --countries DE,HU")
    return named


def run(folder: Path | None, countries: Sequence[str], *, once: bool, as_json: bool) -> tuple[bool, bool]:
    """Run the nodes; returns whether a signal stopped them, and whether one ended by itself."""
    say: Say = (lambda _words: None) if as_json else partial(print, flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # while there is no loop, it ends everything like Ctrl-C
    with place_for(folder) as place:
        begun = stopwatch()
        load_program()
        nodes = make_forked(place, countries)
        set_up(nodes, say)
        say(f"Set up in {stopwatch() - begun:.1f} s. Starting {len(nodes)} nodes …")
        network = _Network(nodes, say)
        try:
            begun = stopwatch()
            fork_all(nodes)
            work = network.prove(begun, as_json=as_json) if once else network.stay(begun)
            return asyncio.run(until_stopped(work)), bool(network.ended)
        finally:
            say("Stopping …")
            stop_all(nodes)


class _Network:
    """The nodes while they run."""

    def __init__(self, nodes: dict[str, ForkedNode], say: Say) -> None:
        self.nodes = nodes
        self.say = say
        self.ended: list[str] = []

    def _told(self, node: ForkedNode) -> None:
        self.ended.append(node.country)
        self.say(f"{node.country} has ended with {node.ended()}; the others go on. {node.folder / 'serve.log'} ends:")
        self.say(node.last_words())

    async def _up(self, begun: float) -> None:
        await healthy(self.nodes)
        self.say(f"{len(self.nodes)} nodes are healthy after {stopwatch() - begun:.1f} s, {self._memory()}.")

    def _memory(self) -> str:
        spent = self._spent("now")
        return _MEMORY.format(mb=spent["now_mb"], rss_mb=spent["now_rss_mb"])

    def _spent(self, when: str) -> dict[str, float]:
        """Return memory (with what they share counted once, and by RSS) and processor time of all nodes together."""
        nodes = self.nodes.values()
        return {
            f"{when}_mb": round(sum(memory_mb(node) for node in nodes)),
            f"{when}_rss_mb": round(sum(memory_mb(node, "Rss") for node in nodes)),
            f"{when}_cpu_s": round(sum(processor_s(node) for node in nodes), 1),
        }

    async def stay(self, begun: float) -> None:
        """Print sign-in links and stay until cancelled."""
        await self._up(begun)
        with watched(self.nodes, self._told):
            async with aiohttp.ClientSession() as session:
                await invite(self.nodes, session, self.say)
                await self._synced(session, begun)
            await asyncio.Event().wait()

    async def prove(self, begun: float, *, as_json: bool) -> None:
        """Wait until all know all, ask and answer one request, print a table; raises `internal` where that fails."""
        await self._up(begun)
        result: dict[str, Any] = {"healthy_s": round(stopwatch() - begun, 2), **self._spent("healthy")}
        with watched(self.nodes, self._told):
            async with aiohttp.ClientSession() as session:
                await self._synced(session, begun)
                self._require_all()
                result |= {"synced_s": round(stopwatch() - begun, 2), **self._spent("synced")}
                asked = await self._asked(session)
                shown = {country: await self._shown(node, session) for country, node in self.nodes.items()}
                rows = [self._row(node, shown) for node in self.nodes.values()]
        self._require_all()
        _print(rows, {**result, "asked": asked}, as_json=as_json)

    def _require_all(self) -> None:
        if self.ended:
            raise NodeError("internal", f"Nodes ended by themselves: {', '.join(self.ended)}")

    async def _synced(self, session: aiohttp.ClientSession, begun: float) -> None:
        """Wait until every running node has the newest list of every other one; says now and then how far they are."""
        told = stopwatch()
        while True:
            have, wanted = await self._lists(session)
            if have == wanted:
                break
            if stopwatch() - begun > _SYNCED_S:
                raise NodeError("internal", f"{have} of {wanted} directories after {_SYNCED_S:.0f} s")
            if stopwatch() - told > _TELL_S:
                told = stopwatch()
                self.say(f"    {have} of {wanted} directories are there")
            await asyncio.sleep(_LOOK_S * len(self.nodes))
        self.say(f"Every node has every list ({wanted}) after {stopwatch() - begun:.1f} s, {self._memory()}.")

    async def _lists(self, session: aiohttp.ClientSession) -> tuple[int, int]:
        """Return how many of the running nodes' lists are where they belong, and how many there are."""
        heads: dict[str, dict[str, str]] = {}
        for country, node in [item for item in self.nodes.items() if item[0] not in self.ended]:
            try:
                status = await Api(node, node.operator_token(), session).call("GET", "status")
            except aiohttp.ClientError:  # it ends just now, and `watched` tells it
                continue
            heads[country] = {one["country"]: one["sha256"] for one in status["directories"]}
        pairs = [(here, there) for here in heads for there in heads if here != there]
        have = sum(there in heads[there] and heads[here].get(there) == heads[there][there] for here, there in pairs)
        return have, len(pairs)

    async def _asked(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        """Let the last country ask the first one, and that one answer; returns what was asked and how long it took."""
        asker, replier = list(self.nodes)[-1], next(iter(self.nodes))
        begun = stopwatch()
        one, other = [await self._official(country, session) for country in (asker, replier)]
        found = await one.call("GET", "authorities", country=replier, area=_AREA, limit="1")
        draft = await one.call("POST", "drafts", _request(asker, replier))
        sent = await one.call("POST", "requests", {"draft": draft["id"]})
        case = str(sent["id"])
        await _until(other, case, lambda view: "accept" in view["actions"])
        await other.call("POST", f"cases/{case}/accept", {})
        await other.call("POST", f"cases/{case}/reply", {"answers": _ANSWERS})
        answered = await _until(one, case, lambda view: view["state"] == "replied")
        return {
            "from": asker, "to": replier, "found": len(found["items"]), "number": answered["number"],
            "state": answered["state"], "seconds": round(stopwatch() - begun, 2),
        }  # fmt: skip

    async def _official(self, country: str, session: aiohttp.ClientSession) -> Api:
        return await own_token(self.nodes[country], session, people_of(country)[0][0], "demo")

    async def _shown(self, node: ForkedNode, session: aiohttp.ClientSession) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await Api(node, node.operator_token(), session).call("GET", "countries"))[
            "items"
        ]
        return found

    def _row(self, node: ForkedNode, every: Mapping[str, Sequence[Mapping[str, Any]]]) -> Row:
        shown = every[node.country]
        own = next(one for one in shown if one["country"] == node.country)
        others = [one for one in shown if one["country"] in self.nodes and one["country"] != node.country]
        ready = sum(one["state"] == "ready" for one in others)
        return Row(
            node.country, node.url, own["version"], own["authorities"], sum(bool(one["version"]) for one in others),
            sum(one["authorities"] for one in shown), round(memory_mb(node), 1), *_log_of(node.country, every),
            f"{ready} of {len(others)} can be asked",
        )  # fmt: skip


def _log_of(country: str, shown: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[str, int, int, bool]:
    """Return (worst grade that anybody gives a country's directory, its witnesses, how many it needs, if frozen)."""
    logs = {here: one["log"] for here, items in shown.items() for one in items if one["country"] == country}
    there = [log for log in logs.values() if log is not None]
    grade = max((str(log["grade"]) for log in there), key=_GRADES.index, default="none")
    own = logs[country] or {"witnesses": 0, "needed": 0}
    return grade, own["witnesses"], own["needed"], any(log["frozen"] is not None for log in there)


def memory_mb(node: ForkedNode, kind: str = "Pss") -> float:
    """Return a node's memory in MB, with its share of what it shares or (`Rss`) all of that; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{node.forked.pid if node.forked else 0}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(next(line for line in lines.splitlines() if line.startswith(f"{kind}:")).split()[1]) / _KIB


def processor_s(node: ForkedNode) -> float:
    """Return how many seconds of a processor a node has taken; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{node.forked.pid if node.forked else 0}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    ticks = fields.rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _print(rows: Sequence[Row], result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**result, "nodes": [asdict(row) for row in rows]}, ensure_ascii=False))
        return
    print_lines("")
    headings = ("country", "version", "authorities", "lists", "known", "memory_mb", "grade", "witnesses", "state")
    table(headings, [_cells(row) for row in rows])
    asked = result["asked"]
    print_lines(
        "", f"{asked['from']} asked {asked['to']}: {asked['number']}, {asked['state']} after {asked['seconds']} s."
    )
    for when in ("healthy", "synced"):
        memory = _MEMORY.format(mb=result[f"{when}_mb"], rss_mb=result[f"{when}_rss_mb"])
        print_lines(f"{when} after {result[f'{when}_s']} s, {memory}, {result[f'{when}_cpu_s']} s of processor time")


def _cells(row: Row) -> tuple[object, ...]:
    seen = f"{row.witnesses}, {row.needed} needed{', frozen' if row.frozen else ''}"
    known = (row.country, row.version, row.authorities, row.lists, row.known, row.memory_mb)
    return *known, row.grade, seen, row.state


def _request(asker: str, replier: str) -> dict[str, Any]:
    due = (SystemClock().now() + timedelta(days=21)).date().isoformat()
    return {
        "authority": people_of(asker)[0][3], "country": replier, "to": people_of(replier)[0][3], "due": due,
        "area": _AREA, "set": "establishment", "questions": [_QUESTION],
        "variables": {"profession": {"code": "dental-practitioner"}},
    }  # fmt: skip


async def _until(api: Api, case: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Read a case until it is as expected; raises `internal` where that takes too long."""
    deadline = stopwatch() + _ANSWERED_S
    while stopwatch() < deadline:
        try:
            view: dict[str, Any] = await api.call("GET", f"cases/{case}")
            if fits(view):
                return view
        except ApiError as error:
            if error.answered != "not-found":
                raise
        await asyncio.sleep(0.05)
    raise NodeError("internal", f"The request {case} didn't get there in {_ANSWERED_S:.0f} s.")
