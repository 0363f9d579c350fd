"""One simulated network: its nodes, officials, faults and the oracle, all driven by one seed."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from node.cli.simulation.assembly import Assembly
from node.cli.simulation.byzantine import Byzantine
from node.cli.simulation.clock import DriftingClock
from node.cli.simulation.entropy import SeededEntropy
from node.cli.simulation.faults import FAULTS, Fault
from node.cli.simulation.life import Life
from node.cli.simulation.network import Fate, Network, Weather, altered, give_up, path_of
from node.cli.simulation.officials import Official
from node.cli.simulation.operators import change_key
from node.cli.simulation.oracle import Oracle
from node.cli.simulation.template import Template, copy_of, note_restored
from node.cli.simulation.thief import Thief
from node.cli.simulation.trace import Trace
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES, handle
from node.store.tx import Read
from protocol.jws import Signer

_OK: Final = 200
_SMALL: Final = 8
_JUDGED: Final = 3
"""Nodes that are verified from their signed bytes, which costs much; all are compared with each other."""
_DEADLINE_S: Final = 6 * 3600.0
_RESTART_S: Final = 3.0
"""A node is down for longer than a peer needs to end what its last call has begun."""
_FRAIL, _FRAIL_FOR = 0.03, 40
"""After a start from an old disk a node dies more easily, at each of so many boundaries: it is fetching back."""


@dataclass(frozen=True)
class Cut:
    """Where a node dies for certain: at its boundary number `at`, counted from 1 over its lives."""

    country: str
    at: int


@dataclass(frozen=True)
class Plan:
    """How a seed is played: seconds of faults, acts per country in them, kinds of faults, a certain death.

    `severities` are those that chance chooses from, `liars` is how likely one member of a larger network lies.
    """

    duration_s: float = 400.0
    acts: int = 14
    kinds: tuple[type[Fault], ...] = FAULTS
    calm: bool = False
    severities: tuple[float, ...] = (0.3, 1.0, 1.0, 2.0)
    cut: Cut | None = None
    liars: float = 0.4


class World:
    """Everything of one seed. Each concern draws from a chance of its own, so that they don't disturb each other."""

    def __init__(self, seed: int, template: Template, folder: Path, plan: Plan, trace: Trace) -> None:
        """Copy the template's nodes; nothing runs yet."""
        self.seed = seed
        self.plan = plan
        self.template = template
        self.trace = trace
        self.folder = folder
        self.faults: Counter[str] = Counter()
        self.boundaries: Counter[str] = Counter()
        self.stormy = self.judged = False
        self.lives: dict[str, Life] = {}
        self.clocks = {country: DriftingClock() for country in template.countries}
        self._numbers: Counter[str] = Counter()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._power = self.chance("power")
        self.network = Network(self.chance("network"), self.faults)
        storm = self.chance("storm")
        calm = plan.calm or storm.random() < 0.1  # noqa: PLR2004 - one seed of ten has no random faults at all
        self.severity = 0.0 if calm else storm.choice(plan.severities)
        self.liar: Byzantine | None = None
        countries = template.members
        if storm.random() < plan.liars and not calm and len(countries) > 2:  # noqa: PLR2004 - two are never judged alone
            self.liar = Byzantine(storm.choice(countries), self)
        liars = {self.liar.country} if self.liar else set()
        self.oracle = Oracle(tuple(country for country in template.countries if country not in liars))
        self.assembly = Assembly(self, template, self.chance("states"))
        self.states = self.assembly.states
        self._disks: Counter[str] = Counter()
        self._restored: set[str] = set()
        self._renewals: Counter[str] = Counter()
        self._renewed_before: dict[str, int] = {}
        self._frail: Counter[str] = Counter()

    def chance(self, name: str) -> Random:
        """Return chance for one concern."""
        return Random(f"{self.seed} {name}")  # noqa: S311 - it must be the same every time

    def spawn(self, job: Coroutine[Any, Any, object]) -> None:
        """Run something beside the nodes until the end."""
        task = asyncio.get_running_loop().create_task(job)
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    def count(self, kind: str, *words: object) -> None:
        """Note a fault."""
        self.faults[kind] += 1
        self.trace.note("fault", kind, *words)

    # --- lives ---

    async def open(self, country: str, folder: Path) -> Life:
        """Start a node on its files."""
        self._numbers[country] += 1
        entropy = SeededEntropy(f"{self.seed} {country} {self._numbers[country]}")
        life = Life(self, country, folder, self.folder / f"{country}-keys", self.clocks[country], entropy)
        self.lives[country] = life
        self.oracle.look(life)
        await life.work(life.start())
        return life

    def dies(self, life: Life) -> bool:
        """Say whether the node dies at the boundary that it has reached."""
        if life.dead or self.judged:
            return False
        self.boundaries[life.country] += 1
        cut = self.plan.cut
        if cut is not None and cut.country == life.country:
            return self.boundaries[life.country] == cut.at
        rate = 0.004 * self.severity / max(1, len(self.lives) / 5)
        if self._frail[life.country]:
            self._frail[life.country] -= 1
            rate = _FRAIL * min(1.0, self.severity)
        return self.stormy and rate > 0 and self._power.random() < rate

    def tears(self, grown: int) -> int | None:
        """Return how much of the last commit reaches the disk; None: all of it."""
        torn, part = self._power.random() < 0.5, self._power.random()  # noqa: PLR2004 - whatever the length is
        return int(part * grown) if torn else None

    def died(self, life: Life, boundary: str, torn: bool) -> None:
        """Take note of a death, and start the node again a while later."""
        self.count(f"crash-{boundary}", life.country, "torn" if torn else "whole")
        if torn:
            self.faults["torn-log"] += 1
        if self._frail[life.country]:
            self.faults["crash-while-fetching-back"] += 1
        del self.lives[life.country]
        self.spawn(self._again(life))

    def back_up(self, country: str) -> bool:
        """Copy a node's files, as an operator does; returns False for a liar, of whom nothing is owed to anybody."""
        if country not in self.oracle.honest:
            return False
        target = self.folder / f"{country}-backup"
        shutil.rmtree(target, ignore_errors=True)
        copy_of(self.lives[country].folder / "data", target / "data")
        self._renewed_before[country] = self._renewals[country]
        return True

    def restore(self, country: str) -> None:
        """Let a node lose its disk and start from the copy.

        What was on its way meanwhile doesn't arrive: to restore takes longer than any call. A copy from before the
        last message key isn't used: if the only peer that knew that key is away, its record is lost with the disk.
        """
        life, backup = self.lives.get(country), self.folder / f"{country}-backup"
        if life is None or not self.stormy or self._renewed_before[country] != self._renewals[country]:
            return
        life.end("old-backup")
        shutil.rmtree(life.heir)
        copy_of(backup / "data", life.heir / "data")
        self._disks[country] += 1
        self._restored.add(country)
        self._frail[country] = _FRAIL_FOR
        self.oracle.lost_disk(country)
        self.assembly.hand_out()

    async def _again(self, life: Life) -> None:
        await life.bury()
        await asyncio.sleep(self._power.uniform(_RESTART_S, 90.0))
        if life.country in self._restored:
            self._restored.discard(life.country)
            await note_restored(life.heir / "data", life.country, life.clock)
        await self.open(life.country, life.heir)

    def written(self, life: Life, q: Read) -> None:
        """Look at a node after a commit."""
        self.oracle.written(life, q)

    def tries(self, life: Life, peer: str, early_s: float) -> None:
        """Check that a node that was refused or not heard leaves its peer alone for a while."""
        honest = life.country in self.oracle.honest
        self.oracle.must(not honest or early_s <= 0.001, "impatient", life.country, f"{peer}: {early_s:.3f} s early")  # noqa: PLR2004

    def works(self, country: str) -> None:
        """Let a country's official begin, while the storm lasts."""
        if self.stormy:
            self.spawn(self._works(country))

    def change_key(self, country: str, kind: str) -> None:
        """Let an operator renew a key of a kind, or revoke an earlier one."""
        if (life := self.lives.get(country)) is not None and self.stormy:
            self.spawn(self._changed_key(life, kind))

    def robbed(self, country: str, signer: Signer) -> None:
        """Let whoever stole a message key use it, once it is revoked."""
        self.spawn(Thief(country, signer, self, self.chance(f"thief of {signer.kid}")).use())

    async def _changed_key(self, life: Life, kind: str) -> None:
        self._renewals[life.country] += kind == "message"
        ended = await life.work(change_key(life, kind))
        self.trace.note(life.country, "key", kind, self.oracle.outcome(life, f"key {kind}", ended))
        life.node.keys_seen = ()  # times of files are real ones, and two changes may lie at the same
        await asyncio.sleep(1.0)
        life.upkeep.hurry()

    # --- calls ---

    async def carry(self, life: Life, peer: str, call: Call) -> Answer:
        """Carry a call from a node to its peer and the answer back, as chance has it."""
        me = life.country
        if me in self.oracle.honest:
            self.oracle.leaves(me, call.body)
            if call.path == BATCHES:
                self.oracle.batch_sent(me, peer, call.body)
        elif self.liar is not None:
            self.liar.hears(me, peer, call)
        fate = self.network.fate(me, peer)
        if fate.again_s is not None:
            self.spawn(self._later(me, peer, call, fate.again_s))
        if fate.lost_out or self.network.is_cut(me, peer):
            return await give_up()
        try:
            async with asyncio.timeout(120):
                answer = await self._there_and_back(me, peer, call, fate)
        except TimeoutError:
            raise LineError("no answer in time") from None
        if fate.lost_back or self.network.is_cut(peer, me):
            return await give_up()
        said = "altered" if fate.corrupt_out is not None else answer.status
        self.trace.note(me, peer, call.method, path_of(call), said)
        if path_of(call) == "streams":
            self.oracle.told(me, peer, altered=fate.corrupt_back is not None)
        if fate.corrupt_back is not None:
            return replace(answer, body=altered(answer.body, fate.corrupt_back))
        return answer

    async def _there_and_back(self, me: str, peer: str, call: Call, fate: Fate) -> Answer:
        if fate.corrupt_out is not None:
            call = replace(call, body=altered(call.body, fate.corrupt_out))
        disks = self._disks[me], self._disks[peer]
        await asyncio.sleep(fate.out_s)
        answer = await self.deliver(me, peer, call)
        await asyncio.sleep(fate.back_s)
        if disks != (self._disks[me], self._disks[peer]):
            raise LineError("the connection was dropped")
        return answer

    async def _later(self, me: str, peer: str, call: Call, wait_s: float) -> None:
        """Deliver a copy that was on its way for longer; nobody waits for its answer."""
        disks = self._disks[me], self._disks[peer]
        await asyncio.sleep(wait_s)
        if disks != (self._disks[me], self._disks[peer]):
            return
        if self.network.chance.random() < 0.3:  # noqa: PLR2004 - a copy may be damaged too
            call = replace(call, body=altered(call.body, self.network.chance.random() ** 2))
        if not self.network.is_cut(me, peer):
            try:
                await self.deliver(me, peer, call)
            except LineError:
                return

    async def deliver(self, me: str, peer: str, call: Call) -> Answer:
        """Let a node answer a call; raises `LineError` where it is down, or dies before the answer is out."""
        life = self.lives.get(peer)
        if life is None:
            raise LineError("can't connect")
        ended = await life.work(self._answered(life, me, call))
        if ended.error is not None:
            raise ended.error
        if ended.value is None:
            raise LineError("the connection was dropped")
        return ended.value

    async def _answered(self, life: Life, me: str, call: Call) -> Answer:
        answer = await handle(life.node, me, call)
        if self.liar is not None and life.country == self.liar.country:
            self.liar.hears(me, life.country, call)
            answer = self.liar.answer(life, call, answer)
        elif call.path == BATCHES and answer.status == _OK:
            self.oracle.released(life, answer)
        life.boundary("answer")
        return answer

    # --- the story ---

    async def play(self) -> None:
        """Let officials work through the storm, then let it end, and judge."""
        for country in self.template.countries:
            shutil.copytree(self.template.folder / country / "keys", self.folder / f"{country}-keys")
        for country in self.template.members:
            copy_of(self.template.folder / country / "data", self.folder / country / "data")
            await self.open(country, self.folder / country)
        self.stormy = True
        self._brew()
        for country in self.template.members:
            self.spawn(self._works(country))
        await asyncio.sleep(self.plan.duration_s)
        await self._clear_up()
        await self._judge()

    def _brew(self) -> None:
        """Let the bad weather begin, and each kind of fault strike now and then."""
        chance, severity = self.chance("faults"), self.severity
        draw = [chance.random() * severity if chance.random() < 0.7 else 0.0 for _ in range(5)]  # noqa: PLR2004
        slow = 0.05 if draw[4] < 0.5 else 5 * draw[4]  # noqa: PLR2004
        self.network.weather = Weather(0.1 * draw[0], 0.05 * draw[1], 0.1 * draw[2], 0.05 * draw[3], slow)
        for kind in self.plan.kinds if severity else ():
            fault = kind(self, self.chance(kind.kind))
            self.spawn(fault.strike_now_and_then(self.plan.duration_s))
        if self.liar is not None:
            self.spawn(self.liar.lie(self.plan.duration_s))

    async def _works(self, country: str) -> None:
        chance = self.chance(f"official of {country}")
        others = tuple(c for c in self.template.countries if c != country)
        official = Official(country, others, chance, self.oracle, self.trace)
        pause = self.plan.duration_s / self.plan.acts
        await asyncio.sleep(chance.random() * pause)
        while self.stormy:
            life = self.lives.get(country)
            if life is not None and life.node.members is not None:
                await official.act(life)
            await asyncio.sleep(chance.expovariate(1 / pause))

    async def _clear_up(self) -> None:
        """End all faults, and wait until nothing waits any more."""
        self.stormy = False
        self.network.heal()
        for clock in self.clocks.values():
            clock.correct()
        for life in self.lives.values():
            life.full = False
        for country in self.states.newest.countries():
            self.assembly.reinstate(country)
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + _DEADLINE_S, 30.0
        while loop.time() < deadline and not (self._all_up() and self._quiet()):
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 600.0)

    def _all_up(self) -> bool:
        return len(self.lives) == len(self.template.countries) - len(self.assembly.applicants)

    def _quiet(self) -> bool:
        staying = [life for life in self.assembly.staying().values() if life.country in self.oracle.honest]
        return all(self.states.known_to(life) for life in staying) and self.oracle.drained(staying)

    async def _judge(self) -> None:
        self.judged = True
        self.oracle.must(self._all_up(), "not-running", "", sorted(self.lives))
        honest = [country for country in self.assembly.staying() if country in self.oracle.honest]
        for country in honest:
            self.oracle.must(self.states.known_to(self.lives[country]), "list-not-spread", country)
        judged = self.chance("judged").sample(honest, min(_JUDGED, len(honest)))
        self.oracle.end(self.assembly.staying(), judged)
        for country in honest:
            self.trace.note("end", country, *self.oracle.summary(self.lives[country]))
        for task in list(self._tasks):
            task.cancel()
        for country in sorted(self.lives):
            await self.lives[country].stop()
        self.oracle.closed([self.lives[country] for country in honest])
