"""`entente backup`: a consistent copy of a node that serves, verified before it counts.

The order matters: a case's key is on disk before the case is, so the state of the keys is taken after that
of the cases. What both hold is then copied, checked as `entente verify` checks, and only then given its name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from node.config import Config
from node.errors import NodeError
from node.service.finding import Finding
from node.service.node import Node
from node.service.verification import check_node
from node.store import backup_files as files
from node.store import backup_history as record
from node.store import backup_manifest as manifests
from node.store import blobs, data_lock, erased, overview
from node.store.backup_manifest import KEY_BACKUP_DAYS, Kind, Manifest, StreamHead
from node.store.case_keys import CaseKeys
from node.store.engine import connect_still
from node.store.migrations import KEYS, NODE
from node.store.snapshot import Snapshot
from node.store.store import schema_of
from node.store.tx import Read, Row
from protocol.encoding import b64u

Tell = Callable[[str], None]
MAIN_DB: Final = "node.db"
KEYS_DB: Final = "keys.db"
_ATTEMPTS: Final = 3
"""What is deleted while it is being copied makes a copy incomplete; the next one doesn't want it any more."""


@dataclass(frozen=True)
class Made:
    """A backup that is complete, and what it said of itself; keys only where they were asked for."""

    folder: Path
    manifest: Manifest
    keys_folder: Path | None = None
    keys: Manifest | None = None
    pruned: tuple[Path, ...] = ()


@cache
def program_version() -> str:
    """Return the version of this program, as packages have it."""
    try:
        return version("entente-node")
    except PackageNotFoundError:
        return "0"


def quiet(_words: str) -> None:
    """Tell nobody."""


# --- where ---


def require_places(config: Config, folder: Path, keys_folder: Path | None) -> None:
    """Refuse with `backup-place` where a backup would lie inside what it is of, or keys beside what they open."""
    places = [("backups", folder)] + ([("case keys", keys_folder)] if keys_folder else [])
    for what, place in places:
        for own in (config.data, config.keys):
            if place.resolve().is_relative_to(own.resolve()):
                raise NodeError("backup-place", f"{place} lies in {own}, which the backup is of.")
        if place.is_dir() and place.stat().st_mode & 0o022:
            message = f"Others may write in {place}, the folder for {what}."
            raise NodeError("backup-place", message, f"chmod go-w {place}")
    if keys_folder is not None:
        main, keys = folder.resolve(), keys_folder.resolve()
        if main.is_relative_to(keys) or keys.is_relative_to(main):
            message = "Case keys belong apart from what they open: one folder lies in the other."
            raise NodeError("backup-place", message, "Name another folder with --keys, best on another medium.")


# --- make ---


def create(
    node: Node, folder: Path, keys_folder: Path | None = None, key_days: int = KEY_BACKUP_DAYS, tell: Tell = quiet
) -> Made:
    """Back up a node, also while it serves; the case keys too where a folder for them is named.

    Raises `backup-place`, `backup-runs`, `disk-full` or `verification-failed`; then nothing of it is left.
    """
    require_places(node.config, folder, keys_folder)
    folders = [folder] + ([keys_folder] if keys_folder else [])
    with ExitStack() as stack:
        stack.enter_context(files.refusals("making the backup"))
        for each in folders:
            stack.enter_context(data_lock.held(each, alone=True, code="backup-runs"))
            for left in manifests.partials(each):
                files.remove(left)
        made = _until_whole(node, folder, keys_folder, key_days, tell)
        _remember(node, made)
        if keys_folder is None:
            return made
        return replace(made, pruned=tuple(_drop_expired(node, keys_folder)))


def _until_whole(node: Node, folder: Path, keys_folder: Path | None, key_days: int, tell: Tell) -> Made:
    earlier = next(reversed(manifests.complete(folder, "node")), None)
    findings: list[Finding] = []
    for attempt in range(_ATTEMPTS):
        with _Attempt.begun(node, folder, keys_folder, tell) as tried:
            tried.copy(earlier if attempt == 0 else None)
            findings = tried.check()
            if not findings:
                return tried.complete(key_days)
    raise _refusal(findings)


def _refusal(findings: list[Finding]) -> NodeError:
    shown = "; ".join(f"{one.code}: {one.subject}: {one.message}" for one in findings[:3])
    hint = "entente verify says all of it. Until that is mended: stop the node, and copy its directory as it is."
    return NodeError("verification-failed", f"The copy isn't sound, so it wasn't kept: {shown}", hint)


