"""`entente directory history | undo | end | invite | …`: single authorities, what happened to them, and invitations."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, YesOption, run
from node.cli.member_keys import UnaskedOption, ask_peers
from node.cli.output import as_json, moment, say, table

if TYPE_CHECKING:
    from pathlib import Path

    from node.service.node import Node

T = TypeVar("T")

app = typer.Typer(help="Single authorities and invitations; these commands stand beside those of directory.py.")

AuthorityArgument = Annotated[str, typer.Argument(metavar="AUTHORITY", help="Its id, such as DE-zaek-berlin.")]
RegistrationArgument = Annotated[str, typer.Argument(metavar="REGISTRATION", help="From the list of registrations.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stays in the history.")]


def _published(config: "Path", work: "Callable[[Node], Awaitable[T]]", *, unasked: bool) -> T:
    """Run what publishes our list anew, after a peer was asked which version it knows."""

    async def asked(node: "Node") -> T:
        await ask_peers(node, unasked=unasked)
        return await work(node)

    return run(config, asked)


@app.command()
def history(authority: AuthorityArgument, config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""List who changed an authority's record, when, why and what, the newest first.

    \b
    Examples:
      entente directory history DE-zaek-berlin
    """

    async def work(node: "Node") -> list[dict[str, Any]]:
        from node.domain.access import operator
        from node.service.authority_history import history as changes

        return [
            {
                "change": one.seq,
                "at": one.at,
                "by": one.by or "operator",
                "kind": one.kind,
                "reason": one.reason,
                "fields": [{"field": f.field, "before": f.before, "after": f.after} for f in one.fields],
            }
            for one in changes(node, operator(), authority)
        ]

    rows = run(config, work)
    if json:
        as_json(rows)
        return
    cells = [
        (row["change"], moment(row["at"]), row["by"], row["kind"], row["reason"], _names(row["fields"])) for row in rows
    ]
    table(("change", "at", "by", "kind", "reason", "fields"), cells)


def _names(fields: list[dict[str, Any]]) -> str:
    return ", ".join(one["field"] for one in fields)


@app.command()
def undo(
    authority: AuthorityArgument,
    change: Annotated[int, typer.Argument(metavar="CHANGE", help="Its number in the history.")],
    reason: ReasonOption,
    unasked: UnaskedOption = False,
    config: ConfigOption = HERE,
) -> None:
    r"""Publish an authority's record as it was before a change, as a new version. Nothing is forgotten.

    \b
    Examples:
      entente directory undo DE-zaek-berlin 412 --reason "Wrong table"
    """

    async def work(node: "Node") -> int:
        from node.domain.access import operator
        from node.service import authority_history

        v = authority_history.seen(node, operator(), authority).v
        return (await authority_history.undo(node, operator(), authority, change, v, reason)).v

    say(f"Published {authority} as version {_published(config, work, unasked=unasked)}.")


@app.command()
def end(
    authority: AuthorityArgument,
    until: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day on which it may be asked.")],
    reason: ReasonOption,
    successor: Annotated[str, typer.Option(help="Id of the authority that takes its tasks over.")] = "",
    unasked: UnaskedOption = False,
    config: ConfigOption = HERE,
) -> None:
    r"""End an authority after a day. It stays in the directory and in every case.

    \b
    Examples:
      entente directory end DE-old --until 2026-12-31 --successor DE-new --reason "Merged"
    """

    async def work(node: "Node") -> int:
        from node.domain.access import operator
        from node.service import authority_history

        v = authority_history.seen(node, operator(), authority).v
        ended = await authority_history.end(node, operator(), authority, v, until.date(), (reason, successor or None))
        return ended.v

    say(f"Published {authority} as version {_published(config, work, unasked=unasked)}.")


