"""Other countries' logs: what is taken over of them, page by page, and what this node shows of every log to others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from directory_sync import limits
from directory_sync.checkpoint import Checkpoint, LogKeys, of_note, read_checkpoint
from directory_sync.leaf import left_of
from directory_sync.note import Note
from directory_sync.page import Grown, grow, line_of, make_growth, make_page, read_page
from directory_sync.problem import DirectoryError
from directory_sync.tree import Tree
from directory_sync.trust import enough
from node.clock import stamp
from node.domain.directory_view import Changes
from node.errors import CODES, NodeError
from node.service.authority_erasure import forget_past
from node.service.directory import aside, entries_of, uncollected
from node.service.log_keys import log_keys_of, seen_by, witnesses_of
from node.service.node import Node
from node.store import audit, authorities, logs
from node.store.authorities import Entry
from node.store.logs import Log
from node.store.tx import Read, Tx
from protocol.batch import Versions
from protocol.encoding import b64u


@dataclass(frozen=True)
class Here:
    """What is here of a log in force: `log` is None before its first leaf, or where another log was in force."""

    keys: LogKeys
    log: Log | None
    tree: Tree
    last_at: str

    @property
    def size(self) -> int:
        """From which leaf on it is asked for."""
        return self.tree.size


def here_of(node: Node, country: str) -> Here:
    """Return what is here of a country's log.

    Raises `unknown-country` for no member, `directory-invalid` where its record names no log, `directory-frozen` where
    nothing more of the log is taken over.
    """
    keys = _keys_in_force(node, country)

    def look(q: Read) -> Here:
        log = _in_force(q, country, keys)
        return Here(keys, log, logs.tree_of(q, log), logs.last_at(q, log)) if log else Here(keys, None, Tree(), "")

    return node.store.read_now(look)


def _keys_in_force(node: Node, country: str) -> LogKeys:
    members = node.members
    if members is None or not (country == node.country or members.member(country)):
        raise NodeError("unknown-country", f"{country} is no member.")
    keys = log_keys_of(node, country)
    if keys is None:
        raise NodeError("directory-invalid", f"{country}: its record names no directory log.")
    return keys


def _in_force(q: Read, country: str, keys: LogKeys) -> Log | None:
    log = logs.find(q, country)
    if log is None or log.origin != keys.origin:
        return None
    if log.frozen is not None:
        raise NodeError("directory-frozen", f"{country}: {log.frozen}")
    return log


def relation(node: Node, country: str, head: tuple[int, str]) -> Literal["same", "older", "newer", "contradicts"]:
    """Compare what somebody says of a log with what is here; an older state that ours grew from is `older`.

    Raises as `here_of` does.
    """
    keys, (size, root) = _keys_in_force(node, country), head
    log = node.store.read_now(lambda q: _in_force(q, country, keys))
    if log is None or not log.note or size > log.signed:
        return "newer"
    if size == log.signed:
        return "same" if root == b64u(log.root) else "contradicts"
    here = node.store.read_now(lambda q: logs.tiles_of(q, log).root(size))
    return "older" if root == b64u(here) else "contradicts"


def differing(node: Node, heads: Versions) -> set[str]:
    """Return the logs of which somebody says something else than what is here; asks the database once for all."""
    here = node.store.read_now(logs.in_force)

    def known(country: str) -> tuple[int, str] | None:
        origin, head = here.get(country, ("", None))
        keys = log_keys_of(node, country)
        return head if keys is not None and keys.origin == origin else None

    return {country for country, head in heads.items() if known(country) != head}


@dataclass(frozen=True)
class _Taken:
    grown: Grown
    entries: list[Entry]
    gone: Mapping[str, bytes]
    pending: Mapping[str, int]
    changes: Changes


async def accept_page(node: Node, country: str, document: bytes, source: str) -> tuple[Changes, bool]:
    """Take over a page of a country's log that `source` gave, all of it or nothing; returns whether more is to come.

    Everything is verified against the checkpoint that the country signed, whoever gave it. Raises `directory-invalid`,
    `directory-rollback`, `directory-fork` where the leaves don't follow ours, `stale` where the same came twice.
    """
    here = here_of(node, country)
    keys = replace(here.keys, earlier=country == node.country)  # ours may come back under the key before (SPEC S-231)
    now = node.clock.now()
    try:
        grown = await aside(lambda: grow(read_page(document), country, keys, (here.tree, here.last_at), now))
        note = _merged(node, country, here.log, grown.checkpoint)
    except DirectoryError as error:
        raise refused(country, error) from error
    taken = await _taken(node, grown)
    told = (str(note), _confirmed_at(node, country, of_note(note), source))
    await node.store.write(lambda tx: uncollected(lambda: _save(tx, (node, country, source), here, taken, told)))
    if taken.gone:  # what was erased isn't to be read in the write-ahead log either
        await node.store.cut_log()
    return taken.changes, not grown.whole


def refused(country: str, error: DirectoryError) -> NodeError:
    """Return the error that an operator sees."""
    code = error.code if error.code in CODES else "directory-invalid"
    return NodeError(code, f"{country}: {error.code}: {error.detail}")


async def _taken(node: Node, grown: Grown) -> _Taken:
    newest = {leaf.authority: grown.start + place for place, leaf in enumerate(grown.leaves)}
    present = await node.store.read(lambda q: authorities.present(q, newest))
    active = {one for one, (_, ended, _) in present.items() if not ended}
    records = {n: grown.records[n] for n in newest.values() if n in grown.records}
    deleted = {one for one, n in newest.items() if grown.leaves[n - grown.start].op == "delete"}
    pending = {one: n for one, n in newest.items() if n not in records and one not in deleted}
    gone = {one: left_of(present[one][0]) for one in sorted(deleted & active)}
    entries = await aside(partial(entries_of, node, records))
    added = {entry.authority.id for entry in entries} - active
    changes = Changes(grown.tree.size, len(added), len(entries) - len(added), len(gone))
    return _Taken(grown, entries, gone, pending, changes)


def _save(tx: Tx, whose: tuple[Node, str, str], here: Here, taken: _Taken, told: tuple[str, str]) -> None:
    node, country, source = whose
    log = logs.find(tx, country)
    same = log is not None and log.origin == here.keys.origin
    if (log.size if log and same else 0) != here.size or (log and same and log.frozen):
        raise NodeError("stale", "Another page of the directory came in between.")
    if not same:
        logs.begin(tx, country, here.keys.origin)
    grown = taken.grown
    if grown.leaves:
        authorities.save(tx, taken.entries, taken.gone)
        if country == node.country:  # given back by a peer: an old disk may know what was erased since
            for one in taken.gone:
                forget_past(tx, one)
        logs.append(tx, country, grown.leaves, grown.tree, grown.full)
        arrived = [leaf.authority for leaf in grown.leaves if leaf.authority not in taken.pending]
        logs.await_records(tx, country, taken.pending, arrived)
    if not grown.whole:
        return
    first = log is None or not same or log.note == ""
    if first:
        _end_others(tx, country)
    if first or grown.leaves or grown.checkpoint.size > (log.signed if log else 0):
        logs.set_checkpoint(tx, country, grown.checkpoint.size, grown.checkpoint.root, told[0])
        made = taken.changes
        action = "directory.back" if country == node.country else "directory.accept"
        detail = f"size {made.version} +{made.added} ~{made.changed} -{made.ended}"
        audit.append(tx, source, action, country, detail)
    else:
        logs.set_note(tx, country, told[0])
    logs.confirm(tx, country, told[1])


def _end_others(tx: Tx, country: str) -> None:
    """End what an earlier log, or an earlier form of the directory, had and this log hasn't."""
    withheld = logs.pending_ids(tx, country)
    left = {one: line for one, line in authorities.without_leaf(tx, country).items() if one not in withheld}
    authorities.save(tx, [], {one: left_of(line) for one, line in left.items()})


