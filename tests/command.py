"""What a command of `entente` said, for tests that run commands in this process or in one of their own."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def data(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)
