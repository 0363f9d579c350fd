"""Drafts of requests and replies, and the files attached to them."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import structlog
from pydantic import ValidationError

from node.clock import new_uuid, unstamp
from node.domain.access import Actor
from node.domain.draft import Content, Draft, Kind, ReplyDraft, RequestDraft
from node.errors import NodeError
from node.service import answers
from node.service.cases import case_for
from node.service.list_place import place_from, place_text
from node.service.node import Node
from node.store import approvals, blobs, drafts
from node.store.list_place import FIRST, Place
from node.store.tx import Row, Tx
from protocol.blob import seal_blob
from protocol.content import AttachmentRef, attachment
from protocol.encoding import b64u, sha256
from protocol.limits import MAX_ATTACHMENTS, MAX_BLOB

log: Final = structlog.get_logger("entente.drafts")

_ROWS: Final = 200
_LOOK: Final = 2000
"""Drafts that one part of the list looks into at most."""

MEDIA_TYPES = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "text/plain": b"",
}
"""Types that may be attached → how such a file begins."""


async def new_request(node: Node) -> str:
    """Return the id of a request to be begun; its case key is durable from here on."""
    draft_id = new_uuid(node.entropy)
    await node.case_keys.make([draft_id])
    return draft_id


async def start_request(node: Node, actor: Actor, content: RequestDraft, draft_id: str | None = None) -> Draft:
    """Begin a request for one of the actor's authorities; `draft_id` is one of `new_request`."""
    actor.require("cases.act")
    authority = content.authority or min(actor.places("cases.act"))
    actor.require("cases.act", authority, content.area or None)
    draft_id = draft_id or await new_request(node)
    return await _save(node, actor, ("request", draft_id, draft_id), content, authority, None)


async def start_reply(node: Node, actor: Actor, case_id: str) -> Draft:
    """Return the authority's draft of a reply to a case; a new one begins with what was answered in parts."""
    case = case_for(node, actor, case_id, "cases.act")
    if "request.reply" not in case.moves():
        raise NodeError("wrong-state", "The case isn't waiting for a reply of this authority.")
    row = node.store.read_now(lambda q: drafts.reply_to(q, case_id))
    if row is not None:
        return _read(node, row)
    place: tuple[Kind, str, str] = ("reply", new_uuid(node.entropy), case_id)
    return await _save(node, actor, place, ReplyDraft(answers=answers.so_far(node, case)), case.own_authority, None)


async def save(node: Node, actor: Actor, draft_id: str, content: Content, version: int | None = None) -> Draft:
    """Replace a draft's content; with `version`, only where nobody else has changed it (`stale`).

    Attachments are kept as they are: `attach` and `detach` change them.
    """
    draft = _to_change(node, actor, draft_id)
    held = draft.request or draft.reply
    assert held is not None
    if type(held) is not type(content):
        raise NodeError("invalid", f"This is the draft of a {draft.kind}.")
    authority = draft.authority
    if isinstance(content, RequestDraft):
        authority = content.authority or authority
        actor.require("cases.act", authority, content.area or None)
    merged = content.model_copy(update={"attachments": held.attachments})
    if (merged, authority) == (held, draft.authority) and version in (None, draft.version) and _is_asked(node, draft):
        return draft  # nothing changed: what waits for approval, or was approved, stays so
    place = (draft.kind, draft.id, draft.case)
    return await _save(node, actor, place, merged, authority, draft.version if version is None else version)


def _is_asked(node: Node, draft: Draft) -> bool:
    """Say whether approval was asked for this version of a draft."""
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft.id))
    return row is not None and row["version"] == draft.version


def read(node: Node, actor: Actor, draft_id: str) -> Draft:
    """Return a draft of one of the actor's authorities and areas; one of a reply is as closed as its case."""
    actor.require("cases.read")
    row = node.store.read_now(lambda q: drafts.find(q, draft_id))
    if row is not None and row["kind"] == "reply":
        case_for(node, actor, row["case_id"], "cases.read")
    draft = _read(node, row) if row is not None and row["authority"] in actor.places("cases.read") else None
    if row is None or draft is None or not _may_read(actor, row, draft):
        raise NodeError("not-found")
    return draft


def held(node: Node, draft_id: str) -> Draft:
    """Return a draft to a service that has asked for the reader's right itself; raises `not-found`."""
    row = node.store.read_now(lambda q: drafts.find(q, draft_id))
    if row is None:
        raise NodeError("not-found")
    return _read(node, row)


