"""A real node takes in what a liar sends: each attack ends with its own code, and the next good batch gets through."""

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from directory_sync.demo import demo_authorities
from node.delivery.call import Answer, Call
from node.delivery.courier import Courier, RefusedError
from node.delivery.incoming import BATCHES, BLOBS, MEMBERS, STREAMS, handle
from node.delivery.incoming_directory import DIRECTORY
from node.service import cases, deliver, drafts, reading, requests
from node.store import streams
from protocol import jws
from protocol.batch import MEDIA_TYPE, Batch, Head, seal_batch
from protocol.content import MATTER, ActMatter, Actor, Asked, Content, SendMatter
from protocol.encoding import b64u, canonical_json, sha256, sha256_b64u
from protocol.event import TYP, Event, Place, Secrets, seal_event
from protocol.limits import MAX_REQUEST_BODY
from protocol.member_bundle import MemberBundle
from protocol.problems import PROBLEMS, ProtocolError
from protocol.receipt import issue, parse_receipt
from protocol.slot import wrap
from protocol.vectors import cast
from tests.exchange.pair import World, record_of, world
from tests.exchange.test_story import ANNA, KATALIN, PDF, ask, request

CASE = "00000000-0000-4000-9000-00000000000{}".format


@dataclass
class Forger:
    """Speaks for DE with DE's real keys, past DE's own node."""

    both: World
    number: int = 0

    def matter(self, **changes: Any) -> dict[str, Content]:
        """Return a request whose question set nobody has."""
        self.number += 1
        good = cast.request(sha256_b64u(b""))[MATTER]
        return {MATTER: good.model_copy(update={"number": f"DE-2026-{self.number:06d}", "area": "elsewhere"} | changes)}

    def event(self, case: str, kind: str, contents: dict[str, Content], **changes: Any) -> Event:
        """Seal an event."""
        self.number += 1
        hu = record_of(self.both["HU"]).encryption_keys[0]
        n, prev = changes.pop("n", 1), changes.pop("prev", None)
        values: dict[str, Any] = {
            "iss": "DE",
            "readers": {"HU": hu},
            "jti": f"00000000-0000-4000-8000-{self.number:012d}",
            "place": Place(case, kind, n, prev),
            "contents": contents,
            "iat": 1,
            "secrets": Secrets(self.both["DE"].entropy.random, wrap),
        }
        signer = changes.pop("signer", self.both["DE"].keys.signer)
        return seal_event(signer, **(values | changes))[0]

    def head(self) -> Head:
        """Return where HU stands."""
        return self.both["HU"].store.read_now(lambda q: streams.head(q, "DE", "HU"))

    def batch(self, *events: Event | tuple[bytes, bytes], **changes: Any) -> Batch:
        """Seal a batch."""
        items = [e if isinstance(e, tuple) else (e.digest, e.line()) for e in events]
        values: dict[str, Any] = {"iss": "DE", "aud": "HU", "head": self.head(), "items": items}
        values |= {"members": self.both["DE"].versions(), "heads": {}, "iat": 1}
        signer = changes.pop("signer", self.both["DE"].keys.signer)
        return seal_batch(signer, **(values | changes))

    async def post(self, batch: Batch | bytes, peer: str | None = "DE", **headers: str) -> Answer:
        """Send it to HU."""
        body = batch if isinstance(batch, bytes) else batch.wire()
        return await handle(
            self.both["HU"], peer, Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE} | headers, body)
        )

    async def outcomes(self, *events: Event | tuple[bytes, bytes]) -> list[str]:
        """Return what became of events."""
        answer = await self.post(self.batch(*events))
        assert (answer.status, answer.headers["content-type"]) == (200, "application/jose"), answer.body
        return [code for _, code in parse_receipt(answer.body).claims.outcomes]

    async def get(self, path: str, peer: str = "DE", **headers: str) -> Answer:
        """Ask HU."""
        return await handle(self.both["HU"], peer, Call("GET", path, {}, headers))


@pytest.fixture
async def forger(tmp_path: Path) -> AsyncIterator[Forger]:
    """Return DE's forger beside two running nodes."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        yield Forger(both)


def problem(answer: Answer) -> dict[str, Any]:
    """Return a problem document, checked for its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = json.loads(answer.body)
    assert told["status"] == answer.status == PROBLEMS[told["code"]].status
    assert told["type"] == f"urn:entente:problem:{told['code']}"
    assert {"title", "detail"} <= told.keys()
    assert ("retry-after" in answer.headers) == (answer.status in (429, 503))
    return told


