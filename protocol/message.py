"""A message beside the procedure: either side's, at any time while a case is open (SPEC.md section 9.3)."""

from collections.abc import Mapping
from typing import Final

from protocol.content import PERSON, Content, MessagePerson
from protocol.limits import MAX_MESSAGES
from protocol.problems import ProtocolError

MESSAGE: Final = "note.message"
RATING: Final = "note.rating"
"""How satisfied the asking side is with a reply, once the case is closed (SPEC S-264)."""


def check(contents: Mapping[str, Content], earlier: int) -> None:
    """Check a message of a side that has `earlier` ones in the case; raises `content-malformed` or `case-full`.

    Both sides count the same: the messages of one side arrive in the order in which it wrote them (SPEC S-226).
    """
    said = contents.get(PERSON)
    if not isinstance(said, MessagePerson) or not (said.comment or said.attachments):
        raise ProtocolError("content-malformed", "a message without words and files")  # SPEC S-225
    if earlier >= MAX_MESSAGES:
        raise ProtocolError("case-full", f"{MAX_MESSAGES} messages of one side")
