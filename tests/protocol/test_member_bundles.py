"""Bundles of the member list by size, form and time."""

import contextlib
import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.member_bundle import MemberBundle
from protocol.member_documents import MAX_DOCUMENT, read_role
from protocol.member_problems import MEMBER_CODES, MemberListError
from protocol.member_proposal import propose, renew
from protocol.members import MemberList
from tests.protocol.member_network import (
    NOW,
    STATES,
    THREE,
    YEAR,
    agreed,
    apply,
    candidate,
    codes,
    network,
    record,
    refused,
    roles,
    signed_record,
    state,
)


def test_oversize_is_refused_before_it_is_parsed(members: MemberList) -> None:
    """A document or a bundle over its limit is refused by its size."""
    big = b" " * (MAX_DOCUMENT + 1)
    assert refused(members, MemberBundle(targets=big)).code == "members-oversize"
    assert codes(members, roles(FR=big))[1] == [("members-oversize", "FR")]
    with pytest.raises(MemberListError, match="members-oversize"):
        MemberBundle.from_json(b" " * 5_000_000)
    with pytest.raises(MemberListError, match="members-oversize"):
        MemberBundle(roots=(b"x",) * 257).to_json()
    with pytest.raises(MemberListError, match="members-oversize"):
        signed_record("FR", more="x" * MAX_DOCUMENT)


def test_what_cannot_be_signed_is_refused() -> None:
    """A float has no canonical form, so a record with one is never sealed."""
    with pytest.raises(MemberListError, match="members-record"):
        signed_record("FR", more=0.5)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'{"roots":[],"roles":{},"roles":{}}',
        b'{"roots":["AA"],"roles":{}}',
        b'{"roots":["AB=="],"roles":{}}',
        b'{"roots":["AA==\\n"],"roles":{}}',
        b'{"roots":[1],"roles":{}}',
        b'{"roots":[],"roles":{"de":"AA=="}}',
        b'{"roots":[],"targets":1.5,"roles":{}}',
        b"[" * 100_000,
    ],
)
def test_malformed_bundles_are_refused(text: bytes) -> None:
    """JSON and base64 have one form each."""
    with pytest.raises(MemberListError, match="members-malformed"):
        MemberBundle.from_json(text)


def test_bundle_of_a_newer_version_is_read() -> None:
    """A field that this version doesn't know hides nothing that it does."""
    assert MemberBundle.from_json(b'{"roots":["AA=="],"roles":{},"suspend":"AA=="}').roots == (b"\0",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BUNDLES = st.fixed_dictionaries(
    {},
    optional={
        "roots": JSON | st.lists(st.text(max_size=8)),
        "targets": JSON,
        "roles": JSON | st.dictionaries(st.sampled_from(["DE", "de", ""]), JSON),
    },
)


@given(
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | BUNDLES.map(lambda value: json.dumps(value).encode())
)
def test_bundles_fail_only_with_codes(data: bytes) -> None:
    """Whatever a peer sends as a bundle is read or refused with a code."""
    with contextlib.suppress(MemberListError):
        MemberBundle.from_json(data)


def paths(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the way to each value inside a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, inner in steps for path in paths(inner, (*at, key)))]


DOCUMENTS = network("DE", "FR").bundle()


@settings(max_examples=300)
@given(st.data())
def test_documents_fail_only_with_codes(data: st.DataObject) -> None:
    """A document with any one value replaced by any other is refused with a code, or changes nothing."""
    kind = data.draw(st.sampled_from(["root", "targets", "FR"]))
    raw = {"root": DOCUMENTS.roots[1], "targets": DOCUMENTS.targets, "FR": DOCUMENTS.roles["FR"]}[kind]
    value = json.loads(raw)
    where = data.draw(st.sampled_from(paths(value)[1:]))
    inner = value
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = data.draw(JSON)
    spoilt = json.dumps(value).encode()
    bundle = MemberBundle(
        (DOCUMENTS.roots[0], spoilt if kind == "root" else DOCUMENTS.roots[1]),
        spoilt if kind == "targets" else DOCUMENTS.targets,
        {**DOCUMENTS.roles, **({"FR": spoilt} if kind == "FR" else {})},
    )
    with contextlib.suppress(MemberListError):
        members, problems = MemberList.genesis(DOCUMENTS.roots[0]).update(bundle, NOW)
        assert {problem.code for problem in problems} <= set(MEMBER_CODES)
        assert members.member("DE") == record("DE")
        assert members.member("FR") is None or members.member("FR") == record("FR")


def test_expired_list_keeps_old_members(members: MemberList) -> None:
    """After its end a list still names every member, and a country's own news is still taken (SPEC S-174)."""
    late = NOW + 2 * YEAR
    assert members.expired(late)
    assert not members.expired(NOW)
    restored, problems = MemberList.restore(members.bundle())
    assert problems == ()
    assert restored.active_countries() == set(THREE)
    newer = apply(members, roles(FR=signed_record("FR", 2)), now=late)
    assert newer.role_version("FR") == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version": 1', b'"version": 0'),
        (b'"version": 1', b'"version": 2147483648'),
        (b'"version": 1', b'"version": "1"'),
        (b'"spec_version": "1.', b'"spec_version": "2.'),
        (b'Z", "', b'+00:00", "'),
        (b"T12:00:00Z", b"T12:00:00.5Z"),
    ],
)
def test_what_frames_a_document_is_read_strictly(members: MemberList, old: bytes, new: bytes) -> None:
    """Versions, the format's version and instants have one form each (SPEC S-173)."""
    raw = json.dumps(json.loads(signed_record("FR", 1))).encode()
    assert old in raw
    with pytest.raises(MemberListError):
        read_role(raw.replace(old, new), "FR")


def test_expired_list_takes_in_no_new_member(members: MemberList) -> None:
    """A list that is out of date adds nobody, whoever signed it, and can be renewed."""
    late = NOW + 2 * YEAR
    joining = agreed(members, propose(members, candidate("PL"), NOW), [*STATES, state("PL")])
    assert refused(members, joining, late).code == "members-expired"
    assert refused(MemberList.genesis(members.bundle().roots[0]), members.bundle(), late).code == "members-expired"
    with pytest.raises(MemberListError, match="members-expired"):
        propose(members, candidate("PL"), late)
    renewed = apply(members, agreed(members, renew(members, late), STATES), now=late)
    assert not renewed.expired(late)
    propose(renewed, candidate("PL"), late)


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (91, None),
        (90, "members-expires-90"),
        (30, "members-expires-30"),
        (7, "members-expires-7"),
        (0, "members-expired"),
        (-1, "members-expired"),
    ],
)
def test_expiry_is_announced(members: MemberList, days: int, code: str | None) -> None:
    """Warnings come 90, 30 and 7 days before each document's end, and at the end."""
    found = members.warnings(NOW + YEAR - timedelta(days=days))
    assert found == ([(code, name, days) for name in ("root", "targets", *THREE)] if code else [])


def test_list_is_never_changed(members: MemberList) -> None:
    """A list in use stays what it is."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        members._targets = None
    with pytest.raises(TypeError):
        members._roles["FR"] = members._roles["DE"]
