"""`entente probe`: whether another node keeps to the protocol, also when a member doesn't."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run, write_file
from node.cli.output import as_json_line, complain, marked, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.cli.probing.check import Check
    from node.cli.probing.run import Report
    from node.service.node import Node

_LEVELS = {"passed": "ok", "failed": "fail", "skipped": "warn"}

NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="Country code, or https address, of the node.")]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", help="A rule (S-032) or the name of a check; may be given again.")
]
ListOption = Annotated[bool, typer.Option("--list", help="Only say what would be tried.")]
AuthorityOption = Annotated[
    str | None, typer.Option("--authority", help="An authority there that may be asked; else one marked as demo.")
]
RecordOption = Annotated[
    Path | None, typer.Option("--record", help="Write all calls and answers to this file, for a later version.")
]


def probe(
    node: NodeArgument = "",
    config: ConfigOption = HERE,
    only: OnlyOption = None,
    authority: AuthorityOption = None,
    record: RecordOption = None,
    list_only: ListOption = False,
    json: JsonOption = False,
) -> None:
    r"""Test whether another node, of whatever make, keeps to protocol/SPEC.md: also against a hostile member.

    Run it in the folder of a test member that the other node's member list names, and whose own node doesn't run:
    replays, forks, oversize, wrong keys, foreign certificates, wrong clocks, altered bodies, other versions. It uses
    the wire alone, opens a request or two to an authority marked as demo, and withdraws them. docs/probe.md says
    what each check does, how a test member is listed, and what stays behind. Exit code 1 if a check fails.

    \b
    Examples:
      entente probe HU -C /srv/test-member
      entente probe https://node.example:7443 -C /srv/test-member --json
      entente probe HU --only S-032 --only S-036
      entente probe HU --record hu-2026-11.jsonl
      entente probe --list
    """
    from node.cli.probing.run import chosen
    from node.errors import NodeError

    checks = chosen(only or [])
    if list_only:
        return _list(checks, json=json)
    if not node:
        raise NodeError("invalid", "Which node?", "entente probe HU, or entente probe https://node.example:7443.")
    if record is not None and record.exists():
        raise NodeError("exists", f"{record} exists already.", "Name another one: --record.")
    report = run(config, lambda opened: _probed(opened, node, checks, authority))
    if record is not None:
        write_file(record, report.transcript)
    (_print_json if json else _print)(report)
    if report.count("failed"):
        raise typer.Exit(1)
    return None


async def _probed(opened: "Node", named: str, checks: "Sequence[Check]", authority: str | None) -> "Report":
    from node.cli.probing import run as probing
    from node.store.data_lock import served

    with served(opened.config.data):  # the member's own node would say other things in the same stream
        return await probing.probe(opened, named, checks, authority=authority, heard=complain)


def _list(checks: "Sequence[Check]", *, json: bool) -> None:
    if json:
        for one in checks:
            as_json_line({"check": one.name, "rules": one.rules, "title": one.title, "expected": one.expects})
        return
    table(("rules", "check", "what is sent", "what has to come"), [_row(one) for one in checks])


def _row(one: "Check") -> tuple[str, str, str, str]:
    return " ".join(one.rules), one.name, one.title, one.expects


def _print_json(report: "Report") -> None:
    """Print one object for each check, and a last one that sums up."""
    for found in report.findings:
        one = found.check
        what = {"check": one.name, "rules": one.rules, "title": one.title, "expected": one.expects}
        as_json_line({**what, "verdict": found.verdict, "came": found.came})
    counts = {verdict: report.count(verdict) for verdict in ("passed", "failed", "skipped")}
    about = {"node": report.country, "url": report.url, "speaks": report.speaks, "left": report.left}
    as_json_line({"summary": counts, "failed_rules": report.failed_rules, **about})


def _print(report: "Report") -> None:
    """Print the findings in the order of the rules."""
    say(f"{report.country} at {report.url}, which speaks version {', '.join(report.speaks)}", "")
    for found in report.findings:
        one = found.check
        say(marked(_LEVELS[found.verdict], f"{' '.join(one.rules)}  {one.name}: {one.title}"))
        if found.verdict != "passed":
            say(f"      expected: {one.expects}", f"      came: {found.came}")
    say("", "What stays behind there:", *(f"  {line}" for line in report.left))
    counts = ", ".join(f"{report.count(verdict)} {verdict}" for verdict in ("passed", "failed", "skipped"))
    say("", f"{len(report.findings)} checks: {counts}.")
    if report.failed_rules:
        say(f"Rules of protocol/SPEC.md to look at: {' '.join(report.failed_rules)}.")
