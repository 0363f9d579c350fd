"""A national system works through the API: it searches, asks, answers, reads, closes."""

from tests.api.conftest import AREA, REPLY, Apis, request_body

PDF = b"%PDF-1.4\n% a diploma\n"


async def test_a_national_system_asks_and_another_answers(apis: Apis):
    """From the search in German to the closed case, each side only calls its own API."""
    found = await apis.anna.get("authorities", q="zahnarzt", country="HU", area=AREA)
    assert "HU-okfo" in [one["authority"] for one in found["items"]]
    draft = await apis.anna.post("drafts", request_body(questions=[]))
    assert (await apis.anna.upload(f"drafts/{draft['id']}/attachments", PDF)).status == 201
    held = await apis.anna.get(f"drafts/{draft['id']}")
    assert [file["name"] for file in held["attachments"]] == ["oklevél.pdf"]
    change = {"version": held["version"], "request": {**held["request"], "questions": ["sanctions"]}}
    assert (await apis.anna.call("PUT", f"drafts/{draft['id']}", change)).status == 200
    sent = await apis.anna.post("requests", {"draft": draft["id"]})
    assert sent["id"] == draft["case"]
    assert (sent["state"], sent["owner"], sent["on_its_way"]) == ("sent", "replying", True)
    await apis.settled()

    (line,) = (await apis.katalin.post("cases/search", {"state": "sent", "open": True}))["items"]
    case = f"cases/{line['id']}"
    view = await apis.katalin.get(case)
    assert (view["questions"][0]["text"]["lang"], view["draft_reply"]) == ("hu", None)
    (file,) = view["attachments"]
    got = await apis.katalin.call("GET", f"{case}/attachments/{file['sha256']}")
    assert (got.raw, got.headers["Content-Type"]) == (PDF, "application/pdf")
    assert got.headers["Content-Disposition"] == "attachment; filename*=UTF-8''oklev%C3%A9l.pdf"
    await apis.katalin.post(f"{case}/propose-date", {"date": "2026-12-21"})
    await apis.settled()
    await apis.anna.post(f"{case}/agree-date")
    await apis.settled()
    await apis.katalin.post(f"{case}/accept")
    await apis.anna.post(f"{case}/message", {"comment": {"text": "Danke!", "lang": "de"}, "confidential": True})
    assert (await apis.anna.upload(f"{case}/files", PDF, "urkunde.pdf")).status == 200
    await apis.settled()  # what makes a case confidential changes it: a reply at the same moment would be stale
    await apis.katalin.post(f"{case}/reply-part", {"answers": {"sanctions": {"absent": "not-known"}}})
    reply = await apis.katalin.post(f"{case}/reply-draft")
    answers = {"reply": {"answers": {"sanctions": {"code": "no"}}}}
    await apis.katalin.call("PUT", f"drafts/{reply['id']}", answers)
    await apis.katalin.post(f"{case}/reply", {"draft": reply["id"]})
    await apis.settled()
    await apis.anna.post(f"{case}/clarify", {"question": {"text": "Auch früher nicht?", "lang": "de"}})
    await apis.settled()
    await apis.katalin.post(f"{case}/reply", {"comment": {"text": "Nem.", "lang": "hu"}})
    await apis.settled()
    closed = await apis.anna.post(f"{case}/close", {})
    assert (closed["state"], closed["owner"]) == ("closed", None)
    await apis.anna.post(f"{case}/rate", {"timeliness": 1, "efforts": 0})
    await apis.settled()
    view = await apis.anna.get(case, lang="fr")
    assert view["questions"][0]["text"]["lang"] == "fr"
    assert view["clarifications"][0]["answered"] == {"text": "Nem.", "lang": "hu"}
    assert [(one["text"] and one["text"]["text"], one["files"]) for one in view["messages"]] == [
        ("Danke!", []),
        (None, ["urkunde.pdf"]),
    ]
    assert {entry["transit"] for entry in view["timeline"]} == {"applied"}
    shown = (view["rating"], view["confidential"], [one["confidential"] for one in view["messages"]])
    assert shown == ({"timeliness": 1, "efforts": 0}, True, [True, False])


