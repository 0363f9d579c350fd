"""The member list, as those who would cheat with it see it."""

import contextlib
import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.countries import COUNTRIES
from protocol.member import MAX_TLS_CERTIFICATES
from protocol.member_bundle import MemberBundle
from protocol.member_documents import MAX_DOCUMENT, read_role
from protocol.member_problems import MEMBER_CODES, MemberListError
from protocol.member_proposal import propose, propose_status, renew
from protocol.members import MemberList
from tests.protocol.member_network import (
    NOW,
    agreed,
    apply,
    candidate,
    certificate,
    encryption_key,
    founded,
    message_key,
    network,
    private_key,
    record,
    role,
    roles,
    signed_record,
    state,
    tampered,
    tls,
)

THREE = ("DE", "FR", "HU")
STATES = [state(country) for country in THREE]
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def members() -> MemberList:
    """Return a list of three states."""
    return network(*THREE)


def refused(members: MemberList, bundle: MemberBundle, now: datetime = NOW) -> MemberListError:
    """Return why the whole bundle is refused."""
    with pytest.raises(MemberListError) as caught:
        members.update(bundle, now)
    return caught.value


def codes(members: MemberList, bundle: MemberBundle) -> tuple[MemberList, list[tuple[str, str]]]:
    """Return the list after a bundle, and the codes of its problems."""
    newer, problems = members.update(bundle, NOW)
    return newer, [(problem.code, problem.document) for problem in problems]


# --- what holds ---


def test_three_states_found_a_network(members: MemberList) -> None:
    """Each state that joined is active, with its record, its keys and its certificate."""
    assert members.countries() == THREE
    assert members.root.version == 3
    assert members.root.signed.roles["root"].threshold == 2
    assert members.active("HU")
    assert not members.active("FI")
    assert members.member("HU") == record("HU")
    assert members.country_of(tls("HU")) == "HU"
    assert members.tls_certificates("HU") == {tls("HU")}
    kid = message_key("HU").kid
    key = members.message_key("HU", kid)
    assert key is not None
    assert key.accepts(NOW)
    assert members.message_key("DE", kid) is None


def test_bundle_travels_and_gives_the_same_list(members: MemberList) -> None:
    """A new node that pins the first root's hash gets the same list from any peer's bundle."""
    bundle = MemberBundle.from_json(members.bundle().to_json())
    assert bundle == members.bundle()
    other = MemberList.genesis(bundle.roots[0], members.root_sha256)
    other = apply(other, bundle)
    assert other.bundle() == members.bundle()
    assert other.versions("FR") == members.versions("FR")
    assert set(members.versions("FR")) == {"root", "targets", "FR"}


def test_same_keys_and_time_give_the_same_bytes(members: MemberList) -> None:
    """Nothing in a list depends on anything but its keys and `now`."""
    assert network(*THREE).bundle().to_json() == members.bundle().to_json()


def test_nothing_newer_gives_the_same_list(members: MemberList) -> None:
    """An update without news returns the list itself."""
    assert members.update(members.bundle(), NOW) == (members, ())
    assert members.update(MemberBundle(), NOW) == (members, ())


def test_thirty_states_take_part() -> None:
    """The whole network fits: 30 joins, a majority of 16, and a bundle within the limit."""
    members = network(*COUNTRIES)
    assert len(members.active_countries()) == 30
    assert members.root.signed.roles["targets"].threshold == 16
    assert {members.country_of(tls(country)) for country in COUNTRIES} == set(COUNTRIES)
    stored = MemberBundle.from_json(members.bundle().to_json())
    restored, problems = MemberList.restore(stored)
    assert problems == ()
    assert restored.versions("PL") == members.versions("PL")
    assert restored.bundle(after_root=29).roots == members.bundle().roots[-1:]


def test_country_rotates_its_keys_alone(members: MemberList) -> None:
    """A country's own signature is enough for a next certificate and a next key."""
    newer = apply(members, roles(FR=signed_record("FR", 2, tls=(tls("FR"), tls("FR", 2)))))
    assert newer.tls_certificates("FR") == {tls("FR"), tls("FR", 2)}
    assert newer.country_of(tls("FR", 2)) == "FR"
    assert members.country_of(tls("FR", 2)) is None