@dataclass
class _Attempt:
    node: Node
    name: Path
    keys_name: Path | None
    tell: Tell
    manifest: Manifest
    keys: Manifest | None = None

    @classmethod
    @contextmanager
    def begun(cls, node: Node, folder: Path, keys_folder: Path | None, tell: Tell) -> "Iterator[_Attempt]":
        """Begin under temporary names; what isn't complete at the end is removed."""
        now = node.clock.now()
        name = folder / manifests.folder_name(now, "node")
        keys_name = keys_folder / manifests.folder_name(now, "keys") if keys_folder else None
        held = [manifests.partial(each) for each in (name, keys_name) if each]
        try:
            for each in held:
                files.make_folder(each)
            yield cls(node, name, keys_name, tell, _blank(node, "node"))
        finally:
            for each in held:
                files.remove(each)

    @property
    def folder(self) -> Path:
        return manifests.partial(self.name)

    @property
    def keys_folder(self) -> Path:
        """Where the state of the keys lies that opens this copy: its own, or the node's."""
        return manifests.partial(self.keys_name) if self.keys_name else self.node.config.data

    def copy(self, earlier: Path | None) -> None:
        """Copy one state of both databases, and the attachments that it names."""
        main, keys = Snapshot(self.node.store.path), Snapshot(self.node.key_store.path)  # in this order
        try:
            rows = [row for row in main.read_now(overview.blobs) if row["here"]]
            fresh = [row for row in rows if earlier is None or not _blob(earlier, row).is_file()]
            files.require_space(self.folder, main.size() + sum(row["sealed_size"] for row in fresh))
            self.manifest = self._described(main, rows)
            main.copy_to(self.folder / MAIN_DB, lambda part: self.tell(f"{MAIN_DB}: {part:.0%}"))
            if self.keys_name:
                files.require_space(self.keys_folder, keys.size())
                keys.copy_to(self.keys_folder / KEYS_DB, lambda part: self.tell(f"{KEYS_DB}: {part:.0%}"))
                erased.add(self.keys_folder / erased.NAME, self.node.case_keys.erased())
        finally:
            main.end()
            keys.end()
        for number, row in enumerate(rows, 1):
            self._attachment(row, earlier)
            if number % 100 == 0 or number == len(rows):
                self.tell(f"attachments: {number} of {len(rows)}")

    def _described(self, main: Snapshot, rows: list[Row]) -> Manifest:
        heads = main.read_now(overview.stream_heads).values()
        names = ("iss", "aud", "epoch", "next", "last")
        return self.manifest.model_copy(
            update={
                "attachments": len(rows),
                "attachment_bytes": sum(row["sealed_size"] for row in rows),
                "streams": tuple(StreamHead(**{name: row[name] for name in names}) for row in heads),
                "counts": main.read_now(overview.counts),
            }
        )

    def _attachment(self, row: Row, earlier: Path | None) -> None:
        target = _blob(self.folder, row)
        files.make_inner(target.parent, self.folder)
        if earlier is not None and _is_same(_blob(earlier, row), row):
            files.link_or_copy(_blob(earlier, row), target)
            return
        source = _blob(self.node.config.data, row)
        if source.exists():  # else it was deleted since, or is missing: the check will say
            files.copy_file(source, target)

    def check(self) -> list[Finding]:
        """Check the copy as `entente verify` checks a node."""
        self.tell("verifying")
        view = view_of(self.node, self.folder, self.keys_folder)
        try:
            unopened = view.case_keys.unreadable()
            findings = check_node(view)
        finally:
            view.store.end()  # type: ignore[attr-defined]
            view.key_store.end()  # type: ignore[attr-defined]
        return [*findings, *(Finding("case-key-damaged", f"case {one}", "doesn't open") for one in unopened)]

    def complete(self, key_days: int) -> Made:
        """Write the manifests and give the folders their names; the keys' first, since they open the rest."""
        keys = None
        if self.keys_name:
            until = self.manifest.at + timedelta(days=min(key_days, KEY_BACKUP_DAYS))
            keys = _blank(self.node, "keys").model_copy(update={"at": self.manifest.at, "expires_at": until})
            keys = self._named(keys, self.keys_folder, self.keys_name, (KEYS_DB, erased.NAME))
        manifest = self._named(self.manifest, self.folder, self.name, (MAIN_DB,))
        return Made(self.name, manifest, self.keys_name, keys)

    def _named(self, manifest: Manifest, folder: Path, name: Path, held: tuple[str, ...]) -> Manifest:
        master = self.node.keys.master
        entries = {each: manifests.entry(files.content_of(folder / each)) for each in held if (folder / each).exists()}
        manifest = manifest.model_copy(update={"files": entries})
        manifests.write(folder, manifest, master)
        for inner in (path for path in folder.rglob("*") if path.is_dir()):
            files.synchronise(inner)
        files.move(folder, name)
        return manifest


