"""Starting a node, and who isn't let in."""

import asyncio
import contextlib
import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from node.cli.demo_nodes import DemoNode
from node.cli.free_ports import free_ports
from tests.processes.network import Network, entente, log_of, rss_mb, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


async def health(two: Network, country: str) -> dict[str, Any]:
    """Return what a node says of its health."""
    async with two.session.get(f"http://127.0.0.1:{two.nodes[country].health}/healthz") as answer:
        assert answer.status == 200
        return await answer.json()


async def test_the_first_answer_and_memory(two: Network, capsys: pytest.CaptureFixture[str]):
    """A started node is healthy and shows its pages in two languages; time and memory are printed."""
    await two.kill("DE")
    node = two.nodes["DE"]
    assert (await health(two, "DE"))["status"] == "ok"
    for lang in ("de", "hu"):
        async with two.session.get(f"{node.url}/sign-in?lang={lang}") as page:
            assert f'<html lang="{lang}"' in await page.text()
    with capsys.disabled():
        print(f"\n  healthy after {node.start_s:.2f} s, {rss_mb(two.pid('DE')):.0f} MiB with two languages")  # noqa: T201


async def test_an_address_in_use_is_named(two: Network, tmp_path: Path):
    """A `serve` on addresses that are taken ends with the address and the code, and disturbs nothing."""
    node, other = two.nodes["DE"], tmp_path / "other"
    shutil.copytree(node.folder, other, ignore=shutil.ignore_patterns("*.db*", "blobs"))
    said = await entente("serve", "-C", other)
    assert said.code == 1
    assert f"entente: address-in-use: 127.0.0.1:{node.peers} is in use." in said.err
    assert "hint:" in said.err
    assert (await health(two, "DE"))["status"] == "ok"


async def test_one_data_directory_has_one_node(two: Network):
    """A second `serve` on the same data ends before it opens anything, whatever its addresses are."""
    said = await entente("serve", "-C", two.nodes["DE"].folder)
    assert (said.code, "entente: data-in-use:" in said.err, "hint:" in said.err) == (1, True, True)
    assert (await health(two, "DE"))["status"] == "ok"


def certificate(folder: Path) -> ssl.SSLContext:
    """Return the TLS context of a stranger with a certificate of its own making, who believes everybody."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "30", "-subj", "/CN=stranger", "-keyout", folder / "key.pem", "-out", folder / "crt.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = stranger()
    context.load_cert_chain(folder / "crt.pem", folder / "key.pem")
    return context


def stranger() -> ssl.SSLContext:
    """Return the TLS context of a caller without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def answer_to(port: int, context: ssl.SSLContext) -> bytes:
    """Ask a peers' listener for its member list; returns what comes before the connection ends."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except (ssl.SSLError, ConnectionError):
        return b""
    try:
        writer.write(b"GET /peer/v1/members HTTP/1.1\r\nHost: x\r\n\r\n")
        return await reader.read()
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()


async def test_tls_refuses_a_stranger(two: Network, tmp_path: Path):
    """A caller with an unknown certificate or none gets no answer; log, metrics and doctor say why."""
    node = two.nodes["HU"]
    for context in (stranger(), certificate(tmp_path)):
        before = len((await health(two, "HU"))["tls_refusals"])
        assert await answer_to(node.peers, context) == b""
        refusals = await until("a refusal", lambda known=before: _more_refusals(two, known))
        logged = [line for line in log_of(node.folder) if line["event"] == "tls-refused"]
        assert logged[-1]["reason"] == refusals[-1]
        assert "member list" in logged[-1]["hint"]
    async with two.session.get(f"http://127.0.0.1:{node.health}/metrics") as answer:
        assert f"entente_tls_refused {len(refusals)}.0" in await answer.text()
    checks = await _doctor(node.folder)
    found = next(check for check in checks if check["name"] == "tls")
    assert found["level"] == "warn"
    assert str(refusals[-1]) in found["message"]
    assert "entente member show" in found["mend"]


async def _more_refusals(two: Network, known: int) -> list[str] | None:
    refusals: list[str] = (await health(two, "HU"))["tls_refusals"]
    return refusals if len(refusals) > known else None


async def _doctor(folder: Path) -> list[dict[str, Any]]:
    checks: list[dict[str, Any]] = (await entente("doctor", "--json", "-C", folder)).data
    return checks


async def test_a_node_that_its_peer_does_not_list(two: Network, tmp_path: Path):
    """A node that calls a peer whose list lacks it is told so by its own log and doctor, and the peer by its."""
    node, peer = DemoNode("SI", tmp_path / "si", *free_ports(3)), two.nodes["DE"]
    await entente(
        "init", node.folder, "--country", "SI", "--peers-listen", f"127.0.0.1:{node.peers}",
        "--peers-url", f"https://127.0.0.1:{node.peers}", "--web-listen", f"127.0.0.1:{node.web}",
        "--web-url", node.url, "--health-listen", f"127.0.0.1:{node.health}",
    )  # fmt: skip
    listed = await entente("member", "list", "-o", tmp_path / "members.json", "-C", peer.folder)
    root = listed.out.split()[-1]
    join = ("member", "join", "-C", node.folder, "--root-sha256", root)
    by_line = await entente(*join, "--from", f"https://127.0.0.1:{peer.peers}")
    assert by_line.code == 1
    assert "doesn't know this node's certificate" in by_line.err
    assert "SI isn't one of them yet" in (await entente(*join, "--bundle", tmp_path / "members.json")).out
    try:
        await node.start()
        await until("SI's log says why", lambda: _dropped(node.folder))
        ours, theirs = await asyncio.gather(_doctor(node.folder), _doctor(peer.folder))
    finally:
        await node.stop()
    said = {(check["name"], check["level"]): check["message"] for check in ours}
    assert "SI isn't in the member list yet" in said["members", "warn"]
    assert "the peer doesn't know this node's TLS certificate" in said["peer", "warn"]
    assert any(check["name"] == "tls" and "refused by TLS" in check["message"] for check in theirs)
    assert any(line["event"] == "tls-refused" for line in log_of(peer.folder))


def _dropped(folder: Path) -> bool:
    said = json.dumps([line for line in log_of(folder) if line["event"] == "peer-not-reached"])
    return '"DE"' in said and "the peer doesn't know this node's TLS certificate" in said
