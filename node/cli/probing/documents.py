"""Checks of what a node gives out: member list, directory, blobs, history; and of what it says it speaks."""

import json
from typing import Final

from directory_sync.authority import Authority
from directory_sync.checkpoint import LogKeys, make_checkpoint
from directory_sync.note import PLAIN, Signer
from directory_sync.page import MEDIA_TYPE as DIRECTORY_TYPE
from directory_sync.page import Grown, grow, read_growth, read_page
from directory_sync.problem import DirectoryError
from directory_sync.tree import Tree, is_consistent
from directory_sync.witness import Request
from node.cli.probing.check import SkippedError, UnexpectedError, check, require
from node.cli.probing.probe import OK, Probe, problem, shown
from node.delivery.call import Answer
from node.delivery.incoming import BLOBS, MEMBERS, STREAMS
from node.delivery.incoming_directory import ADD_CHECKPOINT, DIRECTORY
from protocol.encoding import sha256_b64u
from protocol.history import MEDIA_TYPE as HISTORY_TYPE
from protocol.history import parse_page
from protocol.member_bundle import MemberBundle
from protocol.problems import ProtocolError

SPEAKS: Final = "1"
"""Send the version of the protocol that this probe speaks."""
_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


@check("S-173", "S-009", expects='speaks names "1"; without "2" the newer path is 404')
async def speaks(probe: Probe) -> None:
    """Look at the node's record, and at the address of a newer version."""
    require(SPEAKS in probe.record.speaks, f"its record names {', '.join(probe.record.speaks)}")
    if "2" not in probe.record.speaks:
        answer = await probe.get("/peer/v2/members")
        require(answer.status == _NOT_FOUND, f"{shown(answer)} at /peer/v2, which its record doesn't name")


async def _bundle(probe: Probe, query: str = "") -> tuple[Answer, MemberBundle]:
    answer = await probe.get(MEMBERS + query)
    require(answer.status == OK, shown(answer))
    require(answer.headers.get("content-type") == "application/json", "not application/json")
    try:
        return answer, MemberBundle.from_json(answer.body)
    except ProtocolError as error:
        raise UnexpectedError(f"a bundle that can't be read: {error.detail}") from None


@check("S-094", expects="200 with a bundle that holds root, targets and both records")
async def members(probe: Probe) -> None:
    """GET /peer/v1/members."""
    _, bundle = await _bundle(probe)
    require(bundle.roots and bundle.targets, "no root or no targets")
    require({probe.own, probe.peer} <= set(bundle.roles), "no record of the probe's country or of the node's own")


@check("S-094", expects="as after_root=0")
async def after_root(probe: Probe) -> None:
    """GET /peer/v1/members with an after_root that is a word, a negative number, 15 digits, and none."""
    wanted = (await _bundle(probe, "?after_root=0"))[1]
    for value in ("zero", "-1", "9" * 15, ""):
        found = (await _bundle(probe, f"?after_root={value}"))[1]
        require(found.roots == wanted.roots, f"after_root={value} gives {len(found.roots)} roots, not all")


@check("S-094", expects="200 without roots")
async def no_roots(probe: Probe) -> None:
    """GET /peer/v1/members?after_root=999999999."""
    require(not (await _bundle(probe, "?after_root=999999999"))[1].roots, "roots that were not asked for")


async def _page(probe: Probe, start: int = 0) -> Answer:
    answer = await probe.get(f"{DIRECTORY}/{probe.peer}?from={start}")
    if answer.status == _NOT_FOUND:
        raise SkippedError("the node has published no directory yet")
    require(answer.status == OK, shown(answer))
    return answer


async def _log(probe: Probe) -> tuple[Grown, list[Authority]]:
    """Return the node's log and its authorities; raises `UnexpectedError` where it isn't one that can be taken."""
    members = probe.voice.node.members
    record = members.member(probe.peer) if members else None
    keys = LogKeys.read(probe.peer, record.log_keys) if record else None
    if keys is None:
        raise UnexpectedError("its record names no key of a directory log")
    known = (Tree(), "")
    found: dict[str, Authority] = {}
    while True:
        answer = await _page(probe, known[0].size)
        require(answer.headers.get("content-type") == DIRECTORY_TYPE, f"not {DIRECTORY_TYPE}")
        try:
            grown = grow(read_page(answer.body), probe.peer, keys, known, probe.voice.node.clock.now())
        except DirectoryError as error:
            raise UnexpectedError(f"a directory that can't be taken: {error}") from None
        found |= {authority.id: authority for _, authority in grown.records.values()}
        known = (grown.tree, grown.leaves[-1].at if grown.leaves else known[1])
        if grown.whole or not grown.leaves:
            require(grown.whole, "a page without leaves before the log's end")
            return grown, list(found.values())


@check("S-119", "S-120", "S-207", "S-209", "S-216", "S-217", expects="a log that leads to its signed checkpoint")
async def directory(probe: Probe) -> None:
    """GET /peer/v1/directory/{country}."""
    await _log(probe)


async def demo_authority(probe: Probe) -> str:
    """Return an authority of the node's directory that is marked as invented; raises `SkippedError` without one."""
    today = probe.voice.node.clock.now().date()
    for one in (await _log(probe))[1]:
        if one.demo and one.valid_from <= today <= (one.valid_until or today):
            return one.id
    raise SkippedError("its directory has no authority marked as demo; --authority names one that may be asked")


