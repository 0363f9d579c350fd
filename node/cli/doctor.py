"""`entente doctor`: what is right, what isn't, and the command that mends it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, configuration, run
from node.cli.output import as_json, marked, say

if TYPE_CHECKING:
    from node.service.diagnosis import Check


def doctor(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Check configuration, keys, member list, ports, peers, mail server, clocks, backlog, disk, and what expires when.

    Each finding names the command that mends it. Calls every peer once. Exit code 1 if something fails.

    \b
    Examples:
      entente doctor
      entente doctor -C /srv/entente --json
    """
    checks = _all_checks(config)
    if json:
        as_json([asdict(check) for check in checks])
    else:
        for check in checks:
            say(marked(check.level, f"{check.name}: {check.message}"))
            if check.mend and check.level != "ok":
                say(f"      mend: {check.mend}")
        bad = sum(check.level == "fail" for check in checks)
        warned = sum(check.level == "warn" for check in checks)
        say("", f"{len(checks)} checks, {bad} failed, {warned} to look at.")
    if any(check.level == "fail" for check in checks):
        raise typer.Exit(1)


def _all_checks(config: Path) -> "list[Check]":
    """Go as far as possible: without a configuration nothing, without keys no database, without a list no peers."""
    import asyncio

    from node.delivery.probe import check_peers, check_ports
    from node.delivery.smtp import check_mail
    from node.errors import NodeError
    from node.service.diagnosis import Check, check_files, check_local
    from node.service.diagnosis_backups import check_backups
    from node.service.node import Node

    async def look(node: Node) -> list[Check]:
        return [*check_local(node), *check_backups(node), *await check_peers(node), *await check_mail(node)]

    try:
        loaded = configuration(config)
    except NodeError as error:
        return [Check("config", "fail", error.message, error.hint)]
    checks = [Check("config", "ok", f"{loaded.folder.resolve()}"), *check_files(loaded)]
    checks += asyncio.run(check_ports(loaded))
    if any(check.level == "fail" and check.name == "keys" for check in checks):
        return checks
    try:
        return [*checks, *run(config, look)]
    except NodeError as error:
        return [*checks, Check("node", "fail", f"{error.code}: {error.message}", error.hint)]
