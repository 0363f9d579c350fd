"""What a careless or hostile program sends is refused with its code, and nothing of it is kept."""

import asyncio
import io
import json
import uuid

import aiohttp
import pytest
import structlog

from node.service import reading
from protocol.limits import MAX_BLOB, MIB
from tests.api.conftest import Apis, request_body

JSON = {"Content-Type": "application/json"}


BAD_JSON = [
    (b"[" * 10_000 + b"]" * 10_000, {"body": "malformed"}),
    (b'{"limit":' * 10_000 + b"1" + b"}" * 10_000, {"body": "malformed"}),
    (b'{"limit":1,"limit":2}', {"body": "malformed"}),
    (b'{"limit":1.0}', {"body": "malformed"}),
    (b'{"limit":NaN}', {"body": "malformed"}),
    (b'{"limit":1', {"body": "malformed"}),
    (b"\xef\xbb\xbf{}", {"body": "malformed"}),
    (b'{"number":"\xff"}', {"body": "malformed"}),
    (b'{"number":"\\ud800"}', {"body": "malformed"}),
    (b"[]", {"body": "malformed"}),
    (b"null", {"body": "malformed"}),
    (b'{"limit":"1"}', {"limit": "malformed"}),
    (b'{"limit":201}', {"limit": "out-of-range"}),
    (b'{"open":1}', {"open": "malformed"}),
    (b'{"state":"lost"}', {"state": "malformed"}),
    (b'{"person":"Kov\xc3\xa1cs"}', {"person": "unknown-field"}),
]


async def test_json_that_has_not_its_shape_is_refused_by_field(apis: Apis):
    """Every fault is 422 `invalid` and names the field."""
    for body, fields in BAD_JSON:
        answer = await apis.anna.send("POST", "cases/search", data=body, headers=JSON)
        assert (answer.status, answer.code, answer.json["fields"]) == (422, "invalid", fields), body[:40]


async def test_an_unknown_field_is_refused_at_every_depth(apis: Apis):
    """A misspelt field is never dropped in silence, however deep it stands."""
    person = {"given_names": "Eszter", "family_name": "Kovács", "birthdate": "1991-04-17"}
    answer = await apis.anna.call("POST", "requests", request_body(variables={"person": person}))
    assert answer.json["fields"] == {"variables.person.birthdate": "unknown-field"}
    answer = await apis.anna.call("POST", "requests", request_body(attachments=[]))
    assert answer.json["fields"] == {"attachments": "unknown-field"}
    assert apis.count_cases() == 0


async def test_an_incomplete_request_names_what_is_missing(apis: Apis):
    """Each missing field is named at once."""
    answer = await apis.anna.call("POST", "requests", {"authority": "DE-zaek-berlin"})
    assert answer.status == 422
    assert set(answer.json["fields"]) == {"country", "to", "area", "set", "questions", "due"}
    answer = await apis.anna.call("POST", "requests", request_body(draft=str(uuid.uuid4())))
    assert (answer.status, answer.json["fields"]) == (422, {"body": "malformed"})


BAD_QUERIES = [
    ("authorities", {"limit": "0"}, {"limit": "out-of-range"}),
    ("authorities", {"limit": "x"}, {"limit": "malformed"}),
    ("authorities", {"offset": "-1"}, {"offset": "out-of-range"}),
    ("authorities", {"name": "x"}, {"name": "unknown-field"}),
    ("authorities", [("q", "a"), ("q", "b")], {"q": "duplicate"}),
    ("authorities", {"q": "a" * 501}, {"q": "too-long"}),
    ("authorities", {"lang": "xx"}, {"lang": "unknown-language"}),
    ("areas", {"lang": "DE"}, {"lang": "unknown-language"}),
    ("me", {"family_name": "x"}, {"family_name": "unknown-field"}),
]


async def test_a_query_that_has_not_its_shape_is_refused(apis: Apis):
    """Parameters are checked like fields."""
    for path, query, fields in BAD_QUERIES:
        answer = await apis.anna.send("GET", path, params=query)
        assert (answer.status, answer.json["fields"]) == (422, fields), query


async def _announce(apis: Apis, path: str, kind: str) -> bytes:
    """Announce a gigabyte and return the head of the answer that comes before anything of it was sent."""
    host, port = apis.clients["DE"].server.host, apis.clients["DE"].server.port
    reader, writer = await asyncio.open_connection(host, port)
    lines = [f"POST /api/v1/{path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {apis.tokens['anna']}"]
    lines += [f"Content-Type: {kind}", f"Content-Length: {2**30}"]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head


async def test_a_gigabyte_is_refused_before_it_is_sent(apis: Apis):
    """The announced length alone is enough: 413 at once, and the connection ends."""
    form = "multipart/form-data; boundary=x"
    for path, kind in (("requests", "application/json"), ("people", "text/csv"), ("drafts/x/attachments", form)):
        head = await _announce(apis, path, kind)
        assert head.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in head.lower()


async def test_a_body_without_an_end_is_cut_off(apis: Apis):
    """A chunked body is refused as soon as it has more than a mebibyte."""

    async def endless():
        for _ in range(64):
            yield b" " * 64 * 1024

    try:
        answer = await apis.anna.send("POST", "cases/search", data=endless(), headers=JSON)
    except aiohttp.ClientError:
        return  # the node hung up while the rest was being sent
    assert (answer.status, answer.code) == (413, "too-large")


