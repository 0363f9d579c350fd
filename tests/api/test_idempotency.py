"""A call that is repeated with its key happens once, whatever goes wrong on the way."""

import asyncio
from datetime import timedelta

import pytest

from node.service import idempotency, requests
from tests.api.caller import Caller
from tests.api.conftest import Apis, listener, request_body
from tests.sign_in import token_of


async def test_a_request_posted_twice_is_one_case(apis: Apis):
    """The second post gets the first one's answer, byte for byte."""
    first = await apis.anna.call("POST", "requests", request_body(), key="k1")
    again = await apis.anna.call("POST", "requests", request_body(), key="k1")
    assert (first.status, first.raw) == (again.status, again.raw)
    assert first.status == 201
    assert apis.count_cases() == 1


async def test_posts_at_the_same_time_are_one_case(apis: Apis):
    """Ten equal posts at once: one is done, the others wait for it and get its answer."""
    answers = await asyncio.gather(*(apis.anna.call("POST", "requests", request_body(), key="k1") for _ in range(10)))
    assert {(answer.status, answer.raw) for answer in answers} == {(201, answers[0].raw)}
    assert apis.count_cases() == 1


async def test_a_key_belongs_to_one_request(apis: Apis):
    """Another body, address or query under the same key is refused; another person's key is another key."""
    await apis.anna.post("requests", request_body(), key="k1")
    for path, body in (("requests", request_body(due="2026-12-15")), ("drafts", request_body())):
        answer = await apis.anna.call("POST", path, body, key="k1")
        assert (answer.status, answer.code) == (409, "idempotency-mismatch")
    answer = await apis.anna.call("POST", "requests", request_body(), key="k1", lang="hu")
    assert answer.code == "idempotency-mismatch"
    other = request_body(authority="DE-lageso-berlin")
    assert (await apis.miriam.call("POST", "requests", other, key="k1")).status == 201


async def test_different_requests_at_the_same_time_under_one_key(apis: Apis):
    """One is done, the other refused."""
    bodies = [request_body(), request_body(due="2026-12-15")]
    answers = await asyncio.gather(*(apis.anna.call("POST", "requests", body, key="k1") for body in bodies))
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert apis.count_cases() == 1


async def test_an_act_on_a_case_is_done_once(apis: Apis):
    """Accepting again under the same key is answered as before; without a key it is the wrong state."""
    case = f"cases/{await apis.ask()}"
    first = await apis.katalin.call("POST", f"{case}/accept", {}, key="k1")
    again = await apis.katalin.call("POST", f"{case}/accept", {}, key="k1")
    assert (first.status, first.raw) == (again.status, again.raw) == (200, first.raw)
    assert (await apis.katalin.call("POST", f"{case}/accept", {})).code == "wrong-state"


async def test_a_refused_call_frees_its_key(apis: Apis):
    """What was refused didn't happen: mended, it is done under the same key."""
    answer = await apis.anna.call("POST", "requests", request_body(to="HU-nowhere"), key="k1")
    assert answer.status == 422
    assert (await apis.anna.call("POST", "requests", request_body(), key="k1")).status == 201


async def test_a_file_sent_again_is_there_once(apis: Apis):
    """The form's boundary differs each time; the file, its name and its type decide."""
    draft = await apis.anna.post("drafts", request_body())
    where, key = f"drafts/{draft['id']}/attachments", {"Idempotency-Key": "k1"}
    first = await apis.anna.upload(where, b"%PDF-1.4", **key)
    again = await apis.anna.upload(where, b"%PDF-1.4", **key)
    assert first.raw == again.raw
    assert len((await apis.anna.get(f"drafts/{draft['id']}"))["attachments"]) == 1
    assert (await apis.anna.upload(where, b"%PDF-1.5", **key)).code == "idempotency-mismatch"


async def test_an_interrupted_call_is_never_done_again(apis: Apis, monkeypatch: pytest.MonkeyPatch):
    """After a crash between doing and answering the caller is told to look, by a new process too."""
    send = requests.send

    async def crash(*args: object) -> None:
        await send(*args)
        raise OSError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(requests, "send", crash)
        assert (await apis.anna.call("POST", "requests", request_body(), key="k1")).status == 500
    async with await listener(apis.berlin) as restarted:
        for client in (apis.clients["DE"], restarted):
            answer = await Caller(client, apis.tokens["anna"]).call("POST", "requests", request_body(), key="k1")
            assert (answer.status, answer.code) == (409, "stale")
            assert "interrupted" in answer.json["detail"]
    assert apis.count_cases() == 1


async def test_an_answer_outlives_the_process(apis: Apis):
    """What was answered before a restart is answered alike after it."""
    first = await apis.anna.call("POST", "requests", request_body(), key="k1")
    async with await listener(apis.berlin) as restarted:
        again = await Caller(restarted, apis.tokens["anna"]).call("POST", "requests", request_body(), key="k1")
    assert again.raw == first.raw


async def test_kept_answers_can_t_be_read_from_the_disk(apis: Apis):
    """The store holds neither the secret of a link nor a case's id; another token of the person opens nothing."""
    path = f"people/{apis.people['anna']}/link"
    link = await apis.operator.post(path, key="k1")
    assert (await apis.operator.post(path, key="k1")) == link
    await apis.anna.post("requests", request_body(), key="k2")
    rows = apis.berlin.store.read_now(lambda q: q.all("SELECT * FROM idempotency"))
    kept = b"".join(bytes(row["answer"]) for row in rows)
    assert len(rows) == 2
    assert link["url"].rpartition("/")[2].encode() not in kept
    assert b"case" not in kept
    apis.tokens["anna"] = await token_of(apis.berlin, apis.people["anna"])
    answer = await apis.anna.call("POST", "requests", request_body(), key="k2")
    assert (answer.status, answer.code) == (409, "stale")
    assert apis.count_cases() == 1


async def test_a_key_is_forgotten_after_a_day(apis: Apis):
    """A day later the key is free, and what was kept is swept away."""
    await apis.anna.post("requests", request_body(), key="k1")
    await apis.anna.post("requests", request_body(), key="k2")
    apis.world.clock.offset += timedelta(hours=23)
    assert await idempotency.sweep(apis.berlin) == 0
    await apis.anna.post("requests", request_body(), key="k1")
    assert apis.count_cases() == 2
    apis.world.clock.offset += timedelta(hours=1, seconds=1)
    await apis.anna.post("requests", request_body(), key="k1")
    assert apis.count_cases() == 3
    rows = apis.berlin.store.read_now(lambda q: q.all("SELECT key FROM idempotency"))
    assert [row["key"] for row in rows] == ["k1"]


async def test_a_key_is_a_short_word(apis: Apis):
    """A key that could be cut or changed on its way is refused."""
    for key in ("", "a b", "a" * 256, "ключ"):
        answer = await apis.anna.send("POST", "requests", json=request_body(), headers={"Idempotency-Key": key})
        assert answer.json["fields"] == {"Idempotency-Key": "malformed"}
