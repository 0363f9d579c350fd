"""The member list: who takes part, where their nodes are and which keys speak for them (SPEC.md, "Members").

A `MemberList` is a value: verified, never changed. The states' majority decides who takes part; each country
alone says everything else about itself. Status and keys never depend on a certificate's own dates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import Field, RootModel

from protocol.member import EncryptionKey, MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_documents import (
    MAX_VERSION,
    Document,
    RoleDocument,
    RootDocument,
    Standing,
    TargetsDocument,
    model_or_refuse,
    read_root,
    verify_root,
)
from protocol.member_problems import MemberListError
from protocol.member_suspension import APART_DAYS, SUSPENSION_DAYS, SuspensionDocument, is_suspension
from protocol.member_update import Problems, next_roles, next_roots, next_suspensions, next_targets
from protocol.slot import SUITES

WARNING_DAYS: Final = (7, 30, 90)
"""Days before a document's end at which the operator is warned, most urgent first."""

Update = tuple["MemberList", tuple[MemberListError, ...]]
_Known = tuple[
    Annotated[int, Field(strict=True, ge=1, le=MAX_VERSION)], Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
]


class _Versions(RootModel[dict[str, _Known]]):
    pass


@dataclass(frozen=True, eq=False)
class MemberList:
    """Made by `genesis` and `update`; all lookups are by a country's code (`protocol.countries`).

    Who is suspended by a few is so for a time, and every answer is that of the time of the last `at` or `update`.
    """

    _roots: tuple[RootDocument, ...]
    _targets: TargetsDocument | None = None
    _roles: Mapping[str, RoleDocument] = field(default_factory=lambda: MappingProxyType({}))
    _suspensions: Mapping[str, SuspensionDocument] = field(default_factory=lambda: MappingProxyType({}))
    _suspended: Mapping[str, Standing] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def genesis(cls, root: bytes, expected_sha256: str | None = None) -> Self:
        """Start from a root that is trusted, by its hash where one is given (hex, see `root_sha256`; SPEC S-113).

        Raises `members-pin`, and what is wrong with the root itself. There are no members before `update`.
        """
        document = read_root(root)
        if expected_sha256 is not None and document.sha256 != expected_sha256.lower():
            raise MemberListError("members-pin", f"its hash is {document.sha256}", "root")
        verify_root(document, None)
        return cls((document,))

    @classmethod
    def restore(cls, stored: MemberBundle) -> Update:
        """Return the list that `bundle` stored earlier, even where it has expired since; call `at` on it.

        Its first root is believed, so it must come from our own store.
        """
        if not stored.roots:
            raise MemberListError("members-malformed", "a stored list begins with a root", "root")
        return cls.genesis(stored.roots[0])._apply(stored)  # noqa: SLF001 - our own

    def update(self, bundle: MemberBundle, now: datetime) -> Update:
        """Return the list with what is valid and newer in `bundle`, and the problems of single documents.

        The result is `self` where nothing is newer. Raises `MemberListError` where root or targets can't be
        believed, and `members-expired` where the list is out of date at `now` and would gain a member.
        """
        newer, problems = self._apply(bundle)
        if newer._decided_active() - self._decided_active() and newer.expired(now):  # noqa: SLF001 - our own
            raise MemberListError("members-expired", "an expired list takes in no new member", "targets")  # SPEC S-112
        return newer._without_old_suspensions(now).at(now), problems  # noqa: SLF001 - our own

    def at(self, now: datetime) -> Self:
        """Return the list as it is at `now`: suspensions by a few begin and end. `self` where nothing has changed."""
        suspended: dict[str, Standing] = {}
        for one in sorted(self._suspensions.values(), key=lambda one: one.since):
            if one.counts(self._standings.get(one.country), now):
                suspended.setdefault(one.country, Standing(status="suspended", since=one.since))
        return self if suspended == self._suspended else replace(self, _suspended=MappingProxyType(suspended))

    def _without_old_suspensions(self, now: datetime) -> Self:
        """Forget the suspensions that are so old that they say nothing about a new one (SPEC S-185)."""
        oldest = now - timedelta(days=APART_DAYS)
        kept = {name: one for name, one in self._suspensions.items() if one.since > oldest}
        return self if len(kept) == len(self._suspensions) else replace(self, _suspensions=MappingProxyType(kept))

    def _apply(self, bundle: MemberBundle) -> Update:
        problems: Problems = []
        roots = next_roots(self._roots, bundle.roots, problems)
        targets = next_targets(roots[-1], self._targets, bundle.targets, problems)
        if targets is None:
            problems.extend(MemberListError("members-unknown", "no targets yet", c[:2]) for c in bundle.roles)
            roles: dict[str, RoleDocument] = {}
            suspensions: dict[str, SuspensionDocument] = {}
        else:
            roles = next_roles(targets, self._roles, bundle.roles, problems)
            list_now = (roots[-1], targets)
            suspensions = next_suspensions(list_now, self._suspensions, bundle.suspensions, problems)
        same = len(roots) == len(self._roots) and targets is self._targets and roles == self._roles
        if same and suspensions == self._suspensions:
            return self, tuple(problems)
        newer = type(self)(roots, targets, MappingProxyType(roles), MappingProxyType(suspensions), self._suspended)
        return newer, tuple(problems)

    # --- members ---

    def countries(self) -> tuple[str, ...]:
        """Return all countries that the list names, those that have left included, in order."""
        return tuple(sorted(self._standings))

    def standing(self, country: str) -> Standing | None:
        """Return a country's status and since when, suspended by the majority or by a few."""
        return self._suspended.get(country) or self._standings.get(country)

    def decided(self, country: str) -> Standing | None:
        """Return a country's standing as the majority decided it."""
        return self._standings.get(country)

    def suspensions(self, country: str, now: datetime) -> tuple[SuspensionDocument, ...]:
        """Return the suspensions by a few that hold for a country at `now` (SPEC S-184)."""
        found = (one for _, one in sorted(self._suspensions.items()) if one.country == country)
        return tuple(one for one in found if one.counts(self._standings.get(country), now))

    def suspending(self, state: str) -> tuple[SuspensionDocument, ...]:
        """Return the suspensions in which a state has taken part lately, those that have ended included."""
        return tuple(one for _, one in sorted(self._suspensions.items()) if state in one.by)

    def active(self, country: str) -> bool:
        """Say whether messages may be exchanged with a country (SPEC S-115)."""
        standing = self.standing(country)
        return standing is not None and standing.status == "active"

    def _decided_active(self) -> set[str]:
        return {country for country, standing in self._standings.items() if standing.status == "active"}

    def active_countries(self) -> frozenset[str]:
        """Return the countries that are active."""
        return self._active

    @cached_property
    def _active(self) -> frozenset[str]:
        return frozenset(country for country in self._standings if self.active(country))

    def member(self, country: str) -> MemberRecord | None:
        """Return a country's record, whatever its status; None before the country has given one."""
        role = self._roles.get(country)
        return role.record if role else None

    @property
    def _standings(self) -> Mapping[str, Standing]:
        return self._targets.standings if self._targets else {}

    # --- keys ---

    def message_key(self, country: str, kid: str) -> MessageKey | None:
        """Return a country's message key, to verify what it said at any time.

        Whether a new message is accepted is `active` of the country and `accepts` of the key.
        """
        record = self.member(country)
        return record.message_key(kid) if record else None

    def encryption_key(self, country: str, suites: Iterable[str] = SUITES) -> EncryptionKey | None:
        """Return the key to encrypt to for an active country: active, of the first suite that it has."""
        record = self.member(country) if self.active(country) else None
        return record.encryption_key(suites) if record else None

    def tls_certificates(self, country: str) -> frozenset[bytes]:
        """Return the certificates (DER) that an active country's node may show, else none."""
        record = self.member(country) if self.active(country) else None
        return frozenset(record.tls) if record else frozenset()

    def country_of(self, certificate: bytes) -> str | None:
        """Return the active country that listed exactly this certificate (DER, byte for byte)."""
        country = self.holder_of(certificate)
        return country if country is not None and self.active(country) else None

    def holder_of(self, certificate: bytes) -> str | None:
        """Return the country that listed exactly this certificate, whatever its status (SPEC S-165)."""
        return self._holders.get(certificate)

    def listed_certificates(self) -> frozenset[bytes]:
        """Return every certificate (DER) of every record: who shows one is somebody that this list knows."""
        return frozenset(self._holders)

    @cached_property
    def _holders(self) -> Mapping[bytes, str]:
        return {tls: country for country, role in self._roles.items() for tls in role.record.tls}

    # --- documents ---

    @property
    def root(self) -> RootDocument:
        """The root in force."""
        return self._roots[-1]

    @property
    def targets(self) -> TargetsDocument | None:
        """The targets in force; None just after `genesis`."""
        return self._targets

    @property
    def root_sha256(self) -> str:
        """The hash by which another node pins the first root that we know (hex)."""
        return self._roots[0].sha256

    def role_version(self, country: str) -> int:
        """Return the version of a country's record, 0 where there is none."""
        role = self._roles.get(country)
        return role.version if role else 0

    def bundle(self, after_root: int = 0) -> MemberBundle:
        """Return the documents for a peer or for our store; `after_root` leaves out the roots up to it."""
        return MemberBundle(
            tuple(root.raw for root in self._roots if root.version > after_root),
            self._targets.raw if self._targets else None,
            {country: role.raw for country, role in self._roles.items()},
            {name: suspension.raw for name, suspension in self._suspensions.items()},
        )

    def has(self, bundle: MemberBundle) -> bool:
        """Say whether every document of a bundle is one of ours, byte for byte: then it brings nothing new."""
        ours = self.bundle()
        return (
            (bundle.targets is None or bundle.targets == ours.targets)
            and set(bundle.roots) <= set(ours.roots)
            and all(ours.roles.get(country) == raw for country, raw in bundle.roles.items())
            and all(ours.suspensions.get(name) == raw for name, raw in bundle.suspensions.items())
        )

    def versions(self, issuer: str | None = None, now: datetime | None = None) -> dict[str, list[int | str]]:
        """Return `{document: [version, sha256 in hex]}` of root, targets and the issuer's own record (SPEC S-117).

        With `now`, also of the suspensions by a few that began within 14 days: those that can count (SPEC S-189).
        """
        documents: list[Document | None] = [self.root, self._targets, self._roles.get(issuer or "")]
        if now is not None:
            latest = now - timedelta(days=SUSPENSION_DAYS)
            documents += [one for _, one in sorted(self._suspensions.items()) if one.since > latest]
        return {document.name: [document.version, document.sha256] for document in documents if document}

    def newer(self, versions: object) -> bool:
        """Say whether `versions` of another node names a document that is ahead of ours.

        Raises `members-malformed` where it isn't of that shape. Names that aren't ours to follow are ignored.
        """
        return any(
            version > self._version(name) for name, (version, _) in _parse(versions).items() if self._follows(name)
        )

    def forked(self, versions: object) -> tuple[str, ...]:
        """Return the names of documents of which another node has the same version and another hash.

        The other node's bundle then holds the proof, which `update` checks and raises.
        """
        parsed = _parse(versions)
        known: list[Document] = [*self._roots, *self._roles.values(), *self._suspensions.values()]
        known += [self._targets] if self._targets else []
        ours = {(document.name, document.version): document.sha256 for document in known}
        return tuple(sorted(name for name, (v, sha256) in parsed.items() if ours.get((name, v), sha256) != sha256))

    def _version(self, name: str) -> int:
        if name == "root":
            return self.root.version
        if name == "targets":
            return self._targets.version if self._targets else 0
        return self.suspension_version(name) if is_suspension(name) else self.role_version(name)

    def suspension_version(self, name: str) -> int:
        """Return the version of a suspension by a few, 0 where it isn't known."""
        return self._suspensions[name].version if name in self._suspensions else 0

    def _follows(self, name: str) -> bool:
        standing = self._standings.get(name)
        ours = standing is not None and standing.status != "left"
        return ours or name in {"root", "targets"} or is_suspension(name)

    # --- expiry ---

    def expired(self, now: datetime) -> bool:
        """Say whether root or targets has expired: no new members and no new counterparts, all else goes on.

        A record that has expired goes on counting, with a warning (SPEC S-174).
        """
        documents: list[Document] = [self.root, *([self._targets] if self._targets else [])]
        return any(now >= document.expires for document in documents)

    def warnings(self, now: datetime) -> list[tuple[str, str, int]]:
        """Return `(code, document, whole days left)` of what has expired or will within 90, 30 or 7 days."""
        found = []
        for name, expires in self.expiries():
            left = expires - now
            reached = [days for days in WARNING_DAYS if left <= timedelta(days=days)]
            if left <= timedelta(0):
                found.append(("members-expired", name, left.days))
            elif reached:
                found.append((f"members-expires-{reached[0]}", name, left.days))
        return found

    def expiries(self) -> list[tuple[str, datetime]]:
        """Return `(document, when it expires)` of the list and of each country's record that is followed."""
        documents: list[Document] = [self.root, *([self._targets] if self._targets else [])]
        documents += [self._roles[country] for country in sorted(self._roles) if self._follows(country)]
        return [(document.name, document.expires) for document in documents]


def _parse(versions: object) -> dict[str, Any]:
    return model_or_refuse(_Versions, versions).root
