"""Suspension by three states, as those who would cheat with it see it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Metadata

from protocol.encoding import strict_json
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.member_proposal import propose, propose_status
from protocol.member_signatures import Change, signatures_from_json, signatures_to_json
from protocol.member_suspension import few, read_suspension, suspension_name, write_suspension
from protocol.members import MemberList
from protocol.suspension_proposal import (
    SuspensionProposal,
    attach_suspension,
    lift,
    review_suspension,
    sign_suspension,
    suspend,
)
from tests.protocol.member_network import NOW, agreed, apply, candidate, network, signed_record, state, tampered

SEVEN = ("AT", "DE", "FR", "HU", "IT", "PL", "SE")
THREE = ("DE", "FR", "PL")
OTHERS = ("AT", "IT", "SE")
LATER = NOW + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def members() -> MemberList:
    """Return a list of seven states, of which three can suspend and four decide."""
    return network(*SEVEN)


def signed(members: MemberList, proposal: SuspensionProposal, by: Iterable[str]) -> MemberBundle:
    """Return the bundle of a suspension that these states have signed."""
    signatures = [one for country in by for one in sign_suspension(members, proposal, state(country))]
    progress = attach_suspension(members, proposal, signatures)
    assert progress.bundle is not None, progress
    return progress.bundle


def raw_suspension(
    country: str, by: tuple[str, ...], since: datetime, end: datetime, version: int = 1, signers: Any = None
) -> MemberBundle:
    """Return a suspension that these states sign whatever their own nodes say to it."""
    raw = write_suspension(country, since, by, end, version)
    raw = tampered(raw, [state(c) for c in by] if signers is None else signers, lambda _: None)
    return MemberBundle(suspensions={suspension_name(country, since, tuple(sorted(by))): raw})


def offered(members: MemberList, bundle: MemberBundle, now: datetime = LATER) -> tuple[MemberList, list[str]]:
    """Return the list after a bundle, and the codes of its problems."""
    newer, problems = members.update(bundle, now)
    return newer, [problem.code for problem in problems]


def suspended(members: MemberList, country: str = "HU", by: tuple[str, ...] = THREE) -> MemberList:
    """Return the list after three states have suspended a country."""
    return apply(members, signed(members, suspend(members, country, by, LATER), by), now=LATER)


# --- what it does ---


def test_three_states_suspend_a_country_for_fourteen_days(members: MemberList) -> None:
    """From then on it is no counterpart; it ends by itself, to the second (SPEC S-184)."""
    proposal = suspend(members, "HU", THREE, LATER)
    assert review_suspension(members, proposal) == (
        Change("few-suspend", "HU"),
        Change("few-from", "2026-11-23T13:00:00Z"),
        Change("few-until", "2026-12-07T13:00:00Z"),
        Change("few-by", "DE, FR, PL"),
    )
    stopped = apply(members, signed(members, proposal, THREE), now=LATER)
    standing = stopped.standing("HU")
    assert standing is not None
    assert (standing.status, standing.since) == ("suspended", LATER)
    assert stopped.active_countries() == set(SEVEN) - {"HU"}
    assert (stopped.encryption_key("HU"), stopped.tls_certificates("HU")) == (None, frozenset())
    assert stopped.member("HU") == members.member("HU")
    assert stopped.at(LATER + 14 * DAY - timedelta(seconds=1)) is stopped
    ended = stopped.at(LATER + 14 * DAY)
    assert ended.active("HU")
    assert ended.standing("HU") == members.standing("HU")
    assert members.at(LATER).active("HU")


def test_one_that_begins_later_waits_for_its_time(members: MemberList) -> None:
    """A clock that is ahead at who made it suspends nobody early here, and `at` finds the moment."""
    newer, problems = offered(members, raw_suspension("HU", THREE, LATER + DAY, LATER + 2 * DAY))
    assert not problems
    assert newer.active("HU")
    assert not newer.at(LATER + DAY).active("HU")


@pytest.mark.parametrize(("states", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 3), (7, 3), (30, 3)])
def test_a_small_network_needs_no_more_than_its_majority(states: int, needed: int) -> None:
    """Three, or more than half where that is fewer (SPEC S-183)."""
    assert few(states) == needed


def test_two_of_three_suspend_the_third() -> None:
    """Where two are the majority, two can (SPEC S-183)."""
    small = network("DE", "FR", "HU")
    assert not suspended(small, by=("DE", "FR")).active("HU")
    with pytest.raises(MemberListError, match="2 states are needed"):
        suspend(small, "HU", ("DE",), LATER)


def test_signatures_come_one_by_one(members: MemberList) -> None:
    """Each state signs its own copy offline; all that are named must, and any order makes the same bytes (SPEC S-188)."""
    proposal = SuspensionProposal.from_json(suspend(members, "HU", THREE, LATER).to_json())
    files = [signatures_to_json(sign_suspension(members, proposal, state(country))) for country in THREE]
    poland, france, germany = (signatures_from_json(file) for file in reversed(files))
    some = attach_suspension(members, proposal, [*poland, *germany])
    assert (some.missing, some.signed, some.waiting, some.required) == (1, ("DE", "PL"), ("FR",), ("FR",))
    assert some.bundle is None
    whole = attach_suspension(members, proposal, [*poland, *germany, *france])
    again = attach_suspension(members, proposal, [*france, *poland, *germany, *germany])
    assert whole.bundle == again.bundle is not None


def test_a_suspended_country_still_signs_the_list(members: MemberList) -> None:
    """It has no counterparts for a time, and keeps its say (SPEC S-104)."""
    stopped = suspended(members)
    proposal = propose_status(stopped, "AT", "suspended", LATER)
    assert "HU" not in agreed(stopped, proposal, [state(c) for c in (*THREE, "HU")]).roles


# --- three who want more ---


def test_two_states_suspend_nobody(members: MemberList) -> None:
    """A document with two names, or with three of whom two signed, is refused."""
    two = raw_suspension("HU", ("DE", "FR"), LATER, LATER + DAY)
    assert offered(members, two)[1] == ["members-suspension"]
    half = raw_suspension("HU", THREE, LATER, LATER + DAY, signers=[state("DE"), state("FR")])
    assert offered(members, half)[1] == ["members-signature"]
    twice = raw_suspension("HU", THREE, LATER, LATER + DAY, signers=[state("DE"), state("FR"), state("FR", 2)])
    assert offered(members, twice)[1] == ["members-signature"]


def test_three_strangers_suspend_nobody(members: MemberList) -> None:
    """Neither countries without a say nor a country's own key for its record count."""
    no_states = ("BE", "CZ", "ES")
    assert offered(members, raw_suspension("HU", no_states, LATER, LATER + DAY))[1] == ["members-signature"]
    from tests.protocol.member_network import role

    roles = raw_suspension("HU", THREE, LATER, LATER + DAY, signers=[role(c) for c in THREE])
    assert offered(members, roles)[1] == ["members-signature"]


