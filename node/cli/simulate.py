"""`entente simulate`: many nodes under every fault in no time, to see whether what must hold does hold."""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from node.cli.context import JsonOption
from node.cli.output import complain, say, table

if TYPE_CHECKING:  # these take most of a second to load, and `--help` needs none of them
    from node.cli.simulation.run import Result

_RANGE: Final = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?\Z")
_LEAST, _MOST = 2, 30


def simulate(
    nodes: Annotated[str, typer.Option(help="How many nodes: 2 to 30, or a range such as 2-5.")] = "2-5",
    seeds: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many seeds to play.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The first seed; the others follow it.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the seeds.")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="Print everything that happened; for a single seed.")] = False,
    as_json: JsonOption = False,
) -> None:
    r"""Run whole networks of real nodes in virtual time under every fault, and check what must always hold.

    Services, store and protocol are the real ones; only clock, network, disk and chance are put in from
    outside, all of them from a seed. Calls are lost, late, repeated, reordered and altered; ways are cut, also in
    one direction; nodes die at every commit and send boundary, with the end of their log torn; disks run full,
    clocks jump, members come, go, are suspended, and lie. After each step and at the end the invariants of
    docs/simulation.md are checked. The same seed and versions give the same trace, in every process.

    With --json there is one line for each violation, then one with the totals. Exit code 1 if anything was
    violated; the message names the command that replays it.

    \b
    Examples:
      entente simulate
      entente simulate --nodes 30 --seeds 10 --jobs 2
      entente simulate --nodes 4 --seed 38 --seeds 1 --trace
    """
    least, most = _nodes(nodes)
    if trace and seeds > 1:
        raise typer.BadParameter("a trace is of one seed: --seeds 1", param_hint="--trace")
    played = []
    for result in _play([(each, least + each % (most - least + 1)) for each in range(seed, seed + seeds)], jobs, trace):
        played.append(result)
        say(*result.trace)
        _report(result, as_json)
    totals = _totals(played)
    if as_json:
        say(json.dumps(totals))
    else:
        _show(totals)
    if totals["violations"]:
        raise typer.Exit(1)


def _nodes(text: str) -> tuple[int, int]:
    match = _RANGE.match(text)
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not _LEAST <= least <= most <= _MOST:
        raise typer.BadParameter(f"{_LEAST} to {_MOST}, or a range such as 2-5", param_hint="--nodes")
    return least, most


def _play(seeds: list[tuple[int, int]], jobs: int, trace: bool) -> Iterator["Result"]:
    """Play seeds in their order, each with so many nodes."""
    if jobs == 1 or len(seeds) == 1:
        for each in seeds:
            yield _one((*each, trace))
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_one, [(*each, trace) for each in seeds])


def _one(what: tuple[int, int, bool]) -> "Result":
    from node.cli.simulation.run import simulate as play

    seed, nodes, trace = what
    return play(seed, nodes, keep_trace=trace)


def _report(result: "Result", as_json: bool) -> None:
    """Name each violation with what replays it."""
    replay = f"entente simulate --nodes {result.nodes} --seed {result.seed} --seeds 1 --trace"
    for violation in result.violations:
        if as_json:
            found = {"seed": result.seed, "nodes": result.nodes, **vars(violation), "replay": replay}
            say(json.dumps({**found, "versions": versions()}))
        else:
            where = f"seed {result.seed}, {violation.country or 'the network'} at {violation.at} s"
            complain(f"{violation.invariant}: {where}: {violation.found}")
    if result.violations and not as_json:
        shown = ", ".join(f"{name} {version}" for name, version in versions().items())
        complain(f"  replay it: {replay}", f"  with {shown}")


def _totals(played: Iterable["Result"]) -> dict[str, Any]:
    results = list(played)
    traces = "".join(f"{result.seed} {result.nodes} {result.trace_sha256}\n" for result in results)
    return {
        "seeds": len(results),
        "messages": sum(result.messages for result in results),
        "boundaries": sum(result.boundaries for result in results),
        "faults": _sum(result.faults for result in results),
        "invariants_checked": sum(sum(result.checked.values()) for result in results),
        "checked": _sum(result.checked for result in results),
        "violations": sum(len(result.violations) for result in results),
        "failed_seeds": [result.seed for result in results if result.violations],
        "trace_sha256": hashlib.sha256(traces.encode()).hexdigest(),
        "versions": versions(),
    }


def _sum(counts: Iterable[Any]) -> dict[str, int]:
    from collections import Counter

    added: Counter[str] = Counter()
    for count in counts:
        added.update(count)
    return dict(sorted(added.items()))


def versions() -> dict[str, str]:
    """Return the versions that a trace depends on."""
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    try:
        own = version("entente-node")
    except PackageNotFoundError:  # run from the source tree
        own = "source"
    libraries = {name: version(name) for name in ("cryptography", "pydantic", "tuf")}
    return {"entente": own, "python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version, **libraries}


def _show(totals: dict[str, Any]) -> None:
    say(f"{totals['seeds']} seeds, {totals['messages']} messages, trace {totals['trace_sha256'][:16]}", "")
    table(("fault", "times"), sorted(totals["faults"].items()))
    say("")
    table(("invariant", "checked"), sorted(totals["checked"].items()))
    failed = totals["failed_seeds"]
    say("", f"Violated in seeds {', '.join(map(str, failed))}." if failed else "Everything held.")
