"""The next version of our own documents: never one that was signed before with other words (SPEC S-133)."""

from node.clock import seconds
from node.service.node import Node


def neighbours(node: Node) -> frozenset[str]:
    """Return the countries that may know documents of ours: all members that haven't left."""
    members = node.members
    listed = ((country, members.standing(country)) for country in members.countries()) if members else ()
    return frozenset(c for c, standing in listed if standing and standing.status != "left") - {node.country}


def following(node: Node, version: int) -> int:
    """Return the version after this one.

    Where somebody couldn't be asked since the start, a later version than ours may lie there. So it is the time
    in seconds since 1970 then, which none has been.
    """
    return version + 1 if not version or node.all_asked() else max(version + 1, seconds(node.clock.now()))
