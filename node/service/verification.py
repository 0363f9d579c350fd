"""`entente verify`: every invariant of a node's data, checked again from the signed bytes.

All checks read one consistent state, so they also run beside a node that serves. A finding names ids and
codes only, never contents.
"""

from collections.abc import Iterator
from dataclasses import replace

from node.service import area_packs, verify_cases, verify_files, verify_streams
from node.service.finding import Finding
from node.service.membership import load_members
from node.service.node import Node
from node.service.verify_logs import damage_of
from node.store import area_packs as stored_packs
from node.store import audit, logs, overview
from node.store import snapshot as at_once
from node.store.case_keys import CaseKeys
from protocol.member_problems import MemberListError

_FULL = 2
"""SQLite's level of `synchronous` at which a commit is on disk when it returns."""


def check_node(node: Node) -> list[Finding]:
    """Return everything that is wrong with a node's data; nothing when all is well.

    Takes about a millisecond an event. What can only be judged with the member list isn't, without one.
    """
    store, key_store = at_once.Snapshot(node.store.path), at_once.Snapshot(node.key_store.path)
    try:
        keys = CaseKeys(key_store, node.keys.masters, node.entropy)
        view = replace(node, store=store, key_store=key_store, case_keys=keys)
        findings = [*_storage("node.db", store), *_storage("keys.db", key_store)]
        if any(finding.code == "database-damaged" for finding in findings):
            return findings  # nothing that is read from it can be believed
        try:
            return [*findings, *_contents(view)]
        except at_once.DamagedError as error:
            return [*findings, Finding("database-damaged", "databases", str(error))]
    finally:
        store.end()
        key_store.end()


def _contents(view: Node) -> Iterator[Finding]:
    yield from _audit(view)
    yield from _members(view)
    yield from _directories(view)
    yield from _areas(view)
    yield from verify_streams.check(view)
    yield from verify_cases.check(view)
    yield from verify_files.check(view)


def _storage(name: str, store: at_once.Snapshot) -> Iterator[Finding]:
    for problem in store.integrity():
        yield Finding("database-damaged", name, problem[:200])
    mode, level = store.durability()
    if mode != "wal" or level < _FULL:
        yield Finding("not-durable", name, f"journal {mode}, synchronous {level}; wal and {_FULL} are needed")


def _audit(view: Node) -> Iterator[Finding]:
    for number in view.store.read_now(audit.broken_links):
        yield Finding("audit-broken", f"audit {number}", "altered, or the entry before it is gone")
    told = view.store.read_now(overview.audit_counts)
    for (case_id, kind), count in view.store.read_now(overview.event_counts).items():
        lacking = count - told.get((case_id, kind), 0)
        if lacking > 0:
            yield Finding("audit-missing", f"case {case_id}", f"{lacking} of {kind} without an entry")


def _members(view: Node) -> Iterator[Finding]:
    if not view.store.read_now(overview.members_stored):
        return
    try:
        view.store.read_now(load_members)
    except MemberListError as error:
        yield Finding("members-damaged", "member list", str(error))


def _directories(view: Node) -> Iterator[Finding]:
    for log in view.store.read_now(logs.every):
        found = view.store.read_now(lambda q, log=log: damage_of(view, q, log))  # type: ignore[misc]
        if found is not None:
            yield Finding("directory-damaged", f"directory {log.country}", found[:200])


def _areas(view: Node) -> Iterator[Finding]:
    for sha256 in view.store.read_now(stored_packs.every):
        found = view.store.read_now(lambda q, sha256=sha256: area_packs.damage_of(q, sha256))  # type: ignore[misc]
        if found is not None:
            yield Finding("area-damaged", f"area {sha256}", found[:200])
