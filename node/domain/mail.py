"""What a mail may tell of, who wants to be told, and when: no contents, only kind, country, date and link."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from node.config import MAIL_ADDRESS
from node.domain.case import Case

News = Literal[
    "new", "accepted", "declined", "answered", "clarification", "withdrawal-asked", "withdrawn", "closed",
    "date-proposed", "date-agreed", "message", "near", "passed", "partly-answered",
    "referred", "upheld", "unaccepted", "unaccepted-there", "idle",
    "contested", "contest-answered", "subject-near", "subject-passed",
    "approval-asked", "approved", "returned", "referral", "referral-ended",
]  # fmt: skip
Topic = Literal["new", "accepted", "answered", "clarification", "message", "ended", "dates", "approval"]
How = Literal["once", "daily", "never"]

TOPICS: Final[dict[Topic, tuple[News, ...]]] = {
    "new": ("new",),
    "accepted": ("accepted",),
    "answered": ("answered", "partly-answered"),
    "clarification": ("clarification", "referred", "upheld", "referral", "referral-ended"),
    "message": ("message", "contested", "contest-answered"),
    "ended": ("declined", "withdrawn", "closed", "withdrawal-asked"),
    "dates": ("near", "passed", "date-proposed", "date-agreed", "unaccepted", "unaccepted-there", "idle",
              "subject-near", "subject-passed"),
    "approval": ("approval-asked", "approved", "returned"),
}  # fmt: skip
"""What people choose among → what it covers."""

HOWS: Final[tuple[How, ...]] = ("once", "daily", "never")

URGENCY: Final[tuple[News, ...]] = (
    "subject-passed", "subject-near", "passed", "near", "unaccepted", "unaccepted-there", "approval-asked", "returned",
    "referral", "contested", "clarification", "new", "withdrawal-asked", "date-proposed", "answered", "partly-answered",
    "referred", "upheld", "accepted", "date-agreed", "approved", "contest-answered", "message", "idle", "declined",
    "withdrawn", "closed", "referral-ended",
)  # fmt: skip
"""The order of a daily summary."""

NEAR_DAYS: Final = (1, 7)
"""So many days before a reply is due the replying authority is reminded."""
MAX_ADDRESS_CHARS: Final = 254  # of an e-mail address (RFC 5321, 4.5.3.1.3)

FOR_COORDINATORS: Final[frozenset[News]] = frozenset({"unaccepted-there"})
"""News of a case that its reader only coordinates: they lead to the list of urgent cases."""

FOR_ADMINISTRATORS: Final[dict[News, str]] = {
    "contested": "cases.correct",
    "contest-answered": "cases.correct",
    "subject-near": "subjects.manage",
    "subject-passed": "subjects.manage",
}
"""News for data administrators, who read no case: news → the right that its reader needs."""

_OF_EVENT: Final[dict[str, News]] = {
    "request.send": "new",
    "request.accept": "accepted",
    "request.decline": "declined",
    "request.reply": "answered",
    "request.reply-part": "partly-answered",
    "request.clarify": "clarification",
    "request.refer": "referred",
    "request.uphold": "upheld",
    "request.withdraw": "withdrawn",
    "request.close": "closed",
    "wish.withdraw": "withdrawal-asked",
    "note.message": "message",
    "date.propose": "date-proposed",
    "date.agree": "date-agreed",
    "correction.contest": "contested",
    "correction.correct": "contest-answered",
    "correction.settle": "contest-answered",
}
_REPLY_OUTSTANDING: Final = frozenset({"sent", "accepted", "clarifying"})


@dataclass(frozen=True)
class Choice:
    """How and of what a person wants to be told by mail.

    `refused` is the code with which the mail server refused the address for good, since `refused_at`; nothing is sent
    to one that is refused or not confirmed.
    """

    address: str
    how: How
    topics: frozenset[Topic]
    confirmed_at: datetime | None = None
    refused_at: datetime | None = None
    refused: str = ""

    @property
    def open(self) -> bool:
        """Whether news may be sent there."""
        return bool(self.address) and self.confirmed_at is not None and self.refused_at is None and self.how != "never"

    def wants(self, news: str) -> bool:
        """Say whether the person wants to be told of this."""
        return any(news in TOPICS[topic] for topic in self.topics)


NO_CHOICE: Final = Choice("", "once", frozenset(TOPICS))
"""What the form begins with."""


def news_of(kind: str, case: Case) -> News | None:
    """Return what an applied event of the other side is to this one, None where nobody needs to be told.

    A wish to withdraw before acceptance is granted at once (SPEC S-076), so it is the withdrawal.
    """
    return "withdrawn" if kind == "wish.withdraw" and case.state == "sent" else _OF_EVENT.get(kind)


def address_fault(address: str) -> str | None:
    """Return what is wrong with an e-mail address, if anything."""
    if not address:
        return "missing"
    if len(address) > MAX_ADDRESS_CHARS:
        return "too-long"
    return None if MAIL_ADDRESS.fullmatch(address) else "malformed"


def reply_outstanding(case: Case) -> bool:
    """Say whether the date of a case still matters: the reply, or the clarification of it, isn't there."""
    return case.state in _REPLY_OUTSTANDING


Stage = tuple[News, date, date]
"""News about a date, for cases that are due after the first day and until the second."""


def stages(last: date, today: date) -> tuple[Stage, ...]:
    """Return for which due dates what has to be told today, where `last` was the day of the last look.

    The periods don't overlap, so that after a long stop each case is told of once, by its most urgent news.
    """
    one_day, (first, second) = timedelta(days=1), NEAR_DAYS
    passed: Stage = ("passed", last - one_day, today - one_day)
    found, edge = [passed], passed[2]
    for days in (first, second):
        until = today + timedelta(days=days)
        found.append(("near", max(last + timedelta(days=days), edge), until))
        edge = until
    return tuple(found)


def summary_day(now: datetime, zone: str, hour: int) -> date:
    """Return the day whose summary and look at dates are due: today's, or before that hour yesterday's."""
    local = now.astimezone(ZoneInfo(zone))
    due = datetime.combine(local.date(), time(hour), tzinfo=ZoneInfo(zone))
    return local.date() if local >= due else local.date() - timedelta(days=1)


_STATUS: Final = re.compile(r"\d\.\d{1,3}\.\d{1,3}(?=\s|$)")


def told_code(code: int, answer: str) -> str:
    """Return what may be kept of a mail server's answer: its code (RFC 3463 too), never its words or addresses."""
    status = _STATUS.match(answer)
    return f"{code} {status[0]}" if status else str(code)
