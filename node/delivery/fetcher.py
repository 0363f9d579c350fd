"""Fetching from one peer: its member documents, its directory, and attachments, when there is a reason to."""

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from directory_sync.problem import DirectoryError
from node.delivery import area_sync
from node.delivery.call import Answer, Call, Line, LineError, retry_after
from node.delivery.incoming import BLOBS, DIRECTORY_HEADER, MEMBERS
from node.delivery.log_sync import LogSync
from node.errors import NodeError
from node.service import directory, follow_up, membership
from node.service.node import Node
from node.store import blobs, peers
from node.store.tx import Row
from protocol.batch import Versions
from protocol.blob import SEALED_CHUNK
from protocol.encoding import sha256_b64u
from protocol.limits import MAX_MEMBER_BUNDLE
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.members import MemberList
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.fetcher")
_OK, _PARTIAL, _NOT_MODIFIED = 200, 206, 304
_TAG: Final = re.compile(r'"[\x21\x23-\x7e]{1,64}"')
"""What a peer may call its list by: an entity tag of RFC 9110, 8.8.3, and short."""
_STEP: Final = 4 * SEALED_CHUNK
_LIST_EVERY_S: Final = 1.0
"""The list is fetched once in that time at most, whatever the peer says it knows (SPEC S-086)."""


class AnswerError(LineError):
    """The peer answered, but not with what was asked for; `wait` is its Retry-After in seconds."""

    def __init__(self, reason: str, wait: float = 0.0, code: str = "") -> None:
        """Take what is wrong, with the peer's code for it."""
        super().__init__(reason)
        self.wait = wait
        self.code = code


