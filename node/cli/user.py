"""`entente user`: the people who work with this node."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run
from node.cli.output import as_json, say, table

if TYPE_CHECKING:
    from node.service.node import Node

app = typer.Typer(no_args_is_help=True, help="The people who work with this node.")

LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The user name.")]


@app.command()
def add(
    login: LoginArgument,
    name: Annotated[str, typer.Option(help="The person's name, as colleagues see it.")],
    role: Annotated[list[str], typer.Option(help="handler, data-administrator or operator; may be repeated.")],
    authority: Annotated[list[str] | None, typer.Option(help="Id of an authority; may be repeated.")] = None,
    language: Annotated[str, typer.Option(help="Language in which the person reads.")] = "",
    config: ConfigOption = HERE,
) -> None:
    r"""Add a person and print a one-time sign-in link. The person then chooses a password.

    \b
    Examples:
      entente user add anna --name "Anna Berger" --role handler --authority DE-zaek-berlin --language de
      entente user add ops --name "Night shift" --role operator
    """

    async def work(node: "Node") -> str:
        from node.domain.access import operator
        from node.domain.person import NewPerson
        from node.service.accounts import add_person

        reads = language or node.config.node.language
        new = NewPerson(login, name, reads, frozenset(role), frozenset(authority or ()))
        await add_person(node, operator(), new)
        return await _link(node, login)

    say(f"Added {login}. Sign-in link, works once:", f"  {run(config, work)}")


async def _link(node: "Node", login: str) -> str:
    from node.domain.access import operator
    from node.service.sessions import make_link

    token = await make_link(node, operator(), login)
    return f"{node.config.web.url.rstrip('/')}/link/{token}"


@app.command("list")
def list_people(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""List accounts, ended ones too.

    \b
    Examples:
      entente user list
      entente user list --json
    """
    rows = run(config, _people)
    if json:
        as_json(rows)
    else:
        headings = ("login", "name", "language", "roles", "authorities", "state")
        table(headings, [[row[name] for name in headings] for row in rows])


async def _people(node: "Node") -> list[dict[str, Any]]:
    from node.domain.access import operator
    from node.service.accounts import list_people as people

    return [
        {
            "login": one.login,
            "name": one.name,
            "language": one.language,
            "roles": " ".join(sorted(one.roles)),
            "authorities": " ".join(sorted(one.authorities)),
            "state": "ended" if one.ended_at else "active" if one.has_password else "no password yet",
        }
        for one in people(node, operator())
    ]


@app.command()
def link(login: LoginArgument, config: ConfigOption = HERE) -> None:
    r"""Print a new one-time sign-in link, for somebody who is new or forgot the password.

    \b
    Examples:
      entente user link anna
    """
    say(run(config, lambda node: _link(node, login)))


@app.command()
def token(
    login: LoginArgument,
    label: Annotated[str, typer.Option(help="Where the token will be used.")],
    days: Annotated[int, typer.Option(help="Days for which it works, at most 366.")] = 90,
    config: ConfigOption = HERE,
) -> None:
    r"""Print a new bearer token for the API, on behalf of a person. It is shown this once.

    \b
    Examples:
      entente user token anna --label "case software" --days 180
    """
    from node.domain.access import operator

    async def work(node: "Node") -> str:
        from node.service.sessions import make_token

        return await make_token(node, operator(), label, days, login)

    say(run(config, work))


@app.command()
def end(login: LoginArgument, config: ConfigOption = HERE) -> None:
    r"""End an account at once, with its sessions, links and tokens. Cases keep the person's name.

    \b
    Examples:
      entente user end anna
    """
    from node.domain.access import operator

    async def work(node: "Node") -> None:
        from node.service.accounts import end_person

        await end_person(node, operator(), login)

    run(config, work)
    say(f"The account {login} has ended.")
