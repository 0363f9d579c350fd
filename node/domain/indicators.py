"""How fast requests are accepted and answered: the indicators of the Single Market Scoreboard, without persons.

Definitions and colours are those of the Scoreboard's page on IMI (docs/statistics.md): accepted within 7 days (green
from 80 %, red below 60 %), days to answer (green below 16, red above 25), answered by the agreed date (as the first),
negative ratings of timeliness and of efforts (green below 5 %, red from 15 %).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal

from node.domain.case_view import View

Colour = Literal["green", "yellow", "red"]

WEEK: Final = timedelta(days=7)
TWO_WEEKS: Final = timedelta(days=14)
TENTH: Final = timedelta(days=1) / 10
"""The step in which the days to an answer are counted for their median."""
_GOOD_SHARE, _POOR_SHARE = 80, 60
_GOOD_DAYS, _POOR_DAYS = 16, 25
_FEW_NEGATIVE, _MANY_NEGATIVE = 5, 15


@dataclass(frozen=True)
class Course:
    """When one request was sent, accepted and first answered; `due` is the date agreed, or asked for.

    `ended` says that nothing is awaited any more (declined, withdrawn, closed). `timeliness` and `efforts` are the
    asking side's rating, -1 to 1.
    """

    sent: datetime
    accepted: datetime | None
    answered: datetime | None
    due: date
    ended: bool
    timeliness: int | None = None
    efforts: int | None = None


class Share(View):
    """A share: `of` requests count, `percent` (whole) of them fulfil it; no percent and no colour of none."""

    of: int
    percent: int | None
    colour: Colour | None


class Days(View):
    """Days from sending to the first answer: mean and median with one decimal, of `of` answered requests."""

    of: int
    mean: float | None
    median: float | None
    colour: Colour | None


class Indicators(View):
    """The indicators of some requests."""

    requests: int
    open: int
    accepted_in_7_days: Share
    days_to_answer: Days
    answered_by_date: Share
    answered_in_14_days: Share
    negative_timeliness: Share
    negative_efforts: Share


@dataclass(frozen=True)
class Tally:
    """What the indicators are worked out from: counts of requests; those of two groups can be added up.

    `accepting` and `answering` are those of which it is known whether they were accepted within a week, and answered
    within two. `tenths` has the answered ones by the tenth of a day to which the answer took, `taken` is the sum.
    """

    requests: int = 0
    open: int = 0
    accepting: int = 0
    accepted_in_time: int = 0
    answering: int = 0
    answered_in_time: int = 0
    by_date: int = 0
    timeliness: int = 0
    negative_timeliness: int = 0
    efforts: int = 0
    negative_efforts: int = 0
    taken: timedelta = timedelta()
    tenths: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        """Count both."""
        sums = {name: value + vars(other)[name] for name, value in vars(self).items() if name != "tenths"}
        return Tally(**sums, tenths=Counter(self.tenths) + Counter(other.tenths))


def tally(courses: Iterable[Course], now: datetime) -> Tally:
    """Count requests at a time; what can still be accepted or answered in time counts neither way."""
    known = list(courses)
    accepting = [(one, one.accepted) for one in known if _counts(one, one.accepted, now, WEEK)]
    answering = [(one, one.answered) for one in known if _counts(one, one.answered, now, TWO_WEEKS)]
    answered = [(one, one.answered) for one in known if one.answered is not None]
    taken = [at - one.sent for one, at in answered]
    return Tally(
        requests=len(known),
        open=sum(not one.ended for one in known),
        accepting=len(accepting),
        accepted_in_time=sum(at is not None and at - one.sent <= WEEK for one, at in accepting),
        answering=len(answering),
        answered_in_time=sum(at is not None and at - one.sent <= TWO_WEEKS for one, at in answering),
        by_date=sum(at.date() <= one.due for one, at in answered),
        timeliness=sum(one.timeliness is not None for one in known),
        negative_timeliness=sum((one.timeliness or 0) < 0 for one in known),
        efforts=sum(one.efforts is not None for one in known),
        negative_efforts=sum((one.efforts or 0) < 0 for one in known),
        taken=sum(taken, timedelta()),
        tenths=Counter((span + TENTH / 2) // TENTH for span in taken),
    )


def indicators(of: Tally) -> Indicators:
    """Work the indicators out."""
    return Indicators(
        requests=of.requests,
        open=of.open,
        accepted_in_7_days=_share(of.accepted_in_time, of.accepting),
        days_to_answer=_days(of),
        answered_by_date=_share(of.by_date, sum(of.tenths.values())),
        answered_in_14_days=_share(of.answered_in_time, of.answering, plain=True),
        negative_timeliness=_negative(of.negative_timeliness, of.timeliness),
        negative_efforts=_negative(of.negative_efforts, of.efforts),
    )


def _counts(course: Course, done: datetime | None, now: datetime, within: timedelta) -> bool:
    """Say whether it is known if something was done in time: it was done, or is awaited and its time has passed."""
    return done is not None or (not course.ended and now - course.sent > within)


def _share(fulfilled: int, of: int, *, plain: bool = False) -> Share:
    if not of:
        return Share(of=0, percent=None, colour=None)
    exact = 100 * fulfilled / of
    colour: Colour = "green" if exact >= _GOOD_SHARE else "red" if exact < _POOR_SHARE else "yellow"
    return Share(of=of, percent=round(exact), colour=None if plain else colour)


def _negative(negative: int, of: int) -> Share:
    """Return the share of ratings that are negative; the fewer the better."""
    if not of:
        return Share(of=0, percent=None, colour=None)
    exact = 100 * negative / of
    colour: Colour = "green" if exact < _FEW_NEGATIVE else "yellow" if exact < _MANY_NEGATIVE else "red"
    return Share(of=of, percent=round(exact), colour=colour)


def _days(of: Tally) -> Days:
    count = sum(of.tenths.values())
    if not count:
        return Days(of=0, mean=None, median=None, colour=None)
    average = of.taken / timedelta(days=1) / count
    colour: Colour = "green" if average < _GOOD_DAYS else "red" if average > _POOR_DAYS else "yellow"
    middle = (_tenth_at(of, (count - 1) // 2) + _tenth_at(of, count // 2)) / 2
    return Days(of=count, mean=round(average, 1), median=round(middle / 10, 1), colour=colour)


def _tenth_at(of: Tally, place: int) -> int:
    """Return the tenths of a day that the request at a place took, of all that were answered from the quickest on."""
    for tenth, count in sorted(of.tenths.items()):
        if place < count:
            return tenth
        place -= count
    raise IndexError(place)
