"""The state of the node, for its operator."""

from typing import Final

from node.api.route import Call, Route
from node.service import observe
from node.service.observe import NodeStatus


async def read(call: Call) -> NodeStatus:
    """Read the node's state."""
    return observe.status(call.node, call.actor)


ROUTES: Final = (
    Route("GET", "/status", "readStatus", "Read the node's peers, what waits for them, and what expires", read,
          NodeStatus),
)  # fmt: skip