async def test_each_attack_on_a_batch_has_its_code(forger: Forger) -> None:
    """Nothing of it is stored or consumed, and the next good batch gets through.

    SPEC S-031, S-032, S-038, S-080, S-081, S-083, S-088, S-093.
    """
    good = forger.batch(forger.event(CASE(1), "request.send", forger.matter()))
    wire, line = good.wire(), (sha256(b"{}"), b"{}")
    attacks: list[tuple[str, Any, str | None]] = [
        ("not-a-member", good, None),
        ("not-a-member", good, "FR"),
        ("malformed", b"", "DE"),
        ("malformed", b"[" * 10_000 + b"\n{}\n", "DE"),
        ("too-large", b" " * (MAX_REQUEST_BODY + 1), "DE"),
        ("not-the-issuer", good, "HU"),
        ("not-the-issuer", forger.batch(line, iss="FR"), "DE"),
        ("wrong-audience", forger.batch(line, aud="FR"), "DE"),
        ("unknown-key", forger.batch(line, signer=cast.signer("DE")), "DE"),
        ("wrong-signature", wire.replace(wire[wire.index(b"\n") - 20 : wire.index(b"\n")], b"A" * 19 + b"Q", 1), "DE"),
        ("altered", wire[:-3] + b"}}\n", "DE"),
        ("gap", forger.batch(line, head=Head(1, 5, good.sha256)), "DE"),
        ("gap", forger.batch(line, head=Head(9, 1, good.sha256)), "DE"),
    ]
    for code, data, peer in attacks:
        told = problem(await forger.post(data, peer))
        assert told["code"] == code
        if code == "gap":
            assert (told["epoch"], told["next"], told["last"]) == (1, 1, None)
    assert problem(await forger.post(good, **{"content-type": "application/json"}))["code"] == "malformed"
    assert forger.head() == Head()
    assert parse_receipt((await forger.post(good)).body).claims.outcomes == ((good.claims.items[0], "stored"),)


async def test_a_replay_gets_the_same_receipt_and_a_fork_is_kept(forger: Forger) -> None:
    """The same batch again changes nothing; another one in its place is a proof (SPEC S-005, S-032, S-036, S-087)."""
    event = forger.event(CASE(1), "request.send", forger.matter())
    good = forger.batch(event)
    fork = forger.batch(forger.event(CASE(2), "request.send", forger.matter()))
    first, second = await forger.post(good), await forger.post(good)
    assert first.body == second.body
    assert problem(await forger.post(fork))["code"] == "fork"
    proofs = forger.both["HU"].store.read_now(lambda q: q.all("SELECT * FROM proof"))
    assert [(row["iss"], row["code"]) for row in proofs] == [("DE", "fork")]
    assert bytes(proofs[0]["first"]) == good.jws.compact.encode()
    assert bytes(proofs[0]["second"]) == fork.jws.compact.encode()
    assert await forger.outcomes(event) == ["stored"]
    assert len(forger.both["HU"].store.read_now(lambda q: q.all("SELECT id FROM cases"))) == 1


async def test_each_attack_on_an_event_has_its_code(forger: Forger) -> None:
    """A bad event is void, those beside it are stored, and the stream goes on.

    SPEC S-003, S-005, S-009, S-034, S-038, S-047, S-049, S-088.
    """
    send = forger.event(CASE(1), "request.send", forger.matter())
    stray = forger.event(CASE(2), "request.send", forger.matter())
    act: dict[str, Content] = {MATTER: ActMatter(actor=Actor(authority="DE-zaek-berlin"))}
    fr = {"FR": record_of(forger.both["HU"]).encryption_keys[0]}
    claims = send.claims.model_dump(mode="json")
    hidden = forger.event(CASE(1), "request.close", act, n=2, prev=b64u(send.digest))
    same_id = forger.event(CASE(3), "request.send", forger.matter(), jti=send.claims.jti)
    attacks: list[tuple[str, Event | tuple[bytes, bytes]]] = [
        ("stored", send),
        ("event-malformed", (sha256(b""), b"{}")),
        ("event-malformed", (sha256(b""), stray.line())),
        ("event-issuer", forger.event(CASE(4), "request.send", forger.matter(), iss="FR")),
        ("event-audience", forger.event(CASE(4), "request.send", forger.matter(), readers=fr)),
        ("event-signature", forged(send, claims, forger)),
        ("unknown-kind", forger.event(CASE(4), "request.dance", act)),
        ("event-reused-id", same_id),
        ("case-exists", forger.event(CASE(1), "request.send", forger.matter())),
        ("content-malformed", forger.event(CASE(4), "request.send", forger.matter(number="HU-2026-000001"))),
        ("unknown-authority", forger.event(CASE(4), "request.send", nobody(forger))),
        ("unknown-case", forger.event(CASE(5), "request.close", act, n=2)),
        ("no-predecessor", forger.event(CASE(1), "request.close", act, n=2, prev=sha256_b64u(b""))),
        ("no-predecessor", forger.event(CASE(1), "request.close", act, n=3, prev=b64u(send.digest))),
        ("case-fork", forger.event(CASE(1), "request.close", act, n=1, prev=b64u(send.digest))),
        ("wrong-state", hidden),
        ("not-owner", forger.event(CASE(1), "request.accept", act, n=2, prev=b64u(send.digest))),
        ("stored", forger.event(CASE(1), "wish.withdraw", act, n=None)),
    ]
    assert await forger.outcomes(*(event for _, event in attacks)) == [code for code, _ in attacks]
    rows = forger.both["HU"].store.read_now(lambda q: q.all("SELECT kind FROM event WHERE iss = 'DE'"))
    assert sorted(row["kind"] for row in rows) == ["request.send", "wish.withdraw"]
    assert await forger.outcomes(stray) == ["stored"]


