"""`entente probe` as an operator runs it: a test member's folder, and another node that serves."""

import json
from pathlib import Path

import pytest

from tests.processes.network import entente, network

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


async def test_a_serving_node_passes(tmp_path: Path) -> None:
    """Nothing is tried while the test member's own node runs; then every check passes, and the node serves on."""
    async with network(tmp_path, "DE", "HU") as two:
        member, target = two.nodes["DE"], two.nodes["HU"]
        early = await entente("probe", "HU", "-C", member.folder)
        assert (early.code, "data-in-use" in early.err) == (1, True)
        await member.stop()
        url, record = f"https://127.0.0.1:{target.peers}", tmp_path / "hu.jsonl"
        said = await entente("probe", url, "-C", member.folder, "--json", "--record", record)
        *checks, last = [json.loads(line) for line in said.out.splitlines()]
        assert [one for one in checks if one["verdict"] != "passed"] == []
        assert (said.code, last["summary"]) == (0, {"passed": len(checks), "failed": 0, "skipped": 0})
        assert (last["node"], last["url"], last["failed_rules"]) == ("HU", url, [])
        assert len(record.read_bytes().splitlines()) > len(checks)
        assert (await entente("verify", "-C", target.folder)).code == 0
        shown = await entente("probe", "HU", "-C", member.folder, "--only", "S-173")
        assert (shown.code, "1 checks: 1 passed, 0 failed, 0 skipped." in shown.out) == (0, True)
