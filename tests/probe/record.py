"""Record how this version answers the probe: `python -m tests.probe.record`, once for each version of the protocol.

`transcripts/<version>.jsonl` is what `entente probe --record` writes, `<version>.seed` the secret half of the
encryption key of the node that was asked: a node of a later version takes its place with it (test_transcript.py).
"""

import asyncio
import base64
import tempfile
from pathlib import Path

from node.cli.probing.documents import SPEAKS
from node.cli.probing.run import CHECKS, probe
from node.store.key_files import read_seed
from tests.probe.target import TARGET, target

FOLDER = Path(__file__).resolve().parent / "transcripts"
LARGE = {"hundred-events", "members", "after-root", "no-roots", "speaks", "directory"}
OWN = {"after-the-end"}
"""Checks that would make the file large, or that quote what the node that was asked had signed itself."""


async def record(folder: Path) -> None:
    """Write transcript and seed of the present version."""
    with tempfile.TemporaryDirectory() as place:
        async with target(Path(place)) as made:
            report = await probe(made.tester, TARGET, [one for one in CHECKS if one.name not in LARGE | OWN])
            seed = read_seed(made.node.config.keys / "encryption.seed")
    assert report.count("passed") == len(report.findings)
    (folder / f"{SPEAKS}.jsonl").write_bytes(report.transcript)
    (folder / f"{SPEAKS}.seed").write_bytes(base64.b64encode(seed) + b"\n")


if __name__ == "__main__":
    asyncio.run(record(FOLDER))