def forged(event: Event, claims: dict[str, Any], forger: Forger) -> tuple[bytes, bytes]:
    """Return the event with other claims under its old signature."""
    text = jws.sign(forger.both["DE"].keys.signer, TYP, claims | {"case": CASE(8)}, 1)
    head, body, _ = text.split(".")
    compact = f"{head}.{body}.{event.jws.compact.rpartition('.')[2]}"
    line = canonical_json(json.loads(event.line()) | {"event": compact})
    return sha256(f"{head}.{body}".encode()), line


def nobody(forger: Forger) -> dict[str, Content]:
    """Return a request to an authority that isn't there."""
    contents = forger.matter()
    matter = contents[MATTER]
    assert isinstance(matter, SendMatter)
    replying = matter.replying.model_copy(update={"authority": "HU-nobody"})
    return {MATTER: matter.model_copy(update={"replying": replying})}


async def test_a_wish_before_acceptance_is_granted_by_the_node(forger: Forger) -> None:
    """No person is needed, and the case is withdrawn on both sides (SPEC S-075, S-076, S-079)."""
    both = forger.both
    case_id = await ask(both)
    await cases.withdraw(both["DE"], ANNA, case_id)
    await both.settled()
    for country, actor in (("DE", ANNA), ("HU", KATALIN)):
        assert (await reading.read_case(both[country], actor, case_id, "de")).state == "withdrawn"


async def test_contents_are_judged_by_their_question_set(forger: Forger) -> None:
    """With the set at hand a wrong question and a wrong answer are refused; without it nothing is (SPEC S-048, S-049)."""
    both = forger.both
    area = both["HU"].areas["professional-qualifications"]
    known = {"area": area.id, "set": "establishment", "version": 1}
    known["set_sha256"] = area.question_sets["establishment"].sha256
    wrong = forger.event(CASE(1), "request.send", forger.matter(**known, questions=(Asked(item="no-such"),)))
    other = forger.event(CASE(2), "request.send", forger.matter(**(known | {"set_sha256": "0" * 64})))
    assert await forger.outcomes(wrong, other) == ["unknown-question", "stored"]


async def test_a_refused_request_leaves_no_case(forger: Forger) -> None:
    """The sender takes it back and shows the code, and never sends it again (SPEC S-037, S-078)."""
    both = forger.both
    both.net.down.add("HU")
    case = await requests.send(both["DE"], ANNA, request())
    batch = await deliver.next_batch(both["DE"], "HU")
    assert batch is not None
    again = await deliver.next_batch(both["DE"], "HU")
    assert again is not None
    assert again.wire() == batch.wire()  # SPEC S-030
    signer = both["HU"].keys.signer
    receipt = issue(signer, batch, [(batch.claims.items[0], "unknown-authority")], now=1, members={})
    forgery = issue(cast.signer("HU"), batch, [(batch.claims.items[0], "stored")], now=1, members={})
    with pytest.raises(ProtocolError, match="unknown-key"):
        await deliver.accept_receipt(both["DE"], "HU", batch, forgery.encode())
    await deliver.accept_receipt(both["DE"], "HU", batch, receipt.encode())
    assert await deliver.next_batch(both["DE"], "HU") is None
    assert (await reading.read_case(both["DE"], ANNA, case.id, "de")).state == "refused"


