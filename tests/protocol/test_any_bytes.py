"""Whatever bytes a peer sends, each parser gives a value or a refusal with a code, soon; what it gives writes back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import jws
from protocol.batch import Head, choose, parse_batch
from protocol.blob import open_blob, seal_blob, sealed_size
from protocol.content import SHAPES, read_content, write_content
from protocol.encoding import b64u, canonical_json, strict_json, un_b64u
from protocol.event import open_contents, parse_item
from protocol.history import Entry, Page, check_entry, parse_page, write_page
from protocol.limits import MAX_BATCH_BODY, MAX_EVENT_JWS, MAX_ITEM, MAX_PART, MAX_REQUEST_BODY, MIB
from protocol.member import un_base64
from protocol.member_bundle import MemberBundle
from protocol.member_documents import read_role, read_root, read_targets
from protocol.member_problems import MemberListError
from protocol.member_proposal import Candidate, Proposal
from protocol.member_signatures import signatures_from_json
from protocol.members import MemberList
from protocol.part import open_part, seal_part
from protocol.problems import PROBLEMS, ProtocolError
from protocol.receipt import parse_receipt
from protocol.suspension_proposal import SuspensionProposal
from tests.project.tree import text_of
from tests.protocol.any_bytes import bounded, json_values, quick, spoilt
from tests.protocol.member_network import NOW


def vectors(name: str) -> Any:
    """Return a file of test vectors."""
    return json.loads(text_of(f"protocol/vectors/{name}.json"))


LINES = [one["line"].encode() for one in vectors("event")["events"]]
WIRES = [one["wire"].encode() for one in vectors("batch")["batches"]]
RECEIPTS = [one["compact"].encode() for one in vectors("receipt")["receipts"]]
BUNDLE = json.dumps(vectors("members")["bundle"]).encode()
DOCUMENTS = [
    un_base64(one) for one in (*vectors("members")["bundle"]["roots"], vectors("members")["bundle"]["targets"])
]
ROLES = [un_base64(one) for one in vectors("members")["bundle"]["roles"].values()]


def test_the_good_ones_are_good() -> None:
    """What the spoilt bytes below are made from is accepted as it is."""
    assert all(parse_item(line).line() for line in LINES)
    assert all(parse_batch(wire).wire() == wire for wire in WIRES)
    assert all(parse_receipt(receipt).jws.compact.encode() == receipt for receipt in RECEIPTS)
    assert MemberBundle.from_json(MemberBundle.from_json(BUNDLE).to_json()) == MemberBundle.from_json(BUNDLE)


@quick
@given(spoilt(b'{"a":[1,"\\u00e9"]}', *DOCUMENTS[:1]))
def test_json(data: bytes) -> None:
    """JSON is refused, or its canonical form says the same (SPEC S-016)."""
    value = bounded(lambda: strict_json(data, limit=MIB), ProtocolError)
    if not isinstance(value, ProtocolError):
        assert strict_json(canonical_json(value), limit=2 * MIB) == value


@quick
@given(json_values)
def test_values_of_json(value: Any) -> None:
    """Any value that JSON has is refused or read as it is."""
    try:
        data = json.dumps(value).encode()
    except ValueError:
        return
    read = bounded(lambda: strict_json(data, limit=MIB), ProtocolError)
    assert isinstance(read, ProtocolError) or read == value


@quick
@given(st.text(max_size=40) | st.binary(max_size=40).map(b64u))
def test_base64url(text: str) -> None:
    """There is one text for the bytes (SPEC S-010)."""
    data = bounded(lambda: un_b64u(text), ProtocolError)
    assert isinstance(data, ProtocolError) or b64u(data) == text


@quick
@given(spoilt(*(line for line in RECEIPTS)))
def test_jws(data: bytes) -> None:
    """A JWS is refused, or is the very text it was read from."""
    parsed = bounded(lambda: jws.parse(data.decode("latin-1"), limit=MAX_EVENT_JWS), ProtocolError)
    if not isinstance(parsed, ProtocolError):
        assert parsed.compact.encode("latin-1") == data
        bounded(parsed.claims, ProtocolError)
        bounded(lambda: jws.require_header(parsed, "x"), ProtocolError)


@quick
@given(spoilt(*WIRES))
def test_batches(data: bytes) -> None:
    """A batch is refused for the time being, or is the bytes it was read from."""
    batch = bounded(lambda: parse_batch(data), ProtocolError)
    if isinstance(batch, ProtocolError):
        assert not batch.problem.final
    else:
        assert batch.wire() == data


@quick
@given(spoilt(*LINES))
def test_events(data: bytes) -> None:
    """An item is refused, or its line reads as the same event."""
    event = bounded(lambda: parse_item(data), ProtocolError)
    if not isinstance(event, ProtocolError):
        assert parse_item(event.line()).digest == event.digest
        bounded(lambda: open_contents(event, {"matter": b"\0" * 32}), ProtocolError)


@quick
@given(spoilt(*RECEIPTS))
def test_receipts(data: bytes) -> None:
    """A receipt is refused, or its bytes are kept."""
    receipt = bounded(lambda: parse_receipt(data), ProtocolError)
    assert isinstance(receipt, ProtocolError) or receipt.jws.compact.encode("ascii") == data


PAGE = write_page(
    Page(
        Head(1, 3, b64u(bytes(32))),
        tuple(
            Entry(wire.split(b"\n")[0].decode(), RECEIPTS[0].decode(), (line, None))
            for wire, line in zip(WIRES, LINES, strict=False)
        ),
    )
)


@quick
@given(spoilt(PAGE))
def test_pages_of_history(data: bytes) -> None:
    """A page of what was said before is refused, or writes back as itself; what it tells is only believed if it fits."""
    page = bounded(lambda: parse_page(data), ProtocolError)
    if not isinstance(page, ProtocolError):
        assert parse_page(write_page(page)) == page
        for entry in page.entries:
            bounded(lambda e=entry: check_entry(e, "DE", "HU", Head()), ProtocolError)


@quick
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(["matter", "person", ""]),
    spoilt(b'{"actor":{"authority":"HU-okfo"}}', b'{"actor":{"authority":"x"},"date":"2026-02-28"}'),
)
def test_contents(kind: str, part: str, data: bytes) -> None:
    """A content is refused with a final code, or writes back as itself."""
    content = bounded(lambda: read_content(kind, part, data), ProtocolError)
    if isinstance(content, ProtocolError):
        assert content.code in PROBLEMS
    else:
        assert read_content(kind, part, write_content(content)) == content


@quick
@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=3))
def test_parts(plain: bytes, at: int, piece: bytes) -> None:
    """A part opens to what was sealed; anything else is refused."""
    claim, part = seal_part("matter", plain, jti="j", cek=b"k" * 32, salt=b"s" * 32)
    assert open_part(claim, part, jti="j", cek=b"k" * 32) == plain
    bent = type(part)(part.id, part.sealed[:at] + piece + part.sealed[at + 1 :])
    opened = bounded(lambda: open_part(claim, bent, jti="j", cek=b"k" * 32), ProtocolError)
    assert isinstance(opened, ProtocolError) or bent == part


@quick
@given(st.integers(0, 3).map(lambda n: n * (MIB // 2)), st.integers(0, 2 * MIB), st.binary(max_size=2))
def test_blobs(size: int, at: int, piece: bytes) -> None:
    """A blob opens to what was sealed and has the size foretold; anything else is refused (SPEC S-061, S-066)."""
    sealed = b"".join(seal_blob(bytes(size), b"k" * 32))
    assert len(sealed) == sealed_size(size)
    bent = sealed[:at] + piece + sealed[at + 1 :]
    chunk = MIB + 16
    pieces = (bent[start : start + chunk] for start in range(0, len(bent), chunk))
    opened = bounded(lambda: b"".join(open_blob(pieces, b"k" * 32)), ProtocolError)
    assert isinstance(opened, ProtocolError) or bent == sealed


@quick
@given(spoilt(*DOCUMENTS, *ROLES))
def test_member_documents(data: bytes) -> None:
    """A document of the member list is refused, or its bytes are kept."""
    for read in (read_root, read_targets, lambda raw: read_role(raw, "DE")):
        document = bounded(lambda r=read: r(data), MemberListError)
        assert isinstance(document, MemberListError) or document.raw == data


@quick
@given(spoilt(BUNDLE))
def test_bundles(data: bytes) -> None:
    """A bundle is refused, or writes back as itself; a list takes no harm from it."""
    bundle = bounded(lambda: MemberBundle.from_json(data), MemberListError)
    if isinstance(bundle, MemberListError):
        return
    assert MemberBundle.from_json(bundle.to_json()) == bundle
    bounded(lambda: MemberList.genesis(DOCUMENTS[0]).update(bundle, NOW), MemberListError)


@quick
@given(spoilt(BUNDLE, b'{"signatures":[]}', *DOCUMENTS))
def test_files_of_the_member_commands(data: bytes) -> None:
    """Candidates, proposals and signatures that somebody sends by mail are refused with a code."""
    for read in (Candidate.from_json, Proposal.from_json, SuspensionProposal.from_json, signatures_from_json):
        bounded(lambda r=read: r(data), MemberListError)


HUGE = {
    "nothing but line feeds": b"\n" * MAX_REQUEST_BODY,
    "one long line": b"a" * MAX_REQUEST_BODY,
    "deep": b"[" * MAX_REQUEST_BODY,
    "deep and closed": b"[" * (MAX_REQUEST_BODY // 2) + b"]" * (MAX_REQUEST_BODY // 2),
    "many keys": b"{" + b",".join(b'"%d":0' % n for n in range(90_000)) + b"}",
    "one key again and again": b"{" + b",".join([b'"a":0'] * 150_000) + b"}",
    "many numbers": b"[" + b",".join([b"1"] * 500_000) + b"]",
    "one long number": b"9" * MAX_REQUEST_BODY,
    "dots": b"." * MAX_REQUEST_BODY,
    "escapes": b'"' + b"\\u0041" * 180_000 + b'"',
}


@pytest.mark.parametrize("name", HUGE)
def test_the_largest_input_takes_no_time(name: str) -> None:
    """What is within the limit of the line and hostile is refused at once by every parser (SPEC S-002)."""
    data = HUGE[name]
    for parse in (parse_batch, parse_item, parse_receipt):
        assert isinstance(bounded(lambda p=parse: p(data), ProtocolError), ProtocolError)
    for read in (MemberBundle.from_json, read_root, read_targets, Candidate.from_json, Proposal.from_json):
        assert isinstance(bounded(lambda r=read: r(data), MemberListError), MemberListError)
    assert isinstance(
        bounded(lambda: read_content("request.send", "matter", data[:MAX_PART]), ProtocolError), Exception
    )


@quick
@given(st.lists(st.integers(0, MAX_ITEM).map(bytes), max_size=12))
def test_what_is_chosen_for_a_batch_fits(lines: list[bytes]) -> None:
    """The first lines are taken, as many as fit, and at least one."""
    count = choose(lines)
    assert (count > 0) == bool(lines)
    assert sum(len(line) + 1 for line in lines[:count]) <= MAX_BATCH_BODY
