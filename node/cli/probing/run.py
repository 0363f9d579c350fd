"""Which checks there are, and running them one after the other."""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.cli.probing import batches, cases, documents, events, line
from node.cli.probing.check import Check, Finding, SkippedError, UnexpectedError, Verdict
from node.cli.probing.documents import SPEAKS
from node.cli.probing.mirror import mirrored
from node.cli.probing.probe import Probe
from node.cli.probing.sealing import Voice
from node.cli.probing.transcript import written
from node.cli.probing.wire import DroppedError, Wire
from node.clock import stamp
from node.delivery.tls import client_context
from node.errors import NodeError
from node.service.node import Node
from protocol.batch import Head
from protocol.history import Told
from protocol.member import MemberRecord

CHECKS: Final[tuple[Check, ...]] = (
    *documents.CHECKS, *line.CHECKS, *cases.CHECKS, *events.CHECKS, *batches.CHECKS
)  # fmt: skip
_HANDSHAKE_S: Final = 10.0


def chosen(only: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks of some rules or names, all where none is named. Raises `invalid`."""
    known = {word for check in CHECKS for word in (check.name, *check.rules)}
    if unknown := sorted(set(only) - known):
        raise NodeError("invalid", f"No check is about {unknown[0]}.", "entente probe --list names rules and checks.")
    return tuple(check for check in CHECKS if not only or set(only) & {check.name, *check.rules})


async def target(node: Node, named: str) -> tuple[MemberRecord, str]:
    """Find the member under test and its address, by its country or by the certificate that an address shows."""
    members = node.members
    if members is None or members.member(node.country) is None or not members.active(node.country):
        raise NodeError("unknown-country", f"The member list here doesn't name {node.country} as an active member.")
    country: str | None = named
    url = ""
    if named.startswith("https://"):
        url = named
        country = members.holder_of(await _certificate(node, url))
    record = members.member(country) if country else None
    if record is None or country == node.country:
        raise NodeError("unknown-country", f"The member list here names no other member {country or 'at ' + url}.")
    return record, url or record.url


async def _certificate(node: Node, url: str) -> bytes:
    """Return the certificate that an address shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(node.keys.tls_certificate, node.keys.tls_key)
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            _, writer = await Wire.to(url, context).connect()
    except (OSError, ValueError, TimeoutError) as error:
        raise NodeError("peer-unreachable", f"{url}: {str(error) or 'no answer in time'}") from None
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return bytes(certificate)


@dataclass(frozen=True)
class Report:
    """What a run found: `left` is what stays behind at the node under test, `transcript` what was said."""

    country: str
    url: str
    speaks: tuple[str, ...]
    findings: tuple[Finding, ...]
    left: tuple[str, ...]
    transcript: bytes

    def count(self, verdict: Verdict) -> int:
        """Return how many checks ended so."""
        return sum(finding.verdict == verdict for finding in self.findings)

    @property
    def failed_rules(self) -> tuple[str, ...]:
        """The rules of the checks that failed."""
        return tuple(
            sorted({rule for found in self.findings if found.verdict == "failed" for rule in found.check.rules})
        )


async def probe(
    node: Node,
    named: str,
    checks: Sequence[Check],
    *,
    authority: str | None = None,
    heard: Callable[[str], None] = lambda _said: None,
) -> Report:
    """Try the checks in turn, as the member whose node this is; raises `unknown-country`, `peer-unreachable`.

    `authority` is one that may be asked, without it one that the directory marks as demo. `heard` is told what the
    operator should know beforehand.
    """
    record, url = await target(node, named)
    keys = node.keys
    context = client_context(keys.tls_certificate, keys.tls_key, frozenset(record.tls))
    probing = Probe(Voice(node, record.country), record, Wire.to(url, context), authority=authority)
    told = await _introduced(probing, url)
    probing.head, began = told.ours, told.ours
    async with mirrored(probing, told.receipted or Head()) as probing.answering:
        if not probing.answering:
            heard(f"{node.config.peers.listen} is in use: whatever runs there has to answer {record.country}.")
        found = [await _tried(probing, check) for check in checks]
        probing.trying = ""
        await cases.withdraw_all(probing)
    ordered = tuple(sorted(found, key=lambda each: (each.check.rules, each.check.name)))
    return Report(record.country, url, record.speaks, ordered, tuple(_left(probing, began)), _transcript(probing))


async def _introduced(probing: Probe, url: str) -> Told:
    """Ask how far our stream has come there: whether the node can be reached, and takes us for a member."""
    try:
        return await probing.told()
    except DroppedError as error:
        reason = f"{error}; does its member list have the certificate of {probing.own} as it is here?"
    except UnexpectedError as error:
        reason = str(error)
    raise NodeError("peer-unreachable", f"{probing.peer}: {url}: {reason}")


def _left(probing: Probe, began: Head) -> Iterator[str]:
    """Say what stays behind at the node under test."""
    head = probing.head
    yield (
        f"the stream {probing.own} → {probing.peer} went from epoch {began.epoch}, position {began.next},"
        f" to epoch {head.epoch}, position {head.next}; the digests of refused events stay (S-160)"
    )
    yield f"of fork and case-fork, each a proof against {probing.own} (S-087), where those checks ran"
    for case, request in probing.requests.items():
        state = "withdrawn" if request.granted else "its withdrawal asked, no grant came" if request.wished else "open"
        yield f"request {request.number} (case {case}): {state}"


def _transcript(probing: Probe) -> bytes:
    node = probing.voice.node
    assert node.members is not None
    head = {"speaks": SPEAKS, "member": probing.own, "node": probing.peer, "at": stamp(node.clock.now())}
    return written(head, node.members.bundle().to_json(), probing.calls)


async def _tried(probing: Probe, check: Check) -> Finding:
    probing.trying = check.name
    try:
        await check.run(probing)
    except SkippedError as error:
        return Finding(check, "skipped", str(error))
    except UnexpectedError as error:
        came = str(error)
    except (DroppedError, OSError, TimeoutError) as error:
        came = str(error) or "no answer in time"
    else:
        return Finding(check, "passed")
    await _find_place(probing)
    return Finding(check, "failed", came)


async def _find_place(probing: Probe) -> None:
    """After a failure: go on where the node now stands, so that one defect doesn't fail what comes after."""
    try:
        told = await probing.told()
    except (DroppedError, UnexpectedError):
        return
    if told.ours != probing.head:
        probing.head, probing.sent = told.ours, None
