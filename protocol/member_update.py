"""Which of two versions of each document stands: ours, or the one a peer offers.

The highest valid version wins, one that is lower is never taken, and two different documents of one version
are a proof. A faulty root or targets refuses the whole offer; a faulty role concerns its country alone
(SPEC S-107).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from protocol.member_documents import (
    Document,
    RoleDocument,
    RootDocument,
    TargetsDocument,
    is_signed,
    read_role,
    read_root,
    read_targets,
    verify_role,
    verify_root,
    verify_targets,
)
from protocol.member_problems import MemberListError
from protocol.member_suspension import SuspensionDocument, read_suspension, verify_suspension

Problems = list[MemberListError]


def next_roots(
    known: tuple[RootDocument, ...], offered: Sequence[bytes], problems: Problems
) -> tuple[RootDocument, ...]:
    """Return the known chain of roots with the offered ones that continue it, one version at a time (SPEC S-109)."""
    chain, held = list(known), {root.raw: root for root in known}
    newest = None
    for raw in offered:
        root = newest = held.get(raw) or read_root(raw)
        place = root.version - chain[0].version
        if place > len(chain):
            raise MemberListError("members-gap", f"root {chain[-1].version + 1} is needed next", "root")
        if place == len(chain):
            verify_root(root, chain[-1])
            chain.append(root)
        elif place >= 0 and root.sha256 != chain[place].sha256:
            judge = chain[max(place - 1, 0)]
            raise _other_document(chain[place], root, proven=is_signed(root, judge))
    if newest is not None and newest.version < known[-1].version:
        problems.append(_older(newest, known[-1]))
    return tuple(chain)


def next_targets(
    root: RootDocument, current: TargetsDocument | None, offered: bytes | None, problems: Problems
) -> TargetsDocument | None:
    """Return the targets that stand under `root`: the offered one where it is newer, or ours (SPEC S-175)."""
    chosen = current
    if offered is not None and (current is None or offered != current.raw):
        targets = read_targets(offered)
        if current is None or targets.version > current.version:
            chosen = targets
        elif targets.version < current.version:
            problems.append(_older(targets, current))
        elif targets.sha256 != current.sha256:
            raise _other_document(current, targets, proven=is_signed(targets, root))
    if chosen is not None:
        verify_targets(chosen, root)
    return chosen


def next_roles(
    targets: TargetsDocument, current: Mapping[str, RoleDocument], offered: Mapping[str, bytes], problems: Problems
) -> dict[str, RoleDocument]:
    """Return each country's role that stands: a faulty one leaves the country's earlier one in force."""
    kept, chosen = {}, {}
    for country in sorted(targets.standings):
        ours = current.get(country)
        try:
            if ours is not None:
                verify_role(ours, targets)  # the states may have replaced the country's key
                kept[country] = chosen[country] = ours
        except MemberListError as problem:
            problems.append(problem)
        try:
            theirs = _newer_role(country, kept.get(country), offered.get(country), targets)
            if theirs is not None:
                chosen[country] = theirs
        except MemberListError as problem:
            problems.append(problem)
    unknown = sorted(set(offered) - set(targets.standings))
    problems.extend(MemberListError("members-unknown", "a record of no member", country[:2]) for country in unknown)
    return _without_shared_certificates(chosen, kept, problems)


def _newer_role(
    country: str, ours: RoleDocument | None, raw: bytes | None, targets: TargetsDocument
) -> RoleDocument | None:
    """Return the offered role where it is valid and newer than ours."""
    if raw is None or (ours is not None and raw == ours.raw):
        return None
    theirs = read_role(raw, country)
    verify_role(theirs, targets)
    if ours is None:
        return theirs
    if theirs.version < ours.version:
        raise _older(theirs, ours)
    if theirs.version == ours.version:
        if theirs.sha256 != ours.sha256:
            raise _other_document(ours, theirs, proven=True)
        return None
    if targets.standings[country].status == "left":
        raise MemberListError("members-left", "a new record of a country that has left", country)  # SPEC S-110
    return theirs


def _without_shared_certificates(
    chosen: dict[str, RoleDocument], kept: Mapping[str, RoleDocument], problems: Problems
) -> dict[str, RoleDocument]:
    """Fall back to the earlier record of each country whose new one claims another's TLS certificate.

    Who had the certificate before keeps it; where it is new to all who claim it, none of them gets it (SPEC S-111).
    """
    while losers := _claimants(chosen, kept):
        for country in losers:
            problems.append(MemberListError("members-shared-certificate", "another country has it too", country))
            if country in kept:
                chosen[country] = kept[country]
            else:
                del chosen[country]
    return chosen


def _claimants(chosen: Mapping[str, RoleDocument], kept: Mapping[str, RoleDocument]) -> list[str]:
    holders = defaultdict(set)
    for country, role in chosen.items():
        for certificate in role.record.tls:
            holders[certificate].add(country)
    losers = set()
    for certificate, countries in holders.items():
        if len(countries) > 1:
            losers |= {c for c in countries if c not in kept or certificate not in kept[c].record.tls}
    return sorted(losers)


def next_suspensions(
    list_now: tuple[RootDocument, TargetsDocument],
    current: Mapping[str, SuspensionDocument],
    offered: Mapping[str, bytes],
    problems: Problems,
) -> dict[str, SuspensionDocument]:
    """Return the suspensions that stand: ours, but for those of a state whose key was replaced (SPEC S-187), and newer.

    The earliest of those that are offered comes first, so that every node that gets them decides the same.
    """
    root, _ = list_now
    kept: dict[str, SuspensionDocument] = {}
    for name, ours in sorted(current.items()):
        try:
            verify_suspension(ours, root)
            kept[name] = ours
        except MemberListError as problem:
            problems.append(problem)
    for name, theirs in _read_suspensions(kept, offered, problems):
        try:
            _check_suspension(name, kept, theirs, list_now)
            kept[name] = theirs
        except MemberListError as problem:
            problems.append(problem)
    return kept


def _read_suspensions(
    kept: Mapping[str, SuspensionDocument], offered: Mapping[str, bytes], problems: Problems
) -> list[tuple[str, SuspensionDocument]]:
    """Return what is offered and isn't ours byte for byte, the earliest first."""
    found = []
    for name, raw in offered.items():
        if name in kept and kept[name].raw == raw:
            continue
        try:
            found.append((name, read_suspension(raw)))
        except MemberListError as problem:
            problems.append(problem)
    return sorted(found, key=lambda one: (one[1].since, one[0]))


