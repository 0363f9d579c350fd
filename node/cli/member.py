"""`entente member`: who takes part. This file looks; `member_change` changes the list."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli import member_change, member_keys, member_suspension
from node.cli.context import HERE, ConfigOption, JsonOption, configuration, run
from node.cli.digest_argument import DigestCommand
from node.cli.output import as_json, grouped, say, table

if TYPE_CHECKING:
    from node.service.node import Node
    from protocol.members import MemberList

app = typer.Typer(
    no_args_is_help=True,
    help="The member list: who takes part, with which keys.",
    epilog="A country joins: init, propose, sign, publish, join. See docs/operating.md.",
)
for _command in (*member_change.COMMANDS, *member_suspension.COMMANDS, *member_keys.COMMANDS):
    app.command(_command.__name__.rstrip("_").replace("_", "-"), cls=DigestCommand)(_command)

CountryArgument = Annotated[str, typer.Argument(metavar="COUNTRY", help="Country code, such as HU.")]


@app.command()
def keys(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Show this node's own keys: fingerprints of the public halves, and whether the member list has them.

    Private halves are never shown. `entente init` makes all of them.

    \b
    Examples:
      entente member keys
      entente member keys --json
    """
    rows = run(config, _keys)
    if json:
        as_json(rows)
        return
    table(
        ("key", "file", "sha256", "in the list"),
        [[row[name] for name in ("key", "file", "sha256", "listed")] for row in rows],
    )


async def _keys(node: "Node") -> list[dict[str, str]]:
    from protocol.encoding import sha256_b64u

    record = node.members.member(node.country) if node.members else None
    tls = node.keys.tls_der
    message = record.message_key(node.keys.signer.kid) if record else None
    encryption = (
        next((k for k in record.encryption_keys if k.kid == node.keys.encryption_kid), None) if record else None
    )
    rows = [
        ("TLS certificate", "tls.crt", sha256_b64u(tls), "active" if record and tls in record.tls else "no"),
        ("message key", "message.pem", node.keys.signer.kid, message.state if message else "no"),
        ("encryption key", "encryption.seed", node.keys.encryption_kid, encryption.state if encryption else "no"),
    ]
    return [{"key": k, "file": f, "sha256": s, "listed": listed} for k, f, s, listed in rows]


@app.command("list")
def list_members(
    config: ConfigOption = HERE,
    json: JsonOption = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the list for `member join --bundle`.")
    ] = None,
) -> None:
    r"""List the members: status, address, versions, what ends when, and how the last contact was.

    \b
    Examples:
      entente member list
      entente member list --json
      entente member list -o members.json
    """
    from node.cli.member_files import save

    found, bundle = run(config, _listing)
    if output is not None:
        say(f"Wrote {save(output, bundle)}. Its first root: {found['root_sha256']}")
    elif json:
        as_json(found)
    else:
        headings = ("country", "status", "since", "url", "record", "ends", "contact")
        table(headings, [[row[name] for name in headings] for row in found["members"]])
        for one in found["suspensions"]:
            say(f"{one['country']} is suspended by {', '.join(one['by'])} from {one['since']} until {one['until']}.")
        say(f"Version {found['version']}, signed by {found['threshold']}, until {found['ends']}")
        say(f"First root: {found['root_sha256']}")
        for one in found["warnings"]:
            say(_warning(one["document"], one["days_left"]))


def _warning(document: str, days_left: int) -> str:
    what = "The member list" if document in ("root", "targets") else f"The record of {document}"
    ends = f"ends in {days_left} days" if days_left >= 0 else f"ended {-days_left} days ago"
    limits = "; no new members, no new counterparts" if days_left < 0 and what == "The member list" else ""
    return f"{what} ({document}) {ends}{limits}: entente doctor says what to do."