def _blank(node: Node, kind: Kind) -> Manifest:
    databases = {MAIN_DB: (node.store.path, NODE), KEYS_DB: (node.key_store.path, KEYS)}
    wanted = {"node": (MAIN_DB,), "keys": (KEYS_DB,), "upgrade": (MAIN_DB, KEYS_DB)}[kind]
    schemas = {name: schema_of(*databases[name])[0] for name in wanted}
    now = node.clock.now()
    return Manifest(kind=kind, country=node.country, version=program_version(), at=now, schemas=schemas, files={})


def _blob(folder: Path, row: Row) -> Path:
    return blobs.path_of(folder, row["sha256"])


def _is_same(path: Path, row: Row) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == row["sealed_size"]


def view_of(node: Node, folder: Path, keys_folder: Path) -> Node:
    """Return the node as it would be on copies of its databases; its stores are to be ended."""
    store, keys = Snapshot(folder / MAIN_DB), Snapshot(keys_folder / KEYS_DB)
    case_keys = CaseKeys(keys, node.keys.masters, node.entropy)
    return replace(node, config=node.config.with_data(folder), store=store, key_store=keys, case_keys=case_keys)


def _remember(node: Node, made: Made) -> None:
    known, at = record.history(node.config.data), made.manifest.at
    main = {**known.node, str(made.folder.parent.resolve()): at}
    keys = {**known.keys, **({str(made.keys_folder.parent.resolve()): at} if made.keys_folder else {})}
    record.remember(node.config.data, known.model_copy(update={"node": main, "keys": keys}))


# --- look after ---


def listing(folder: Path) -> list[tuple[Path, Manifest | None]]:
    """Return the backups in a folder, oldest first, each with its manifest if that can be read."""
    found: list[tuple[Path, Manifest | None]] = []
    kinds: tuple[Kind, ...] = ("node", "keys")
    for path in sorted(path for kind in kinds for path in manifests.complete(folder, kind)):
        try:
            found.append((path, manifests.read(path)))
        except NodeError:
            found.append((path, None))
    return found


def check(config: Config, masters: Sequence[bytes], folder: Path) -> Manifest:
    """Read a backup again: seal, hashes, SQLite's own check, and each attachment that it names.

    Raises `backup-damaged` or `backup-foreign`. Nothing is written, so the medium may be read-only.
    """
    manifest = manifests.read_own(folder, config.country, masters)
    manifests.check_files(folder, manifest)
    for name in manifest.schemas:
        with files.refusals(f"reading {folder / name}"):
            connection = connect_still(folder / name)
            try:
                problem = overview.broken(Read(connection))
                rows = overview.blobs(Read(connection)) if manifest.kind == "node" else []
            finally:
                connection.close()
        if problem:
            raise NodeError("backup-damaged", f"{folder / name}: {problem}")
        for row in rows:
            if row["here"]:
                require_blob(_blob(folder, row), row)
    return manifest


def require_blob(path: Path, row: Row) -> None:
    """Refuse an attachment that isn't what its name says, with `backup-damaged`."""
    content = files.content_of(path)
    if b64u(content.sha256) != row["sha256"] or content.size != row["sealed_size"]:
        raise NodeError("backup-damaged", f"{path} isn't the attachment that its name says.")


def prune(folder: Path, keep: int, now: datetime) -> list[Path]:
    """Remove all but the newest `keep` backups of a folder, and key backups past their time; return which."""
    removed = []
    with data_lock.held(folder, alone=True, code="backup-runs"), files.refusals("removing backups"):
        kinds: tuple[Kind, ...] = ("node", "keys")
        for kind in kinds:
            removed += manifests.complete(folder, kind)[:-keep]
        removed += [path for path in expired(folder, now) if path not in removed]
        for path in [*removed, *manifests.partials(folder)]:
            files.remove(path)
    return removed


def expired(folder: Path, now: datetime) -> list[Path]:
    """Return the key backups of a folder that have lived for their time."""
    found = []
    for path, manifest in listing(folder):
        if manifest is not None and manifest.expires_at is not None and manifest.expires_at <= now:
            found.append(path)
    return found


def _drop_expired(node: Node, folder: Path) -> Iterator[Path]:
    for path in expired(folder, node.clock.now()):
        files.remove(path)
        yield path
