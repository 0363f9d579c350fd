"""A program that knows only the description of the peers' listener calls all of it as a member, over mutual TLS."""

import asyncio
import json
import os
import sys
from pathlib import Path

from directory_sync.demo import demo_authorities
from node.delivery.area_sync import AREAS
from node.delivery.incoming import BATCHES, BLOBS, MEMBERS, STREAMS
from node.delivery.incoming_directory import ADD_CHECKPOINT, DIRECTORY
from node.domain.access import operator
from node.service import directory
from tests.exchange.listening import listening
from tests.project.tree import ROOT

DESCRIPTION = ROOT / "protocol" / "peer-api.json"
HOOKS = """import schemathesis
schemathesis.serializer.alias("application/entente-batch", "text/plain")
"""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_the_description_names_every_address() -> None:
    """What the listener serves is described, and nothing else is (SPEC S-096)."""
    described = set(json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"])
    streams = {f"{STREAMS}{{iss}}", f"{STREAMS}{{iss}}/{{epoch}}"}
    log = f"{DIRECTORY}/{{country}}"
    logs = {DIRECTORY, log, f"{log}/growth", f"{log}/fork", ADD_CHECKPOINT}
    areas = {AREAS, f"{AREAS}/{{sha256}}"}
    assert described == {BATCHES, MEMBERS, f"{BLOBS}{{sha256}}"} | streams | logs | areas


async def test_every_answer_to_any_call_of_a_member_is_as_described(tmp_path: Path) -> None:
    """No call ends in a 5xx, and every answer has the status, type and shape that the description says."""
    async with listening(tmp_path, "DE") as net:
        await directory.import_authorities(net.nodes["HU"], operator(), demo_authorities("HU"))
        (tmp_path / "batches_as_text.py").write_text(HOOKS, encoding="utf-8")
        keys = net.nodes["DE"].keys
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", str(DESCRIPTION)),
            *("--url", f"https://127.0.0.1:{net.port}", "--tls-verify", "false"),
            *("--request-cert", str(keys.tls_certificate), "--request-cert-key", str(keys.tls_key)),
            *("--checks", CHECKS, "--max-examples", "12", "--generation-deterministic", "--phases", "fuzzing"),
            "--no-color",
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "batches_as_text", "PYTHONPATH": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(240):
            told, _ = await process.communicate()
        assert process.returncode == 0, told.decode()[-6000:]
        assert net.nodes["DE"].country in net.nodes["HU"].called, "nobody got in"
