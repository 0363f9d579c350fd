"""A person's own choice about mails: address, how and of what; an address counts once a link sent to it was used."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Final, get_args

from node.domain.access import Actor
from node.domain.mail import HOWS, NO_CHOICE, TOPICS, Choice, How, Topic, address_fault
from node.domain.person import Person
from node.errors import NodeError
from node.service import telling
from node.service.accounts import person_of
from node.service.node import Node
from node.store import audit, mail_choices, mails, people
from node.store.tx import Tx

CONFIRM_HOURS: Final = 48
"""For which the link that confirms an address works."""
CONFIRMATIONS: Final = 5
"""Links that a person may ask for in a day, whatever the addresses: nobody floods others through a node."""
CONFIRMATIONS_WINDOW: Final = timedelta(days=1)


def is_set_up(node: Node) -> bool:
    """Say whether this node sends mails."""
    return bool(node.config.mail.host)


def read(node: Node, actor: Actor) -> Choice:
    """Return what the actor has chosen."""
    actor.require("own-account")
    return node.store.read_now(lambda q: mail_choices.of(q, actor.id)) or NO_CHOICE


async def choose(node: Node, actor: Actor, address: str, how: str, topics: Iterable[str]) -> Choice:
    """Save a choice; an address that isn't confirmed yet is sent a link. An empty one is forgotten, with what waits.

    Raises `unavailable` where the node sends no mails, `too-many`, and `invalid` with the fields at fault.
    """
    wanted = _checked(node, actor, address.strip(), how, frozenset(topics))

    def work(tx: Tx) -> Choice:
        before = mail_choices.of(tx, actor.id) or NO_CHOICE
        kept = before.address == wanted.address and before.refused_at is None
        after = replace(wanted, confirmed_at=before.confirmed_at if kept else None)
        mail_choices.save(tx, actor.id, after)
        if before.address != after.address:
            people.drop_secrets(tx, actor.id, "mail")
        if not after.address:
            mails.forget(tx, actor.id)
        elif after.confirmed_at is None:
            _ask(tx, node, actor.id)
        audit.append(tx, actor.id, "mail.choose", actor.id, after.how if after.address else "none")
        return after

    after = await node.store.write(work)
    node.post()
    return after


def _checked(node: Node, actor: Actor, address: str, how: str, topics: frozenset[str]) -> Choice:
    if not is_set_up(node):
        raise NodeError("unavailable", "This node sends no mails.", "Its operator sets up [mail] in node.toml.")
    person_of(node, actor)
    actor.require("own-account")
    hows: dict[str, How] = {one: one for one in HOWS}
    known: dict[str, Topic] = {one: one for one in get_args(Topic)}
    faults = {"address": fault} if address and (fault := address_fault(address)) else {}
    if how not in hows:
        faults["how"] = "not-in-list"
    if topics - set(TOPICS):
        faults["topics"] = "not-in-list"
    if faults:
        raise NodeError("invalid", fields=faults)
    return Choice(address, hows[how], frozenset(known[one] for one in topics))


def _ask(tx: Tx, node: Node, person: str) -> None:
    count, since = mail_choices.count_asked(tx, person, CONFIRMATIONS_WINDOW)
    if count > CONFIRMATIONS:
        left = ceil((since + CONFIRMATIONS_WINDOW - tx.now).total_seconds())
        raise NodeError("too-many", "Too many links for an address were asked for.", retry_after_s=left)
    mails.forget(tx, person)  # what is still to be said to the address before
    telling.confirm(tx, node, person)


def confirmable(node: Node, actor: Actor, secret: str) -> str | None:
    """Return the address that a link would confirm; looking changes nothing, since mail scanners open links."""
    actor.require("own-account")
    row = node.store.read_now(lambda q: people.secret(q, secret, "mail", node.clock.now()))
    return read(node, actor).address or None if row is not None and row["person"] == actor.id else None


async def confirm(node: Node, actor: Actor, secret: str) -> None:
    """Confirm the address that the link was sent to, as the person whose address it is; raises `link-invalid`."""
    actor.require("own-account")

    def work(tx: Tx) -> None:
        choice = mail_choices.of(tx, actor.id)
        row = people.secret(tx, secret, "mail", tx.now)
        if choice is None or not choice.address or row is None or row["person"] != actor.id:
            raise NodeError("link-invalid")
        people.drop_secrets(tx, actor.id, "mail")
        mail_choices.save(tx, actor.id, replace(choice, confirmed_at=tx.now, refused_at=None, refused=""))
        audit.append(tx, actor.id, "mail.confirm", actor.id)

    await node.store.write(work)


def addressee(person: Person | None, choice: Choice | None) -> tuple[Person, Choice] | None:
    """Return whom news may be sent to, None where that isn't the case any more."""
    if person is None or choice is None or person.ended_at is not None or not choice.open:
        return None
    actor = person.actor()
    return (person, choice) if actor.may("cases.read") or actor.may("subjects.manage") else None
