"""`entente doctor` on backups: how old the last one is, what should be gone, what was restored."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from node.service import backup, restore, upgrade
from node.service.diagnosis import Check
from node.service.node import Node
from node.store import backup_history as record
from node.store.backup_manifest import KEY_BACKUP_DAYS

_STALE: Final = timedelta(days=1)
_REHEARSE: Final = "entente restore FOLDER --keys FOLDER --rehearse"


def check_backups(node: Node) -> list[Check]:
    """Look at backups, rehearsals, and what a restore or an upgrade put aside."""
    now, data = node.clock.now(), node.config.data
    known = record.history(data)
    checks = [_last(known, now, demo=node.config.node.demo), _rehearsal(known)]
    for folder in known.keys:
        checks += _expired_keys(Path(folder), now)
    return [*checks, *_restored(data), *_aside(data, now)]


def _last(known: record.History, now: datetime, *, demo: bool) -> Check:
    mend = "entente backup create FOLDER --keys OTHER-FOLDER, every night"
    if not known.node:
        return Check("backup", "ok" if demo else "warn", "no backup was ever made", mend)
    folder, at = max(known.node.items(), key=lambda one: one[1])
    message = f"the last one is of {at:%Y-%m-%d %H:%M} UTC, in {folder}"
    if now - at > _STALE:
        return Check("backup", "warn", message, mend)
    if not known.keys or now - max(known.keys.values()) > _STALE:
        mend = "entente backup create FOLDER --keys OTHER-FOLDER"
        return Check("backup", "warn", f"{message}; its case keys weren't backed up for a day", mend)
    return Check("backup", "ok", message)


def _rehearsal(known: record.History) -> Check:
    if known.rehearsed_at is None:
        return Check("rehearsal", "ok", f"a restore was never rehearsed: {_REHEARSE}")
    return Check("rehearsal", "ok", f"last on {known.rehearsed_at:%Y-%m-%d}, {known.rehearsal_s or 0:.1f} s")


def _expired_keys(folder: Path, now: datetime) -> Iterator[Check]:
    for path in backup.expired(folder, now):
        message = f"{path} is older than a backup of case keys may become; erased cases could still be read"
        yield Check("key backup", "warn", message, f"entente backup prune {folder} --keep 30")


def _restored(data: Path) -> Iterator[Check]:
    if (mark := record.restored(data)) is not None:
        message = f"restored on {mark.at:%Y-%m-%d %H:%M} UTC from a backup of {mark.backup_at:%Y-%m-%d %H:%M} UTC"
        yield Check("restored", "warn", message, "peers may know more than this node: docs/operating.md")


def _aside(data: Path, now: datetime) -> Iterator[Check]:
    oldest = now - timedelta(days=KEY_BACKUP_DAYS)
    left = [data / restore.STAGING, data / restore.REHEARSAL / restore.STAGING]
    for path in [*sorted(data.glob(f"{restore.ASIDE}*")), *upgrade.copies(data), *filter(Path.exists, left)]:
        if path.stat().st_ctime < oldest.timestamp():
            yield Check("key backup", "warn", f"{path} has held case keys for more than 30 days", f"rm -r {path}")
