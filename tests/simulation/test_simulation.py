"""Whole networks of real nodes under every fault: what must hold does, and every run can be played again."""

import asyncio
import json
import multiprocessing
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from node.cli.app import app
from node.cli.simulation import loop
from node.cli.simulation.clock import DriftingClock
from node.cli.simulation.faults import FAULTS, KeyRenewal, KeyRevocation, OldBackup
from node.cli.simulation.network import altered
from node.cli.simulation.run import Result, simulate
from node.cli.simulation.world import Cut, Plan
from node.delivery.courier import Courier
from node.store.engine import connect
from node.store.migrations import KEYS
from node.store.store import Store
from protocol import jws
from protocol.batch import Head, check_body, parse_batch, seal_batch
from protocol.encoding import sha256_b64u
from protocol.jws import KeySigner
from protocol.problems import ProtocolError

ROOT = Path(__file__).parents[2]
SMALL, LARGE = 120, 6
"""Seeds of each kind that every run of the tests plays; `make soak` plays as many as one wants."""


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `entente` as a process of its own."""
    given = {"capture_output": True, "text": True, "cwd": ROOT, "env": {**os.environ, **environment}}
    return subprocess.run((sys.executable, "-m", "node", *words), check=False, **given)


@pytest.mark.processes
@pytest.mark.parametrize(("nodes", "seeds"), [("2-5", SMALL), ("30", LARGE)], ids=["small", "large"])
def test_what_must_hold_holds_under_every_fault(nodes: str, seeds: int) -> None:
    """Nothing acknowledged is lost, nothing happens twice, both sides agree; and every kind of fault has struck."""
    played = command("simulate", "--nodes", nodes, "--seeds", str(seeds), "--jobs", "2", "--json")
    assert played.returncode == 0, played.stdout[-4000:] + played.stderr[-4000:]
    totals = json.loads(played.stdout.splitlines()[-1])
    assert (totals["seeds"], totals["violations"]) == (seeds, 0)
    assert totals["messages"] > 10 * seeds
    if nodes != "30":
        struck = {name for name in totals["faults"] if not name.startswith(("liar", "crash"))}
        mishaps = {"loss", "delay", "duplication", "reordering", "corruption", "torn-log"}
        assert struck == mishaps | {fault.kind for fault in FAULTS}
        died = {
            f"crash-{where}" for where in ("before-commit", "after-commit", "call", "answer", "answered", "between")
        }
        assert died <= totals["faults"].keys()
        assert len([name for name in totals["faults"] if name.startswith("liar")]) >= 12


@pytest.mark.processes
def test_two_processes_play_the_same() -> None:
    """Whatever the seed of Python's hashes, the same seeds give the same trace, line by line and as a hash."""
    words = ("simulate", "--nodes", "4", "--seed", "7", "--seeds", "1", "--trace", "--json")
    one, other = (command(*words, PYTHONHASHSEED=seed) for seed in ("1", "4711"))
    assert one.returncode == 0, one.stdout[-2000:] + one.stderr
    assert one.stdout == other.stdout
    assert len(one.stdout.splitlines()) > 100


def _refusal(data: bytes, signer: KeySigner) -> str:
    """Say why a node refuses a batch, in the order in which it checks."""
    try:
        batch = parse_batch(data)
        if not jws.verify(batch.jws, signer.private_key.public_key()):
            return "wrong-signature"
        check_body(batch)
    except ProtocolError as error:
        return error.code
    return "taken"


def test_what_an_altered_call_comes_to_depends_on_no_ciphertext() -> None:
    """Wherever chance alters a batch, it is refused for one reason, whatever was drawn to encrypt what is in it."""
    signer = KeySigner(ec.generate_private_key(ec.SECP256R1()), "kid", "x5t")

    def batch(drawn: int) -> bytes:
        line = sha256_b64u(b"%d" % drawn).encode()
        head = Head(1, 2, sha256_b64u(b"before %d" % drawn))
        common = {"iss": "DE", "aud": "HU", "head": head, "members": {}, "heads": {}, "iat": 1_600_000_000}
        return seal_batch(signer, items=[(sha256(b"event").digest(), line)], **common).wire()

    one, *others = (batch(drawn) for drawn in range(20))
    places = [place / 997 for place in range(997)]
    meant = [_refusal(altered(one, place), signer) for place in places]
    assert {"malformed", "wrong-signature", "altered"} == set(meant)
    for other in others:
        assert [_refusal(altered(other, place), signer) for place in places] == meant


