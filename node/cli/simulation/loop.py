"""An event loop that never waits: where nothing is ready, its clock jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

from typing_extensions import override

T = TypeVar("T")
_STUCK: Final = 10_000
"""Turns of the loop at one moment of virtual time after which it is taken to go round for ever: it needs some 200."""
_ENDLESS: Final = 3_000_000
"""Turns after which a story is taken never to end: a seed of 30 nodes needs 100,000."""


class EndlessError(Exception):
    """A story that doesn't end; `at` is the virtual time in seconds."""

    def __init__(self, reason: str, at: float) -> None:
        """Take what goes on for ever."""
        super().__init__(reason)
        self.at = at


class _Jumping(selectors.DefaultSelector):
    """Looks at what is ready and never waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._turns = self._turns_now = 0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        if self._turns > _ENDLESS:
            raise self._endless("the nodes go on for ever")
        if timeout == 0:  # something is ready: in virtual time there is nothing else to look for
            self._turns_now += 1
            if self._turns_now > _STUCK:
                raise self._endless("the nodes go round for ever without time passing")
            return []
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready:
            if timeout is None:
                raise self._endless("everything waits for something that will never come")
            self.now += max(timeout, 0.0)
            self._turns_now = 0
        return ready

    def _endless(self, reason: str) -> EndlessError:
        self._turns = self._turns_now = 0  # what is cancelled now has its turns too
        return EndlessError(reason, self.now)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time; what would run in a thread runs inline, so that every run is the same."""

    def __init__(self) -> None:
        """Begin at 0 seconds."""
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now

    @override
    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a story in virtual time; raises `EndlessError` where it doesn't end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
