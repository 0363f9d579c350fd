"""`entente statistics`: how fast requests are accepted and answered, without personal data."""

from typing import Annotated, Literal

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run
from node.cli.output import as_json


def statistics(
    config: ConfigOption = HERE,
    role: Annotated[
        Literal["replying", "asking"], typer.Option(help="replying: how we answer; asking: how others answer us.")
    ] = "replying",
    by: Annotated[
        Literal["month", "area", "country", "authority"], typer.Option(help="What one line stands for.")
    ] = "month",
    first: Annotated[str, typer.Option(help="First month of sending, such as 2026-01; else 12 months.")] = "",
    last: Annotated[str, typer.Option(help="Last month of sending; else the present one.")] = "",
    json: JsonOption = False,
) -> None:
    r"""Print the Scoreboard's indicators of all authorities of this country as CSV, the total last.

    Accepted within 7 days, days to answer (mean and median), answered by the agreed date, answered within two
    weeks, negative ratings of timeliness and of efforts. Days count from sending, months are those of sending in
    UTC. No personal data: docs/statistics.md

    \b
    Examples:
      entente statistics
      entente statistics --by country --role asking --first 2026-01 --last 2026-12 > 2026.csv
      entente statistics --by area --json
    """
    import sys

    from node.domain.access import operator
    from node.service import statistics as service

    wanted = service.Wanted(role, by, first, last)
    found = run(config, lambda node: service.statistics(node, operator(), wanted, "en"))
    if json:
        as_json(found.model_dump(mode="json"))
    else:
        sys.stdout.write(service.table(found))