def test_gossip_says_who_is_ahead(members: MemberList) -> None:
    """Versions in a batch show whether to fetch the other's list, and a fork before it is fetched."""
    newer = apply(members, roles(FR=signed_record("FR", 2)))
    assert members.newer(newer.versions("FR"))
    assert not newer.newer(members.versions("FR"))
    assert not members.newer({"XX": [9, "0" * 64], "FI": [9, "0" * 64]})
    assert members.forked(newer.versions("FR")) == ()
    assert members.forked({"root": [2, "0" * 64], "FR": [1, "0" * 64]}) == ("FR", "root")
    assert MemberList.genesis(members.bundle().roots[0]).newer({"targets": [1, "0" * 64]})


@pytest.mark.parametrize(
    "value",
    [None, [], {"root": 1}, {"root": [1]}, {"root": ["1", "0" * 64]}, {"root": [True, "0" * 64]}, {"root": [1, "x"]}],
)
def test_malformed_versions_are_refused(members: MemberList, value: object) -> None:
    """Versions of another shape are refused with a code, not with a crash."""
    for ask in (members.newer, members.forked):
        with pytest.raises(MemberListError, match="members-malformed"):
            ask(value)


# --- attacks on root and targets ---


def test_another_first_root_is_refused_by_its_hash(members: MemberList) -> None:
    """A node that pins a network's hash isn't led into another network."""
    with pytest.raises(MemberListError, match="members-pin"):
        MemberList.genesis(founded("FR").bundle().roots[0], members.root_sha256)


def test_rollback_is_refused(members: MemberList) -> None:
    """Older documents never replace newer ones, and each is named as a rollback."""
    newer = apply(members, roles(FR=signed_record("FR", 2)))
    newer = apply(newer, agreed(newer, renew(newer, NOW), STATES))
    kept, problems = codes(newer, members.bundle())
    assert kept is newer
    assert problems == [("members-rollback", "root"), ("members-rollback", "targets"), ("members-rollback", "FR")]


def test_fork_of_root_is_proven(members: MemberList) -> None:
    """Two validly signed roots of one version are both kept as the proof."""
    one = apply(members, agreed(members, renew(members, NOW), STATES))
    other = agreed(members, renew(members, NOW, 300), STATES)
    error = refused(one, other)
    assert (error.code, error.document) == ("members-fork", "root")
    assert error.proof == (one.root.raw, other.roots[0])


def test_fork_of_targets_is_proven(members: MemberList) -> None:
    """Two validly signed targets of one version are both kept as the proof."""
    assert members.targets is not None
    other = tampered(members.targets.raw, STATES, lambda signed: signed.unrecognized_fields.update(more=1))
    error = refused(members, MemberBundle(targets=other))
    assert (error.code, error.proof) == ("members-fork", (members.targets.raw, other))


def test_fork_of_a_record_is_proven_and_concerns_its_country_alone(members: MemberList) -> None:
    """Two records of one version are a proof; other countries' news is taken all the same."""
    other = signed_record("FR", 1, name="Another")
    newer, problems = members.update(roles(FR=other, HU=signed_record("HU", 2)), NOW)
    assert [(p.code, p.document) for p in problems] == [("members-fork", "FR")]
    assert problems[0].proof == (members.bundle().roles["FR"], other)
    assert (newer.role_version("FR"), newer.role_version("HU")) == (1, 2)
    assert newer.member("FR") == record("FR")


def test_invented_fork_is_no_proof(members: MemberList) -> None:
    """Anyone can write a second version 3; unsigned by the states, it proves nothing."""
    stranger = [state("PL")]
    bad_root = tampered(members.root.raw, stranger, lambda signed: signed.unrecognized_fields.update(more=1))
    error = refused(members, MemberBundle(roots=(bad_root,)))
    assert (error.code, error.proof) == ("members-signature", ())
    assert members.targets is not None
    bad = tampered(members.targets.raw, stranger, lambda signed: signed.unrecognized_fields.update(more=1))
    assert refused(members, MemberBundle(targets=bad)).code == "members-signature"


def test_other_signatures_of_the_same_words_are_no_fork(members: MemberList) -> None:
    """A list signed by other states, or by more of them, is the same list."""
    proposal = renew(members, NOW)
    one, other = agreed(members, proposal, STATES[:2]), agreed(members, proposal, STATES[1:])
    assert one.roots != other.roots
    newer = apply(members, one)
    assert apply(newer, other) is newer


