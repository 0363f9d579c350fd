"""Checks of what a node gives out: member list, directory, blobs, history; and of what it says it speaks."""

from typing import Final

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.exchange import MEDIA_TYPE as DIRECTORY_TYPE
from directory_sync.problem import DirectoryError
from directory_sync.snapshot import check_snapshot
from node.cli.probing.check import SkippedError, UnexpectedError, check, require
from node.cli.probing.probe import OK, Probe, problem, shown
from node.delivery.call import Answer
from node.delivery.incoming import BLOBS, DIRECTORY, MEMBERS, STREAMS
from protocol import jws
from protocol.encoding import sha256_b64u
from protocol.history import MEDIA_TYPE as HISTORY_TYPE
from protocol.history import parse_page
from protocol.member_bundle import MemberBundle
from protocol.problems import ProtocolError

SPEAKS: Final = "1"
"""Send the version of the protocol that this probe speaks."""
_NOT_FOUND: Final = 404
_NOT_MODIFIED: Final = 304


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


async def _directory(probe: Probe) -> Answer:
    answer = await probe.get(DIRECTORY)
    if answer.status == _NOT_FOUND:
        raise SkippedError("the node has published no directory yet")
    require(answer.status == OK, shown(answer))
    return answer


async def _authorities(probe: Probe) -> tuple[Authority, ...]:
    """Return the node's directory; raises `UnexpectedError` where it isn't one that can be taken."""
    answer = await _directory(probe)
    require(answer.headers.get("content-type") == DIRECTORY_TYPE, f"not {DIRECTORY_TYPE}")
    header, _, body = answer.body.partition(b"\n")

    def claims_of(compact: str) -> dict[str, object]:
        signed = jws.parse(compact, limit=limits.MAX_HEADER_CHARS)
        kid, _ = jws.require_header(signed, "entente-directory+jws")
        members = probe.voice.node.members
        key = members.message_key(probe.peer, kid) if members else None
        if key is None or not jws.verify_with_certificate(signed, key.certificate):
            raise ProtocolError("wrong-signature", "of the directory's header")
        return signed.claims()

    try:
        return check_snapshot(
            header.decode("ascii"), body, iss=probe.peer, known_version=None, known_sha256=None, verify_header=claims_of
        )
    except (DirectoryError, ProtocolError, UnicodeDecodeError) as error:
        raise UnexpectedError(f"a directory that can't be taken: {error}") from None


@check("S-118", "S-119", "S-120", expects="a snapshot signed by the node's own key")
async def directory(probe: Probe) -> None:
    """GET /peer/v1/directory."""
    await _authorities(probe)


async def demo_authority(probe: Probe) -> str:
    """Return an authority of the node's directory that is marked as invented; raises `SkippedError` without one."""
    today = probe.voice.node.clock.now().date()
    for one in await _authorities(probe):
        if one.demo and one.valid_from <= today <= (one.valid_until or today):
            return one.id
    raise SkippedError("its directory has no authority marked as demo; --authority names one that may be asked")


@check("S-123", expects="304")
async def directory_tag(probe: Probe) -> None:
    """GET /peer/v1/directory with the ETag of the answer before."""
    tag = (await _directory(probe)).headers.get("etag", "")
    require(tag.startswith('"') and tag.endswith('"'), "no ETag")
    answer = await probe.get(DIRECTORY, {"if-none-match": tag})
    require(answer.status == _NOT_MODIFIED, shown(answer))
    answer = await probe.get(DIRECTORY, {"if-none-match": '"0-another"'})
    require(answer.status == OK, f"{shown(answer)} for another ETag")


@check("S-133", expects="404 not-found")
async def directory_of_another(probe: Probe) -> None:
    """GET /peer/v1/directory?of=XX."""
    problem(await probe.get(DIRECTORY + "?of=XX"), "not-found")


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
    speaks, members, after_root, no_roots, directory, directory_tag, directory_of_another, no_blob, blob_outside,
    stream_of_another, history_of_another, history,
)  # fmt: skip
