"""`entente member suspend`: some states together stop a country for a time, without waiting for more than half."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption
from node.cli.member_change import OutputOption, SignOption, write

if TYPE_CHECKING:
    from node.service.node import Node
    from protocol.members import MemberList
    from protocol.suspension_proposal import SuspensionProposal


def suspend(
    country: Annotated[str, typer.Argument(metavar="COUNTRY", help="Country code, such as HU.")],
    others: Annotated[
        list[str] | None, typer.Option("--with", metavar="COUNTRY", help="A state that signs too; once for each.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=14, help="Days until it ends by itself.")] = 14,
    lift: Annotated[bool, typer.Option("--lift", help="End such a suspension now; the same states sign.")] = False,
    config: ConfigOption = HERE,
    output: OutputOption = None,
    sign_too: SignOption = False,
) -> None:
    r"""Propose that three states, this one among them, suspend a member at once, for 14 days at most.

    It ends by itself, and as soon as more than half of the states decide about that country (`member propose
    --suspend` or `--resume`). A state takes part in one such suspension within 90 days: then others must, or
    more than half. Every node can also block a country by itself (`entente peer block`).

    \b
    Examples:
      entente member suspend HU --with FR --with PL --sign
      entente member suspend HU --lift --sign
    """
    from node.errors import NodeError

    if lift and others:
        raise NodeError("invalid", "--lift takes no --with: the states that suspended sign.")

    def make(members: "MemberList", node: "Node") -> "SuspensionProposal":
        from protocol.suspension_proposal import suspend as suspended

        if lift:
            return _lifted(members, country, node)
        by = [node.country, *(others or ())]
        return suspended(members, country, by, node.clock.now(), days)

    write(config, f"{country}.{'lifted' if lift else 'few'}", output, sign_too, make)


def _lifted(members: "MemberList", country: str, node: "Node") -> "SuspensionProposal":
    """Propose the end of the suspension in which this country took part, else of the only one."""
    from node.errors import NodeError
    from protocol.suspension_proposal import lift

    now = node.clock.now()
    found = members.suspensions(country, now)
    chosen = [one for one in found if node.country in one.by] or list(found)
    if not chosen:
        raise NodeError("not-found", f"{country} isn't suspended by a few states.", "entente member list")
    return lift(members, chosen[0], now)


COMMANDS = (suspend,)
