"""Who comes in how: signing in without a page, tokens of one's own, and what others can't do with them."""

import json
from pathlib import Path

from node.domain.access import operator
from node.domain.person import NewPerson
from node.service import accounts, calendar_feed, callers, passwords, sessions, tokens
from tests.api.caller import Caller
from tests.api.conftest import Apis
from tests.dashboard.test_pages import PASSWORD
from tests.exchange.mail_server import mail_server
from tests.exchange.test_mails import Told, link_in
from tests.sign_in import session_of

LABEL = {"label": "script"}


async def signed_in(apis: Apis, login: str = "anna") -> Caller:
    """Return a person's program that has a session."""
    link = await apis.operator.post(f"people/{apis.people[login]}/link")
    opened = await apis.nobody.post("session", {"link": link["url"].rpartition("/")[2]})
    return Caller(apis.clients["DE"], opened["session"])


async def with_password(apis: Apis) -> None:
    """Let Anna choose a password."""
    await passwords.set_password(apis.berlin, await session_of(apis.berlin, apis.people["anna"]), PASSWORD)


async def test_a_person_makes_lists_and_ends_a_token(apis: Apis):
    """Link, session, token; the token is shown once, listed with the day of its last use, and ends at once."""
    own = await signed_in(apis)
    made = await own.post("me/tokens", {"label": "night run"})
    caller = Caller(apis.clients["DE"], made["token"])
    assert (await caller.get("me"))["name"] == "Anna"
    (listed,) = [one for one in (await own.get("me/tokens"))["items"] if one["label"] == "night run"]
    assert listed["used_on"] == apis.berlin.clock.now().date().isoformat()
    assert made["token"] not in json.dumps(listed)
    assert (await own.call("DELETE", f"me/tokens/{listed['id']}")).status == 204
    assert (await caller.call("GET", "me")).status == 401
    assert (await own.call("DELETE", "session")).status == 204
    assert (await own.call("GET", "me/tokens")).status == 401


async def test_a_link_is_traded_once_and_never_stands_in_an_address(apis: Apis):
    """A second use is refused, and the secret travels in the body alone."""
    link = await apis.operator.post(f"people/{apis.people['anna']}/link")
    secret = link["url"].rpartition("/")[2]
    assert (await apis.nobody.call("GET", "session", link=secret)).status == 401
    assert (await apis.nobody.call("POST", "session", link=secret)).status == 422
    await apis.nobody.post("session", {"link": secret})
    again = await apis.nobody.call("POST", "session", {"link": secret})
    assert (again.status, again.code) == (403, "link-invalid")


async def test_signing_in_by_password_has_the_same_limits_as_the_page(apis: Apis):
    """Wrong ones are counted, the sixth waits and is told how long, and half a name is an error of form."""
    await with_password(apis)
    body = {"login": "anna", "password": PASSWORD}
    assert (await apis.nobody.post("session", body))["session"]
    for wrong in ({}, {"login": "anna"}, {**body, "link": "x"}):
        assert (await apis.nobody.call("POST", "session", wrong)).json["fields"] == {"link": "missing"}
    for _ in range(passwords.ATTEMPTS):
        answer = await apis.nobody.call("POST", "session", {**body, "password": "guessed wrongly"})
        assert (answer.status, answer.code) == (401, "wrong-credentials")
    answer = await apis.nobody.call("POST", "session", body)
    assert (answer.status, answer.code) == (429, "too-many")
    assert 0 < int(answer.headers["Retry-After"]) <= 60


async def test_a_stolen_token_makes_no_other(apis: Apis):
    """What is a person's own opens with a session only, and a session opens nothing else."""
    for method, path, body in (
        ("POST", "me/tokens", LABEL),
        ("GET", "me/tokens", None),
        ("DELETE", f"me/tokens/{'A' * 43}", None),
        ("DELETE", "session", None),
    ):
        for thief in (apis.anna, apis.ada, apis.operator):
            assert (await thief.call(method, path, body)).status == 401, path
    own = await signed_in(apis)
    for path in ("me", "drafts", "people"):
        assert (await own.call("GET", path)).status == 401


async def test_nobody_makes_a_token_for_another(apis: Apis):
    """Neither the data administrator nor the operator finds an address for it."""
    for who in (apis.ada, apis.operator, await signed_in(apis, "ada")):
        for path in (f"people/{apis.people['anna']}/token", f"people/{apis.people['anna']}/tokens"):
            answer = await who.call("POST", path, LABEL)
            assert answer.status in (401, 404, 405), path
    assert len((await apis.ada.get(f"people/{apis.people['anna']}/tokens"))["items"]) == 1


async def test_whose_tokens_somebody_sees(apis: Apis):
    """A data administrator sees and revokes those of its own people; others' lists aren't there."""
    path = f"people/{apis.people['anna']}/tokens"
    ((token),) = (await apis.ada.get(path))["items"]
    foreign = f"people/{apis.people['miriam']}/tokens"
    for other in (foreign, f"{foreign}/{token['id']}", "people/nobody/tokens"):
        method = "DELETE" if other.endswith(token["id"]) else "GET"
        assert (await apis.ada.call(method, other)).status == 404
    assert (await apis.miriam.call("GET", path)).status == 403
    assert (await apis.miriam.call("DELETE", f"{path}/{token['id']}")).status == 403
    mine = await signed_in(apis, "miriam")
    assert (await mine.call("DELETE", f"me/tokens/{token['id']}")).status == 404
    assert (await apis.ada.call("DELETE", f"{path}/{token['id']}")).status == 204
    assert (await apis.anna.call("GET", "me")).status == 401


