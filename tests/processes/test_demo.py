"""`entente demo` as people start and stop it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from directory_sync.demo import all_authorities
from directory_sync.demo.europe import known_to
from tests.exchange.pair import texts_of_this_tree
from tests.processes.network import entente, processes_with, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

FIELDS = ["step", "node", "actor", "lang", "title", "text", "case", "state", "at"]


@contextlib.asynccontextmanager
async def demo(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the demo, with temporary files in a folder; whatever it leaves behind is ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node", "demo", *options, start_new_session=True, env={**os.environ, "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        for left in processes_with(str(folder)):
            os.kill(left, signal.SIGKILL)


def left_in(folder: Path) -> list[Path]:
    """Return what lies in a folder."""
    return list(folder.iterdir())


async def test_the_whole_story_as_json(tmp_path: Path):
    """`demo --once --json` prints the story line by line, each in its reader's language, and leaves nothing."""
    async with demo(tmp_path, "--once", "--json") as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(tmp_path)) == {}
    assert left_in(tmp_path) == []
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert all(list(line) == FIELDS for line in lines)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert {(line["node"], line["lang"]) for line in lines} == {("DE", "de"), ("HU", "hu")}
    said = {
        node: "\n".join(line["title"] + line["text"] for line in lines if line["node"] == node) for node in ("DE", "HU")
    }
    states = {node: [line["state"] for line in lines if line["node"] == node and line["state"]] for node in said}
    for node, words, state in (
        ("DE", ("Zahnärztekammer Berlin, Anna Berger: Anfrage gesendet", "Ja", "(hu)"), "Abgeschlossen"),
        ("HU", ("Országos Kórházi Főigazgatóság, Szabó Katalin: Megkeresés elfogadva", "Igen", "(de)"), "Lezárva"),
    ):  # fmt: skip
        assert all(word in said[node] for word in words)
        assert states[node][-1] == state
    assert "Anfrage gesendet" not in said["HU"]
    assert "Megkeresés elfogadva" not in said["DE"]
    assert len({line["case"] for line in lines if line["case"]}) == 1
    assert lines[-1]["text"].startswith("not-found: ")  # another Berlin authority


async def test_an_area_that_no_node_knew(tmp_path: Path):
    """`demo --once --story new-area` signs and publishes an area while both nodes run; it is asked and answered."""
    async with demo(tmp_path, "--once", "--json", "--story", "new-area") as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert [line["text"].startswith("not-found") for line in lines[:2]] == [True, True]
    assert [line["state"] for line in lines[-2:]] == ["Megválaszolva", "Beantwortet"]
    assert "→ Igen" in lines[-2]["text"]
    assert "→ Ja" in lines[-1]["text"]


async def test_posted_workers_are_asked_about(tmp_path: Path):
    """`demo --once --story posting` asks in German, is answered in Hungarian with follow-ups, and is closed."""
    async with demo(tmp_path, "--once", "--json", "--story", "posting") as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert all(list(line) == FIELDS for line in lines)
    read = {line["state"]: line["text"] for line in lines if line["state"] in {"Beantwortet", "Megválaszolva"}}
    assert ("→ Ja" in read["Beantwortet"], "→ Igen" in read["Megválaszolva"]) == (True, True)
    assert all("  → Budapesti telephely, 40 munkavállaló." in text for text in read.values())
    assert [line["state"] for line in lines[-3:]] == ["Abgeschlossen", "Lezárva", ""]
    assert lines[-1]["text"].startswith("not-found: ")  # an authority of another area


async def test_a_request_that_two_authorities_answer(tmp_path: Path):
    """`demo --once --story split` divides a request; Berlin reads both answers under one number, neither side more."""
    async with demo(tmp_path, "--once", "--json", "--story", "split") as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert all(list(line) == FIELDS for line in lines)
    whole = next(line["case"] for line in lines if line["case"])
    assert {line["case"] for line in lines} == {"", whole, f"{whole}/1"}
    assert [line["actor"] for line in lines if line["text"].startswith("not-found")] == [
        "Szabó Katalin",
        "Kovács János",
    ]
    read = {line["case"]: line["text"] for line in lines if line["state"] == "Beantwortet"}
    assert (read[whole].count("→ Ja"), read[whole].count("→ Nein")) == (2, 0)
    assert (read[f"{whole}/1"].count("→ Ja"), read[f"{whole}/1"].count("→ Nein")) == (0, 1)
    assert [line["state"] for line in lines[-4:]] == ["Abgeschlossen", "Lezárva"] * 2


async def test_a_reply_that_coordinators_decide_on(tmp_path: Path):
    """`demo --once --story referral` refers a reply to both coordinators; it is added to, accepted, closed and rated."""
    async with demo(tmp_path, "--once", "--json", "--story", "referral") as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert all(list(line) == FIELDS for line in lines)
    states = {line["actor"]: line["state"] for line in lines if line["actor"] in ("Uwe Lang", "Tóth Réka")}
    assert states == {"Uwe Lang": "Dem Koordinator vorgelegt", "Tóth Réka": "A válaszadó fél koordinátoránál"}
    decided = next(line for line in lines if line["actor"] == "Tóth Réka")
    assert "Oktatási Hivatal" in decided["text"]
    assert [line["title"] for line in lines if line["text"].startswith("2015. július 1.")] == ["Antwort gesendet"]
    assert (lines[-1]["title"], lines[-1]["state"]) == ("A válasz értékelve", "Lezárva")