def test_nobody_is_suspended_for_longer_than_fourteen_days(members: MemberList) -> None:
    """No document lasts longer, whoever signs it; nor does its next version (SPEC S-182)."""
    stopped = suspended(members)
    name, raw = next(iter(stopped.bundle().suspensions.items()))

    def longer(signed: Any) -> None:
        signed.version, signed.expires = 2, LATER + 15 * DAY

    bundle = MemberBundle(suspensions={name: tampered(raw, [state(c) for c in THREE], longer)})
    after, problems = offered(stopped, bundle)
    assert problems == ["members-suspension"]
    assert after.at(LATER + 14 * DAY).active("HU")


def test_three_states_can_not_suspend_everybody(members: MemberList) -> None:
    """A state that takes part in a second suspension is proved to, and the second isn't taken (SPEC S-185)."""
    stopped = suspended(members)
    for country in ("AT", "IT", "SE"):
        second = raw_suspension(country, THREE, LATER + DAY, LATER + 15 * DAY)
        after, problems = stopped.update(second, LATER + DAY)
        assert [problem.code for problem in problems] == ["members-second-suspension"]
        assert [read_suspension(raw).country for raw in problems[0].proof] == ["HU", country]
        assert after.active_countries() == set(SEVEN) - {"HU"}
    one_of_them = raw_suspension("AT", ("DE", "IT", "SE"), LATER + DAY, LATER + 15 * DAY)
    assert offered(stopped, one_of_them)[1] == ["members-second-suspension"]


