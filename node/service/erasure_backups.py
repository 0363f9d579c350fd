"""When an erasure is complete: no backup of the case keys is left that was made before the key was destroyed.

Backups of the main database don't matter: without the key nobody reads what they hold of the case.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from node.clock import unstamp
from node.errors import NodeError
from node.service import backup, upgrade
from node.service.idempotency import KEPT
from node.service.node import Node
from node.service.restore import ASIDE
from node.store import backup_history as record
from node.store import backup_manifest as manifests
from node.store import erasures
from node.store.backup_manifest import KEY_BACKUP_DAYS


@dataclass(frozen=True)
class Holder:
    """A place that holds case keys of some time, and until when at most; None: until somebody removes it."""

    path: Path
    at: datetime
    until: datetime | None


def holders(node: Node) -> list[Holder]:
    """Return every place that holds older case keys, as far as this node made it."""
    now, month = node.clock.now(), timedelta(days=KEY_BACKUP_DAYS)
    found = []
    for folder, last in record.history(node.config.data).keys.items():
        listed = _key_backups(Path(folder))
        if listed is None:  # a medium that isn't here: its oldest backup is believed to be as old as it may be
            found.append(Holder(Path(folder), last - month, last + month))
        else:
            found += listed
    for copy in upgrade.copies(node.config.data):
        at = datetime.fromtimestamp((copy / manifests.FILE).stat().st_mtime, now.tzinfo)
        found.append(Holder(copy, at, at + month))
    for aside in sorted(node.config.data.glob(f"{ASIDE}*")):
        if (aside / backup.KEYS_DB).exists():
            at = datetime.fromtimestamp((aside / backup.KEYS_DB).stat().st_mtime, now.tzinfo)
            found.append(Holder(aside, at, None))
    return sorted(found, key=lambda one: one.at)


def _key_backups(folder: Path) -> list[Holder] | None:
    if not folder.is_dir():
        return None
    found = []
    for path in manifests.complete(folder, "keys"):
        try:
            manifest = manifests.read(path)
        except NodeError:
            continue  # unreadable: it can't be restored either
        found.append(Holder(path, manifest.at, manifest.expires_at))
    return found


async def note_complete(node: Node) -> int:
    """Note which erasures are complete by now; returns how many that newly are.

    Also the answers that callers may still repeat, sealed under their own secrets, are gone by then.
    """
    held, now = holders(node), node.clock.now()
    keeping = [one for one in held if one.until is None or one.until > now or one.path.exists()]
    before = min([now - KEPT, *(one.at for one in keeping)])
    return await node.store.write(lambda tx: erasures.complete(tx, before))


def complete_on(held: list[Holder], key_gone_at: str) -> datetime | None:
    """Return when an erasure is complete at the latest; None where somebody has to remove a copy first."""
    gone = unstamp(key_gone_at)
    until = [one.until for one in held if one.at <= gone]
    if None in until:
        return None
    longest = gone + timedelta(days=KEY_BACKUP_DAYS)
    return max([gone + KEPT, *(min(one, longest) for one in until if one is not None)])