def test_threshold_of_exactly_half_is_refused() -> None:
    """Two of four states don't decide, even if all four say so."""
    four = ("DE", "FR", "HU", "PL")
    members = network(*four)
    signers = [state(country) for country in four]

    def lower(signed: object) -> None:
        signed.roles["targets"].threshold = 2

    proposal = renew(members, NOW)
    error = refused(members, MemberBundle(roots=(tampered(proposal.root, signers, lower),)))
    assert error.code == "members-threshold"
    assert members.root.signed.roles["targets"].threshold == 3


def test_minority_cannot_change_the_list(members: MemberList) -> None:
    """One of three states can sign neither a root nor targets."""
    proposal = renew(members, NOW)
    one = [state("DE")]
    root = tampered(proposal.root, one, lambda signed: None)
    assert refused(members, MemberBundle(roots=(root,))).code == "members-signature"
    targets = tampered(proposal.targets, one, lambda signed: None)
    assert refused(members, MemberBundle(targets=targets)).code == "members-signature"


def test_one_key_under_two_names_counts_once(members: MemberList) -> None:
    """A key listed under an invented id is refused, so no state can vote twice."""

    def duplicate(signed: object) -> None:
        keyid = signed.unrecognized_fields["entente"]["states"]["HU"]
        signed.keys[keyid] = type(signed.keys[keyid])(keyid, "ed25519", "ed25519", dict(state("DE").public_key.keyval))

    root = tampered(renew(members, NOW).root, STATES, duplicate)
    assert refused(members, MemberBundle(roots=(root,))).code == "members-malformed"


def test_state_with_two_keys_is_refused(members: MemberList) -> None:
    """More than half of the keys is more than half of the states: each has exactly one."""

    def add(signed: object) -> None:
        extra = state("PL").public_key
        for name in ("root", "targets"):
            signed.add_key(extra, name)

    root = tampered(renew(members, NOW).root, [*STATES, state("PL")], add)
    assert refused(members, MemberBundle(roots=(root,))).code == "members-inconsistent"


def test_strangers_cannot_take_over(members: MemberList) -> None:
    """A next root signed by all of its own states, but not by ours, is refused."""
    strangers = network("AT", "BE", "PL")
    signers = [state("AT"), state("BE"), state("PL")]
    strangers = apply(strangers, agreed(strangers, renew(strangers, NOW), signers))
    bundle = strangers.bundle(after_root=3)
    assert strangers.root.version == members.root.version + 1
    assert refused(members, bundle).code == "members-signature"


def test_root_must_reach_its_own_threshold(members: MemberList) -> None:
    """A root that asks for three states isn't believed with two, though two were enough before."""

    def unanimous(signed: object) -> None:
        signed.roles["root"].threshold = 3

    proposal = renew(members, NOW).root
    error = refused(members, MemberBundle(roots=(tampered(proposal, STATES[:2], unanimous),)))
    assert error.code == "members-signature"


def test_two_states_with_one_key_are_refused(members: MemberList) -> None:
    """A majority is one of states, so no key speaks for two of them."""

    def share(signed: object) -> None:
        states = signed.unrecognized_fields["entente"]["states"]
        for name in ("root", "targets"):
            signed.roles[name].keyids.remove(states["HU"])
        del signed.keys[states["HU"]]
        states["HU"] = states["DE"]

    root = tampered(renew(members, NOW).root, STATES, share)
    assert refused(members, MemberBundle(roots=(root,))).code == "members-inconsistent"


def test_state_left_out_of_a_role_is_refused(members: MemberList) -> None:
    """Each state signs both root and targets; none is a member without a vote."""

    def leave_out(signed: object) -> None:
        signed.roles["targets"].keyids.remove(signed.unrecognized_fields["entente"]["states"]["HU"])

    root = tampered(renew(members, NOW).root, STATES, leave_out)
    assert refused(members, MemberBundle(roots=(root,))).code == "members-inconsistent"


@pytest.mark.parametrize("version", [True, 2**31])
def test_version_that_ends_all_versions_is_refused(members: MemberList, version: int) -> None:
    """No country can use up its version numbers or write them in another type."""
    document = tampered(signed_record("FR"), [role("FR")], lambda signed: setattr(signed, "version", version))
    assert codes(members, roles(FR=document)) == (members, [("members-malformed", "FR")])


