"""`entente doctor`: each thing that goes wrong is said in words, with the command that mends it."""

import socket
import subprocess
import sys
from pathlib import Path

from node.clock import SystemEntropy
from node.config import load
from node.store.key_files import make_keys
from tests.cli.conftest import Entente, Said, init
from tests.conftest import ROOT


def levels(said: Said) -> dict[str, set[str]]:
    """Return the levels of the checks by name."""
    found: dict[str, set[str]] = {}
    for check in said.data:
        found.setdefault(check["name"], set()).add(check["level"])
    return found


def check(said: Said, name: str, word: str = "") -> dict[str, str]:
    """Return the one check of that name whose message holds `word`."""
    (one,) = [check for check in said.data if check["name"] == name and word in check["message"]]
    return one


def test_a_fresh_node_is_told_what_comes_next(entente: Entente):
    """Before it is a member a node has no failure, only steps that are still to be done."""
    init(entente, "AT")
    said = entente("doctor", "-C", "at", "--json")
    assert "entente member found" in check(said, "members")["mend"]
    assert check(said, "ports")["mend"] == "entente serve"
    assert levels(said)["config"] == levels(said)["keys"] == levels(said)["database"] == {"ok"}


def test_a_wrong_configuration_is_all_that_is_said(entente: Entente, folder: Path):
    """Without a configuration nothing else can be looked at."""
    init(entente, "AT")
    (folder / "at/node.toml").write_text("[node]\ncountry = 1\n")
    said = entente("doctor", "-C", "at", "--json", code=1)
    assert [one["name"] for one in said.data] == ["config"]
    assert "at/node.toml:2: node.country" in said.data[0]["message"]


def test_exposed_and_missing_keys_are_named(entente: Entente, folder: Path):
    """The file and the chmod stand in the text; a missing key is a matter of the backup."""
    init(entente, "AT")
    (folder / "at/keys/master.key").chmod(0o644)
    (folder / "at/keys/tls.pem").unlink()
    said = entente("doctor", "-C", "at", code=1).out
    assert "at/keys/master.key has mode 0644: others can read it" in said
    assert "mend: chmod 600 at/keys/master.key" in said
    assert "at/keys/tls.pem is missing" in said


def test_members_see_what_expires_and_what_is_missing(entente: Entente, two: str):
    """A member reads until when list and record last, that nothing is published yet, and that its key lies online."""
    said = entente("doctor", "-C", "de", "--json", code=1)
    ends = [one["message"] for one in said.data if one["name"] == "expiry"]
    assert len([message for message in ends if "until 20" in message]) == 3
    assert check(said, "record")["level"] == "ok"
    assert "directory import" in check(said, "directory", "aren't published")["mend"]
    assert check(said, "state key")["level"] == "warn"


def test_a_list_that_ends_soon_is_a_failure_a_week_before(entente: Entente, two: str):
    """A list that ends within 90 days warns, within 7 it fails; both say how to renew."""
    for days, level in ((60, "warn"), (5, "fail")):
        entente("member", "renew", "--days", days, "--sign", "-C", "de", "-o", f"r{days}.json")
        entente("member", "sign", f"r{days}.json", "--yes", "--key", "hu/keys/state.seed", "--list", "members.json")
        entente("member", "publish", f"r{days}.json", f"r{days}.DE.signed.json", f"r{days}.HU.signed.json", "-C", "de")
        entente("member", "list", "-o", f"after{days}.json", "-C", "de")
        Path(f"after{days}.json").replace("members.json")
        one = check(entente("doctor", "-C", "de", "--json", code=1), "expiry", "root: the member list expires")
        assert (one["level"], one["mend"]) == (level, "entente member renew")


def test_keys_that_differ_from_the_record_are_explained(entente: Entente, two: str, folder: Path):
    """New keys that nobody knows yet: doctor names certificate, message key and record, and the way out."""
    make_keys(folder / "fresh", "DE", SystemEntropy())
    for name in ("tls.pem", "tls.crt", "message.pem", "message.crt"):
        (folder / "fresh" / name).replace(folder / "de/keys" / name)
    said = entente("doctor", "-C", "de", "--json", code=1)
    assert "every peer drops our connections" in check(said, "certificate")["message"]
    assert "peers refuse what it signs" in check(said, "message key")["message"]
    assert check(said, "record")["mend"] == "entente member publish-own"


def test_a_port_that_something_else_uses_is_named(entente: Entente, folder: Path):
    """Doctor tells a foreign listener from the running node."""
    init(entente, "AT")
    listen = load(folder / "at").web.listen
    with socket.create_server(("127.0.0.1", int(listen.rpartition(":")[2]))):
        one = check(entente("doctor", "-C", "at", "--json", code=1), "ports")
    assert (one["level"], one["message"]) == ("fail", f"in use by something else: {listen}")
    assert "ss -ltnp" in one["mend"]


def test_a_peer_that_is_down_is_named(entente: Entente, two: str, folder: Path):
    """A peer that doesn't answer is named with its address and why."""
    one = check(entente("doctor", "-C", "de", "--json", code=1), "peer", "HU")
    assert f"{load(folder / 'hu').peers.url}: can't connect" in one["message"]


def test_a_damaged_database_is_named_by_every_command(entente: Entente, two: str, folder: Path):
    """Doctor looks no deeper, verify and serve say the same, and the page of the worst night is what they point to."""
    disk = folder / "de/data/node.db"
    with disk.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (disk.stat().st_size - 8192))
    said = entente("doctor", "-C", "de", "--json", code=1)
    found = [one for one in said.data if "worst-night.md" in one["mend"]]
    assert [one["level"] for one in found] == ["fail"]
    assert not [one for one in said.data if one["name"] == "peer"]
    assert "database-damaged" in str(entente("verify", "-C", "de", code=1))
    command = [sys.executable, "-m", "node", "serve", "-C", str(folder / "de")]  # apart, since it sets up the log
    served = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert served.returncode == 1
    assert "entente: database-damaged:" in served.stderr
