"""Our own country's directory: what changes becomes leaves of its log, and the log a signed checkpoint."""

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.checkpoint import make_checkpoint, read_checkpoint
from directory_sync.leaf import SALT_BYTES, Leaf, Salted, canonical, left_of, read_record, salted
from directory_sync.problem import DirectoryError
from directory_sync.tree import Tree, leaf_hash
from node.domain.access import Actor
from node.domain.directory_view import Changes
from node.errors import NodeError
from node.service.labels import Labels
from node.service.log_keys import log_signer
from node.service.node import Node
from node.store import audit, authorities, logs, peers
from node.store.authorities import Entry
from node.store.logs import Log
from node.store.tx import Read, Tx
from protocol.encoding import strict_object
from protocol.member import INSTANT

T = TypeVar("T")
Within = Callable[[Tx], Callable[[Tx], None]]
"""What happens in the transaction that publishes: called before the records are saved, what it returns after."""
_FAULTS: Final = 50
"""Faults of an import that are named."""
CHECKPOINT_EVERY: Final = timedelta(seconds=10)
"""A checkpoint is signed once in this time at most (SPEC S-215); what is published meanwhile waits for the next."""


@dataclass(frozen=True)
class _Present:
    """What is stored of our list: its log (None where it has to begin), and the records of those that are named.

    `ids` are all that stand in the list, where they are asked for; `unpublished` are records that no leaf publishes.
    """

    log: Log | None
    tree: Tree
    last_at: str
    rows: Mapping[str, tuple[bytes, bool, int | None]]
    ids: frozenset[str]
    unpublished: Mapping[str, bytes]


@dataclass(frozen=True)
class _Plan:
    base: int  # the size of the log that the changes follow; -1 where it has to begin
    leaves: list[Leaf]
    tree: Tree
    full: Mapping[tuple[int, int], bytes]
    entries: list[Entry]
    gone: Mapping[str, bytes]
    changes: Changes


def _present(q: Read, node: Node, named: list[str], *, complete: bool) -> _Present:
    log = logs.find(q, node.country)
    if log is None or log.origin != log_signer(node).name:
        unpublished = authorities.lines_of(q, node.country)
        return _Present(None, Tree(), "", authorities.present(q, named), frozenset(unpublished), unpublished)
    ids = frozenset(authorities.ids_of(q, node.country)) if complete else frozenset()
    wanted = {*named, *ids} if complete else named
    return _Present(log, logs.tree_of(q, log), logs.last_at(q, log), authorities.present(q, wanted), ids, {})


async def import_authorities(
    node: Node,
    actor: Actor,
    records: Iterable[Authority],
    *,
    complete: bool = False,
    leave: frozenset[str] = frozenset(),
    dry_run: bool = False,
    within: Within | None = None,
) -> Changes:
    """Take in authorities of our own country and publish what changed: all of it or, on any fault, nothing.

    Records are added or replaced by id; those in `leave`, and with `complete` all that aren't named, leave the list.
    With `dry_run` everything is checked and nothing published. The node counts `v` itself. A data administrator
    changes its own authorities and adds or ends none. Raises `forbidden`, `invalid` with the fields at fault, and
    `stale` where another import came in between.
    """
    actor.require("directory.change")
    if not dry_run:
        require_newest(node)
    new = list(records)
    if faults := record_faults(node, new):
        raise NodeError("invalid", "These authorities can't be published.", fields=faults)
    named = [*leave, *(one.id for one in new)]
    present = await node.store.read(lambda q: _present(q, node, named, complete=complete))
    plan = await aside(partial(_plan, node, present, new, leave=present.ids if complete else leave))
    _require_reach(actor, plan)
    if (plan.leaves or present.log is None) and not dry_run:
        await _publish(node, actor.id, plan, within)
    return plan.changes


async def ensure_published(node: Node) -> bool:
    """Begin our log if there is none yet, and sign a checkpoint where one is due; returns whether one was signed.

    It is due for leaves without one, 10 s after the last, and where another key than the present one signed.
    """
    signer = log_signer(node)
    log = node.store.read_now(lambda q: logs.find(q, node.country))
    if log is None or log.origin != signer.name:
        require_newest(node)
        await begin_anew(node)
        return True
    if log.size == log.signed and read_checkpoint(log.note.encode()).note.verified([signer.verifier]):
        return False
    if log.size == log.signed or _due(log, node.clock.now()):
        require_newest(node)
        return await node.store.write(lambda tx: _sign(tx, node))
    return False


