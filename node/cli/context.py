"""What all commands that work on a node have in common: which one, and how it is opened and closed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:  # these take most of a second to load, and `--help` needs none of them
    from node.config import Config
    from node.service.node import Node

T = TypeVar("T")

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-C", envvar="ENTENTE_CONFIG", help="Directory that holds node.toml, or the file itself."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask; for scripts.")]
HERE = Path()


def configuration(config: Path) -> "Config":
    """Read the configuration."""
    from node.config import load

    return load(config)


def run(config: Path, work: "Callable[[Node], Awaitable[T]]") -> T:
    """Open the node, do `work`, close it. A running node isn't disturbed: both work on the same database."""
    import asyncio

    from node.errors import NodeError, from_protocol
    from node.server import close_node, open_node
    from node.store.data_lock import held
    from node.store.snapshot import damage_told
    from protocol.member_problems import MemberListError
    from protocol.problems import ProtocolError

    async def opened() -> T:
        loaded = configuration(config)
        with held(loaded.data):
            node = open_node(loaded, copied=_say_copy)
            try:
                return await work(node)
            finally:
                await close_node(node)

    try:
        with damage_told():
            return asyncio.run(opened())
    except MemberListError as error:
        raise NodeError("members-invalid", f"{error.meaning} ({error})") from None
    except ProtocolError as error:
        raise from_protocol(error) from None


def _say_copy(folder: Path) -> None:
    from node.cli.output import complain

    complain(f"The databases were copied to {folder} before their schema was brought up to date.")


def read_file(path: Path) -> bytes:
    """Read a file that an operator named; `-` is standard input. Raises `invalid`."""
    import sys

    from node.errors import NodeError

    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise NodeError("invalid", f"{path} can't be read: {error.strerror}.", "Check the name of the file.") from None


def write_file(path: Path, data: bytes) -> None:
    """Write a new file; one that is there is never overwritten. Raises `exists` or `invalid`."""
    from node.errors import NodeError

    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise NodeError("exists", f"{path} exists already.", "Name another one: --output.") from None
    except OSError as error:
        raise NodeError("invalid", f"{path} can't be written: {error.strerror}.", "Name another one.") from None