def test_seven_states_never_suspend_half_of_themselves(members: MemberList) -> None:
    """Every suspension uses up three states, so that most of the network stays (SPEC S-185)."""
    both = suspended(suspended(members), "DE", ("AT", "IT", "SE"))
    assert both.active_countries() == set(SEVEN) - {"DE", "HU"}
    third = raw_suspension("AT", ("HU", "DE", "FR"), LATER, LATER + DAY)
    assert offered(both, third)[1] == ["members-second-suspension"]


def test_the_same_three_can_not_go_on_for_ever(members: MemberList) -> None:
    """After 14 days the next one needs others, or more than half, for 90 days from its beginning (SPEC S-185)."""
    stopped = suspended(members)
    for day in (14, 30, 89):
        again = raw_suspension("HU", THREE, LATER + day * DAY, LATER + (day + 14) * DAY)
        after, problems = offered(stopped, again, LATER + day * DAY)
        assert problems == ["members-second-suspension"]
        assert after.active("HU")
    with pytest.raises(MemberListError, match="other states, or more than half"):
        suspend(stopped, "HU", THREE, LATER + 14 * DAY)
    theirs = signed(stopped, suspend(stopped, "HU", OTHERS, LATER + 14 * DAY), OTHERS)
    assert not apply(stopped, theirs, now=LATER + 14 * DAY).active("HU")
    after_90 = raw_suspension("HU", THREE, LATER + 90 * DAY, LATER + 91 * DAY)
    assert not apply(stopped, after_90, now=LATER + 90 * DAY).active("HU")


def test_a_second_one_is_refused_in_whatever_order_both_come(members: MemberList) -> None:
    """In one bundle the earlier one stands, so that a new node decides as all others did."""
    first = raw_suspension("HU", THREE, LATER, LATER + DAY)
    second = raw_suspension("AT", THREE, LATER + timedelta(hours=1), LATER + DAY)
    both = MemberBundle(suspensions={**second.suspensions, **first.suspensions})
    after, problems = offered(members, both, LATER + timedelta(hours=2))
    assert problems == ["members-second-suspension"]
    assert after.active_countries() == set(SEVEN) - {"HU"}


def test_the_majority_ends_it_and_it_does_not_come_back(members: MemberList) -> None:
    """What more than half say about the country later counts, and the old document isn't a reason any more (SPEC S-184)."""
    stopped = suspended(members)
    proposal = propose_status(stopped, "HU", "active", LATER + DAY)
    four = [state(c) for c in ("AT", "HU", "IT", "SE")]
    back = apply(stopped, agreed(stopped, proposal, four), now=LATER + DAY)
    assert back.active("HU")
    again, problems = offered(back, stopped.bundle(), LATER + DAY)
    assert again.active("HU")
    assert set(problems) == {"members-rollback"}
    at_once = propose_status(stopped, "HU", "active", LATER)
    assert apply(stopped, agreed(stopped, at_once, four), now=LATER).active("HU")


def test_a_renewal_of_the_list_ends_no_suspension(members: MemberList) -> None:
    """Only a decision about the country itself does: another proposal that was on its way changes nothing."""
    proposal = propose(members, candidate("ES"), LATER)
    bundle = agreed(members, proposal, [state(c) for c in (*SEVEN[:5], "ES")])
    assert not apply(suspended(members), bundle, now=LATER + DAY).active("HU")


# --- versions ---