async def test_a_national_system_finds_whom_to_ask(apis: Apis):
    """By words with an error and every filter, and by what it knows of the matter, with reasons and a coordinator."""
    dentist = "profession:dental-practitioner"
    narrow = {"country": "HU", "area": AREA, "level": "national", "competence": dentist, "understands": "hu"}
    found = await apis.anna.get("authorities", q="zahnartz", **narrow)
    register = next(one for one in found["items"] if one["authority"] == "HU-okfo")
    assert register["why"][0]["code"] == "competent"
    assert (register["level"], register["answer_days"]) == ("national", None)
    assert (await apis.anna.get("authorities", q="zahnartz", **{**narrow, "level": "local"}))["items"] == []
    matter = {"country": "HU", "area": AREA, "competence": dentist, "place": "Atlantis"}
    proposal = await apis.anna.get("directory/whom", **matter, lang="el")
    assert "HU-okfo" in [one["authority"] for one in proposal["authorities"]]
    assert proposal["wider"]
    assert proposal["authorities"][0]["why"][0]["lang"] == "el"
    assert proposal["coordinators"]
    wrong = await apis.anna.call("GET", "directory/whom", country="HU")
    assert (wrong.status, wrong.json["fields"]) == (422, {"area": "missing"})


async def test_a_request_is_declined_with_a_reason_of_the_list(apis: Apis):
    """A reason that isn't in the list is named as the fault; a right one ends the case."""
    case = f"cases/{await apis.ask()}"
    wrong = await apis.katalin.call("POST", f"{case}/decline", {"reason": "no-mood"})
    assert (wrong.status, wrong.json["fields"]) == (422, {"reason": "not-in-list"})
    codes = [one.code for one in apis.berlin.areas[AREA].lists["decline-reasons"].codes]
    assert (await apis.katalin.post(f"{case}/decline", {"reason": codes[0]}))["state"] == "declined"


async def test_a_request_is_passed_on_inside_the_country(apis: Apis):
    """Who may not get it is named as the fault; who passed it on has a line of it and no case."""
    case = f"cases/{await apis.ask()}"
    why = {"text": "Az orvosi kamara illetékes.", "lang": "hu"}
    wrong = await apis.katalin.call("POST", f"{case}/forward", {"to": "DE-lageso-berlin", "reason": why})
    assert (wrong.status, wrong.json["code"]) == (422, "unknown-authority")
    await apis.katalin.post(f"{case}/forward", {"to": "HU-mok", "reason": why})
    (line,) = (await apis.katalin.post("cases/search", {"passed_on": True}))["items"]
    assert (line["own_authority"], line["holder"], line["due"]) == ("HU-mok", "nobody", None)
    assert (await apis.katalin.call("GET", case)).status == 404
    await apis.settled()
    assert (await apis.anna.get(case))["replying"]["authority"] == "HU-mok"


async def test_questions_are_passed_on_under_the_same_number(apis: Apis):
    """The part is found by its number with a suffix; what may not go is named as the fault."""
    case = f"cases/{await apis.ask()}"
    body = {"to": "HU-mok", "reason": {"text": "Az orvosi kamara illetékes.", "lang": "hu"}}
    everything = {**body, "questions": ["registration-status", "sanctions"]}
    wrong = await apis.katalin.call("POST", f"{case}/split", everything)
    assert (wrong.status, wrong.json["fields"]) == (422, {"questions": "content-malformed"})
    sent = await apis.katalin.post(f"{case}/split", {**body, "questions": ["sanctions"]})
    await apis.settled()
    (line,) = (await apis.anna.post("cases/search", {"number": f"{sent['number']}/1"}))["items"]
    part = await apis.anna.get(f"cases/{line['id']}")
    assert (part["replying"]["authority"], part["part_of"]["number"]) == ("HU-mok", sent["number"])


async def test_a_case_is_given_to_a_person_of_the_authority(apis: Apis):
    """Whom it is given to finds it among one's own; no stranger gets it, and another authority begins with nobody."""
    case = f"cases/{await apis.ask()}"
    known = await apis.katalin.get(f"{case}/handlers")
    (katalin,) = known["items"]
    assert known["handler"] is None
    given = await apis.katalin.post(f"{case}/allocate", {"handler": katalin["id"]})
    assert given["handler"] == katalin
    (line,) = (await apis.katalin.post("cases/search", {"mine": True}))["items"]
    assert (line["handler"], (await apis.katalin.get(case))["handler"]) == (katalin["name"], katalin)
    stranger = await apis.katalin.call("POST", f"{case}/allocate", {"handler": "somebody"})
    assert (stranger.status, stranger.json["fields"]) == (422, {"handler": "unknown-person"})
    assert (await apis.anna.call("POST", f"{case}/allocate", {"handler": katalin["id"]})).status == 422
    node = apis.world["HU"]
    kept = node.store.read_now(lambda q: q.all("SELECT detail FROM audit WHERE action = 'case.allocated'"))
    assert [row["detail"] for row in kept] == [katalin["id"]]
    await apis.katalin.post(f"{case}/forward", {"to": "HU-mok", "reason": {"text": "?", "lang": "hu"}})
    held = node.store.read_now(lambda q: q.one("SELECT handler FROM cases"))
    assert (held["handler"], (await apis.katalin.post("cases/search", {"mine": True}))["items"]) == (None, [])


