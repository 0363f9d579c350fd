"""A long log is had page by page, and the peer makes the next page while the last is verified and stored."""

import asyncio

import pytest

from node.delivery.call import Answer, Call
from node.delivery.incoming import handle
from node.delivery.log_sync import LogSync
from node.errors import NodeError
from node.service import country_log
from node.service.node import Node
from node.service.verification import check_node
from protocol.members import MemberList
from tests.node.test_directory import authority, published

LONGEST_S = 60


class Asking:
    """The way to a peer; counts the pages that were asked for, by their first leaf."""

    def __init__(self, reader: Node, peer: Node) -> None:
        self.reader, self.peer = reader, peer
        self.asked: list[int] = []
        self.changed: dict[int, bytes] = {}
        self.withheld: set[int] = set()
        self.cancelled: list[int] = []
        self.asked_twice = asyncio.Event()

    async def __call__(self, call: Call) -> Answer:
        start = int(call.query["from"])
        self.asked.append(start)
        if len(self.asked) > 1:
            self.asked_twice.set()
        if start in self.withheld:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(start)
                raise
        answer = await handle(self.peer, self.reader.country, call)
        return Answer(answer.status, {}, self.changed[start]) if start in self.changed else answer


@pytest.fixture
async def asking(berlin: Node, budapest: Node, members: MemberList, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """Let Hungary have a log of three pages, of which Germany has nothing."""
    monkeypatch.setattr("directory_sync.limits.MAX_PAGE_LEAVES", 100)
    await published(budapest, *(authority(f"HU-{n}") for n in range(250)))
    return Asking(berlin, budapest)


async def test_the_next_page_is_made_while_this_one_waits(asking: Asking):
    """SPEC S-217: it is asked for before this one is stored, once, and all is as if each had been awaited."""
    turn = asyncio.Semaphore()
    await turn.acquire()  # another peer's page is being stored
    fetching = asyncio.create_task(LogSync(asking.reader, "HU", asking, turn).fetch("HU"))
    async with asyncio.timeout(LONGEST_S):
        await asking.asked_twice.wait()
    assert country_log.here_of(asking.reader, "HU").size == 0
    turn.release()
    await fetching
    assert asking.asked == [0, 100, 200]
    assert country_log.here_of(asking.reader, "HU").size == 250
    assert check_node(asking.reader) == []


async def test_what_follows_a_page_that_is_refused_is_let_go(asking: Asking):
    """A page that lies stores nothing, and the call for the next one doesn't outlive it."""
    page = asking.peer.store.read_now(lambda q: country_log.page_of(q, "HU", 0))
    assert page is not None
    asking.changed[0] = page.replace(b'"authority":"HU-7"', b'"authority":"HU-8"')
    asking.withheld.add(100)
    with pytest.raises(NodeError, match="directory-fork"):
        await LogSync(asking.reader, "HU", asking, asyncio.Semaphore()).fetch("HU")
    assert country_log.here_of(asking.reader, "HU").size == 0
    assert asking.cancelled == [100]


@pytest.mark.parametrize("end", [b'"end":60', b'"end":240'])
async def test_a_page_that_lies_about_its_end_is_refused(asking: Asking, end: bytes):
    """What it says of itself only decides what is asked for next: it counts for nothing else (SPEC S-119)."""
    page = asking.peer.store.read_now(lambda q: country_log.page_of(q, "HU", 0))
    assert page is not None
    asking.changed[0] = page.replace(b'"end":100', end, 1)
    with pytest.raises(NodeError, match="directory-count"):
        await LogSync(asking.reader, "HU", asking, asyncio.Semaphore()).fetch("HU")
    assert country_log.here_of(asking.reader, "HU").size == 0
