"""`entente demo`: two real nodes on this machine, and the main story on them."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    countries: Annotated[
        str,
        typer.Option(metavar="LIST", help="all 30, or such as DE,HU,FR; with thousands of invented authorities."),
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Play the whole story without a person, then end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: one JSON object a line.")] = False,
    story: Annotated[
        str, typer.Option(metavar="STORY", help="With --once: main, new-area, posting, referral, retention, split.")
    ] = "main",
    folder: Annotated[
        Path | None, typer.Option(help="Keep the nodes' data here instead of a temporary folder.")
    ] = None,
) -> None:
    r"""Run a German and a Hungarian node on this machine, with demo authorities and users.

    Without options it prints each dashboard's address with a one-time sign-in link for every demo user, and
    stays up until Ctrl-C. With --countries it runs the nodes of these countries, each with all its authorities
    of an invented Europe; --once then waits until every node has every list, lets one country ask another, prints
    a table and ends. The story new-area brings in a legal area that no node knew when it started; posting
    asks about posted workers; in split two authorities of one country answer one request; in referral
    coordinators decide on a reply. In retention a case is closed, blocked and deleted on both sides in three years
    of a simulated clock, in one process, and then searched for on both disks.

    \b
    Examples:
      entente demo
      entente demo --once
      entente demo --once --json > story.jsonl
      entente demo --once --story new-area
      entente demo --once --story retention
      entente demo --countries all
      entente demo --countries LI,MT,CY,LU --once --json
    """
    if countries:
        from node.cli.demo_europe import chosen, run

        interrupted, ended = run(folder, chosen(countries), once=once, as_json=as_json)
        raise typer.Exit(130 if interrupted and once else int(ended))
    from node.cli.demo_network import STORIES, play
    from node.errors import NodeError

    if once and story == "retention":
        from node.cli.demo_retention import play as play_years

        raise typer.Exit(130 if play_years(folder, as_json=as_json) else 0)
    if story not in (stories := (*STORIES, "retention")):
        raise NodeError("invalid", f"There is no story {story}.", f"One of: {', '.join(stories)}.")
    stopped = play(folder, once=once, as_json=as_json, story=story)
    raise typer.Exit(130 if stopped and once else 0)