def _to_change(node: Node, actor: Actor, draft_id: str) -> Draft:
    draft = read(node, actor, draft_id)
    if draft.request is None:
        case_for(node, actor, draft.case, "cases.act")
    else:
        actor.require("cases.act", draft.authority, draft.request.area or None)
    return draft


def _may_read(actor: Actor, row: Row, draft: Draft) -> bool:
    """Say whether a draft is within the actor's reach: a request's area is known once it is chosen."""
    area = row["area"] or (draft.request.area if draft.request else None)
    return actor.may("cases.read", draft.authority, area or None)


def listing(node: Node, actor: Actor) -> list[Draft]:
    """Return the drafts of the actor's authorities and areas, newest first."""
    actor.require("cases.read")
    found = (_readable(node, actor, row) for row in _rows(node, actor, FIRST))
    return [draft for draft in found if draft is not None]


def part(node: Node, actor: Actor, limit: int, after: str = "") -> tuple[list[Draft], str | None]:
    """Return part of the drafts, as `listing` has them, and where it goes on; it may be short before the end."""
    actor.require("cases.read")
    place, found = place_from(after), list[Draft]()
    for looked, row in enumerate(_rows(node, actor, place)):
        draft = _readable(node, actor, row)
        if looked == _LOOK or (draft is not None and len(found) == limit):
            return found, place_text(place)
        found += [draft] if draft is not None else []
        place = _place(row)
    return found, None


def _place(row: Row) -> Place:
    return Place(row["updated_at"], row["id"])


def _rows(node: Node, actor: Actor, place: Place) -> Iterator[Row]:
    """Yield the drafts of an actor's authorities behind a place."""
    places = sorted(actor.places("cases.read"))
    while rows := node.store.read_now(lambda q, after=place: drafts.listing(q, places, after, _ROWS)):  # type: ignore[misc]
        yield from rows
        place = _place(rows[-1])


def _readable(node: Node, actor: Actor, row: Row) -> Draft | None:
    """Return a draft that an actor may read: the area of a request stands in its content, so it is looked into.

    One that is damaged on the disk mustn't hide the others.
    """
    try:
        draft = _read(node, row)
    except NodeError as error:
        log.warning("draft-damaged", draft=row["id"], what=error.message)
        return None
    return draft if _may_read(actor, row, draft) else None


async def delete(node: Node, actor: Actor, draft_id: str) -> None:
    """Delete a draft with its files."""
    draft = _to_change(node, actor, draft_id)
    held = draft.request or draft.reply
    refs = held.attachments if held else ()
    await node.store.write(lambda tx: _delete(tx, draft, refs))
    _unlink(node, refs)
    if draft.kind == "request":
        await node.case_keys.erase([draft.case])


def _unlink(node: Node, refs: Iterable[AttachmentRef]) -> None:
    for ref in refs:
        blobs.path_of(node.config.data, ref.sha256).unlink(missing_ok=True)


async def drop(node: Node, draft_id: str, refs: Sequence[AttachmentRef]) -> None:
    """Take back files that were stored for a request that isn't begun after all, and its key."""
    await drop_files(node, refs)
    await node.case_keys.erase([draft_id])


def _delete(tx: Tx, draft: Draft, refs: tuple[AttachmentRef, ...]) -> None:
    row = drafts.find(tx, draft.id)
    if row is None:
        raise NodeError("not-found", "The draft was sent or deleted meanwhile.")
    if row["version"] != draft.version:
        raise NodeError("stale", "Somebody else has changed the draft.")
    drafts.delete(tx, draft.id, draft.version)
    blobs.forget(tx, [ref.sha256 for ref in refs])


async def attach(node: Node, actor: Actor, draft_id: str, name: str, media_type: str, data: bytes) -> Draft:
    """Encrypt a file and add it to a draft; raises `too-large` or `unsupported-media`."""
    draft = _to_change(node, actor, draft_id)
    held = draft.request or draft.reply
    assert held is not None
    if len(held.attachments) >= MAX_ATTACHMENTS:
        raise NodeError("too-large", f"A message has at most {MAX_ATTACHMENTS} attachments.")
    check_file(media_type, data)
    ref = await store_file(node, draft.case, name, media_type, data)
    added = held.model_copy(update={"attachments": (*held.attachments, ref)})
    place = (draft.kind, draft.id, draft.case)
    try:
        return await _save(node, actor, place, added, draft.authority, draft.version)
    except NodeError:  # somebody was quicker: no draft names the file, so nobody would ever delete it
        await drop_files(node, [ref])
        raise


