"""What lies beside the events: attachments on disk, drafts, persons' claims."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from node.domain.draft import ReplyDraft, RequestDraft
from node.errors import NodeError
from node.service.finding import Finding
from node.service.node import Node
from node.service.subjects import open_contents
from node.store import blobs, drafts, overview, subjects
from node.store.tx import Row
from protocol.encoding import b64u

_YOUNG: Final = timedelta(hours=1)
"""A file without a row is judged only when it is older: it is written before its row."""
_BLOCK: Final = 1024 * 1024


def check(view: Node) -> Iterator[Finding]:
    """Return what is wrong with attachments, drafts and claims."""
    rows = view.store.read_now(overview.blobs)
    for row in rows:
        if row["here"]:
            yield from _blob(view, row)
    yield from _orphans(view, {row["sha256"] for row in rows})
    for row in view.store.read_now(overview.drafts):
        yield from _draft(view, row)
    erased = view.case_keys.erased()
    for row in view.store.read_now(subjects.every):
        if row["id"] not in erased:  # its row goes too, at the latest with the day's round
            yield from _claim(view, row)


def _blob(view: Node, row: Row) -> Iterator[Finding]:
    path = blobs.path_of(view.config.data, row["sha256"])
    subject = f"attachment {row['sha256']}"
    try:
        size, digest = _digest(path)
    except OSError:
        with view.store.reader() as now:
            deleted = blobs.find(now, row["sha256"]) is None
        if deleted:  # meanwhile, with the draft that had it
            return
        yield Finding("attachment-missing", subject, "the file can't be read")
        return
    if digest != row["sha256"] or size != row["sealed_size"]:
        yield Finding("attachment-damaged", subject, f"{size} bytes of another content")


def _digest(path: Path) -> tuple[int, str]:
    made, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            made.update(block)
            size += len(block)
    return size, b64u(made.digest())


def _orphans(view: Node, known: set[str]) -> Iterator[Finding]:
    old = (view.clock.now() - _YOUNG).timestamp()
    for path in sorted((view.config.data / "blobs").glob("*/*")):
        if path.name not in known and path.stat().st_mtime < old:
            yield Finding("attachment-orphan", f"file {path.parent.name}/{path.name}", "belongs to nothing")


def _draft(view: Node, row: Row) -> Iterator[Finding]:
    subject = f"draft {row['id']}"
    try:
        key = view.case_keys.find(row["case_id"])
        plain = view.case_keys.open(key, bytes(row["content"]), row["id"])
        (RequestDraft if row["kind"] == "request" else ReplyDraft).model_validate_json(plain)
    except NodeError as error:
        with view.store.reader() as now:
            deleted = drafts.find(now, row["id"]) is None
        if not deleted:
            yield Finding("draft-damaged", subject, error.message)
    except ValueError:
        yield Finding("draft-damaged", subject, "it can't be read")


def _claim(view: Node, row: Row) -> Iterator[Finding]:
    subject = f"claim {row['id']}"
    if view.case_keys.wrapped(row["id"]) is None:
        yield Finding("claim-key-missing", subject, "nobody can read what the person asked and what was done")
        return
    try:
        open_contents(view, row)
    except NodeError as error:
        yield Finding("claim-damaged", subject, error.message)
    except ValueError:
        yield Finding("claim-damaged", subject, "it can't be read")