def test_the_same_states_end_it_early_and_it_is_not_replayed(members: MemberList) -> None:
    """A next version ends it at once; the earlier one never replaces it (SPEC S-186)."""
    stopped = suspended(members)
    (one,) = stopped.suspensions("HU", LATER + DAY)
    proposal = lift(stopped, one, LATER + DAY)
    assert review_suspension(stopped, proposal)[0] == Change("few-change", "HU")
    lifted = apply(stopped, signed(stopped, proposal, THREE), now=LATER + DAY)
    assert lifted.active("HU")
    replayed, problems = offered(lifted, stopped.bundle(), LATER + DAY)
    assert problems == ["members-rollback"]
    assert replayed.active("HU")
    with pytest.raises(MemberListError, match="members-proposal"):
        review_suspension(lifted, proposal)


def test_other_states_can_not_end_it(members: MemberList) -> None:
    """Friends of the suspended country can't lift it unless they are more than half (SPEC S-183)."""
    stopped = suspended(members)
    (one,) = stopped.suspensions("HU", LATER)
    raw = lift(stopped, one, LATER + DAY).suspension
    friends = tampered(raw, [state(c) for c in ("HU", "IT", "SE")], lambda _: None)
    after, problems = offered(stopped, MemberBundle(suspensions={one.name: friends}))
    assert (problems, after.active("HU")) == (["members-signature"], False)
    with pytest.raises(MemberListError, match="no state that it names"):
        sign_suspension(stopped, lift(stopped, one, LATER + DAY), state("IT"))


def test_two_ends_of_one_version_are_a_proof(members: MemberList) -> None:
    """States that give one node one end and another node another are proved to (SPEC S-186)."""
    stopped = suspended(members)
    (one,) = stopped.suspensions("HU", LATER)
    first = raw_suspension("HU", THREE, one.since, LATER + 2 * DAY, 2)
    second = raw_suspension("HU", THREE, one.since, LATER + 3 * DAY, 2)
    after = apply(stopped, first, now=LATER)
    _, problems = after.update(second, LATER)
    assert [problem.code for problem in problems] == ["members-fork"]
    assert problems[0].proof == (first.suspensions[one.name], second.suspensions[one.name])
    other, _ = stopped.update(second, LATER)
    assert after.forked(other.versions("AT", LATER)) == (one.name,)


def test_a_suspension_that_is_over_does_nothing_when_it_is_sent_again(members: MemberList) -> None:
    """Kept for 90 days to know who took part, and forgotten then; never again in force."""
    stopped = suspended(members)
    late = LATER + 60 * DAY
    new, problems = offered(members, stopped.bundle(), late)
    assert (problems, new.active("HU"), len(new.bundle().suspensions)) == ([], True, 1)
    old, problems = offered(stopped, stopped.bundle(), LATER + 90 * DAY)
    assert (problems, old.active("HU"), dict(old.bundle().suspensions)) == ([], True, {})


def test_a_replaced_state_key_takes_its_suspension_with_it(members: MemberList) -> None:
    """Where a state's key was stolen, the states replace it, and what the thief suspended is active again (SPEC S-187)."""
    stopped = suspended(members)
    proposal = propose(stopped, candidate("PL", 2), LATER)
    newer, problems = stopped.update(
        agreed(stopped, proposal, [*(state(c) for c in SEVEN if c != "PL"), state("PL", 2)]), LATER
    )
    assert {problem.code for problem in problems} == {"members-signature"}
    assert newer.active("HU")


# --- forms ---


def test_no_document_is_two_things(members: MemberList) -> None:
    """Targets aren't a suspension, a suspension isn't targets, and none stands under another's name (SPEC S-182)."""
    raw = next(iter(signed(members, suspend(members, "HU", THREE, LATER), THREE).suspensions.values()))
    with pytest.raises(MemberListError, match="members-malformed"):
        members.update(MemberBundle(targets=raw), LATER)

    def both(signed: Any) -> None:
        signed.unrecognized_fields["entente"]["members"] = {}

    mixed = tampered(raw, [state(c) for c in THREE], both)
    other = MemberBundle(suspensions={"suspension-" + "0" * 16: raw})
    targets = members.bundle().targets
    assert targets is not None
    for bundle in (
        other,
        MemberBundle(suspensions={read_suspension(raw).name: mixed}),
        MemberBundle(suspensions={"suspension-" + "1" * 16: targets}),
        MemberBundle(suspensions={"suspension-" + "2" * 16: signed_record("HU")}),
    ):
        after, problems = offered(members, bundle)
        assert problems == ["members-malformed"]
        assert after is members


