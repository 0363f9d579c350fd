"""How an authority comes into the directory: registered by its coordinator, or invited, written and approved.

Whoever is invited has no account yet: a one-time link opens one form for the record and the account. Nothing is
published and nobody can sign in before the coordinator has approved.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from directory_sync.authority import Authority, Links
from directory_sync.coordination import reach_of, registration_faults
from directory_sync.folding import query_tokens
from directory_sync.limits import MAX_ID_CHARS
from node.clock import new_uuid, unstamp
from node.domain.access import Actor
from node.domain.authority_change import FieldChange, changes_between
from node.domain.person import NewPerson, person_faults, text_fault
from node.errors import NodeError
from node.service import accounts, authority_edit
from node.service.authority_edit import Why, editor_of, record_faults
from node.service.node import Node
from node.store import audit, people, registrations
from node.store.tx import Read, Row, Tx
from protocol.encoding import b64u, canonical_json

INVITATION_DAYS: Final = 14
"""Days for which an invitation's link works."""
MAX_NOTE_CHARS: Final = 200
"""Characters of the note that says whom an invitation is for."""
_TOKEN_BYTES: Final = 32
_INVITED_MAY: Final = frozenset(
    {"name", "name_lang", "titles", "descriptions", "level", "region", "place", "contacts", "languages", "areas",
     "competences"}
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """The first administrator of a new authority."""

    login: str
    name: str
    language: str

    def person(self, authority: str) -> NewPerson:
        """Return the account that is opened."""
        roles = frozenset({"data-administrator"})
        return NewPerson(self.login, self.name.strip(), self.language, roles, frozenset({authority}))


@dataclass(frozen=True)
class Registration:
    """An invitation and what came of it; `state` is invited, submitted, returned, approved or withdrawn."""

    id: str
    coordinator: str
    note: str
    state: str
    reason: str
    expires_at: datetime
    updated_at: datetime
    authority: str | None
    record: dict[str, Any] = field(default_factory=dict)
    account: Account | None = None


@dataclass(frozen=True)
class Registered:
    """A new authority, and the one-time link of its first administrator, if there is one."""

    authority: Authority
    link: str | None


# --- by a coordinator ---


def coordinators_of(node: Node, actor: Actor) -> tuple[Authority, ...]:
    """Return the coordinators on whose behalf an actor registers; for the operator all of the country."""
    if "operator" not in actor.roles:
        return editor_of(node, actor).coordinators
    lines = node.store.read_now(lambda q: authority_edit.own_records(q, node.country))
    day = node.directory_day()
    return tuple(one for one in lines if reach_of(one) is not None and one.valid_on(day))


async def register(
    node: Node, actor: Actor, by: str, fields: dict[str, Any], why: tuple[str, Account | None]
) -> Registered:
    """Publish a new authority on behalf of the coordinator `by`; `why` is (reason, first administrator).

    Without links in `fields` the coordinator is the validating one, and that of every area that it reaches.
    Raises `forbidden`, `exists`, and `invalid` with the fields at fault.
    """
    actor.require("directory.invite" if why[1] else "directory.change")
    coordinator = _coordinator(node, actor, by)
    return await _published(node, actor, _new(node, coordinator, fields), (why[0], why[1], None))


def _coordinator(node: Node, actor: Actor, by: str) -> Authority:
    found = next((one for one in coordinators_of(node, actor) if one.id == by), None)
    if found is None:
        raise NodeError("forbidden", "Only a coordinator registers authorities, in its own name.")
    return found


def _new(node: Node, by: Authority, fields: dict[str, Any]) -> Authority:
    """Return the record of a new authority with what only its coordinator decides."""
    try:
        made = Authority.model_validate(
            {
                "valid_from": node.directory_day(),
                "demo": by.demo,
                **fields,
                "id": fields.get("id") or free_id(node, str(fields.get("name", ""))),
                "country": node.country,
                "v": 1,
                "links": fields.get("links") or {"validating": by.id},
            }
        )
    except ValidationError as error:
        raise NodeError("invalid", fields=record_faults(error)) from None
    if fields.get("links"):
        return made
    reach = reach_of(by)
    areas = [role.area for role in made.areas if reach and reach.has_area(role.area)]
    links = Links(validating=by.id, access=dict.fromkeys(areas, by.id), request=dict.fromkeys(areas, (by.id,)))
    return made.model_copy(update={"links": links})


def free_id(node: Node, name: str) -> str:
    """Return an id that no authority has: the country's code and the name in plain Latin letters."""
    words = (next((s for s in reversed(spellings) if s.isascii()), "") for spellings in query_tokens(name))
    slug = "-".join(filter(None, words)) or b64u(node.entropy.random(6)).lower().replace("_", "").replace("-", "")
    stem = f"{node.country}-{slug}"[: MAX_ID_CHARS - 4].rstrip("-")
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    return next(f"{stem}{number}" for number in numbers if authority_edit.current(node, f"{stem}{number}") is None)


async def _published(
    node: Node, actor: Actor, new: Authority, why: tuple[str, Account | None, str | None]
) -> Registered:
    """Publish a new authority, open its first account and close its registration, all in one transaction."""
    reason, account, registration = why
    if authority_edit.current(node, new.id) is not None:
        raise NodeError("exists", "There is an authority with this id.", fields={"id": "exists"})
    if account and (faults := _account_faults(node, account)):
        raise NodeError("invalid", fields=faults)
    link = b64u(node.entropy.random(_TOKEN_BYTES)) if account else None

    def within(tx: Tx) -> None:
        if registration is not None:
            if _row(tx, registration)["state"] != "submitted":
                raise NodeError("stale", "The registration was decided meanwhile.")
            registrations.decide(tx, registration, "approved", new.id)
            audit.append(tx, actor.id, "registration.approve", registration, new.id)
        if account and link:
            _open_account(node, tx, actor, account.person(new.id), link)

    try:
        await authority_edit.publish(node, actor, [new], Why("register", reason, within))
    except NodeError as error:
        raise authority_edit.of_one(error) from None
    made = authority_edit.current(node, new.id)
    assert made is not None
    return Registered(made, link)


def _open_account(node: Node, tx: Tx, actor: Actor, new: NewPerson, link: str) -> None:
    if people.by_login(tx, new.login) is not None:
        raise NodeError("invalid", fields={"login": "exists"})
    person_id = new_uuid(node.entropy)
    people.insert(tx, person_id, new, actor.id)
    people.add_secret(tx, link, "link", person_id, "", tx.now + timedelta(hours=node.config.web.link_hours))
    audit.append(tx, actor.id, "person.add", person_id)
    audit.extend(tx, [accounts.noted(actor.id, "role.grant", person_id, one) for one in sorted(new.grants())])
    audit.append(tx, actor.id, "link.make", person_id)


def _account_faults(node: Node, account: Account) -> dict[str, str]:
    named = {"name": "person_name", "language": "person_language"}
    faults = {named.get(name, name): code for name, code in person_faults(account.person("-")).items()}
    if "login" not in faults and node.store.read_now(lambda q: people.by_login(q, account.login)) is not None:
        faults["login"] = "exists"
    return faults


# --- by invitation ---


async def invite(node: Node, actor: Actor, by: str, note: str) -> tuple[str, str]:
    """Make an invitation of the coordinator `by`; returns (its id, the secret part of its link)."""
    actor.require("directory.invite")
    _coordinator(node, actor, by)
    if fault := text_fault(note, MAX_NOTE_CHARS):
        raise NodeError("invalid", fields={"note": fault})
    registration, token = new_uuid(node.entropy), b64u(node.entropy.random(_TOKEN_BYTES))

    def work(tx: Tx) -> None:
        fields = {"id": registration, "coordinator": by, "invited_by": actor.id, "note": note}
        registrations.add(tx, fields, token, tx.now + timedelta(days=INVITATION_DAYS))
        audit.append(tx, actor.id, "registration.invite", registration, by)

    await node.store.write(work)
    return registration, token


def invited(node: Node, token: str) -> Registration:
    """Return the invitation that a link opens; looking changes nothing. Raises `link-invalid`."""
    row = node.store.read_now(lambda q: registrations.by_token(q, token, node.clock.now()))
    if row is None:
        raise NodeError("link-invalid")
    return _registration(row)


async def submit(node: Node, token: str, fields: dict[str, Any], account: Account) -> None:
    """Keep what an invited person wrote and use the link up; raises `link-invalid`, `invalid` with all fields."""
    opened = invited(node, token)
    faults: dict[str, str] = dict(_account_faults(node, account))
    try:
        faults |= await _record_faults(node, opened, fields)
    except NodeError as error:
        faults |= error.fields
    if faults:
        raise NodeError("invalid", fields=faults)
    record, person = canonical_json(_kept(fields)), canonical_json(asdict(account))

    def work(tx: Tx) -> None:
        registration = registrations.submit(tx, token, record, person)
        if registration is None:
            raise NodeError("link-invalid")
        audit.append(tx, "invited", "registration.submit", registration)

    await node.store.write(work)


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in _INVITED_MAY}


