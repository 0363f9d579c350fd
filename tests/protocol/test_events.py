"""Events between two ends: sealed by one, opened by the other, and attacked on the way."""

import contextlib
import datetime as dt
import itertools
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol import jws
from protocol.batch import parse_batch
from protocol.content import (
    MATTER,
    PERSON,
    SHAPES,
    ActMatter,
    Actor,
    Content,
    Reply,
    ReplyMatter,
    ReplyPerson,
    Said,
    read_content,
    write_content,
)
from protocol.countries import COUNTRIES
from protocol.encoding import b64u, canonical_json, strict_json, strict_object, un_b64u
from protocol.event import TYP, Event, Place, Secrets, open_ceks, open_contents, parse_item, seal_event
from protocol.limits import MAX_ITEM, MAX_PART
from protocol.member import MemberRecord
from protocol.problems import ProtocolError
from protocol.receipt import parse_receipt
from protocol.slot import (
    SUITES,
    Address,
    HpkePrivateKey,
    HpkePublicKey,
    load_public_key,
    private_key_from_seed,
    unwrap,
    wrap,
)
from protocol.vectors import cast
from tests.protocol.member_network import NOW, encryption_key, message_key, record
from tests.protocol.test_vectors import BATCHES, EVENTS, RECEIPTS

CASE = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c01"
NUMBERS = itertools.count(1)
WHO = Actor(authority="HU-okfo")
LINE: bytes = EVENTS["events"][0]["line"].encode()


def seal(contents: dict[str, Content], kind: str = "request.reply", **changes: Any) -> Event:
    """Seal an event of HU for DE with random secrets."""
    jti = f"00000000-0000-4000-8000-{next(NUMBERS):012d}"
    drawn = itertools.count(next(NUMBERS) * 1000)
    values: dict[str, Any] = {
        "iss": "HU",
        "readers": {"DE": cast.Reader("DE")},
        "jti": jti,
        "place": Place(CASE, kind, None if kind.startswith("notice.") else 3, None),
        "contents": contents,
        "iat": 1,
        "secrets": Secrets(lambda _: cast.secret(f"{next(drawn)}"), wrap),
    }
    event, _ = seal_event(cast.signer("HU"), **(values | changes))
    return event


def opened(event: Event, reader: cast.Reader | None = None) -> dict[str, Content]:
    """Open an event as its reader does."""
    parsed = parse_item(event.line())
    return open_contents(parsed, open_ceks(parsed, reader or cast.Reader("DE")))


def changed(event: Event, **fields: Any) -> dict[str, Content]:
    """Open an event whose line was changed on the way."""
    line = canonical_json(json.loads(event.line()) | fields)
    parsed = parse_item(line)
    return open_contents(parsed, open_ceks(parsed, cast.Reader("DE")))


def code(step: Any) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(ProtocolError) as caught:
        step()
    return caught.value.code


ACT: dict[str, Content] = {MATTER: ActMatter(actor=WHO)}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,9}\Z"), st.builds(Reply, code=st.just("yes")), max_size=3), TEXT)
def test_what_one_end_seals_the_other_reads(answers: dict[str, Reply], words: str) -> None:
    """The contents that come out are those that went in, and each reader has one slot for all (SPEC S-046, S-054)."""
    said = Said(text=words, lang="hu")
    contents: dict[str, Content] = {
        MATTER: ReplyMatter(actor=WHO, answers=answers),
        PERSON: ReplyPerson(comment=said),
    }
    event = seal(contents)
    assert opened(event) == contents
    assert [(s.part, s.kid) for s in event.slots] == [(f"{MATTER},{PERSON}", cast.Reader("DE").kid)]
    assert b"null" not in write_content(contents[PERSON])


def test_no_content_is_a_claim() -> None:
    """The signed bytes hold no authority, name, answer or text; personal things are in `person` (SPEC S-028, S-045)."""
    send = parse_item(LINE)
    assert set(send.jws.claims()) == {"iss", "aud", "jti", "case", "n", "prev", "kind", "parts"}
    for word in (b"zaek", b"okfo", b"Anna", b"profession", b"Bitte"):
        assert word not in send.jws.payload
        assert word not in LINE
    matter = write_content(cast.request(b64u(bytes(32)))[MATTER])
    for word in ("Anna", "1990", "diploma", "Bitte"):
        assert word not in matter.decode()


