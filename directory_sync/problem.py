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
    "directory-order",
    "directory-transfer",
    "directory-note",
    "directory-signature",
    "directory-tree",
    "directory-proof",
    "directory-future",
]


class DirectoryError(Exception):
    """What is refused of a log, of a note or of a proof, or could not be had.

    `code` says which rule was broken; `detail` is English, for logs, and may hold a peer's words. `directory-transfer`
    and `directory-future` are temporary; `directory-rollback` is an older state, which proves nothing; with
    `directory-fork` what came doesn't follow from what is here, and a proof is to be had where both are signed.
    """

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: Code = code
        self.detail = detail
