"""Sample pages of a new request, step by step."""

from collections.abc import Mapping
from types import SimpleNamespace as Thing
from typing import Any

from node.domain.case_view import (
    FreeText,
)
from tests.dashboard.samples.values import (
    ATTACHMENTS,
    ATTACK,
    BERLIN,
    BUDAPEST,
    PERIOD,
    QUESTIONS,
    TAKES,
    VARIABLES,
    WRITING,
    at,
    due,
    en,
    frame,
    hu,
    option,
    t,
    wrong,
)


def ask_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give a new request, step by step."""
    step = {
        **frame("ask"),
        "base": "/ask/1",
        "saved_at": at(22),
        "version": 3,
        "authority": BUDAPEST,
        "set_title": en("Permanent establishment"),
    }
    areas = (
        Thing(
            title=en("Professional qualifications"),
            pilot=False,
            pilot_of="",
            sets=(
                option("pq/establishment", "Permanent establishment"),
                option("pq/general", "General questions"),
            ),
        ),
        Thing(
            title=hu("Szolgáltatások"),
            pilot=True,
            pilot_of=ATTACK,
            sets=(option("services/general", f"Services {ATTACK}"),),
        ),
    )
    start = {
        **step,
        "draft": "1",
        "own": (option("a", BERLIN.name), option("b", "Bezirksamt")),
        "areas": areas,
    }
    picks = tuple(
        Thing(question=q, follow_ups=QUESTIONS[1:3] if q.id == "profession-regulated" else ())
        for q in QUESTIONS
        if q.depth == 0
    )
    groups = (
        Thing(title=en("The profession"), picks=picks[:1]),
        Thing(title=en("The professional"), picks=picks[1:]),
    )
    plain: dict[str, Any] = {"takes": None, "rows": 0}
    fields = (
        Thing(id="person", label=en("Professional"), type="person", personal=True, options=(), hint=None, **plain),
        Thing(
            id="profession",
            label=en("Profession"),
            type="code",
            personal=False,
            options=(option("dentist", "Dental practitioner"),),
            hint=en("The profession in the list that comes closest."),
            **plain,
        ),
        Thing(id="title", label=en("Title"), type="text", personal=False, options=(), hint=en(ATTACK), **plain),
        Thing(id="since", label=en("In practice since"), type="date", personal=True, options=(), hint=None, **plain),
        Thing(id="staff", label=en(ATTACK), type="table", personal=True, options=(), hint=en("x"), takes=TAKES, rows=3),
    )
    details = {
        **step,
        "fields": fields,
        "countries": (option("HU", "Hungary"), option("SE", "Sweden")),
        "questions": tuple(q for q in QUESTIONS if q.depth == 0),
        "writing": WRITING,
        "own_lang": "de",
        "usual": PERIOD,
        "attached": ATTACHMENTS,
        "file_count": 10,
        "file_size": 20 * 1024 * 1024,
        "values": {
            "variable.title": ATTACK,
            "comment.remarks": ATTACK,
            "variable.profession": "dentist",
            "variable.staff/0/name": ATTACK,
            "variable.staff/0/from": "SE",
        },
        "errors": {
            "variable.staff/1/name": wrong("error.required", en(ATTACK)),
            "variable.person.given_names": wrong("error.required", t("ask.person.given")),
            "due": wrong("error.date-early", t("ask.due"), date="1 December 2026"),
        },
    }
    check = {
        **step,
        "asking": BERLIN,
        "replying": BUDAPEST,
        "area": en("Professional qualifications"),
        "due": due(21, "asked", "them"),
        "variables": VARIABLES,
        "questions": QUESTIONS,
        "comment": FreeText(text=ATTACK, lang="de"),
        "attachments": ATTACHMENTS[:1],
        "confidential": True,
        "approval": Thing(state=None, reason=""),
    }
    return {
        "ask-start": ("ask_start.html", {**start, "errors": {"set": wrong("error.choose", t("case.set"))}}),
        "ask-start-empty": (
            "ask_start.html",
            {**start, "authority": None, "areas": (), "errors": {"authority": wrong("error.authority-ended")}},
        ),
        "ask-start-none": ("ask_start.html", {**start, "areas": ()}),
        "ask-questions": (
            "ask_questions.html",
            {
                **step,
                "groups": groups,
                "picked": frozenset({"holder"}),
                "errors": {"item": wrong("error.choose-question")},
            },
        ),
        "ask-details": ("ask_details.html", details),
        "ask-check": ("ask_check.html", check),
        **{
            f"ask-check-{state}": ("ask_check.html", {**check, "approval": Thing(state=state, reason=ATTACK)})
            for state in ("needed", "waiting", "returned", "approved")
        },
        "approval": (
            "approval.html",
            {
                **check,
                **frame("approvals"),
                "base": "/approvals/1",
                "asked": at(8),
                "own": False,
                "values": {"reason": ATTACK},
                "errors": {"reason": wrong("error.required", t("approvals.reason"))},
            },
        ),
    }
