"""`entente doctor`, the part that needs no network: what is right, what will go wrong, and what mends it."""

import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from node.clock import unstamp
from node.config import Config
from node.domain.clock_error import clock_error
from node.service import freshness, key_change, membership
from node.service.dates import retired_keys
from node.service.node import Node
from node.store import authorities, blobs, damage, overview, peers, recoveries, streams
from node.store.key_files import exposed
from node.store.snapshot import Snapshot
from protocol.member_documents import read_role
from protocol.members import MemberList

Level = Literal["ok", "warn", "fail"]

SECRETS: Final = ("message.pem", "tls.pem", "list.seed", "encryption.seed", "operator.token")
_STATE: Final = "state.seed"
_DISK_WARN, _DISK_FAIL = 1024**3, 128 * 1024**2
_WAITS_LONG: Final = timedelta(hours=1)
_TOLD_FOR: Final = timedelta(days=30)
_WITHHELD: Final = timedelta(minutes=10)
_CLOCK_WARN_S: Final = 60.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `mend` is the command or the act that puts it right."""

    name: str
    level: Level
    message: str
    mend: str = ""


def check_files(config: Config) -> list[Check]:
    """Look at what has to be right before a node can be opened at all."""
    checks = [_secret(path, needed=True) for path in (*(config.keys / name for name in SECRETS), config.master_key)]
    state = config.keys / _STATE
    if state.exists():
        checks.append(_secret(state, needed=False))
    faults = [check for check in checks if check.level != "ok"]
    apart = "" if config.master_key.parent == config.keys else f"; the master key apart, in {config.master_key.parent}"
    fine = Check("keys", "ok", f"{config.keys}: all private keys are there, of mode 0600{apart}")
    return faults or [fine]


def _secret(path: Path, *, needed: bool) -> Check:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mend = "restore it from its backup; keys can't be made again"
        return Check("keys", "fail" if needed else "warn", f"{path} is missing", mend)
    if exposed(path, mode):
        return Check("keys", "fail", f"{path} has mode {mode:04o}: others can read it", f"chmod 600 {path}")
    return Check("keys", "ok", str(path))


def check_local(node: Node, databases: Check | None = None) -> list[Check]:
    """Look at everything that this machine knows by itself; `databases` is what `check_databases` found, if it ran."""
    now = node.clock.now()
    databases = databases or check_databases(node)
    if databases.level == "fail":
        return [_disk(node.config.data), databases]  # nothing that is read from it can be believed
    checks = [_disk(node.config.data), databases, *_membership(node, now), *_directories(node)]
    checks += [*_damage(node), *_delivery(node, now), *_lost_files(node), *_losses(node, now), *_proofs(node)]
    return [*checks, *_earlier_keys(node, now), *_offline_key(node)]


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    level: Level = "fail" if free < _DISK_FAIL else "warn" if free < _DISK_WARN else "ok"
    mend = "" if level == "ok" else f"free some space on the disk of {folder}"
    return Check("disk", level, f"{free / 1024**3:.1f} GiB free for {folder}", mend)


def _damage(node: Node) -> Iterator[Check]:
    """Name the cases that were found damaged; `entente verify` looks for others."""
    for row in node.store.read_now(damage.listing):
        message = f"case {row['case_id']} is damaged since {row['at'][:10]} or longer (case-damaged): {row['what']}"
        yield Check("case", "fail", message, 'docs/operating.md, "A damaged case"; all other cases go on')


def check_databases(node: Node) -> Check:
    """Read both databases through; takes as long as they are large, so a running node does it off its loop."""
    damage = []
    for store in (node.store, node.key_store):
        with store.reader() as q:
            damage += [f"{store.path.name}: {found}" for found in overview.damages(q)]
    if damage:
        return Check("database", "fail", "; ".join(damage), "stop the node, restore a backup: docs/worst-night.md")
    snapshot = Snapshot(node.store.path)
    mode, level = snapshot.durability()
    snapshot.end()
    return Check("database", "ok", f"whole; journal {mode}, synchronous {level} (entente verify looks deeper)")


# --- membership ---


def _membership(node: Node, now: datetime) -> Iterator[Check]:
    members = node.members
    if members is None:
        mend = "entente member found (first node of a network) or entente member join"
        yield Check("members", "warn", "this node has no member list yet, so it can reach nobody", mend)
        return
    standing = members.standing(node.country)
    if standing is None:
        mend = f"send {node.country}.candidate.json to a member: entente member candidate"
        yield Check("members", "warn", f"{node.country} isn't in the member list yet", mend)
    elif standing.status != "active":
        since = f"{standing.since:%Y-%m-%d}"
        by = "".join(f", by {', '.join(b)} until {u}" for b, u in _by_few(members, node.country, now))
        message = f"{node.country} is {standing.status} since {since}{by}"
        yield Check("members", "warn", message, "talk to the other states")
    else:
        others = sorted(members.active_countries() - {node.country})
        version = members.targets.version if members.targets else 0
        yield Check("members", "ok", f"version {version}, active besides us: {', '.join(others) or 'nobody'}")
        yield from _own_record(node, members)
    yield from _suspensions(node, members, now)
    yield from _expiry(node, members, now)


def _suspensions(node: Node, members: MemberList, now: datetime) -> Iterator[Check]:
    """Say who else is suspended by a few states; more than half end or prolong it."""
    for country in sorted(set(members.countries()) - {node.country}):
        for by, until in _by_few(members, country, now):
            mend = f"it ends by itself, by entente member suspend {country} --lift, or as more than half decide"
            yield Check("suspension", "warn", f"{country} is suspended by {', '.join(by)} until {until}", mend)


def _by_few(members: MemberList, country: str, now: datetime) -> list[tuple[tuple[str, ...], str]]:
    return [(one.by, f"{one.expires:%Y-%m-%d %H:%M} UTC") for one in members.suspensions(country, now)]


def _own_record(node: Node, members: MemberList) -> Iterator[Check]:
    record = members.member(node.country)
    if record is None:
        yield Check("record", "fail", "this node's own record isn't published", "entente member publish-own")
        return
    if node.keys.tls_der not in record.tls:
        message = "keys/tls.crt isn't the certificate in the member list: every peer drops our connections"
        yield Check("certificate", "fail", message, "put the listed key pair back, or entente member publish-own")
    key = record.message_key(node.keys.signer.kid)
    if key is None or key.state != "active":
        message = "keys/message.pem isn't an active key of the member list: peers refuse what it signs"
        yield Check("message key", "fail", message, "entente member publish-own")
    if not membership.published(node):
        message = "the record in the member list isn't what this node is now (address, name or keys)"
        yield Check("record", "warn", message, "entente member publish-own")
    else:
        version = members.role_version(node.country)
        yield Check("record", "ok", f"version {version}, {record.url}, same keys and certificates as here")


def _expiry(node: Node, members: MemberList, now: datetime) -> Iterator[Check]:
    """Say when everything ends that does, and warn 90, 30 and 7 days before."""
    for code, document, days in members.warnings(now):
        what = "the member list" if document in ("root", "targets") else f"the record of {document}"
        mend = _renewal(node, document)
        if code == "members-expired":
            yield Check("expiry", "fail", f"{document}: {what} has expired; no new counterparts", mend)
        else:
            level: Level = "fail" if code == "members-expires-7" else "warn"
            yield Check("expiry", level, f"{document}: {what} expires in {days} days", mend)
    for name, at in expiries(node, members):
        if at > now:
            yield Check("expiry", "ok", f"{name}: until {at:%Y-%m-%d}")


def _renewal(node: Node, document: str) -> str:
    if document in ("root", "targets"):
        return "entente member renew"
    return "entente member publish-own" if document == node.country else f"tell the operator of {document}"


def expiries(node: Node, members: MemberList) -> list[tuple[str, datetime]]:
    """Return what of this node's ends, and when: the list, our record, our retired keys."""
    found = [("member list (root)", members.root.expires)]
    if members.targets is not None:
        found.append(("member list (targets)", members.targets.expires))
    if (raw := members.bundle().roles.get(node.country)) is not None:
        found.append((f"record of {node.country}", read_role(raw, node.country).expires))
    return found + [(f"retired message key {kid}", until) for kid, until in retired_keys(node, members)]


