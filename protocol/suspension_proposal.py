"""How a few states suspend a country together: one document, which each of those it names signs offline."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from pydantic import BaseModel, ConfigDict
from securesystemslib.signer import Signature, Signer  # type: ignore[attr-defined]

from protocol.encoding import canonical_json
from protocol.member import INSTANT, Base64
from protocol.member_bundle import MemberBundle
from protocol.member_documents import MAX_DOCUMENT, json_or_refuse, model_or_refuse
from protocol.member_problems import MemberListError
from protocol.member_signatures import Change, DetachedSignature, Progress, detached
from protocol.member_suspension import (
    SUSPENSION_DAYS,
    SuspensionDocument,
    few,
    read_suspension,
    suspended_by,
    verify_suspension,
    with_signatures,
    write_suspension,
)
from protocol.members import MemberList

_SECOND: Final = timedelta(seconds=1)


class SuspensionProposal(BaseModel):
    """A suspension, or its next version with another end, without signatures (SPEC S-188)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    suspension: Base64

    def to_json(self) -> bytes:
        """Serialise for the states that sign it."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse what `to_json` made; raises only `MemberListError`."""
        return model_or_refuse(cls, json_or_refuse(data, 2 * MAX_DOCUMENT))

    def read(self) -> SuspensionDocument:
        """Return the document, checked for its own rules, or raise what is wrong with it."""
        return read_suspension(self.suspension)


def suspend(
    current: MemberList, country: str, by: Iterable[str], now: datetime, days: int = SUSPENSION_DAYS
) -> SuspensionProposal:
    """Propose that the states `by` suspend an active member from now on, for 1 to 14 days.

    Raises `members-proposal` where it would be refused: too few states, one that took part in another suspension
    within 90 days, a country that isn't active.
    """
    standing, states = current.decided(country), tuple(sorted(set(by)))
    if standing is None or standing.status != "active":
        raise MemberListError("members-proposal", f"{country} isn't active", "targets")
    if not 1 <= days <= SUSPENSION_DAYS:
        raise MemberListError("members-proposal", f"a suspension lasts 1 to {SUSPENSION_DAYS} days")
    strangers = sorted(set(states) - set(current.root.states))
    needed = few(len(current.root.states))
    if strangers or len(states) < needed:
        detail = f"{', '.join(strangers)} signs no list" if strangers else f"{needed} states are needed"
        raise MemberListError("members-proposal", detail)
    since = max(now.astimezone(UTC).replace(microsecond=0), standing.since + _SECOND)
    made = SuspensionProposal(suspension=write_suspension(country, since, states, since + timedelta(days=days)))
    _refuse_second(current, made.read())
    return made


def lift(current: MemberList, suspension: SuspensionDocument, now: datetime) -> SuspensionProposal:
    """Propose that the states of a suspension end it now."""
    ends = min(max(now.astimezone(UTC).replace(microsecond=0), suspension.since), suspension.expires)
    version = current.suspension_version(suspension.name) + 1
    raw = write_suspension(suspension.country, suspension.since, suspension.by, ends, version)
    return SuspensionProposal(suspension=raw)


def _refuse_second(current: MemberList, made: SuspensionDocument) -> None:
    for state in made.by:
        for other in current.suspending(state):
            if other.name != made.name and other.shares_a_state(made):
                detail = f"{state} suspended {other.country} on {other.since:%Y-%m-%d}; other states, or more than half"
                raise MemberListError("members-proposal", detail, made.name)


def review_suspension(current: MemberList, proposal: SuspensionProposal) -> tuple[Change, ...]:
    """Return in words what a suspension does, so that a state knows what it signs.

    Raises `members-proposal` where the list in force wouldn't take it.
    """
    made = proposal.read()
    if made.version != current.suspension_version(made.name) + 1 or current.decided(made.country) is None:
        raise MemberListError("members-proposal", "not made on the list in force", made.name)
    _refuse_second(current, made)
    what = "few-suspend" if made.version == 1 else "few-change"
    return (
        Change(what, made.country),
        Change("few-from", made.since.strftime(INSTANT)),
        Change("few-until", made.expires.strftime(INSTANT)),
        Change("few-by", ", ".join(made.by)),
    )


def sign_suspension(current: MemberList, proposal: SuspensionProposal, signer: Signer) -> tuple[DetachedSignature, ...]:
    """Sign a suspension with a state's key; raises `members-proposal` where it doesn't name that state."""
    made = proposal.read()
    review_suspension(current, proposal)
    keys = {current.root.states.get(country) for country in made.by}
    if signer.public_key.keyid not in keys:
        raise MemberListError("members-proposal", "the key is of no state that it names", made.name)
    return (detached(made, signer),)


def attach_suspension(
    current: MemberList, proposal: SuspensionProposal, signatures: Iterable[DetachedSignature]
) -> Progress:
    """Put signatures to a suspension and say who is missing; those that don't count aren't kept."""
    made, root = proposal.read(), current.root
    ours = {
        one.keyid: Signature(one.keyid, one.sig)
        for one in signatures
        if (one.document, one.sha256) == (made.name, made.sha256)
    }
    valid = suspended_by(read_suspension(with_signatures(made, ours)), root)
    kept = {keyid: signature for keyid, signature in ours.items() if keyid in {root.states[c] for c in valid}}
    waiting = tuple(country for country in made.by if country not in valid)
    bundle = None
    if not waiting:
        done = read_suspension(with_signatures(made, kept))
        verify_suspension(done, root)
        bundle = MemberBundle(suspensions={done.name: done.raw})
    return Progress(len(waiting), tuple(sorted(valid)), waiting, waiting, bundle)
