"""Other nodes and what waits for them, in the operator's hands; the same services as the commands and the pages."""

from typing import Annotated, Final

from pydantic import Field

from node.api.route import Call, Page, PageQuery, Route, Shape
from node.service import membership, peer_past, queues, report
from node.service.peer_past import PeerDetail
from node.service.queues import Unsealed, Waiting
from node.service.report import NodeReport

Number = Annotated[str, Field(max_length=40, description="Number of the request, such as DE-2026-000412.")]


class GiveUp(Shape):
    """What is taken back: of which request."""

    number: Number


class GiveUpAll(Shape):
    """What is taken back: all that was never sealed, up to `until` of `GET /peers/{country}/queue/unsealed`."""

    until: Annotated[int, Field(ge=0, le=2**53)]


class GivenUpMessages(Shape):
    """How many messages were taken back; they never happened."""

    count: int


async def read(call: Call) -> PeerDetail:
    """Read all of one peer."""
    return peer_past.read(call.node, call.actor, call.path["country"])


async def block(call: Call) -> None:
    """Refuse everything of a peer, and send it nothing."""
    await membership.set_blocked(call.node, call.actor, call.path["country"], blocked=True)


async def unblock(call: Call) -> None:
    """Take a peer's messages again."""
    await membership.set_blocked(call.node, call.actor, call.path["country"], blocked=False)


async def queue(call: Call) -> Page[Waiting]:
    """List what waits for a peer."""
    query: PageQuery = call.query
    found = await queues.some_waiting(call.node, call.actor, call.path["country"], query.limit + 1, query.offset)
    following = query.offset + query.limit if len(found) > query.limit else None
    return Page[Waiting](items=found[: query.limit], next=following)


async def hold(call: Call) -> None:
    """Hold a peer's queue."""
    await queues.hold(call.node, call.actor, call.path["country"])


async def retry(call: Call) -> None:
    """Try a peer now, and end a hold."""
    await queues.retry(call.node, call.actor, call.path["country"])


async def unsealed(call: Call) -> Unsealed:
    """Say what could be given up."""
    return queues.to_give_up_all(call.node, call.actor, call.path["country"])


async def give_up(call: Call) -> GivenUpMessages:
    """Give up what waits of one request."""
    body: GiveUp = call.body
    return GivenUpMessages(count=len((await queues.give_up(call.node, call.actor, body.number)).kinds))


async def give_up_all(call: Call) -> GivenUpMessages:
    """Give up all that was never sealed."""
    body: GiveUpAll = call.body
    count = await queues.give_up_all(call.node, call.actor, call.path["country"], body.until)
    return GivenUpMessages(count=count)


async def diagnose(call: Call) -> NodeReport:
    """Look at this node."""
    return await report.read(call.node, call.actor)


ROUTES: Final = (
    Route("GET", "/diagnosis", "readDiagnosis", "Look at this node: findings, what ends when, proofs and refusals",
          diagnose, NodeReport),
    Route("GET", "/peers/{country}", "readPeer", "Read all that this node has seen of another", read, PeerDetail),
    Route("POST", "/peers/{country}/block", "blockPeer", "Refuse everything of a node and send it nothing", block,
          None, status=204),
    Route("POST", "/peers/{country}/unblock", "unblockPeer", "Take messages of a blocked node again", unblock, None,
          status=204),
    Route("GET", "/peers/{country}/queue", "listQueue", "List what waits for a node, without contents", queue,
          Page[Waiting], query=PageQuery),
    Route("POST", "/peers/{country}/queue/hold", "holdQueue", "Send nothing more to a node until it is tried again",
          hold, None, status=204),
    Route("POST", "/peers/{country}/queue/retry", "retryQueue", "Try a node now, and end a hold of its queue", retry,
          None, status=204),
    Route("GET", "/peers/{country}/queue/unsealed", "countUnsealed", "Count what may still be given up", unsealed,
          Unsealed),
    Route("POST", "/peers/{country}/queue/give-up", "giveUpQueue", "Give up all that was never sealed; it is final",
          give_up_all, GivenUpMessages, body=GiveUpAll),
    Route("POST", "/queue/give-up", "giveUpRequest", "Give up what waits of one request; it is final", give_up,
          GivenUpMessages, body=GiveUp),
)  # fmt: skip