async def test_a_new_password_ends_the_token(apis: Apis):
    """After a change of the password a program has to be given another token."""
    assert await apis.anna.get("me")
    await with_password(apis)
    assert (await apis.anna.call("GET", "me")).status == 401


async def test_a_login_is_no_address(apis: Apis):
    """Accounts are named by their opaque ids; a login in an address finds nobody."""
    for who in (apis.ada, apis.operator):
        for act in ("link", "end"):
            assert (await who.call("POST", f"people/anna/{act}")).status == 404
        assert (await who.call("GET", "people/anna/tokens")).status == 404
    assert await apis.anna.get("me")


async def test_a_system_s_acts_stand_under_its_name(apis: Apis):
    """What a service account sends is shown with the system's name at both ends, and it can't sign in."""
    new = NewPerson(
        "register", "Register software", "de", frozenset({"handler"}), frozenset({"DE-zaek-berlin"}), service=True
    )
    service = await accounts.add_person(apis.berlin, operator(), new)
    apis.tokens["anna"] = await tokens.make_service_token(apis.berlin, operator(), service.id, "night run")
    case = await apis.ask()
    for reader in (apis.anna, apis.katalin):
        told = (await reader.get(f"cases/{case}"))["timeline"]
        assert "Register software" in json.dumps(told)
    assert (await apis.anna.call("POST", "me/tokens", LABEL)).status == 401
    body = {"login": "register", "password": PASSWORD}
    assert (await apis.nobody.call("POST", "session", body)).code == "wrong-credentials"
    answer = await apis.operator.call("POST", f"people/{service.id}/link")
    assert (answer.status, answer.code) == (403, "forbidden")
    (listed,) = [one for one in (await apis.ada.get("people"))["items"] if one["service"]]
    assert listed["name"] == "Register software"


async def test_an_ended_account_is_out_at_the_next_call(apis: Apis):
    """Session and token of somebody whose access ends are 401 at once."""
    own = await signed_in(apis)
    await apis.ada.post(f"people/{apis.people['anna']}/end")
    assert (await own.call("GET", "me/tokens")).status == 401
    assert (await apis.anna.call("GET", "me")).status == 401
    link = await apis.ada.call("POST", f"people/{apis.people['anna']}/link")
    assert link.code == "not-found"
    assert not sessions.link_works(apis.berlin, "x")


async def test_an_address_is_believed_from_the_own_proxy_only(apis: Apis):
    """The proxy's entry is counted where the configuration trusts it; nobody is counted by his own word."""
    web = apis.berlin.config.web.model_copy(update={"forwarded_for": True})
    headers = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}
    body = {"login": "nobody", "password": PASSWORD}
    await apis.nobody.send("POST", "session", json=body, headers=headers)
    assert list(apis.berlin.callers._seen) == []
    apis.berlin.config = apis.berlin.config.model_copy(update={"web": web})
    await apis.nobody.send("POST", "session", json=body, headers=headers)
    assert list(apis.berlin.callers._seen) == ["192.0.2.7"]
    for _ in range(callers.ADDRESS_ATTEMPTS - 1):
        apis.berlin.callers.count("192.0.2.7", apis.berlin.clock.now())
    stopped = await apis.nobody.send("POST", "session", json=body, headers=headers)
    assert (stopped.status, stopped.code) == (429, "too-many")
    headers = {"X-Forwarded-For": "192.0.2.7, 192.0.2.8"}
    assert (await apis.nobody.send("POST", "session", json=body, headers=headers)).status == 401


async def test_a_person_chooses_its_mails_as_on_the_page(apis: Apis, tmp_path: Path):
    """Address, link, confirmation; a token opens none of it, and a node without a mail server says so."""
    own = await signed_in(apis)
    body = {"address": "anna@chamber.example", "how": "daily", "topics": ["dates", "new"]}
    assert (await own.get("me/mail"))["sends"] is False
    assert (await own.call("PUT", "me/mail", body)).code == "unavailable"
    async with mail_server(tmp_path) as server:
        told = Told(apis.world, server, "DE")
        told.node.config = told.node.config.model_copy(update={"mail": server.section(tmp_path)})
        told.begin()
        wrong = await own.call("PUT", "me/mail", {**body, "address": "anna\r\nBcc: eve@evil.example"})
        assert wrong.json["fields"] == {"address": "malformed"}
        chosen = (await own.call("PUT", "me/mail", body)).json
        assert (chosen["topics"], chosen["confirmed_at"]) == (["new", "dates"], None)
        link = link_in((await server.count(1))[0]).rpartition("/")[2]
        assert (await apis.anna.call("POST", "me/mail/confirm", {"link": link})).status == 401
        assert (await own.call("POST", "me/mail/confirm", {"link": "x"})).code == "link-invalid"
        assert (await own.post("me/mail/confirm", {"link": link}))["confirmed_at"]
        await told.crash()


async def test_a_person_makes_and_revokes_a_calendars_address(apis: Apis):
    """Shown once, then only when it was made; a token makes none, and who reads no cases gets none."""
    own = await signed_in(apis)
    assert (await own.get("me/calendar"))["created_at"] is None
    assert (await apis.anna.call("POST", "me/calendar")).status == 401
    made = (await own.post("me/calendar"))["url"]
    noted = await own.get("me/calendar")
    assert noted["used_on"] is None
    assert made.rpartition("/")[2] not in json.dumps(noted)
    await calendar_feed.feed(apis.berlin, made.rpartition("/")[2].removesuffix(".ics"))
    assert (await own.get("me/calendar"))["used_on"] == apis.berlin.clock.now().date().isoformat()
    assert (await own.call("DELETE", "me/calendar")).status == 204
    assert (await own.get("me/calendar"))["created_at"] is None
    assert (await (await signed_in(apis, "ada")).call("POST", "me/calendar")).status == 403
