"""The states that sign the member list: they suspend, take back, take in and let go, one change after the other."""

from dataclasses import dataclass
from datetime import datetime

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from node.cli.simulation.life import Life
from node.service import membership
from protocol.member_bundle import MemberBundle
from protocol.member_documents import Status
from protocol.member_proposal import Candidate, Proposal, propose, propose_status
from protocol.member_signatures import attach, sign_proposal
from protocol.members import MemberList


@dataclass
class States:
    """The newest list that the states have signed; nodes may know it or not yet."""

    newest: MemberList
    signers: dict[str, CryptoSigner]

    def change(self, country: str, status: Status, now: datetime) -> None:
        """Let a member be suspended, active again, or leave."""
        self._sign(propose_status(self.newest, country, status, now), now)

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
        return members.targets.version == self.newest.targets.version
