"""Statistics of requests, without personal data."""

from typing import Final

from pydantic import Field

from node.api.route import Call, File, Query, Route
from node.domain.case_view import Side
from node.service import statistics
from node.service.statistics import By, Statistics, Wanted

_MONTH_CHARS: Final = 7


class StatisticsQuery(Query):
    """Which requests count, and how they are grouped; the last 12 months unless given."""

    role: Side = Field("replying", description="replying: how we answer; asking: how others answer us.")
    by: By = Field("month", description="What a line stands for.")
    first: str = Field("", max_length=_MONTH_CHARS, description="First month of sending, such as 2026-01 (UTC).")
    last: str = Field("", max_length=_MONTH_CHARS, description="Last month of sending.")


async def read(call: Call) -> Statistics:
    """Read the indicators."""
    query: StatisticsQuery = call.query
    wanted = Wanted(**query.model_dump(exclude={"lang"}))
    return await statistics.statistics(call.node, call.actor, wanted, call.lang)


async def table(call: Call) -> File:
    """Read the indicators as a table."""
    return File("statistics.csv", "text/csv; charset=utf-8", statistics.table(await read(call)).encode())


ROUTES: Final = (
    Route("GET", "/statistics", "readStatistics", "Read how fast requests are accepted and answered",
          read, Statistics, query=StatisticsQuery),
    Route("GET", "/statistics/table", "readStatisticsTable", "The same as CSV", table, File, query=StatisticsQuery),
)  # fmt: skip