def _check_suspension(
    name: str,
    kept: Mapping[str, SuspensionDocument],
    theirs: SuspensionDocument,
    list_now: tuple[RootDocument, TargetsDocument],
) -> None:
    """Raise why a suspension isn't taken; the same document again is no reason (SPEC S-107, S-185, S-186)."""
    root, targets = list_now
    if name != theirs.name:
        raise MemberListError("members-malformed", "a suspension under another's name", theirs.name)
    if theirs.country not in targets.standings:
        raise MemberListError("members-unknown", "a suspension of no member", name)
    verify_suspension(theirs, root)
    ours = kept.get(name)
    if ours is not None and theirs.version < ours.version:
        raise _older(theirs, ours)
    if ours is not None and theirs.version == ours.version and theirs.sha256 != ours.sha256:
        raise _other_document(ours, theirs, proven=True)
    for other in kept.values():
        if other.name != name and other.shares_a_state(theirs):
            twice = ", ".join(sorted(set(other.by) & set(theirs.by)))
            detail = f"{twice} suspended {other.country} too"
            raise MemberListError("members-second-suspension", detail, name, (other.raw, theirs.raw))


def _older(theirs: Document, ours: Document) -> MemberListError:
    return MemberListError("members-rollback", f"{theirs.version} offered, {ours.version} in force", ours.name)


def _other_document(ours: Document, theirs: Document, *, proven: bool) -> MemberListError:
    """Return the fork with its proof; an unsigned invention of the peer proves nothing (SPEC S-108)."""
    if not proven:
        return MemberListError("members-signature", f"an unsigned version {theirs.version}", ours.name)
    return MemberListError("members-fork", f"version {ours.version} twice", ours.name, (ours.raw, theirs.raw))
