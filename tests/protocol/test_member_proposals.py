"""How states found, extend and renew the list with signatures that they make offline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.member_problems import MemberListError
from protocol.member_proposal import Candidate, Proposal, propose, propose_status, renew
from protocol.member_signatures import (
    Change,
    attach,
    review,
    sign_proposal,
    signatures_from_json,
    signatures_to_json,
)
from protocol.members import MemberList
from tests.protocol.member_network import (
    NOW,
    STATES,
    THREE,
    agreed,
    apply,
    candidate,
    founded,
    roles,
    signed_record,
    state,
)


def test_one_state_founds_the_network() -> None:
    """The first root has one state, a threshold of one, and that state's own signature."""
    proposal = propose(None, candidate("DE"), NOW)
    assert attach(None, proposal, []).missing == 1
    assert review(None, proposal)[:2] == (Change("joins", "DE"), Change("threshold", "1 of 1"))
    members = founded("DE")
    assert (members.root.version, members.active_countries()) == (1, {"DE"})
    assert members.member("DE") is None


def test_joining_waits_for_majority_and_newcomer(members: MemberList) -> None:
    """Signatures arrive in any order; what is missing, and whose, is told until the list is complete."""
    joining = Candidate.from_json(candidate("PL").to_json())
    proposal = Proposal.from_json(propose(members, joining, NOW).to_json())
    hungary, germany, poland, france = (
        signatures_from_json(signatures_to_json(sign_proposal(proposal, state(country))))
        for country in ("HU", "DE", "PL", "FR")
    )
    nobody = attach(members, proposal, [])
    assert (nobody.missing, nobody.waiting, nobody.required) == (3, ("DE", "FR", "HU", "PL"), ("PL",))
    two = attach(members, proposal, [*hungary, *germany])
    assert (two.missing, two.signed, two.waiting, two.required) == (1, ("DE", "HU"), ("FR", "PL"), ("PL",))
    without = attach(members, proposal, [*hungary, *germany, *france])
    assert (without.missing, without.required, without.bundle) == (1, ("PL",), None)
    enough = attach(members, proposal, [*poland, *hungary, *germany])
    assert (enough.missing, enough.waiting) == (0, ("FR",))
    assert apply(members, enough.bundle).active("PL")


def test_order_of_signatures_does_not_matter(members: MemberList) -> None:
    """The same signatures make the same bytes."""
    proposal = renew(members, NOW)
    assert agreed(members, proposal, STATES) == agreed(members, proposal, reversed(STATES))


def test_signatures_that_do_not_count_are_passed_over(members: MemberList) -> None:
    """A stranger's signature, one of another proposal and a false one bring nobody nearer."""
    proposal = renew(members, NOW)
    germany = sign_proposal(proposal, state("DE"))
    false = [one.model_copy(update={"keyid": state("FR").public_key.keyid}) for one in germany]
    other = sign_proposal(renew(members, NOW, 30), state("HU"))
    progress = attach(members, proposal, [*germany, *sign_proposal(proposal, state("PL")), *false, *other, *germany])
    assert (progress.missing, progress.signed) == (1, ("DE",))
    complete = attach(members, proposal, [*germany, *false, *sign_proposal(proposal, state("HU"))])
    assert complete.bundle is not None
    assert complete.bundle.roots[0].count(b'"sig"') == 2


def test_half_of_a_states_signatures_is_not_enough(members: MemberList) -> None:
    """A state that signed only the root is still waited for."""
    proposal = renew(members, NOW)
    signatures = [*sign_proposal(proposal, state("DE")), sign_proposal(proposal, state("FR"))[0]]
    progress = attach(members, proposal, signatures)
    assert (progress.missing, progress.signed, progress.bundle) == (1, ("DE",), None)


def test_state_changes_its_key(members: MemberList) -> None:
    """A state's new key needs the majority and itself; afterwards the old one counts no more."""
    proposal = propose(members, candidate("FR", 2), NOW)
    assert {Change("state-key", "FR"), Change("list-key", "FR")} <= set(review(members, proposal))
    old = [*sign_proposal(proposal, state("DE")), *sign_proposal(proposal, state("HU"))]
    assert attach(members, proposal, [*old, *sign_proposal(proposal, state("FR"))]).required == ("FR",)
    bundle = agreed(members, proposal, [state("DE"), state("HU"), state("FR", 2)])
    newer, _ = members.update(bundle, NOW)
    assert attach(newer, renew(newer, NOW), sign_proposal(renew(newer, NOW), state("FR"))).signed == ()


def test_country_leaves_and_returns(members: MemberList) -> None:
    """Who leaves may sign for it, and joins again like anyone else."""
    leaving = propose_status(members, "FR", "left", NOW)
    assert Change("left", "FR") in review(members, leaving)
    assert attach(members, leaving, sign_proposal(leaving, state("FR"))).signed == ("FR",)
    left = apply(members, agreed(members, leaving, [state("DE"), state("HU")]))
    assert left.countries() == THREE
    again = propose(left, candidate("FR"), NOW)
    assert Change("joins", "FR") in review(left, again)
    back = apply(left, agreed(left, again, STATES))
    assert back.active("FR")
    assert apply(back, roles(FR=signed_record("FR", 2))).role_version("FR") == 2


def test_review_shows_everything_that_changes(members: MemberList) -> None:
    """A renewal changes the dates and nothing else, and an old proposal isn't signed by mistake."""
    proposal = renew(members, NOW, 30)
    end = "2026-12-23T12:00:00Z"
    assert review(members, proposal) == (Change("root-expires", end), Change("targets-expires", end))
    newer = apply(members, agreed(members, proposal, STATES))
    with pytest.raises(MemberListError, match="members-proposal"):
        review(newer, proposal)
    assert Change("threshold", "3 of 4") in review(members, propose(members, candidate("PL"), NOW))
    suspending = propose_status(members, "FR", "suspended", NOW)
    assert review(members, suspending)[0] == Change("suspended", "FR")


def test_impossible_changes_are_refused(members: MemberList) -> None:
    """Only members leave, the last one stays, and a list has an end."""
    one = founded("DE")
    for wrong in (
        lambda: propose_status(members, "PL", "left", NOW),
        lambda: propose_status(members, "FR", "active", NOW),
        lambda: propose_status(one, "DE", "left", NOW),
        lambda: renew(members, NOW, 0),
        lambda: renew(members, NOW, 4000),
        lambda: renew(MemberList.genesis(members.bundle().roots[0]), NOW),
    ):
        with pytest.raises(MemberListError, match="members-proposal"):
            wrong()
    with pytest.raises(ValidationError):
        Candidate(country="EL", state_key="0" * 64, role_key="1" * 64)


@given(st.binary())
def test_files_fail_only_with_codes(data: bytes) -> None:
    """Candidates, proposals and signatures from a mail are read or refused with a code."""
    for read in (Candidate.from_json, Proposal.from_json, signatures_from_json):
        with pytest.raises(MemberListError):
            read(data)
