"""docs/worst-night.md, played as it stands on two running nodes: each bad night is made, mended by the page, and over."""

import asyncio
import inspect
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from node.cli.demo_nodes import DemoNode
from tests.processes.network import Network, entente, network, small_request, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).resolve().parents[2]
SECTION = re.compile(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)")
BLOCK = re.compile(r"(?ms)^```sh\n(.*?)^```$")
SYSTEMCTL = """#!/bin/sh
# what systemd does for the unit `entente`, for one node of a test
[ "$2" = entente ] || exit 0
case $1 in
stop)
  [ ! -f "$UNIT" ] || { kill "$(cat "$UNIT")" 2>&- || true; while kill -0 "$(cat "$UNIT")" 2>&-; do sleep 0.05; done; }
  rm -f "$UNIT";;
start)
  setsid entente serve >>"$SERVE_LOG" 2>&1 &
  echo $! > "$UNIT"
  until curl -fs "http://$HEALTH/healthz" >&2; do kill -0 $!; sleep 0.1; done;;
esac
"""


def blocks() -> dict[str, list[str]]:
    """Return the page's blocks by section; before the first heading the name is `First, always`."""
    page = (ROOT / "docs/worst-night.md").read_text(encoding="utf-8")
    first, _, _ = page.partition("\n## ")
    found = {"First, always": BLOCK.findall(first)}
    found |= {match[1]: BLOCK.findall(match[2]) for match in SECTION.finditer(page)}
    return found


@dataclass
class Night:
    """Germany's operator at the keyboard, in a network of two that goes on."""

    two: Network
    folder: Path
    environment: dict[str, str]

    @property
    def node(self) -> DemoNode:
        """Germany's node."""
        return self.two.nodes["DE"]

    async def shell(self, script: str, **more: str) -> str:
        """Run a script as the operator; returns all that it printed."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script, cwd=self.folder, env={**self.environment, **more},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(90):
            out, _ = await process.communicate()
        said = out.decode()
        assert process.returncode == 0, said
        assert "Traceback" not in said, said
        return said

    async def play(self, title: str, number: int = 0, **more: str) -> str:
        """Play one block of the page."""
        return await self.shell(blocks()[title][number], **more)

    async def ask(self) -> dict[str, Any]:
        """Let Berlin ask Budapest."""
        asker = await self.two.reader("DE", "anna.berger")
        made = await asker.api.call("POST", "requests", small_request())
        return dict(await asker.api.call("GET", f"cases/{made['id']}", lang="en"))

    async def arrived(self, case_id: str) -> None:
        """Wait until a request of Berlin is in Budapest and its receipt in Berlin."""
        await self.two.both_sides(lambda here, there: case_id in here and case_id in there)

    async def over(self) -> None:
        """All is well again: a request gets through, and nothing waits; the data are verified after the last night."""
        await self.arrived((await self.ask())["id"])
        assert (await entente("queue", "list", "-C", self.node.folder)).out == "Nothing waits.\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def night(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Night]:
    """Run two nodes of their own, since their disks are broken; Germany's is run by a small `systemctl`."""
    folder = tmp_path_factory.mktemp("night")
    async with network(folder / "nodes", "DE", "HU") as two:
        de, tools = two.nodes["DE"], folder / "bin"
        tools.mkdir()
        entente_ = f'{shlex.quote(sys.executable)} -m node "$@"'
        # `doctor` ends with 1 as long as something fails, which is what the page is for
        (tools / "entente").write_text(
            f'#!/bin/sh\n[ "$1" != doctor ] || {{ {entente_} || true; exit 0; }}\nexec {entente_}\n'
        )
        (tools / "systemctl").write_text(SYSTEMCTL)
        for tool in tools.iterdir():
            tool.chmod(0o755)
        (folder / "unit.pid").write_text(str(two.pid("DE")))
        made = Night(
            two,
            folder,
            {
                **os.environ,
                "PATH": f"{tools}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "ENTENTE_CONFIG": str(de.folder),
                "UNIT": str(folder / "unit.pid"),
                "SERVE_LOG": str(folder / "serve.log"),
                "HEALTH": f"127.0.0.1:{de.health}",
                "OWN": "DE",
                "PEER": "HU",
                "BACKUP": str(folder / "backup"),
                "KEYS": str(folder / "key-backup"),
                "COPY": str(folder / "copy"),
                "POST": str(folder),
                "OTHER": str(two.nodes["HU"].folder),
            },
        )
        try:
            yield made
            await two.verify()
        finally:
            await made.shell("systemctl stop entente")


async def test_first_of_all(night: Night):
    """The three commands that are always first say that all is well, and run beside the node."""
    said = await night.play("First, always")
    assert re.search(r"^HU +active +20.* empty$", said, re.MULTILINE), said
    assert "Nothing waits." in said


