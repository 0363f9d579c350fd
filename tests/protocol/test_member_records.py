"""The records of countries in the member list, as those who would cheat with them see them."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from protocol.member import MAX_TLS_CERTIFICATES
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import propose
from protocol.members import MemberList
from tests.protocol.member_network import (
    NOW,
    STATES,
    agreed,
    apply,
    candidate,
    certificate,
    codes,
    encryption_key,
    message_key,
    private_key,
    record,
    refused,
    role,
    roles,
    signed_record,
    state,
    tampered,
    tls,
)


def test_record_signed_by_another_country_is_refused(members: MemberList) -> None:
    """France can't say where Hungary's node is, and its attempt blocks nobody else."""
    forged = signed_record("HU", 2, by=role("FR"))
    newer, problems = codes(members, roles(HU=forged, DE=signed_record("DE", 2)))
    assert problems == [("members-signature", "HU")]
    assert (newer.role_version("HU"), newer.role_version("DE")) == (1, 2)


def test_record_claiming_another_country_is_refused(members: MemberList) -> None:
    """A record validly signed by France that calls itself Hungary's stands nowhere."""
    document = signed_record("HU", 2, by=role("FR"))
    newer, problems = codes(members, roles(FR=document))
    assert (newer, problems) == (members, [("members-other-country", "FR")])


def test_record_of_a_stranger_is_refused(members: MemberList) -> None:
    """A country that hasn't joined has no record."""
    newer, problems = codes(members, roles(PL=signed_record("PL")))
    assert (newer, problems) == (members, [("members-unknown", "PL")])


def test_record_is_not_taken_for_targets(members: MemberList) -> None:
    """A country's signature on its record can't be passed off as the states' list, or the other way round."""
    assert refused(members, MemberBundle(targets=signed_record("DE", 9))).code == "members-malformed"
    assert members.targets is not None
    newer, problems = codes(members, roles(DE=members.targets.raw))
    assert (newer, problems) == (members, [("members-record", "DE")])


def test_certificate_issued_by_a_pinned_key_is_not_accepted(members: MemberList) -> None:
    """A certificate that a listed key has issued passes TLS, and is still nobody's."""
    issued = certificate(private_key("intruder"), "hu.example", issuer=private_key("tls", "HU", 1))
    again = certificate(private_key("tls", "HU", 1), "hu.example.")
    assert members.country_of(tls("HU")) == "HU"
    assert members.country_of(issued) is None
    assert members.country_of(again) is None
    assert members.country_of(tls("HU") + b"\0") is None


def test_certificate_of_another_country_cannot_be_claimed(members: MemberList) -> None:
    """Who had a certificate keeps it; the record of whoever claims it too is refused."""
    newer, problems = codes(members, roles(FR=signed_record("FR", 2, tls=(tls("FR"), tls("DE")))))
    assert problems == [("members-shared-certificate", "FR")]
    assert newer.country_of(tls("DE")) == "DE"
    assert newer.member("FR") == record("FR")


def test_certificate_new_to_two_countries_is_nobodys(members: MemberList) -> None:
    """Where two countries claim a new certificate at once, neither gets it and both keep what they had."""
    offered = roles(DE=signed_record("DE", 2, tls=(tls("XX"),)), FR=signed_record("FR", 2, tls=(tls("XX"),)))
    newer, problems = codes(members, offered)
    assert problems == [("members-shared-certificate", "DE"), ("members-shared-certificate", "FR")]
    assert newer.country_of(tls("XX")) is None
    assert newer.country_of(tls("DE")) == "DE"


def test_stolen_record_key_is_replaced_by_the_states(members: MemberList) -> None:
    """When the states replace a country's key, what the thief signed goes, and versions begin anew."""
    stolen = apply(members, roles(FR=signed_record("FR", 999, url="https://thief.example")))
    proposal = propose(stolen, candidate("FR").model_copy(update={"role_key": candidate("FR", 2).role_key}), NOW)
    cured, problems = codes(stolen, agreed(stolen, proposal, STATES))
    assert problems == [("members-signature", "FR")]
    assert cured.member("FR") is None
    cured = apply(cured, roles(FR=signed_record("FR", 1, by=role("FR", 2))))
    assert cured.member("FR") == record("FR")


