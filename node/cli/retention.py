"""`entente retention`: what is blocked and deleted, when and why."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run
from node.cli.output import as_json, as_json_line, complain, say, table

if TYPE_CHECKING:
    from node.service.node import Node
    from node.service.retention import Due

app = typer.Typer(no_args_is_help=True, help="Block and delete the data of closed cases when the law says so.")

_STEP = {"block": "blocked", "erase": "deleted"}


@app.command("run")
def run_now(
    config: ConfigOption = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, and why.")] = False,
    json: JsonOption = False,
) -> None:
    r"""Block and delete what is due; the running node does the same once a day.

    A line for each case, with the reason; with --json an object a line. The periods are those of the case's legal
    area, counted from its closure. Where nothing proves that the clock is right, nothing is done (`clock-wrong`).

    \b
    Examples:
      entente retention run --dry-run
      entente retention run --json
    """
    from node.service import retention

    async def work(node: "Node") -> tuple[int, int]:
        if dry_run:
            steps: list[str] = []
            for one in retention.plan(node):
                _tell(one, json=json)
                steps.append(one.step)
            return steps.count("block"), steps.count("erase")
        done = await retention.run(node, lambda one: _tell(one, json=json))
        return done.blocked, done.erased

    blocked, erased = run(config, work)
    if not json:
        say(f"{'Would be' if dry_run else 'Were'} blocked: {blocked}; deleted: {erased}.")


def _tell(due: "Due", *, json: bool) -> None:
    if json:
        as_json_line(
            {
                "case": due.case_id,
                "number": due.number,
                "area": due.area,
                "step": due.step,
                "closed_on": due.closed_on,
                "since": due.since,
                "why": due.why,
            }
        )
    else:
        say(f"{due.number}  {_STEP[due.step]} from {due.since}: {due.why}")


@app.command()
def status(
    config: ConfigOption = HERE,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Show so many deletions at most.")] = 50,
    json: JsonOption = False,
) -> None:
    r"""Say how far deletions have come, and what still holds a deleted case's key.

    A deletion is complete when the last backup of the case keys that was made before it has expired. `theirs` is
    the day on which the other side said that it has deleted its copy.

    \b
    Examples:
      entente retention status
      entente retention status --json
    """
    from node.service import retention_status as service

    async def work(node: "Node") -> service.Status:
        return service.status(node, limit)

    found = run(config, work)
    if json:
        as_json(found.model_dump(mode="json"))
        return
    say(f"Day that counts: {found.day or 'none'}; latest time signed by a peer: {found.attested or 'none'}")
    if found.day is None:
        complain("Nothing is blocked or deleted until the clock is proven: entente doctor.")
    for area in found.areas_unknown:
        complain(f"Area {area} was never here: its cases are deleted once the other side has. entente areas accept")
    say(f"Deletions: {found.decided}; keys destroyed: {found.key_gone}; complete: {found.complete}")
    headings = ("number", "area", "why", "decided", "key destroyed", "complete", "theirs")
    table(headings, [_line(one) for one in found.items])
    if found.holders:
        say("", "These hold older case keys:")
        table(("folder", "of", "until"), [(one.path, one.at, one.until or "removed by you") for one in found.holders])


def _line(one: Any) -> tuple[object, ...]:
    complete = one.complete_at or (f"by {one.complete_on:%Y-%m-%d}" if one.complete_on else "waits for you")
    return one.number, one.area, one.why, _day(one.decided_at), _day(one.key_gone_at), _day(complete), _day(one.theirs)


def _day(value: object) -> str:
    return str(value)[:10] if hasattr(value, "isoformat") else str(value or "")
