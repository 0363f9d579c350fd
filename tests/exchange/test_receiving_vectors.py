"""The vectors of receiving, played against a real node: each answer, in its order, byte for byte."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from directory_sync.demo import demo_authorities
from node.delivery.call import Call
from node.delivery.incoming import BATCHES, handle
from node.domain.access import operator
from node.service import directory
from protocol.jws import KeySigner
from protocol.receipt import parse_receipt
from protocol.slot import private_key_from_seed
from protocol.vectors import cast
from tests.exchange.pair import LoopClock, open_for_test
from tests.protocol.test_vectors import member_list, vectors

FILE = vectors("receiving.json")


@dataclass
class StepClock(LoopClock):
    """A clock that stands at what a step says."""

    at: datetime = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


async def test_a_node_answers_as_the_vectors_say(tmp_path: Path) -> None:
    """Refused, repeated, refused again, taken; and of several faults the first one counts.

    SPEC S-005, S-032, S-035, S-036, S-038, S-074, S-160, S-164.
    """
    clock = StepClock()
    node = open_for_test(tmp_path / "HU", "HU", clock)
    reader, signer = FILE["reader"], cast.signer("HU")
    private, public = private_key_from_seed(reader["suite"], bytes.fromhex(reader["seed"]))
    node.keys = replace(
        node.keys,
        signer=KeySigner(cast.message_key("HU"), signer.kid, signer.x5t),
        encryption_kid=reader["kid"],
        encryption_public=public,
        encryption_private=private,
    )
    node.members = member_list()
    here = [one for one in demo_authorities("HU") if one.id in FILE["authorities"]]
    await directory.import_authorities(node, operator(), here)
    try:
        for step in FILE["steps"]:
            clock.at = datetime.fromtimestamp(step["now"], UTC)
            call = Call("POST", BATCHES, {}, {"content-type": step["content_type"]}, step["wire"].encode())
            answer = await handle(node, step["caller"], call)
            told = _told(answer.status, answer.body)
            assert told == {key: step[key] for key in told}, step["name"]
    finally:
        await node.store.close()
        await node.key_store.close()


def _told(status: int, body: bytes) -> dict[str, Any]:
    if status != 200:
        return {"status": status, "code": json.loads(body)["code"]}
    codes = [code for _, code in parse_receipt(body).claims.outcomes]
    return {"status": status, "outcomes": codes, "receipt": body.decode()}
