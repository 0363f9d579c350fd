"""Writes the test vectors beside this file: `python protocol/vectors/make.py`; the same bytes on every run."""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from protocol import blob, dates, jws, receipt, request  # noqa: E402
from protocol.batch import Batch, Head, Versions, seal_batch  # noqa: E402
from protocol.encoding import b64u, canonical_json, sha256  # noqa: E402
from protocol.event import Event, Place  # noqa: E402
from protocol.limits import BLOB_CHUNK  # noqa: E402
from protocol.members import MemberList  # noqa: E402
from protocol.part import commitment, seal_part  # noqa: E402
from protocol.problems import PROBLEMS, ProtocolError  # noqa: E402
from protocol.slot import SUITES, Address  # noqa: E402
from protocol.vectors import cast  # noqa: E402
from protocol.vectors.area_vectors import area_file  # noqa: E402
from protocol.vectors.directory_vectors import HEAD, directory_file  # noqa: E402
from protocol.vectors.list_vectors import joining_file, members_file, network  # noqa: E402
from protocol.vectors.receiving_vectors import Receiving  # noqa: E402
from protocol.vectors.refused import refusals_file  # noqa: E402
from protocol.vectors.set_vectors import set_file  # noqa: E402
from protocol.vectors.suspension_vectors import suspension_file  # noqa: E402

SIDES: tuple[request.Side, ...] = ("asking", "replying")


def write(name: str, value: Any) -> None:
    """Write one file of vectors."""
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def keys_of(country: str) -> dict[str, Any]:
    """Return a country's message key in all forms."""
    made, key = cast.signer(country), cast.message_key(country)
    der = cast.certificate(key, country)
    public = {"country": country, "alg": made.alg, "kid": made.kid, "certificate": b64u(der), "x5t#S256": made.x5t}
    return public | {"private": cast.private_hex(country)}


def jws_file() -> dict[str, Any]:
    """Signed documents."""
    found = []
    for country in ("DE", "HU"):
        claims = {"z": 1, "a": 'é " \\ \n', "list": [None, True, {}]}
        compact = jws.sign(cast.signer(country), "entente-example-v1", claims, cast.IAT)
        parsed = jws.parse(compact, limit=4096)
        signed = {"typ": "entente-example-v1", "iat": cast.IAT, "claims": claims, "compact": compact}
        found.append({"key": keys_of(country), **signed, "digest": b64u(parsed.digest)})
    return {"spec": "4.1", "documents": found}


def canonical_file() -> dict[str, Any]:
    """Values and their one form as JSON."""
    values: list[Any] = [
        {"b": 2, "a": [1, -1, 0], "": None},
        {"text": 'tab\t, line\n, quote ", backslash \\, slash /, del \x7f, bell \x07'},
        {"é": "ő", "e": "𝄞", "Z": "‍"},
        [True, False, [], {}],
        2**53 - 1,
        -(2**53) + 1,
    ]
    listed = [{"value": v, "bytes": canonical_json(v).hex(), "sha256": b64u(sha256(canonical_json(v)))} for v in values]
    return {"spec": "3", "values": listed}


def part_file() -> dict[str, Any]:
    """Parts: commitment and ciphertext."""
    found, jti = [], "00000000-0000-4000-8000-000000000000"
    for word, plaintext in (("empty object", b"{}"), ("text", '{"a":"é"}'.encode()), ("nothing", b"")):
        cek, salt = cast.secret(f"part cek {word}"), cast.secret(f"part salt {word}")
        claim, part = seal_part("matter", plaintext, jti=jti, cek=cek, salt=salt)
        found.append(
            {
                "jti": jti,
                "id": "matter",
                "plaintext": plaintext.hex(),
                "cek": cek.hex(),
                "salt": salt.hex(),
                "nonce": bytes(12).hex(),
                "aad": (jti + "matter").encode().hex(),
                "commit": commitment(salt, plaintext),
                "size": claim.size,
                "sealed": part.sealed.hex(),
            }
        )
    return {"spec": "6", "parts": found}