async def _record_faults(node: Node, opened: Registration, fields: dict[str, Any]) -> dict[str, str]:
    by = authority_edit.current(node, opened.coordinator)
    if by is None:
        raise NodeError("link-invalid")
    made = _new(node, by, _kept(fields))
    return registration_faults(by, made) or await authority_edit.faults_of_new(node, made)


def listing(node: Node, actor: Actor) -> tuple[Registration, ...]:
    """Return the registrations of the actor's coordinators, the newest change first."""
    actor.require("directory.invite")
    own = None if "operator" in actor.roles else tuple(one.id for one in coordinators_of(node, actor))
    return tuple(_registration(row) for row in node.store.read_now(lambda q: registrations.listing(q, own)))


def one(node: Node, actor: Actor, registration: str) -> Registration:
    """Return a registration of the actor's coordinators; raises `not-found`."""
    actor.require("directory.invite")
    own = _coordinated(node, actor)
    return _registration(node.store.read_now(lambda q: _own(q, own, registration)))


def as_record(node: Node, fields: dict[str, Any]) -> Authority:
    """Return what an invited person wrote as a record, to be shown; it is no authority yet."""
    plain = {"id": f"{node.country}-new", "country": node.country, "valid_from": node.directory_day(), "v": 1}
    return Authority.model_validate({**_kept(fields), **plain})


