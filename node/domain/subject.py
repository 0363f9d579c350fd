"""A person's claim to access, correction or deletion, or against the accuracy of data: what is due until when.

Regulation (EU) No 1024/2012, Article 19; Regulation (EU) 2016/679, Articles 12 and 15 to 21.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints

from node.domain.retention import months_after
from protocol.limits import MAX_NAME, MAX_TEXT

Want = Literal["access", "correction", "deletion", "objection"]
"""A copy of the data; that they are corrected; that they are deleted; that their accuracy or use is contested."""
WANTS: Final[tuple[Want, ...]] = get_args(Want)

State = Literal["open", "extended", "answered", "refused", "withdrawn"]
OPEN: Final[tuple[State, ...]] = ("open", "extended")
Outcome = Literal["answered", "refused", "withdrawn"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

DAYS: Final = 30
"""Days within which a claim is answered, from the day after it was received (Article 19(1))."""
EXTENSION_MONTHS: Final = 2
"""Months by which the period may be extended, where national or Union law allows it and the person is told in time
(Regulation (EU) 2016/679, Article 12(3))."""
KEPT_YEARS: Final = 3
"""Years for which a file is kept after its end, to prove that the claim was answered, and how."""
MAX_ENTRIES: Final = 500
"""Entries from which a file takes no more notes; what was done elsewhere, and its end, always go in."""
SOON_DAYS: Final = 7
"""Days before the end of the period from which a file is shown as urgent."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]


class FileEntry(BaseModel):
    """What was done in a file, by whom and when: an own code, and words where there are some."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    at: dt.datetime
    by: str
    what: str
    words: str = ""


class Contents(BaseModel):
    """What is kept sealed of a file: who the person is, how it is reached, what it asked, and what was done."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)

    person: Name
    reach: Words
    asked: Words
    entries: tuple[FileEntry, ...] = ()


@dataclass(frozen=True)
class SubjectFile:
    """A file without what is sealed; `told_on` is when the person was told that the period is extended."""

    id: str
    number: str
    authority: str
    wants: tuple[Want, ...]
    received: dt.date
    due: dt.date
    state: State
    told_on: dt.date | None
    ended_on: dt.date | None
    opened_by: str
    opened_at: dt.datetime

    @property
    def ended(self) -> bool:
        """Whether nothing is due any more."""
        return self.state not in OPEN


def due_of(received: dt.date) -> dt.date:
    """Return the last day on which a claim is answered in time."""
    return received + dt.timedelta(days=DAYS)


def opening_faults(wants: tuple[str, ...], received: dt.date | None, today: dt.date) -> dict[str, str]:
    """Return what is wrong with a claim that is recorded today, by field."""
    faults = {}
    if not wants or set(wants) - set(WANTS):
        faults["wants"] = "not-in-list" if wants else "missing"
    if received is None or received > today:
        faults["received"] = "in-the-future" if received else "missing"
    return faults


def extension_faults(
    file: SubjectFile, until: dt.date | None, told_on: dt.date | None, today: dt.date
) -> dict[str, str]:
    """Return what is wrong with an extension, by field: once, by two months at most, told within the first period."""
    faults = {}
    if until is None or not file.due < until <= months_after(file.due, EXTENSION_MONTHS):
        faults["until"] = "out-of-range" if until else "missing"
    if told_on is None or not file.received <= told_on <= min(file.due, today):
        faults["told_on"] = "out-of-range" if told_on else "missing"
    return faults