@check("S-118", expects="200 with the node's own log among the heads")
async def directory_index(probe: Probe) -> None:
    """GET /peer/v1/directory."""
    answer = await probe.get(DIRECTORY)
    require(answer.status == OK, shown(answer))
    grown, _ = await _log(probe)
    try:
        head = json.loads(answer.body)["heads"][probe.peer]
    except (ValueError, KeyError, TypeError):
        raise UnexpectedError("no head of its own log") from None
    require(head[0] >= grown.checkpoint.size, "a head that is older than its log")


@check("S-224", "S-208", expects="200 with a proof that leads from that size to the checkpoint")
async def directory_growth(probe: Probe) -> None:
    """GET /peer/v1/directory/{country}/growth?from=1."""
    grown, _ = await _log(probe)
    if not grown.checkpoint.size:
        raise SkippedError("the node's log is empty")
    answer = await probe.get(f"{DIRECTORY}/{probe.peer}/growth?from=1")
    require(answer.status == OK, shown(answer))
    try:
        checkpoint, other, proof = read_growth(answer.body)
    except DirectoryError as error:
        raise UnexpectedError(f"a growth that can't be read: {error}") from None
    require(is_consistent((1, other), (checkpoint.size, checkpoint.root), proof), "a proof that doesn't hold")


@check("S-216", expects="404 not-found")
async def directory_beyond(probe: Probe) -> None:
    """GET of a page behind the log's end, of no country's log, and from no number."""
    for path in (f"/{probe.peer}?from={10**14}", "/XX?from=0", f"/{probe.peer}?from=-1"):
        problem(await probe.get(DIRECTORY + path), "not-found")


@check("S-213", expects="400, 404 and 403")
async def witness_refusals(probe: Probe) -> None:
    """POST to the witness: no request, an unknown log, a checkpoint of the probe's country that another key signed."""
    stranger = probe.voice.node.entropy.random(32)
    for body, status in (
        (b"old -1\n\n", _BAD_REQUEST),
        (_asked("entente/XX/directory/1", stranger), _NOT_FOUND),
        (_asked(_origin_of(probe), stranger), _FORBIDDEN),
    ):
        answer = await probe.patient("POST", ADD_CHECKPOINT, {"content-type": "text/plain; charset=utf-8"}, body)
        require(answer.status == status, f"{shown(answer)}, not {status}")


def _origin_of(probe: Probe) -> str:
    members = probe.voice.node.members
    record = members.member(probe.own) if members else None
    keys = LogKeys.read(probe.own, record.log_keys) if record else None
    if keys is None:
        raise SkippedError("the probe's country has no log key in the list")
    return keys.origin


def _asked(origin: str, seed: bytes) -> bytes:
    return Request(0, (), make_checkpoint(Signer.from_seed(origin, PLAIN, seed), 1, bytes(32))).to_bytes()


@check("S-062", "S-096", expects="404 not-found")
async def no_blob(probe: Probe) -> None:
    """GET of a blob that isn't there."""
    problem(await probe.get(BLOBS + sha256_b64u(probe.voice.node.entropy.random(32))), "not-found")


@check("S-062", "S-096", expects="404 not-found")
async def blob_outside(probe: Probe) -> None:
    """GET of a blob whose name is a way out of a folder."""
    problem(await probe.get(BLOBS + "..%2f..%2fkeys%2ftls.pem"), "not-found")


def _third(probe: Probe) -> str:
    listed = probe.voice.node.members
    others = sorted((listed.active_countries() if listed else frozenset()) - {probe.own, probe.peer})
    return others[0] if others else "XX"


@check("S-095", expects="404 not-found")
async def stream_of_another(probe: Probe) -> None:
    """GET on another member's stream."""
    problem(await probe.get(STREAMS + _third(probe)), "not-found")


@check("S-127", expects="404 not-found")
async def history_of_another(probe: Probe) -> None:
    """GET on the history of another member's stream."""
    problem(await probe.get(f"{STREAMS}{_third(probe)}/1?from=1"), "not-found")


@check("S-127", expects="200 with our batch and the receipt we got")
async def history(probe: Probe) -> None:
    """GET on the history of our own stream."""
    sent = await probe.said()
    place = sent.batch.claims
    answer = await probe.get(f"{STREAMS}{probe.own}/{place.epoch}?from={place.first}")
    require(answer.status == OK, shown(answer))
    require(answer.headers.get("content-type") == HISTORY_TYPE, f"not {HISTORY_TYPE}")
    try:
        page = parse_page(answer.body)
    except ProtocolError as error:
        raise UnexpectedError(f"a page that can't be read: {error.detail}") from None
    require(page.head == probe.head, f"its head is {page.head.epoch}/{page.head.next}")
    require(page.entries, "no batch in it")
    require(page.entries[0].batch == sent.batch.jws.compact, "another batch than ours")
    require(page.entries[0].receipt == sent.receipt.decode("ascii"), "another receipt than the one we got")
    require(not any(page.entries[0].lines), "a line for an event that was refused")


CHECKS: Final = (
    speaks, members, after_root, no_roots, directory, directory_index, directory_growth, directory_beyond,
    witness_refusals, no_blob, blob_outside, stream_of_another, history_of_another, history,
)  # fmt: skip