def test_root_that_skips_a_version_is_refused(members: MemberList) -> None:
    """Roots are followed one by one, so none can be hidden."""
    second = apply(members, agreed(members, renew(members, NOW), STATES))
    third = agreed(second, renew(second, NOW), STATES)
    assert refused(members, third).code == "members-gap"
    both = MemberBundle(second.bundle(after_root=3).roots + third.roots, third.targets)
    assert apply(members, both).root.version == 5


def test_newcomer_must_show_its_key() -> None:
    """No state's key can be put on the list without that state."""
    members = network(*THREE)
    proposal = propose(members, candidate("PL"), NOW)
    root = tampered(proposal.root, STATES, lambda signed: None)
    error = refused(members, MemberBundle((root,), tampered(proposal.targets, STATES, lambda signed: None)))
    assert error.code == "members-possession"
    assert "PL" in error.detail


def test_root_without_its_targets_is_refused(members: MemberList) -> None:
    """A new state stands in root and targets or in neither (SPEC S-175)."""
    bundle = agreed(members, propose(members, candidate("PL"), NOW), [*STATES, state("PL")])
    assert refused(members, MemberBundle(bundle.roots)).code in {"members-signature", "members-inconsistent"}
    assert members.update(bundle, NOW)[0].active("PL")


def test_key_of_a_country_that_left_counts_no_more(members: MemberList) -> None:
    """After a country has left, its signature no longer helps to a majority, and its messages are refused."""
    left = apply(members, agreed(members, propose_status(members, "FR", "left", NOW), STATES))
    assert not left.active("FR")
    assert left.country_of(tls("FR")) is None
    assert left.tls_certificates("FR") == frozenset()
    assert left.encryption_key("FR") is None
    assert left.message_key("FR", message_key("FR").kid) is not None
    proposal = renew(left, NOW)
    signers = [state("DE"), state("FR")]
    root = tampered(proposal.root, signers, lambda signed: None)
    assert refused(left, MemberBundle(roots=(root,))).code == "members-signature"


def test_record_of_a_country_that_left_stays(members: MemberList) -> None:
    """Who has left can't rewrite the keys by which its past is verified, and isn't asked for news."""
    left = apply(members, agreed(members, propose_status(members, "FR", "left", NOW), STATES))
    kept, problems = codes(left, roles(FR=signed_record("FR", 2)))
    assert (kept, problems) == (left, [("members-left", "FR")])
    assert not left.newer({"FR": [2, "0" * 64]})


def test_suspended_country_keeps_its_vote_only(members: MemberList) -> None:
    """A suspended country is no counterpart but still signs the list, and can be active again."""
    proposal = propose_status(members, "FR", "suspended", NOW)
    suspended = apply(members, agreed(members, proposal, [state("DE"), state("HU")]))
    assert suspended.country_of(tls("FR")) is None
    assert "FR" in suspended.root.states
    back = propose_status(suspended, "FR", "active", NOW)
    assert apply(suspended, agreed(suspended, back, STATES)).country_of(tls("FR")) == "FR"


def test_delegation_beyond_a_country_is_refused(members: MemberList) -> None:
    """A country's role never covers another's paths, needs one signature, and is its own."""
    for field, value in (("paths", ["*/*"]), ("threshold", 2), ("terminating", False)):

        def widen(signed: object, field: str = field, value: object = value) -> None:
            setattr(signed.delegations.roles["FR"], field, value)

        targets = tampered(renew(members, NOW).targets, STATES, widen)
        assert refused(members, MemberBundle(targets=targets)).code == "members-malformed"


def test_one_key_for_two_purposes_is_refused(members: MemberList) -> None:
    """A record's key is neither another country's nor a state's: a signature means one thing."""
    shared = candidate("PL").model_copy(update={"role_key": candidate("FR").role_key})
    with pytest.raises(MemberListError, match="members-inconsistent"):
        propose(members, shared, NOW)
    doubled = candidate("PL").model_copy(update={"role_key": candidate("PL").state_key})
    proposal = propose(members, doubled, NOW)
    signers = [*STATES, state("PL")]
    bundle = MemberBundle(
        (tampered(proposal.root, signers, lambda signed: None),),
        tampered(proposal.targets, signers, lambda signed: None),
    )
    assert refused(members, bundle).code == "members-inconsistent"


# --- attacks on a record ---


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


# --- size, form, time ---


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
