"""Sample pages of persons' claims, contests and corrections."""

from collections.abc import Mapping
from datetime import date
from types import SimpleNamespace as Thing
from typing import Any

from node.dashboard.page import Around
from node.dashboard.protection import ground_id
from node.dashboard.subjects import DID
from node.domain.case_view import (
    Correction,
    CorrectionEntry,
    FreeText,
)
from node.domain.subject import WANTS
from protocol.erasure import GROUNDS as ERASE_GROUNDS
from tests.dashboard.samples.values import (
    ATTACK,
    BERLIN,
    WRITING,
    at,
    case,
    case_page,
    en,
    frame,
    option,
    t,
    wrong,
)

CONTESTED = Correction(
    id="0b6d0f2e-6c1f-4a57-9d0c-1f6a3f0c9b12",
    event="x",
    about=t("event.request.reply"),
    about_at=at(8),
    about_side="replying",
    ground=t("correction.ground.accuracy"),
    state="corrected",
    state_text=t("correction.state.corrected"),
    open=False,
    entries=tuple(
        CorrectionEntry(
            kind=kind,
            text=t(f"event.{kind}"),
            at=at(8),
            side="asking",
            authority=ATTACK,
            person=ATTACK,
            said=FreeText(text=ATTACK, lang="hu"),
            transit=transit,
            refusal=refusal,
        )
        for kind, transit, refusal in (
            ("correction.contest", "applied", None),
            ("correction.correct", "refused", en(ATTACK)),
        )
    ),
)


def subject_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give the pages about persons who claim their rights."""
    line = {
        "id": "1",
        "number": "2026-0001",
        "authority": BERLIN.authority,
        "person": ATTACK,
        "wants": ("access", "objection"),
        "received": date(2026, 11, 2),
        "due": date(2026, 12, 2),
        "cases": 2,
        "ended_on": None,
        "readable": True,
    }
    open_files = tuple(
        Thing(**line, state=state, days_left=left)
        for state, left in (("open", -3), ("open", 0), ("open", 5), ("extended", 40))
    )
    ended = tuple(
        Thing(**{**line, "ended_on": date(2026, 11, 20)}, state=state, days_left=None)
        for state in ("answered", "refused", "withdrawn")
    )
    offices = {BERLIN.authority: BERLIN.name, "DE-other": f"Landesamt {ATTACK}"}
    contests = tuple(
        Thing(case="1", number="DE-2026-000412", area=en(ATTACK), country_name="Hungary", ours=ours)
        for ours in (True, False)
    )
    new = {
        **frame("subjects"),
        "authorities": (option("1", ATTACK), option("2", "Another one")),
        "wants": tuple(Thing(value=want, text=t(f"subjects.want.{want}")) for want in WANTS),
        "chosen": ("access",),
        "once": "x",
        "values": {"person": ATTACK, "reach": ATTACK, "asked": ATTACK},
        "errors": {name: wrong("error.required", t("subjects.wants")) for name in ("wants", "received", "person")},
    }
    file = {
        **line,
        "state": "open",
        "days_left": 5,
        "told_on": None,
        "kept_until": None,
        "reach": ATTACK,
        "asked": ATTACK,
        "entries": tuple(Thing(at=at(8), by=ATTACK, what=what, words=ATTACK) for what in DID),
    }
    cases = tuple(
        Thing(
            id=str(place),
            number="DE-2026-000412",
            area=en(ATTACK),
            country_name="Hungary",
            state_text=en("Closed"),
            since=date(2026, 1, 2),
            blocked=blocked,
            erased=erased,
            linked=linked,
        )
        for place, (blocked, erased, linked) in enumerate(
            ((False, False, True), (True, False, True), (True, True, True), (True, False, False))
        )
    )
    subject = {
        **frame("subjects"),
        "file": Thing(**file),
        "cases": cases[:3],
        "found": cases,
        "did": DID,
        "countries": (option("HU", "Hungary"),),
        "areas": (option("pq", ATTACK),),
        "outcomes": (option("answered", "Replied"), option("refused", ATTACK)),
        "values": {"number": ATTACK, "note": ATTACK, "copy_reason": ATTACK, "end_words": ATTACK},
        "errors": {"end_on": wrong("error.date", t("subjects.ended-on"))},
        "open": "end",
    }
    over = {**file, "state": "answered", "days_left": None, "told_on": date(2026, 11, 3)}
    over |= {"ended_on": date(2026, 11, 20), "kept_until": date(2029, 11, 20)}
    shown = Thing(
        id="1",
        number=f"DE-2026-000412 {ATTACK}",
        area=en(ATTACK),
        state_text=en("Closed"),
        country_name="Hungary",
        blocked=True,
        corrections=(CONTESTED,),
    )
    corrections = {
        **frame("subjects"),
        "case": shown,
        "statements": (option("x", ATTACK),),
        "own": (option("x", ATTACK),),
        "waiting": (option("y", ATTACK),),
        "made": (option("z", ATTACK),),
        "grounds": tuple(Thing(value=one, text=t(f"correction.ground.{one}")) for one in ("accuracy", "lawfulness")),
        "erase_grounds": tuple(Thing(value=one, text=t(ground_id(one))) for one in ERASE_GROUNDS),
        "may_erase": True,
        "once": "x",
        "writing": WRITING,
        "own_lang": "de",
        "values": {"contest_text": ATTACK},
        "errors": {"contest_event": wrong("error.choose", t("corrections.about"))},
        "open": "contest",
    }
    nothing = Thing(**{**vars(shown), "blocked": False, "corrections": ()})
    less = {"case": nothing, "own": (), "waiting": (), "made": (), "may_erase": False, "errors": {}, "open": ""}
    copied = Thing(
        file="2026-0001",
        made_at=at(9),
        cases=(case("closed", "asking", "nobody", due=None, corrections=(CONTESTED,)),),
        left_out=(Thing(number="DE-2025-000001", code="case-erased"), Thing(number="DE-2025-000002", code=ATTACK)),
    )
    return {
        "subjects": (
            "subjects.html",
            {
                **frame("subjects"),
                "files": open_files,
                "ended": ended,
                "contests": contests,
                "names": offices,
                "around_open": Around("/subjects#open", "/subjects?open=1#open"),
                "around_ended": Around(None, "/subjects?ended=1#ended"),
            },
        ),
        "subjects-none": (
            "subjects.html",
            {
                **frame("subjects"),
                "files": (),
                "ended": (),
                "contests": (),
                "names": {},
                "around_open": Around(None, None),
                "around_ended": Around(None, None),
            },
        ),
        "subject-new": ("subject_new.html", new),
        "subject": ("subject.html", subject),
        "subject-ended": (
            "subject.html",
            {**subject, "file": Thing(**over), "cases": cases[:1], "found": None, "errors": {}, "open": ""},
        ),
        "subject-unreadable": (
            "subject.html",
            {
                **subject,
                "file": Thing(**{**over, "person": "", "readable": False}),
                "found": None,
                "errors": {},
                "open": "",
            },
        ),
        "subject-none": ("subject.html", {**subject, "cases": (), "found": (), "errors": {}, "open": ""}),
        "corrections": ("corrections.html", corrections),
        "corrections-none": ("corrections.html", {**corrections, **less}),
        "subject-copy": (
            "subject_copy.html",
            {
                **frame("subjects"),
                "copy": copied,
                "name": ATTACK,
                "folders": {one.id: one.number for one in copied.cases},
                "missing": (ATTACK,),
            },
        ),
        "case-contested": (
            "case.html",
            case_page(case("closed", "asking", "nobody", due=None, corrections=(CONTESTED,))),
        ),
    }
