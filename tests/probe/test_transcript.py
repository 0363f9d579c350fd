"""What this version said when it was probed, asked again of the code as it is now."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from directory_sync.demo import demo_authorities
from node.cli.probing import transcript
from node.cli.probing.documents import SPEAKS
from node.cli.probing.run import chosen, probe
from node.delivery.call import Answer, Call
from node.delivery.incoming import handle
from node.domain.access import operator
from node.service import directory
from node.service.node import Node
from node.store.key_files import SUITE
from protocol.history import parse_page
from protocol.member_bundle import MemberBundle
from protocol.members import MemberList
from protocol.receipt import parse_receipt
from protocol.slot import private_key_from_seed
from tests.exchange.pair import LoopClock, open_for_test
from tests.probe.record import FOLDER
from tests.probe.target import TARGET, target

TRANSCRIPTS = sorted(FOLDER.glob("*.jsonl"))


@dataclass
class StandingClock(LoopClock):
    """A clock that stands at the time of a recording."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@asynccontextmanager
async def asked_then(folder: Path, file: Path) -> AsyncIterator[tuple[Node, str, list[transcript.Recorded]]]:
    """Give a node of today in the place of the one that was asked, the member that asked, and what it asked."""
    head, raw, calls = transcript.read(file)
    clock, bundle = StandingClock(datetime.fromisoformat(head["at"])), MemberBundle.from_json(raw)
    node = open_for_test(folder / head["node"], head["node"], clock)
    node.members, _ = MemberList.genesis(bundle.roots[0]).update(bundle, clock.now())
    key = node.members.encryption_key(head["node"])
    assert key is not None
    private, _ = private_key_from_seed(SUITE, base64.b64decode(file.with_suffix(".seed").read_bytes()))
    node.keys = replace(node.keys, encryption_kid=key.kid, encryption_public=key.public, encryption_private=private)
    await directory.import_authorities(node, operator(), demo_authorities(head["node"]))
    try:
        yield node, head["member"], list(calls)
    finally:
        await node.store.close()
        await node.key_store.close()


def said(answer: Answer) -> dict[str, Any]:
    """Return of an answer what every node has to say: no signatures, no times, no words."""
    kind, body = answer.headers.get("content-type", ""), answer.body
    told: dict[str, Any] = {"status": answer.status, "type": kind}
    if kind == "application/jose":
        claims = parse_receipt(body).claims
        return told | claims.model_dump(include={"iss", "aud", "epoch", "first", "batch_sha256", "outcomes"})
    if kind == "application/entente-history":
        page = parse_page(body)
        return told | {"head": page.head, "entries": [(one.batch, _unaddressed(one.lines)) for one in page.entries]}
    found = json.loads(body) if "json" in kind and body else {}
    return told | {name: found[name] for name in ("code", "epoch", "next", "last") if name in found}


def _unaddressed(lines: tuple[bytes | None, ...]) -> list[Any]:
    """Return lines without their slots, which are new each time."""
    return [line and {**json.loads(line), "slots": []} for line in lines]


@pytest.mark.parametrize("file", TRANSCRIPTS, ids=lambda file: file.stem)
async def test_each_version_is_answered_as_it_was(tmp_path: Path, file: Path) -> None:
    """Whatever a member of an earlier version says, in its order, is answered as its own version answered it."""
    async with asked_then(tmp_path, file) as (node, member, calls):
        for call in calls:
            parts = urlsplit(call.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            asked = Call(call.method, unquote(parts.path), query, dict(call.headers), call.body)
            answer = await handle(node, member, asked)
            if call.method == "HEAD":
                answer = replace(answer, body=b"")
            assert said(answer) == said(call.answer), call.check


def test_this_version_has_a_transcript() -> None:
    """The version that nodes announce is recorded, small, with what each kind of check has said."""
    (present,) = [file for file in TRANSCRIPTS if file.stem == SPEAKS]
    head, _, calls = transcript.read(present)
    assert head["speaks"] == SPEAKS
    recorded = {call.check for call in calls}
    assert recorded > {"replay", "fork", "gap", "unknown-fields-survive", "withdrawal", "future-clock", "newer-version"}
    assert present.stat().st_size < 400_000


async def test_what_is_recorded_can_be_read_again(tmp_path: Path) -> None:
    """A transcript gives the calls and answers as they were; another form is refused."""
    async with target(tmp_path) as made:
        report = await probe(made.tester, TARGET, chosen(["replay", "fork"]))
    file = tmp_path / "some.jsonl"
    file.write_bytes(report.transcript)
    head, _, calls = transcript.read(file)
    assert (head["member"], head["node"]) == ("DE", "HU")
    codes = [(call.check, said(call.answer).get("code", call.answer.status)) for call in calls if call.method == "POST"]
    assert codes == [("replay", 200), ("replay", 200), ("fork", "fork")]
    file.write_text('{"entente_transcript": 2}\n')
    with pytest.raises(ValueError, match="form 1"):
        transcript.read(file)