class Fetcher:
    """Looks after what one peer has for us: at start, at every hint, and every `refresh_s`."""

    def __init__(
        self, node: Node, peer: str, line: Line, *, turn: asyncio.Semaphore | None = None, after_s: float = 0.0
    ) -> None:
        """Take the way to the peer; `turn` is for checking a directory, and the first look comes after `after_s`."""
        self._node = node
        self._peer = peer
        self._line = line
        self._turn = turn or asyncio.Semaphore()
        self._after_s = after_s
        self._woken = asyncio.Event()
        self._all_due()
        self._own_directory_due = self._announced = False
        self._next_list = self._rests_until = 0.0
        self._taken_list: tuple[MemberList, str] | None = None
        self._heard_head: tuple[int, str] | None = None
        self._failed_head: tuple[int, str] | None = None
        self._logs = LogSync(node, peer, self._ask, self._turn)

    @property
    def looked(self) -> bool:
        """Whether the peer has shown since the start what it has of all logs."""
        return self._logs.looked

    def _all_due(self) -> None:
        self._members_due = self._directory_due = self._index_due = self._cosignature_due = self._areas_due = True

    def take_back(self, *, directory: bool, record: bool) -> None:
        """Fetch what the peer has newer than we do of our own directory or record: this node has lost it."""
        self._own_directory_due |= directory
        self._members_due |= record
        if directory or record:
            self._wake()

    def _wake(self) -> None:
        """Look at once, also at what failed a while ago: there is a reason of our own."""
        self._rests_until = 0.0
        self._woken.set()

    def want_areas(self) -> None:
        """Look for versions of areas soon."""
        self._areas_due = True
        self._wake()

    def announce(self) -> None:
        """Call the peer at once: every call says which directory we have, and the peer fetches a newer one."""
        self._members_due = self._cosignature_due = self._announced = True
        self._wake()

    def heard(self, members: Versions | None, heads: Versions) -> None:
        """Take note of what the peer says it knows; wakes the fetcher where that is news.

        `members` is None where it said nothing of them, and empty where there is a reason to ask.
        """
        if members is not None and (not members or membership.needs_fetch(self._node, members)):
            self._members_due = True
        head = heads.get(self._peer)
        # every call of the peer gives a hint: most are no news, and one that was of no use is none again (SPEC S-084)
        if head not in (None, self._failed_head, directory.head(self._node, self._peer)):
            self._heard_head, self._directory_due = head, True
            self._wake()
        if members is not None:  # of a batch: it may name attachments
            self._woken.set()

    async def run(self) -> None:
        """Fetch until cancelled."""
        config, failures = self._node.config.peers, 0
        await asyncio.sleep(self._after_s)
        while True:
            pause = config.refresh_s
            try:
                if await self.round():
                    failures = 0
                else:
                    pause = self._rest_s()
            except (LineError, ProtocolError, DirectoryError, MemberListError, NodeError) as error:
                log.info("fetch-failed", peer=self._peer, reason=str(error)[:300])
                self._members_due |= getattr(error, "code", "") == "unknown-key"  # hints alone would never ask for it
                pause = min(pause, config.retry_first_s * 4 * 2 ** min(failures, 20))
                failures += 1
                if not isinstance(error, LineError):  # it answers, and can't be used: that may last
                    self._rests_until, self._failed_head = asyncio.get_running_loop().time() + pause, self._heard_head
                # whoever wakes us meanwhile: two nodes never race, and none comes before its time (SPEC S-084)
                await asyncio.sleep(max(config.retry_first_s, getattr(error, "wait", 0.0)))
            except Exception:
                log.exception("fetcher-failed", peer=self._peer)  # a full disk, say
                await asyncio.sleep(config.retry_first_s)
            try:
                async with asyncio.timeout(pause):  # `wait_for` of Python 3.11 can swallow a cancellation
                    await self._woken.wait()
            except TimeoutError:
                self._all_due()
            self._woken.clear()

    def _rest_s(self) -> float:
        """Return for how many seconds what failed is left alone, whoever wakes us (SPEC S-084)."""
        return max(0.0, self._rests_until - asyncio.get_running_loop().time())

    async def round(self) -> bool:
        """Fetch everything that is due now; nothing from a peer that is blocked (SPEC S-181).

        Returns whether nothing is left: what failed before isn't tried before its time.
        """
        if self._node.store.read_now(lambda q: peers.is_blocked(q, self._peer)):
            return True
        faults: list[Exception] = []
        if self._announced:  # with the hint in the same call; the list may have to wait for its turn
            self._announced = False
            faults += await self._steps(("_cosignature_due", self._logs.ask_cosignature))
        if self._members_due:
            await self._wait_for_turn()
            with self._done("_members_due"):
                await self._fetch_members()
        rests = self._rest_s() > 0
        if not rests:
            faults += await self._look_at_logs()
        await self._fetch_blobs()  # whatever is wrong with a directory, messages go on
        if faults:
            raise faults[0]
        return not rests

    async def _look_at_logs(self) -> list[Exception]:
        """Take back ours, take over the peer's log, and what it has of others; have it cosign ours."""
        return await self._steps(
            ("_own_directory_due", lambda: self._logs.fetch(self._node.country)),
            ("_directory_due", lambda: self._logs.fetch(self._peer)),
            ("_index_due", self._logs.look),
            ("_cosignature_due", self._logs.ask_cosignature),
            ("_areas_due", lambda: area_sync.fetch(self._node, self._peer, self._ask)),
        )

    async def _steps(self, *steps: tuple[str, Callable[[], Awaitable[None]]]) -> list[Exception]:
        """Do what is due of some steps; one doesn't wait for another."""
        faults: list[Exception] = []
        for due, step in steps:
            if getattr(self, due):
                try:
                    with self._done(due):
                        await step()
                except NodeError as error:
                    faults.append(error)
        return faults

    @contextlib.contextmanager
    def _done(self, due: str) -> Iterator[None]:
        """Take something off the list before it is done: what is heard meanwhile is a reason to do it once more."""
        setattr(self, due, False)
        try:
            yield
        except Exception:
            setattr(self, due, True)
            raise

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next_list - loop.time())
        self._next_list = loop.time() + _LIST_EVERY_S

    async def _get(self, call: Call) -> Answer:
        answer = await self._ask(call)
        if answer.status >= 400:  # noqa: PLR2004
            code = _code(answer)
            raise AnswerError(f"{call.path.rpartition('/')[0]}: {code}", retry_after(answer) or 0.0, code)
        return answer

    async def _fetch_members(self) -> None:
        known = self._node.members.root.version - 1 if self._node.members else 0  # ours too, to notice a fork of it
        tagged = self._taken_list is not None and self._taken_list[0] is self._node.members
        asked = {"if-none-match": self._taken_list[1]} if self._taken_list and tagged else {}
        answer = await self._get(Call("GET", MEMBERS, {"after_root": str(known)}, asked, longest=MAX_MEMBER_BUNDLE))
        if tagged and answer.status == _NOT_MODIFIED:  # SPEC S-302
            return
        problems = await membership.take_bundle(self._node, MemberBundle.from_json(answer.body), self._peer)
        for problem in problems:
            log.warning("member-document-refused", peer=self._peer, code=problem.code, document=problem.document)
        tag, members = answer.headers.get("etag", ""), self._node.members
        self._taken_list = (members, tag) if _TAG.fullmatch(tag) and members is not None and not problems else None

    async def _ask(self, call: Call) -> Answer:
        """Carry a call that may be answered with a refusal that means something."""
        return await self._line.send(replace(call, headers={**call.headers, **own_directory(self._node)}))

    async def _fetch_blobs(self) -> None:
        """Fetch every attachment that is wanted; one that the peer withholds doesn't keep back the others."""
        withheld: AnswerError | None = None
        for row in self._node.store.read_now(lambda q: blobs.wanted(q, self._peer)):
            try:
                await self._fetch_blob(row)
            except AnswerError as error:
                if error.code == blobs.LOST:
                    await follow_up.blob_lost(self._node, self._peer, str(row["sha256"]))
                else:
                    withheld = error
        if withheld is not None:
            raise withheld

    async def _fetch_blob(self, row: Row) -> None:
        digest, size = str(row["sha256"]), int(row["sealed_size"])
        path, loop = blobs.path_of(self._node.config.data, digest), asyncio.get_running_loop()
        if await loop.run_in_executor(None, _is_whole, path, digest):  # only its row was lost, or a crash came between
            await follow_up.blob_arrived(self._node, digest)
            return
        data = bytearray()
        while len(data) < size:
            length = min(_STEP, size - len(data))
            asked = {"range": f"bytes={len(data)}-{len(data) + length - 1}"}
            answer = await self._get(Call("GET", BLOBS + digest, {}, asked, longest=length))
            if len(answer.body) != length:  # cut on the way, perhaps: nothing is proved against the file
                raise AnswerError(f"{BLOBS}: {len(answer.body)} bytes in place of {length}")
            data += answer.body
        if sha256_b64u(bytes(data)) != digest:  # SPEC S-063
            log.warning("attachment-refused", peer=self._peer, code="attachment-digest")
            await self._node.store.write(lambda tx: blobs.failed(tx, digest, "attachment-digest"))
            raise AnswerError("attachment-digest")  # a fault on the way must never lose an attachment for good
        await loop.run_in_executor(None, blobs.write_file, path, bytes(data))
        await follow_up.blob_arrived(self._node, digest)


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return sha256_b64u(path.read_bytes()) == digest
    except OSError:
        return False


def own_directory(node: Node) -> dict[str, str]:
    """Return the header that tells a peer which directory this node publishes (SPEC S-122)."""
    version, sha256 = directory.head(node, node.country) or (0, "")
    return {DIRECTORY_HEADER: f"{version} {sha256}"} if version else {}


def _code(answer: Answer) -> str:
    try:
        value: Any = json.loads(answer.body)["code"]
        return str(value)[:64]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"http-{answer.status}"