async def test_a_request_is_withdrawn(apis: Apis):
    """The asking side wishes, the other node grants it by itself before acceptance."""
    case = f"cases/{await apis.ask()}"
    reason = {"comment": {"text": "Antrag zurückgezogen.", "lang": "de"}}
    assert (await apis.anna.post(f"{case}/withdraw", reason))["state"] == "sent"
    await apis.settled()
    assert (await apis.anna.get(case))["state"] == "withdrawn"


async def test_an_authority_is_looked_up_in_the_country_that_is_asked(apis: Apis):
    """Our own authority is none of theirs, also where it is the one that asks."""
    own = request_body()["authority"]
    answer = await apis.anna.call("POST", "requests", request_body(to=own))
    assert (answer.status, answer.json["fields"]) == (422, {"to": "unknown-authority"})


async def test_requests_sent_together_look_the_authorities_up_once(apis: Apis):
    """Seven requests ask the directory as often as one."""
    statements: list[str] = []
    for reader in apis.berlin.store._readers:
        reader.set_trace_callback(statements.append)
    counts = []
    for count in (1, 7):
        statements.clear()
        await apis.anna.post("requests/bulk", {"requests": [request_body()] * count})
        counts.append(sum("FROM authority" in statement for statement in statements))
    assert counts[0] == counts[1] > 0


async def test_requests_are_sent_in_one_call(apis: Apis):
    """A hundred at most; one that isn't complete keeps all from being sent, and is named."""
    wrong = {"requests": [request_body(), request_body(to="HU-nowhere")]}
    answer = await apis.anna.call("POST", "requests/bulk", wrong)
    assert (answer.status, answer.json["fields"]) == (422, {"requests.1.to": "unknown-authority"})
    assert apis.count_cases() == 0
    answer = await apis.anna.call("POST", "requests/bulk", {"requests": [request_body()] * 101})
    assert (answer.status, answer.json["fields"]) == (422, {"requests": "too-long"})
    sent = await apis.anna.post("requests/bulk", {"requests": [request_body()] * 5})
    assert len({one["id"] for one in sent["items"]}) == 5
    await apis.settled()
    assert len((await apis.katalin.post("cases/search", {}))["items"]) == 5


async def test_lists_come_in_pages(apis: Apis):
    """`next` leads through a list without a gap and without repeating an entry, and is null at its end."""
    await apis.anna.post("requests/bulk", {"requests": [request_body()] * 5})
    seen, after = [], ""
    while after is not None:
        page = await apis.anna.post("cases/search", {"limit": 2, "after": after})
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
    assert len(set(seen)) == len(seen) == 5
    answer = await apis.anna.call("POST", "cases/search", {"after": "5"})
    assert (answer.status, answer.json["fields"]) == (422, {"after": "malformed"})
    waiting = (await apis.anna.post("cases/search", {"todo": False, "text": "ungarn", "limit": 200}))["items"]
    assert [one["id"] for one in waiting] == seen
    assert (await apis.anna.post("cases/search", {"todo": True}))["items"] == []
    everyone, where = [], "0"
    while where != "None":
        page = await apis.operator.get("directory/export", limit="5", offset=where)
        everyone += [one["id"] for one in page["items"]]
        where = str(page["next"])
    assert len(set(everyone)) == len(everyone) > 10


async def test_a_question_set_is_read_as_a_form_needs_it(apis: Apis):
    """Every question with its placeholders, list and variables; everything it names is there."""
    areas = await apis.anna.get("areas")
    sets = {area["id"]: [one["id"] for one in area["question_sets"]] for area in areas["items"]}
    assert "establishment" in sets["professional-qualifications"]
    assert set(sets) >= {"services", "posting", "patients-rights", "e-commerce", "gambling", "general"}
    (posting,) = (area for area in areas["items"] if area["id"] == "posting")
    assert posting["working_days"] == {"registers": 2, "information": 25}
    deadline = await apis.anna.get("areas/posting/question-sets/registers/deadline", country="HU")
    assert {name: deadline[name] for name in ("date", "days", "unit")} == {
        "date": "2026-11-25", "days": 2, "unit": "working-days"
    }  # fmt: skip
    for path, status in (
        ("posting/question-sets/x/deadline?country=HU", 404),
        (f"{AREA}/question-sets/establishment/deadline?country=CH", 422),
    ):
        assert (await apis.anna.call("GET", f"areas/{path}")).status == status
    read = await apis.anna.get(f"areas/{AREA}/question-sets/establishment", lang="hu")
    assert "{profession}" in read["questions"][0]["text"]["text"]
    assert read["title"]["lang"] == "hu"
    named = {one["list"] for one in [*read["questions"], *read["variables"]]} - {None}
    assert named == set(read["lists"])
    assert {name for one in read["questions"] for name in one["variables"]} == {v["id"] for v in read["variables"]}
    assert (await apis.anna.call("GET", f"areas/{AREA}/question-sets/other")).status == 404


