"""`entente mail`: what waits at the mail server, and a try."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run
from node.cli.output import as_json, moment, say, table

if TYPE_CHECKING:
    from node.service.mailing import Queue
    from node.service.node import Node

app = typer.Typer(no_args_is_help=True, help="Mails that tell people of news: a try, what waits and why.")

_HEADINGS = ("id", "for", "form", "since", "attempts", "next try", "why")


@app.command("list")
def list_mails(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Show what waits or was given up, for whose login, since when and why, and which addresses were refused.

    Addresses and what the mails say are never shown. The person of a refused address reads on the profile what to do.

    \b
    Examples:
      entente mail list
      entente mail list --json
    """

    async def look(node: "Node") -> "Queue":
        from node.domain.access import operator
        from node.service.mailing import queue_of

        return queue_of(node, operator())

    found = run(config, look)
    if json:
        refused = [row._asdict() for row in found.refused]
        as_json({"server": found.server, "waiting": [row._asdict() for row in found.waiting], "refused": refused})
        return
    if found.server:
        say(f"The mail server can't be used: {found.server}")
    if found.waiting:
        rows = [
            (row.id, row.login, row.form, moment(row.since), row.attempts, moment(row.next_try), row.why)
            for row in found.waiting
        ]
        table(_HEADINGS, rows)
    if found.refused:
        table(("for", "refused on", "code"), [(row.login, moment(row.at), row.code) for row in found.refused])
    if not found.waiting and not found.refused:
        say("Nothing waits.")


@app.command()
def retry(
    mail: Annotated[str | None, typer.Argument(metavar="[ID]", help="As `entente mail list` shows it.")] = None,
    config: ConfigOption = HERE,
) -> None:
    r"""Try one mail now, or all, those given up too. The running node does so within a quarter of a minute.

    \b
    Examples:
      entente mail retry
      entente mail retry 5f0c3ab43a8d559201912da494b49f48
    """
    from node.domain.access import operator
    from node.service import mailing

    count = run(config, lambda node: mailing.retry(node, operator(), mail))
    say(f"Mails that are tried now: {count}. Look at it: entente mail list")


@app.command("test")
def send_test(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to, such as you@example.org.")],
    config: ConfigOption = HERE,
) -> None:
    r"""Send one mail now, to see that the mail server takes it and what arrives.

    \b
    Examples:
      entente mail test olga@example.org
    """

    async def work(node: "Node") -> str:
        from node.delivery.smtp import send_test

        return await send_test(node, address)

    say(f"The mail server has taken it: {run(config, work)}")
