"""Checks of a case: a request to a demo authority, what may follow it, and its withdrawal.

The request names a question set that nobody has, so no area needs to be known here (SPEC S-049). Every request
that is opened is withdrawn, also after a failure.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from node.cli.probing.check import Check, SkippedError, UnexpectedError, check, require
from node.cli.probing.documents import demo_authority
from node.cli.probing.probe import OK, Probe, all_are, shown
from node.cli.probing.sealing import Item
from node.cli.probing.wire import DroppedError
from node.clock import new_uuid
from node.delivery.incoming import STREAMS
from protocol.encoding import b64u
from protocol.history import parse_page
from protocol.problems import STORED, ProtocolError

GRANT_S: Final = 20
"""Seconds within which the node under test has to bring the grant of a withdrawal."""
_LOOK_S: Final = 0.05
_NEW: Final[dict[str, Any]] = {"added-later": {"by": ["another", "version"]}}
_ACT: Final = {"actor": {"authority": "probe"}}


async def _matter(probe: Probe, **fields: Any) -> dict[str, Any]:
    """Return the content of a request that is right; `fields` replace what would be."""
    if probe.authority is None:
        probe.authority = await demo_authority(probe)
    own, entropy, now = probe.own, probe.voice.node.entropy, probe.voice.node.clock.now()
    number = f"{own}-{now.year}-{int.from_bytes(entropy.random(8), 'big') % 10**9:09d}"
    asking, replying = {"authority": f"{own}-probe", "name": "Probe"}, {"authority": probe.authority, "name": "Probed"}
    named = {"area": "probe", "set": "probe", "version": 1, "set_sha256": "0" * 64, "questions": [{"item": "probe"}]}
    said = {"number": number, "asking": asking, "replying": replying, "actor": {"authority": asking["authority"]}}
    return {**said, **named, "due": f"{now + timedelta(days=30):%Y-%m-%d}", **fields}


async def _request(probe: Probe, matter: Mapping[str, Any] | None = None, **claims: Any) -> tuple[Item, str, str]:
    """Return a request, its case and its number."""
    case, content = new_uuid(probe.voice.node.entropy), {**await _matter(probe), **(matter or {})}
    claims = {"case": case, "n": 1, **claims}
    return probe.voice.telling("request.send", content, **claims), claims["case"], content["number"]


async def _send(probe: Probe, matter: Mapping[str, Any] | None = None, **claims: Any) -> str:
    """Send a request and return what became of it; one that is stored is noted, and withdrawn at the end."""
    item, case, number = await _request(probe, matter, **claims)
    (outcome,) = await probe.outcome_of(item)
    if outcome == STORED and case not in probe.requests:
        probe.open(case, number, item)
    return outcome


async def _opened(probe: Probe) -> str:
    """Return the case of a request that is open at the node under test; one is sent where there is none."""
    found = next((case for case, request in probe.requests.items() if not request.wished), None)
    if found is None:
        if (outcome := await _send(probe)) != STORED:
            raise SkippedError(f"a good request isn't taken: {outcome}")
        found = next(reversed(probe.requests))
    return found


@check("S-008", "S-018", "S-049", "S-127", expects="stored, and given back in the history as it was signed")
async def unknown_fields_survive(probe: Probe) -> None:
    """Send a request with unknown fields in header, claims, line and content, of a set that nobody has."""
    case, content = new_uuid(probe.voice.node.entropy), await _matter(probe, **_NEW)
    item = probe.voice.telling("request.send", content, header=_NEW, case=case, n=1, **_NEW).altered(**_NEW)
    place = probe.head
    all_are(await probe.outcome_of(item), [STORED])
    probe.open(case, content["number"], item)
    answer = await probe.get(f"{STREAMS}{probe.own}/{place.epoch}?from={place.next}")
    require(answer.status == OK, shown(answer))
    try:
        given = json.loads(parse_page(answer.body).entries[0].lines[0] or b"{}")
    except (ProtocolError, LookupError, ValueError) as error:
        raise UnexpectedError(f"a page that can't be read: {type(error).__name__}") from None
    require(given.get("event") == item.field("event"), "another event than the one sent")
    require(given.get("parts") == item.field("parts"), "other parts than those sent")


@check("S-005", "S-160", expects="stored, both times; a request is had once")
async def request_again(probe: Probe) -> None:
    """Send a stored request again in another batch, then once more without its parts."""
    item = probe.requests[await _opened(probe)].item
    all_are(await probe.outcome_of(item), [STORED])
    all_are(await probe.outcome_of(item.altered(parts=[])), [STORED])


@check("S-005", expects="event-reused-id")
async def reused_id(probe: Probe) -> None:
    """Send another request under the jti of a stored one."""
    jti = probe.requests[await _opened(probe)].jti
    all_are([await _send(probe, jti=jti)], ["event-reused-id"])


@check("S-047", expects="case-exists, both times")
async def request_twice(probe: Probe) -> None:
    """Send another request with the case of an open one, then one with its number."""
    case = await _opened(probe)
    again = [await _send(probe, case=case), await _send(probe, {"number": probe.requests[case].number})]
    all_are(again, ["case-exists", "case-exists"])


@check("S-042", "S-055", expects="part-unreadable, part-commitment, part-unreadable")
async def spoilt_parts(probe: Probe) -> None:
    """Send requests whose part is altered, isn't what the event commits to, or has no slot for the node."""
    first, second, third = [(await _request(probe, commit=commit))[0] for commit in (None, "A" * 43, None)]
    sealed = "AAAA" + first.field("parts")[0]["sealed"]
    altered = first.altered(parts=[{"id": "matter", "sealed": sealed}])
    outcomes = await probe.outcome_of(altered, second, third.altered(slots=[]))
    all_are(outcomes, ["part-unreadable", "part-commitment", "part-unreadable"])


