"""How a person comes in, in tests that are about something else: by a link of the operator's, as everybody does."""

from node.domain.access import operator
from node.service import sessions, tokens
from node.service.node import Node


async def session_of(node: Node, person_id: str) -> str:
    """Let a person use a one-time link; return the session."""
    return (await sessions.use_link(node, await sessions.make_link(node, operator(), person_id)))[0]


async def token_of(node: Node, person_id: str, label: str = "tests", days: int = 30) -> str:
    """Let a person sign in by link and make a bearer token; return it."""
    return await tokens.make_token(node, await session_of(node, person_id), label, days)