def test_each_part_has_its_own_secrets() -> None:
    """CEK and salt are drawn for each part, and a second sealing draws others (SPEC S-007)."""
    lengths: list[int] = []
    drawn = itertools.count()

    def draw(length: int) -> bytes:
        lengths.append(length)
        return cast.secret(f"draw {next(drawn)}")

    contents: dict[str, Content] = {MATTER: ReplyMatter(actor=WHO), PERSON: ReplyPerson()}
    seal(contents, secrets=Secrets(draw, wrap))
    assert lengths == [32] * 4
    assert len({p.sealed for p in (*seal(contents).parts, *seal(contents).parts)}) == 4


def test_a_part_swapped_between_events() -> None:
    """A part of another event doesn't decrypt, even with its own slot (SPEC S-041, S-050)."""
    mine, other = seal(ACT, "request.accept"), seal(ACT, "request.accept")
    theirs = json.loads(other.line())
    assert code(lambda: changed(mine, parts=theirs["parts"])) == "part-unreadable"
    assert code(lambda: changed(mine, slots=theirs["slots"])) == "part-unreadable"
    assert code(lambda: changed(mine, parts=theirs["parts"], slots=theirs["slots"])) == "part-unreadable"


def test_a_slot_for_another_event() -> None:
    """A slot is bound to issuer, audience, event, part, key and suite (SPEC S-050, S-051)."""
    reader, cek = cast.Reader("DE", "X25519"), cast.secret("cek")
    address = Address("HU", ("DE",), "00000000-0000-4000-8000-000000000001")
    slot, private = wrap({MATTER: cek}, reader, address), reader.private_key(reader.kid)
    assert private is not None
    assert unwrap(slot, private, address) == {MATTER: cek}
    for wrong in (Address("FR", ("DE",), address.jti), Address("HU", ("DE", "FR"), address.jti),
                  Address("HU", ("DE",), CASE)):  # fmt: skip
        assert code(lambda w=wrong: unwrap(slot, private, w)) == "part-unreadable"


def test_slots_of_others_are_ignored_and_mine_may_be_new() -> None:
    """A reader uses its own slot; slots can be replaced without touching the event (SPEC S-055, S-058)."""
    event = seal(ACT, "request.accept")
    slots = json.loads(event.line())["slots"]
    foreign = {**slots[0], "kid": "somebody-else", "enc": "AA", "wrapped": "AA"}
    assert changed(event, slots=[foreign, *slots]) == ACT
    cek = open_ceks(event, cast.Reader("DE"))[MATTER]
    again = wrap({MATTER: cek}, cast.Reader("DE", "X25519"), event.claims.address)
    new = {"part": MATTER, "kid": again.kid, "suite": again.suite, "enc": b64u(again.enc)}
    line = canonical_json(json.loads(event.line()) | {"slots": [new | {"wrapped": b64u(again.wrapped)}]})
    replaced = parse_item(line)
    assert replaced.digest == event.digest
    assert open_ceks(replaced, cast.Reader("DE", "X25519")) == {MATTER: cek}
    assert code(lambda: changed(event, slots=[foreign])) == "part-unreadable"


def test_a_reader_of_one_part_reads_no_other() -> None:
    """A slot gives the keys of the parts that it names, alone or together, and of no other (SPEC S-055, S-260)."""
    event, reader = seal({MATTER: ReplyMatter(actor=WHO), PERSON: ReplyPerson()}), cast.Reader("DE")
    ceks = open_ceks(event, reader)
    one, other = (wrap({part: cek}, reader, event.claims.address) for part, cek in ceks.items())
    assert open_ceks(replace(event, slots=(other, one)), reader) == ceks
    redacted = replace(event, slots=(one,))
    assert code(lambda: open_ceks(redacted, reader)) == "part-unreadable"
    private = reader.private_key(reader.kid)
    assert private is not None
    assert unwrap(one, private, event.claims.address) == {MATTER: ceks[MATTER]}


