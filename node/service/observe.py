"""What the operator sees of a node: its peers, what waits for them, and what expires."""

import datetime as dt
from typing import Any, Literal

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import View
from node.service import freshness
from node.service.freshness import Standing
from node.service.node import Node
from node.store import peers, streams
from node.store.tx import Row
from protocol.member_documents import Document, read_role
from protocol.members import MemberList

Queue = Literal["empty", "sending", "retrying", "held", "blocked", "not-a-member"]


class PeerStatus(View):
    """A peer: its standing in the member list, when each side reached the other, and what waits for it.

    `clock_offset_s` is its clock minus ours in seconds; `failed_since` is null while it can be reached.
    `called_at`: its last call of any kind, to the minute. `queue` says what happens to what waits for it:
    `empty`, `sending`, `retrying` (at `next_try_at`), or nothing: `held`, `blocked`, `not-a-member`.
    """

    country: str
    standing: str
    blocked: bool
    reached_at: dt.datetime | None
    failed_since: dt.datetime | None
    failure: str | None
    called_at: dt.datetime | None
    last_receipt_at: dt.datetime | None
    last_message_at: dt.datetime | None
    clock_offset_s: float | None
    waiting: int
    waiting_since: dt.datetime | None
    queue: Queue
    held_since: dt.datetime | None
    attempts: int
    next_try_at: dt.datetime | None


class MemberDocument(View):
    """A document of the member list: `root`, `targets` or this country's own record."""

    name: str
    version: int
    sha256: str
    expires_at: dt.datetime


class Expiry(View):
    """A document that has expired or soon will; `days_left` is negative after its end."""

    code: str
    document: str
    days_left: int


class Suspended(View):
    """A country that a few states have suspended for a time, our own included; until then, and by whom."""

    country: str
    by: tuple[str, ...]
    since: dt.datetime
    until: dt.datetime


class DirectoryStatus(View):
    """A country's directory here, when it was last known to be its newest, and how far it can be relied on."""

    country: str
    version: int
    sha256: str
    confirmed_at: dt.datetime | None
    log: Standing


class NodeStatus(View):
    """The state of a node, in numbers and dates; nothing of cases and persons."""

    country: str
    name: str
    now: dt.datetime
    peers: tuple[PeerStatus, ...]
    documents: tuple[MemberDocument, ...]
    warnings: tuple[Expiry, ...]
    suspensions: tuple[Suspended, ...]
    directories: tuple[DirectoryStatus, ...]


def status(node: Node, actor: Actor) -> NodeStatus:
    """Return the state of the node; for operators."""
    actor.require("node.observe")
    now, members = node.clock.now(), node.members
    expiring = members.warnings(now) if members else ()
    return NodeStatus(
        country=node.country,
        name=node.config.node.name,
        now=now,
        peers=_peers(node),
        documents=tuple(_document(one) for one in _documents(members, node.country)) if members else (),
        warnings=tuple(Expiry(code=code, document=name, days_left=left) for code, name, left in expiring),
        suspensions=suspensions(node) if members else (),
        directories=_directories(node),
    )


def suspensions(node: Node) -> tuple[Suspended, ...]:
    """Return which countries are suspended by a few states now."""
    now, members = node.clock.now(), node.members
    held = [one for country in members.countries() for one in members.suspensions(country, now)] if members else []
    return tuple(Suspended(country=one.country, by=one.by, since=one.since, until=one.expires) for one in held)


def _peers(node: Node) -> tuple[PeerStatus, ...]:
    seen = {row["country"]: row for row in node.store.read_now(peers.all_peers)}
    waiting = {row["peer"]: row for row in node.store.read_now(streams.backlog)}
    listed = set(node.members.countries()) if node.members else set()
    countries = sorted((listed | seen.keys() | waiting.keys()) - {node.country})
    times = node.store.read_now(lambda q: streams.last_times(q, node.country))
    return tuple(
        _peer(node, country, seen.get(country) or {}, waiting.get(country), times.get(country, (None, None)))
        for country in countries
    )


def _peer(
    node: Node,
    country: str,
    seen: Row | dict[str, Any],
    waiting: Row | None,
    times: tuple[str | None, str | None],
) -> PeerStatus:
    known = dict(seen)
    standing = node.members.standing(country) if node.members else None
    return PeerStatus(
        country=country,
        standing=standing.status if standing else "unknown",
        blocked=bool(known.get("blocked")),
        reached_at=_time(known.get("reached_at")),
        failed_since=_time(known.get("failed_since")),
        failure=known.get("failure"),
        called_at=_time(known.get("called_at")),
        last_receipt_at=_time(times[0]),
        last_message_at=_time(times[1]),
        clock_offset_s=known.get("clock_offset_s"),
        waiting=waiting["count"] if waiting else 0,
        waiting_since=_time(waiting["since"]) if waiting else None,
        queue=_queue(known, standing.status if standing else "unknown", waiting is not None),
        held_since=_time(known.get("held_at")),
        attempts=known.get("attempts", 0),
        next_try_at=_time(known.get("next_try_at")),
    )


def _queue(known: dict[str, Any], standing: str, some: bool) -> Queue:  # noqa: FBT001 - one caller
    if standing != "active":
        return "not-a-member"
    if known.get("blocked"):
        return "blocked"
    if known.get("held_at"):
        return "held"
    if known.get("failed_since"):
        return "retrying"
    return "sending" if some else "empty"


def _time(text: str | None) -> dt.datetime | None:
    return unstamp(text) if text else None


def _documents(members: MemberList, country: str) -> list[Document]:
    own = members.bundle().roles.get(country)
    found: list[Document | None] = [members.root, members.targets, read_role(own, country) if own else None]
    return [document for document in found if document is not None]


def _document(document: Document) -> MemberDocument:
    return MemberDocument(
        name=document.name, version=document.version, sha256=document.sha256, expires_at=document.expires
    )


def _directories(node: Node) -> tuple[DirectoryStatus, ...]:
    return tuple(
        DirectoryStatus(
            country=state.country,
            version=state.size,
            sha256=state.root,
            confirmed_at=state.confirmed_at,
            log=Standing.of(state),
        )
        for state in freshness.states(node)
        if state.root
    )
