"""`entente peer`: what concerns one other node and the messages between it and ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, YesOption, configuration, run
from node.cli.output import as_json, moment, say, table

if TYPE_CHECKING:
    from node.service.node import Node
    from node.service.observe import PeerStatus
    from protocol.batch import Head

app = typer.Typer(
    no_args_is_help=True,
    help="Other nodes, and the messages between them and this one.",
    epilog="When two nodes contradict each other: docs/operating.md.",
)

CountryArgument = Annotated[str, typer.Argument(metavar="COUNTRY", help="Country code, such as HU.")]


@app.command("list")
def list_peers(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Show the other nodes: whether each side reaches the other, the clock's difference, and what waits.

    `reached` is our last success there, `calls us` its last call, `receipt` the last of it for our messages. The
    running node writes this down, calls once a minute. Nobody is called by this command: `entente doctor` does.

    \b
    Examples:
      entente peer list
      entente peer list --json
    """
    found = run(config, _peers)
    if json:
        as_json([one.model_dump(mode="json") for one in found])
        return
    headings = ("country", "standing", "reached", "calls us", "receipt", "clock", "waiting", "queue")
    table(headings, [_row(one) for one in found])


async def _peers(node: "Node") -> "tuple[PeerStatus, ...]":
    from node.domain.access import operator
    from node.service.observe import status

    return status(node, operator()).peers


def _row(one: "PeerStatus") -> tuple[object, ...]:
    reached = f"fails since {moment(one.failed_since)}" if one.failed_since else moment(one.reached_at)
    clock = "" if one.clock_offset_s is None else f"{one.clock_offset_s:+.0f} s"
    calls, receipt = moment(one.called_at), moment(one.last_receipt_at)
    return one.country, one.standing, reached, calls, receipt, clock, one.waiting, one.queue


@app.command()
def show(country: CountryArgument, config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Show all that this node has seen of one other node. Its keys and address: `entente member show`.

    \b
    Examples:
      entente peer show HU
      entente peer show HU --json
    """
    from node.errors import NodeError

    found = next((one for one in run(config, _peers) if one.country == country), None)
    if found is None:
        raise NodeError("unknown-country", f"The member list names no other country {country}.")
    if json:
        as_json(found.model_dump(mode="json"))
        return
    clock = "not measured" if found.clock_offset_s is None else f"{found.clock_offset_s:+.0f} s to ours"
    lines = [
        ("standing", f"{found.standing}, blocked here" if found.blocked else found.standing),
        ("reached", moment(found.reached_at)),
        ("fails", f"since {moment(found.failed_since)}, attempts: {found.attempts}" if found.failed_since else "no"),
        ("failure", found.failure or "none"),
        ("calls us", moment(found.called_at)),
        ("receipt", moment(found.last_receipt_at)),
        ("message", moment(found.last_message_at)),
        ("clock", clock),
        ("waiting", f"{found.waiting} since {moment(found.waiting_since)}" if found.waiting else "0"),
        ("queue", f"held since {moment(found.held_since)}" if found.held_since else found.queue),
        ("next try", moment(found.next_try_at)),
    ]
    for name, value in lines:
        say(f"{name:<9} {value}")


@app.command()
def block(country: CountryArgument, config: ConfigOption = HERE) -> None:
    r"""Refuse everything from a country at once and send it nothing, here only: an emergency.

    Open connections count too: its next call on them is refused. The member list stays as it is; what was said to
    it and what it has to say wait. Running nodes need no restart.

    \b
    Examples:
      entente peer block HU
    """
    _set_blocked(config, country, blocked=True)
    say(f"{country} is blocked here. What it has for us and we for it waits. Undo: entente peer unblock {country}")


@app.command()
def unblock(country: CountryArgument, config: ConfigOption = HERE) -> None:
    r"""Take messages from a blocked country again, and send it what waited.

    \b
    Examples:
      entente peer unblock HU
    """
    _set_blocked(config, country, blocked=False)
    say(f"{country} isn't blocked any more.")


def _set_blocked(config: Path, country: str, *, blocked: bool) -> None:
    from node.domain.access import operator
    from node.service.membership import set_blocked

    run(config, lambda node: set_blocked(node, operator(), country, blocked=blocked))


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