def test_a_key_of_the_wrong_length() -> None:
    """Public keys and slots have the length of their suite (SPEC S-052, S-059)."""
    for suite in SUITES:
        public = cast.Reader("DE", suite).public_bytes
        for wrong in (public[:-1], public + b"\0", b""):
            assert code(lambda s=suite, w=wrong: load_public_key(s, w)) == "malformed"
    assert code(lambda: private_key_from_seed("P-256", b"")) == "malformed"


def test_the_sender_prefers_post_quantum_keys() -> None:
    """The first suite of the list that the member has an active key of is used (SPEC S-057)."""
    keys = (encryption_key("HU"), encryption_key("HU", "MLKEM768-X25519"))
    chosen = record("HU", encryption_keys=keys).encryption_key()
    assert chosen is not None
    assert chosen.suite == "MLKEM768-X25519"
    retired = encryption_key("HU", "MLKEM768-X25519", state="retired")
    fallback = record("HU", encryption_keys=(keys[0], retired)).encryption_key()
    assert fallback == keys[0]


def test_an_algorithm_swapped() -> None:
    """A header that names another algorithm than the key's is refused, although the bytes are signed (SPEC S-023)."""
    signer = cast.signer("DE")
    header = {"alg": "Ed25519", "iat": 1, "kid": signer.kid, "typ": TYP, "x5t#S256": signer.x5t}
    signing_input = f"{b64u(canonical_json(header))}.e30"
    forged = jws.parse(f"{signing_input}.{b64u(signer.sign(signing_input.encode()))}", limit=4096)
    assert not jws.verify_with_certificate(forged, cast.certificate(cast.message_key("DE"), "DE"))


def test_keys_in_the_header_are_ignored() -> None:
    """A document can't bring its own key (SPEC S-022, S-024)."""
    mallory, victim = cast.signer("FR"), cast.signer("HU")
    header = {"alg": "Ed25519", "iat": 1, "kid": victim.kid, "typ": TYP, "x5t#S256": victim.x5t}
    header |= {"jwk": {"kty": "OKP"}, "x5c": [b64u(cast.certificate(cast.message_key("FR"), "FR"))]}
    signing_input = f"{b64u(canonical_json(header))}.e30"
    forged = jws.parse(f"{signing_input}.{b64u(mallory.sign(signing_input.encode()))}", limit=4096)
    assert not jws.verify_with_certificate(forged, cast.certificate(cast.message_key("HU"), "HU"))


def test_the_states_of_a_key() -> None:
    """Active keys count whatever `since` says, retired ones for 40 days, revoked ones never (SPEC S-006, S-026)."""
    day, second = dt.timedelta(days=1), dt.timedelta(seconds=1)
    assert message_key("HU").accepts(NOW - 400 * day)
    retired = message_key("HU", state="retired", until=NOW)
    assert retired.accepts(NOW + 40 * day)
    assert not retired.accepts(NOW + 40 * day + second)
    assert not message_key("HU", state="revoked", until=NOW + day).accepts(NOW)


def test_a_document_from_the_future_is_read() -> None:
    """`iat` is no reason to refuse (SPEC S-006)."""
    assert parse_item(seal(ACT, "request.accept", iat=2**40).line()).iat == 2**40


def test_countries() -> None:
    """Thirty countries, Greece is GR, and the Union's own node is none of them (SPEC S-004)."""
    assert len(COUNTRIES) == 30
    assert "GR" in COUNTRIES
    assert not {"EL", "EU", "CH", "UK"} & set(COUNTRIES)


def test_identifiers_are_lower_case_uuids() -> None:
    """Two spellings of one identifier would be two identifiers (SPEC S-005)."""
    for wrong in ("6F1C0D4E-8F0A-4C0E-9D53-3A9F5A1B2C01", "6f1c0d4e8f0a4c0e9d533a9f5a1b2c01", ""):
        with pytest.raises((ProtocolError, ValidationError)):
            seal(ACT, "request.accept", jti=wrong)


