"""kill -9 at every moment that matters: the story ends as if nothing had happened, and nothing is done twice."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from node.cli.demo_nodes import Api, ApiError
from node.cli.demo_story import Line, Reader, Story
from node.clock import SystemClock
from tests.processes.network import Network, small_request, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

OTHER = {"DE": "HU", "HU": "DE"}
PEOPLE = (("DE", "anna.berger"), ("DE", "miriam.kaya"), ("HU", "szabo.katalin"))
After = Callable[[str, str], Awaitable[None]]
"""What happens right after the node of a country answered a call of a path."""


class InterruptedApi(Api):
    """Something happens to the nodes right after each act was answered."""

    def __init__(self, reader: Reader, after: After) -> None:
        self.__dict__.update(reader.api.__dict__)
        self._country, self._after = reader.node, after

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Call the API."""
        answer = await super().call(method, path, body, **query)
        if method == "POST":
            await self._after(self._country, path)
        return answer

    async def upload(self, path: str, name: str, media_type: str, data: bytes) -> Any:
        """Upload a file."""
        answer = await super().upload(path, name, media_type, data)
        await self._after(self._country, path)
        return answer


async def nothing(_country: str, _path: str) -> None:
    """Let the story be."""


async def story_of(two: Network, after: After) -> tuple[Story, list[Line]]:
    """Return a story that is ready to be played, and the transcript that it will fill."""
    people = [await two.reader(country, login) for country, login in PEOPLE]
    watched = [replace(one, api=InterruptedApi(one, after)) for one in people]
    lines: list[Line] = []
    return Story(*watched, SystemClock().now().date(), lines.append), lines


def told(lines: list[Line]) -> list[tuple[object, ...]]:
    """Return what a transcript says, without times and the case's number, lines of a timeline in one order."""

    def words(text: str, number: str) -> list[str]:
        timeless = re.sub(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d  ", "", text)
        return sorted(timeless.replace(number, "NUMBER").splitlines() if number else timeless.splitlines())

    return [
        (line.step, line.node, line.actor, line.lang, line.state, words(line.title, line.case), words(line.text, line.case))
        for line in lines
    ]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def undisturbed(two: Network) -> list[tuple[object, ...]]:
    """Play the story while nothing happens to the nodes."""
    story, lines = await story_of(two, nothing)
    await story.play()
    return told(lines)


async def as_if_nothing_had_happened(
    two: Network, before: list[dict[str, Any]], lines: list[Line], expected: list[tuple[object, ...]]
) -> None:
    """Compare transcript and counts with those of a story in peace, and verify the data."""
    assert told(lines) == expected
    asked, got = await two.both_sides(lambda here, there: here.keys() == there.keys())
    assert (len(asked), len(got)) == (len(before[0]) + 1, len(before[1]) + 1)
    await two.verify()


async def quiet(two: Network) -> list[dict[str, Any]]:
    """Return both sides' cases as soon as nothing is on its way."""
    return await two.both_sides(lambda here, there: here.keys() == there.keys())


@pytest.mark.parametrize("victim", ["sending", "receiving"])
async def test_killed_right_after_each_answer(two: Network, undisturbed: list[tuple[object, ...]], victim: str):
    """Whatever the API acknowledged happens, though this node or the other dies at that very moment."""
    before = await quiet(two)

    async def after(country: str, path: str) -> None:
        if victim == "sending":
            await two.kill(country)
        elif not path.startswith("drafts"):  # a draft goes nowhere
            await two.kill(OTHER[country])

    story, lines = await story_of(two, after)
    await story.play()
    await as_if_nothing_had_happened(two, before, lines, undisturbed)


async def test_killed_between_the_steps(two: Network, undisturbed: list[tuple[object, ...]]):
    """Both nodes die between any two steps of the story, and it goes on where it was."""
    before = await quiet(two)
    story, lines = await story_of(two, nothing)
    for step in (
        story.find, story.ask, story.receive, story.agree_on_a_date, story.answer, story.clarify, story.close,
    ):  # fmt: skip
        await step()
        await two.kill("DE", "HU")
    await story.nobody_else()
    await as_if_nothing_had_happened(two, before, lines, undisturbed)


@dataclass
class Caller:
    """A program that repeats each call under one key until it is answered."""

    two: Network
    reader: Reader

    async def post(self, path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        """Return status and JSON of the first answer."""
        url = f"{self.two.nodes[self.reader.node].url}/api/v1/{path}"
        headers = {**self.reader.api._headers, "Idempotency-Key": key}

        async def attempt() -> tuple[int, Any] | None:
            try:
                async with self.two.session.post(url, json=body, headers=headers) as answer:
                    return answer.status, await answer.json(content_type=None)
            except aiohttp.ClientError:
                return None

        return await until(f"an answer to {path}", attempt)


async def test_killed_in_a_stream(two: Network):
    """Of 160 requests sent under fire, each acknowledged one is there once on both sides, and no other."""
    before = await quiet(two)
    caller = Caller(two, await two.reader("DE", "anna.berger"))
    left, answers = itertools.count(), []

    async def send() -> None:
        while (number := next(left)) < 160:
            answers.append(await caller.post("requests", small_request(), f"stream-{len(before[0])}-{number}"))

    async def kill() -> None:
        for count, victims in ((20, ("HU",)), (50, ("DE",)), (80, ("HU",)), (110, ("DE", "HU"))):
            await until(f"{count} answers", lambda wanted=count: len(answers) >= wanted)
            await two.kill(*victims)

    await asyncio.gather(kill(), *(send() for _ in range(8)))
    stored = [body["id"] for status, body in answers if status == 201]
    unknown = [body["code"] for status, body in answers if status != 201]
    assert len(set(stored)) == len(stored)
    assert set(unknown) <= {"stale"}
    asked, got = await quiet(two)
    new = asked.keys() - before[0].keys()
    assert new >= set(stored)
    assert len(new) <= len(stored) + len(unknown) == 160
    assert got.keys() - before[1].keys() == new
    numbers = [case["number"] for case in asked.values()]
    assert len(set(numbers)) == len(numbers)
    await two.verify()


async def test_a_repeated_call_after_a_kill_is_not_done_twice(two: Network):
    """With an Idempotency-Key the answer comes again from the restarted node, and nothing happens again."""
    before = await quiet(two)
    anna = Caller(two, await two.reader("DE", "anna.berger"))
    katalin = Caller(two, await two.reader("HU", "szabo.katalin"))
    key = f"once-{len(before[0])}"
    first = await anna.post("requests", small_request(), key)
    await two.kill("DE")
    assert first[0] == 201
    assert await anna.post("requests", small_request(), key) == first
    case = first[1]["id"]
    asked, got = await two.both_sides(lambda here, there: case in here and case in there)
    assert (len(asked), len(got)) == (len(before[0]) + 1, len(before[1]) + 1)
    accepted = await katalin.post(f"cases/{case}/accept", {}, key)
    await two.kill("HU")
    assert accepted[0] == 200
    assert await katalin.post(f"cases/{case}/accept", {}, key) == accepted
    with pytest.raises(ApiError) as refused:
        await katalin.reader.api.call("POST", f"cases/{case}/accept", {})
    assert refused.value.answered == "wrong-state"
    await quiet(two)
    for reader in (anna.reader, katalin.reader):
        view = await reader.api.call("GET", f"cases/{case}")
        assert [entry["kind"] for entry in view["timeline"]].count("request.accept") == 1
    await two.verify()