def slot_file(slots: cast.Slots) -> dict[str, Any]:
    """Slots of each suite, and one for two parts."""
    address = Address("DE", ("HU", "FR"), "00000000-0000-4000-8000-000000000000")
    found = []
    alone = [(suite, {"matter": cast.secret(f"slot cek {suite}")}) for suite in SUITES]
    both = {part: cast.secret(f"slot cek {part}") for part in ("matter", "person")}
    for suite, ceks in [*alone, ("X25519", both)]:
        reader = cast.Reader("HU", suite)
        made = slots.wrap(ceks, reader, address)
        found.append(
            {
                "suite": suite,
                "seed": reader.seed.hex(),
                "public": b64u(reader.public_bytes),
                "kid": reader.kid,
                "iss": address.iss,
                "aud": list(address.aud),
                "jti": address.jti,
                "part": made.part,
                "info": address.info(made.part, reader.kid, suite).hex(),
                "ceks": {part: cek.hex() for part, cek in ceks.items()},
                "enc": b64u(made.enc),
                "wrapped": b64u(made.wrapped),
            }
        )
    return {"spec": "7", "slots": found}


def blob_file() -> dict[str, Any]:
    """Attachments: small ones whole, one of two chunks by its digests (its plaintext is a repeated byte)."""
    found = []
    for size, byte in ((0, 0), (1, 7), (19, 0x41), (BLOB_CHUNK, 1), (BLOB_CHUNK + 1, 2)):
        chunks = list(blob.seal_blob(bytes([byte]) * size, cast.BLOB_KEY))
        sealed = b"".join(chunks)
        entry: dict[str, Any] = {"key": cast.BLOB_KEY.hex(), "size": size, "byte": byte, "sealed_size": len(sealed)}
        entry |= {"sha256": b64u(sha256(sealed)), "chunks_sha256": [b64u(sha256(chunk)) for chunk in chunks]}
        found.append(entry | ({"sealed": sealed.hex()} if size < BLOB_CHUNK else {}))
    return {"spec": "8", "blobs": found}


def versions_of(members: MemberList, country: str) -> Versions:
    """Return what a country says in `members`."""
    return {name: (int(version), str(digest)) for name, (version, digest) in members.versions(country).items()}


class Play:
    """The story: four events that are stored, one that is refused, and what follows the refusal."""

    def __init__(self, slots: cast.Slots, members: MemberList) -> None:
        """Play it."""
        self.story, self.members = cast.Story(slots), members
        self.events: list[Event] = []
        self.batches: list[Batch] = []
        self.receipts: list[str] = []
        sealed = b"".join(blob.seal_blob(cast.DIPLOMA, cast.BLOB_KEY))
        send = self._event("DE", "request.send", 1, None, cast.request(b64u(sha256(sealed))))
        self._exchange("DE", Head(), [send], ["stored"])
        opened = self._event("HU", "notice.opened", None, None, cast.act(cast.OFFICE))
        accept = self._event("HU", "request.accept", 2, b64u(send.digest), cast.act(cast.OFFICE))
        another = cast.act(cast.OFFICE, dt.date(2026, 11, 2))
        wrong = self._event("HU", "date.agree", 1, b64u(send.digest), another)
        self._exchange("HU", Head(), [opened, accept, wrong], ["stored", "stored", "date-differs"])
        refusal = receipt.parse_receipt(self.receipts[-1].encode()).sha256
        propose = self._event("HU", "date.propose", 1, refusal, another)
        answer = self._event("HU", "request.reply", 3, b64u(accept.digest), cast.reply())
        self._exchange("HU", Head(1, 4, self.batches[-1].sha256), [propose, answer], ["stored", "stored"])

    def _event(self, iss: str, kind: str, n: int | None, prev: str | None, contents: Any) -> Event:
        made = self.story.seal(iss, len(self.events) + 1, Place(cast.CASE, kind, n, prev), contents)
        self.events.append(made)
        return made

    def _exchange(self, iss: str, head: Head, events: list[Event], codes: list[str]) -> None:
        aud = "HU" if iss == "DE" else "DE"
        now = cast.IAT + 100 + len(self.batches)
        items = [(event.digest, event.line()) for event in events]
        known, theirs = (versions_of(self.members, country) for country in (iss, aud))
        heads = {"DE": HEAD}
        made = seal_batch(
            cast.signer(iss), iss=iss, aud=aud, head=head, items=items, members=known, heads=heads, iat=now
        )
        outcomes = list(zip(made.claims.items, codes, strict=True))
        self.batches.append(made)
        self.receipts.append(receipt.issue(cast.signer(aud), made, outcomes, now=now + 1, members=theirs))

    def event_file(self) -> dict[str, Any]:
        """Each event with all that went into it."""
        return {"spec": "5", "keys": [keys_of("DE"), keys_of("HU")], "events": [self._told(e) for e in self.events]}

    def _told(self, event: Event) -> dict[str, Any]:
        claims, used = event.claims, self.story.secrets_of[event.claims.jti]
        parts = [
            {
                "id": part.id,
                "cek": used[part.id]["cek"].hex(),
                "salt": used[part.id]["salt"].hex(),
                "plaintext": _plaintext(event, part.id, used[part.id]["cek"]),
            }
            for part in claims.parts
        ]
        reader = cast.Reader(claims.aud[0])
        return {
            "claims": claims.model_dump(mode="json"),
            "iat": event.iat,
            "parts": parts,
            "reader": {"kid": reader.kid, "suite": reader.suite, "seed": reader.seed.hex()},
            "digest": b64u(event.digest),
            "line": event.line().decode(),
        }

    def batch_file(self) -> dict[str, Any]:
        """Each batch as it travels, with the head that its receiver had before and has after."""
        found = []
        for made in self.batches:
            before = {"epoch": made.claims.epoch, "next": made.claims.first, "last": made.claims.prev}
            after = {"epoch": made.claims.epoch, "next": made.next, "last": made.sha256}
            found.append({"before": before, "wire": made.wire().decode(), "digest": made.sha256, "after": after})
        return {"spec": "4.2", "keys": [keys_of("DE"), keys_of("HU")], "batches": found}

    def receipt_file(self) -> dict[str, Any]:
        """Return the receipt of each batch of batch.json."""
        found = []
        for compact in self.receipts:
            parsed = receipt.parse_receipt(compact.encode())
            codes = [code for _, code in parsed.claims.outcomes]
            found.append({"compact": compact, "digest": parsed.sha256, "outcomes": codes, "clock": parsed.claims.clock})
        return {"spec": "4.4", "keys": [keys_of("DE"), keys_of("HU")], "receipts": found}


