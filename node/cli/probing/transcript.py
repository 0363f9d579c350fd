"""A transcript: what the probe asked and what came, so that another version can be asked the same again.

JSON lines. The first one says which version spoke, who, when, and to whom, with the member list that counted
(`entente_transcript`, `speaks`, `member`, `node`, `at`, `bundle`); each other line is one call with its answer:
`check`, `method`, `path`, `headers`, `body`, `status`, `type`, `answer`. Bytes are base64 of their zlib form.
Handshakes, and what isn't HTTP, aren't in it. Nothing in it is secret: contents are sealed to the node that was asked.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.delivery.call import Answer
from protocol.limits import MIB

FORM: Final = 1
MAX_BYTES: Final = 64 * MIB
"""A request or an answer in a transcript, unpacked."""


@dataclass(frozen=True)
class Recorded:
    """One call and its answer."""

    check: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """Return the line of a call."""
        asked = {"check": self.check, "method": self.method, "path": self.path, "headers": dict(self.headers)}
        came = {"status": self.answer.status, "type": self.answer.headers.get("content-type", "")}
        return {**asked, "body": _packed(self.body), **came, "answer": _packed(self.answer.body)}


def written(head: Mapping[str, Any], bundle: bytes, calls: Iterable[Recorded]) -> bytes:
    """Return a transcript."""
    lines = [{"entente_transcript": FORM, **head, "bundle": _packed(bundle)}, *(call.to_json() for call in calls)]
    return "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines).encode("utf-8")


def read(path: Path) -> tuple[dict[str, Any], bytes, Iterator[Recorded]]:
    """Return the head, the member list's bundle and the calls of a transcript; raises `ValueError` for another form."""
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    head = json.loads(first)
    if head.pop("entente_transcript", None) != FORM:
        raise ValueError(f"{path} isn't a transcript of form {FORM}")
    return head, _unpacked(head.pop("bundle")), map(_recorded, lines)


def _recorded(line: str) -> Recorded:
    found = json.loads(line)
    answer = Answer(found["status"], {"content-type": found["type"]}, _unpacked(found["answer"]))
    asked = (found["check"], found["method"], found["path"], found["headers"])
    return Recorded(*asked, _unpacked(found["body"]), answer)


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _unpacked(text: str) -> bytes:
    return zlib.decompressobj().decompress(base64.b64decode(text), MAX_BYTES)
