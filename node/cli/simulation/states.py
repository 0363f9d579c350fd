"""The states that sign the member list: they suspend, take back, take in and let go, one change after the other."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from node.cli.simulation.life import Life
from node.service import membership
from protocol.member_bundle import MemberBundle
from protocol.member_documents import Status
from protocol.member_proposal import Candidate, Proposal, propose, propose_status
from protocol.member_signatures import attach, sign_proposal
from protocol.member_suspension import APART_DAYS, few
from protocol.members import MemberList
from protocol.suspension_proposal import SuspensionProposal, attach_suspension, lift, sign_suspension, suspend


@dataclass
class States:
    """The newest list that the states have signed; nodes may know it or not yet."""

    newest: MemberList
    signers: dict[str, CryptoSigner]

    def change(self, country: str, status: Status, now: datetime) -> None:
        """Let a member be suspended, active again, or leave."""
        self._sign(propose_status(self.newest, country, status, now), now)

    def few_for(self, country: str, now: datetime) -> tuple[str, ...]:
        """Return as few states as can suspend a country and took part in no other lately; empty if there are none."""
        lately = now - timedelta(days=APART_DAYS)
        free = [s for s in sorted(self.newest.root.states) if s != country and not self._took_part(s, lately)]
        needed = few(len(self.newest.root.states))
        return tuple(free[:needed]) if len(free) >= needed else ()

    def _took_part(self, state: str, lately: datetime) -> bool:
        return any(one.since > lately for one in self.newest.suspending(state))

    def suspend(self, country: str, by: tuple[str, ...], now: datetime) -> None:
        """Let a few states suspend a member for some days."""
        self._sign_few(suspend(self.newest, country, by, now), now)

    def lift(self, country: str, now: datetime) -> bool:
        """Let those who suspended a member end it; returns whether a few had."""
        found = self.newest.suspensions(country, now)
        for one in found:
            self._sign_few(lift(self.newest, one, now), now)
        return bool(found)

    def _sign_few(self, proposal: SuspensionProposal, now: datetime) -> None:
        by = proposal.read().by
        signatures = [each for state in by for each in sign_suspension(self.newest, proposal, self.signers[state])]
        bundle = attach_suspension(self.newest, proposal, signatures).bundle
        assert bundle is not None
        self.newest, problems = self.newest.update(bundle, now)
        assert not problems

    def take_in(self, candidate: Candidate, record: bytes, now: datetime) -> None:
        """Let a country join, with its own record."""
        self._sign(propose(self.newest, candidate, now), now, {candidate.country: record})

    def _sign(self, proposal: Proposal, now: datetime, records: dict[str, bytes] | None = None) -> None:
        signatures = [each for _, state in sorted(self.signers.items()) for each in sign_proposal(proposal, state)]
        bundle = attach(self.newest, proposal, signatures).bundle
        assert bundle is not None
        self.newest, _ = self.newest.update(MemberBundle(bundle.roots, bundle.targets, records or {}), now)

    def standing(self, country: str) -> str | None:
        """Return a country's status in the newest list."""
        found = self.newest.standing(country)
        return found.status if found else None

    async def give_to(self, life: Life) -> None:
        """Let an operator install the newest list; from there it finds its way by itself."""
        await life.work(membership.install(life.node, self.newest, self.newest.bundle(), "operator"))

    def known_to(self, life: Life) -> bool:
        """Say whether a node has the newest list."""
        members = life.node.members
        if members is None or members.targets is None or self.newest.targets is None:
            return False
        few_known = all(
            members.suspension_version(name) == self.newest.suspension_version(name)
            for name in self.newest.bundle().suspensions
        )
        return few_known and members.targets.version == self.newest.targets.version