def test_another_seed_plays_another_story() -> None:
    """Seeds differ in what happens, and the same one played again in the same process doesn't."""
    first, again, second = (simulate(seed, 3) for seed in (1, 1, 2))
    assert first == again
    assert first.trace_sha256 != second.trace_sha256


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Give two processes that play seeds beside each other."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as made:
        yield made


def _cut(where: tuple[str, int]) -> Result:
    return simulate(3, 2, Plan(duration_s=45.0, acts=6, calm=True, cut=Cut(*where)))


@pytest.mark.processes
@pytest.mark.parametrize("country", ["DE", "HU"])
def test_a_death_at_any_boundary_harms_nothing(country: str, pool: ProcessPoolExecutor) -> None:
    """In a short story without other faults a node dies at each of its commit and send boundaries in turn."""
    died: set[str] = set()
    for first in range(1, 10_000, 20):  # until there is none that it reaches
        results = list(pool.map(_cut, [(country, at) for at in range(first, first + 20)]))
        assert not [(first, result.violations) for result in results if result.violations]
        died |= {kind for result in results for kind in result.faults}
        if not results[-1].faults:
            break
    assert first > 40
    assert {"crash-before-commit", "crash-after-commit", "crash-call", "crash-answer", "crash-answered"} <= died


def _from_old_backups(seed: int) -> Result:
    plan = Plan(duration_s=1500.0, kinds=(OldBackup, KeyRenewal, KeyRevocation), liars=0.0)
    return simulate(seed, 2 + seed % 3, plan)


@pytest.mark.processes
def test_from_an_old_backup_everything_comes_back(pool: ProcessPoolExecutor) -> None:
    """Nodes that start from old backups, and die while they fetch back, lose nothing that another node still has."""
    results = list(pool.map(_from_old_backups, range(1, 9)))
    assert not [(result.seed, result.violations) for result in results if result.violations]
    assert sum(result.faults.get("crash-old-backup", 0) for result in results) >= 3
    assert sum(result.faults.get("crash-while-fetching-back", 0) for result in results) >= 1


@pytest.mark.parametrize("waits", [0, 0.0001], ids=["at-one-moment", "in-time"])
def test_a_run_that_goes_on_for_ever_is_a_violation(waits: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a node goes round and round, the seed ends all the same, and says so."""

    async def round_and_round(_self: Courier) -> None:
        while True:  # noqa: ASYNC110 - that is what is wrong with it
            await asyncio.sleep(waits)

    monkeypatch.setattr(loop, "_ENDLESS", 20_000)
    monkeypatch.setattr(Courier, "round", round_and_round)
    found = simulate(1, 2).violations
    assert [violation.invariant for violation in found] == ["does-not-end"]


def test_nothing_waits_in_real_time(tmp_path: Path) -> None:
    """Where everything runs in one thread, a database that is in use is said to be so at once: nobody lets go."""

    async def story() -> None:
        store = Store(tmp_path / "keys.db", KEYS, DriftingClock(), inline=True)
        timeout = store.read_now(lambda q: q.one("PRAGMA busy_timeout"))
        assert timeout is not None
        assert timeout[0] == 0
        other = connect(store.path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await store.write(lambda _tx: None)
        assert not await store.cut_log()
        other.close()
        await store.close()

    loop.run(story())


def test_a_failure_names_what_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bug planted, the command fails and prints seed, versions and the command that plays it again."""
    from node.store.case_keys import CaseKeys

    monkeypatch.setattr(CaseKeys, "seal", lambda _self, _key, plaintext, _context: plaintext)
    monkeypatch.setattr(CaseKeys, "open", staticmethod(lambda _key, sealed, _context: sealed))
    words = ["simulate", "--nodes", "3", "--seeds", "2", "--seed", "1"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 1
    assert re.search(r"replay it: entente simulate --nodes 3 --seed [12] --seeds 1 --trace", shown.output)
    assert "cryptography" in shown.output
    lines = CliRunner().invoke(app, [*words, "--json"]).output.splitlines()
    assert json.loads(lines[0])["invariant"] == "secret-in-the-clear"
    assert json.loads(lines[0])["versions"]["python"] == sys.version.split()[0]
    assert json.loads(lines[-1])["violations"] > 0


@pytest.mark.parametrize(
    "words", [["--nodes", "31"], ["--nodes", "1"], ["--nodes", "5-2"], ["--nodes", "x"], ["--trace"]]
)
def test_what_can_not_be_played_is_said(words: list[str]) -> None:
    """A wrong number of nodes and a trace of many seeds are refused with the reason."""
    shown = CliRunner().invoke(app, ["simulate", *words])
    assert shown.exit_code == 2
    assert "2 to 30" in shown.output or "--seeds 1" in shown.output