async def begin_anew(node: Node) -> None:
    """Publish the whole list in a log that has no leaf yet; peers still count those of the one before (SPEC S-222)."""
    present = await node.store.read(lambda q: _present(q, node, [], complete=False))
    plan = await aside(partial(_plan, node, present, []))
    await node.store.write(lambda tx: _save(tx, node, node.country, plan))


def require_newest(node: Node) -> None:
    """Refuse to sign a state of our log where we may have signed another one of its size (SPEC S-133)."""
    told, _, peer = node.store.read_now(peers.highest_told)
    log = node.store.read_now(lambda q: logs.find(q, node.country))
    size = log.size if log else 0
    if log is not None and log.frozen is not None and log.origin == log_signer(node).name:
        raise NodeError("directory-frozen", f"Our own log: {log.frozen}.", "See docs/operating.md: a new log.")
    if told > size:
        raise NodeError("newer-at-peer", f"{peer} knows {told} changes of our directory, here are {size}.")
    if size and not node.half_asked():
        raise NodeError("peers-not-asked")


def export_authorities(node: Node, actor: Actor) -> tuple[Authority, ...]:
    """Return our own country's list, by id, for editing and importing again."""
    actor.require("directory.change")
    lines = node.store.read_now(lambda q: authorities.lines_of(q, node.country))
    return tuple(Authority.model_validate_json(line) for line in lines.values())


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


# --- what changes ---


def _plan(node: Node, present: _Present, new: list[Authority], *, leave: frozenset[str] = frozenset()) -> _Plan:
    """Say what changes and which leaves that makes; slow for a large import, so not for the loop."""
    rows = present.rows
    active = {one for one, (_, ended, _) in rows.items() if not ended}
    same = {one.id for one in new if one.id in active and _unchanged(one, rows[one.id][0])}
    changed = [_counted(one, rows[one.id][0] if one.id in rows else None) for one in new if one.id not in same]
    added = {one.id for one in changed} - active
    named = {one.id for one in new}
    gone = sorted(leave - named)
    before = {one: rows[one][0] if one in rows else present.unpublished[one] for one in gone}
    anew = [
        line for one, line in present.unpublished.items() if one not in before and (one not in named or one in same)
    ]
    published = [*((Authority.model_validate_json(line), line) for line in anew), *_lines(changed)]
    _require_room(present, len(added))
    leaves, entries = _entries(node, published, present)
    leaves += [Leaf(_at(node, present), one, "delete", None, _version_of(line) + 1) for one, line in before.items()]
    tree = present.tree.copy()
    full = tree.append([leaf_hash(leaf.to_json()) for leaf in leaves])
    changes = Changes(tree.size, len(added), len(changed) - len(added), len(gone), len(same))
    lefts = {one: left_of(line) for one, line in before.items()}
    return _Plan(present.log.size if present.log else -1, leaves, tree, full, entries, lefts, changes)


def _lines(changed: list[Authority]) -> list[tuple[Authority, bytes]]:
    found = [(one, canonical(one)) for one in changed]
    for one, line in found:
        try:
            read_record(line)  # exactly what all others do with it
        except DirectoryError as error:
            code = "too-large" if error.code == "directory-too-large" else "invalid"
            raise NodeError(code, f"{one.id}: {error.detail}") from error
    return found


def _entries(node: Node, published: list[tuple[Authority, bytes]], present: _Present) -> tuple[list[Leaf], list[Entry]]:
    at, start = _at(node, present), present.tree.size
    salts = node.entropy.random(SALT_BYTES * len(published))
    records = [
        salted(line, salts[SALT_BYTES * place : SALT_BYTES * (place + 1)]) for place, (_, line) in enumerate(published)
    ]
    leaves = [one.leaf(authority, at) for one, (authority, _) in zip(records, published, strict=True)]
    return leaves, entries_of(node, {start + n: (one, published[n][0]) for n, one in enumerate(records)})


def _at(node: Node, present: _Present) -> str:
    """Return the time of new leaves, never before that of the last one (SPEC S-210)."""
    return max(node.clock.now().astimezone(UTC).strftime(INSTANT), present.last_at)


def _require_room(present: _Present, added: int) -> None:
    standing = len(present.ids) or present.tree.size  # a log has no fewer leaves than authorities
    if standing + added > limits.MAX_RECORDS and added:
        raise NodeError("too-large", f"A country has {limits.MAX_RECORDS} authorities at most.")


def _version_of(line: bytes) -> int:
    return int(strict_object(line, limit=limits.MAX_RECORD_BYTES)["v"])