@app.command()
def erase(
    authority: AuthorityArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    unasked: UnaskedOption = False,
    config: ConfigOption = HERE,
) -> None:
    r"""Erase an authority's record for data protection, here and in all other countries. It can't be undone.

    The authority leaves the directory; contacts, descriptions and the history of its record go, its name, areas and
    links stay for old cases. Its leaves in the log stand, so earlier proofs hold.

    \b
    Examples:
      entente directory erase DE-old --reason "Erasure asked for on 2026-11-02"
    """
    if not yes:
        typer.confirm(f"Erase the record of {authority}? It can't be undone.", abort=True)

    async def work(node: "Node") -> None:
        from node.domain.access import operator
        from node.service.authority_erasure import erase as erased

        await erased(node, operator(), authority, reason)

    _published(config, work, unasked=unasked)
    say(f"Erased the record of {authority}. The others follow when they next look.")


@app.command()
def invite(
    coordinator: Annotated[str, typer.Argument(metavar="COORDINATOR", help="Id of the coordinator that invites.")],
    note: Annotated[str, typer.Option(help="Whom it is for; only coordinators see it.")],
    config: ConfigOption = HERE,
) -> None:
    r"""Print a link with which somebody writes an authority's record and an account, once.

    Nothing is published before the coordinator, or `entente directory approve`, has approved it.

    \b
    Examples:
      entente directory invite DE-coordinator --note "Chamber of Hesse"
    """

    async def work(node: "Node") -> str:
        from node.domain.access import operator
        from node.service.registration import invite as invited

        _, token = await invited(node, operator(), coordinator, note)
        return f"{node.config.web.url.rstrip('/')}/invitation/{token}"

    say(run(config, work))


@app.command()
def registrations(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""List invitations and what came of them.

    \b
    Examples:
      entente directory registrations
    """

    async def work(node: "Node") -> list[dict[str, Any]]:
        from node.domain.access import operator
        from node.service.registration import listing

        return [
            {
                "registration": one.id,
                "coordinator": one.coordinator,
                "note": one.note,
                "state": one.state,
                "authority": one.authority or "",
                "name": str(one.record.get("name", "")),
                "changed": moment(one.updated_at),
            }
            for one in listing(node, operator())
        ]

    rows = run(config, work)
    if json:
        as_json(rows)
    else:
        headings = ("registration", "coordinator", "note", "state", "authority", "name", "changed")
        table(headings, [[row[name] for name in headings] for row in rows])


@app.command()
def approve(
    registration: RegistrationArgument,
    reason: ReasonOption,
    authority: Annotated[str, typer.Option(help="Id of the new authority; made from the name if left out.")] = "",
    unasked: UnaskedOption = False,
    config: ConfigOption = HERE,
) -> None:
    r"""Publish what an invited authority wrote, and print its first administrator's sign-in link.

    \b
    Examples:
      entente directory approve 7c1f… --reason "Statute checked"
    """

    async def work(node: "Node") -> tuple[str, str]:
        from node.domain.access import operator
        from node.service.registration import approve as approved

        made = await approved(node, operator(), registration, authority, reason)
        return made.authority.id, f"{node.config.web.url.rstrip('/')}/link/{made.link}"

    made, link = _published(config, work, unasked=unasked)
    say(f"Registered {made}. Sign-in link of its administrator, works once:", f"  {link}")


@app.command("return")
def give_back(
    registration: RegistrationArgument,
    reason: Annotated[str, typer.Option(help="What has to be corrected; the invited person reads it.")] = "",
    config: ConfigOption = HERE,
) -> None:
    r"""Return a registration for correction and print a new link, or only renew the link of an invitation.

    \b
    Examples:
      entente directory return 7c1f… --reason "The address is missing"
    """

    async def work(node: "Node") -> str:
        from node.domain.access import operator
        from node.service.registration import give_back as returned

        token = await returned(node, operator(), registration, reason)
        return f"{node.config.web.url.rstrip('/')}/invitation/{token}"

    say(run(config, work))


@app.command()
def withdraw(registration: RegistrationArgument, config: ConfigOption = HERE) -> None:
    r"""End an invitation; its link stops working.

    \b
    Examples:
      entente directory withdraw 7c1f…
    """

    async def work(node: "Node") -> None:
        from node.domain.access import operator
        from node.service.registration import withdraw as withdrawn

        await withdrawn(node, operator(), registration)

    run(config, work)
    say("Withdrawn.")
