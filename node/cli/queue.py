"""`entente queue`: what waits for the other nodes, and an operator's hand on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, YesOption, run
from node.cli.output import as_json, moment, say, table

if TYPE_CHECKING:
    from node.service.node import Node
    from node.service.observe import PeerStatus

app = typer.Typer(
    no_args_is_help=True,
    help="What waits for other nodes: since when, why, and when it is tried again.",
    epilog="Nothing has to be done for a peer that is down. docs/worst-night.md says when something has.",
)

CountryArgument = Annotated[str, typer.Argument(metavar="COUNTRY", help="Country code, such as HU.")]


@app.command("list")
def list_queues(
    country: Annotated[
        str | None, typer.Argument(metavar="[COUNTRY]", help="Show what waits for it, one by one.")
    ] = None,
    config: ConfigOption = HERE,
    json: JsonOption = False,
) -> None:
    r"""Show what waits for whom, since when, why, and when it is tried again; with a country, each message.

    A message that is sealed was put into a signed batch: only the other side's receipt ends it. The others can
    still be given up. Contents are never shown.

    \b
    Examples:
      entente queue list
      entente queue list HU
      entente queue list --json
    """
    if country is not None:
        _list_one(config, country, json=json)
        return
    found = [one for one in run(config, _queues) if one.waiting or one.queue in ("held", "blocked")]
    if json:
        as_json([one.model_dump(mode="json") for one in found])
    elif found:
        table(("country", "waiting", "since", "queue", "next try", "why"), [_row(one) for one in found])
    else:
        say("Nothing waits.")


async def _queues(node: "Node") -> "tuple[PeerStatus, ...]":
    from node.domain.access import operator
    from node.service.observe import status

    return status(node, operator()).peers


def _row(one: "PeerStatus") -> tuple[object, ...]:
    upcoming = moment(one.next_try_at) if one.queue == "retrying" else ""
    since = moment(one.waiting_since) if one.waiting else ""
    why = f"held since {moment(one.held_since)}" if one.queue == "held" else one.failure or ""
    return one.country, one.waiting, since, one.queue, upcoming, why


def _list_one(config: Path, country: str, *, json: bool) -> None:
    from node.domain.access import operator
    from node.service import queues

    async def look(node: "Node") -> tuple[queues.Waiting, ...]:
        return queues.waiting(node, operator(), country)

    found = run(config, look)
    if json:
        as_json([one.model_dump(mode="json") for one in found])
        return
    rows = [(one.number, one.kind, moment(one.since), "yes" if one.sealed else "no") for one in found]
    table(("number", "message", "since", "sealed"), rows)


@app.command()
def hold(country: CountryArgument, config: ConfigOption = HERE) -> None:
    r"""Send nothing more to a country until `entente queue retry`; people go on working, and it goes on waiting.

    What the country sends is still received. To refuse that too: `entente peer block`. Running nodes need no
    restart; a batch that is on the line at this moment isn't called back.

    \b
    Examples:
      entente queue hold HU
    """
    from node.domain.access import operator
    from node.service import queues

    run(config, lambda node: queues.hold(node, operator(), country))
    say(f"The queue for {country} is held. Go on: entente queue retry {country}")


@app.command()
def retry(country: CountryArgument, config: ConfigOption = HERE) -> None:
    r"""Try a country now instead of at the next attempt, and end a hold of its queue.

    The running node does so within about a second; where the country asked it to wait (`busy`), at the time that
    `entente queue list` shows. Needed only to save the pause of up to `peers.retry_longest_s`.

    \b
    Examples:
      entente queue retry HU
    """
    from node.domain.access import operator
    from node.service import queues

    run(config, lambda node: queues.retry(node, operator(), country))
    say(f"{country} is tried within a second, if the node runs. Look at it: entente queue list")


@app.command("give-up")
def give_up(
    number: Annotated[
        str | None, typer.Argument(metavar="[NUMBER]", help="Number of the request, such as DE-2026-000412.")
    ] = None,
    country: Annotated[
        str | None, typer.Option("--all", metavar="COUNTRY", help="All that was never sealed for this country.")
    ] = None,
    config: ConfigOption = HERE,
    yes: YesOption = False,
) -> None:
    r"""Take back what waits of a request and was never sealed. It never happened, and its people are told so.

    For a request that nobody will fetch, or that must not go out. What is sealed already is refused (`sealed`),
    since it may have arrived. Hold the queue first, so that nothing is sealed meanwhile. It is audited.

    \b
    Examples:
      entente queue give-up DE-2026-000412
      entente queue give-up DE-2026-000412 --yes
      entente queue give-up --all HU
    """
    if (number is None) == (country is None):
        raise typer.BadParameter("Name the number of a request, or --all COUNTRY.")
    if country is not None:
        _give_up_all(config, country, yes=yes)
    else:
        _give_up_one(config, number or "", yes=yes)


def _give_up_one(config: Path, number: str, *, yes: bool) -> None:
    from node.domain.access import operator
    from node.service import queues

    async def look(node: "Node") -> queues.GivenUp:
        return queues.to_give_up(node, operator(), number)

    if not yes:
        found = run(config, look)
        typer.confirm(f"Take back {', '.join(found.kinds)} of {number}, for {found.peer}?", abort=True)
    done = run(config, lambda node: queues.give_up(node, operator(), number))
    say(f"Given up: {', '.join(done.kinds)} of {number}. {done.peer} never sees it; the case says so.")


def _give_up_all(config: Path, country: str, *, yes: bool) -> None:
    from node.domain.access import operator
    from node.service import queues

    async def look(node: "Node") -> queues.Unsealed:
        return queues.to_give_up_all(node, operator(), country)

    found = run(config, look)
    if not yes:
        typer.confirm(f"Take back all that was never sealed for {country} ({found.count} messages)?", abort=True)
    count = run(config, lambda node: queues.give_up_all(node, operator(), country, found.until))
    say(f"Given up: {count} messages. {country} never sees them; the cases say so.")