def test_unknown_fields_survive(members: MemberList) -> None:
    """What a newer version adds is kept, in records and through proposals."""
    newer = apply(members, roles(FR=signed_record("FR", 2, moon={"phase": 3})))
    assert newer.member("FR").as_json()["moon"] == {"phase": 3}

    def add(signed: object) -> None:
        signed.unrecognized_fields["entente"]["moon"] = {"phase": 3}
        signed.version += 1

    assert members.targets is not None
    bundle = MemberBundle((tampered(members.root.raw, STATES, add),), tampered(members.targets.raw, STATES, add))
    newer = apply(members, bundle)
    later = apply(newer, agreed(newer, propose(newer, candidate("PL"), NOW), [*STATES, state("PL")]))
    assert later.root.signed.unrecognized_fields["entente"]["moon"] == {"phase": 3}
    assert later.targets.signed.unrecognized_fields["entente"]["moon"] == {"phase": 3}


@pytest.mark.parametrize(
    "fields",
    [
        {"country": "EL"},
        {"country": "CH"},
        {"name": ""},
        {"name": "x" * 201},
        {"url": "http://fr.example"},
        {"url": "https://user:word@fr.example"},
        {"url": "https://fr.example/?q=1"},
        {"speaks": ()},
        {"tls": ()},
        {"tls": (b"not a certificate",)},
        {"tls": (tls("FR").replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03"),)},  # version 4
        {"tls": (tls("FR"), tls("FR"))},
        {"tls": tuple(tls("FR", n) for n in range(MAX_TLS_CERTIFICATES + 1))},
        {"tls": ("AAA",)},
        {"message_keys": ()},
        {"message_keys": (message_key("FR"), message_key("FR"))},
        {"encryption_keys": (encryption_key("FR"), encryption_key("FR"))},
        {"demo": 1},
        {"log_keys": ("no key",)},
    ],
)
def test_record_beyond_its_limits_is_refused(fields: dict[str, object]) -> None:
    """A record holds what the specification allows and no more."""
    with pytest.raises(ValidationError):
        record("FR", **fields)


def test_message_key_is_named_by_its_hash() -> None:
    """A key can't stand under another's name, nor be retired without a date."""
    with pytest.raises(ValidationError, match="named by the hash"):
        message_key("FR").model_validate({**message_key("FR").model_dump(), "kid": message_key("DE").kid})
    for wrong in ({"state": "revoked"}, {"until": NOW}, {"since": "2026-11-23"}, {"since": 5}):
        with pytest.raises(ValidationError):
            message_key("FR", **wrong)


def test_retired_keys_last_forty_days_and_revoked_ones_not_at_all() -> None:
    """Active keys are accepted, retired ones for 40 days more, revoked ones never."""
    retired = message_key("FR", state="retired", until=NOW)
    assert retired.accepts(NOW + timedelta(days=40))
    assert not retired.accepts(NOW + timedelta(days=40, seconds=1))
    assert not message_key("FR", state="revoked", until=NOW).accepts(NOW - timedelta(days=1))
    assert message_key("FR").accepts(NOW - timedelta(days=1))
    assert message_key("FR").public_key == private_key("message", "FR", 1).public_key()
    at_the_end = message_key("FR", state="retired", until=datetime(9999, 12, 31, tzinfo=UTC))
    assert at_the_end.accepts(NOW)


def test_encryption_key_is_the_best_active_one(members: MemberList) -> None:
    """The first suite of the order that has an active key is used; unknown suites never are."""
    keys = (
        encryption_key("FR"),
        encryption_key("FR", "MLKEM768-X25519", state="retired"),
        encryption_key("FR", "MLKEM768-X25519", 2),
        {"kid": "future", "suite": "MLKEM9000", "public": "AAAA"},
    )
    newer = apply(members, roles(FR=signed_record("FR", 2, encryption_keys=keys)))
    assert newer.encryption_key("FR").kid == "MLKEM768-X25519-2"
    assert newer.encryption_key("FR", ["MLKEM9000", "X25519"]).kid == "X25519-1"
    assert members.encryption_key("FR").kid == "X25519-1"
    assert members.encryption_key("FI") is None
    with pytest.raises(ValidationError):
        record("FR", encryption_keys=({"kid": "short", "suite": "X25519", "public": "AAAA"},))