# --- what goes on ---


def _directories(node: Node) -> Iterator[Check]:
    states = {state.country: state for state in freshness.states(node)}
    own = states.get(node.country)
    if own is None:
        yield Check("directory", "warn", "our authorities aren't published", "entente directory import FILE.csv")
    elif own.frozen is not None:
        yield Check("directory", "fail", f"our own log: {own.frozen}", "docs/operating.md: a log that forked")
    else:
        count = node.store.read_now(lambda q: authorities.count_of(q, node.country))
        seen = "witnessed" if own.witnessed else f"witnessed by {len(own.witnesses)} of {own.needed} needed"
        yield Check("directory", "ok", f"{node.country}: {own.size} changes, {count} authorities, {seen}")
    others = (node.members.active_countries() if node.members else frozenset()) - {node.country}
    for country in sorted(others):
        yield _directory(node, country, states.get(country))


def _directory(node: Node, country: str, state: freshness.LogState | None) -> Check:
    if state is None:
        return Check("directory", "warn", f"{country}: nothing fetched yet", "is the node running? entente serve")
    if state.frozen is not None:
        hint = "docs/operating.md: a log that forked; the operators have to talk"
        return Check("directory", "warn", f"{country}: frozen at {state.size} changes: {state.frozen}", hint)
    if state.grade != "fresh":
        days = (node.clock.now() - state.confirmed_at).days
        return Check("directory", "warn", f"{country}: not confirmed for {days} days", "see the peer's checks")
    if state.withheld and state.withheld_since and node.clock.now() - state.withheld_since > _WITHHELD:
        hint = "its operator has to publish them again"
        return Check("directory", "warn", f"{country}: {state.withheld} records were announced and not given", hint)
    return Check("directory", "ok", f"{country}: {state.size} changes")


