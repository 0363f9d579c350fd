"""Statistics of requests without personal data: the Scoreboard's indicators by area, country, authority and month."""

import datetime as dt
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from directory_sync.table import csv_of
from node.clock import stamp
from node.domain.access import Actor
from node.domain.case_view import Side, Text, View
from node.domain.indicators import Days, Indicators, Share, Tally, indicators, tally
from node.errors import NodeError
from node.service import find
from node.service.case_texts import CaseTexts
from node.service.node import Node
from node.store import courses
from node.store.tx import Read

By = courses.By
MAX_MONTHS: Final = 60
_AT_ONCE: Final = 500
"""Requests whose courses are kept in one transaction."""
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


class Line(View):
    """The indicators of one month (2026-11), area, country or authority of ours; `key` is its id."""

    key: str
    label: Text
    indicators: Indicators


class Statistics(View):
    """Indicators of the requests sent from month `first` to month `last`, in UTC, in total and by line."""

    role: Side
    by: By
    first: str
    last: str
    total: Indicators
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Wanted:
    """What is asked for: `replying` shows how we answer, `asking` how others answer us. Months are `YYYY-MM`."""

    role: Side = "replying"
    by: By = "month"
    first: str = ""
    last: str = ""


async def statistics(node: Node, actor: Actor, wanted: Wanted, lang: str) -> Statistics:
    """Compute the indicators of the actor's authorities and areas, for the operator of all.

    By default of the last 12 months. Raises `invalid` for a month that is none, a span that ends before it begins or
    is longer than 5 years.
    """
    actor.require("statistics.read")
    first, last = _span(node, wanted)
    own = None if actor.may("node.observe") else actor.reach("statistics.read")
    now = node.clock.now()

    def read(q: Read) -> dict[str, Tally]:
        groups = defaultdict(list)
        for row, course in courses.running(q, wanted.role, _start(first), _start(_after(last)), own):
            groups[row[wanted.by]].append(course)
        kept = courses.kept(q, wanted.role, first, last, wanted.by, own)
        return {key: kept.get(key, Tally()) + tally(groups[key], now) for key in kept.keys() | groups.keys()}

    found = await node.store.read(read)
    total, groups = indicators(sum(found.values(), Tally())), {key: indicators(of) for key, of in found.items()}
    labels = _labels(node, wanted.by, groups, lang)
    lines = [Line(key=key, label=labels[key], indicators=group) for key, group in groups.items()]
    lines.sort(key=lambda line: line.key if wanted.by == "month" else line.label.text.casefold())
    return Statistics(role=wanted.role, by=wanted.by, first=first, last=last, total=total, lines=tuple(lines))


async def keep(node: Node) -> int:
    """Keep the courses of the requests that have ended since, so that they aren't read again; returns how many.

    A few hundred a transaction. Without it the statistics say the same, and take longer.
    """
    after, looked, before = "", _AT_ONCE, node.store.read_now(courses.count_running)
    while looked == _AT_ONCE:
        begin = after
        looked, after = await node.store.write(lambda tx, begin=begin: courses.keep(tx, begin, _AT_ONCE))  # type: ignore[misc]
    return before - node.store.read_now(courses.count_running)


def table(found: Statistics) -> str:
    """Return statistics as CSV (RFC 4180, UTF-8), the total last; what isn't known is empty."""
    heading = [found.by, "name", *_cells(found.total)]
    total = ["", "", *_cells(found.total).values()]
    return csv_of(
        heading, [[one.key, one.label.text, *_cells(one.indicators).values()] for one in found.lines] + [total]
    )


def _cells(of: Indicators) -> dict[str, str]:
    return {
        "requests": str(of.requests),
        "open": str(of.open),
        **_share_cells("accepted_in_7_days", of.accepted_in_7_days),
        **_days_cells(of.days_to_answer),
        **_share_cells("answered_by_date", of.answered_by_date),
        **_share_cells("answered_in_14_days", of.answered_in_14_days),
        **_share_cells("negative_timeliness", of.negative_timeliness),
        **_share_cells("negative_efforts", of.negative_efforts),
    }


def _share_cells(name: str, share: Share) -> dict[str, str]:
    return {f"{name}_percent": _cell(share.percent), f"{name}_of": str(share.of)}


def _days_cells(days: Days) -> dict[str, str]:
    return {"days_mean": _cell(days.mean), "days_median": _cell(days.median), "days_of": str(days.of)}


def _cell(value: float | None) -> str:
    return "" if value is None else str(value)


def _span(node: Node, wanted: Wanted) -> tuple[str, str]:
    last = wanted.last or f"{node.clock.now():%Y-%m}"
    first = wanted.first or (_months_before(last, 11) if _MONTH.fullmatch(last) else "")
    wrong = {name: "month" for name, value in (("first", first), ("last", last)) if not _MONTH.fullmatch(value)}
    if wrong:
        raise NodeError("invalid", "A month is written as 2026-11.", fields=wrong)
    if not first <= last or _months_before(last, MAX_MONTHS - 1) > first:
        raise NodeError(
            "invalid", f"From the first month on, and {MAX_MONTHS} months at most.", fields={"first": "span"}
        )
    return first, last


def _months_before(month: str, count: int) -> str:
    whole = int(month[:4]) * 12 + int(month[5:]) - 1 - count
    return f"{whole // 12:04}-{whole % 12 + 1:02}"


def _after(month: str) -> str:
    return _months_before(month, -1)


def _start(month: str) -> str:
    return stamp(dt.datetime.fromisoformat(f"{month}-01T00:00:00+00:00"))


def _labels(node: Node, by: By, keys: dict[str, Indicators], lang: str) -> dict[str, Text]:
    texts = CaseTexts(node, lang)
    if by == "area":
        return {key: texts.area_title(key) for key in keys}
    if by == "country":
        return {key: Text(text=texts.country(key), lang=lang) for key in keys}
    named = find.names(node, keys) if by == "authority" else {key: key for key in keys}
    return {key: Text(text=name, lang=lang) for key, name in named.items()}
