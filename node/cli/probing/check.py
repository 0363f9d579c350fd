"""A check of another node: which rules it is about, what it sends, what has to come, and what came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from node.cli.probing.probe import Probe

Verdict = Literal["passed", "failed", "skipped"]
Run = Callable[["Probe"], Awaitable[None]]


class UnexpectedError(Exception):
    """Something else came than the protocol wants; the message says what."""


class SkippedError(Exception):
    """This can't be tried here; the message says why."""


@dataclass(frozen=True)
class Check:
    """One trial; `run` returns where what came is what `expects` says, and raises otherwise."""

    name: str
    rules: tuple[str, ...]
    title: str
    expects: str
    run: Run


@dataclass(frozen=True)
class Finding:
    """What a check found; `came` says what came instead, or why it was skipped."""

    check: Check
    verdict: Verdict
    came: str = ""


def check(*rules: str, expects: str) -> Callable[[Run], Check]:
    """Make a check of a function: its name is that of the function, its title the docstring, without the dot."""

    def made(run: Run) -> Check:
        name = run.__name__.replace("_", "-")
        return Check(name, rules, (run.__doc__ or "").removesuffix("."), expects, run)

    return made


def require(true: object, came: str) -> None:
    """Raise `UnexpectedError` where something isn't so."""
    if not true:
        raise UnexpectedError(came)
