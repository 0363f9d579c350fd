"""`entente restore`: put a backup in place of a node's data, after it was verified beside them.

Everything is copied into the data directory under another name first, erased cases are erased again, and the
result is checked as `entente verify` checks. Only then are files exchanged, by renaming; the present ones are
put aside and never deleted. An exchange that was interrupted is finished by the same command.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from node.clock import Clock, stopwatch
from node.config import Config
from node.errors import NodeError
from node.service import ahead, erasure, own_data
from node.service.backup import KEYS_DB, MAIN_DB, Tell, quiet, require_blob
from node.service.node import Node
from node.service.verification import check_node
from node.store import audit, blobs, data_lock, drafts, erased, overview, people
from node.store import backup_files as files
from node.store import backup_history as record
from node.store import backup_manifest as manifests
from node.store.backup_history import Restored, Unfinished
from node.store.backup_manifest import Manifest
from node.store.engine import connect_still
from node.store.migrations import KEYS, NODE
from node.store.snapshot import DamagedError, Snapshot
from node.store.store import require_known
from node.store.tx import Read, Row, Tx
from protocol.member_problems import MemberListError

T = TypeVar("T")
STAGING: Final = "restore.part"
REHEARSAL: Final = ".rehearsal"
ASIDE: Final = "before-restore-"
_BLOBS: Final = "blobs"
_EXCHANGED: Final = (*(f"{db}{end}" for db in (MAIN_DB, KEYS_DB) for end in ("", "-wal", "-shm")), _BLOBS)

Opener = Callable[[Config], Node]
"""Opens a node on a data directory and brings its schema up to date (node.server.open_node)."""


@dataclass(frozen=True)
class Plan:
    """A backup that may be restored here, and the key backup that opens it."""

    folder: Path
    manifest: Manifest
    keys_folder: Path
    keys: Manifest


@dataclass(frozen=True)
class Compared:
    """What would be lost: the backup's age, and counts of rows in it and in the present data if readable."""

    age: timedelta
    backup: dict[str, int]
    present: dict[str, int] | None


@dataclass(frozen=True)
class Done:
    """A restore that is complete; `aside` holds what was there before."""

    at: datetime
    backup_at: datetime
    aside: Path | None
    seconds: float


# --- judge ---


def plan(config: Config, masters: Sequence[bytes], folder: Path, keys_folder: Path | None, now: datetime) -> Plan:
    """Judge a backup before anything is copied.

    A folder of backups stands for the newest in it. Raises `backup-damaged`, `backup-foreign`,
    `backup-expired` or `schema-newer`.
    """
    folder = _newest(folder, "node")
    manifest = manifests.read_own(folder, config.country, masters)
    if manifest.kind == "upgrade":
        chosen = Plan(folder, manifest, folder, manifest)
    elif keys_folder is None:
        raise NodeError("invalid", "A backup opens only with the case keys.", "Name their backup: --keys FOLDER.")
    else:
        keys_folder = _newest(keys_folder, "keys")
        chosen = Plan(folder, manifest, keys_folder, manifests.read_own(keys_folder, config.country, masters))
    for one, kind in ((chosen.manifest, "node"), (chosen.keys, "keys")):
        if one.kind not in (kind, "upgrade"):
            raise NodeError("invalid", f"This is a backup of {one.kind}, one of {kind} is needed.", "See --help.")
    _require_usable(chosen, now)
    return chosen


def _newest(folder: Path, kind: manifests.Kind) -> Path:
    return next(reversed(manifests.complete(folder, kind)), folder)


def _require_usable(chosen: Plan, now: datetime) -> None:
    for name, migrations, one in ((MAIN_DB, NODE, chosen.manifest), (KEYS_DB, KEYS, chosen.keys)):
        require_known(one.schemas.get(name, ()), migrations)
        if name not in one.files:
            raise NodeError("backup-damaged", f"The manifest names no {name}.")
    until = chosen.keys.expires_at
    if until is not None and until <= now:
        raise NodeError("backup-expired", f"{chosen.keys_folder} was to be kept until {until:%Y-%m-%d %H:%M} UTC.")


def compare(config: Config, chosen: Plan, now: datetime) -> Compared:
    """Set a backup beside the present data, also where these can't be read any more."""
    return Compared(now - chosen.manifest.at, chosen.manifest.counts, _present(config, overview.counts))


def _present(config: Config, work: Callable[[Read], T]) -> T | None:
    """Ask the present data something; None where they can't be read."""
    path = config.data / MAIN_DB
    if not path.is_file():
        return None
    try:
        state = Snapshot(path)
    except DamagedError:
        return None
    try:
        return state.read_now(work)
    except DamagedError:
        return None
    finally:
        state.end()


# --- stage ---


async def stage(opener: Opener, config: Config, chosen: Plan, staging: Path, tell: Tell = quiet) -> None:
    """Make the restored state in a folder of its own and verify it; on an error nothing of it is left."""
    files.remove(staging)
    try:
        with files.refusals("restoring"):
            files.make_folder(staging)
            _copy(config, chosen, staging, tell)
            tell("verifying")
            await _verified(opener, config, chosen, staging)
    except MemberListError as error:
        files.remove(staging)
        raise NodeError("verification-failed", f"The backup's member list isn't sound: {error}") from None
    except BaseException:
        files.remove(staging)
        raise


