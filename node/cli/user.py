"""`entente user`: the people who work with this node."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, run
from node.cli.digest_argument import DigestCommand
from node.cli.output import as_json, say, table

if TYPE_CHECKING:
    from node.service.node import Node

app = typer.Typer(no_args_is_help=True, help="The people who work with this node.")

LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The user name.")]


@app.command()
def add(
    login: LoginArgument,
    *,
    name: Annotated[str, typer.Option(help="The person's name, as colleagues see it.")],
    role: Annotated[list[str], typer.Option(help="What the person does, see entente user roles; may be repeated.")],
    authority: Annotated[list[str] | None, typer.Option(help="Id of an authority; may be repeated.")] = None,
    area: Annotated[list[str] | None, typer.Option(help="Legal area, if not all of them; may be repeated.")] = None,
    language: Annotated[str, typer.Option(help="Language in which the person reads.")] = "",
    service: Annotated[bool, typer.Option("--service", help="A system's account; it stays one.")] = False,
    config: ConfigOption = HERE,
) -> None:
    r"""Add a person and print a one-time sign-in link. The person then chooses a password.

    With --service it is the account of a system, which has no link and no password: it calls the API with
    tokens (entente user token), and everything that it does is shown under its name.

    \b
    Examples:
      entente user add anna --name "Anna Berger" --role handler --authority DE-zaek-berlin --language de
      entente user add bruno --name "Bruno Kern" --role allocator --authority DE-zaek-berlin --area services
      entente user add ops --name "Night shift" --role operator
      entente user add register --service --name "Register software" --role handler --authority DE-zaek-berlin
    """

    async def work(node: "Node") -> str:
        from node.domain.access import operator
        from node.domain.person import NewPerson
        from node.service.accounts import add_person

        reads = language or node.config.node.language
        new = NewPerson(login, name, reads, frozenset(role), frozenset(authority or ()), service, frozenset(area or ()))
        person = await add_person(node, operator(), new)
        return "" if service else await _link(node, person.id)

    link = run(config, work)
    if service:
        say(f"Added the service account {login}. Give it a token: entente user token {login} --label PURPOSE")
    else:
        say(f"Added {login}. Sign-in link, works once:", f"  {link}")


def _id_of(node: "Node", login: str) -> str:
    from node.domain.access import operator
    from node.service.accounts import person_named

    return person_named(node, operator(), login).id


async def _link(node: "Node", person_id: str) -> str:
    from node.domain.access import operator
    from node.service.sessions import make_link

    token = await make_link(node, operator(), person_id)
    return f"{node.config.web.url.rstrip('/')}/link/{token}"


@app.command("list")
def list_people(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""List accounts with the roles that they hold, ended ones too.

    \b
    Examples:
      entente user list
      entente user list --json
    """
    rows = run(config, _people)
    if json:
        as_json(rows)
    else:
        headings = ("login", "name", "kind", "language", "grants", "state")
        shown = [{**row, "grants": ", ".join(map(_words, row["grants"]))} for row in rows]
        table(headings, [[row[name] for name in headings] for row in shown])


def _words(grant: dict[str, str | None]) -> str:
    return " ".join(filter(None, (grant["role"], grant["authority"], grant["area"])))


async def _people(node: "Node") -> list[dict[str, Any]]:
    from node.domain.access import operator
    from node.service.accounts import list_people as people

    return [
        {
            "login": one.login,
            "id": one.id,
            "name": one.name,
            "kind": "service" if one.service else "person",
            "language": one.language,
            "roles": " ".join(sorted(one.roles)),
            "authorities": " ".join(sorted(one.authorities)),
            "grants": [
                {"role": grant.role, "authority": grant.authority or None, "area": grant.area or None}
                for grant in sorted(one.grants)
            ],
            "state": "ended" if one.ended_at else "active" if one.has_password or one.service else "no password yet",
        }
        for one in people(node, operator())
    ]


@app.command()
def data(login: LoginArgument, config: ConfigOption = HERE) -> None:
    r"""Print all that this node keeps of a person, as JSON: for whoever asks and can't sign in any more.

    Who can sign in reads the same by GET /me/data. The data of an account that has ended are blocked: no list shows
    the name or the login, and this command, which takes the account's id too, is noted in the audit trail. It may be
    used to prove an exchange, or for the person. After three years the account is deleted.

    \b
    Examples:
      entente user data anna > anna.json
    """

    async def work(node: "Node") -> Any:
        from node.domain.access import operator
        from node.service.own_data import data_of

        return (await data_of(node, operator(), login)).model_dump(mode="json")

    as_json(run(config, work))


@app.command()
def link(login: LoginArgument, config: ConfigOption = HERE) -> None:
    r"""Print a new one-time sign-in link, for somebody who is new or forgot the password.

    The person is shown that it was made, by whom and when. Sessions and tokens go on until the person chooses
    a new password.

    \b
    Examples:
      entente user link anna
    """
    say(run(config, lambda node: _link(node, _id_of(node, login))))


