"""The directory: publishing our own country's authorities, taking over what other countries publish."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.exchange import Known, etag_of
from directory_sync.problem import DirectoryError
from directory_sync.snapshot import (
    HEADER_TYP,
    VerifyHeader,
    canonical,
    check_body,
    check_header,
    make_snapshot,
)
from node.clock import seconds
from node.domain.access import Actor
from node.domain.directory_view import Changes
from node.errors import CODES, NodeError
from node.service import versions
from node.service.labels import Labels
from node.service.node import Node
from node.store import audit, authorities, peers, streams
from node.store.authorities import Entry, Listing
from node.store.tx import Read, Tx
from protocol import jws
from protocol.encoding import strict_object
from protocol.problems import ProtocolError

T = TypeVar("T")
Within = Callable[[Tx], Callable[[Tx], None]]
"""What happens in the transaction that publishes: called before the records are saved, what it returns after."""
_FAULTS = 50
"""Faults of an import that are named."""


@dataclass(frozen=True)
class _Plan:
    base: int  # the version that the changes are relative to
    listing: Listing
    entries: list[Entry]
    gone: list[str]
    added: frozenset[str]
    unchanged: int

    @property
    def changes(self) -> Changes:
        changed = len(self.entries) - len(self.added)
        return Changes(self.listing.version, len(self.added), changed, len(self.gone), self.unchanged)

    @property
    def touched(self) -> set[str]:
        return {entry.authority.id for entry in self.entries}


@dataclass(frozen=True)
class _Present:
    """What is stored of a country's list: its version (0 before the first), digest and header, records by id."""

    version: int
    sha256: str | None
    header: str
    lines: Mapping[str, bytes]
    ended: Mapping[str, bytes]


def _present(q: Read, country: str) -> _Present:
    head = authorities.head_of(q, country)
    lines, ended = authorities.lines_of(q, country), authorities.lines_of(q, country, ended=True)
    if head is None:
        return _Present(0, None, "", lines, ended)
    return _Present(head["version"], head["sha256"], head["header"], lines, ended)


# --- our own list ---


async def import_authorities(
    node: Node,
    actor: Actor,
    records: Iterable[Authority],
    *,
    complete: bool = False,
    dry_run: bool = False,
    within: Within | None = None,
) -> Changes:
    """Take in authorities of our own country and publish the list anew: all of them or, on any fault, none.

    Records are added or replaced by id; with `complete` those that aren't named leave the list. With `dry_run`
    everything is checked and nothing published. The node counts `v` itself. A data administrator changes its
    own authorities and adds or ends none. Raises `forbidden`, `invalid` with the fields at fault, and `stale`
    where another import came in between.
    """
    actor.require("directory.change")
    if not dry_run:
        _require_newest(node)
    new = list(records)
    if faults := record_faults(node, new):
        raise NodeError("invalid", "These authorities can't be published.", fields=faults)
    present = await node.store.read(lambda q: _present(q, node.country))
    plan = await _aside(partial(_plan_own, node, present, new, complete=complete))
    _require_reach(actor, plan)
    if plan.changes.any or present.version == 0:
        if not dry_run:
            await _publish(node, actor.id, plan, within)
        return plan.changes
    return Changes(present.version, unchanged=plan.unchanged)


async def ensure_published(node: Node) -> bool:
    """Publish our list if it never was, or if another key than the present one signed it; returns whether it was.

    For the start of a node: others refuse a list 40 days after its key was retired.
    """
    present = await node.store.read(lambda q: _present(q, node.country))
    if present.header:
        parsed = jws.parse(present.header, limit=limits.MAX_HEADER_CHARS)
        if parsed.header.get("kid") == node.keys.signer.kid:
            return False
    _require_newest(node)
    plan = await _aside(partial(_plan_own, node, present, [], complete=False))
    await _publish(node, node.country, plan)
    return True


def _require_newest(node: Node) -> None:
    """Refuse to sign a version of our list that we may have signed before with other words (SPEC S-133)."""
    told, _, peer = node.store.read_now(peers.highest_told)
    head = heads(node).get(node.country)
    version = head[0] if head else 0
    if told > version:
        raise NodeError("newer-at-peer", f"{peer} knows version {told} of our list, here is {version}.")
    if version and not node.asked():
        raise NodeError("peers-not-asked")


async def take_own_back(node: Node, peer: str, header: str, body: bytes) -> Changes:
    """Take back a newer list of our own that a peer has, if our own signature and every record are right.

    Raises as `accept_snapshot` does, and keeps no proof: whoever has two of one version is ourselves.
    """
    present = await node.store.read(lambda q: _present(q, node.country))
    try:
        plan = await _aside(partial(_plan_theirs, node, node.country, present, (header, body)))
    except (DirectoryError, ProtocolError) as error:
        raise NodeError("directory-invalid", f"our own list, from {peer}: {error}") from error
    if plan is None:
        return Changes(present.version, unchanged=len(present.lines))
    await node.store.write(lambda tx: _save(tx, peer, "directory.back", plan))
    return plan.changes


