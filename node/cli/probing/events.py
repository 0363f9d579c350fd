"""Checks of single events in good batches: one bad event is refused alone, finally, and with the right code."""

from collections.abc import Callable
from typing import Any, Final

from node.cli.probing.batches import stranger
from node.cli.probing.check import Check, check
from node.cli.probing.probe import Probe, all_are
from node.cli.probing.sealing import Item
from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.limits import MAX_ITEM, MAX_JSON_DEPTH

_UNKNOWN: Final = "unknown-kind"


def _refused(name: str, code: str, rules: str, sends: str, event: Callable[[Probe], Item]) -> Check:
    """Make the check of a bad event between two that are good but for their kind."""

    async def run(probe: Probe) -> None:
        outcomes = await probe.outcome_of(probe.voice.event(), event(probe), probe.voice.event())
        all_are(outcomes, [_UNKNOWN, code, _UNKNOWN])

    return Check(name, tuple(rules.split()), f"Send {sends}", f"a receipt with {code} for it alone", run)


def _with_json(addition: bytes) -> Callable[[Probe], Item]:
    def event(probe: Probe) -> Item:
        payload = canonical_json(probe.voice.event_claims())
        return probe.voice.event_of(payload[:-1] + b"," + addition + b"}")

    return event


def _with(**claims: Any) -> Callable[[Probe], Item]:
    return lambda probe: probe.voice.event(**claims)


def _with_header(**header: Any) -> Callable[[Probe], Item]:
    return lambda probe: probe.voice.event(header)


def _raw(line: bytes) -> Item:
    return Item(line, sha256_b64u(line))


def _another(probe: Probe) -> Item:
    return Item(probe.voice.event().line, sha256_b64u(b"another event"))


def _zero_signature(probe: Probe) -> Item:
    good = probe.voice.event()
    head, _, rest = good.line.partition(b'"event":"')
    compact, _, tail = rest.partition(b'"')
    line = head + b'"event":"' + compact.rpartition(b".")[0] + b"." + b64u(bytes(64)).encode() + b'"' + tail
    return Item(line, good.digest)


def _twice(probe: Probe) -> Item:
    return probe.voice.event(aud=[probe.peer, probe.peer])


_DEEP: Final = b'"unknown":' + b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH

FORMS: Final = (
    _refused("large-event", "event-too-large", "S-003", "a line of more than 256 KiB",
             lambda _: _raw(b"x" * MAX_ITEM + b"x")),
    _refused("no-event", "event-malformed", "S-034", "a line that is no JSON", lambda _: _raw(b"nothing")),
    _refused("another-event", "event-malformed", "S-034", "a line with another event than the batch names", _another),
    _refused("event-issuer", "event-issuer", "S-038 S-004", "an event of a country XX", _with(iss="XX")),
    _refused("event-audience", "event-audience", "S-038 S-004", "an event for a country XX", _with(aud=["XX"])),
    _refused("event-signature", "event-signature", "S-038", "an event with 64 zero bytes as signature",
             _zero_signature),
    _refused("event-certificate", "event-signature", "S-022", "an event that names another certificate",
             _with_header(x5t=sha256_b64u(b"another"))),
    _refused("event-algorithm", "event-malformed", "S-020", "an event with alg none", _with_header(alg="none")),
    _refused("event-version", "event-malformed", "S-009 S-027", "an event with typ entente-event-v2",
             _with_header(typ="entente-event-v2")),
    _refused("event-deep-json", "event-malformed", "S-012", "an event's claims nested 17 levels deep",
             _with_json(_DEEP)),
    _refused("event-duplicate-key", "event-malformed", "S-014", "an event's claims with one key twice",
             _with_json(b'"kind":"probe.unknown"')),
    _refused("event-float", "event-malformed", "S-013", "an event's claims with the number 1e2",
             _with_json(b'"unknown":1e2')),
    _refused("event-upper-case-id", "event-malformed", "S-005", "an event whose case is no UUID in lower case",
             _with(case="A" * 36)),
    _refused("event-twice-in-audience", "event-malformed", "S-029", "an event with one country twice in aud", _twice),
    _refused("event-out-of-chain", "event-malformed", "S-033", "an event of an unknown family with a number",
             _with(n=1)),
    _refused("event-unnumbered", "event-malformed", "S-033", "an event of a chain without a number",
             _with(kind="request.probe")),
    _refused("event-kind-of-a-chain", _UNKNOWN, "S-009 S-033", "an unknown kind of the family request., numbered",
             _with(kind="request.probe", n=1)),
    _refused("event-unknown-claims", _UNKNOWN, "S-008", "an event with claims that nobody knows",
             _with(unknown={"a": [1, None]})),
    _refused("event-future-clock", _UNKNOWN, "S-006", "an event that says it was signed in the year 9999",
             _with_header(iat=253_370_764_800)),
    _refused("request-without-parts", "part-missing", "S-038", "a request without its parts",
             _with(kind="request.send", n=1)),
)  # fmt: skip


@check("S-005", "S-160", expects="the same outcome")
async def event_again(probe: Probe) -> None:
    """Send a refused event again in another batch."""
    event = probe.voice.event(header={"x5t": sha256_b64u(b"another")})
    for _ in range(2):
        all_are(await probe.outcome_of(event), ["event-signature"])


@check("S-160", expects="the same outcome")
async def event_again_altered(probe: Probe) -> None:
    """Send a refused event again, another line under its digest."""
    event = probe.voice.event()
    all_are(await probe.outcome_of(event), [_UNKNOWN])
    all_are(await probe.outcome_of(Item(b"nothing", event.digest)), [_UNKNOWN])


@check("S-038", "S-088", expects="409 unknown-key")
async def event_of_an_unknown_key(probe: Probe) -> None:
    """Send an event signed by an unknown key, beside a good one."""
    await probe.refused(probe.next(probe.voice.event(), probe.voice.event(signer=stranger())), "unknown-key")


@check("S-037", expects="a receipt with a hundred outcomes in order")
async def hundred_events(probe: Probe) -> None:
    """Send a hundred events of the kind probe.unknown."""
    items = [probe.voice.event(n=None if place % 2 else 1) for place in range(100)]
    all_are(await probe.outcome_of(*items), ["event-malformed", _UNKNOWN] * 50)


CHECKS: Final = (*FORMS, event_again, event_again_altered, event_of_an_unknown_key, hundred_events)
