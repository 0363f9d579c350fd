"""`entente bench exchange`: how fast two real nodes exchange, with everything on."""

from typing import Annotated

import typer

bench = typer.Typer(help="Measure how fast nodes are on this machine.", no_args_is_help=True)


@bench.callback()
def _group() -> None:
    """Measure how fast nodes are on this machine."""


@bench.command()
def exchange(
    mode: Annotated[str, typer.Option(help="batch: 100 requests a call; api: one call each.")] = "batch",
    messages: Annotated[int, typer.Option(min=100, max=100_000, help="Requests to send.")] = 2000,
    callers: Annotated[int, typer.Option(min=1, max=64, help="Callers at the same time.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    r"""Send requests between two node processes over mutual TLS, with everything on.

    Each message is a whole request: checked, signed, encrypted, committed with FULL durability, sent,
    verified, committed, receipted, and found as a case at the other side.

    \b
    Examples:
      entente bench exchange
      entente bench exchange --mode api --messages 5000 --json
    """
    if mode not in ("batch", "api"):
        raise typer.BadParameter("batch or api")
    from node.cli.bench_exchange import measure_and_print

    measure_and_print(mode, messages, callers, as_json=as_json)
