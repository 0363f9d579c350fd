"""`entente verify`: every invariant of the node's data."""

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run
from node.cli.output import as_json, complain, say, table


def verify(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Check the node's data again from the signed bytes: databases, streams, receipts, events, cases, files.

    Also works while the node serves. Exit code 1 if anything is wrong; nothing is changed. When it ran and how
    much it found is left in data/verified.json, for the metrics.

    \b
    Examples:
      entente verify
      entente verify -C /srv/entente --json
    """
    from node.service.finding import Finding
    from node.service.node import Node
    from node.service.verification import check_node
    from node.store.last_verification import Verified, note_verified

    async def work(node: Node) -> list[Finding]:
        found = check_node(node)
        try:
            note_verified(node.config.data, Verified(at=node.clock.now(), findings=len(found)))
        except OSError as error:
            complain(f"entente: this run isn't noted for the metrics: {error}")
        return found

    findings = run(config, work)
    if json:
        as_json([finding._asdict() for finding in findings])
    elif findings:
        table(("code", "subject", "message"), findings)
    else:
        say("Everything is as it must be.")
    if findings:
        raise typer.Exit(1)