def _copy(config: Config, chosen: Plan, staging: Path, tell: Tell) -> None:
    sizes = chosen.manifest.attachment_bytes + chosen.manifest.files[MAIN_DB].size + chosen.keys.files[KEYS_DB].size
    files.require_space(staging, sizes)
    for folder, manifest, name in (
        (chosen.folder, chosen.manifest, MAIN_DB),
        (chosen.keys_folder, chosen.keys, KEYS_DB),
    ):
        tell(f"copying {name}")
        if manifests.entry(files.copy_file(folder / name, staging / name)) != manifest.files[name]:
            raise NodeError("backup-damaged", f"{folder / name} isn't what was written.")
    connection = connect_still(staging / MAIN_DB)
    rows = overview.blobs(Read(connection))
    connection.close()
    source = config.data if chosen.manifest.kind == "upgrade" else chosen.folder
    for row in rows:
        if row["here"]:
            _copy_blob(source, staging, row)
    for known in (chosen.keys_folder / erased.NAME, config.data / erased.NAME):
        erased.add(staging / erased.NAME, erased.read(known))


def _copy_blob(source: Path, staging: Path, row: Row) -> None:
    target = blobs.path_of(staging, row["sha256"])
    files.make_inner(target.parent, staging)
    files.copy_file(blobs.path_of(source, row["sha256"]), target)
    require_blob(target, row)


async def _verified(opener: Opener, config: Config, chosen: Plan, staging: Path) -> None:
    node = opener(config.with_data(staging))
    try:
        await node.case_keys.erase_again()
        gone = list(node.case_keys.erased())
        lost = await node.store.write(lambda tx: drafts.erase(tx, gone))
        for sha256 in lost:
            blobs.path_of(staging, sha256).unlink(missing_ok=True)
        await erasure.restore(node)
        await own_data.forget_again(node)
        await own_data.end_again(node, _present(config, people.ended) or {})
        standing = _present(config, people.standing)  # what was used or revoked since the backup stays so
        told = f"{chosen.manifest.at:%Y-%m-%dT%H:%M:%SZ}"
        await node.store.write(lambda tx: _noted(tx, node, told, standing))
        unopened, findings = node.case_keys.unreadable(), check_node(node)
    finally:
        await node.store.close()
        await node.key_store.close()
    if unopened:
        message = f"{len(unopened)} case keys don't open with the present master key."
        raise NodeError(
            "key-missing", message, "Put the master.key of that time beside the present one, as master-<any name>.key."
        )
    if findings:
        shown = "; ".join(f"{one.code}: {one.subject}: {one.message}" for one in findings[:3])
        hint = "Take another backup. Case keys must be of the same moment as the backup, or newer."
        raise NodeError("verification-failed", f"The backup isn't sound: {shown}", hint)


def _noted(tx: Tx, node: Node, told: str, standing: set[str] | None) -> None:
    """Write down that this is an older disk, close what was closed since, and give no number that it gave since.

    Such a number may be on paper, and known to nobody else.
    """
    people.close_ways_in(tx, standing)
    audit.append(tx, "operator", "node.restore", "node", told)
    ahead.go_on_by_time(tx, node.country, "restore")


# --- rehearse, exchange ---


async def rehearse(opener: Opener, config: Config, chosen: Plan, clock: Clock, tell: Tell = quiet) -> float:
    """Restore into a folder that is removed again; returns how many seconds it took. The node may serve."""
    begun, place = stopwatch(), config.data / REHEARSAL
    with data_lock.held(place, alone=True, code="backup-runs"):
        await stage(opener, config, chosen, place / STAGING, tell)
        files.remove(place / STAGING)
    took = stopwatch() - begun
    known = record.history(config.data)
    record.remember(config.data, known.model_copy(update={"rehearsed_at": clock.now(), "rehearsal_s": took}))
    return took


async def restore(opener: Opener, config: Config, chosen: Plan, clock: Clock, tell: Tell = quiet) -> Done:
    """Put a backup in place; raises `data-in-use` while a node or a command works on the data."""
    begun = stopwatch()
    with data_lock.held(config.data, alone=True):
        _require_finished(config.data)
        staging = config.data / STAGING
        await stage(opener, config, chosen, staging, tell)
        erased.add(config.data / erased.NAME, erased.read(staging / erased.NAME))
        now = clock.now()
        aside = f"{ASIDE}{now:%Y-%m-%dT%H%M%SZ}"
        state = Unfinished(at=now, backup_at=chosen.manifest.at, staging=STAGING, aside=aside)
        record.begin(config.data, state)
        _exchange(config.data, state)
        there = config.data / aside
        return Done(now, chosen.manifest.at, there if there.is_dir() else None, stopwatch() - begun)


def _require_finished(data: Path) -> None:
    if record.unfinished(data) is not None:
        raise NodeError("restore-unfinished")


def finish(config: Config) -> Unfinished:
    """Finish an exchange that was interrupted; raises `invalid` where there is none."""
    with data_lock.held(config.data, alone=True):
        state = record.unfinished(config.data)
        if state is None:
            raise NodeError("invalid", "No restore was interrupted here.", "entente restore --help")
        _exchange(config.data, state)
        return state


def _exchange(data: Path, state: Unfinished) -> None:
    """Rename the present files aside and the restored ones into their place; each step may be repeated."""
    aside, staging = data / state.aside, data / state.staging
    if not state.put_aside:
        for name in _EXCHANGED:
            if os.path.lexists(data / name):
                aside.mkdir(mode=0o700, exist_ok=True)
                files.move(data / name, aside / name)
        record.begin(data, state.model_copy(update={"put_aside": True}))
    for name in _EXCHANGED:
        if (staging / name).exists():
            files.move(staging / name, data / name)
    record.mark_restored(data, Restored(at=state.at, backup_at=state.backup_at))
    files.remove(staging)
    record.end(data)
