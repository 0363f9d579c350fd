"""What a check of a node's data found."""

from typing import NamedTuple


class Finding(NamedTuple):
    """A broken invariant: a stable code, what it is about (ids, never names), and what is wrong."""

    code: str
    subject: str
    message: str
