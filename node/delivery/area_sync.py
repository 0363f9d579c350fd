"""Versions of legal areas between nodes: what this one tells, and what it fetches from a peer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from node.delivery.call import Answer, Call
from node.errors import NodeError
from node.service import area_packs
from node.service.node import Node
from protocol.area_statement import AreaIndex
from protocol.limits import MAX_AREA_INDEX
from protocol.member_problems import MemberListError
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.areas")
AREAS: Final = "/peer/v1/areas"
_OK, _NOT_FOUND = 200, 404


def index(node: Node) -> Answer:
    """Answer which versions are here (SPEC S-250)."""
    return Answer(_OK, {"content-type": "application/json"}, area_packs.index(node))


def pack(node: Node, sha256: str) -> Answer:
    """Answer one version; raises `not-found`."""
    found = area_packs.pack(node, sha256)
    if found is None:
        raise ProtocolError("not-found", "no such version of an area here")
    return Answer(_OK, {"content-type": "application/json"}, found)


async def fetch(node: Node, peer: str, ask: Callable[[Call], Awaitable[Answer]]) -> None:
    """Take over each version that a peer has, that counts and that is news here. A wrong one holds up no other."""
    told = await ask(Call("GET", AREAS, {}, longest=MAX_AREA_INDEX))
    if told.status == _NOT_FOUND:  # a peer of an older version has none
        return
    if told.status != _OK:
        raise NodeError("peer-unreachable", f"{peer} answers {told.status} about areas.")
    try:
        areas = AreaIndex.from_json(told.body).areas
    except MemberListError as error:
        log.warning("area-refused", peer=peer, reason=str(error)[:300])
        return
    for statement in areas:
        await asyncio.sleep(0)  # signatures take time, and a peer may send thousands
        if not area_packs.wanted(node, statement):
            continue
        found = await ask(Call("GET", f"{AREAS}/{statement.sha256}", {}, longest=statement.size))
        try:
            if found.status == _OK:
                await area_packs.take(node, statement, found.body, peer)
        except NodeError as error:
            log.warning("area-refused", peer=peer, area=statement.area, reason=error.message[:300])
