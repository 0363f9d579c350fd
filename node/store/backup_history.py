"""What a data directory remembers of its own backups: where they are, when it was restored or rehearsed."""

from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from node.store.backup_files import write_atomically

_HISTORY: Final = "backups.json"
_RESTORED: Final = "restored.json"
_UNFINISHED: Final = "restoring.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


R = TypeVar("R", bound=_Record)


class History(_Record):
    """When the newest backup was made in each folder, and the last rehearsal of a restore."""

    node: dict[str, datetime] = Field(default_factory=dict)
    keys: dict[str, datetime] = Field(default_factory=dict)
    rehearsed_at: datetime | None = None
    rehearsal_s: float | None = None


class Restored(_Record):
    """Since when a data directory holds a restored state, and of when that state is."""

    at: datetime
    backup_at: datetime


class Unfinished(_Record):
    """A restore that has begun to exchange files; `aside` is where the present ones go."""

    at: datetime
    backup_at: datetime
    staging: str
    aside: str
    put_aside: bool = False


def history(data: Path) -> History:
    """Return what is remembered; nothing where it can't be read, since nothing depends on it."""
    return _read(data / _HISTORY, History) or History()


def remember(data: Path, now: History) -> None:
    """Replace what is remembered."""
    write_atomically(data / _HISTORY, now.model_dump_json(indent=1) + "\n")


def restored(data: Path) -> Restored | None:
    """Return since when this is a restored state, if it is one."""
    return _read(data / _RESTORED, Restored)


def mark_restored(data: Path, mark: Restored) -> None:
    """Tell the next start that this disk is older than what peers may know."""
    write_atomically(data / _RESTORED, mark.model_dump_json() + "\n")


def unfinished(data: Path) -> Unfinished | None:
    """Return the restore that was interrupted while it exchanged files, if any."""
    return _read(data / _UNFINISHED, Unfinished)


def begin(data: Path, state: Unfinished) -> None:
    """Note how far the exchange of files is."""
    write_atomically(data / _UNFINISHED, state.model_dump_json() + "\n")


def end(data: Path) -> None:
    """Note that the exchange is complete."""
    (data / _UNFINISHED).unlink(missing_ok=True)


def _read(path: Path, model: type[R]) -> R | None:
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