def test_what_a_newer_version_adds_is_kept(members: MemberList) -> None:
    """Unknown fields are signed along and hide nothing (SPEC S-116); a bundle without suspensions stays readable."""
    raw = next(iter(signed(members, suspend(members, "HU", THREE, LATER), THREE).suspensions.values()))

    def more(signed: Any) -> None:
        signed.unrecognized_fields["entente"]["suspension"]["reason"] = "key"

    bundle = MemberBundle(suspensions={read_suspension(raw).name: tampered(raw, [state(c) for c in THREE], more)})
    stopped = apply(members, bundle, now=LATER)
    told = MemberBundle.from_json(stopped.bundle().to_json())
    assert told == stopped.bundle()
    restored, problems = MemberList.restore(told)
    assert (problems, restored.at(LATER).active("HU")) == ((), False)
    assert "suspensions" not in strict_json(members.bundle().to_json(), limit=10**6)


def test_gossip_names_what_can_still_count(members: MemberList) -> None:
    """For 14 days batches and receipts name it, so that a node that missed it fetches it (SPEC S-189)."""
    stopped = suspended(members)
    (name,) = stopped.bundle().suspensions
    told = stopped.versions("DE", LATER + 13 * DAY)
    assert told[name][0] == 1
    assert members.newer(told)
    assert not stopped.newer(told)
    assert stopped.has(stopped.bundle())
    assert not members.has(stopped.bundle())
    assert name not in stopped.versions("DE", LATER + 14 * DAY)
    assert members.update(stopped.bundle(), LATER)[0].versions("DE", LATER) == stopped.versions("DE", LATER)


def test_the_end_of_the_list_stops_no_suspension(members: MemberList) -> None:
    """An expired list still suspends and takes back: that adds no member (SPEC S-112)."""
    late = NOW + 400 * DAY
    bundle = signed(members, suspend(members, "HU", THREE, late), THREE)
    stopped = apply(members, bundle, now=late)
    assert not stopped.active("HU")
    assert apply(stopped, MemberBundle(), now=late + 14 * DAY).active("HU")


def test_impossible_suspensions_are_not_proposed(members: MemberList) -> None:
    """Only active members are suspended, by states of the list, for 1 to 14 days."""
    out = apply(members, agreed(members, propose_status(members, "HU", "suspended", NOW), [state(c) for c in SEVEN]))
    for wrong in (
        lambda: suspend(members, "ES", THREE, LATER),
        lambda: suspend(out, "HU", THREE, LATER),
        lambda: suspend(members, "HU", ("DE", "FR", "ES"), LATER),
        lambda: suspend(members, "HU", ("DE", "FR", "FR"), LATER),
        lambda: suspend(members, "HU", THREE, LATER, 15),
        lambda: suspend(members, "HU", THREE, LATER, 0),
    ):
        with pytest.raises(MemberListError, match="members-proposal"):
            wrong()


@given(st.binary())
def test_a_file_fails_only_with_codes(data: bytes) -> None:
    """A proposal or a document from a mail is read or refused with a code."""
    for read in (SuspensionProposal.from_json, read_suspension):
        with pytest.raises(MemberListError):
            read(data)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["country", "since", "by"]), _ANY)
def test_any_value_in_a_suspension_is_refused_with_a_code(name: str, value: object) -> None:
    """Whatever stands in a field, nothing but a code comes of it."""
    raw = write_suspension("HU", LATER, THREE, LATER + DAY)
    metadata: Any = Metadata.from_bytes(raw)
    metadata.signed.unrecognized_fields["entente"]["suspension"][name] = value
    try:
        assert read_suspension(metadata.to_bytes()).expires == LATER + DAY
    except MemberListError:
        return