async def _listing(node: "Node") -> tuple[dict[str, Any], bytes]:
    from node.service.accession import in_force
    from node.service.observe import suspensions

    members = in_force(node)
    root, targets = members.root, members.targets
    ends = min(document.expires for document in (root, targets) if document)
    listing = {
        "root_sha256": members.root_sha256,
        "version": targets.version if targets else 0,
        "threshold": f"{root.signed.roles['root'].threshold} of {len(root.states)} states",
        "ends": f"{ends:%Y-%m-%d}",
        "members": [_row(node, members, country) for country in members.countries()],
        "suspensions": [one.model_dump(mode="json") for one in suspensions(node)],
        "warnings": [
            {"code": code, "document": name, "days_left": left}
            for code, name, left in members.warnings(node.clock.now())
        ],
    }
    return listing, members.bundle().to_json()


def _row(node: "Node", members: "MemberList", country: str) -> dict[str, Any]:
    from node.store import peers
    from protocol.member_documents import read_role

    standing, record = members.standing(country), members.member(country)
    raw, seen = members.bundle().roles.get(country), node.store.read_now(lambda q: peers.find(q, country))
    contact = "this node" if country == node.country else "none yet"
    if seen is not None and country != node.country:
        contact = f"fails since {seen['failed_since'][:16]}" if seen["failed_since"] else str(seen["reached_at"])[:16]
        contact = "blocked here" if seen["blocked"] else contact
    return {
        "country": country,
        "status": standing.status if standing else "",
        "since": f"{standing.since:%Y-%m-%d}" if standing else "",
        "url": record.url if record else "not published yet",
        "record": members.role_version(country),
        "ends": f"{read_role(raw, country).expires:%Y-%m-%d}" if raw else "",
        "contact": contact,
    }


@app.command()
def show(country: CountryArgument, config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Show one member's record: address, certificates, keys with their states. For comparing by telephone.

    \b
    Examples:
      entente member show HU
      entente member show HU --json
    """
    found = run(config, lambda node: _record(node, country))
    if json:
        as_json(found)
        return
    say(f"{found['country']}: {found['status']} since {found['since']}", f"  {found['name']}", f"  {found['url']}")
    for what, listed in (
        ("TLS certificate", found["tls"]),
        ("message key", found["message_keys"]),
        ("encryption key", found["encryption_keys"]),
    ):
        for one in listed:
            # an encryption key's name binds nothing, its hash does: SPEC S-167
            named = f", named {one['kid']}" if one.get("kid", one["sha256"]) != one["sha256"] else ""
            say(f"  {what}  {grouped(one['sha256'])}  {one['state']}{named}")


async def _record(node: "Node", country: str) -> dict[str, Any]:
    from node.errors import NodeError
    from node.service.accession import in_force
    from protocol.encoding import sha256_b64u

    members = in_force(node)
    standing, record = members.standing(country), members.member(country)
    if standing is None:
        raise NodeError("unknown-country", f"The member list doesn't name {country}.")
    message = [{"sha256": key.kid, "state": key.state} for key in record.message_keys] if record else []
    encryption = (
        [
            {"kid": k.kid, "sha256": sha256_b64u(k.public), "state": k.state, "suite": k.suite}
            for k in record.encryption_keys
        ]
        if record
        else []
    )
    return {
        "country": country,
        "status": standing.status,
        "since": f"{standing.since:%Y-%m-%d}",
        "name": record.name if record else "",
        "url": record.url if record else "not published yet",
        "tls": [{"sha256": sha256_b64u(der), "state": "active"} for der in record.tls] if record else [],
        "message_keys": message,
        "encryption_keys": encryption,
    }


@app.command("publish-own")
def publish_own(config: ConfigOption = HERE, unasked: member_keys.UnaskedOption = False) -> None:
    r"""Sign this node's own record anew, if its address, certificates or keys changed or it ends soon.

    `entente serve` does the same. The peers are asked first which version they know, so that none is signed twice.

    \b
    Examples:
      entente member publish-own
    """
    country = configuration(config).country
    if run(config, lambda node: _publish_own(node, unasked=unasked)):
        say(f"The new record of {country} is signed. The other nodes fetch it from the running node.")
    else:
        say(f"Nothing to do: the record of {country} is as it should be, or {country} isn't a member yet.")


async def _publish_own(node: "Node", *, unasked: bool) -> bool:
    from node.service.membership import publish_own_role

    await member_keys.ask_peers(node, unasked=unasked)
    return await publish_own_role(node)
