"""What is said of a backup beside its files, sealed with a key that only this node can make.

Whoever can write to the place where backups lie could else slip in an account or a key: the seal is an HMAC
under a key drawn from the master key, which is in no backup.
"""

import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from node.errors import NodeError
from node.store.backup_files import Content, content_of, open_regular, write_atomically

FILE: Final = "manifest.json"
_FORMAT: Final = 1
MAX_MANIFEST_BYTES: Final = 1024 * 1024
"""Of a backup's manifest; one of 30 peers has about 20,000."""
KEY_BACKUP_DAYS: Final = 30
"""Days for which a backup of the case keys may be kept, at most: so long an erasure takes to be complete."""

Kind = Literal["node", "keys", "upgrade"]
_FOLDER: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z-(node|keys)")
_PARTIAL: Final = ".part"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class FileEntry(_Part):
    """A file of the backup: SHA-256 in hex, and bytes."""

    sha256: str
    size: int


class StreamHead(_Part):
    """How far a stream had come."""

    iss: str
    aud: str
    epoch: int
    next: int
    last: str | None


class Manifest(_Part):
    """A backup: whose, of when, with which files. Attachments are named by their hashes in the database."""

    format: int = _FORMAT
    kind: Kind
    country: str
    version: str
    at: datetime
    expires_at: datetime | None = None
    schemas: dict[str, tuple[str, ...]]
    files: dict[str, FileEntry]
    attachments: int = 0
    attachment_bytes: int = 0
    streams: tuple[StreamHead, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)
    seal: str = ""

    def sealed(self, master: bytes) -> "Manifest":
        """Return the same with its seal."""
        return self.model_copy(update={"seal": self._seal(master)})

    def _seal(self, master: bytes) -> str:
        key = hmac.digest(master, b"entente backup manifest 1", "sha256")
        return hmac.digest(key, self.model_dump_json(exclude={"seal"}).encode(), "sha256").hex()

    def genuine(self, master: bytes) -> bool:
        """Say whether the seal was made with this master key."""
        return hmac.compare_digest(self.seal, self._seal(master))


def entry(content: Content) -> FileEntry:
    """Return a file's content as the manifest has it."""
    return FileEntry(sha256=content.sha256.hex(), size=content.size)


def write(folder: Path, manifest: Manifest, master: bytes) -> None:
    """Write the manifest into a backup's folder."""
    write_atomically(folder / FILE, manifest.sealed(master).model_dump_json(indent=1) + "\n")


def read(folder: Path) -> Manifest:
    """Read a backup's manifest without judging its seal; raises `backup-damaged`, or `schema-newer`."""
    with open(open_regular(folder / FILE), "rb") as file:  # noqa: PTH123 - an open descriptor
        raw = file.read(MAX_MANIFEST_BYTES + 1)
    if len(raw) > MAX_MANIFEST_BYTES:
        raise NodeError("backup-damaged", f"{folder / FILE} is larger than {MAX_MANIFEST_BYTES} bytes.")
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError:
        if re.search(rb'"format"\s*:\s*(?!1\b)\d+', raw):
            raise NodeError("schema-newer", f"{folder} is a backup of a newer version.") from None
        raise NodeError("backup-damaged", f"{folder / FILE} isn't a manifest.") from None
    if manifest.format != _FORMAT:
        raise NodeError("schema-newer", f"{folder} is a backup of a newer version.")
    return manifest


def read_own(folder: Path, country: str, masters: Sequence[bytes]) -> Manifest:
    """Read the manifest of this node's own backup; raises `backup-foreign` or `backup-damaged` otherwise."""
    manifest = read(folder)
    if manifest.country != country:
        raise NodeError("backup-foreign", f"{folder} is a backup of {manifest.country}; this node is {country}.")
    if not any(manifest.genuine(master) for master in masters):
        message = f"{folder} wasn't sealed with this node's master key, or its manifest was altered."
        raise NodeError("backup-damaged", message, "Is the master key of that time here, as master-<any name>.key?")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare each file that the manifest names; raises `backup-damaged`."""
    for name, expected in manifest.files.items():
        if entry(content_of(folder / name)) != expected:
            raise NodeError("backup-damaged", f"{folder / name} isn't what was written.")


def folder_name(at: datetime, kind: Kind) -> str:
    """Return the name of a new backup's folder; names sort by time."""
    return f"{at:%Y-%m-%dT%H%M%S.%fZ}-{kind}"


def partial(path: Path) -> Path:
    """Return the name under which a backup is made until it is complete."""
    return path.with_name(path.name + _PARTIAL)


def partials(folder: Path) -> list[Path]:
    """Return what interrupted backups left in a folder."""
    return [path for path in sorted(folder.glob("*" + _PARTIAL)) if _FOLDER.fullmatch(path.name[: -len(_PARTIAL)])]


def complete(folder: Path, kind: Kind) -> list[Path]:
    """Return the complete backups of a kind in a folder, oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _FOLDER.fullmatch(path.name) and path.name.endswith(f"-{kind}")]
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())
