"""`entente member renew-key` and `revoke-key`: new keys while the node runs, and an end to a stolen one."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, YesOption, configuration, run
from node.cli.output import say

if TYPE_CHECKING:
    from node.service.node import Node

UnaskedOption = Annotated[
    bool, typer.Option("--unasked", help="Sign even if no peer can be asked which version it knows.")
]


def renew_key(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="message, encryption, tls, log, witness or master.")],
    config: ConfigOption = HERE,
    unasked: UnaskedOption = False,
) -> None:
    r"""Make a new key and publish it; the running node takes it up within seconds, without a restart.

    An earlier message key is accepted for 40 days more; an earlier encryption key stays on this machine
    until `entente doctor` says that it may go; a TLS key is used as soon as every peer knows it. The master
    key is in no record: the running node wraps every case key anew, and the earlier one stays for the backups.

    \b
    Examples:
      entente member renew-key message
      entente member renew-key encryption
      entente member renew-key master
    """
    from node.service import key_change

    if kind not in key_change.KINDS:
        raise typer.BadParameter(f"one of {', '.join(key_change.KINDS)}", param_hint="KIND")
    run(config, lambda node: _renew(node, kind, unasked=unasked))
    if kind == "master":
        say("A new master key. The running node wraps the case keys anew now; entente doctor says when that is done.")
        say("Make a backup of both keys and of the case keys now: docs/operating.md")
        return
    country = configuration(config).country
    say(f"A new {kind} key stands in the record of {country}. Make a backup of keys/ now: docs/operating.md")


async def _renew(node: "Node", kind: str, *, unasked: bool) -> None:
    from node.domain.access import operator
    from node.service import key_change, membership

    if kind == "master":
        await key_change.renew(node, operator(), kind)
        return
    await ask_peers(node, unasked=unasked)
    membership.require_newest(node)
    await key_change.renew(node, operator(), kind)
    await membership.publish_own_role(node)


def revoke_key(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The message key's name: entente member keys.")],
    config: ConfigOption = HERE,
    yes: YesOption = False,
    unasked: UnaskedOption = False,
) -> None:
    r"""Revoke an earlier message key of this node: from now on nothing new that it signs is accepted anywhere.

    For a key that was stolen; make another one first. What was receipted stays valid, and what is on its
    way is signed again with the present key.

    \b
    Examples:
      entente member revoke-key 5CfZ2zGm-X-w2tIrSuplUrvbQTHsk9XLt5FkYpNTngw
    """
    if not yes:
        typer.confirm(f"Revoke the message key {kid} for ever?", abort=True)
    run(config, lambda node: _revoke(node, kid, unasked=unasked))
    say(f"{kid} is revoked. The other nodes learn it from the running node within a minute.")


async def _revoke(node: "Node", kid: str, *, unasked: bool) -> None:
    from node.domain.access import operator
    from node.service import membership

    await ask_peers(node, unasked=unasked)
    await membership.revoke_key(node, operator(), kid)


async def ask_peers(node: "Node", *, unasked: bool) -> None:
    """Ask every peer which versions of our own documents it knows, before a new one is signed."""
    from node.delivery.comparer import ask_all
    from node.delivery.http_line import HttpLine

    await ask_all(node, lambda country: HttpLine(node, country), unasked=unasked)


COMMANDS = (renew_key, revoke_key)
