"""Versions of legal areas: signed by states, taken over from peers, in force without a restart (SPEC, 6.5)."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from node.errors import NodeError
from node.service.accession import in_force, state_signer
from node.service.node import Node
from node.store import area_packs, audit
from node.store.tx import Read, Row, Tx
from protocol.area_statement import MAX_STATEMENTS, AreaIndex, AreaStatement
from protocol.limits import MAX_AREA_INDEX
from translations.area import Area
from translations.pack import read_pack
from translations.yaml_file import AreaError

log: Final = structlog.get_logger("entente.areas")
MAX_WAITING: Final = 20
"""Pilots of one state that wait for the operator: nobody fills another's disk."""


def statement_of(data: bytes) -> AreaStatement:
    """Return what there is to sign of a pack; raises `area-refused` where the pack isn't sound (SPEC S-246)."""
    area = _read(data)
    return AreaStatement(
        area=area.id,
        version=area.version,
        pilot=area.rules.pilot,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def sign(node: Node, data: bytes) -> AreaStatement:
    """Sign a pack with this country's state key."""
    return statement_of(data).signed(state_signer(node))


async def publish(node: Node, data: bytes, signed: Sequence[AreaStatement]) -> tuple[AreaStatement, int]:
    """Put signatures together; when none is missing the version is in force here and others fetch it from here.

    Returns the statement, and how many more states must sign. A pilot that its operator publishes is accepted.
    """
    statement = statement_of(data).with_signatures(signed)
    missing = statement.missing(in_force(node))
    if not missing:
        await take(node, statement, data, "operator")
        if statement.pilot:
            await accept(node, statement.sha256)
    return statement, missing


def wanted(node: Node, statement: AreaStatement) -> bool:
    """Say whether a pack that a peer has is worth fetching: signed, and news here."""
    return not node.store.read_now(lambda q: area_packs.known(q, statement.sha256)) and not _objection(node, statement)


async def take(node: Node, statement: AreaStatement, data: bytes, source: str) -> None:
    """Store a pack; it is in force at once, or where it is a pilot once the operator accepts it.

    `source` is a peer's country or `operator`. Raises `area-refused`.
    """
    if reason := _objection(node, statement):
        raise NodeError("area-refused", reason)
    # what was signed is these bytes, and they say of themselves what was signed: SPEC S-247
    found = await asyncio.get_running_loop().run_in_executor(None, statement_of, data)
    if found.signed_bytes() != statement.signed_bytes():
        raise NodeError("area-refused", "The file isn't the one that was signed.")
    signers = sorted(statement.signers(in_force(node)))
    await node.store.write(lambda tx: _store(tx, statement, data, signers, source))
    await follow(node)


def _store(tx: Tx, statement: AreaStatement, data: bytes, signers: list[str], source: str) -> None:
    if area_packs.known(tx, statement.sha256):
        return
    if statement.pilot:
        few = [row for row in area_packs.waiting(tx) if set(str(row["signers"]).split()) & set(signers)]
        if len(few) >= MAX_WAITING:
            raise NodeError("area-refused", f"{MAX_WAITING} pilots of {', '.join(signers)} wait already.")
    elif area_packs.in_force(tx, statement.area, statement.version):
        raise NodeError("area-refused", _taken(statement))
    area_packs.insert(tx, statement, data, " ".join(signers), accepted=not statement.pilot)
    audit.append(tx, source, "areas.take", f"{statement.area} {statement.version}", statement.sha256)


def _objection(node: Node, statement: AreaStatement) -> str:
    """Return why a version doesn't count here, empty where it does (SPEC S-248, S-249)."""
    members = in_force(node)
    if missing := statement.missing(members):
        return f"{missing} more of the states must sign it."
    if statement.pilot and not any(members.active(country) for country in statement.signers(members)):
        return "Who signed the pilot isn't an active member."
    present = node.areas.get(statement.area)
    if present is None:
        return ""
    if statement.pilot and not present.rules.pilot:
        return "A pilot doesn't take the place of an area that counts."
    return "" if statement.version > present.version else _taken(statement)


def _taken(statement: AreaStatement) -> str:
    return f"Version {statement.version} of {statement.area} is taken, or a newer one is here."


def waiting(q: Read) -> list[Row]:
    """Return the pilots that wait for the operator."""
    return area_packs.waiting(q)


async def accept(node: Node, name: str) -> AreaStatement:
    """Put a pilot into force at this node: the newest of an area, or the one with an address (SHA-256).

    Raises `not-found` where none waits, `area-refused` where it no longer counts.
    """
    rows = node.store.read_now(area_packs.waiting)
    sha256 = next((str(row["sha256"]) for row in rows if name in (row["area"], row["sha256"])), "")
    statement = node.store.read_now(lambda q: area_packs.statement(q, sha256))
    if statement is None:
        raise NodeError("not-found", f"No pilot {name} waits here.", "entente areas accept")
    if reason := _objection(node, statement):
        raise NodeError("area-refused", reason)

    def write(tx: Tx) -> None:
        area_packs.accept(tx, sha256)
        audit.append(tx, "operator", "areas.accept", f"{statement.area} {statement.version}", sha256)

    await node.store.write(write)
    await follow(node)
    return statement


def use(node: Node) -> None:
    """Take the packs in force into use that aren't yet: at the start, before anything else runs."""
    for sha256, signers in _news(node).items():
        _add(node, sha256, signers, _readable(pack(node, sha256) or b""))


async def follow(node: Node) -> None:
    """Do what `use` does while the node runs, also for what a command stored. Cheap enough for every second or two."""
    for sha256, signers in _news(node).items():
        data = pack(node, sha256) or b""
        _add(node, sha256, signers, await asyncio.get_running_loop().run_in_executor(None, _readable, data))


def _news(node: Node) -> dict[str, tuple[str, ...]]:
    found = node.store.read_now(area_packs.all_in_force)
    return {sha256: signers for sha256, signers in found.items() if sha256 not in node.packs}


def _add(node: Node, sha256: str, signers: tuple[str, ...], area: Area | None) -> None:
    node.packs.add(sha256)
    if area is not None:
        node.areas.add(replace(area, pilot_of=signers) if area.rules.pilot else area)
        node.search_ready = False  # the next search learns its names


def _readable(data: bytes) -> Area | None:
    """Return the area of a stored pack, None where this version of the software can't read it."""
    try:
        return read_pack(data)
    except AreaError as error:
        log.warning("area-not-readable", reason=str(error)[:300])
        return None


def damage_of(q: Read, sha256: str) -> str | None:
    """Return what is wrong with a stored pack, None where it is what its address and its statement say."""
    data, statement = area_packs.pack(q, sha256) or b"", area_packs.statement(q, sha256)
    try:
        found = statement_of(data)
    except NodeError as error:
        return error.message
    same = statement is not None and found.signed_bytes() == statement.signed_bytes() and found.sha256 == sha256
    return None if same else "another pack than its address names"


def index(node: Node) -> bytes:
    """Return what a peer may know of the packs that are here (SPEC S-250)."""
    found: list[AreaStatement] = []
    size = len(AreaIndex(areas=()).to_json())
    for each in node.store.read_now(lambda q: area_packs.statements(q, MAX_STATEMENTS)):
        size += len(each.to_json()) + 1
        if size > MAX_AREA_INDEX:
            break
        found.append(each)
    return AreaIndex(areas=tuple(found)).to_json()


def pack(node: Node, sha256: str) -> bytes | None:
    """Return a pack by its address."""
    return node.store.read_now(lambda q: area_packs.pack(q, sha256))


def _read(data: bytes) -> Area:
    try:
        return read_pack(data)
    except AreaError as error:
        shown = "; ".join(f"{fault.file}: {fault.code}: {fault.message}" for fault in error.faults[:3])
        raise NodeError("area-refused", shown) from None
