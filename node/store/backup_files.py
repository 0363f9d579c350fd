"""Files of a backup: copied whole and durably, never through a link that somebody put in the way."""

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from node.errors import NodeError

_BLOCK: Final = 1024 * 1024
_SPARE: Final = 16 * 1024 * 1024
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Content(NamedTuple):
    """What a file holds: SHA-256, and how many bytes."""

    sha256: bytes
    size: int


@contextlib.contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn errors of the disk into `disk-full` or `backup-place`; `what` says what was being done."""
    try:
        yield
    except OSError as error:
        code = "disk-full" if error.errno in _FULL else "backup-place"
        raise NodeError(code, f"{what}: {error.strerror}: {error.filename}") from None
    except sqlite3.DatabaseError as error:
        full = "FULL" in getattr(error, "sqlite_errorname", "") or _no_room(error)
        raise NodeError("disk-full" if full else "backup-damaged", f"{what}: {error}") from None


def _no_room(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_IOERR_WRITE")


def require_space(folder: Path, needed: int) -> None:
    """Refuse with `disk-full` where the disk has less than `needed` bytes and some to spare."""
    left = shutil.disk_usage(folder).free
    if left < needed + _SPARE:
        mib = 1024 * 1024
        raise NodeError("disk-full", f"{folder} has {left // mib} MiB left, {(needed + _SPARE) // mib} MiB are needed.")


def make_folder(path: Path) -> None:
    """Make a new folder of mode 0700; whatever is there already is in the way (`backup-place`)."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        raise NodeError("backup-place", f"{path} is in the way.", "Look at it, and remove it.") from None


def make_inner(path: Path, inside: Path) -> None:
    """Make a folder and those between it and `inside`, each of mode 0700."""
    for each in [*reversed(path.relative_to(inside).parents), path.relative_to(inside)]:
        (inside / each).mkdir(mode=0o700, exist_ok=True)


def open_regular(path: Path) -> int:
    """Open a regular file for reading; a symbolic link or anything else is `backup-damaged`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NodeError("backup-damaged", f"{path} can't be read: {error.strerror}.") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NodeError("backup-damaged", f"{path} isn't a regular file.")
    return handle


def content_of(path: Path) -> Content:
    """Read a file and return its hash and size."""
    with os.fdopen(open_regular(path), "rb") as file:
        return _through(file)


def copy_file(source: Path, target: Path) -> Content:
    """Copy into a new file of mode 0600; on disk when this returns. Returns what was copied."""
    with os.fdopen(open_regular(source), "rb") as file:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as written:
            content = _through(file, written)
            written.flush()
            os.fsync(written.fileno())
    return content


def _through(file: BinaryIO, written: BinaryIO | None = None) -> Content:
    made, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        made.update(block)
        size += len(block)
        if written is not None:
            written.write(block)
    return Content(made.digest(), size)


def link_or_copy(source: Path, target: Path) -> None:
    """Let two backups share a file that never changes; copies it where the file system can't."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        copy_file(source, target)


def write_atomically(path: Path, text: str) -> None:
    """Replace a small file by another, or leave it as it was; mode 0600, on disk when this returns."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Have a file or the entries of a folder on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move(source: Path, target: Path) -> None:
    """Rename within a file system, durably."""
    source.rename(target)
    for folder in (source.parent, target.parent):
        synchronise(folder)


def remove(path: Path) -> None:
    """Remove a folder with all that is in it; a link is removed itself, not what it points to."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