def check_file(media_type: str, data: bytes) -> None:
    """Raise `too-large` or `unsupported-media` for what can't be attached."""
    if len(data) > MAX_BLOB:
        raise NodeError("too-large", f"An attachment has at most {MAX_BLOB} bytes.")
    start = MEDIA_TYPES.get(media_type)
    if start is None or not data.startswith(start) or not data:
        raise NodeError("unsupported-media", fields={"file": "unsupported-media"})


async def detach(node: Node, actor: Actor, draft_id: str, digest: str) -> Draft:
    """Take a file off a draft and delete it."""
    draft = _to_change(node, actor, draft_id)
    held = draft.request or draft.reply
    assert held is not None
    kept = tuple(ref for ref in held.attachments if ref.sha256 != digest)
    gone = [ref for ref in held.attachments if ref.sha256 == digest]
    if not gone:
        raise NodeError("not-found")
    changed = held.model_copy(update={"attachments": kept})
    place = (draft.kind, draft.id, draft.case)
    saved = await _save(node, actor, place, changed, draft.authority, draft.version)
    await drop_files(node, gone)
    return saved


async def drop_files(node: Node, refs: Sequence[AttachmentRef]) -> None:
    """Take back files that no draft and no event names."""
    await drop_blobs(node, [ref.sha256 for ref in refs])


async def drop_blobs(node: Node, digests: Sequence[str]) -> None:
    """Delete files by the hashes of their ciphertexts."""
    if digests:
        await node.store.write(lambda tx: blobs.forget(tx, digests))
    for digest in digests:
        blobs.path_of(node.config.data, digest).unlink(missing_ok=True)


def _clean(name: str) -> str:
    """Return a file's name without path and control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable()).strip()[:200] or "file"


async def store_file(node: Node, case_id: str, name: str, media_type: str, data: bytes) -> AttachmentRef:
    """Encrypt a file and store it for a case, under its name without path and control characters.

    Its row comes first: what a crash leaves of it is found by that, and swept.
    """
    key = node.entropy.random(32)
    sealed = b"".join(seal_blob(data, key))
    digest = sha256(sealed)
    await node.store.write(lambda tx: blobs.own(tx, b64u(digest), case_id, node.country, len(data)))
    blobs.write_file(blobs.path_of(node.config.data, b64u(digest)), sealed)
    return attachment(digest, key, size=len(data), name=_clean(name), media_type=media_type)


async def _save(
    node: Node, actor: Actor, place: tuple[Kind, str, str], content: Content, authority: str, version: int | None
) -> Draft:
    kind, draft_id, case_id = place
    plain = content.model_dump_json(exclude_none=True).encode()
    try:
        type(content).model_validate_json(plain)  # what couldn't be read again would lock the draft
    except ValidationError:
        raise NodeError("invalid", "The draft has a field that no draft may hold.") from None
    sealed = node.case_keys.seal(node.case_keys.find(case_id), plain, draft_id)
    values = {
        "id": draft_id,
        "kind": kind,
        "case_id": case_id,
        "authority": authority,
        "person": actor.id,
        "content": sealed,
    }
    files = [ref.sha256 for ref in content.attachments]

    def work(tx: Tx) -> Row:
        blobs.named(tx, node.country, files)
        return _put(tx, values, version)

    return _read(node, await node.store.write(work))


def _put(tx: Tx, values: dict[str, Any], version: int | None) -> Row:
    """Save a draft and return its row; a reply that somebody else has just begun is returned as it is."""
    begun = drafts.reply_to(tx, values["case_id"]) if version is None and values["kind"] == "reply" else None
    if begun is not None:
        return begun
    if not drafts.save(tx, values, version):
        raise NodeError("stale", "Somebody else has changed the draft.")
    row = drafts.find(tx, values["id"])
    assert row is not None
    return row


def _read(node: Node, row: Row) -> Draft:
    plain = node.case_keys.open(node.case_keys.find(row["case_id"]), bytes(row["content"]), row["id"])
    request = RequestDraft.model_validate_json(plain) if row["kind"] == "request" else None
    reply = ReplyDraft.model_validate_json(plain) if row["kind"] == "reply" else None
    updated: dt.datetime = unstamp(row["updated_at"])
    return Draft(
        id=row["id"],
        kind=row["kind"],
        case=row["case_id"],
        authority=row["authority"],
        version=row["version"],
        updated_at=updated,
        request=request,
        reply=reply,
    )