def written(node: Node, found: Registration) -> tuple[FieldChange, ...]:
    """Return the fields of what an invited person wrote."""
    if not found.record:
        return ()
    own = changes_between(None, as_record(node, found.record))
    return tuple(change for change in own if change.field not in ("id", "country", "valid_from"))


async def approve(node: Node, actor: Actor, registration: str, authority_id: str, reason: str) -> Registered:
    """Publish what was written and open its account; an empty `authority_id` is made from the name."""
    found = one(node, actor, registration)
    if found.state != "submitted":
        raise NodeError("stale", "The registration isn't one that waits for approval.")
    new = _new(node, _coordinator(node, actor, found.coordinator), {**found.record, "id": authority_id})
    return await _published(node, actor, new, (reason, found.account, registration))


async def give_back(node: Node, actor: Actor, registration: str, reason: str) -> str:
    """Return a registration to the invited person with a reason, or renew an invitation's link; returns the secret."""
    found = one(node, actor, registration)
    if found.state not in ("submitted", *registrations.OPEN):
        raise NodeError("stale", "The registration was decided already.")
    if found.state == "submitted" and (fault := text_fault(reason, authority_edit.MAX_REASON_CHARS)):
        raise NodeError("invalid", fields={"reason": fault})
    token = b64u(node.entropy.random(_TOKEN_BYTES))
    change = ("returned", reason) if found.state == "submitted" else (found.state, found.reason)

    def work(tx: Tx) -> None:
        if _row(tx, registration)["state"] != found.state:
            raise NodeError("stale", "The registration was changed meanwhile.")
        registrations.reopen(tx, registration, change, token, tx.now + timedelta(days=INVITATION_DAYS))
        audit.append(tx, actor.id, "registration.return", registration)

    await node.store.write(work)
    return token


async def withdraw(node: Node, actor: Actor, registration: str) -> None:
    """End an invitation; its link stops working, and what was said of the person is forgotten."""

    def work(tx: Tx) -> None:
        if _own(tx, own, registration)["state"] in ("approved", "withdrawn"):
            raise NodeError("stale", "The registration was decided already.")
        registrations.decide(tx, registration, "withdrawn", None)
        audit.append(tx, actor.id, "registration.withdraw", registration)

    actor.require("directory.invite")
    own = _coordinated(node, actor)
    await node.store.write(work)


def _coordinated(node: Node, actor: Actor) -> frozenset[str]:
    return frozenset(each.id for each in coordinators_of(node, actor))


def _own(q: Read, own: frozenset[str], registration: str) -> Row:
    row = _row(q, registration)
    if row["coordinator"] not in own:
        raise NodeError("not-found", "There is no such registration.")
    return row


def _row(q: Read, registration: str) -> Row:
    row = registrations.by_id(q, registration)
    if row is None:
        raise NodeError("not-found", "There is no such registration.")
    return row


def _registration(row: Row) -> Registration:
    return Registration(
        row["id"],
        row["coordinator"],
        row["note"],
        row["state"],
        row["reason"],
        unstamp(row["expires_at"]),
        unstamp(row["updated_at"]),
        row["authority"],
        json.loads(row["record"]) if row["record"] else {},
        Account(**json.loads(row["person"])) if row["person"] else None,
    )