async def test_a_peer_is_down(night: Night):
    """The page's commands name what waits, since when and why; when the peer is back, it goes out at once."""
    await night.over()
    await night.two.nodes["HU"].stop()
    case = await night.ask()

    async def noticed() -> bool:
        said = await entente("peer", "show", "HU", "--json", "-C", night.node.folder)
        return bool(said.data["next_try_at"])

    await until("the failure is noted", noticed)
    said = await night.play("A peer is down")
    assert f"{case['number']}  request.send" in said
    assert re.search(r"^fails +since 20", said, re.MULTILINE)
    assert re.search(r"^next try +20", said, re.MULTILINE)
    assert re.search(
        r"^HU +1 +20.* retrying ", (await entente("queue", "list", "-C", night.node.folder)).out, re.MULTILINE
    )
    await night.two.nodes["HU"].start()
    assert "HU is tried" in await night.play("A peer is down", 1)
    await night.arrived(case["id"])
    await night.over()


async def test_a_request_must_not_go_out(night: Night):
    """Held while both nodes run, one request is given up and the other goes out; what has gone can't be taken back."""
    await night.play("A request must not go out")
    wrong, right = await night.ask(), await night.ask()
    assert 'entente_peer_stopped{peer="HU"} 1.0' in await night.shell('curl -fs "http://$HEALTH/metrics"')
    listed = await night.play("A request must not go out")
    assert {wrong["number"], right["number"]} <= set(listed.split())
    assert "Given up: request.send" in await night.play("A request must not go out", 1, NUMBER=wrong["number"])
    await night.arrived(right["id"])
    asker, replier = await night.two.reader("DE", "anna.berger"), await night.two.reader("HU", "szabo.katalin")
    view = await asker.api.call("GET", f"cases/{wrong['id']}", lang="en")
    told = (view["state_text"]["text"], view["timeline"][0]["transit"])
    assert told == ("Taken back by the operator of your node", "given-up")
    assert wrong["id"] not in await night.two.cases(replier, "DE")
    again = await entente("queue", "give-up", right["number"], "--yes", "-C", night.node.folder)
    assert "not-found: Nothing of" in again.err
    await night.over()


async def test_a_peer_is_blocked(night: Night):
    """A block counts on the open connection of a running node, and all that waited goes on afterwards."""
    case = await night.ask()
    await night.arrived(case["id"])
    said = await night.play("A peer floods, lies, or was broken into")
    assert "active, blocked here" in said
    replier = await night.two.reader("HU", "szabo.katalin")
    await replier.api.call("POST", f"cases/{case['id']}/accept", {})

    async def refused() -> bool:
        seen = await entente("peer", "show", "DE", "--json", "-C", night.two.nodes["HU"].folder)
        return bool(seen.data["failure"] == "refused: blocked")

    await until("Hungary is told that it is blocked", refused)
    assert (await entente("peer", "show", "HU", "--json", "-C", night.node.folder)).data["queue"] == "blocked"
    await night.play("A peer floods, lies, or was broken into", 1)
    await night.two.both_sides(
        lambda here, there: here[case["id"]]["state"] == there[case["id"]]["state"] == "accepted"
    )
    await night.over()


async def test_the_disk_is_full(night: Night):
    """The commands that make room run beside the node, and remove nothing that is needed."""
    await backed_up(night)
    said = await night.play("The disk is full")
    assert "node.db" in said
    assert "GiB free" in said
    assert len((await entente("backup", "list", night.environment["BACKUP"], "--json")).data) >= 1
    await night.over()


async def backed_up(night: Night) -> None:
    """Make the night's backup, and the copy of the keys that lies in the safe."""
    made = await night.shell('entente backup create "$BACKUP" --keys "$KEYS"')
    assert "Traceback" not in made
    await night.shell('rm -rf "$COPY"; mkdir "$COPY"; cp -a "$ENTENTE_CONFIG"/{node.toml,keys} "$COPY/"')


