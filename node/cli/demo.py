"""`entente demo`: two real nodes on this machine, and the main story on them."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the whole story without a person, then end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: one JSON object a line.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the nodes' data here instead of a temporary folder.")
    ] = None,
) -> None:
    r"""Run a German and a Hungarian node on this machine, with demo authorities and users.

    Without options it prints each dashboard's address with a one-time sign-in link for every demo user, and
    stays up until Ctrl-C.

    \b
    Examples:
      entente demo
      entente demo --once
      entente demo --once --json > story.jsonl
    """
    from node.cli.demo_network import play

    stopped = play(folder, once=once, as_json=as_json)
    raise typer.Exit(130 if stopped and once else 0)
