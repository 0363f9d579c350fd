"""What this node answers about the directories' logs: what it has, pages, how a log grew, proofs; and as a witness."""

import asyncio
import re
from typing import Final

from directory_sync.limits import MAX_PROOF_FILE_BYTES
from directory_sync.page import MEDIA_TYPE, compressed
from directory_sync.witness import SIZE_TYPE, Refusal
from node.delivery.call import Answer, Call
from node.service import country_log, forks, witnessing
from node.service.node import Node
from node.store import logs
from protocol.encoding import canonical_json
from protocol.problems import ProtocolError

DIRECTORY: Final = "/peer/v1/directory"
ADD_CHECKPOINT: Final = "/peer/v1/add-checkpoint"
_PATH: Final = re.compile(rf"{DIRECTORY}/([A-Z]{{2}})(/growth|/fork)?\Z")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}\Z")


async def answer(node: Node, call: Call) -> Answer:
    """Answer a GET under `DIRECTORY`; raises `not-found`."""
    if call.path == DIRECTORY:
        return Answer(200, {"content-type": "application/json"}, canonical_json(_index(node)))
    path = _PATH.match(call.path)
    start = call.query.get("from", "0")
    if path is None or not _NUMBER.fullmatch(start):
        raise ProtocolError("not-found", "no such address")
    country, what = path[1], path[2]
    if what == "/fork":
        return _whole(node.store.read_now(lambda q: forks.file_of(q, country)), "text/plain; charset=utf-8")
    if what == "/growth":
        found = node.store.read_now(lambda q: country_log.growth_of(q, country, int(start)))
        return _whole(found, "application/json")
    page = await node.store.read(lambda q: country_log.page_of(q, country, int(start)))
    return await _packed(_whole(page, MEDIA_TYPE), call)


def _index(node: Node) -> dict[str, object]:
    """Say which logs are here, and which are known to have lied (SPEC S-118)."""
    heads, lied = node.store.read_now(lambda q: (logs.heads(q), forks.kept(q)))
    return {"forks": lied, "heads": {country: list(head) for country, head in heads.items()}}


def _whole(found: bytes | None, kind: str) -> Answer:
    if found is None:
        raise ProtocolError("not-found", "no such log here, or it isn't that long")
    return Answer(200, {"content-type": kind}, found)


async def _packed(given: Answer, call: Call) -> Answer:
    """Gzip a page where the caller takes that (SPEC S-123)."""
    asked = {part.partition(";")[0].strip() for part in call.headers.get("accept-encoding", "").split(",")}
    if "gzip" not in asked:
        return given
    body = await asyncio.get_running_loop().run_in_executor(None, compressed, given.body)
    return Answer(200, {**given.headers, "content-encoding": "gzip"}, body)


async def add_checkpoint(node: Node, call: Call) -> Answer:
    """Answer as a witness does (SPEC S-212, S-213)."""
    if len(call.body) > MAX_PROOF_FILE_BYTES:
        raise ProtocolError("too-large", "the body")
    found = await witnessing.add_checkpoint(node, call.body)
    plain = {"content-type": "text/plain; charset=utf-8"}
    if not isinstance(found, Refusal):
        return Answer(200, plain, found.encode())
    if found.size is not None:
        return Answer(found.status, {"content-type": SIZE_TYPE}, f"{found.size}\n".encode("ascii"))
    return Answer(found.status, plain, f"{found.reason}\n".encode())
