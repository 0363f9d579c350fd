"""The people of the tests on accounts: a handler, an administrator and a system of the Berlin chamber."""

from datetime import date

import pytest

from directory_sync.authority import Authority
from node.domain.access import Actor, operator
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, directory, passwords, sessions
from node.service.node import Node
from tests.sign_in import token_of

PASSWORD = "correct horse battery staple"
OTHER = "violin umbrella gravel seven"
CHAMBER, MINISTRY = "DE-zaek-berlin", "DE-ministry"


def authority(authority_id: str, **changes: object) -> Authority:
    """Return an authority of ours."""
    values = {
        "id": authority_id,
        "country": authority_id[:2],
        "name": f"Authority {authority_id}",
        "name_lang": "de",
        "level": "national",
        "place": "Berlin",
        "valid_from": date(2026, 1, 1),
        "v": 1,
    }
    return Authority.model_validate({**values, **changes})


def someone(login: str = "anna", **changes: object) -> NewPerson:
    """Return a handler of the chamber."""
    values = {
        "login": login,
        "name": "Anna Müller",
        "language": "de",
        "roles": frozenset({"handler"}),
        "authorities": frozenset({CHAMBER}),
    }
    return NewPerson(**{**values, **changes})


async def with_authorities(make_node) -> Node:
    """Return Berlin's node with two authorities."""
    made = make_node("DE")
    await directory.import_authorities(made, operator(), [authority(CHAMBER), authority(MINISTRY)])
    return made


async def with_password(node: Node, new: NewPerson, password: str = PASSWORD) -> str:
    """Add a person that comes by link and chooses a password; return the session."""
    person = await accounts.add_person(node, operator(), new)
    session, must = await sessions.use_link(node, await sessions.make_link(node, operator(), person.id))
    assert must
    await passwords.set_password(node, session, password)
    return session


def id_of(node: Node, login: str = "anna") -> str:
    """Return the id of an account."""
    return accounts.person_named(node, operator(), login).id


async def token_for(node: Node, login: str = "anna", days: int = 30) -> str:
    """Return a token that a person made for itself."""
    return await token_of(node, id_of(node, login), "script", days)


async def administrator(node: Node) -> Actor:
    """Return the chamber's data administrator."""
    new = someone("admin", name="Ada Administrator", roles=frozenset({"data-administrator"}))
    return (await accounts.add_person(node, operator(), new)).actor()


def system(login: str = "register", **changes: object) -> NewPerson:
    """Return a service account of the chamber."""
    return someone(login, **{"name": "Register software", "service": True, **changes})


async def refused(code: str, awaitable, **fields: str) -> NodeError:
    """Await something that must be refused with this code."""
    with pytest.raises(NodeError) as caught:
        await awaitable
    assert caught.value.code == code
    assert fields.items() <= caught.value.fields.items()
    return caught.value


def entries(node: Node) -> list[tuple[str, str, str, str]]:
    """Return the audit trail without times."""
    rows = node.store.read_now(lambda q: q.all("SELECT * FROM audit ORDER BY seq"))
    return [(row["actor"], row["action"], row["subject"], row["detail"]) for row in rows]
