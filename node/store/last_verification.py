"""When the data were last verified, as `entente verify` leaves it beside the databases."""

from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from node.store.backup_files import write_atomically

_FILE: Final = "verified.json"


class Verified(BaseModel):
    """When `entente verify` last ran to its end, and how many findings it had."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    at: AwareDatetime
    findings: int


def note_verified(data: Path, run: Verified) -> None:
    """Replace what is known of the last verification; raises OSError where the directory can't be written."""
    write_atomically(data / _FILE, run.model_dump_json() + "\n")


def verified(data: Path) -> Verified | None:
    """Return the last verification; None where there was none, or its file can't be read."""
    try:
        return Verified.model_validate_json((data / _FILE).read_bytes())
    except (OSError, ValidationError):
        return None