def _unchanged(one: Authority, line: bytes) -> bool:
    """Say whether the stored record differs from the new one in nothing but its number."""
    return canonical(one.model_copy(update={"v": _version_of(line)})) == line


def _counted(one: Authority, before: bytes | None) -> Authority:
    return one if before is None else one.model_copy(update={"v": _version_of(before) + 1})


def _require_reach(actor: Actor, plan: _Plan) -> None:
    if "operator" in actor.roles:
        return
    touched = {entry.authority.id for entry in plan.entries}
    if plan.changes.added or plan.gone or not touched <= actor.places("directory.change"):
        raise NodeError("forbidden", "A data administrator changes its own authorities and adds or ends none.")


# --- saving and signing ---


async def _publish(node: Node, actor: str, plan: _Plan, within: Within | None = None) -> None:
    def work(tx: Tx) -> None:
        saved = within(tx) if within else None
        uncollected(lambda: _save(tx, node, actor, plan))
        if saved:
            saved(tx)

    await node.store.write(work)
    node.published()


def _save(tx: Tx, node: Node, actor: str, plan: _Plan) -> None:
    """Save the records with their leaves, in one transaction (SPEC S-215)."""
    signer = log_signer(node)
    log = logs.find(tx, node.country)
    here = log.size if log is not None and log.origin == signer.name else -1
    if here != plan.base:
        raise NodeError("stale", "Another version of the directory came in between.")
    if plan.base < 0:
        logs.begin(tx, node.country, signer.name)
    authorities.save(tx, plan.entries, plan.gone)
    logs.append(tx, node.country, plan.leaves, plan.tree, plan.full)
    made = plan.changes
    detail = f"size {made.version} +{made.added} ~{made.changed} -{made.ended}"
    audit.append(tx, actor, "directory.publish", node.country, detail)
    if plan.base < 0 or log is None or _due(log, tx.now):
        _sign(tx, node)


def _due(log: Log, now: datetime) -> bool:
    return not timedelta(0) <= now - log.signed_at < CHECKPOINT_EVERY


def _sign(tx: Tx, node: Node) -> bool:
    log = logs.find(tx, node.country)
    assert log is not None
    checkpoint = make_checkpoint(log_signer(node), log.size, logs.tree_of(tx, log).root())
    logs.set_checkpoint(tx, node.country, checkpoint.size, checkpoint.root, str(checkpoint.note))
    return True


# --- all directories ---


def heads(node: Node) -> dict[str, tuple[int, str]]:
    """Return (size, root) of every log's newest checkpoint here, by country."""
    return node.store.read_now(logs.heads)


def head(node: Node, country: str) -> tuple[int, str] | None:
    """Return (size, root) of one log's newest checkpoint here, None where there is none."""
    return node.store.read_now(lambda q: logs.head(q, country))


def confirmed(node: Node) -> dict[str, datetime]:
    """Return when each country's directory was last known to be its newest, for grading how stale it is."""
    return node.store.read_now(logs.confirmed)


def own_size(node: Node) -> int:
    """Return how many leaves our own log has, those without a checkpoint too."""
    log = node.store.read_now(lambda q: logs.find(q, node.country))
    return log.size if log else 0


async def reindex(node: Node) -> int:
    """Write the searched texts of all authorities anew, for a version that knows more languages; returns how many."""
    total = 0
    for country in heads(node):
        lines = await node.store.read(partial(authorities.lines_of, country=country))
        read = {n: (Salted(line, ""), Authority.model_validate_json(line)) for n, line in enumerate(lines.values())}
        entries = await aside(partial(entries_of, node, read))
        texts = {entry.authority.id: entry.searchable for entry in entries}
        await node.store.write(partial(authorities.index, texts=texts))
        total += len(texts)
    return total


def entries_of(node: Node, records: Mapping[int, tuple[Salted, Authority]]) -> list[Entry]:
    """Return what is stored of records, by the number of their leaves."""
    labels = Labels(node.areas)
    found = ((leaf, one, labels.searchable(authority), authority) for leaf, (one, authority) in records.items())
    return [Entry(authority, one.record, text.name, text, leaf, one.salt) for leaf, one, text, authority in found]


async def aside(work: Callable[[], T]) -> T:
    """Run what takes a while in another thread."""
    return await asyncio.get_running_loop().run_in_executor(None, uncollected, work)


def uncollected(work: Callable[[], T]) -> T:
    """Run some work without the garbage collector.

    Ten thousand records are a lot of young objects without a cycle among them: a collection would go through them
    again and again, and costs a third of the work.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if collecting:
            gc.enable()
