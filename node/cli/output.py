"""What commands print: plain text that other programs can read, a little bolder on a terminal."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import typer

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


def say(*lines: str) -> None:
    """Print lines."""
    for line in lines:
        print(line)


def complain(*lines: str) -> None:
    """Print lines on standard error."""
    for line in lines:
        print(line, file=sys.stderr)


def as_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def as_json_line(value: Any) -> None:
    """Print a value as one line of JSON, for programs that read line by line."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings: with rich on a terminal, else in columns of spaces."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(headings, texts)
        return
    widths = [max(len(row[place]) for row in [list(headings), *texts]) for place in range(len(headings))]
    for row in [list(headings), *texts]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(shown)


@contextlib.contextmanager
def rows_read(data: bytes) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many rows of a table have been read; gives what is told each row's number."""
    if not sys.stderr.isatty():
        yield lambda _row: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    lines = data.count(b"\n") if not data.startswith(b"PK") else None
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("rows", total=lines)
        yield lambda row: bar.update(task, completed=row)


def steps(title: str, lines: Iterable[tuple[str, str]]) -> None:
    """Print next steps: a command or an act, and what it does."""
    say("", title)
    for number, (what, why) in enumerate(lines, 1):
        say(f"  {number}. {why}", f"       {what}")


def marked(level: str, text: str) -> str:
    """Return a line that begins with its level, coloured on a terminal."""
    return f"{typer.style(level.ljust(4), fg=_COLOURS[level]) if sys.stdout.isatty() else level.ljust(4)}  {text}"


def moment(at: datetime | None) -> str:
    """Return a time to the minute in UTC, as everything of an operator is."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def grouped(digest: str) -> str:
    """Return a hash in groups of four characters, as it is read out on the telephone."""
    return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4))
