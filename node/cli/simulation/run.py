"""Playing seeds and saying what came of them."""

import asyncio
import gc
import logging
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from node.cli.simulation.life import LIFE, PowerCutError
from node.cli.simulation.loop import EndlessError, run
from node.cli.simulation.oracle import PERSONAL, Oracle, Violation
from node.cli.simulation.template import scratch, template
from node.cli.simulation.trace import Trace
from node.cli.simulation.world import Plan, World
from protocol.countries import COUNTRIES


@dataclass(frozen=True)
class Result:
    """What came of one seed; `messages` are the events that honest nodes issued."""

    seed: int
    nodes: int
    messages: int
    boundaries: int
    faults: Mapping[str, int]
    checked: Mapping[str, int]
    violations: tuple[Violation, ...]
    trace_sha256: str
    trace: tuple[str, ...] = field(default=(), repr=False)


_LARGE: Final = 8
_CONTRADICTIONS: Final = frozenset({"stream-diverged", "history-refused"})


def plan_for(nodes: int) -> Plan:
    """Return how networks of this size are played: large ones have enough happening in a shorter time."""
    return Plan() if nodes <= _LARGE else Plan(duration_s=120.0, acts=6, severities=(0.2, 0.5, 0.5, 1.0))


def simulate(seed: int, nodes: int, plan: Plan | None = None, *, keep_trace: bool = False) -> Result:
    """Play one seed with so many nodes; the same arguments give the same result on every machine."""
    made = template(nodes, applicants=int(nodes < len(COUNTRIES)))
    folder = Path(tempfile.mkdtemp(prefix=f"seed-{seed}-", dir=scratch()))
    world = World(seed, made, folder, plan or plan_for(nodes), Trace(keep=keep_trace))
    try:
        with _watched_log(world.oracle), _seldom_collected():
            run(_played(world))
    except EndlessError as error:
        world.oracle.endless(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    oracle = world.oracle
    return Result(
        seed=seed,
        nodes=nodes,
        messages=oracle.messages(),
        boundaries=sum(world.boundaries.values()),
        faults=dict(sorted(world.faults.items())),
        checked=dict(sorted(oracle.checked.items())),
        violations=tuple(oracle.violations),
        trace_sha256=world.trace.sha256,
        trace=tuple(world.trace.lines or ()),
    )


async def _played(world: World) -> None:
    asyncio.get_running_loop().set_exception_handler(partial(_unhandled, world.oracle))
    await world.play()


def _unhandled(oracle: Oracle, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if not isinstance(error, PowerCutError):
        oracle.must(False, "internal-error", "", f"{context.get('message')}: {where(error)}")


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let the garbage collector pass over what was there before, and come seldom: a network is not much."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _watched_log(oracle: Oracle) -> Iterator[None]:
    """Read the nodes' log: an error that no fault explains is a violation, and so is a personal text in it."""
    before = structlog.get_config()
    structlog.configure(
        processors=[partial(_read_log, oracle)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _read_log(oracle: Oracle, _logger: Any, level: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    life, name = LIFE.get(), str(event.get("event"))
    country = life.country if life is not None else ""
    oracle.must(PERSONAL not in repr(event), "secret-in-the-clear", country, "log")
    peers_fault = name in _CONTRADICTIONS and oracle.is_misled(country, event.get("peer", country))
    excused = life is None or life.dead or life.full or peers_fault
    if level in ("error", "exception", "critical") and not excused:
        oracle.must(False, "internal-error", country, f"{name} {event.get('peer', '')}: {where(sys.exc_info()[1])}")
    raise structlog.DropEvent


def where(error: BaseException | None) -> str:
    """Return an error and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return f"{error!r}" + (f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "")


def total(results: list[Result]) -> Counter[str]:
    """Add up the faults of some results by kind."""
    return sum((Counter(result.faults) for result in results), Counter())