@pytest.mark.parametrize(
    ("data", "media_type", "status", "code"),
    [
        (b"MZ\x90", "application/pdf", 415, "unsupported-media"),
        (b"%PDF-1.4", "application/zip", 415, "unsupported-media"),
        (b"", "application/pdf", 415, "unsupported-media"),
        (b"%PDF-".ljust(MAX_BLOB + 1), "application/pdf", 413, "too-large"),
    ],
    ids=["lie", "type", "empty", "size"],
)
async def test_a_file_of_the_wrong_kind_or_size_is_refused(apis: Apis, data, media_type, status, code):
    """The type must be allowed and true, the size within the limit; the draft stays without files."""
    draft = await apis.anna.post("drafts", request_body())
    answer = await apis.anna.upload(f"drafts/{draft['id']}/attachments", data, media_type=media_type)
    assert (answer.status, answer.code) == (status, code)
    assert (await apis.anna.get(f"drafts/{draft['id']}"))["attachments"] == []


async def test_the_largest_file_is_taken(apis: Apis):
    """Exactly the limit goes through, beyond aiohttp's own limit for bodies."""
    draft = await apis.anna.post("drafts", request_body())
    data = b"%PDF-".ljust(MAX_BLOB, b"0")
    assert (await apis.anna.upload(f"drafts/{draft['id']}/attachments", data)).status == 201


BROKEN_FORMS = [
    b"",
    b"--x--\r\n",
    b"--y\r\n",
    b'--x\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx',
    b"--x\r\nno header here\r\n\r\nx\r\n--x--\r\n",
    b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nx\r\n--y--\r\n--x--\r\n",
    b"--x\r\n" + b"A: b\r\n" * 10_000 + b"\r\nx\r\n--x--\r\n",
]


async def test_a_broken_form_is_refused(apis: Apis):
    """Whatever a form looks like, the answer is a refusal and never a failure of ours."""
    draft = await apis.anna.post("drafts", request_body())
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in BROKEN_FORMS:
        answer = await apis.anna.send("POST", f"drafts/{draft['id']}/attachments", data=body, headers=headers)
        assert (answer.status, answer.code) in ((422, "invalid"), (415, "unsupported-media")), body[:99]


async def test_a_body_in_another_format_is_refused(apis: Apis):
    """Forms aren't JSON, and JSON isn't a file."""
    answer = await apis.anna.send("POST", "cases/search", data={"limit": "1"})
    assert (answer.status, answer.code) == (415, "unsupported-media")
    answer = await apis.anna.call("POST", "drafts/x/attachments", {})
    assert (answer.status, answer.code) == (415, "unsupported-media")
    answer = await apis.anna.call("POST", f"cases/{uuid.uuid4()}/close", {"comment": None})
    assert (answer.status, answer.code) == (422, "invalid")


async def test_an_address_that_leads_nowhere_is_a_problem_document(apis: Apis):
    """404 or 405, never a page of the web server's own, never a failure of ours."""
    for path in ("nowhere", "cases/%00", "cases/%FF", "cases/..%2F..", "cases/" + "a" * 2000, "drafts/%C3%A9"):
        answer = await apis.anna.send("GET", path)
        assert (answer.status, answer.code) == (404, "not-found"), path
    answer = await apis.anna.send("PATCH", "me")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_a_failure_of_ours_is_told_without_its_detail(apis: Apis, monkeypatch: pytest.MonkeyPatch):
    """The caller gets `internal` and an instance; the log has the instance and the place, and no content."""

    async def fail(*_args: object, **_named: object) -> None:
        raise ZeroDivisionError("Eszter Kovács")

    monkeypatch.setattr(reading, "read_case", fail)
    with structlog.testing.capture_logs() as logs:
        answer = await apis.anna.call("GET", f"cases/{uuid.uuid4()}")
    assert (answer.status, answer.code) == (500, "internal")
    (line,) = [line for line in logs if line["event"] == "call-failed"]
    assert (line["instance"], line["operation"], line["error"]) == (
        answer.json["instance"],
        "readCase",
        "ZeroDivisionError",
    )
    assert "test_bad_input.py" in line["at"][-1]
    assert "Kov" not in answer.raw.decode() + json.dumps(line)


async def test_a_long_import_is_read(apis: Apis):
    """A whole country's list may be longer than other bodies."""
    (one,) = (await apis.operator.get("directory/export", limit="1"))["items"]
    records = [{**one, "id": f"DE-office-{number}", "descriptions": {"de": "x" * 900}} for number in range(800)]
    body = json.dumps(records).encode()
    assert len(body) > MIB
    answer = await apis.operator.send("POST", "directory/import", data=io.BytesIO(body), headers=JSON)
    assert answer.json["added"] == 800


async def test_a_caller_that_hangs_up_is_no_failure_of_ours(apis: Apis):
    """A body that ends before its announced length does nothing and isn't logged as an error."""
    with structlog.testing.capture_logs() as logs:
        host, port = apis.clients["DE"].server.host, apis.clients["DE"].server.port
        reader, writer = await asyncio.open_connection(host, port)
        lines = ["POST /api/v1/requests HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {apis.tokens['anna']}"]
        writer.write("\r\n".join([*lines, "Content-Type: application/json", "Content-Length: 900", "", "{"]).encode())
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        assert (await apis.anna.get("me"))["authorities"] == ["DE-zaek-berlin"]
    assert [line for line in logs if line["event"] == "call-failed"] == []