def _lost_files(node: Node) -> Iterator[Check]:
    """Name the cases with attachments that neither side has any more (SPEC S-233)."""
    for row in node.store.read_now(blobs.lost):
        message = f"{row['number']}: {row['count']} attachments were lost on both sides"
        yield Check("attachment", "warn", message, "who reads the case sees which: they have to be sent again")


def _clocks(node: Node) -> Iterator[Check]:
    rows = node.store.read_now(peers.all_peers)
    offsets = {str(row["country"]): float(row["clock_offset_s"]) for row in rows if row["clock_offset_s"] is not None}
    error = clock_error(offsets.values())
    if error is not None:
        level: Level = "warn" if abs(error) > _CLOCK_WARN_S else "ok"
        said = f"ours differs by {error:+.0f} s from the middle of {len(offsets)} peers' clocks"
        yield Check("clock", level, said, "timedatectl" if level == "warn" else "")
    for country, offset in offsets.items():
        if abs(offset) > _CLOCK_WARN_S:
            yield Check("clock", "warn", f"{country}'s clock differs by {offset:+.0f} s", "timedatectl (both machines)")


def _delivery(node: Node, now: datetime) -> Iterator[Check]:
    for row in node.store.read_now(streams.backlog):
        oldest = unstamp(row["since"])
        level: Level = "warn" if now - oldest > _WAITS_LONG else "ok"
        why, mend = _stopped(node, row["peer"])
        yield Check(
            "backlog", level, f"{row['count']} wait for {row['peer']} since {oldest:%Y-%m-%d %H:%M} UTC{why}", mend
        )
    for row in node.store.read_now(peers.all_peers):
        country = row["country"]
        if row["blocked"]:
            yield Check("peer", "warn", f"{country} is blocked here", f"entente peer unblock {country}")
        elif row["held_at"]:
            since = f"{unstamp(row['held_at']):%Y-%m-%d %H:%M} UTC"
            yield Check("peer", "warn", f"{country}: its queue is held since {since}", f"entente queue retry {country}")
        elif row["failed_since"]:
            since = f"{unstamp(row['failed_since']):%Y-%m-%d %H:%M} UTC"
            yield Check("peer", "warn", f"{country}: delivery fails since {since}: {row['failure']}")
    yield from _clocks(node)


