"""Before a newer version changes a schema, both databases are copied: the way back.

The copy is `data/before-upgrade-NNN-MMM`, named after the schemas that it holds (main database, case keys).
The last two stay, and none for longer than a backup of case keys may live. Attachments don't depend on a
schema, so they aren't copied.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from node.clock import Clock
from node.config import Config
from node.service.backup import KEYS_DB, MAIN_DB, program_version
from node.store import backup_files as files
from node.store import backup_manifest as manifests
from node.store.backup_manifest import Manifest
from node.store.migrations import KEYS, NODE
from node.store.snapshot import Snapshot
from node.store.store import PREFIX, require_known, schema_of

KEPT: Final = 2
_DATABASES: Final = ((MAIN_DB, NODE), (KEYS_DB, KEYS))


def keep_copy(config: Config, master: bytes, clock: Clock) -> Path | None:
    """Copy both databases if a migration is to come; returns where to. On an error nothing is migrated."""
    if not all((config.data / name).is_file() for name, _ in _DATABASES):
        return None
    found = {name: schema_of(config.data / name, migrations) for name, migrations in _DATABASES}
    for name, migrations in _DATABASES:
        require_known(found[name][0], migrations, config.data)
    if not all(applied for applied, _ in found.values()) or not any(pending for _, pending in found.values()):
        return None  # new databases, or up to date
    schemas = {name: applied for name, (applied, _) in found.items()}
    numbers = "-".join(applied[-1].partition("_")[0] for applied in schemas.values())
    place = config.data / f"{PREFIX}{numbers}"
    partial = manifests.partial(place)
    files.remove(partial)
    try:
        with files.refusals("copying the databases before the upgrade"):
            files.make_folder(partial)
            _copy(config, partial, schemas, master, clock.now())
            files.remove(place)
            files.move(partial, place)
    except BaseException:
        files.remove(partial)
        raise
    for older in copies(config.data)[:-KEPT]:
        files.remove(older)
    return place


def _copy(config: Config, partial: Path, schemas: dict[str, tuple[str, ...]], master: bytes, now: datetime) -> None:
    entries = {}
    for name, _ in _DATABASES:  # a case's key is on disk before the case is
        state = Snapshot(config.data / name)
        try:
            files.require_space(partial, state.size())
            state.copy_to(partial / name)
        finally:
            state.end()
        entries[name] = manifests.entry(files.content_of(partial / name))
    manifest = Manifest(
        kind="upgrade",
        country=config.country,
        version=program_version(),
        at=now,
        schemas=schemas,
        files=entries,
    )
    manifests.write(partial, manifest, master)


def copies(data: Path) -> list[Path]:
    """Return the copies that are there, oldest first."""
    found = [path for path in data.glob(f"{PREFIX}*") if (path / manifests.FILE).is_file()]
    return sorted(found, key=lambda path: (path / manifests.FILE).stat().st_mtime_ns)


def drop_old(data: Path, now: datetime) -> list[Path]:
    """Remove copies that hold case keys for longer than these may be kept; returns which."""
    old = now.timestamp() - manifests.KEY_BACKUP_DAYS * 86400
    removed = [path for path in copies(data) if (path / manifests.FILE).stat().st_mtime <= old]
    for path in removed:
        files.remove(path)
    return removed
