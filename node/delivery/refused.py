"""A peer's no, as whoever asked sees it."""

import json
import re
from typing import Final

from node.delivery.call import Answer

OK: Final = 200
_SECONDS: Final = re.compile(r"[0-9]{1,6}\Z")  # at most 11 days


class RefusedError(Exception):
    """The peer answered with a problem; what waits stays queued (SPEC S-089). `wait`: its Retry-After in s."""

    def __init__(self, code: str, wait: float | None) -> None:
        """Take the peer's code and its Retry-After."""
        super().__init__(f"refused: {code}")
        self.code = code
        self.wait = wait


def refused(answer: Answer) -> RefusedError:
    """Read a problem, or whatever else came instead of an answer."""
    try:
        code = str(json.loads(answer.body)["code"])[:64]
    except (ValueError, KeyError, TypeError, RecursionError):
        code = f"http-{answer.status}"
    wait = answer.headers.get("retry-after", "")
    return RefusedError(code, float(wait) if _SECONDS.match(wait) else None)
