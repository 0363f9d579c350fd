"""The member list, as those who would cheat with it see it."""

import pytest

from protocol.countries import COUNTRIES
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.member_proposal import propose, propose_status, renew
from protocol.members import MemberList
from tests.protocol.member_network import (
    NOW,
    STATES,
    THREE,
    agreed,
    apply,
    candidate,
    codes,
    founded,
    message_key,
    network,
    record,
    refused,
    role,
    roles,
    signed_record,
    state,
    tampered,
    tls,
)


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
