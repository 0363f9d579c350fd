"""What a check found in a file of texts or of an area."""

from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """Something wrong in a file: a machine code, and a message for its author. Line 0 is the whole file."""

    file: Path
    line: int
    code: str
    message: str

    def shown(self) -> str:
        """Return the finding on one line, as compilers print it."""
        return f"{self.file}:{self.line}: {self.code}: {self.message}"
