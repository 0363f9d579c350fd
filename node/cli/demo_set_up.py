"""Setting up the demo's many nodes: each step is what an operator's command calls, without a process for each.

`found` is `entente member found`, `propose`, `sign`, `publish` and `list`; `fill` is `member join`,
`directory import` and `user add`. Each is to be run in a process of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from directory_sync.demo import all_authorities, europe
from node.cli.demo_network import language_of, people_of
from node.cli.member_files import CANDIDATE, read_bundle, read_candidate
from node.config import load
from node.domain.access import operator
from node.domain.person import NewPerson
from node.server import close_node, open_node
from node.service import accession, accounts, directory
from node.service.node import Node
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Proposal, propose_all
from protocol.members import MemberList

Tell = Callable[[str], None]
"""Hears a country whenever one is done."""


def found(folders: Sequence[Path], bundle: Path, tell: Tell) -> None:
    """Let the first node found the network and all others join it at once, signed by every one; writes the list."""
    bundle.write_bytes(asyncio.run(_found(folders, tell)))


async def _found(folders: Sequence[Path], tell: Tell) -> bytes:
    first = open_node(load(folders[0]))
    try:
        members = await accession.found(first)
        if len(folders) > 1:
            candidates = [read_candidate(folder / CANDIDATE.format(country=folder.name.upper())) for folder in folders]
            proposal = propose_all(members, candidates[1:], first.clock.now())
            statements = [accession.sign_here(first, proposal)]
            tell(first.country)
            statements += [await _signed(folder, proposal, tell) for folder in folders[1:]]
            await accession.publish(first, proposal, statements)
        return accession.in_force(first).bundle().to_json()
    finally:
        await close_node(first)


async def _signed(folder: Path, proposal: Proposal, tell: Tell) -> accession.Statement:
    node = open_node(load(folder))
    try:
        return accession.sign_here(node, proposal)
    finally:
        await close_node(node)
        tell(node.country)


def fill(folders: Sequence[Path], bundle: Path, tell: Tell) -> None:
    """Let nodes take over the list, publish their authorities and add their users."""
    asyncio.run(_fill(folders, bundle, tell))


async def _fill(folders: Sequence[Path], bundle: Path, tell: Tell) -> None:
    members = read_bundle(bundle)
    for folder in folders:
        node = open_node(load(folder))
        try:
            await _fill_one(node, members)
        finally:
            await close_node(node)
        tell(node.country)


async def _fill_one(node: Node, members: MemberBundle) -> None:
    root_sha256 = MemberList.genesis(members.roots[0]).root_sha256
    await accession.join(node, members, root_sha256)
    await directory.import_authorities(node, operator(), europe.known_to(all_authorities(node.country), node.areas))
    for login, name, role, authority in people_of(node.country):
        new = NewPerson(login, name, language_of(node.country), frozenset({role}), frozenset({authority}))
        await accounts.add_person(node, operator(), new)
