"""What the probe itself answers while it runs.

The node under test compares its streams with us first (SPEC S-039), and brings its side of the requests that
the probe has opened. What it has for others of this member isn't taken from it.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from node.cli.probing.probe import Probe
from node.clock import seconds
from node.delivery.call import Answer
from node.delivery.incoming import BATCHES, STREAMS, problem
from node.delivery.tls import ServerContexts
from node.service.receive import accepted_key
from node.store import cases
from protocol import jws
from protocol.batch import Batch, Head, check_body, parse_batch, place
from protocol.encoding import b64u, canonical_json
from protocol.event import Event, parse_item
from protocol.history import head_json
from protocol.limits import MAX_REQUEST_BODY
from protocol.problems import STORED, ProtocolError
from protocol.receipt import issue

_NEVER_S: Final = 3600


@dataclass
class Mirror:
    """`theirs` is how far the peer's stream to us has come; `receipts` are those given in this run."""

    probe: Probe
    theirs: Head
    receipts: dict[str, bytes] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one call of the node under test."""
        try:
            answer = await self._answer(request)
        except web.HTTPRequestEntityTooLarge:
            answer = problem(ProtocolError("too-large", "the body"))
        except ProtocolError as error:
            answer = problem(error, _NEVER_S)
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)

    async def _answer(self, request: web.Request) -> Answer:
        if (request.method, request.path) == ("GET", STREAMS + self.probe.peer):
            return self._reflected()
        if (request.method, request.path) == ("POST", BATCHES):
            return Answer(200, {"content-type": "application/jose"}, self.take(parse_batch(await request.read())))
        raise ProtocolError("not-found", "a probe, which has nothing to give")

    def _reflected(self) -> Answer:
        """Say exactly what the node said of the two streams, so that nobody has lost anything."""
        ours = head_json(self.probe.head)
        found = {**head_json(self.theirs), "sealed": ours, "receipted": ours, "directory": 0, "record": 0}
        return Answer(200, {"content-type": "application/json"}, canonical_json(found))

    def take(self, batch: Batch) -> bytes:
        """Receipt a batch whose events are all of the probe's own requests; raises a temporary refusal."""
        probe, claims = self.probe, batch.claims
        if (claims.iss, claims.aud) != (probe.peer, probe.own):
            raise ProtocolError("not-the-issuer", claims.iss)
        key = accepted_key(probe.voice.node, probe.peer, batch.kid)
        if not jws.verify_with_certificate(batch.jws, key.certificate):
            raise ProtocolError("wrong-signature", "of the batch")
        check_body(batch)
        if place(batch, self.theirs) == "repeat":
            return self._given(batch)
        events = [parse_item(line) for line in batch.lines()]
        if not all(self._is_ours(event) for event in events):
            raise ProtocolError("unavailable", "a probe, which takes nothing in but answers to its own requests")
        node = probe.voice.node
        outcomes = [(b64u(event.digest), STORED) for event in events]
        receipt = issue(node.keys.signer, batch, outcomes, now=seconds(node.clock.now()), members={}).encode("ascii")
        self.receipts[batch.sha256], self.theirs = receipt, Head(claims.epoch, batch.next, batch.sha256)
        for event in events:
            probe.heard(event)
        return receipt

    def _given(self, batch: Batch) -> bytes:
        if batch.sha256 not in self.receipts:
            raise ProtocolError("fork", "the position was receipted in an earlier run")
        return self.receipts[batch.sha256]

    def _is_ours(self, event: Event) -> bool:
        """Say whether a case is one of a probe, of this run or an earlier one: the member's own node has its others."""
        case = event.claims.case
        return self.probe.voice.node.store.read_now(lambda q: cases.find(q, case)) is None


@contextlib.asynccontextmanager
async def mirrored(probe: Probe, theirs: Head) -> AsyncIterator[bool]:
    """Answer at our own address for as long as the block lasts; gives False where that address is in use."""
    keys, config = probe.voice.node.keys, probe.voice.node.config
    contexts = ServerContexts(keys.tls_certificate, keys.tls_key)
    contexts.trust(frozenset(probe.record.tls))
    app = web.Application(client_max_size=MAX_REQUEST_BODY)
    app.router.add_route("*", "/{path:.*}", Mirror(probe, theirs).answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    host, _, port = config.peers.listen.rpartition(":")
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port), ssl_context=contexts.listener).start()
        except OSError:
            yield False
        else:
            yield True
    finally:
        await runner.cleanup()