async def test_ctrl_c_stops_both_nodes(tmp_path: Path):
    """The demo stays up until Ctrl-C, then both nodes end in order and their data are whole."""
    async with demo(tmp_path, "--folder", str(tmp_path / "kept")) as process:
        assert process.stdout is not None
        shown = ""
        while "Ctrl-C" not in shown:
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, (await process.stderr.read()).decode()  # type: ignore[union-attr]
            shown += line.decode()
        assert shown.count("/link/") == 5
        assert len([line for line in processes_with(str(tmp_path)).values() if " serve " in line]) == 2
        os.kill(process.pid, signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(tmp_path)) == {}
    for country in ("de", "hu"):
        log = (tmp_path / "kept" / country / "serve.log").read_text(encoding="utf-8")
        assert '"event": "stopped"' in log
        assert (await entente("verify", "-C", tmp_path / "kept" / country)).code == 0


async def test_ctrl_c_while_keys_are_made(tmp_path: Path):
    """Ctrl-C before the nodes run ends the demo at once, without a complaint."""
    async with demo(tmp_path) as process:
        assert process.stdout is not None
        assert "keys" in (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        os.killpg(process.pid, signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(tmp_path)) == {}
    assert left_in(tmp_path) == []


def children_of(parent: int) -> list[int]:
    """Return the processes that a process has started and that run."""
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (place / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(place.name))
    return found


async def said(process: asyncio.subprocess.Process, words: str) -> str:
    """Read what the demo prints until some words come; returns all of it."""
    assert process.stdout is not None
    shown = ""
    while words not in shown:
        line = await asyncio.wait_for(process.stdout.readline(), 90)
        assert line, shown
        shown += line.decode()
    return shown


async def test_four_countries_know_and_ask_each_other(tmp_path: Path):
    """With --countries and --once every node gets every list, one country asks another, and all ends by itself."""
    kept = tmp_path / "kept"
    async with demo(tmp_path, "--countries", "LI,MT,CY,LU", "--once", "--json", "--folder", str(kept)) as process:
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
        assert processes_with(str(kept)) == {}
    result = json.loads(out)
    areas, _ = texts_of_this_tree()
    counts = {country: len(known_to(all_authorities(country), set(areas))) for country in ("LI", "MT", "CY", "LU")}
    assert {row["country"]: row["authorities"] for row in result["nodes"]} == counts
    for row in result["nodes"]:
        assert (row["version"], row["lists"], row["known"]) == (counts[row["country"]], 3, sum(counts.values()))
        assert (row["grade"], row["needed"], row["frozen"]) == ("fresh", 1, False)
        assert 0 <= row["witnesses"] <= 3
        assert row["state"] == "3 of 3 can be asked"
        assert 0 < row["memory_mb"] < 200
    assert result["asked"]["number"].startswith("LU-")
    assert (result["asked"]["to"], result["asked"]["state"]) == ("LI", "replied")
    assert 0 < result["healthy_s"] < result["synced_s"]
    assert len(list(kept.glob("??/serve.log"))) == 4
    for country in ("li", "lu"):
        checked = await entente("verify", "--json", "-C", kept / country)
        assert (checked.data, checked.code) == ([], 0)


async def test_a_node_that_ends_is_told_and_ctrl_c_stops_the_others(tmp_path: Path):
    """Whoever watches many nodes learns which one died, and its log's end; the others go on until Ctrl-C."""
    async with demo(tmp_path, "--countries", "li,mt", "--folder", str(tmp_path / "kept")) as process:
        shown = await said(process, "Every node has every list")
        assert shown.count("/link/") == 2
        nodes = children_of(process.pid)
        assert len(nodes) == 2
        os.kill(nodes[1], signal.SIGKILL)
        assert "MT has ended with signal 9" in await said(process, "has ended with")
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err.decode()) == (1, "")
        assert processes_with(str(tmp_path)) == {}
    log = (tmp_path / "kept/li/serve.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(log[-1])["event"] == "stopped"


async def test_a_demo_that_is_killed_takes_its_nodes_along(tmp_path: Path):
    """No node of a killed demo stays behind on the machine."""
    async with demo(tmp_path, "--countries", "LI,MT", "--folder", str(tmp_path / "kept")) as process:
        await said(process, "are healthy")
        process.kill()
        await process.wait()
        await until("all nodes have ended", lambda: not processes_with(str(tmp_path)))


@pytest.mark.parametrize("countries", ["DE", "DE,XX", "DE,de"])
async def test_a_network_needs_two_countries_that_exist(countries: str):
    """One country, or one that isn't of the 30, is refused before anything is made."""
    refused = await entente("demo", "--countries", countries)
    assert refused.code == 1
    assert "entente: invalid" in refused.err
