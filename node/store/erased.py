"""Which cases were erased: a list beside the databases, which a restored older database doesn't take back.

One line a case, `TIME ID`, only ever added to. It holds random ids and no contents. A copy goes with each
backup of the case keys; a restore puts all copies together and erases again before it serves.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

NAME: Final = "erased"
_LINE: Final = re.compile(rb"^(\S{20,32}) ([0-9a-f-]{36})$")


def note(folder: Path, case_ids: Iterable[str], at: str) -> None:
    """Add cases to the list of a data directory; on disk when this returns. Call it before the key goes."""
    add(folder / NAME, dict.fromkeys(case_ids, at))


def add(path: Path, entries: dict[str, str]) -> None:
    """Add what isn't in a list yet: time by case id."""
    known = read(path)
    lines = [f"{at} {case_id}\n" for case_id, at in entries.items() if case_id not in known]
    if not lines and path.exists():
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "ab") as file:
        torn = path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")  # a crash in the middle of a line
        file.write(("\n" * torn + "".join(lines)).encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, str]:
    """Return the time of erasure by case id; nothing where there is no list. A torn line never counted.

    A line whose time is damaged still counts, with `?` for what can't be read: the case stays erased.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    found = [match for match in map(_LINE.match, lines) if match]
    return {match[2].decode("ascii"): match[1].decode("ascii", "replace").replace("\ufffd", "?") for match in found}