async def test_the_database_is_damaged(night: Night):
    """After the restore the peers give back what came after the backup, and the page's next section sees it through."""
    await backed_up(night)
    lost = await night.ask()
    await night.arrived(lost["id"])
    await night.shell("systemctl stop entente")
    disk = night.node.folder / "data" / "node.db"
    with disk.open("r+b") as file:
        file.seek(disk.stat().st_size // 2)
        file.write(b"\xff" * 20_000)
    assert "database" in await night.shell("entente doctor | grep ^fail")
    said = await night.play("The database is damaged")
    assert "before-restore" in said
    shutil.rmtree(night.node.folder / "damaged")
    said = await night.play("An old disk was started")
    assert "Everything is as it must be." in said
    await night.arrived(lost["id"])
    await night.over()


async def test_two_copies_on_one_host(night: Night):
    """A second start on the same host ends with a clear code, and the page stops and starts the right one."""
    second = await entente("serve", "-C", night.node.folder)
    assert (second.code, "data-in-use" in second.err) == (1, True), second
    await night.play("Two copies run")
    await night.shell("systemctl start entente")
    await night.over()


async def test_the_host_is_lost(night: Night):
    """From the copy of the keys and last night's backup a new host becomes the node, with what came since."""
    await backed_up(night)
    lost = await night.ask()
    await night.arrived(lost["id"])
    await night.shell("systemctl stop entente")
    shutil.rmtree(night.node.folder)
    await night.play("The host is lost")
    await night.play("An old disk was started")
    await night.arrived(lost["id"])
    await night.over()


async def test_the_keys_are_stolen(night: Night):
    """New keys while both nodes run; the stolen one is revoked at the peer too, and messages go on."""
    before = await message_key(night)
    await night.play("The node's keys were stolen")
    assert await message_key(night) != before

    async def revoked() -> bool:
        shown = await entente("member", "show", "DE", "--json", "-C", night.two.nodes["HU"].folder)
        return {key["sha256"]: key["state"] for key in shown.data["message_keys"]}[before] == "revoked"

    await until("Hungary knows of the revocation", revoked)
    await night.over()


async def message_key(night: Night) -> str:
    """Return the digest of Germany's message key."""
    rows = (await entente("member", "keys", "--json", "-C", night.node.folder)).data
    return str(next(row["sha256"] for row in rows if row["key"] == "message key"))


async def test_a_certificate_and_a_clock_are_looked_at(night: Night):
    """The digests to compare stand side by side, and so do the clocks."""

    async def beside() -> bool:
        said = await night.play("A certificate isn't accepted")
        own = re.findall(r"^TLS certificate +tls.crt +(\S+) +active", said, re.MULTILINE)
        return len(own) == 1 and said.replace(" ", "").count(own[0]) > 1

    await until("the certificate in use stands beside that of the list", beside)  # one may just have been renewed
    await night.over()
    said = await night.play("The clock is wrong")
    assert re.search(r"^HU .* [+-]\d+ s ", said, re.MULTILINE), said


async def test_the_member_list_ends(night: Night):
    """Two states sign a longer list; the other running node takes it over without a restart."""
    before = (await entente("member", "list", "--json", "-C", night.node.folder)).data["version"]
    await night.play("The member list ends")

    async def there() -> bool:
        listed = await entente("member", "list", "--json", "-C", night.two.nodes["HU"].folder)
        return bool(listed.data["version"] > before)

    await until("Hungary has the renewed list", there)
    await night.over()


SUSPENSION = """
entente member propose --suspend HU --sign
entente member sign HU.suspended.proposal.json --yes -C "$OTHER"
entente member publish HU.suspended.proposal.json HU.suspended.proposal.*.signed.json
"""


async def test_a_member_is_suspended_and_comes_back_while_both_run(night: Night):
    """Signed by the states, taken up without a restart: nothing passes in either direction, and nothing is lost."""
    case = await night.ask()
    await night.arrived(case["id"])
    await night.shell(SUSPENSION)

    async def out() -> bool:
        seen = await entente("peer", "show", "HU", "--json", "-C", night.node.folder)
        return bool(seen.data["standing"] == "suspended")

    await until("Hungary is suspended", out)
    replier = await night.two.reader("HU", "szabo.katalin")
    await replier.api.call("POST", f"cases/{case['id']}/accept", {})

    async def told() -> bool:
        listed = await entente("member", "list", "--json", "-C", night.two.nodes["HU"].folder)
        return any(row["country"] == "HU" and row["status"] == "suspended" for row in listed.data["members"])

    await until("Hungary sees that it is suspended", told)
    asker = await night.two.reader("DE", "anna.berger")
    assert (await asker.api.call("GET", f"cases/{case['id']}", lang="en"))["state"] == "sent"
    await night.shell(SUSPENSION.replace("--suspend", "--resume").replace("suspended", "active"))
    await night.two.both_sides(
        lambda here, there: here[case["id"]]["state"] == there[case["id"]]["state"] == "accepted"
    )
    await night.over()


async def test_a_country_is_stopped_for_everybody_while_both_run(night: Night):
    """A few states suffice: both nodes see it without a restart, and after `--lift` all that waited goes out."""
    case = await night.ask()
    await night.arrived(case["id"])
    said = await night.play("A country has to be stopped for everybody", WITH="--with HU")
    assert re.search(r"^HU is suspended by DE, HU from 20\S+ until 20\S+\.$", said, re.MULTILINE), said

    async def told() -> bool:
        listed = await entente("member", "list", "--json", "-C", night.two.nodes["HU"].folder)
        return [one["country"] for one in listed.data["suspensions"]] == ["HU"]

    await until("Hungary sees that it is suspended", told)
    replier = await night.two.reader("HU", "szabo.katalin")
    await replier.api.call("POST", f"cases/{case['id']}/accept", {})
    asker = await night.two.reader("DE", "anna.berger")
    view = await asker.api.call("GET", f"cases/{case['id']}", lang="en")
    assert (view["state"], view["actions"]) == ("sent", [])
    assert view["notices"][0]["text"].startswith("Participation is suspended. Country: Hungary.")
    await night.play("A country has to be stopped for everybody", 1)
    await night.two.both_sides(
        lambda here, there: here[case["id"]]["state"] == there[case["id"]]["state"] == "accepted"
    )
    await night.over()


async def test_every_block_is_played():
    """No block of the page is left out by the tests of this file."""
    source = inspect.getsource(sys.modules[__name__])
    for title, found in blocks().items():
        for number in range(len(found)):
            call = f'play("{title}"' + (f", {number}" if number else "")
            assert call in source, (title, number)
