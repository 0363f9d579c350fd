"""Contests and corrections recorded beside what was said; no signed word is ever rewritten (SPEC.md section 9.6).

Both ends run the same checks. What becomes of a contest doesn't depend on the order in which two sides' events meet:
each answer names the contest that it answers, and one answer counts before another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from protocol.content import PERSON, Content, ContestMatter, CorrectMatter, SettleMatter, WordPerson
from protocol.problems import ProtocolError

CONTEST: Final = "correction.contest"
CORRECT: Final = "correction.correct"
SETTLE: Final = "correction.settle"
WITHDRAW: Final = "correction.withdraw"
KINDS: Final = frozenset({CONTEST, CORRECT, SETTLE, WITHDRAW})

State = Literal["contested", "corrected", "settled", "withdrawn"]
"""Still to be examined; corrected information is recorded; examined and held right; taken back by who contested."""

_COUNTS: Final[tuple[tuple[str, State], ...]] = ((CORRECT, "corrected"), (SETTLE, "settled"), (WITHDRAW, "withdrawn"))
"""Which answer to a contest counts before which (SPEC S-283)."""


@dataclass(frozen=True)
class Noted:
    """A contest, or an answer to one, by which country and under which identifier."""

    kind: str
    iss: str
    jti: str
    matter: Content

    @property
    def event(self) -> str | None:
        """The digest of the event that it is about, None where it names a contest alone."""
        return self.matter.event if isinstance(self.matter, ContestMatter | CorrectMatter) else None

    @property
    def contest(self) -> str | None:
        """The identifier of the contest that it answers, if it answers one."""
        return self.matter.contest if isinstance(self.matter, CorrectMatter | SettleMatter) else None


def holds_data(kind: str) -> bool:
    """Say whether an event of a kind says something that a person may contest (SPEC S-281)."""
    return kind.startswith(("request.", "note.")) or kind == CORRECT


def check(
    new: Noted, contents: Mapping[str, Content], said: Mapping[str, tuple[str, str]], noted: Sequence[Noted]
) -> None:
    """Check a contest or correction; raises `content-malformed`, `not-owner` or `wrong-state` (SPEC S-281, S-282).

    `said` are issuer and kind of the case's events by digest, `noted` its contests and corrections; neither holds what
    was refused.
    """
    words = contents.get(PERSON)
    if new.kind in (CONTEST, CORRECT) and not (isinstance(words, WordPerson) and words.comment):
        raise ProtocolError("content-malformed", f"{new.kind} without words")
    contested = None
    if new.contest is not None:
        contested = next((one for one in noted if (one.kind, one.jti) == (CONTEST, new.contest)), None)
        if contested is None or (new.event is not None and new.event != contested.event):
            raise ProtocolError("content-malformed", "an answer to a contest that isn't there")
    about = said.get(new.event or (contested.event if contested else None) or "")
    if about is None or not holds_data(about[1]):
        raise ProtocolError("content-malformed", "about nothing that was said in this case")
    owner = {CORRECT: about[0], SETTLE: about[0], WITHDRAW: contested.iss if contested else ""}.get(new.kind, new.iss)
    if owner != new.iss:
        raise ProtocolError("not-owner", f"{new.kind} by {new.iss}")
    if contested and any(one.contest == contested.jti and one.iss == new.iss and _alike(one, new) for one in noted):
        raise ProtocolError("wrong-state", "the contest was answered so before")


def _alike(one: Noted, other: Noted) -> bool:
    """Say whether two answers are of the same owner's: a contest is corrected or settled once, and withdrawn once."""
    return (one.kind == WITHDRAW) == (other.kind == WITHDRAW)


def state_of(contest: str, noted: Sequence[Noted]) -> State:
    """Return what has become of a contest, whatever the order of its answers (SPEC S-283)."""
    kinds = {one.kind for one in noted if one.contest == contest}
    return next((state for kind, state in _COUNTS if kind in kinds), "contested")
