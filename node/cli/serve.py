"""`entente serve`: run a node."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from node.cli.context import HERE, ConfigOption, configuration

if TYPE_CHECKING:
    from structlog.typing import EventDict


def serve(config: ConfigOption = HERE) -> None:
    r"""Run the node until Ctrl-C or SIGTERM: three listeners, delivery, directory.

    Its own record (address, certificates, keys) is published at the start where it has changed. The log goes
    to standard error, a JSON object a line, without personal data. A new member list, a block or an import
    made by another command is taken over without a restart.

    \b
    Examples:
      entente serve
      entente serve -C /srv/entente
    """
    import asyncio
    import gc

    gc.disable()  # what loads now stays: looking for garbage in it is a tenth of a start; the server enables it
    try:
        loaded = configuration(config)
        with _spared():
            _log_to_stderr(loaded.log.level)
            from node.server import serve as run

        asyncio.run(run(loaded))
    finally:
        gc.enable()


@contextmanager
def _spared() -> Iterator[None]:
    """Keep from libraries, while they load, what they would load for uses that a node hasn't.

    structlog takes rich for tracebacks in colours (4 MB). aiohttp reads the system's certificate authorities, twice
    (50 ms, 2 MB); a node trusts the certificates of its member list alone, in contexts of its own.
    """
    import sys
    from ssl import SSLContext

    sys.modules["rich"] = None  # type: ignore[assignment]
    SSLContext.set_default_verify_paths = lambda _context: None  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del sys.modules["rich"], SSLContext.set_default_verify_paths


def _log_to_stderr(level: str) -> None:
    import logging
    import sys

    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_contents,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _without_contents(_logger: object, _method: str, event: "EventDict") -> "EventDict":
    """Tell an error by its type and places: its message may quote what a person wrote."""
    import sys
    import traceback

    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["places"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)[-8:]]
    return event
