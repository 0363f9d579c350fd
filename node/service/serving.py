"""What a peer may fetch here: attachments of cases that it takes part in."""

import re

from node.service.node import Node
from node.store import blobs, cases
from protocol.problems import ProtocolError

_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{1,12})?\Z")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def blob(node: Node, peer: str, sha256: str, asked: str | None) -> tuple[bytes, int, int]:
    """Return `(bytes, first, size of the whole)` of an attachment's ciphertext; `not-found` for outsiders.

    Runs off the loop, on a connection of its own; a member sees only blobs of cases that it shares.
    """
    if not _DIGEST.match(sha256):
        raise ProtocolError("not-found", "no such blob")
    with node.store.reader() as q:
        row = blobs.find(q, sha256)
        case = cases.find(q, row["case_id"]) if row is not None else None
    if row is None or case is None or case.counterpart != peer:  # SPEC S-062
        raise ProtocolError("not-found", "no such blob")
    if not row["here"]:
        lost = row["origin"] == peer  # SPEC S-233
        raise ProtocolError("blob-lost" if lost else "not-found", "neither side has it" if lost else "no such blob")
    path = blobs.path_of(node.config.data, sha256)
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            start, end = _span(asked, total)
            file.seek(start)
            return file.read(end - start), start, total
    except OSError:
        raise ProtocolError("unavailable", "the blob can't be read") from None


def _span(asked: str | None, total: int) -> tuple[int, int]:
    # SPEC S-064
    match = _RANGE.match(asked) if asked else None
    if match is None:
        return 0, total
    start = int(match[1])
    end = min(int(match[2]) + 1, total) if match[2] else total
    if start >= end:
        raise ProtocolError("not-found", "no such range")
    return start, end
