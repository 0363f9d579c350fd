"""Sample pages of a case and of what is done in it."""

from collections.abc import Mapping
from datetime import date
from types import SimpleNamespace as Thing
from typing import Any

from node.dashboard.confirm import Confirmation
from node.domain.case_view import (
    CasePart,
    Clarification,
    FreeText,
    Rating,
)
from tests.dashboard.samples.values import (
    ANSWERED,
    ATTACHMENTS,
    ATTACK,
    MESSAGES,
    QUESTIONS,
    WRITING,
    at,
    case,
    case_page,
    due,
    en,
    entry,
    frame,
    hu,
    option,
    t,
    wrong,
)


def case_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give the case in its states, the reply form, the confirmations."""
    sent = case(
        "sent",
        "replying",
        "us",
        due=due(2, "asked", "us"),
        actions=("accept", "decline", "agree-date", "propose-date"),
        timeline=(entry(16, "asking", "request.send"),),
        notices=(t("notice.withdraw-asked.them"),),
    )
    refused = entry(
        21,
        "asking",
        "request.clarify",
        transit="refused",
        refusal=t("notice.refused", code="schema"),
        detail=FreeText(text="Bitte Datum prüfen.", lang="de"),
    )
    replied = case(
        "replied",
        "asking",
        "us",
        actions=("clarify", "close"),
        questions=ANSWERED,
        timeline=(
            entry(16, "asking", "request.send"),
            entry(20, "replying", "request.reply"),
            refused,
            entry(23, "asking", "request.clarify", transit="on-its-way"),
        ),
    )
    asked = Clarification(asked=FreeText(text=f"Gilt das auch für Fachzahnärzte? {ATTACK}", lang="de"), asked_at=at(21))
    earlier = Clarification(
        asked=FreeText(text="Is the date right?", lang="en"),
        asked_at=at(19),
        answered=FreeText(text="Igen.", lang="hu"),
        answered_at=at(20),
    )
    clarifying = case(
        "clarifying",
        "replying",
        "us",
        actions=("reply", "message", "forward", "split"),
        messages=MESSAGES,
        parts=(
            CasePart(number="DE-2026-000412/1", case="x", authority=f"Kamara {ATTACK}", state=t("state.sent")),
            CasePart(number="DE-2026-000412/2", case=None, authority="Register", state=None),
        ),
        questions=ANSWERED,
        clarifications=(earlier, asked),
        due=due(-3),
    )
    proposed = case(
        "sent",
        "asking",
        "them",
        due=due(30, "proposed", "us"),
        actions=("agree-date", "propose-date", "withdraw"),
        question_set_here=False,
        notices=(
            t("notice.waiting", country="Hungary", when="20 November 2026, 09:12"),
            t("notice.date-proposed", date="23 December 2026"),
        ),
    )
    wished = case("accepted", "replying", "us", actions=("reply", "agree-date", "propose-date", "withdraw"))
    void = case("refused", "asking", "nobody", due=None, notices=(t("notice.refused", code="not-owner"),))
    declined = case("declined", "asking", "nobody", reason=FreeText(text=f"Nem illetékes. {ATTACK}", lang="hu"))
    answer = {
        **frame("work"),
        "case": case("accepted", "replying", "us", actions=("reply", "reply-part")),
        "saved_at": at(22),
        "version": 3,
        "rows": {"answer.staff": 3},
        "countries": (option("HU", "Hungary"), option("SE", "Sweden")),
        "writing": WRITING,
        "own_lang": "hu",
        "absences": (option("not-known", "Not known"), option("not-available", "Not available")),
        "approval": Thing(state=None, step=None, reason=""),
        "attached": ATTACHMENTS[:1],
        "file_count": 10,
        "file_size": 20 * 1024 * 1024,
        "values": {"answer.profession-regulated": "yes", "answer.remarks": ATTACK, "comment.holder": ATTACK},
        "errors": {
            "answer.holder": wrong("error.choose", QUESTIONS[3].text),
            "answer.issued": wrong("error.date", QUESTIONS[4].text),
        },
    }
    blocked = {
        **frame("work"),
        "case": Thing(
            id="1",
            number=f"DE-2026-000412 {ATTACK}",
            area=en(ATTACK),
            blocked_since=date(2027, 5, 1),
            delete_on=date(2029, 11, 1),
            erased=False,
        ),
        "may_see": True,
        "grounds": (Thing(value="proof", text=t("blocked.ground.proof")), Thing(value="claim", text=en(ATTACK))),
        "values": {"ground": "proof", "reason": ATTACK},
        "errors": {"reason": wrong("error.required", t("blocked.reason"))},
    }
    forward = {
        **frame("work"),
        "case": case("accepted", "replying", "us"),
        "found": (Thing(value="HU-mok", text=hu("Magyar Orvosi Kamara")), Thing(value="HU-x", text=en(ATTACK))),
        "writing": WRITING,
        "own_lang": "hu",
        "act": "forward",
        "items": (),
        "picked": (),
        "values": {"q": ATTACK, "reason": ATTACK},
        "errors": {"to": wrong("error.choose", t("case.forward.to"))},
    }
    pages: dict[str, tuple[str, Mapping[str, Any]]] = {
        "case-sent": ("case.html", case_page(sent)),
        "case-decline-mistake": (
            "case.html",
            case_page(sent, open="decline", errors={"reason": wrong("error.required", t("case.decline.reason"))}),
        ),
        "case-accepted": (
            "case.html",
            case_page(
                case(
                    "accepted",
                    "replying",
                    "us",
                    actions=("reply", "propose-date"),
                    draft_reply={"profession-regulated": "yes"},
                ),
                flash=(Thing(kind="success", text=t("flash.accepted")),),
            ),
        ),
        "case-replied": ("case.html", case_page(replied)),
        "case-clarifying": ("case.html", case_page(clarifying)),
        "case-escalated": (
            "case.html",
            case_page(case("escalated", "replying", "us", due=None, actions=("uphold", "return"), confidential=True)),
        ),
        "case-rated": (
            "case.html",
            case_page(case("closed", "asking", "nobody", due=None, rating=Rating(timeliness=-1, efforts=1))),
        ),
        "case-to-rate": ("case.html", case_page(case("closed", "asking", "nobody", due=None, actions=("rate",)))),
        "case-proposed": ("case.html", case_page(proposed)),
        "case-declined": ("case.html", case_page(declined)),
        "case-wished": ("case.html", case_page(wished)),
        "case-refused": ("case.html", case_page(void)),
        "answer": ("answer.html", answer),
        **{
            f"answer-{state}": (
                "answer.html",
                {**answer, "approval": Thing(state=state, step="request.reply-part", reason=ATTACK)},
            )
            for state in ("needed", "waiting", "returned", "approved")
        },
        **{
            f"approval-reply-{kind}": (
                "approval_reply.html",
                {
                    **frame("approvals"),
                    "base": "/approvals/1",
                    "version": 3,
                    "asked": at(8),
                    "own": kind == "own",
                    "part": kind == "part",
                    "case": case("accepted", "replying", "us", questions=ANSWERED, clarifications=(asked,)),
                    "comment": FreeText(text=ATTACK, lang="hu"),
                    "attachments": ATTACHMENTS[:1],
                    "confidential": kind == "own",
                    "values": {"reason": ATTACK},
                    "errors": {"reason": wrong("error.required", t("approvals.reason"))} if kind == "part" else {},
                },
            )
            for kind in ("own", "part")
        },
        "case-approving": (
            "case.html",
            case_page(
                case("accepted", "replying", "us", actions=("reply",), notices=(t("notice.reply-waiting"),)),
                approving=True,
            ),
        ),
        "forward": ("forward.html", forward),
        "blocked": ("blocked.html", blocked),
        "blocked-erased": (
            "blocked.html",
            {**blocked, "case": Thing(**{**vars(blocked["case"]), "erased": True}), "errors": {}},
        ),
        "split": (
            "forward.html",
            {
                **forward,
                "act": "split",
                "items": (option("a", ATTACK), option("b", "Another question")),
                "picked": ("a",),
                "errors": {"item": wrong("error.split", t("case.split.questions"))},
            },
        ),
        "forward-none": ("forward.html", {**forward, "found": (), "errors": {}}),
    }
    for kind in ("decline", "close", "withdraw", "grant", "delete-draft", "end-access", "delete-file"):
        declining = {
            "fields": {"reason": ATTACK},
            "told": en(f"Not competent {ATTACK}"),
            "quote": FreeText(text=ATTACK, lang="hu"),
        }
        question = Confirmation(
            kind,
            f"DE-2026-000412 {ATTACK}",
            "/cases/1",
            label=t("confirm.delete-draft.button") if kind == "delete-file" else None,
            **(declining if kind == "decline" else {}),
        )
        pages[f"confirm-{kind}"] = (
            "confirm.html",
            {**frame("work"), "question": question, "action": f"/cases/1/{kind}"},
        )
    return pages
