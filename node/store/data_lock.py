"""Who works on a folder: many share a data directory, one alone replaces it or writes into a backup folder.

The operating system lets go of the lock when the process ends, however it ends.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from node.errors import NodeError

_NAME: Final = ".lock"
_SERVING: Final = ".serving"


def held(folder: Path, *, alone: bool = False, code: str = "data-in-use") -> AbstractContextManager[None]:
    """Hold a folder, shared or alone; it is made where it is missing. Raises `code` at once if others have it."""
    return _locked(folder, _NAME, code, alone=alone)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[None]:
    """Hold a data directory as the one process that serves from it. Raises `data-in-use` if another one does.

    Commands work beside it; a second node would sign other batches for the same positions.
    """
    with held(folder), _locked(folder, _SERVING, "data-in-use", alone=True):
        yield


@contextlib.contextmanager
def _locked(folder: Path, name: str, code: str, *, alone: bool) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise NodeError("backup-place", f"{folder / name} can't be opened: {error.strerror}.") from None
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise NodeError(code, f"{folder} is in use by another process.") from None
    try:
        yield
    finally:
        os.close(handle)


def free(folder: Path) -> bool:
    """Say whether nobody works on a data directory now."""
    try:
        with held(folder, alone=True):
            return True
    except NodeError:
        return False
