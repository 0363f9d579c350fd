"""`entente peer`: what concerns one other node and the messages between it and ours."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, YesOption, configuration, run
from node.cli.output import say

if TYPE_CHECKING:
    from node.service.node import Node
    from protocol.batch import Head

app = typer.Typer(
    no_args_is_help=True,
    help="Other nodes, and the messages between them and this one.",
    epilog="When two nodes contradict each other: docs/operating.md.",
)

CountryArgument = Annotated[str, typer.Argument(metavar="COUNTRY", help="Country code, such as HU.")]


@app.command("new-epoch")
def new_epoch(country: CountryArgument, config: ConfigOption = HERE, yes: YesOption = False) -> None:
    r"""Begin our stream of messages to a country anew, after what that country has of it.

    For `stream-diverged` only, when both operators have compared what they have: messages that this node
    counts as received and the other side lacks will never reach it. The other side's stream is its own
    operator's affair. The country is asked first; the running node sends on by itself.

    \b
    Examples:
      entente peer new-epoch HU
      entente peer new-epoch HU --yes
    """
    own = configuration(config).country
    if not yes:
        typer.confirm(f"Begin a new epoch of the stream {own} to {country}?", abort=True)
    begun = run(config, lambda node: _begin(node, country))
    say(f"Epoch {begun.epoch} of the stream {own} to {country} begins. Look at it: entente doctor")


async def _begin(node: "Node", country: str) -> "Head":
    from node.delivery.call import LineError
    from node.delivery.comparer import ask
    from node.delivery.http_line import HttpLine
    from node.delivery.refused import RefusedError
    from node.domain.access import operator
    from node.errors import NodeError
    from node.service import epochs

    if country == node.country or node.members is None or not node.members.active(country):
        raise NodeError("unknown-country", f"The member list names no other active country {country}.")
    line = HttpLine(node, country)
    try:
        told = await ask(node, country, line)
    except (LineError, RefusedError) as error:
        raise NodeError("peer-unreachable", f"{country}: {error}") from None
    finally:
        await line.close()
    return await epochs.begin(node, operator(), country, told)