def test_an_unknown_kind_is_final() -> None:
    """A newer kind is refused by name (SPEC S-009)."""
    event = seal(ACT, "notice.dance")
    assert code(lambda: opened(event)) == "unknown-kind"


def test_too_much_for_one_event() -> None:
    """A part or a line over its limit is refused before it is sealed (SPEC S-001, S-003)."""
    comment = Said(text="x" * 8192, lang="hu")
    answers = {f"q{number}": Reply(text="y" * 8192, lang="hu") for number in range(17)}
    huge: dict[str, Content] = {MATTER: ActMatter(actor=WHO), PERSON: ReplyPerson(answers=answers, comment=comment)}
    assert len(write_content(huge[PERSON])) > MAX_PART
    assert code(lambda: seal(huge)) == "event-too-large"
    assert code(lambda: parse_item(b" " * (MAX_ITEM + 1))) == "event-too-large"


def test_errors_never_quote() -> None:
    """What a peer wrote isn't in the refusal that goes to the log (SPEC S-019)."""
    secret = "Anna Kovacs"
    for data in (f'{{"{secret}": 1, "{secret}": 2}}', f'{{"a": {secret}}}', f'"{secret}'):
        with pytest.raises(ProtocolError) as caught:
            strict_json(data.encode(), limit=999)
        assert secret not in str(caught.value)
    for value in ({secret: {secret: secret}}, {"answers": {secret: {"code": secret * 99}}, "comment": secret}):
        with pytest.raises(ProtocolError) as caught:
            read_content("request.reply", PERSON, canonical_json({**value, "attachments": secret}))
        assert secret not in str(caught.value)


def test_unknown_fields_are_ignored() -> None:
    """A newer minor version may add fields anywhere (SPEC S-008, S-116)."""
    event = seal(ACT, "request.accept")
    assert changed(event, novelty=1) == ACT
    plain = canonical_json({"actor": {"authority": "HU-okfo", "novelty": 1}, "novelty": []})
    assert read_content("request.accept", MATTER, plain) == ACT[MATTER]
    kept = MemberRecord.model_validate(record("HU").as_json() | {"novelty": {"a": 1}})
    assert kept.as_json()["novelty"] == {"a": 1}


def test_each_blob_has_a_key() -> None:
    """An attachment names its key; the key is 32 bytes in one spelling (SPEC S-017, S-065)."""
    person = json.loads(write_content(cast.request(b64u(bytes(32)))[PERSON]))
    parsed = read_content("request.send", PERSON, canonical_json(person))
    assert [len(ref.key_bytes) for ref in parsed.attachments] == [32]  # type: ignore[attr-defined]


# --- nothing but ProtocolError ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
DEEP = b"[" * 10_000 + b"]" * 10_000
PARSERS: dict[str, Any] = {
    "base64url": lambda data: un_b64u(data.decode("utf-8", "replace")),
    "json": lambda data: strict_json(data, limit=10**6),
    "object": lambda data: strict_object(data, limit=10**6),
    "jws": lambda data: jws.require_header(jws.parse(data.decode("latin-1"), limit=10**6), TYP),
    "item": parse_item,
    "batch": parse_batch,
    "receipt": parse_receipt,
}


