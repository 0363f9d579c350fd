"""A peer's no, as whoever asked sees it."""

import json
from typing import Final

from node.delivery.call import Answer, retry_after

OK: Final = 200


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
    return RefusedError(code, retry_after(answer))
