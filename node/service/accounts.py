"""People: who works for which authority. Administrators manage the people of their own authorities only.

An authority grants and revokes the roles of its people itself (Regulation (EU) No 1024/2012, Article 9(3)).
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from node.clock import new_uuid
from node.domain.access import ALL_AREAS, PER_AREA, ROLES, Actor, Grant, GrantNote
from node.domain.day import directory_day
from node.domain.person import NewPerson, Person, person_faults
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, authorities, mail_choices, mails, people
from node.store.tx import Read, Tx
from translations.languages import LANGUAGES

Change = Callable[[Node, Actor, str, Grant], Awaitable[None]]
"""`grant` or `revoke`."""


async def add_person(node: Node, actor: Actor, new: NewPerson) -> Person:
    """Add an account without a password; `sessions.make_link` opens it, `tokens.make_service_token` a system's.

    Raises `forbidden`, `exists`, and `invalid` with the fields at fault. A data administrator adds people
    to its own authorities only, and only the operator adds operators and service accounts.
    """
    actor.require("services.manage" if new.service else "people.manage")
    new = replace(new, name=new.name.strip())
    if faults := person_faults(new):
        raise NodeError("invalid", fields=faults)
    _require_reach(actor, new.grants())
    _require_areas(node, new.areas)
    person_id = new_uuid(node.entropy)

    def work(tx: Tx) -> Person:
        day = directory_day(tx.now)
        unknown = [one for one in sorted(new.authorities) if not authorities.is_active(tx, node.country, one, day)]
        if unknown:
            raise NodeError("invalid", fields={"authorities": "unknown-authority"})
        if people.by_login(tx, new.login) is not None:
            raise NodeError("exists", "There is an account with this user name.", fields={"login": "exists"})
        people.insert(tx, person_id, new, actor.id)
        audit.append(tx, actor.id, "service.add" if new.service else "person.add", person_id)
        audit.extend(tx, [noted(actor.id, "role.grant", person_id, one) for one in sorted(new.grants())])
        return _there(people.by_id(tx, person_id))

    return await node.store.write(work)


def list_people(node: Node, actor: Actor) -> tuple[Person, ...]:
    """Return the accounts that the actor sees, by login: all, or those of its authorities.

    Of an ended one neither name nor login: its data are blocked (Regulation (EU) No 1024/2012, Article 15).
    """
    actor.require("people.manage")
    return tuple(person.shown() for person in node.store.read_now(people.listing) if _sees(actor, person))


def grants_of(node: Node, actor: Actor, person_id: str) -> list[GrantNote]:
    """Return what a person is granted in the authorities that the actor administers, with who did it and when."""

    def read(q: Read) -> list[GrantNote]:
        seen_person(q, actor, person_id)
        return [note for note in people.grants_of(q, person_id) if actor.may("people.manage", note.grant.authority)]

    return node.store.read_now(read)


def grant_of(authority: str, role: str, area: str) -> Grant:
    """Return a grant as it is written; raises `invalid` for a role that there isn't, or no authority."""
    if not authority:
        raise NodeError("invalid", fields={"authority": "missing"})
    known = next((one for one in ROLES if one == role), None)
    if known is None:
        raise NodeError("invalid", f"The roles are: {', '.join(ROLES)}.", fields={"role": "malformed"})
    return Grant(authority, known, area)


async def grant(node: Node, actor: Actor, person_id: str, one: Grant) -> None:
    """Grant a person a role, at once; what it holds already changes nothing.

    Raises `forbidden` for an authority that the actor doesn't administer, `not-found` for a person that it doesn't
    see, `invalid` with the fields at fault. Nobody becomes an operator so, nor anybody else who is one.
    """
    if one.role == "operator":
        raise NodeError("invalid", fields={"role": "malformed"})
    if one.area and one.role not in PER_AREA:
        raise NodeError("invalid", fields={"area": "not-per-area"})
    _require_areas(node, {one.area} - {ALL_AREAS})

    def work(tx: Tx) -> None:
        person = _granted_to(tx, actor, person_id, one)
        if person.ended_at is not None or "operator" in person.roles:
            raise NodeError("invalid", "The account has ended, or is an operator's.", fields={"login": "malformed"})
        if not authorities.is_active(tx, node.country, one.authority, directory_day(tx.now)):
            raise NodeError("invalid", fields={"authority": "unknown-authority"})
        if one not in person.grants:
            people.grant(tx, person.id, [one], actor.id)
            audit.extend(tx, [noted(actor.id, "role.grant", person.id, one)])

    await node.store.write(work)