def export_authorities(node: Node, actor: Actor) -> tuple[Authority, ...]:
    """Return our own country's list, by id, for editing and importing again."""
    actor.require("directory.change")
    lines = node.store.read_now(lambda q: authorities.lines_of(q, node.country))
    return tuple(Authority.model_validate_json(line) for line in lines.values())


def snapshot_of(node: Node, country: str) -> Listing | None:
    """Return what a country published last: our own list for all peers, theirs for itself (SPEC S-133)."""
    return node.store.read_now(lambda q: authorities.listing_of(q, country))


def record_faults(node: Node, new: list[Authority]) -> dict[str, str]:
    """Return what keeps records from being in our list at all, by `PLACE.FIELD`."""
    faults: dict[str, str] = {}
    seen: set[str] = set()
    for place, one in enumerate(new):
        if one.country != node.country:
            faults[f"{place}.country"] = "foreign"
        if one.id in seen:
            faults[f"{place}.id"] = "duplicate"
        if any(role.area not in node.areas for role in one.areas):
            faults[f"{place}.areas"] = "unknown-area"
        seen.add(one.id)
    return dict(list(faults.items())[:_FAULTS])


def _plan_own(node: Node, present: _Present, new: list[Authority], *, complete: bool) -> _Plan:
    """Say what changes and sign the next version; slow for a large country, so not for the loop."""
    kept = {one.id: same for one in new if (same := _unchanged(one, present.lines.get(one.id)))}
    added = frozenset(one.id for one in new if one.id not in present.lines)
    before = {**present.ended, **present.lines}
    changed = [_counted(one, before.get(one.id)) for one in new if one.id not in kept]
    named = {one.id for one in new}
    gone = sorted(present.lines.keys() - named) if complete else []
    if not complete:
        kept |= {one: line for one, line in present.lines.items() if one not in named}
    all_now = [*(Authority.model_validate_json(line) for line in kept.values()), *changed]
    now = node.clock.now()
    try:
        snapshot = make_snapshot(
            node.country, versions.following(node, present.version), now, all_now, partial(_sign, node, now)
        )
    except DirectoryError as error:
        raise NodeError("too-large" if error.code == "directory-too-large" else "invalid", error.detail) from error
    header = strict_object(jws.parse(snapshot.header_jws, limit=limits.MAX_HEADER_CHARS).payload, limit=4096)
    listing = Listing(
        node.country, header["version"], header["sha256"], snapshot.header_jws, snapshot.body, header["at"]
    )
    entries = _entries(node, ((one, canonical(one)) for one in changed))
    return _Plan(present.version, listing, entries, gone, added, len(kept))


def _sign(node: Node, now: datetime, claims: dict[str, Any]) -> str:
    return jws.sign(node.keys.signer, HEADER_TYP, claims, seconds(now))


def _version_of(line: bytes) -> int:
    return int(strict_object(line, limit=limits.MAX_RECORD_BYTES)["v"])


def _unchanged(one: Authority, line: bytes | None) -> bytes | None:
    """Return the stored record if it differs from the new one in nothing but its number."""
    if line is None:
        return None
    return line if canonical(one.model_copy(update={"v": _version_of(line)})) == line else None


def _counted(one: Authority, before: bytes | None) -> Authority:
    return one if before is None else one.model_copy(update={"v": _version_of(before) + 1})


def _require_reach(actor: Actor, plan: _Plan) -> None:
    if "operator" in actor.roles:
        return
    if plan.added or plan.gone or not plan.touched <= actor.authorities:
        raise NodeError("forbidden", "A data administrator changes its own authorities and adds or ends none.")


async def _publish(node: Node, actor: str, plan: _Plan, within: Within | None = None) -> None:
    def work(tx: Tx) -> None:
        saved = within(tx) if within else None
        _save(tx, actor, "directory.publish", plan)
        if saved:
            saved(tx)

    await node.store.write(work)


# --- other countries' lists ---


async def accept_snapshot(node: Node, country: str, header: str, body: bytes) -> Changes:
    """Take over what a country's node served, if its signature, version and every record are right.

    Saved and indexed in one transaction, or refused as a whole: `directory-invalid`, `directory-rollback`,
    or `directory-fork` (both headers are kept as a proof). The present version again only counts as a sign
    of life. `stale` where the same list arrived twice at a time.
    """
    if country == node.country or node.members is None or not node.members.active(country):
        raise NodeError("unknown-country", f"{country} is no active member besides us.")
    present = await node.store.read(lambda q: _present(q, country))
    try:
        plan = await _aside(partial(_plan_theirs, node, country, present, (header, body)))
    except DirectoryError as error:
        if error.code == "directory-fork":
            await node.store.write(lambda tx: _keep_fork(tx, country, present.header, header))
        code = error.code if error.code in CODES else "directory-invalid"
        raise NodeError(code, f"{country}: {error.code}: {error.detail}") from error
    except ProtocolError as error:
        raise NodeError("directory-invalid", f"{country}: {error}") from error
    if plan is None:
        await node.store.write(lambda tx: authorities.confirm(tx, country))
        return Changes(present.version, unchanged=len(present.lines))
    await node.store.write(lambda tx: _save(tx, country, "directory.accept", plan))
    return plan.changes