def _stopped(node: Node, peer: str) -> tuple[str, str]:
    """Say why nothing goes to a peer that isn't active, and what can be done about what waits for it."""
    standing = node.members.standing(peer) if node.members else None
    if standing is None or standing.status == "active":
        return "", ""
    if standing.status == "left":
        return "; it has left", f"entente queue list {peer}; entente queue give-up NUMBER takes back what isn't sealed"
    return "; it is suspended", "nothing: it goes out when the suspension ends"


def _losses(node: Node, now: datetime) -> Iterator[Check]:
    """Say what was lost, who gave it back and which numbers are left out; a month long after it was mended."""
    for row in node.store.read_now(recoveries.everything):
        peer, found = row["peer"], f"{unstamp(row['found_at']):%Y-%m-%d %H:%M} UTC"
        if row["refused"]:
            message = (
                f"{peer} knows more than this node since {found}, and what it gives back is refused: {row['refused']}"
            )
            yield Check("loss", "fail", message, "talk to its operator: docs/operating.md")
        elif row["finished_at"] is None:
            message = f"{peer} knows more than this node, found {found}; {row['events']} messages are back so far"
            yield Check("loss", "warn", message, "entente serve fetches the rest back")
        elif now - unstamp(row["found_at"]) < _TOLD_FOR:
            span = f"{row['first_at'][:16]} to {row['last_at'][:16]}" if row["first_at"] else "no time"
            message = (
                f"{peer} gave back {row['events']} messages of {span} on {found}: ours from position {row['own_from']}"
                f" until {row['own_until']}, theirs from {row['theirs_from']} until {row['theirs_until']};"
                f" {row['voided']} acts of the old state were taken back; case numbers {row['numbers']} are left out"
            )
            yield Check("loss", "warn", message, "find out why this node started from an old disk: docs/operating.md")


def _earlier_keys(node: Node, now: datetime) -> Iterator[Check]:
    waiting_keys = node.case_keys.wrapped_before()
    for key in key_change.earlier_keys(node):
        name, until = f"{key.kind} key {key.name[:8]}", f"{key.until:%Y-%m-%d}"
        if key.kind == "master" and waiting_keys:
            message = f"{waiting_keys} case keys are still wrapped under {name}"
            yield Check("earlier key", "warn", message, "the running node wraps them anew: entente serve")
        elif key.until > now:
            reason = "what is on its way to it" if key.kind == "encryption" else "backups of case keys made under it"
            yield Check("earlier key", "ok", f"{name} is kept until {until} for {reason}")
        else:
            yield Check("earlier key", "warn", f"{name} may go since {until}", f"shred -u {key.path}")
    waiting = key_change.waits_for(node)
    if waiting:
        message = f"the next TLS certificate isn't in use: {', '.join(waiting)} may not know it yet"
        yield Check(
            "certificate", "warn", message, "the running node takes it as soon as they do: entente doctor there"
        )


def _proofs(node: Node) -> Iterator[Check]:
    for row in node.store.read_now(overview.proofs):
        message = f"proof {row['seq']}: {row['iss']} contradicted itself ({row['code']}, {row['at'][:10]})"
        yield Check("proof", "warn", message, "the operators have to talk: docs/operating.md")


def _offline_key(node: Node) -> Iterator[Check]:
    member = node.members is not None and node.members.active(node.country)
    if member and not node.config.node.demo and (node.config.keys / _STATE).exists():
        mend = f"move {node.config.keys / _STATE} to a medium that is kept offline"
        yield Check("state key", "warn", "the state's key lies on this machine; it signs the list, offline", mend)