async def test_a_batch_is_resent_byte_for_byte(forger: Forger) -> None:
    """Sealed once, stored, and the same bytes until the receipt is there (SPEC S-030)."""
    both = forger.both
    both.net.down.add("HU")
    for _ in range(2):
        await requests.send(both["DE"], ANNA, request())
        batch = await deliver.next_batch(both["DE"], "HU")
        assert batch is not None
        assert (batch.claims.first, len(batch.claims.items)) == (1, 1)
    both.net.down.clear()
    await both.settled()
    assert forger.head().next == 3


# --- what a peer may ask ---


async def test_a_member_asks_for_its_own_stream_only(forger: Forger) -> None:
    """How far a stream has come is told to its issuer, and to nobody else (SPEC S-095)."""
    answer = await forger.get(STREAMS + "DE")
    start = {"epoch": 1, "next": 1, "last": None}
    assert json.loads(answer.body) == {
        **start,
        "sealed": start,
        "receipted": start,
        "directory": len(demo_authorities("DE")),
        "record": 1,
    }
    for path, peer in ((STREAMS + "HU", "DE"), (STREAMS + "FR", "DE"), (STREAMS, "DE")):
        assert problem(await forger.get(path, peer))["code"] == "not-found"


async def test_the_member_list_is_served(forger: Forger) -> None:
    """The bundle is the documents byte for byte; older roots can be left out (SPEC S-094, S-114, S-117)."""
    hu = forger.both["HU"]
    assert hu.members is not None
    answer = await forger.get(MEMBERS)
    assert MemberBundle.from_json(answer.body) == hu.members.bundle()
    later = await handle(hu, "DE", Call("GET", MEMBERS, {"after_root": "1"}))
    assert MemberBundle.from_json(later.body).roots == hu.members.bundle().roots[1:]
    assert hu.versions().keys() == {"root", "targets", "HU"}
    assert forger.batch((sha256(b"{}"), b"{}")).claims.members == forger.both["DE"].versions()


async def test_the_directory_is_served_page_by_page(forger: Forger) -> None:
    """Heads, pages, growth and proofs, of every log that is here; what isn't is 404 (SPEC S-118, S-123, S-216, S-224)."""
    index = json.loads((await forger.get(DIRECTORY)).body)
    assert index["forks"] == {}
    assert sorted(index["heads"]) == ["DE", "HU"]
    size = index["heads"]["HU"][0]
    page = await forger.get(f"{DIRECTORY}/HU")
    packed = await forger.get(f"{DIRECTORY}/HU", **{"accept-encoding": "br, gzip;q=0.5"})
    assert (page.status, packed.headers["content-encoding"]) == (200, "gzip")
    leaves_of = [body.partition(b"\n")[2] for body in (page.body, gzip.decompress(packed.body))]
    assert leaves_of[0] == leaves_of[1]  # the checkpoint may be cosigned once more meanwhile
    assert len(page.body.splitlines()) == size + 1
    hu = forger.both["HU"]
    for path, query, status in (
        ("HU", {"from": str(size)}, 200),
        ("HU", {"from": str(size + 1)}, 404),
        ("HU", {"from": "-1"}, 404),
        ("HU", {"from": "01"}, 404),
        ("DE/growth", {"from": "1"}, 200),
        ("DE/growth", {}, 404),
        ("DE/fork", {}, 404),
        ("AT", {}, 404),
        ("hu", {}, 404),
    ):
        answer = await handle(hu, "DE", Call("GET", f"{DIRECTORY}/{path}", query))
        assert answer.status == status, (path, query)


async def test_nothing_else_is_there(forger: Forger) -> None:
    """Other paths and methods are 404, and members that aren't active get nothing (SPEC S-092, S-096, S-115)."""
    for method, path in (("GET", "/"), ("GET", BATCHES), ("PUT", MEMBERS), ("DELETE", STREAMS + "DE"), ("GET", "/x")):
        assert problem(await handle(forger.both["HU"], "DE", Call(method, path)))["code"] == "not-found"
    for peer in (None, "FR"):
        assert problem(await handle(forger.both["HU"], peer, Call("GET", MEMBERS)))["code"] == "not-a-member"


async def _sent_with_a_file(both: World) -> tuple[str, str]:
    """Send a request with a diploma while Hungary is away; returns its id and the digest of the sealed file."""
    both.net.down.add("HU")
    draft = await drafts.start_request(both["DE"], ANNA, request())
    await drafts.attach(both["DE"], ANNA, draft.id, "oklevel.pdf", "application/pdf", PDF)
    case = await requests.send_draft(both["DE"], ANNA, draft.id)
    row = both["DE"].store.read_now(lambda q: q.one("SELECT sha256 FROM blob"))
    assert row is not None
    return case.id, row["sha256"]


