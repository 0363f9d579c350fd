"""`entente bench`: how fast two real nodes exchange and share a directory, with everything on."""

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
    verified, committed, receipted, and found as a case at the other side. The unloaded median is from submission to
    visible there, of requests sent one by one.

    \b
    Examples:
      entente bench exchange
      entente bench exchange --mode api --messages 5000 --json
    """
    if mode not in ("batch", "api"):
        raise typer.BadParameter("batch or api")
    from node.cli.bench_exchange import measure_and_print

    measure_and_print(mode, messages, callers, as_json=as_json)


@bench.command()
def directory(
    authorities: Annotated[int, typer.Option(min=1000, max=200_000, help="Authorities of the directory.")] = 15_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    r"""Publish invented authorities at one node, let another take them over, and search there.

    Import, first synchronisation and 100 changes go between two node processes over mutual TLS. The searches are
    those of officials, a third with a typing error; recall compares the first page with the answer of looking at
    every authority.

    \b
    Examples:
      entente bench directory
      entente bench directory --authorities 100000 --json
    """
    from node.cli.bench_directory import measure_and_print

    measure_and_print(authorities, as_json=as_json)


@bench.command()
def cases(
    count: Annotated[int, typer.Option("--cases", min=1000, max=1_000_000, help="Cases of the store.")] = 100_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    r"""Fill a node's store with a year of cases, and measure what people wait for.

    Signed, encrypted and stored as between nodes, with one other country and half of them in each direction. Up to
    10,000 are made so; beyond, cases are copies of these: rows of the same size under other numbers, that don't open.
    Then the work list, a case, a search, a message, the daily looks, statistics of the year, and the running node's
    metrics, memory and disk. 100,000 cases take 2 GB in the folder for temporary files, and some minutes;
    1,000,000 take 20 GB, 1.3 GB of memory, and half an hour.

    \b
    Examples:
      entente bench cases
      entente bench cases --cases 10000 --json
    """
    from node.cli.bench_cases import measure_and_print

    measure_and_print(count, as_json=as_json)