def _plaintext(event: Event, part_id: str, cek: bytes) -> str:
    from protocol.part import Claim, open_part

    said = next(p for p in event.claims.parts if p.id == part_id)
    part = next(p for p in event.parts if p.id == part_id)
    return open_part(Claim(said.id, said.commit, said.size), part, jti=event.claims.jti, cek=cek).decode()


def _outcome(step: Any) -> dict[str, str]:
    try:
        return {"to": step()}
    except ProtocolError as error:
        return {"code": error.code}


def request_file() -> dict[str, Any]:
    """Every state, kind and side of the request's table."""
    states = (None, *request.OWNER)
    kinds = list(dict.fromkeys(kind for _, kind in request.MOVES))
    rows = [
        {"state": state, "kind": kind, "side": side, **_outcome(lambda s=state, k=kind, w=side: request.move(s, k, w))}
        for state in states
        for kind in kinds
        for side in SIDES
    ]
    return {"spec": "9.1", "owner": request.OWNER, "final": list(request.FINAL), "moves": rows}


def dates_file() -> dict[str, Any]:
    """Every state, kind and side of the date's table, in every state of the request."""
    rows = [
        {"request": at, "state": state, "kind": kind, "side": side}
        | _outcome(lambda s=state, k=kind, w=side, r=at: dates.move(s, k, w, r))
        for at in request.OWNER
        for state in dates.OWNER
        for kind in ("date.agree", "date.propose")
        for side in SIDES
    ]
    return {"spec": "9.2", "owner": dates.OWNER, "moves": rows}


def problems_file() -> dict[str, Any]:
    """Return the table of codes."""
    listed = [
        {"code": p.code, "status": p.status, "final": p.final, "fault": p.fault, "meaning": p.meaning}
        for p in PROBLEMS.values()
    ]
    return {"spec": "10", "problems": listed}


def main() -> None:
    """Write all files."""
    path = HERE / "kept-slots.json"
    slots = cast.Slots(json.loads(path.read_text("utf-8")) if path.exists() else {})
    write("jws.json", jws_file())
    write("canonical-json.json", canonical_file())
    write("part.json", part_file())
    write("slot.json", slot_file(slots))
    write("blob.json", blob_file())
    members = network()
    play = Play(slots, members)
    write("event.json", play.event_file())
    write("batch.json", play.batch_file())
    write("receipt.json", play.receipt_file())
    write("request-table.json", request_file())
    write("dates-table.json", dates_file())
    write("problems.json", problems_file())
    write("members.json", members_file(members))
    write("joining.json", joining_file(members))
    write("suspension.json", suspension_file(members))
    write("directory.json", directory_file())
    write("question-set.json", set_file())
    write("area.json", area_file(members))
    write("receiving.json", Receiving(slots, members).file())
    write("refusals.json", refusals_file(play.events, play.batches, play.receipts, slots))
    write("kept-slots.json", dict(sorted(slots.used.items())))


if __name__ == "__main__":
    main()
