"""A country's list is taken whole and as signed, or not at all; tests are named after the attack."""

import json

import pytest

from directory_sync import limits
from directory_sync.problem import DirectoryError
from directory_sync.snapshot import Snapshot, canonical, check_body, check_header, check_snapshot, make_snapshot
from protocol.encoding import canonical_json, sha256_b64u
from protocol.problems import ProtocolError
from tests.directory_sync.world import AT, authority, country

GERMANY = country("DE")
CHAMBER = authority()
OFFICE = authority(id="DE-lageso-berlin", name="Landesamt für Gesundheit und Soziales Berlin")


def take(snapshot, *, iss="DE", known=None, verify=GERMANY.verify):
    """Check a snapshot as Hungary's node does; `known` is (version, sha256) of the last one."""
    version, sha256 = known or (None, None)
    return check_snapshot(
        snapshot.header_jws, snapshot.body, iss=iss, known_version=version, known_sha256=sha256, verify_header=verify
    )


def refused(snapshot, **rules):
    """Return the code with which a snapshot is refused."""
    with pytest.raises(DirectoryError) as caught:
        take(snapshot, **rules)
    return caught.value.code


def signed(body, **claims):
    """Sign a header over any body, as a country that breaks the rules can."""
    honest = {
        "iss": "DE",
        "version": 1,
        "at": "2026-11-23T09:00:00Z",
        "count": body.count(b"\n"),
        "size": len(body),
        "sha256": sha256_b64u(body),
    }
    return Snapshot(GERMANY.sign(honest | claims), body)


def lines(*records):
    """Return a body of these JSON values, one per line."""
    return b"".join(canonical_json(record) + b"\n" for record in records)


def plain(**changes):
    """Return the chamber's record as JSON, with some fields changed."""
    return json.loads(canonical(CHAMBER)) | changes


def test_what_berlin_publishes_budapest_reads():
    """A snapshot arrives with every record as it was, sorted by id."""
    snapshot = GERMANY.publish(CHAMBER, OFFICE)
    assert take(snapshot) == (OFFICE, CHAMBER)
    assert snapshot.body.count(b"\n") == 2
    assert GERMANY.verify(snapshot.header_jws)["at"] == "2026-11-23T09:00:00Z"


def test_an_empty_list_is_a_list():
    """A country that has no authority yet says so under its signature."""
    assert take(GERMANY.publish()) == ()


def test_the_same_records_are_the_same_bytes():
    """Order of input makes no difference, so two runs of one version are never a fork."""
    assert GERMANY.publish(CHAMBER, OFFICE) == GERMANY.publish(OFFICE, CHAMBER)


def test_the_same_and_newer_versions_are_accepted():
    """What we have is accepted again, and what follows it."""
    first, second = GERMANY.publish(CHAMBER, version=7), GERMANY.publish(CHAMBER, OFFICE, version=9)
    known = (7, sha256_b64u(first.body))
    assert take(first, known=known) == (CHAMBER,)
    assert take(second, known=known) == (OFFICE, CHAMBER)


def test_rollback():
    """An older list, once true and truly signed, does not bring back who was removed (SPEC S-121)."""
    newer = GERMANY.publish(CHAMBER, version=2)
    older = GERMANY.publish(CHAMBER, OFFICE, version=1)
    assert refused(older, known=(2, sha256_b64u(newer.body))) == "directory-rollback"


def test_fork():
    """Two contents under one version are refused, both truly signed (SPEC S-121)."""
    one, other = GERMANY.publish(CHAMBER), GERMANY.publish(OFFICE)
    assert refused(other, known=(1, sha256_b64u(one.body))) == "directory-fork"


def test_freeze_is_not_noticed_yet_but_dated():
    """The same list for ever is accepted in this form of the directory; its signed age is there to judge."""
    old = GERMANY.publish(CHAMBER)
    known = {"known_version": 1, "known_sha256": sha256_b64u(old.body)}
    assert check_header(old.header_jws, iss="DE", verify_header=GERMANY.verify, **known).at == AT


def test_wrong_issuer():
    """Germany can't publish Hungary's list, nor can its list pass for Hungary's (SPEC S-118)."""
    assert refused(GERMANY.publish(CHAMBER), iss="HU") == "directory-wrong-issuer"
    assert refused(signed(b"", iss="HU"), iss="DE") == "directory-wrong-issuer"


def test_wrong_key():
    """A header under another key is the verifier's refusal, and passes through."""
    with pytest.raises(ProtocolError):
        take(GERMANY.publish(CHAMBER), verify=country("DE").verify)


def test_foreign_record():
    """A country's signature says nothing about another country's authorities (SPEC S-122)."""
    foreign = plain(id="HU-okfo", country="HU")
    assert refused(signed(lines(foreign))) == "directory-foreign-record"
    with pytest.raises(DirectoryError, match="foreign"):
        GERMANY.publish(authority(id="HU-okfo", country="HU"))


def test_truncation():
    """A list that was cut off, even between two records, is not the signed one."""
    whole = GERMANY.publish(CHAMBER, OFFICE)
    for cut in (0, 1, whole.body.index(b"\n") + 1, len(whole.body) - 1):
        assert refused(Snapshot(whole.header_jws, whole.body[:cut])) == "directory-digest"