async def test_a_country_s_list_is_exported_edited_and_imported(apis: Apis):
    """What the export gives the import takes; a misspelt field is named and nothing is published."""
    records = (await apis.operator.get("directory/export"))["items"]
    same = await apis.operator.post("directory/import", records)
    assert (same["changed"], same["unchanged"]) == (0, len(records))
    misspelt = [{**records[0], "titels": {"de": "Amt"}}]
    answer = await apis.operator.call("POST", "directory/import", misspelt)
    assert (answer.status, answer.json["fields"]) == (422, {"0.titels": "unknown-field"})
    deeper = [{**records[0], "contacts": {"fax": "1"}}]
    answer = await apis.operator.call("POST", "directory/import", deeper)
    assert answer.json["fields"] == {"0.contacts.fax": "unknown-field"}
    fewer = await apis.operator.post("directory/import", records[1:], complete="true")
    assert (fewer["ended"], fewer["version"]) == (1, same["version"] + 1)
    one = await apis.anna.get(f"authorities/{records[1]['id']}")
    assert one["name"] == records[1]["name"]


async def test_an_operator_adds_people_and_sees_the_state_of_the_node(apis: Apis):
    """A person comes by link and makes a token; status names peers, what waits for them and what expires."""
    person = {
        "login": "otto",
        "name": "Otto Öztürk",
        "language": "de",
        "roles": ["handler"],
        "authorities": ["DE-zaek-berlin"],
    }
    otto = (await apis.operator.post("people", person))["id"]
    link = await apis.operator.post(f"people/{otto}/link")
    assert link["url"].startswith(f"{apis.berlin.config.web.url}/link/")
    secret = link["url"].rpartition("/")[2]
    apis.tokens["anna"] = (await apis.nobody.post("session", {"link": secret}))["session"]
    apis.tokens["anna"] = (await apis.anna.post("me/tokens", {"label": "register", "days": 30}))["token"]
    assert (await apis.anna.get("me"))["name"] == "Otto Öztürk"
    assert "otto" in [one["login"] for one in (await apis.operator.get("people"))["items"]]
    await apis.operator.post(f"people/{otto}/end")
    assert (await apis.anna.call("GET", "me")).status == 401
    state = await apis.operator.get("status")
    assert [(peer["country"], peer["standing"]) for peer in state["peers"]] == [("HU", "active")]
    assert [document["name"] for document in state["documents"]] == ["root", "targets", "DE"]
    assert {one["country"] for one in state["directories"]} == {"DE", "HU"}


async def test_what_waits_is_counted(apis: Apis):
    """While the other node is down its backlog grows, and the case says that it is on its way."""
    apis.world.net.down.add("HU")
    case = await apis.anna.post("requests", request_body())
    (peer,) = (await apis.operator.get("status"))["peers"]
    assert peer["waiting"] == 1
    assert peer["waiting_since"] is not None
    assert (await apis.anna.get(f"cases/{case['id']}"))["timeline"][0]["transit"] == "on-its-way"


async def test_answers_come_in_the_language_asked_for(apis: Apis):
    """?lang= chooses one of the 26; without it the caller's own language is used."""
    case = f"cases/{await apis.ask()}"
    for lang in ("bg", "el", "hu", "de"):
        assert (await apis.anna.get(case, lang=lang))["state_text"]["lang"] == lang
    assert (await apis.anna.get(case))["state_text"]["lang"] == "de"


async def test_a_draft_is_deleted_with_its_files(apis: Apis):
    """Nothing of a deleted draft can be read or sent."""
    draft = await apis.anna.post("drafts", request_body())
    held = (await apis.anna.upload(f"drafts/{draft['id']}/attachments", PDF)).json
    (sha256,) = held["attachments"]
    left = await apis.anna.call("DELETE", f"drafts/{draft['id']}/attachments/{sha256}")
    assert left.json["attachments"] == []
    assert [one["id"] for one in (await apis.anna.get("drafts"))["items"]] == [draft["id"]]
    assert (await apis.anna.call("DELETE", f"drafts/{draft['id']}")).status == 204
    assert (await apis.anna.call("GET", f"drafts/{draft['id']}")).status == 404
    assert (await apis.anna.call("POST", "requests", {"draft": draft["id"]})).status == 404


async def test_a_reply_needs_no_draft(apis: Apis):
    """A register that knows the answers sends them in one call."""
    case = f"cases/{await apis.ask()}"
    await apis.katalin.post(f"{case}/accept", {})
    assert (await apis.katalin.post(f"{case}/reply", REPLY))["state"] == "replied"
