"""`entente serve`: run a node."""

from node.cli.context import HERE, ConfigOption, configuration


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

    loaded = configuration(config)
    _log_to_stderr(loaded.log.level)
    from node.server import serve as run

    asyncio.run(run(loaded))


def _log_to_stderr(level: str) -> None:
    import logging
    import sys

    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