def test_alteration():
    """One changed letter is enough to refuse everything (SPEC S-119)."""
    whole = GERMANY.publish(CHAMBER)
    assert refused(Snapshot(whole.header_jws, whole.body.replace(b"Berlin", b"Bremen"))) == "directory-digest"


def test_wrong_count():
    """The header's count is the number of records."""
    assert refused(signed(lines(plain()), count=2)) == "directory-count"


def test_duplicate():
    """An id stands once: there is no second record to choose."""
    twice = lines(plain(), plain(name="Another"))
    assert refused(signed(twice)) == "directory-duplicate"
    with pytest.raises(DirectoryError, match="duplicate"):
        GERMANY.publish(CHAMBER, CHAMBER)


def test_disorder():
    """Records stand in the order of their ids, so that duplicates can't hide (SPEC S-120)."""
    assert refused(signed(lines(plain(id="DE-b"), plain(id="DE-a"), plain(id="DE-b")))) == "directory-order"


@pytest.mark.parametrize(
    "body",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b"\xff\xfe\n",
        b"\xef\xbb\xbf{}\n",
        b"[" * 10_000 + b"\n",
        lines(plain(v="1")),
        lines(plain(v=True)),
        lines(plain(id="DE-zaek-berlin\r")),
        lines(plain(name="A\u202ebc")),
        lines({key: value for key, value in plain().items() if key != "name"}),
        json.dumps(plain()).encode() + b"\n",
        lines(plain()).replace(b'"v":1', b'"v":1,"v":2'),
        lines(plain()).replace(b'"v":1', b'"v":1.0'),
        lines(plain()).replace(b'"v":1', b'"v":1,"w":NaN'),
        lines(plain()).replace(b'"v":1', b'"v":1,"w":"\\ud800"'),
        lines(plain()).replace(b"\n", b"\r\n"),
        lines(plain()) + b"\n",
        lines(plain())[:-1] + b"\x00",
    ],
    ids=range(19),
)
def test_bad_line(body):
    """A line that isn't one canonical record spoils the list, signed or not (SPEC S-120)."""
    assert refused(signed(body)) == "directory-bad-record"


def test_names_with_quotes_markup_and_line_ends_stay_in_their_line():
    """What a name holds can't begin a new record."""
    names = ['"},{"id":"DE-evil"', "</li><script>", "x\u0085y"[:1] + "\\n{}", "ß" * limits.MAX_NAME_CHARS]
    records = [authority(id=f"DE-n{number}", name=name) for number, name in enumerate(names)]
    assert [one.name for one in take(GERMANY.publish(*records))] == names


def test_fields_of_a_newer_node_survive_the_journey():
    """An older node takes and keeps what it doesn't know (SPEC S-124)."""
    newer = authority(opening_hours={"mon": [9, 12]}, extra=None)
    (received,) = take(GERMANY.publish(newer))
    assert canonical(received) == canonical(newer)
    assert take(signed(b"", minor=1)) == ()


def test_too_large_record():
    """A record over 16 KiB is refused on both sides."""
    big = authority(descriptions=dict.fromkeys(("de", "en", "hu", "fr", "it"), "x" * limits.MAX_DESCRIPTION_CHARS))
    with pytest.raises(DirectoryError, match="too-large"):
        GERMANY.publish(big)
    assert refused(signed(canonical(big) + b"\n")) == "directory-too-large"


def test_too_many_records(monkeypatch):
    """More records than allowed are refused before one is read."""
    header = check_header(
        GERMANY.publish().header_jws, iss="DE", known_version=None, known_sha256=None, verify_header=GERMANY.verify
    )
    with pytest.raises(DirectoryError, match="too-large"):
        check_body(header.model_copy(update={"count": limits.MAX_RECORDS + 1}), b"")
    with pytest.raises(DirectoryError, match="too-large"):
        check_body(header, bytes(limits.MAX_BODY_BYTES + 1))
    with pytest.raises(DirectoryError, match="too-large"):
        take(Snapshot("x" * (limits.MAX_HEADER_CHARS + 1), b""))


@pytest.mark.parametrize(
    "claims",
    [
        {"version": 0}, {"version": "1"}, {"version": 1.5}, {"version": True}, {"at": "yesterday"}, {"at": "2026-11-23T09:00:00"},
        {"count": -1}, {"count": limits.MAX_RECORDS + 1}, {"size": limits.MAX_BODY_BYTES + 1}, {"sha256": ""}, {"sha256": None},
        {"iss": "Germany"},
    ],
    ids=str,
)  # fmt: skip
def test_malformed_header(claims):
    """A header that can't be true is refused, whoever signed it."""
    good = {"iss": "DE", "version": 1, "at": "2026-11-23T09:00:00Z", "count": 0, "size": 0, "sha256": sha256_b64u(b"")}
    assert refused(Snapshot("any", b""), verify=lambda _: good | claims) == "directory-header"


def test_nothing_is_signed_that_would_be_refused():
    """A version of zero or a country that is none never reaches the key."""

    def never(_claims):
        pytest.fail("was signed")

    for code, version in (("DE", 0), ("Germany", 1)):
        with pytest.raises(DirectoryError):
            make_snapshot(code, version, AT, (), never)
