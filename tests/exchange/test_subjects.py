"""A person claims its rights: the file, its period, what is found and given, and how the file itself goes."""

import datetime as dt
import json
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.access import Actor, granted
from node.domain.subject import MAX_ENTRIES, Contents, FileEntry
from node.errors import NodeError
from node.service import (
    audit_trail,
    blocking,
    corrections,
    drafts,
    erasure,
    subject_cases,
    subject_export,
    subject_retention,
    subjects,
    upkeep,
)
from node.service.node import Node
from node.service.subjects import FileView, NewFile
from node.store import subjects as stored
from tests.exchange.closed import OTTO, ZSOFIA, closed
from tests.exchange.pair import world
from tests.exchange.test_corrections import WRONG, said
from tests.exchange.test_mail_days import at
from tests.exchange.test_mails import NAME, telling
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, MIRIAM, PDF, ask

OTHER = Actor("id-ilse", "Ilse", "de", granted(["data-administrator"], ["DE-lageso-berlin"]))
AUDITOR = Actor("id-udo", "Udo", "de", granted(["auditor"], ["DE-zaek-berlin"]))
TODAY = dt.date(2026, 11, 23)


def claim(**changes: object) -> NewFile:
    """Return a claim as it was received."""
    given = {
        "authority": "DE-zaek-berlin",
        "wants": ("access", "correction"),
        "received": TODAY,
        "person": "Eszter Kovács",
        "reach": "Per Post an Teststraße 1",
        "asked": "Was haben Sie über mich gespeichert?",
    }
    return NewFile(**(given | changes))  # type: ignore[arg-type]


def in_the_clear(node: Node, *words: str) -> list[str]:
    """Return which files of a node hold some words unencrypted."""
    files = [path for path in node.config.data.rglob("*") if path.is_file()]
    return [path.name for path in files if any(word.encode() in path.read_bytes() for word in words)]


