"""A request divided inside the replying country: which questions are left, and to whom each belongs (SPEC S-229)."""

from collections.abc import Iterable

from protocol.content import SendMatter, SplitMatter
from protocol.problems import ProtocolError


def remaining(sent: SendMatter, splits: Iterable[SplitMatter]) -> SendMatter:
    """Return a request with the questions that haven't gone to a part."""
    gone = {item for split in splits for item in split.items}
    if not gone:
        return sent
    return sent.model_copy(update={"questions": tuple(one for one in sent.questions if one.item not in gone)})


def check(asked: SendMatter, split: SplitMatter) -> None:
    """Check what goes to a part of a request of which `asked` is left; raises the final codes of SPEC S-229."""
    left = {question.item for question in asked.questions}
    if len(set(split.items)) < len(split.items) or not left.issuperset(split.items):
        raise ProtocolError("unknown-question", "not a question of this case")
    if len(split.items) == len(left):
        raise ProtocolError("content-malformed", "no question is left")