def _refused(name: str, code: str, rules: str, sends: str, **matter: Any) -> Check:
    """Make the check of a request that is right but for some fields."""

    async def run(probe: Probe) -> None:
        replaced = {key: value.format(peer=probe.peer) for key, value in matter.items()}
        if "authority" in replaced:
            replaced = {"replying": {**replaced, "name": "Probed"}}
        all_are([await _send(probe, replaced)], [code])

    return Check(name, tuple(rules.split()), f"Send a request {sends}", code, run)


def _follow(name: str, code: str, rules: str, sends: str, kind: str, n: int | None = None) -> Check:
    """Make the check of an event in an open case that has to be refused."""

    async def run(probe: Probe) -> None:
        case = await _opened(probe)
        dated = kind.startswith("date.")
        prev = probe.requests[case].item.digest if dated or (n or 0) > 1 else None
        content = {**_ACT, "date": "2030-01-02"} if dated else _ACT
        all_are(await probe.outcome_of(probe.voice.telling(kind, content, case=case, n=n, prev=prev)), [code])

    return Check(name, tuple(rules.split()), f"Send {sends}", code, run)


@check("S-038", expects="unknown-case")
async def unknown_case(probe: Probe) -> None:
    """Send a wish to withdraw what never was asked."""
    all_are(await probe.outcome_of(probe.voice.telling("wish.withdraw", _ACT)), ["unknown-case"])


@check("S-033", "S-075", "S-076", expects="stored; then the node grants it by itself, as n = 2")
async def withdrawal(probe: Probe) -> None:
    """Send a wish to withdraw an open request."""
    case = await _opened(probe)
    request = probe.requests[case]
    all_are(await _wish(probe, case), [STORED])
    if not probe.answering:
        raise SkippedError("the probe's own address is in use, so no grant can come")
    await _granted(probe, case)
    if request.granted is None:
        raise UnexpectedError(f"no grant within {GRANT_S} s; can the node reach this probe?")
    claims = request.granted.claims
    require((claims.n, claims.prev) == (2, request.item.digest), f"a grant with n = {claims.n} or another predecessor")


@check("S-070", expects="wrong-state")
async def after_the_end(probe: Probe) -> None:
    """Send the closing of a request that was withdrawn."""
    for case, request in probe.requests.items():
        if request.granted is not None:
            place: dict[str, Any] = {"case": case, "n": 3, "prev": b64u(request.granted.digest)}
            return all_are(await probe.outcome_of(probe.voice.telling("request.close", _ACT, **place)), ["wrong-state"])
    raise SkippedError("no request was withdrawn in this run")


async def _wish(probe: Probe, case: str) -> list[str]:
    probe.requests[case].wished = True
    return await probe.outcome_of(probe.voice.telling("wish.withdraw", _ACT, case=case))


async def _granted(probe: Probe, *cases: str) -> None:
    """Wait until the grants of some cases have come, but not for ever."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRANT_S):
            while any(probe.requests[case].granted is None for case in cases):
                await asyncio.sleep(_LOOK_S)


async def withdraw_all(probe: Probe) -> None:
    """Withdraw what is still open; whatever comes instead of an answer, the report says what is left."""
    for case in [case for case, request in probe.requests.items() if not request.wished]:
        with contextlib.suppress(UnexpectedError, DroppedError):
            await _wish(probe, case)
    waiting = [case for case, request in probe.requests.items() if request.granted is None]
    if probe.answering and waiting:
        await _granted(probe, *waiting)


CHECKS: Final = (
    unknown_fields_survive, request_again, reused_id, request_twice, spoilt_parts,
    _refused("unknown-authority", "unknown-authority", "S-047", "to an authority that isn't there",
             authority="{peer}-probe-nobody"),
    _refused("foreign-number", "content-malformed", "S-047", "whose number is another country's",
             number="{peer}-2026-000001"),
    _follow("close-too-early", "wrong-state", "S-070", "the closing of a request that has no reply yet",
            "request.close", 2),
    _follow("accept-own-request", "not-owner", "S-071", "the acceptance of our own request", "request.accept", 2),
    _follow("agree-own-date", "not-owner", "S-072 S-071", "the agreement to our own date", "date.agree", 1),
    _follow("number-left-out", "no-predecessor", "S-074", "an event that leaves a number of its case out",
            "request.close", 3),
    _follow("number-taken", "case-fork", "S-074 S-087", "an event under a number that its case has",
            "request.close", 1),
    _follow("open-own-request", "not-owner", "S-164", "a notice that we opened our own request", "notice.opened"),
    unknown_case, withdrawal, after_the_end,
)  # fmt: skip
