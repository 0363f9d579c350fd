"""Keeping the logs of all countries here, with one peer's help: its own, those it has newer, and its cosignature."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Final, Self

import structlog
from pydantic import BaseModel, Field, ValidationError

from directory_sync.limits import MAX_PAGE_BYTES, MAX_PROOF_FILE_BYTES
from directory_sync.page import MEDIA_TYPE, decoded, follows, read_growth
from directory_sync.problem import DirectoryError
from directory_sync.witness import SIZE_TYPE
from node.delivery.call import Answer, Call
from node.delivery.incoming_directory import ADD_CHECKPOINT, DIRECTORY
from node.errors import NodeError
from node.service import country_log, directory, forks, withheld, witnessing
from node.service.node import Node
from node.store import logs, streams
from protocol.batch import Versions

log: Final = structlog.get_logger("entente.logs")
Ask = Callable[[Call], Awaitable[Answer]]
"""Carries a call to the peer; raises `LineError` where no answer came, however it is answered."""
_OK: Final = 200
_CONFLICT: Final = 409
_ASKED_TWICE: Final = 2.5
_UNAVAILABLE: Final = 503
_COMPLETING: Final = 20
"""Pages that one look asks for at most, to complete what a log has withheld."""
_PAGES: Final = 1000
"""Pages that one sync fetches at most; what is left then is for the next."""


class Index(BaseModel):
    """What a peer says it has: heads of logs, and digests of proofs that logs have lied."""

    heads: Annotated[Versions, Field(max_length=64)] = {}
    forks: Annotated[dict[str, str], Field(max_length=64)] = {}


class _Pages:
    """The pages of a log at one peer, which makes the next one while we verify and store the last."""

    def __init__(self, ask: Ask, country: str) -> None:
        self._ask = ask
        self._country = country
        self._ahead: dict[int, asyncio.Task[Answer]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._ahead.values():
            task.cancel()
        await asyncio.gather(*self._ahead.values(), return_exceptions=True)

    async def get(self, start: int) -> Answer:
        """Ask for the page that begins with a leaf, unless that was done already."""
        ahead = self._ahead.pop(start, None)
        return await (self._page(start) if ahead is None else ahead)

    def get_ahead(self, document: bytes) -> None:
        """Ask for the page that follows one, by what that says: what is wrong with it is found when it is verified."""
        with contextlib.suppress(DirectoryError):
            if start := follows(document):
                self._ahead[start] = asyncio.create_task(self._page(start))

    async def _page(self, start: int) -> Answer:
        asked = {"accept": MEDIA_TYPE, "accept-encoding": "gzip"}
        path = f"{DIRECTORY}/{self._country}"
        return await self._ask(Call("GET", path, {"from": str(start)}, asked, longest=MAX_PAGE_BYTES))


class LogSync:
    """What goes on with one peer; every error is a `LineError` or a `NodeError`, for the fetcher to log.

    `looked` says whether the peer has shown since the start what it has of all logs, and what we cosigned of them.
    """

    def __init__(self, node: Node, peer: str, ask: Ask, turn: asyncio.Semaphore) -> None:
        """Take the way to the peer, and the turn in which the pages of all peers are taken over."""
        self._node = node
        self._peer = peer
        self._ask = ask
        self._turn = turn
        self.looked = False

    async def fetch(self, country: str) -> None:
        """Take over what the peer has newer of a log, page by page (SPEC S-217); nothing of one that is frozen."""
        async with _Pages(self._ask, country) as pages:
            for _ in range(_PAGES):
                try:
                    here = country_log.here_of(self._node, country)
                except NodeError as error:
                    if error.code == "directory-frozen":
                        return
                    raise
                answer = await pages.get(here.size)
                if answer.status == 404 and self._peer != country:  # noqa: PLR2004 - it has no more of it than we
                    return
                if answer.status != _OK:
                    raise NodeError("directory-invalid", f"{country}: {self._peer} answered {answer.status}")
                document = await self._opened(country, answer)
                pages.get_ahead(document)
                if not await self._take(country, document):
                    return

    async def _take(self, country: str, document: bytes) -> bool:
        try:
            async with self._turn:  # a slow peer keeps nobody waiting, only what has come does
                changes, more = await country_log.accept_page(self._node, country, document, self._peer)
        except NodeError as error:
            if error.code in ("directory-fork", "directory-rollback"):
                await self._compare(country)
            raise
        if changes.any:
            log.info("directory-updated", country=country, peer=self._peer, size=changes.version)
        return more

    async def _opened(self, country: str, answer: Answer) -> bytes:
        try:
            return await directory.aside(
                lambda: decoded(answer.headers.get("content-encoding", "identity").lower(), answer.body)
            )
        except DirectoryError as error:
            raise country_log.refused(country, error) from error

    async def look(self) -> None:
        """Ask what the peer has: other logs that are newer, heads that contradict ours, proofs (SPEC S-220, S-221)."""
        answer = await self._ask(Call("GET", DIRECTORY))
        if answer.status != _OK:
            raise NodeError("directory-invalid", f"{self._peer} answered {answer.status}")
        try:
            index = Index.model_validate_json(answer.body)
        except ValidationError as error:
            raise NodeError("directory-invalid", f"{self._peer}: an index that can't be read") from error
        for country, digest in index.forks.items():
            await self._look_at_fork(country, digest)
        if not self.looked:
            await self._recall(index.heads)
        news, awaited = country_log.differing(self._node, index.heads), withheld.awaited(self._node)
        for country, head in index.heads.items():
            if country in news and country != self._peer:
                await self._look_at(country, head)
            if country in news | awaited:
                await self._complete(country, head[0])

    async def _recall(self, heads: Versions) -> None:
        """Learn from the peer's newer checkpoints what we have cosigned and don't know any more (SPEC S-255).

        All peers are asked at once, each for another log first: what one has shown none of the others is asked for.
        """
        named = sorted(witnessing.larger_than_cosigned(self._node, heads))
        for country in sorted(named, key=lambda one: (one < self._peer, one)):
            size = witnessing.larger_than_cosigned(self._node, {country: heads[country]}).get(country)
            if size is None:
                continue
            answer = await self._ask(Call("GET", f"{DIRECTORY}/{country}/growth", {"from": str(max(size, 1))}))
            if answer.status != _OK:
                raise NodeError("directory-invalid", f"{country}: {self._peer} answered {answer.status}")
            try:
                await witnessing.recall(self._node, country, read_growth(answer.body))
            except DirectoryError as error:
                raise country_log.refused(country, error) from error
        self.looked = True

    async def _complete(self, country: str, size: int) -> None:
        """Ask the peer for the records that the country's log names and didn't give (SPEC S-256)."""
        start, pages = -1, _Pages(self._ask, country)
        for _ in range(_COMPLETING):
            after = [n for n in withheld.missing(self._node, country, size) if n > start]
            if not after:
                return
            answer = await pages.get(after[0])
            if answer.status != _OK:
                return
            count, end = await withheld.take(self._node, country, await self._opened(country, answer), self._peer)
            if count:
                log.info("records-completed", country=country, peer=self._peer, count=count)
            start = max(end - 1, after[0])

    async def _look_at_fork(self, country: str, digest: str) -> None:
        def known(country: str) -> bool:
            return self._node.store.read_now(lambda q: streams.is_proven(q, country, forks.CODE))

        members = self._node.members
        if members is None or members.member(country) is None or known(country):
            return
        answer = await self._ask(Call("GET", f"{DIRECTORY}/{country}/fork", longest=MAX_PROOF_FILE_BYTES))
        if answer.status == _OK:
            try:
                await forks.take_file(self._node, country, answer.body, self._peer)
            except NodeError as error:
                log.warning("proof-refused", country=country, peer=self._peer, digest=digest, reason=str(error)[:300])

    async def _look_at(self, country: str, head: tuple[int, str]) -> None:
        """Compare a head with ours; fetch where it is newer and the country itself can't be reached."""
        try:
            relation = country_log.relation(self._node, country, head)
        except NodeError:
            return  # no member, no log key, or frozen
        if relation == "contradicts":
            await self._compare(country)
        elif relation == "newer" and country != self._node.country and self._is_away(country):
            await self.fetch(country)

    def _is_away(self, country: str) -> bool:
        """Say whether a country itself hasn't confirmed its log for longer than it takes to ask it."""
        known = self._node.store.read_now(lambda q: logs.find(q, country))
        longest = timedelta(seconds=_ASKED_TWICE * self._node.config.peers.refresh_s)
        return known is None or not known.note or self._node.clock.now() - known.confirmed_at > longest

    async def _compare(self, country: str) -> None:
        """Get the peer's checkpoint of a log, and keep the proof where it contradicts ours (SPEC S-214)."""
        own = self._node.store.read_now(lambda q: logs.find(q, country))
        if own is None or not own.note:
            return
        for start in (own.signed, 1):  # 1 always is there: a smaller log's own checkpoint is all that is wanted then
            path = f"{DIRECTORY}/{country}/growth"
            answer = await self._ask(Call("GET", path, {"from": str(start)}))
            if answer.status == _OK:
                break
        else:
            return
        try:
            theirs, other, proof = read_growth(answer.body)
            fork = forks.between(self._node, country, str(theirs.note).encode(), (other, proof))
        except DirectoryError as error:
            raise country_log.refused(country, error) from error
        if fork is not None:
            await forks.keep(self._node, country, fork, self._peer)

    async def ask_cosignature(self) -> None:
        """Ask the peer to cosign our newest checkpoint, unless it did a short while ago (SPEC S-218)."""
        for _ in range(2):
            wanted = witnessing.wanted_from(self._node, self._peer)
            if wanted is None:
                return
            answer = await self._ask(
                Call("POST", ADD_CHECKPOINT, headers={"content-type": "text/plain; charset=utf-8"}, body=wanted.body)
            )
            if answer.status == _OK:
                await witnessing.take_cosignature(self._node, self._peer, wanted, answer.body)
                return
            size = _size_of(answer)
            if answer.status == _UNAVAILABLE:
                raise NodeError("peers-not-asked", f"{self._peer} has just started and cosigns nothing yet.")
            if size is None:
                raise NodeError("directory-invalid", f"as a witness, {self._peer} answered {answer.status}")
            if not await witnessing.take_size(self._node, self._peer, size):
                raise NodeError("newer-at-peer", f"{self._peer} has cosigned {size} changes of our directory.")


def _size_of(answer: Answer) -> int | None:
    text = answer.body.decode("latin-1").removesuffix("\n")
    right = answer.status == _CONFLICT and answer.headers.get("content-type") == SIZE_TYPE
    return int(text) if right and text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004
