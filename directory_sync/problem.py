"""The one error of the directory: a machine code and a detail for the operator's log."""

from typing import Literal

Code = Literal[
    "directory-header",
    "directory-wrong-issuer",
    "directory-rollback",
    "directory-fork",
    "directory-digest",
    "directory-count",
    "directory-too-large",
    "directory-bad-record",
    "directory-foreign-record",
    "directory-duplicate",
    "directory-order",
    "directory-transfer",
]


class DirectoryError(Exception):
    """A snapshot that is refused, or could not be had.

    `code` says which rule was broken; `detail` is English, for logs, and may hold a peer's words. Only
    `directory-transfer` is temporary (try again); every other code stands until the issuing country
    publishes something else. `directory-fork` is proof of misbehaviour: keep both headers.
    """

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: Code = code
        self.detail = detail
