"""How fast requests are accepted and answered: the indicators of the Single Market Scoreboard, without persons.

Definitions and colours are those of the Scoreboard's page on IMI (docs/statistics.md): accepted within 7 days (green
from 80 %, red below 60 %), days to answer (green below 16, red above 25), answered by the agreed date (as the first),
negative ratings of timeliness and of efforts (green below 5 %, red from 15 %).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import mean, median
from typing import Final, Literal

from node.domain.case_view import View

Colour = Literal["green", "yellow", "red"]

WEEK: Final = timedelta(days=7)
TWO_WEEKS: Final = timedelta(days=14)
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


def indicators(courses: Iterable[Course], now: datetime) -> Indicators:
    """Compute the indicators at a time; what can still be accepted or answered in time counts neither way."""
    known = list(courses)
    answered = [one for one in known if one.answered is not None]
    accepting = [(one, one.accepted) for one in known if _counts(one, one.accepted, now, WEEK)]
    answering = [(one, one.answered) for one in known if _counts(one, one.answered, now, TWO_WEEKS)]
    taken = [(one.answered - one.sent) / timedelta(days=1) for one in answered if one.answered]
    return Indicators(
        requests=len(known),
        open=sum(not one.ended for one in known),
        accepted_in_7_days=_share([at is not None and at - one.sent <= WEEK for one, at in accepting]),
        days_to_answer=_days(taken),
        answered_by_date=_share([one.answered.date() <= one.due for one in answered if one.answered]),
        answered_in_14_days=_share(
            [at is not None and at - one.sent <= TWO_WEEKS for one, at in answering], plain=True
        ),
        negative_timeliness=_negative(one.timeliness for one in known),
        negative_efforts=_negative(one.efforts for one in known),
    )


def _counts(course: Course, done: datetime | None, now: datetime, within: timedelta) -> bool:
    """Say whether it is known if something was done in time: it was done, or is awaited and its time has passed."""
    return done is not None or (not course.ended and now - course.sent > within)


def _share(fulfilled: list[bool], *, plain: bool = False) -> Share:
    if not fulfilled:
        return Share(of=0, percent=None, colour=None)
    exact = 100 * sum(fulfilled) / len(fulfilled)
    colour: Colour = "green" if exact >= _GOOD_SHARE else "red" if exact < _POOR_SHARE else "yellow"
    return Share(of=len(fulfilled), percent=round(exact), colour=None if plain else colour)


def _negative(ratings: Iterable[int | None]) -> Share:
    """Return the share of ratings that are negative; the fewer the better."""
    given = [rating < 0 for rating in ratings if rating is not None]
    if not given:
        return Share(of=0, percent=None, colour=None)
    exact = 100 * sum(given) / len(given)
    colour: Colour = "green" if exact < _FEW_NEGATIVE else "yellow" if exact < _MANY_NEGATIVE else "red"
    return Share(of=len(given), percent=round(exact), colour=colour)


def _days(taken: list[float]) -> Days:
    if not taken:
        return Days(of=0, mean=None, median=None, colour=None)
    average = mean(taken)
    colour: Colour = "green" if average < _GOOD_DAYS else "red" if average > _POOR_DAYS else "yellow"
    return Days(of=len(taken), mean=round(average, 1), median=round(median(taken), 1), colour=colour)