async def confirm_snapshot(node: Node, country: str) -> None:
    """Note that a country's node answered that nothing is newer than what we have."""
    await node.store.write(lambda tx: authorities.confirm(tx, country))


def header_verifier(node: Node, country: str) -> VerifyHeader:
    """Return what checks a header's signature against the country's keys in the member list."""
    members, now = node.members, node.clock.now()

    def verify(compact: str) -> dict[str, Any]:
        parsed = jws.parse(compact, limit=limits.MAX_HEADER_CHARS)
        kid, _ = jws.require_header(parsed, HEADER_TYP)
        key = members.message_key(country, kid) if members and members.active(country) else None
        if key is None:
            raise ProtocolError("unknown-key", "the directory's header")
        if not key.accepts(now) or not jws.verify_with_certificate(parsed, key.certificate):
            raise ProtocolError("wrong-signature", "the directory's header")
        return parsed.claims()

    return verify


def asking_with(node: Node, country: str) -> Known:
    """Return what a fetch needs to ask a country only for what is newer.

    It holds no version and digest on purpose: `accept_snapshot` judges these, and keeps the proof of a fork.
    """
    head = node.store.read_now(lambda q: authorities.head_of(q, country))
    return Known(etag=etag_of(head["version"], head["sha256"])) if head else Known()


def _plan_theirs(node: Node, country: str, present: _Present, offered: tuple[str, bytes]) -> _Plan | None:
    """Check what a country offers and say what changes; None where it is what we have."""
    header_jws, body = offered
    header = check_header(
        header_jws,
        iss=country,
        known_version=present.version or None,
        known_sha256=present.sha256,
        verify_header=header_verifier(node, country),
    )
    if header.version == present.version:
        return None
    records = check_body(header, body)
    lines = zip(records, body.split(b"\n"), strict=False)  # after the last line feed there is nothing
    news = [(one, line) for one, line in lines if present.lines.get(one.id) != line]
    now_there = {one.id for one in records}
    return _Plan(
        present.version,
        Listing(country, header.version, header.sha256, header_jws, body, header.at.isoformat()),
        _entries(node, news),
        sorted(present.lines.keys() - now_there),
        frozenset(now_there - present.lines.keys()),
        len(records) - len(news),
    )


def _keep_fork(tx: Tx, country: str, first: str, second: str) -> None:
    if not authorities.proof_is_kept(tx, country, second.encode()):
        streams.keep_proof(tx, country, "directory-fork", first.encode(), second.encode())
        audit.append(tx, country, "directory.fork", country)


# --- both ---


def heads(node: Node) -> dict[str, tuple[int, str]]:
    """Return (version, body digest) of every directory that we have, by country."""
    return node.store.read_now(authorities.heads)


def confirmed(node: Node) -> dict[str, datetime]:
    """Return when each country's directory was last known to be its newest, for grading how stale it is."""
    return node.store.read_now(authorities.confirmed)


async def reindex(node: Node) -> int:
    """Write the searched texts of all authorities anew, for a version that knows more languages; returns how many."""
    total = 0
    for country in heads(node):
        lines = await node.store.read(partial(authorities.lines_of, country=country))
        read = ((Authority.model_validate_json(line), line) for line in lines.values())
        entries = await _aside(partial(_entries, node, read))
        texts = {entry.authority.id: entry.searchable for entry in entries}
        await node.store.write(partial(authorities.index, country=country, texts=texts))
        total += len(texts)
    return total


def _entries(node: Node, records: Iterable[tuple[Authority, bytes]]) -> list[Entry]:
    labels = Labels(node.areas)
    found = ((one, line, labels.searchable(one)) for one, line in records)
    return [Entry(one, line, text.name, text) for one, line, text in found]


def _save(tx: Tx, actor: str, action: str, plan: _Plan) -> None:
    listing = plan.listing
    head = authorities.head_of(tx, listing.country)
    if (head["version"] if head else 0) != plan.base:
        raise NodeError("stale", "Another version of the directory came in between.")
    authorities.save(tx, listing, plan.entries, plan.gone)
    made = plan.changes
    audit.append(
        tx, actor, action, listing.country, f"version {made.version} +{made.added} ~{made.changed} -{made.ended}"
    )


async def _aside(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