async def revoke(node: Node, actor: Actor, person_id: str, one: Grant) -> None:
    """Revoke a role, at once: it holds from the person's next click on. Raises `not-found` for one that isn't held.

    The last one goes with the account alone (`invalid`): an account without a role would be nobody's to manage.
    """

    def work(tx: Tx) -> None:
        person = _granted_to(tx, actor, person_id, one)
        if one not in person.grants:
            raise NodeError("not-found", "The person doesn't hold this role there.")
        if len(person.grants) == 1:
            raise NodeError("invalid", "It is the account's last role: end the account.", fields={"role": "last-role"})
        people.revoke(tx, person.id, one)
        audit.extend(tx, [noted(actor.id, "role.revoke", person.id, one)])

    await node.store.write(work)


def _granted_to(q: Read, actor: Actor, person_id: str, one: Grant) -> Person:
    person = seen_person(q, actor, person_id)
    _require_reach(actor, [one])
    return person


def _require_areas(node: Node, areas: Iterable[str]) -> None:
    if not all(area in node.areas for area in areas):
        raise NodeError("invalid", fields={"area": "unknown-area"})


def noted(actor: str, action: str, person_id: str, one: Grant) -> audit.Entry:
    """Return the entry of the audit trail for a role granted or revoked: its detail names authority, role and area."""
    return audit.Entry(actor, action, person_id, " ".join(one).strip())


async def end_person(node: Node, actor: Actor, person_id: str) -> None:
    """End an account at once, with its sessions, links and tokens; it stays listed. Repeating it changes nothing."""

    def work(tx: Tx) -> None:
        person = managed_person(tx, actor, person_id)
        if person.ended_at is None:
            people.end(tx, person.id)
            mails.forget(tx, person.id)
            mail_choices.forget(tx, person.id)
            audit.append(tx, actor.id, "person.end", person.id)

    await node.store.write(work)


async def set_language(node: Node, actor: Actor, language: str) -> None:
    """Choose the language in which the actor reads."""
    actor.require("own-account")
    if language not in LANGUAGES:
        raise NodeError("unknown-language", fields={"language": "unknown-language"})

    def work(tx: Tx) -> None:
        if not people.set_language(tx, actor.id, language):
            raise NodeError("not-found", "The command line has no account.")
        audit.append(tx, actor.id, "person.language", actor.id, language)

    await node.store.write(work)


def person_of(node: Node, actor: Actor) -> Person:
    """Return the actor's own account; raises `not-found` for the command line."""
    return _there(node.store.read_now(lambda q: people.by_id(q, actor.id)))


def must_set_password(node: Node, actor: Actor) -> bool:
    """Say whether the actor has an account and no password yet: it came by a link, and may do nothing else."""
    person = node.store.read_now(lambda q: people.by_id(q, actor.id))
    return person is not None and not person.has_password


def person_by_id(node: Node, actor: Actor, person_id: str) -> Person:
    """Return an account that the actor may change; see `managed_person`."""
    return node.store.read_now(lambda q: managed_person(q, actor, person_id))


def person_named(node: Node, actor: Actor, name: str) -> Person:
    """Return the account that an administrator names by its login or id; raises `not-found` where it doesn't see it."""
    actor.require("people.manage")
    person = node.store.read_now(lambda q: people.by_login(q, name) or people.by_id(q, name))
    if person is None or not _sees(actor, person):
        raise NodeError("not-found", "There is no such account.")
    return person


def person_seen(node: Node, actor: Actor, person_id: str) -> Person:
    """Return an account that the actor sees, as lists show it; see `seen_person`."""
    return node.store.read_now(lambda q: seen_person(q, actor, person_id)).shown()


def managed_person(q: Read, actor: Actor, person_id: str) -> Person:
    """Return an account that the actor may change.

    Raises `not-found` where the actor doesn't see it, and `forbidden` where the person works for other
    authorities too: whoever could open such an account could act for those.
    """
    person = seen_person(q, actor, person_id)
    _require_reach(actor, person.grants)
    return person


def seen_person(q: Read, actor: Actor, person_id: str) -> Person:
    """Return an account of somebody who works for an authority that the actor administers; else `not-found`."""
    actor.require("people.manage")
    person = people.by_id(q, person_id)
    if person is None or not _sees(actor, person):
        raise NodeError("not-found", "There is no such account.")
    return person


def _sees(actor: Actor, person: Person) -> bool:
    return any(actor.may("people.manage", one.authority) for one in person.grants)


def _require_reach(actor: Actor, grants: Iterable[Grant]) -> None:
    if not all(actor.may("people.manage", one.authority) for one in grants):
        raise NodeError("forbidden", "A data administrator manages the people of its own authorities.")


def _there(person: Person | None) -> Person:
    if person is None:
        raise NodeError("not-found", "There is no such account.")
    return person
