"""A disk that is really full: a small file system of its own, so that the kernel says ENOSPC and nobody pretends."""

import asyncio
import contextlib
import errno
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.cli.demo_europe import _request
from node.cli.demo_nodes import DemoNode
from tests.processes.network import Network, network, until
from tests.processes.test_faults import EX_IOERR

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

SIZE_MB = 24


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mount a small file system in memory, with what lies there moved into it; skips where that isn't allowed."""
    aside = place.with_name("aside")
    place.rename(aside)
    place.mkdir(mode=0o700)
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"mounting a file system needs rights that aren't given here: {done.stderr.strip()}")
    try:
        shutil.copytree(aside, place, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Fill a disk to its last byte; returns the file that does it."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
    return filler


@contextlib.asynccontextmanager
async def cramped(folder: Path) -> AsyncIterator[tuple[Network, DemoNode]]:
    """Give two nodes that know each other, the German one's data on a small disk."""
    async with network(folder, "DE", "HU") as two:
        berlin = two.nodes["DE"]
        await berlin.stop()
        with small_disk(berlin.folder / "data"):
            await berlin.start()
            try:
                yield two, berlin
            finally:
                await berlin.stop()


async def sent(two: Network, country: str, login: str, key: str) -> tuple[int, Any] | None:
    """Send a request under a key; None where no answer came."""
    other = "HU" if country == "DE" else "DE"
    api = (await two.reader(country, login)).api
    headers = {**api._headers, "Idempotency-Key": key}
    url = f"{two.nodes[country].url}/api/v1/requests"
    try:
        async with two.session.post(url, json=_request(country, other), headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)
    except (aiohttp.ClientError, OSError):
        return None


async def test_a_disk_without_space_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Nothing is acknowledged that isn't on disk; with space again, what was sent meanwhile is there once."""
    async with cramped(tmp_path) as (two, berlin):
        first = await sent(two, "DE", "anna.berger", "before")
        assert first is not None
        assert first[0] == 201
        filler = fill(berlin.folder / "data")
        stored = []
        for number in range(40):  # what was allocated before may still take some
            answer = await sent(two, "DE", "anna.berger", f"full-{number}")
            if answer is None or answer[0] != 201:
                break
            stored.append(answer[1]["id"])
        else:
            pytest.fail("forty requests were stored on a full disk")
        assert answer is None or answer[0] in (500, 503), answer
        assert (await sent(two, "HU", "szabo.katalin", "theirs") or (0,))[0] == 201
        await asyncio.sleep(0.5)
        filler.unlink()
        assert berlin.process is not None
        if berlin.process.returncode is not None:
            assert berlin.process.returncode == EX_IOERR
            await berlin.start()

        async def again() -> tuple[int, Any] | None:
            return await sent(two, "DE", "anna.berger", f"full-{len(stored)}")

        status, body = await until("an answer with space again", again)
        assert status == 201 or body["code"] == "stale", body
        if status == 201:
            stored.append(body["id"])
        sides = await two.both_sides(lambda ours, theirs: len(ours) == len(theirs) and len(ours) >= 2 + len(stored))
        assert sides[0].keys() == sides[1].keys()
        assert {first[1]["id"], *stored} <= sides[0].keys()
        assert len(sides[0]) <= 3 + len(stored)
        await two.verify()