async def test_a_blob_is_served_to_the_other_side_alone(forger: Forger) -> None:
    """By ranges, to the member of the case; for all others it doesn't exist (SPEC S-062, S-064, S-067, S-068)."""
    both = forger.both
    case, sha256 = await _sent_with_a_file(both)
    path, de = BLOBS + sha256, both["DE"]

    async def get(peer: str, asked: str = "") -> Answer:
        return await handle(de, peer, Call("GET", path, {}, {"range": asked} if asked else {}))

    whole = await get("HU")
    assert (whole.status, sha256_b64u(whole.body)) == (200, sha256)
    part = await get("HU", "bytes=3-7")
    assert (part.status, part.body) == (206, whole.body[3:8])
    assert part.headers["content-range"] == f"bytes 3-7/{len(whole.body)}"
    assert (await get("HU", "bytes=3-")).body == whole.body[3:]
    assert problem(await get("HU", f"bytes={len(whole.body)}-"))["code"] == "not-found"
    assert problem(await forger.get(path))["code"] == "not-found"
    assert problem(await get("FR"))["code"] == "not-a-member"
    both.net.down.clear()
    await both.settled()
    seen = await reading.read_case(both["DE"], ANNA, case, "de")
    assert seen.attachments


async def test_a_blob_with_another_digest_is_not_kept(forger: Forger) -> None:
    """The event stands, the file is refused and named (SPEC S-063, S-068)."""
    both = forger.both
    case, sha256 = await _sent_with_a_file(both)
    for file in (both["DE"].config.data / "blobs").rglob(sha256):
        file.write_bytes(bytes(file.stat().st_size))
    both.net.down.clear()
    await both.settled()
    found = both["HU"].store.read_now(lambda q: q.one("SELECT here, failure FROM blob"))
    assert found is not None
    assert (found["here"], found["failure"]) == (0, "attachment-digest")
    assert (await reading.read_case(both["HU"], KATALIN, case, "hu")).state == "sent"


# --- sending ---


@dataclass
class OneAnswer:
    """A line on which every call gets one answer."""

    streams: Answer
    batches: Answer
    calls: int = 0

    async def send(self, call: Call) -> Answer:
        """Answer."""
        self.calls += call.path == BATCHES
        return self.batches if call.path == BATCHES else self.streams

    async def close(self) -> None:
        """Nothing is open."""


def head_answer(number: int) -> Answer:
    """Return what a peer says of our stream."""
    return Answer(200, {}, json.dumps({"epoch": 1, "next": number, "last": None}).encode())


async def test_a_node_from_an_old_disk_sends_nothing(forger: Forger) -> None:
    """When the peer knows more of our stream than we do, nothing is sealed (SPEC S-039)."""
    both = forger.both
    both.net.down.add("HU")
    await requests.send(both["DE"], ANNA, request())
    line = OneAnswer(head_answer(7), Answer(500))
    with pytest.raises(RefusedError, match="restored-from-old-disk"):
        await Courier(both["DE"], "HU", line).round()
    assert line.calls == 0


@pytest.mark.parametrize(
    ("answer", "code", "wait"),
    [
        (Answer(503, {"retry-after": "7"}, b'{"code":"unavailable"}'), "unavailable", 7.0),
        (Answer(502, {}, b"<html>a proxy"), "http-502", None),
        (Answer(302, {"location": "https://elsewhere.example"}, b""), "http-302", None),
        (Answer(409, {}, b'{"code":"unknown-key"}'), "unknown-key", None),
    ],
)
async def test_whatever_is_no_receipt_is_temporary(
    forger: Forger, answer: Answer, code: str, wait: float | None
) -> None:
    """The batch stays, and Retry-After is kept (SPEC S-082, S-084, S-086, S-089)."""
    both = forger.both
    both.net.down.add("HU")
    await requests.send(both["DE"], ANNA, request())
    courier = Courier(both["DE"], "HU", OneAnswer(head_answer(1), answer))
    with pytest.raises(RefusedError) as caught:
        await courier.round()
    assert (caught.value.code, caught.value.wait) == (code, wait)
    assert await deliver.next_batch(both["DE"], "HU") is not None
    heard: list[str] = []
    both["DE"].heard = lambda country, _members, _heads: heard.append(country)
    if code == "unknown-key":
        await courier._pause(RefusedError(code, None))
        assert heard == ["HU"]
