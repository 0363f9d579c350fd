"""People: who works for which authority. Administrators manage the people of their own authorities only."""

from dataclasses import replace

from node.clock import new_uuid
from node.domain.access import Actor
from node.domain.person import NewPerson, Person, person_faults
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, authorities, mail_choices, mails, people
from node.store.tx import Read, Tx
from translations.languages import LANGUAGES


async def add_person(node: Node, actor: Actor, new: NewPerson) -> Person:
    """Add an account without a password; `sessions.make_link` opens it, `tokens.make_service_token` a system's.

    Raises `forbidden`, `exists`, and `invalid` with the fields at fault. A data administrator adds people
    to its own authorities only, and only the operator adds operators and service accounts.
    """
    actor.require("services.manage" if new.service else "people.manage")
    new = replace(new, name=new.name.strip())
    if faults := person_faults(new):
        raise NodeError("invalid", fields=faults)
    _require_reach(actor, new.roles, new.authorities)
    person_id = new_uuid(node.entropy)

    def work(tx: Tx) -> Person:
        day = tx.now.date()
        unknown = [one for one in sorted(new.authorities) if not authorities.is_active(tx, node.country, one, day)]
        if unknown:
            raise NodeError("invalid", fields={"authorities": "unknown-authority"})
        if people.by_login(tx, new.login) is not None:
            raise NodeError("exists", "There is an account with this user name.", fields={"login": "exists"})
        people.insert(tx, person_id, new)
        audit.append(
            tx, actor.id, "service.add" if new.service else "person.add", person_id, " ".join(sorted(new.roles))
        )
        return _there(people.by_id(tx, person_id))

    return await node.store.write(work)


def list_people(node: Node, actor: Actor) -> tuple[Person, ...]:
    """Return the accounts that the actor sees, by login: all, or those of its authorities; ended ones too."""
    actor.require("people.manage")
    return tuple(person for person in node.store.read_now(people.listing) if _sees(actor, person))


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


def person_by_login(node: Node, actor: Actor, login: str) -> Person:
    """Return the account that an administrator names by its login; raises `not-found` where it doesn't see it."""
    actor.require("people.manage")
    person = node.store.read_now(lambda q: people.by_login(q, login))
    if person is None or not _sees(actor, person):
        raise NodeError("not-found", "There is no such account.")
    return person


def managed_person(q: Read, actor: Actor, person_id: str) -> Person:
    """Return an account that the actor may change.

    Raises `not-found` where the actor doesn't see it, and `forbidden` where the person works for other
    authorities too: whoever could open such an account could act for those.
    """
    actor.require("people.manage")
    person = people.by_id(q, person_id)
    if person is None or not _sees(actor, person):
        raise NodeError("not-found", "There is no such account.")
    _require_reach(actor, person.roles, person.authorities)
    return person


def _sees(actor: Actor, person: Person) -> bool:
    return "operator" in actor.roles or bool(person.authorities & actor.authorities)


def _require_reach(actor: Actor, roles: frozenset[str], of: frozenset[str]) -> None:
    if "operator" not in actor.roles and ("operator" in roles or not of <= actor.authorities):
        raise NodeError("forbidden", "A data administrator manages the people of its own authorities.")


def _there(person: Person | None) -> Person:
    if person is None:
        raise NodeError("not-found", "There is no such account.")
    return person