def survives(parser: Any, data: bytes) -> None:
    """Run a parser; it returns, or raises a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        parser(data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300))
@example(DEEP)
@example(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
@example(b'{"a":1,"a":2}')
@example(b"9" * 10_000)
@example(b"\xff\xfe")
@pytest.mark.parametrize("name", PARSERS)
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    """Every parser refuses or returns, whatever it gets (SPEC S-011, S-012, S-014)."""
    survives(PARSERS[name], data)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_documents(data: st.DataObject) -> None:
    """Real lines, batches and receipts with some bytes changed are refused or read (SPEC S-010, S-033, S-034)."""
    wire = BATCHES["batches"][1]["wire"].encode()
    receipt = RECEIPTS["receipts"][1]["compact"].encode()
    name, good = data.draw(st.sampled_from([("item", LINE), ("batch", wire), ("receipt", receipt)]))
    broken = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    survives(PARSERS[name], bytes(broken[: data.draw(st.integers(0, len(broken)))]))


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from([None, *json.loads(LINE)]), st.sampled_from(["item", "claims"]))
def test_wrong_shapes(value: Any, key: str | None, where: str) -> None:
    """Fields of any shape, in a line or in signed claims, are refused or read (SPEC S-029, S-043)."""
    try:
        dumped = json.dumps(value).encode()
        value = strict_json(dumped, limit=10**6)
    except ProtocolError:
        return
    if where == "item":
        line = canonical_json(json.loads(LINE) | {key: value} if key else value)
        survives(lambda data: open_contents(e := parse_item(data), open_ceks(e, cast.Reader("HU"))), line)
        return
    claims = parse_item(LINE).claims.model_dump(mode="json")
    for name in claims:
        signed = jws.sign(cast.signer("DE"), TYP, claims | {name: value}, 1)
        survives(parse_item, canonical_json(json.loads(LINE) | {"event": signed}))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.sampled_from([MATTER, PERSON, "other"]), JSON | st.binary(max_size=60))
def test_arbitrary_contents(kind: str, part: str, value: Any) -> None:
    """Contents of any shape are refused or read (SPEC S-044)."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode("utf-8", "replace")
    survives(lambda given: read_content(kind, part, given), data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_contents_with_one_wrong_field(kind: str, data: st.DataObject) -> None:
    """One field of any other value at a time is refused or read (SPEC S-044)."""
    matter, _ = SHAPES[kind]
    good = json.loads(write_content(cast.request(b64u(bytes(32)))[MATTER])) | {"date": "2026-10-01", "reason": "a"}
    good["stored"] = [b64u(bytes(32))]
    name = data.draw(st.sampled_from(sorted(matter.model_fields)))
    wrong = json.dumps(good | {name: data.draw(JSON)}).encode("utf-8", "replace")
    survives(lambda given: read_content(kind, MATTER, given), wrong)


@pytest.mark.parametrize("empty", [None, "empty"])
def test_what_has_no_value_may_be_null_or_empty(empty: str | None) -> None:
    """`null`, an empty list or map, and nothing at all are read as the same (SPEC S-046)."""
    bare = read_content("request.send", "person", b"{}")
    shape = {"variables": {}, "attachments": []} if empty else {"variables": None, "attachments": None, "comment": None}
    assert read_content("request.send", "person", canonical_json(shape)) == bare
    actor = {"actor": {"authority": "HU-a", "name": None}}
    answers = {"answers": {} if empty else None}
    said = read_content("request.reply", "matter", canonical_json(actor | answers))
    assert said == read_content("request.reply", "matter", canonical_json(actor))


class _TwoNames:
    """A node that has one private key under two names."""

    def __init__(self, reader: cast.Reader) -> None:
        self.reader = reader

    def private_key(self, kid: str) -> HpkePrivateKey | None:
        """Return the key under either name."""
        return self.reader.private_key(self.reader.kid) if kid in (self.reader.kid, "second") else None


@dataclass(frozen=True)
class _Second:
    reader: cast.Reader
    kid: str = "second"

    @property
    def suite(self) -> str:
        return self.reader.suite

    @property
    def public_key(self) -> HpkePublicKey:
        return self.reader.public_key


@pytest.mark.parametrize("same", [True, False])
def test_every_slot_of_ours_gives_the_same_key(same: bool) -> None:  # noqa: FBT001
    """Which slot counts doesn't depend on which is tried first (SPEC S-161)."""
    reader = cast.Reader("HU")
    event = cast.Story(cast.Slots({})).seal(
        "DE", 1, Place(cast.CASE, "notice.opened", None, None), cast.act(cast.OFFICE)
    )
    ceks = open_ceks(event, _TwoNames(reader))
    cek = ceks["matter"] if same else bytes(32)
    more = wrap({"matter": cek}, _Second(reader), event.claims.address)
    twice = replace(event, slots=(*event.slots, more))
    if same:
        assert open_ceks(twice, _TwoNames(reader)) == ceks
        return
    for slots in (twice.slots, twice.slots[::-1]):
        with pytest.raises(ProtocolError, match="part-unreadable"):
            open_ceks(replace(event, slots=slots), _TwoNames(reader))
