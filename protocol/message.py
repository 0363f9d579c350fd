"""A message beside the procedure: either side's, at any time while a case is open (SPEC.md section 9.3)."""

from collections.abc import Mapping
from typing import Final

from protocol import correction
from protocol.content import PERSON, Content, MessagePerson
from protocol.limits import MAX_BLOB_NOTICES, MAX_CORRECTIONS, MAX_MESSAGES, MAX_OPENED, MAX_WISHES
from protocol.problems import ProtocolError

MESSAGE: Final = "note.message"
RATING: Final = "note.rating"
"""How satisfied the asking side is with a reply, once the case is closed (SPEC S-264)."""


MAX_NOTES: Final = {
    "wish.withdraw": MAX_WISHES,
    "notice.opened": MAX_OPENED,
    "notice.blob-stored": MAX_BLOB_NOTICES,
    **dict.fromkeys(sorted(correction.KINDS), MAX_CORRECTIONS),
}
"""How many of each kind one side may say in a case (SPEC S-232, S-284)."""


def check_count(kind: str, earlier: int) -> None:
    """Check a wish or notice of a side that has `earlier` ones of the kind in the case; raises `case-full`."""
    if earlier >= MAX_NOTES.get(kind, earlier + 1):
        raise ProtocolError("case-full", f"{earlier} times {kind} of one side")  # SPEC S-232


def check(contents: Mapping[str, Content], earlier: int) -> None:
    """Check a message of a side that has `earlier` ones in the case; raises `content-malformed` or `case-full`.

    Both sides count the same: the messages of one side arrive in the order in which it wrote them (SPEC S-226).
    """
    said = contents.get(PERSON)
    if not isinstance(said, MessagePerson) or not (said.comment or said.attachments):
        raise ProtocolError("content-malformed", "a message without words and files")  # SPEC S-225
    if earlier >= MAX_MESSAGES:
        raise ProtocolError("case-full", f"{MAX_MESSAGES} messages of one side")