@app.command()
def token(
    login: LoginArgument,
    label: Annotated[str, typer.Option(help="Where the token will be used.")],
    days: Annotated[int, typer.Option(help="Days for which it works, at most 366.")] = 90,
    config: ConfigOption = HERE,
) -> None:
    r"""Print a new bearer token for a service account. It is shown this once.

    People make theirs themselves, in their profile or through the API.

    \b
    Examples:
      entente user token register --label "case software" --days 180
    """
    from node.domain.access import operator

    async def work(node: "Node") -> str:
        from node.service.tokens import make_service_token

        return await make_service_token(node, operator(), _id_of(node, login), label, days)

    say(run(config, work))


@app.command()
def tokens(login: LoginArgument, config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""List the bearer tokens of an account, without the tokens themselves.

    \b
    Examples:
      entente user tokens register
      entente user tokens register --json
    """
    rows = run(config, lambda node: _tokens(node, login))
    if json:
        as_json(rows)
    else:
        headings = ("id", "label", "created", "used", "expires")
        table(headings, [[row[name] for name in headings] for row in rows])


async def _tokens(node: "Node", login: str) -> list[dict[str, Any]]:
    from node.domain.access import operator
    from node.service.tokens import tokens_of

    _, found = tokens_of(node, operator(), _id_of(node, login))
    return [
        {
            "id": one.id,
            "label": one.label,
            "created": one.created_at.date().isoformat(),
            "used": one.used_on.isoformat() if one.used_on else "",
            "expires": one.expires_at.date().isoformat(),
        }
        for one in found
    ]


RoleOption = Annotated[str, typer.Option(help="What the person does, see entente user roles.")]
AuthorityOption = Annotated[str, typer.Option(help="Id of the authority in which.")]
AreaOption = Annotated[str, typer.Option(help="Legal area, if not all of them.")]


@app.command()
def roles(json: JsonOption = False) -> None:
    r"""List the roles that there are and what each may do; the page docs/access.md shows the same table.

    \b
    Examples:
      entente user roles
    """
    from node.domain.access import PER_AREA, RIGHTS, ROLES

    rows = [
        {
            "role": role,
            "per area": "yes" if role in PER_AREA else "no",
            "may": "; ".join(right.what for right in RIGHTS.values() if role in right.roles),
        }
        for role in ROLES
    ]
    if json:
        as_json(rows)
    else:
        table(tuple(rows[0]), [list(row.values()) for row in rows])


@app.command()
def grant(
    login: LoginArgument,
    role: RoleOption,
    authority: AuthorityOption,
    area: AreaOption = "",
    config: ConfigOption = HERE,
) -> None:
    r"""Grant a role to somebody who has an account. It holds from the person's next step on.

    An authority's own data administrators do the same on the page of their users.

    \b
    Examples:
      entente user grant anna --role allocator --authority DE-zaek-berlin
      entente user grant anna --role handler --authority DE-bagso --area services
    """

    async def work(node: "Node") -> None:
        from node.domain.access import operator
        from node.service import accounts

        await accounts.grant(node, operator(), _id_of(node, login), accounts.grant_of(authority, role, area))

    run(config, work)
    say(f"Granted {login}: {' '.join(filter(None, (role, authority, area)))}.")


@app.command()
def revoke(
    login: LoginArgument,
    role: RoleOption,
    authority: AuthorityOption,
    area: AreaOption = "",
    config: ConfigOption = HERE,
) -> None:
    r"""Revoke a role at once. It is named as it was granted: a role in all areas isn't revoked in one of them.

    \b
    Examples:
      entente user revoke anna --role allocator --authority DE-zaek-berlin
    """

    async def work(node: "Node") -> None:
        from node.domain.access import operator
        from node.service import accounts

        await accounts.revoke(node, operator(), _id_of(node, login), accounts.grant_of(authority, role, area))

    run(config, work)
    say(f"Revoked from {login}: {' '.join(filter(None, (role, authority, area)))}.")


@app.command("end-token", cls=DigestCommand)
def end_token(
    login: LoginArgument,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The token's id: entente user tokens.")],
    config: ConfigOption = HERE,
) -> None:
    r"""End a bearer token at once.

    \b
    Examples:
      entente user end-token register 0KPzxJVkyyMvi2CRxPzBtGcJbUEUVYiVYbzhWvWLCtU
    """
    from node.domain.access import operator

    async def work(node: "Node") -> None:
        from node.service import tokens

        await tokens.end_token(node, operator(), token_id, _id_of(node, login))

    run(config, work)
    say("The token has ended.")


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

        await end_person(node, operator(), _id_of(node, login))

    run(config, work)
    say(f"The account {login} has ended.")
