"""A third country joins two nodes that run, without restarting them, by the operators' commands alone."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.clock import SystemEntropy
from node.store.key_files import make_keys
from tests.cli.conftest import Entente, Said, accede, init
from tests.conftest import ROOT

pytestmark = pytest.mark.processes
Serve = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Start `entente serve` and wait until its log says so; all end with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(node: str) -> subprocess.Popen[str]:
        file = folder / node / "node.toml"
        file.write_text(file.read_text().replace("refresh_s = 60.0", "refresh_s = 0.3"))
        command = [sys.executable, "-m", "node", "serve", "-C", str(folder / node)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        running.append(process)
        wait_for(process, lambda line: line.get("event") == "started")
        return process

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.communicate(timeout=20)
        assert process.returncode == 0


def wait_for(process: subprocess.Popen[str], fits: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    """Read a node's log until a line fits."""
    assert process.stderr is not None
    seen = []
    for text in process.stderr:
        seen.append(text)
        line = json.loads(text) if text.startswith("{") else {}
        if fits(line):
            return line
    raise AssertionError("".join(seen))


def peers(said: Said) -> dict[str, dict[str, str]]:
    """Return doctor's words about each peer by country."""
    return {one["message"][:2]: one for one in said.data if one["name"] == "peer"}


def test_a_third_country_joins_two_running_nodes(entente: Entente, two: str, serve: Serve, folder: Path):
    """AT is proposed, signed and published while DE and HU run; it fetches the list, and all three see each other."""
    berlin, budapest = serve("de"), serve("hu")
    init(entente, "AT")
    url = next(row["url"] for row in entente("member", "list", "--json", "-C", "de").data["members"])
    join = ("member", "join", "--root-sha256", two, "--from", url, "-C", "at")
    assert "it doesn't know this node's certificate yet" in entente(*join, code=1).err
    accede(entente, "AT", "DE", "HU")
    wait_for(berlin, lambda line: line.get("event") == "fetch-failed" and line.get("peer") == "AT")
    assert "You are one of them" in entente(*join).out
    entente("directory", "import", str(ROOT / "directory_sync" / "demo" / "AT.json"), "-C", "at")
    serve("at")
    wait_for(budapest, lambda line: line.get("event") == "directory-updated" and line.get("country") == "AT")
    for node, others in (("at", {"DE", "HU"}), ("de", {"AT", "HU"}), ("hu", {"AT", "DE"})):
        found = peers(entente("doctor", "--json", "-C", node))
        assert {country for country, one in found.items() if one["level"] == "ok"} == others, found
        assert entente("verify", "-C", node).out == "Everything is as it must be.\n"


def test_a_changed_certificate_is_explained_on_both_sides(entente: Entente, two: str, serve: Serve, folder: Path):
    """HU shows a certificate that nobody knows: DE only drops it, and HU's doctor says what to compare with whom."""
    serve("de")
    make_keys(folder / "fresh", "HU", SystemEntropy())
    for name in ("tls.pem", "tls.crt"):
        shutil.move(folder / "fresh" / name, folder / "hu/keys" / name)
    said = entente("doctor", "--json", "-C", "hu", code=1)
    one = peers(said)["DE"]
    own = next(row for row in entente("member", "keys", "--json", "-C", "hu").data if row["file"] == "tls.crt")
    assert "drops it: that is all one sees of a refused certificate" in one["message"]
    assert own["sha256"] in one["message"]
    assert own["listed"] == "no"
    assert "entente member show HU (there)" in one["mend"]
    (tls,) = [one for one in entente("doctor", "--json", "-C", "de", code=1).data if one["name"] == "tls"]
    assert "refused by TLS" in tls["message"]