def _merged(node: Node, country: str, log: Log | None, checkpoint: Checkpoint) -> Note:
    """Return a checkpoint's note with the log's own signature and all known witnesses' cosignatures, new and kept."""
    keys = [key for member in witnesses_of(node, country).values() for key in member]
    origin = checkpoint.origin
    known = {(key.name, key.key_id) for key in keys}
    checkpoint.note.verified(keys)
    kept: list[Note] = [checkpoint.note]
    if log is not None and log.note:
        before = read_checkpoint(log.note.encode())
        if before.note.text == checkpoint.note.text:
            kept.insert(0, before.note)
    signatures = [
        one for note in kept for one in note.signatures if one.name == origin or (one.name, one.key_id) in known
    ]
    own = {one.key_id for one in checkpoint.note.signatures if one.name == origin}
    latest = sorted(
        (one for one in signatures if one.name != origin or one.key_id in own),
        key=lambda one: (one.name != origin, one.name, one.blob[:8]),
    )
    return Note(checkpoint.note.text, ()).also(latest)


def _confirmed_at(node: Node, country: str, checkpoint: Checkpoint, source: str) -> str:
    """Return when this was the log's newest: now, from the country itself; else when enough witnesses said so."""
    if source == country:
        return stamp(node.clock.now())
    times = sorted(seen_by(node, country, checkpoint).values(), reverse=True)
    needed = enough(len(witnesses_of(node, country)))
    return stamp(times[needed - 1]) if 0 < needed <= len(times) else stamp(datetime.fromtimestamp(0, UTC))


# --- what others may ask for ---


def page_of(q: Read, country: str, start: int) -> bytes | None:
    """Return a page of a log from a leaf on; None where there is no such log, or it isn't that long (SPEC S-216)."""
    log = logs.find(q, country)
    if log is None or not log.note or start > log.signed:
        return None
    lines: list[bytes] = []
    size = 0
    for leaf, record in logs.leaves(q, country, start, min(log.signed, start + limits.MAX_PAGE_LEAVES)):
        lines.append(line_of(leaf.to_json(), record.to_json() if record else None))
        size += len(lines[-1])
        if size >= limits.FULL_PAGE_BYTES:
            break
    end = start + len(lines)
    proof = logs.tiles_of(q, log).consistency(end, log.signed) if lines else []
    return make_page(log.note, start, lines, proof)


def growth_of(q: Read, country: str, start: int) -> bytes | None:
    """Return how a log grew from a size: its checkpoint, the root then, and the proof (SPEC S-224)."""
    log = logs.find(q, country)
    if log is None or not log.note or not 0 < start <= log.signed:
        return None
    tiles = logs.tiles_of(q, log)
    return make_growth(log.note, start, tiles.root(start), tiles.consistency(start, log.signed))
