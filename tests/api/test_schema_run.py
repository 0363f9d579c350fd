"""A program that knows only the OpenAPI document calls everything in it, with right and with wrong input, over HTTP."""

import asyncio
import sys
from pathlib import Path

import pytest

from node.api.openapi import DOCUMENT_PATH
from node.api.route import PREFIX
from tests.api.conftest import Apis

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)


@pytest.mark.parametrize("who", ["anna", "operator"])
async def test_every_answer_to_any_call_is_as_described(apis: Apis, tmp_path: Path, who: str) -> None:
    """No call ends in a 5xx, and every answer has the status, type and shape that the document says."""
    await apis.ask()
    host, port = apis.clients["DE"].server.host, apis.clients["DE"].server.port
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"http://{host}:{port}{PREFIX}{DOCUMENT_PATH}"),
        *("--header", f"Authorization: Bearer {apis.tokens[who]}", "--checks", CHECKS, "--no-color"),
        *("--max-examples", "4", "--generation-deterministic", "--phases", "fuzzing"),
        *("--suppress-health-check", "too_slow"),  # which says something of the machine alone
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(600):
        told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()[-6000:]