async def _two_of_a_number(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        node, cases = both["DE"], sorted([await ask(both), await ask(both)])
        await both.settled()
        number = stored_case(node, cases[0]).number
        await node.store.write(lambda tx: tx.run("UPDATE cases SET number = :n", {"n": number}))
        file = await subjects.open_file(node, OTTO, claim())
        for one in cases:
            await subject_cases.link(node, OTTO, file.id, one)
        made = await subject_export.copy(node, OTTO, file.id, "Auskunft", "de")
        attached = await subject_export.attached(node, made)
        assert sorted(attached.files) == [f"{number}_{one[:8]}/1-oklevel.pdf" for one in cases]
        assert list(attached.files.values()) == [PDF, PDF]
        assert attached.folders == {one: f"{number}_{one[:8]}" for one in cases}


def test_two_cases_of_one_number_keep_their_files_apart(tmp_path: Path) -> None:
    """After a loss two requests may have one number: neither takes the place of the other in the copy."""
    run(_two_of_a_number(tmp_path))


def did(file: FileView) -> list[str]:
    """Return what was done in a file."""
    return [entry.what for entry in file.entries]


async def _story(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id, node = world_.both, world_.case_id, world_.both["DE"]
        await world_.later(190)
        await world_.run("DE")  # blocked
        today = node.clock.now().date()
        file = await subjects.open_file(node, OTTO, claim(received=today - dt.timedelta(days=24)))
        assert (file.number, file.due) == (f"{today.year}-0001", today + dt.timedelta(days=6))
        (line,) = subjects.listing(node, OTTO).items
        assert (line.person, line.days_left, line.cases) == ("Eszter Kovács", 6, 0)
        assert subjects.count_due(node, OTTO) == 1
        found = subject_cases.search(node, OTTO, file.id, {"country": "HU"}, "de")
        assert sorted((one.blocked, one.linked) for one in found) == [(False, False), (True, False)]
        await subject_cases.link(node, OTTO, file.id, case_id)
        (linked,) = subject_cases.linked(node, OTTO, file.id, "de")
        assert (linked.id, linked.blocked) == (case_id, True)
        await corrections.contest(node, OTTO, case_id, said(both, "DE", case_id, "request.reply"), "accuracy", WRONG)
        await both.settled()
        with pytest.raises(NodeError, match="invalid"):
            await subject_export.copy(node, OTTO, file.id, " ", "de")
        made = await subject_export.copy(node, OTTO, file.id, "Auskunft", "de")
        words = json.dumps(made.model_dump(mode="json"), ensure_ascii=False)
        assert all(word in words for word in ("Eszter", "Kovács", "1991", "2015 óta", WRONG.text, "Bestritten"))
        attached = await subject_export.attached(node, made)
        assert list(attached.files.values()) == [PDF]
        (sight,) = blocking.seen_by(node, OTTO)[0]
        assert (sight.ground, sight.reason) == ("claim", "Auskunft")
        with pytest.raises(NodeError, match="case-blocked"):
            blocking.require_sight(
                node, OTTO, node.store.read_now(lambda q: stored.linked(q, file.id))[0], "cases.read"
            )
        await subjects.end(node, OTTO, file.id, "answered", today, "Kopie per Einschreiben geschickt")
        ended = subjects.read(node, OTTO, file.id)
        assert (ended.state, ended.days_left) == ("answered", None)
        assert did(ended) == ["opened", "contest", "export", "answered"]
        assert {entry.by for entry in ended.entries} == {"Otto"}
        for refused in (
            subjects.note(node, OTTO, file.id, "noch etwas"),
            subject_cases.unlink(node, OTTO, file.id, case_id),
            subjects.end(node, OTTO, file.id, "refused", today, "nein"),
        ):
            with pytest.raises(NodeError, match="wrong-state"):
                await refused
        trail = await audit_trail.trail(node, AUDITOR, None, 100)
        told = [entry.action for entry in trail if entry.subject == file.id]
        assert told == [f"subject.{one}" for one in ("answered", "export", "contest", "link", "open")]
        assert in_the_clear(node, "Kovács", "Teststraße", "gespeichert", "Einschreiben") == []


def test_a_claim_is_recorded_answered_and_can_be_proved(tmp_path: Path) -> None:
    """Found in a blocked case, contested there, copied with a reason, answered in time; nothing of it in the clear."""
    run(_story(tmp_path))


async def _rights(folder: Path) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        file = await subjects.open_file(node, OTTO, claim())
        with pytest.raises(NodeError, match="forbidden"):
            subjects.listing(node, ANNA)
        with pytest.raises(NodeError, match="not-found"):
            await subjects.open_file(node, OTHER, claim())
        assert subjects.listing(node, OTHER).items == ()
        service = Actor("id-s", "S", "de", granted(["data-administrator"], ["DE-zaek-berlin"]), service=True)
        for who in (OTHER, ANNA, MIRIAM, service):
            for refused in (
                lambda who=who: subjects.read(node, who, file.id),
                lambda who=who: subject_cases.search(node, who, file.id, {}, "de"),
                lambda who=who: subject_cases.linked(node, who, file.id, "de"),
            ):
                with pytest.raises(NodeError, match=r"forbidden|not-found"):
                    refused()
            with pytest.raises(NodeError, match=r"forbidden|not-found"):
                await subject_export.copy(node, who, file.id, "x", "de")
        theirs = await subjects.open_file(node, OTHER, claim(authority="DE-lageso-berlin"))
        with pytest.raises(NodeError, match="not-found"):
            await subject_cases.link(node, OTHER, theirs.id, case_id)
        for changes, field in (
            ({"wants": ()}, "wants"),
            ({"wants": ("money",)}, "wants"),
            ({"received": node.clock.now().date() + dt.timedelta(days=1)}, "received"),
            ({"received": None}, "received"),
            ({"person": " "}, "person"),
            ({"asked": "x" * 9000}, "asked"),
        ):
            with pytest.raises(NodeError) as found:
                await subjects.open_file(node, OTTO, claim(**changes))
            assert list(found.value.fields) == [field]


def test_a_file_is_its_authoritys_data_administrators_alone(tmp_path: Path) -> None:
    """No official, no other authority and no program reads it; what isn't complete is told by field."""
    run(_rights(tmp_path))


async def _extended(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["DE"]
        day = node.clock.now().date()
        file = await subjects.open_file(node, OTTO, claim(received=day - dt.timedelta(days=29)))
        assert file.due == day + dt.timedelta(days=1)
        for until, told_on, field in (
            (file.due + dt.timedelta(days=70), day, "until"),
            (file.due, day, "until"),
            (file.due + dt.timedelta(days=40), day + dt.timedelta(days=1), "told_on"),
            (file.due + dt.timedelta(days=40), file.received - dt.timedelta(days=1), "told_on"),
            (file.due + dt.timedelta(days=40), None, "told_on"),
        ):
            with pytest.raises(NodeError) as found:
                await subjects.extend(node, OTTO, file.id, until, told_on, "viele Anträge")
            assert list(found.value.fields) == [field]
        longer = await subjects.extend(node, OTTO, file.id, file.due + dt.timedelta(days=40), day, "viele Anträge")
        assert (longer.state, longer.due, longer.told_on) == ("extended", file.due + dt.timedelta(days=40), day)
        with pytest.raises(NodeError, match="wrong-state"):
            await subjects.extend(node, OTTO, file.id, longer.due + dt.timedelta(days=1), day, "noch mehr")
        later = await subjects.open_file(node, OTTO, claim(received=day))
        earlier = await subjects.open_file(node, OTTO, claim(received=day - dt.timedelta(days=40)))
        order = [one.id for one in subjects.listing(node, OTTO).items]
        assert order == [earlier.id, later.id, file.id]
        assert [one.days_left for one in subjects.listing(node, OTTO).items] == [-10, 30, 41]


def test_a_period_is_extended_once_and_what_is_due_first_stands_first(tmp_path: Path) -> None:
    """By two months at most, told within the first period; what is overdue leads the list."""
    run(_extended(tmp_path))


async def _gone(folder: Path) -> None:
    async with closed(folder) as world_:
        both, node, case_id = world_.both, world_.both["DE"], world_.case_id
        file = await subjects.open_file(node, OTTO, claim(wants=("deletion",)))
        await subject_cases.link(node, OTTO, file.id, case_id)
        with pytest.raises(NodeError, match="wrong-state"):
            await subject_retention.delete(node, OTTO, file.id)
        await erasure.order(node, OTTO, case_id, "unlawful")
        await both.settled()
        await erasure.look(both["HU"])
        await both.settled()
        (left,) = subject_cases.linked(node, OTTO, file.id, "de")
        assert left.erased
        made = await subject_export.copy(node, OTTO, file.id, "Auskunft", "de")
        assert (made.cases, [one.code for one in made.left_out]) == ((), ["case-erased"])
        day = node.clock.now().date()
        await subjects.end(node, OTTO, file.id, "answered", day, "gelöscht")
        assert await upkeep.sweep_keys(node) == 0
        both.clock.offset += dt.timedelta(days=2)
        assert await upkeep.sweep_keys(node) == 0, "the file's key is needed"
        await world_.later(3 * 365 - 10)
        assert await subject_retention.forget_old(node) == 0
        await world_.later(20)
        second = await subjects.open_file(node, OTTO, claim(received=node.clock.now().date()))
        assert await subject_retention.forget_old(node) == 1
        for gone in (file.id,):
            with pytest.raises(NodeError, match="not-found"):
                subjects.read(node, OTTO, gone)
            with pytest.raises(NodeError, match="not-found"):
                node.case_keys.find(gone)
        await subjects.end(node, OTTO, second.id, "withdrawn", second.received, "")
        row = node.store.read_now(lambda q: stored.find(q, second.id))
        assert row is not None
        await subject_retention.delete(node, OTTO, second.id)
        assert subjects.listing(node, OTTO, ended=True).items == ()
        again = dict(row)  # as a restored older disk brings it back, without its key
        await node.store.write(
            lambda tx: tx.run(
                f"INSERT INTO subject_file ({', '.join(again)}) VALUES ({', '.join(':' + name for name in again)})",
                again,
            )
        )
        assert await subject_retention.forget_old(node) == 1
        assert node.store.read_now(stored.ids) == frozenset()
        await erasure.finish(node)
        await erasure.finish(both["HU"])


def test_a_file_goes_three_years_after_its_end_and_stays_gone(tmp_path: Path) -> None:
    """Its key is destroyed with it; before its end it can't be deleted, and an old disk brings nothing back."""
    run(_gone(tmp_path))


async def _without_key(folder: Path) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        lost, whole = [await subjects.open_file(node, OTTO, claim()) for _ in range(2)]
        for file in (lost, whole):
            await subject_cases.link(node, OTTO, file.id, case_id)
        await node.case_keys.erase_made_before([lost.id], node.clock.now() + dt.timedelta(days=1))
        shown = {one.id: (one.person, one.readable) for one in subjects.listing(node, OTTO).items}
        assert shown == {lost.id: ("", False), whole.id: ("Eszter Kovács", True)}
        assert subjects.read(node, OTTO, lost.id).readable is False
        event = said(world_.both, "DE", case_id, "request.reply")
        await corrections.contest(node, OTTO, case_id, event, "accuracy", WRONG)
        assert did(subjects.read(node, OTTO, whole.id)) == ["opened", "contest"]
        with pytest.raises(NodeError, match="not-found"):
            await subjects.note(node, OTTO, lost.id, "nichts wird überschrieben")
        await subject_retention.delete(node, OTTO, lost.id)
        assert [one.id for one in subjects.listing(node, OTTO).items] == [whole.id]


def test_a_file_whose_key_is_lost_stops_no_other_file(tmp_path: Path) -> None:
    """As after a restore of older keys: the list shows it as unreadable, a contest is recorded once, and it can go."""
    run(_without_key(tmp_path))


async def _full(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        patch.setattr(subjects, "MAX_ENTRIES", 2)
        file = await subjects.open_file(node, OTTO, claim())
        await subject_cases.link(node, OTTO, file.id, case_id)
        await subjects.note(node, OTTO, file.id, "angerufen")
        with pytest.raises(NodeError, match="too-many"):
            await subjects.note(node, OTTO, file.id, "noch einmal")
        event = said(world_.both, "DE", case_id, "request.reply")
        await corrections.contest(node, OTTO, case_id, event, "accuracy", WRONG)
        await subjects.end(node, OTTO, file.id, "answered", node.clock.now().date(), "bestritten")
        assert did(subjects.read(node, OTTO, file.id)) == ["opened", "note", "contest", "answered"]


def test_a_file_full_of_notes_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notes are limited: else it would be due for ever, and a contest would be told as failed that was sent."""
    run(_full(tmp_path, monkeypatch))


def test_a_file_with_many_entries_is_opened_again() -> None:
    """However much was done in it: what was sealed can be read."""
    entry = FileEntry(at=dt.datetime(2026, 11, 23, tzinfo=dt.UTC), by="Otto", what="contest")
    kept = Contents(person="E", reach="r", asked="a", entries=(entry,) * (MAX_ENTRIES + 3))
    assert Contents.model_validate_json(kept.model_dump_json()) == kept


async def _after_its_end(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["DE"]
        file = await subjects.open_file(node, OTTO, claim())
        await subject_cases.link(node, OTTO, file.id, world_.case_id)
        await subjects.end(node, OTTO, file.id, "withdrawn", node.clock.now().date(), "")
        with pytest.raises(NodeError, match="wrong-state"):
            await subject_export.copy(node, OTTO, file.id, "Neugier", "de")
        assert blocking.seen_by(node, OTTO)[0] == []
        await subject_retention.delete(node, OTTO, file.id)
        trail = await audit_trail.trail(node, AUDITOR, None, 100)
        told = [entry.action for entry in trail if entry.subject == file.id]
        assert told == [f"subject.{one}" for one in ("delete", "withdrawn", "link", "open")]
        nobody = Actor("id-x", "X", "de", granted(["auditor"], ["DE-lageso-berlin"]))
        assert [one for one in await audit_trail.trail(node, nobody, None, 100) if one.subject == file.id] == []


def test_a_claim_that_has_ended_opens_no_case_and_its_traces_stay_for_the_auditor(tmp_path: Path) -> None:
    """Who looks into cases needs a claim that runs; deleting its file hides from no auditor what was done in it."""
    run(_after_its_end(tmp_path))


async def _named_like_a_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        hungary = both["HU"]
        file = await subjects.open_file(hungary, ZSOFIA, claim(authority="HU-okfo"))
        patch.setattr(drafts, "new_uuid", lambda _entropy: file.id)
        case_id = await ask(both)
        assert case_id == file.id
        assert stored_case(both["DE"], case_id).state == "refused"
        await subject_retention.forget_old(hungary)
        assert subjects.read(hungary, ZSOFIA, file.id).person == "Eszter Kovács"


def test_no_peer_names_a_case_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have their keys in one list: an order for such a case would destroy the file."""
    run(_named_like_a_file(tmp_path, monkeypatch))


async def test_data_administrators_are_told_by_mail_of_what_is_due(tmp_path: Path) -> None:
    """A week and a day before, and once it is overdue; each once, with a link and without person or contents."""
    async with telling(tmp_path) as told:
        zsofia = await told.reader("zsofia", role="data-administrator")
        await told.reader("katalin")
        await told.crash()
        node = told.node
        new = claim(authority="HU-okfo", received=node.clock.now().date(), person=NAME, asked=f"{NAME} kéri")
        file = await subjects.open_file(node, zsofia, new)
        for before in (8, 7, 6, 1, 0, -1, -2):
            await at(told, file.due - dt.timedelta(days=before))
        mails = told.server.taken[2:]
        told_when = [(mail["To"].split("@")[0], str(mail["Subject"]).split(" · ")[0]) for mail in mails]
        near, passed = "Közeleg egy érintett kérelmének határideje", "Egy érintett kérelmének határideje lejárt"
        assert told_when == [("zsofia", f"Entente: {near}")] * 2 + [("zsofia", f"Entente: {passed}")]
        for mail in mails:
            assert f"/subjects/{file.id}" in mail.get_content()
            assert NAME not in mail.as_string() + mail.get_content()
        await subjects.end(node, zsofia, file.id, "withdrawn", node.clock.now().date(), "")


async def test_a_contest_is_told_to_the_data_administrator_of_the_other_side(tmp_path: Path) -> None:
    """Who has to examine it learns that there is one, and of which country; the officials get no mail of it."""
    async with telling(tmp_path) as told:
        await told.reader("zsofia", role="data-administrator")
        await told.reader("katalin")
        case_id = await told.ask()
        await told.server.count(3)
        event = said(told.world, "DE", case_id, "request.send")
        await corrections.contest(told.world["DE"], OTTO, case_id, event, "lawfulness", WRONG)
        await told.world.settled()
        mail = (await told.server.count(4))[-1]
        assert mail["To"].startswith("zsofia@")
        assert mail["Subject"].startswith("Entente: Adatok vitatva · Németország")
        assert f"/cases/{case_id}/corrections" in mail.get_content()
        assert "1990" not in mail.get_content()
