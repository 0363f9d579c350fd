"""Claims of persons and what is recorded beside a case's data, by API: the data administrator's, and nobody else's."""

from tests.api.conftest import Apis

CLAIM = {
    "authority": "DE-zaek-berlin",
    "wants": ["access"],
    "received": "2026-11-20",
    "person": "Eszter Kovács",
    "reach": "Teststraße 1",
    "asked": "Was haben Sie?",
}


async def test_a_claim_is_recorded_answered_and_deleted(apis: Apis):
    """Recorded, found, copied with a reason, ended, deleted; each step answers what the file is now."""
    made = await apis.ada.post("subjects", CLAIM)
    at = f"subjects/{made['id']}"
    (line,) = (await apis.ada.get("subjects"))["items"]
    assert (line["number"], line["due"], line["state"]) == (made["number"], "2026-12-20", "open")
    case = await apis.ask()
    (found,) = [one for one in (await apis.ada.get(f"{at}/search", country="HU"))["items"] if one["id"] == case]
    assert (found["linked"], found["blocked"]) == (False, False)
    assert [one["id"] for one in (await apis.ada.post(f"{at}/cases", {"case": case}))["items"]] == [case]
    copy = await apis.ada.post(f"{at}/copy", {"reason": "Auskunft"})
    assert [one["id"] for one in copy["cases"]] == [case]
    assert "Kovács" in str(copy["cases"][0]["variables"])
    noted = await apis.ada.post(f"{at}/notes", {"words": "Rückfrage gestellt"})
    assert [one["what"] for one in noted["entries"]] == ["opened", "export", "note"]
    wrong = await apis.ada.call("POST", f"{at}/extend", {"until": "2027-12-20", "told_on": "2026-11-23", "words": "x"})
    assert (wrong.code, list(wrong.json["fields"])) == ("invalid", ["until"])
    longer = await apis.ada.post(f"{at}/extend", {"until": "2027-01-20", "told_on": "2026-11-23", "words": "viele"})
    assert (longer["state"], longer["due"]) == ("extended", "2027-01-20")
    assert (await apis.ada.call("DELETE", at)).code == "wrong-state"
    ended = await apis.ada.post(f"{at}/end", {"outcome": "answered", "on": "2026-11-23", "words": "Kopie geschickt"})
    assert (ended["state"], ended["kept_until"]) == ("answered", "2029-11-23")
    assert (await apis.ada.call("DELETE", at)).status == 204
    assert (await apis.ada.call("GET", at)).code == "not-found"


async def test_an_official_neither_reads_claims_nor_corrects_data(apis: Apis):
    """A handler is told which role it takes."""
    for path in ("subjects", "contests"):
        assert (await apis.anna.call("GET", path)).code == "forbidden"
    assert (await apis.anna.call("POST", "subjects", CLAIM)).code == "forbidden"


async def test_what_is_contested_crosses_to_the_other_side(apis: Apis):
    """Contested at the one side, withdrawn again; the case shows both, and the other side's words aren't ours to mend."""
    case = await apis.ask()
    at, text = f"cases/{case}/corrections", {"text": "Falsch.", "lang": "de"}
    (sent, *_) = (await apis.ada.get(at))["statements"]
    said = {"event": sent["event"], "ground": "accuracy", "text": text}
    await apis.ada.post(f"{at}/contest", said)
    await apis.settled()
    (waiting,) = [one for one in (await apis.ada.get("contests"))["items"] if one["case"] == case]
    assert waiting["ours"]
    (shown,) = (await apis.anna.get(f"cases/{case}"))["corrections"]
    assert (shown["state"], shown["open"]) == ("contested", True)
    await apis.ada.post(f"{at}/withdraw", {"contest": shown["id"]})
    await apis.settled()
    (shown,) = (await apis.anna.get(f"cases/{case}"))["corrections"]
    assert (shown["state"], [one["kind"] for one in shown["entries"]]) == (
        "withdrawn",
        ["correction.contest", "correction.withdraw"],
    )
    assert (await apis.ada.call("POST", f"{at}/withdraw", {"contest": shown["id"]})).code == "wrong-state"
