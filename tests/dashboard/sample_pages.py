"""Every page of the dashboard with sample data: long names, markup, quotes, two languages.

`python -m tests.dashboard.sample_pages FOLDER` writes them as files, to be looked at in a browser.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from node.dashboard.confirm import Confirmation
from node.dashboard.page import Around
from node.dashboard.peers import PeerLine
from node.dashboard.protection import ground_id
from node.dashboard.subjects import DID
from node.dashboard.work import Section
from node.domain.case_view import (
    Answer,
    Attachment,
    CasePart,
    CaseSummary,
    CaseView,
    Choice,
    Clarification,
    Column,
    Columns,
    Correction,
    CorrectionEntry,
    Due,
    FreeText,
    Message,
    Party,
    Period,
    Question,
    Rating,
    ReadCell,
    Table,
    Text,
    TimelineEntry,
    Variable,
)
from node.domain.indicators import Course, indicators, tally
from node.domain.subject import WANTS
from node.service.countries import CountryState, State
from node.service.freshness import Standing
from node.service.observe import PeerStatus
from node.service.statistics import Line, Statistics
from node.service.urgency import UrgentCase
from protocol.countries import COUNTRIES
from protocol.erasure import GROUNDS as ERASE_GROUNDS
from translations.catalogue import Catalogue
from translations.languages import country_name

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "node" / "dashboard"
ATTACK = "<script>alert('x')</script> \"quoted\" & <b>bold</b>"
LANGUAGES = (
    "bg български|cs čeština|da dansk|de Deutsch|el Ελληνικά|en English|es español|et eesti|fi suomi|"
    "fr français|ga Gaeilge|hr hrvatski|hu magyar|is íslenska|it italiano|lt lietuvių|lv latviešu|mt Malti|"
    "nb norsk bokmål|nl Nederlands|pl polski|pt português|ro română|sk slovenčina|sl slovenščina|sv svenska"
)
WRITING = tuple(
    Thing(value=code, text=Text(text=name, lang=code))
    for code, _, name in (entry.partition(" ") for entry in LANGUAGES.split("|"))
)
CATALOGUE = Catalogue(ROOT / "translations" / "interface" / "po")


def t(text_id: str, **values: object) -> Text:
    """Give a text of the interface in English; an unknown id is an error."""
    return en(CATALOGUE.text(text_id, "en", **values).text)


def tn(text_id: str, n: int, /, **values: object) -> Text:
    """Give the same with a number, in the right plural form."""
    return en(CATALOGUE.plural(text_id, n, "en", **values).text)


def environment() -> Environment:
    """Set up templates as the dashboard does: escaping on, undefined names are errors."""
    loader = FileSystemLoader(DASHBOARD / "templates")
    env = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    names = {"en": "English", "hu": "Hungarian", "de": "German"}
    env.globals.update(
        t=t,
        tn=tn,
        day=lambda value: f"{value.day} {value:%B %Y}",
        moment=lambda value: f"{value.day} {value:%B %Y, %H:%M}",
        size=lambda value: f"{value / 1024:.0f} KB",
        language_name=names.__getitem__,
    )
    return env


def en(text: str) -> Text:
    """Give an English text."""
    return Text(text=text, lang="en")


def hu(text: str) -> Text:
    """Give a Hungarian text: not translated, so it carries the mark on an English page."""
    return Text(text=text, lang="hu")


def at(day: int, hour: int = 9) -> datetime:
    """Give an hour of a day in November 2026."""
    return datetime(2026, 11, day, hour, 12, tzinfo=UTC)


def wrong(text_id: str, label: Text | None = None, **values: object) -> Thing:
    """Give a mistake in a form's field."""
    return Thing(text=t(text_id, **values), label=label)


BERLIN = Party(
    side="asking",
    country="DE",
    country_name="Germany",
    authority="de-lageso",
    name="Landesamt für Gesundheit und Soziales Berlin, Referat für akademische Heilberufe",
    title=en("Recognition of health professions in Berlin"),
)
BUDAPEST = Party(
    side="replying",
    country="HU",
    country_name="Hungary",
    authority="hu-enkk",
    name="Országos Kórházi Főigazgatóság – Egészségügyi Nyilvántartási Osztály",
    title=hu("Egészségügyi szakképesítések nyilvántartása"),
)
YES_NO = (
    Choice(code="yes", label=en("Yes")),
    Choice(code="no", label=en("No")),
    Choice(code="not-known", label=en("Not known")),
)


def question(item: str, depth: int, text: str, kind: str = "choice", **more: Any) -> Question:
    """Give a question that is neither required nor personal unless it says so."""
    values = {"required": False, "personal": False, "choices": YES_NO if kind == "choice" else (), **more}
    return Question(id=item, depth=depth, text=en(text), type=kind, **values)


TAKES = Columns(
    columns=(
        Column(id="name", text=en(ATTACK), type="name", required=True, personal=True),
        Column(id="from", text=hu("Ország"), type="country", required=False, personal=False),
        Column(
            id="as",
            text=en("As"),
            type="code",
            required=False,
            personal=False,
            choices=(Choice(code="a", label=en(ATTACK)),),
        ),
        Column(id="since", text=en("Since"), type="date", required=False, personal=False),
    ),
    rows=20,
)
STAFF = Table(
    columns=TAKES.columns,
    rows=(
        {"name": ReadCell(text=ATTACK, lang="en"), "from": ReadCell(text="Sweden", lang="en", code="SE")},
        {"name": ReadCell(text="Kovács Zsófia", lang="hu")},
    ),
)
QUESTIONS = (
    question(
        "profession-regulated",
        0,
        "Is this profession regulated on your territory? Profession: Dental practitioner",
        required=True,
    ),
    question(
        "activities",
        1,
        "Which professional activities does it cover?",
        "text",
        enable_when=("profession-regulated", ("yes",)),
        comment=FreeText(text="Wir brauchen vor allem die Angaben zur Kieferorthopädie.\nDanke!", lang="de"),
    ),
    question(
        "reserved",
        2,
        "Are these activities reserved for the holders of the professional title?",
        enable_when=("profession-regulated", ("yes", "not-known")),
    ),
    question(
        "holder",
        0,
        "Is this person the rightful holder of the attached document? Person: Zsófia Kovács-Nagy",
        required=True,
        personal=True,
    ),
    question("issued", 0, "When was the attached document issued?", "date"),
    question("country", 0, "In which country was the training completed?", "country"),
    question("remarks", 0, f"Anything else? {ATTACK}", "text"),
    question("staff", 0, "Who was employed there?", "table", takes=TAKES),
)
ANSWERS = {
    "profession-regulated": Answer(code="yes", label=en("Yes")),
    "activities": Answer(free=FreeText(text="A fogászat minden ága, a szájsebészet kivételével.", lang="hu")),
    "holder": Answer(
        code="yes",
        label=en("Yes"),
        comment=FreeText(text=f"A nyilvántartás szerint igen. {ATTACK}", lang="hu"),
    ),
    "issued": Answer(code="2019-07-02", label=en("2 July 2019")),
    "remarks": Answer(free=FreeText(text="No.", lang="en")),
    "staff": Answer(table=STAFF),
}
ANSWERED = tuple(q.model_copy(update={"answer": ANSWERS.get(q.id)}) for q in QUESTIONS)
VARIABLES = (
    Variable(id="person", label=en("Professional"), value="Zsófia Kovács-Nagy, 14 March 1988", personal=True),
    Variable(id="profession", label=en("Profession"), value="Dental practitioner", personal=False),
    Variable(id="title", label=en("Title of the document"), value="fogorvosi oklevél", lang="hu", personal=False),
    Variable(id="workers", label=en(ATTACK), value="…", personal=True, table=STAFF),
)
ATTACHMENTS = (
    Attachment(
        sha256="a" * 64,
        name="oklevél-másolat_Semmelweis-Egyetem_2012.pdf",
        media_type="application/pdf",
        size=482_113,
        side="asking",
        here=True,
    ),
    Attachment(
        sha256="b" * 64,
        name=f"{ATTACK}.pdf",
        media_type="application/pdf",
        size=9_482_113,
        side="replying",
        here=False,
    ),
)


def due(days: int, state: str = "agreed", holder: str = "nobody") -> Due:
    """Give a deadline so many days from the sample's today, 23 November 2026."""
    return Due(
        date=date.fromordinal(date(2026, 11, 23).toordinal() + days),
        state=state,
        days_left=days,
        holder=holder,
    )


def entry(day: int, side: str, kind: str, **more: Any) -> TimelineEntry:
    """Give a line of the history."""
    party = BERLIN if side == "asking" else BUDAPEST
    person = "Anna Weber" if side == "asking" else "Szabó István"
    values = {"transit": "applied", "person": person, "text": t(f"event.{kind}"), **more}
    return TimelineEntry(at=at(day), side=side, authority=party.name, kind=kind, **values)


MESSAGES = (
    Message(
        at=at(19),
        side="asking",
        authority=BERLIN.name,
        person="Anna Weber",
        text=FreeText(text=f"Anbei die Urkunde. {ATTACK}", lang="de"),
        files=("urkunde.pdf", ATTACK),
        transit="applied",
        confidential=True,
    ),
    Message(at=at(20), side="replying", authority="X", person=None, text=None, files=("a.pdf",), transit="on-its-way"),
)


PERIOD = Period(
    date=date(2026, 11, 6),
    since=date(2026, 10, 22),
    days=10,
    unit="working-days",
    country="HU",
    country_name="Hungary",
    holidays=(date(2026, 10, 23),),
)


def case(state: str, role: str, holder: str, **more: Any) -> CaseView:
    """Give the sample case as one side sees it in a state."""
    history = (
        entry(16, "asking", "request.send"),
        entry(17, "replying", "notice.opened", person=None),
        entry(18, "replying", "request.accept"),
    )
    values: dict[str, Any] = {
        "due": due(12),
        "legal": PERIOD if holder != "nobody" else None,
        "questions": QUESTIONS,
        "reason": None,
        "clarifications": (),
        "messages": (),
        "parts": (),
        "part_of": None,
        "handler": None,
        "notices": (),
        "actions": (),
        "timeline": history,
        "confidential": role == "replying",
        **more,
    }
    return CaseView(
        id="0b6d0f2e-6c1f-4a57-9d0c-1f6a3f0c9b11",
        number="DE-2026-000412",
        role=role,
        state=state,
        state_text=t(f"state.{state}"),
        holder=holder,
        holder_text=t(f"holder.{holder}"),
        asking=BERLIN,
        replying=BUDAPEST,
        area=en("Professional qualifications"),
        area_id="pq",
        question_set=en("Permanent establishment"),
        question_set_id="establishment",
        question_set_here=values.pop("question_set_here", True),
        variables=VARIABLES,
        comment=FreeText(text=f"Vielen Dank für Ihre Hilfe. {ATTACK}", lang="de"),
        attachments=ATTACHMENTS,
        waiting_since=None,
        **values,
    )


def summary(number: str, state: str, holder: str, left: int | None, **more: Any) -> CaseSummary:
    """Give a line of the work list."""
    values: dict[str, Any] = {"role": "replying", "on_its_way": False, "unread": False, **more}
    return CaseSummary(
        id=f"id-{number}",
        number=number,
        state=state,
        state_text=t(f"state.{state}"),
        holder=holder,
        counterpart=BERLIN if values["role"] == "replying" else BUDAPEST,
        own_authority=f"Bezirksamt Mitte {ATTACK}" if values["unread"] else BERLIN.name,
        area=en("Professional qualifications"),
        question_set=en("Permanent establishment"),
        due=values.pop("due", None if left is None else due(left)),
        legal=None if left is None else PERIOD,
        updated_at=at(20),
        **values,
    )


def urgent(*late: int) -> dict[str, Any]:
    """Give the list of urgent cases, so many days late each."""
    line = UrgentCase(
        number="DE-2026-000412",
        role="replying",
        area=en("Professional qualifications"),
        asking="DE",
        asking_name="Germany",
        replying="HU",
        replying_name=ATTACK,
        authority="HU-okfo",
        authority_name=f"Kamara {ATTACK}",
        state="sent",
        state_text=t("state.sent"),
        sent=date(2026, 11, 2),
        due=date(2026, 12, 14),
        due_state="asked",
        legal=date(2026, 12, 30),
        days_late=0,
        marks=("unaccepted", "idle"),
    )
    cases = tuple(line.model_copy(update={"days_late": days}) for days in late)
    return {"cases": cases, "first_href": None, "more_href": "/urgent?after=x" if late else None}


def frame(section: str, user: str | None = "Anna Weber") -> dict[str, Any]:
    """Give what frame.html needs."""
    links = tuple(Thing(code=o.value, name=o.text.text, href=f"/language/{o.value}") for o in WRITING)
    offices = {BERLIN.authority: BERLIN.name, "DE-other": f"Landesamt {ATTACK}"}
    menu = (
        ("people", "peers", "queue", "node") if section in ("people", "peers", "queue", "node") else ("ask", "drafts")
    )
    menu = ("subjects", "people") if section == "subjects" else menu
    person = (
        None if user is None else Thing(name=user, authorities=offices, sections=("work", "find", *menu, "profile"))
    )
    return {
        "lang": "en",
        "static": "/static",
        "country": "Germany",
        "languages": links,
        "demo": True,
        "user": person,
        "section": section,
        "todo": "999+" if user else "",
        "claims_due": 2 if user else 0,
        "flash": (),
        "csrf": "f00d",
        "values": {},
        "errors": {},
    }


def option(value: str, text: str) -> Thing:
    """Give an entry of a selection list."""
    return Thing(value=value, text=en(text))


REASONS = (option("not-competent", "Not competent"), option("other", f"Another reason {ATTACK}"))


def case_page(view: CaseView, **more: Any) -> Mapping[str, Any]:
    """Give the context of case.html."""
    return {
        **frame("work"),
        "case": view,
        "writing": WRITING,
        "own_lang": "de",
        "open": "",
        "once": "x",
        "handlers": (option("1", ATTACK), option("2", "Anna Weber")),
        "file_count": 20,
        "file_size": 20 * 1024 * 1024,
        "reasons": REASONS,
        "approving": None,
        **more,
    }


def sign_in_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give the pages of signing in, and the error pages."""
    out = frame("", None)
    missing = {
        "title": t("fault.not-found.title"),
        "what": t("fault.not-found.text"),
        "next_step": t("fault.not-found.next"),
    }
    failed = {"title": t("fault.title"), "what": en(ATTACK), "next_step": t("fault.internal.next")}
    return {
        "signin": ("signin.html", {**out, "kept": "", "flash": (Thing(kind="success", text=t("flash.signed-out")),)}),
        "signin-wrong": (
            "signin.html",
            {**out, "kept": ATTACK, "values": {"name": ATTACK}, "errors": {"name": wrong("error.sign-in")}},
        ),
        "signin-kept": ("signin.html", {**out, "kept": "x" * 43}),
        "resume": (
            "resume.html",
            {**frame("work"), "action": "/cases/1/reply", "fields": {ATTACK: [ATTACK, "b"]}, "files": True},
        ),
        "signin-link": ("signin_link.html", {**out, "link": "x" * 43}),
        "signin-link-used": ("signin_link.html", {**out, "link": None}),
        "password": (
            "password.html",
            {**out, "name": "anna.weber", "minimum": 12, "errors": {"repeat": wrong("error.password-differ")}},
        ),
        "error": ("error.html", {**frame("work"), **failed, "code": "internal"}),
        "not-found": ("error.html", {**frame(""), **missing, "code": "not-found"}),
    }


def list_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give work list, search, drafts, profile."""
    roles = (option("asking", "Requesting authority"), option("replying", "Replying authority"))
    states = tuple(option(s, t(f"state.{s}").text) for s in ("sent", "accepted", "replied"))
    work = {
        **frame("work"),
        "roles": roles,
        "whose": (option("mine", "Only my cases"),),
        "states": states,
        "filtered": False,
        "sections": dict.fromkeys(("todo", "waiting", "finished", "passed-on"), Section(())),
    }
    full = {
        "todo": Section(
            (
                summary("DE-2026-000412", "sent", "us", -1, unread=True),
                summary("HU-2026-000077", "replied", "us", 0, role="asking"),
                summary("DE-2026-000399", "clarifying", "us", 2),
                summary("HU-2026-000080", "sent", "them", 9, role="asking", due=due(9, "proposed", "us")),
            ),
            more_href="/work?todo=x#todo",
        ),
        "waiting": Section((summary("HU-2026-000081", "sent", "them", 21, role="asking", on_its_way=True),)),
        "passed-on": Section((summary("DE-2026-000009", "accepted", "nobody", None, passed_on=f"Kamara {ATTACK}"),)),
        "finished": Section(
            (
                summary("DE-2026-000201", "closed", "nobody", None),
                summary("HU-2026-000012", "refused", "nobody", None, role="asking", given_up=True),
                summary("DE-2026-000170", "declined", "nobody", None),
                summary("HU-2026-000011", "withdrawn", "nobody", None, role="asking"),
            ),
            first_href="/work#finished",
            more_href="/work?finished=x#finished",
        ),
    }
    search = {
        **frame("find"),
        "countries": (option("HU", "Hungary"), option("SE", "Sweden")),
        "areas": (option("pq", "Professional qualifications"),),
        "draft": "",
        "new": "",
        "stale": (),
        "newer_href": None,
        "more_href": None,
        "total": 0,
        "capped": False,
        "filtered": False,
        "levels": (option("national", "National"), option("local", "Local")),
        "competences": (option("profession:midwife", "Midwife"),),
        "understood": (option("hu", "Hungarian"),),
        "whom_href": "/find/whom?draft=&new=&country=&area=",
    }
    hit = Thing(
        authority="hu-enkk",
        country="HU",
        country_name="Hungary",
        name=BUDAPEST.name,
        title=BUDAPEST.title,
        place="Budapest",
        areas=(en("Professional qualifications"), en("Services")),
        level_name=t("level.national"),
        answer_days=4,
        why=(t("why.competent", what="Dental practitioner", where="Hungary"), t("why.title", match="egészségügyi")),
        name_lang="hu",
        askable=True,
    )
    odd = Thing(
        **{
            **hit.__dict__,
            "name": ATTACK,
            "title": None,
            "place": "",
            "name_lang": "en",
            "why": (),
            "answer_days": None,
        }
    )
    stale = (t("find.stale", country="Hungary", when="20 November 2026, 09:12"),)
    found = {
        **search,
        "values": {"q": f"fogorvos {ATTACK}", "country": "HU"},
        "results": (hit, odd),
        "total": 42,
        "capped": True,
        "filtered": True,
        "stale": stale,
    }
    asked = {
        **search,
        "values": {"country": "HU", "area": "pq", "place": ATTACK},
        "again_href": "/find/whom?draft=&new=1",
        "step": "",
        "proposal": Thing(authorities=(hit, odd), coordinators=(hit,), wider=True),
    }
    drafts = (
        Thing(
            kind="request",
            name=BUDAPEST.name,
            country_name="Hungary",
            authority=BUDAPEST.name,
            set_title=en("Permanent establishment"),
            saved_at=at(22),
            href="/ask/1",
            delete_href="/ask/1/delete",
            standing=t("approvals.waiting"),
        ),
        Thing(
            kind="request",
            name="2",
            country_name=None,
            authority=None,
            set_title=None,
            saved_at=at(21),
            href="/ask/2",
            delete_href="/ask/2/delete",
            standing=None,
        ),
        Thing(
            kind="reply",
            name=ATTACK,
            country_name="Germany",
            authority=ATTACK,
            set_title=en("General questions"),
            saved_at=at(20),
            href="/cases/1/reply",
            delete_href="/cases/1/reply/delete",
            standing=None,
        ),
    )
    token = {"id": "A" * 43, "created_at": at(8), "expires_at": at(9)}
    ways_in = {
        "tokens": (Thing(label=ATTACK, used_on=at(9).date(), **token), Thing(label="Excel", used_on=None, **token)),
        "made": Thing(token="entente_" + "x" * 43, until=at(24)),
        "days": (option("90", "1 March 2027"),),
        "default_days": "90",
        "links": (Thing(at=at(9), by=None), Thing(at=at(8), by=ATTACK), Thing(at=at(7), by="")),
    }
    profile = {
        **frame("profile"),
        "name": "Anna Weber",
        "authorities": (Thing(name=BERLIN.name, roles=(en("Request handler"), hu("Ügyintéző"))),),
        "choices": WRITING,
        "minimum": 12,
        "sessions": 2,
        "errors": {"current": wrong("error.password-wrong")},
        **ways_in,
    }
    mail = Thing(
        on=True,
        waits=True,
        refused="",
        hows=(option("once", "At once"), option("daily", "Daily summary"), option("never", "Never")),
        topics=(
            Thing(id="new", text=en("New request"), chosen=True),
            Thing(id="dates", text=hu("Határidők"), chosen=False),
        ),
    )
    profile |= {"mail": mail, "feed": None, "calendar": ""}
    profile["values"] = {"mail_address": ATTACK, "mail_how": "daily"}
    refused = {
        "mail": Thing(**{**vars(mail), "refused": "550 5.1.1"}),
        "feed": Thing(created_at=at(8), used_on=at(9).date()),
        "calendar": "https://node.example/calendar/" + "x" * 43 + ".ics",
        "errors": {"mail_address": wrong("error.malformed", t("authority.field.email"))},
    }
    people = {
        **frame("people"),
        "people": (
            Thing(
                id="1",
                service=False,
                login="anna.weber",
                name="Anna Weber",
                authorities=(BERLIN.name,),
                roles=(t("people.role.handler"), t("people.role.data-administrator")),
            ),
            Thing(id="2", service=True, login="x", name=ATTACK, authorities=(ATTACK,), roles=()),
        ),
        "link": Thing(address="https://node.example/sign-in/link/" + "x" * 43, name=ATTACK, until=at(24)),
        "authorities": (option("de-lageso", BERLIN.name),),
        "roles": (option("handler", "Request handler"),),
        "choices": WRITING,
        "errors": {"name": wrong("error.required", t("profile.name"))},
    }
    protection = {
        **frame("protection"),
        "may_order": True,
        "grounds": (Thing(value="consent", text=t("blocked.ground.consent")), Thing(value="court", text=en(ATTACK))),
        "orders": (
            Thing(number=ATTACK, area=en(ATTACK), ground=en(ATTACK), by="us", at=at(8), here=at(9), there=at(10)),
            Thing(
                number="DE-2026-000413", area=en("Services"), ground=None, by="them", at=at(8), here=None, there=None
            ),
        ),
        "sights": (
            Thing(number=ATTACK, person=ATTACK, ground=en(ATTACK), reason=ATTACK, at=at(8)),
            Thing(number="DE-2026-000413", person="Anna", ground=en("Proof"), reason=None, at=at(8)),
        ),
        "meant": (),
        "around_orders": ("/protection#orders", "/protection?orders=1#orders"),
        "around_sights": (None, None),
        "values": {"number": ATTACK, "ground": "consent"},
        "errors": {"number": wrong("protection.unknown", t("protection.number"))},
    }
    several = {
        "meant": (option("1", ATTACK), option("2", "Hungary")),
        "errors": {"case": wrong("protection.several", t("protection.which"))},
    }
    return {
        "people": ("people.html", people),
        "observed": (
            "observed.html",
            {
                **frame("observed"),
                "cases": (
                    Thing(
                        number="DE-2026-000412",
                        area=en("Services"),
                        authority_name=ATTACK,
                        role="asking",
                        country_name="Hungary",
                        state="sent",
                        state_text=en("Sent"),
                        sent_at=at(8),
                        due=at(8).date(),
                        updated_at=at(9),
                    ),
                ),
                "first_href": "/observed",
                "more_href": "/observed?after=x",
            },
        ),
        "observed-none": ("observed.html", {**frame("observed"), "cases": ()}),
        "approvals": (
            "approvals.html",
            {
                **frame("approvals"),
                "waiting": tuple(
                    Thing(
                        href=f"/approvals/{kind}",
                        kind=kind,
                        number=number,
                        authority=ATTACK,
                        area=en("Services"),
                        asked=at(8),
                        due=at(9).date() if number else None,
                    )
                    for kind, number in (("request", None), ("reply", "DE-2026-000412"))
                ),
                "around": (None, "/approvals?after=1"),
            },
        ),
        "audit": (
            "audit.html",
            {
                **frame("audit"),
                "entries": tuple(
                    Thing(
                        number=n,
                        at=at(8),
                        actor="id-" + "x" * 32,
                        action=what,
                        subject="y" * 36,
                        detail=ATTACK,
                        unnamed=what == "request.forward",
                    )
                    for n, what in ((2, "role.grant"), (1, "request.forward"))
                ),
                "rights": tuple(
                    Thing(
                        person="z" * 36,
                        authority="a",
                        role="handler",
                        area=area,
                        since=at(7) if area else None,
                        by="operator" if area else "",
                        until=at(8) if area else None,
                        ended_by="id" if area else "",
                    )
                    for area in ("services", "")
                ),
                "names": {"a": ATTACK, "b": "B"},
                "roles": {"handler": t("people.role.handler")},
                "areas": {"services": en("Services"), "": en("")},
                "values": {"kind": "case", "first": "2026-11-01"},
                "kinds": (option("case", "Cases"),),
                "authorities": (option("a", ATTACK), option("b", "B")),
                "newer_href": "/audit?",
                "more_href": "/audit?before=1",
                "table_href": "/audit.csv?",
            },
        ),
        "audit-none": (
            "audit.html",
            {
                **frame("audit"),
                **dict.fromkeys(("entries", "rights", "kinds", "authorities"), ()),
                "names": {},
                "roles": {},
                "areas": {},
                "newer_href": None,
                "more_href": None,
                "table_href": "/x",
            },
        ),
        "approvals-none": ("approvals.html", {**frame("approvals"), "waiting": (), "around": ("/approvals", None)}),
        "protection": ("protection.html", protection),
        "protection-several": ("protection.html", {**protection, **several}),
        "protection-none": (
            "protection.html",
            {**protection, "may_order": False, "orders": (), "sights": (), "errors": {}},
        ),
        "approval-switches": (
            "approval_switches.html",
            {
                **frame("people"),
                "switches": tuple(
                    Thing(
                        authority="1",
                        authority_name=ATTACK,
                        area=area,
                        area_text=en(area.upper()),
                        side=side,
                        kind=kind,
                        on=on,
                        fixed=fixed,
                    )
                    for area, on, fixed in (("a", True, False), ("b", False, False), ("c", True, True))
                    for side, kind in (("asking", "request"), ("replying", "reply"))
                ),
            },
        ),
        "people-roles": (
            "people_roles.html",
            {
                **frame("people"),
                "person": Thing(id="1", name=ATTACK, login="x"),
                "held": (
                    Thing(
                        authority="de-lageso",
                        authority_name=ATTACK,
                        role="handler",
                        role_text=t("people.role.handler"),
                        area="services",
                        area_text=en("Services"),
                        granted=at(8),
                    ),
                    Thing(
                        authority="",
                        authority_name="",
                        role="operator",
                        role_text=None,
                        area="",
                        area_text=None,
                        granted=at(8),
                    ),
                ),
                "authorities": people["authorities"],
                "roles": people["roles"],
                "areas": (option("services", "Services"),),
                "errors": {"area": wrong("people.area.whole", t("authority.field.areas"))},
            },
        ),
        "people-tokens": (
            "people_tokens.html",
            {**frame("people"), "person": Thing(id="1", name=ATTACK, login="x"), "tokens": ways_in["tokens"]},
        ),
        "work": ("work.html", {**work, "sections": full}),
        "work-empty": ("work.html", work),
        "work-no-match": ("work.html", {**work, "filtered": True, "values": {"text": ATTACK}}),
        "find": ("find.html", {**search, "results": None}),
        "find-results": ("find.html", {**found, "more_href": "/find?q=fogorvos&page=2"}),
        "find-none": ("find.html", {**search, "results": (), "draft": "1"}),
        "countries": ("countries.html", countries()),
        "statistics": ("statistics.html", statistics(found=True)),
        "statistics-wrong": ("statistics.html", statistics(found=False)),
        "whom-country": ("whom.html", {**asked, "values": {"country": "", "area": ""}, "step": "country"}),
        "whom-place": ("whom.html", {**asked, "step": "place", "draft": "1"}),
        "whom-proposal": ("whom.html", asked),
        "whom-nobody": ("whom.html", {**asked, "proposal": Thing(authorities=(), coordinators=(), wider=True)}),
        "drafts": (
            "drafts.html",
            {**frame("drafts"), "drafts": drafts, "around": ("/drafts", "/drafts?after=1")},
        ),
        "urgent": ("urgent.html", {**frame("urgent"), **urgent(12, 0, -3)}),
        "urgent-none": ("urgent.html", {**frame("urgent"), **urgent()}),
        "drafts-empty": ("drafts.html", {**frame("drafts"), "drafts": (), "around": (None, None)}),
        "profile": ("profile.html", profile),
        "profile-mail-refused": ("profile.html", {**profile, **refused}),
        "profile-without-mail": ("profile.html", {**profile, "mail": Thing(on=False)}),
        "mail-confirm": ("mail_confirm.html", {**frame("profile"), "address": ATTACK, "token": "x" * 43}),
        "mail-confirm-over": ("mail_confirm.html", {**frame("profile"), "address": None, "token": ""}),
    }


def peer_status(country: str, queue: str, **more: Any) -> PeerStatus:
    """Give the state of a peer."""
    return PeerStatus(
        **{
            "country": country,
            "standing": "active",
            "blocked": False,
            "reached_at": at(20),
            "failed_since": None,
            "failure": None,
            "called_at": at(21),
            "last_receipt_at": at(20),
            "last_message_at": None,
            "clock_offset_s": -2.0,
            "waiting": 0,
            "waiting_since": None,
            "queue": queue,
            "held_since": None,
            "attempts": 0,
            "next_try_at": None,
            **more,
        }
    )


def operator_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give the operator's pages: the other nodes, their queues, this node."""
    failing = {"failed_since": at(19), "failure": ATTACK, "attempts": 12, "next_try_at": at(22), "reached_at": None}
    waits = {"waiting": 3, "waiting_since": at(19)}
    lines = (
        PeerLine(peer_status("HU", "retrying", **failing, **waits), "Hungary", "+3600 s"),
        PeerLine(
            peer_status("SE", "blocked", blocked=True, standing="suspended", called_at=None),
            "Sweden",
            "",
            t("peers.suspended", when="1 Dec", countries=f"Austria {ATTACK}"),
        ),
        PeerLine(peer_status("AT", "held", held_since=at(18), **waits), f"Austria {ATTACK}", "+0 s"),
        PeerLine(peer_status("FI", "empty"), "Finland", "+0 s"),
    )
    detail = Thing(
        status=lines[0].status,
        directory=Thing(version=7, confirmed_at=at(19)),
        compared=True,
        compared_at=at(18),
        losses=(
            Thing(found_at=at(16), finished_at=None, messages=3, refused=ATTACK),
            Thing(found_at=at(17), finished_at=None, messages=0, refused=None),
        ),
    )
    quiet = Thing(status=lines[3].status, directory=None, compared=False, compared_at=None, losses=())
    messages = (
        Thing(number="DE-2026-000412", kind=t("event.request.send"), since=at(19), sealed=True),
        Thing(number="DE-2026-000413", kind=t("event.request.send"), since=at(20), sealed=False),
    )
    found = Thing(name="peer", message=f"HU {ATTACK}", mend="entente peer unblock HU")
    kept = (("Hungary", Thing(code="fork", at=at(3))), (ATTACK, Thing(code="schema", at=at(4))))
    endings = (Thing(name="record of DE", until=at(28), days_left=7), Thing(name="root", until=at(1), days_left=-20))
    shared = {"line": lines[0], "actions": ("retry", "hold", "block")}
    queue = {**frame("queue"), **shared, "newer_href": None, "more_href": "/queue/HU?from=50"}
    node = {**frame("node"), "command": "entente doctor", "endings": endings, "proofs": kept, "refusals": kept}
    empty = {"findings": {"fail": (), "warn": (), "ok": ()}, "endings": (), "proofs": (), "refusals": ()}
    block = Confirmation("block", f"Hungary {ATTACK}", "/peers/HU", label=t("peers.block"), final=False)
    give_up = Confirmation("give-up", "DE-2026-000412", "/queue/HU", {"number": ATTACK}, label=t("queue.give-up"))
    return {
        "peers": (
            "peers.html",
            {**frame("peers"), "peers": lines, "own": t("peers.suspended", when="1 Dec", countries="Austria")},
        ),
        "peers-none": ("peers.html", {**frame("peers"), "peers": (), "own": None}),
        "peer": (
            "peer.html",
            {**frame("peers"), **shared, "peer": detail, "epochs": ((Thing(epoch=2, at=at(20)), "Hungary"),)},
        ),
        "peer-quiet": ("peer.html", {**frame("peers"), "line": lines[3], "actions": (), "peer": quiet, "epochs": ()}),
        "queues": ("queues.html", {**frame("queue"), "peers": lines[:3]}),
        "queues-empty": ("queues.html", {**frame("queue"), "peers": ()}),
        "queue": ("queue.html", {**queue, "messages": messages, "unsealed": Thing(count=1)}),
        "queue-empty": ("queue.html", {**queue, "messages": (), "unsealed": Thing(count=0)}),
        "node": ("node.html", {**node, "findings": {"fail": (found,), "warn": (found,), "ok": (found,)}}),
        "node-quiet": ("node.html", {**node, **empty}),
        "confirm-block": ("confirm.html", {**frame("peers"), "question": block, "action": "/peers/HU/block"}),
        "confirm-give-up": ("confirm.html", {**frame("queue"), "question": give_up, "action": "/queue/HU/give-up"}),
    }


def countries() -> dict[str, Any]:
    """Give the countries, one in each state, the others taking no part."""
    states: dict[str, State] = dict.fromkeys(COUNTRIES, "absent")
    states |= dict(zip(("DE", "HU", "AT", "FR", "PL", "CY"), get_args(State), strict=False))
    known = ("own", "ready", "silent", "blocked", "suspended")
    logs = {
        country: Standing(grade=grade, witnesses=n, needed=10, frozen=frozen)
        for n, (country, grade, frozen) in enumerate(
            (("DE", "fresh", None), ("HU", "stale", None), ("AT", "known-only", None), ("PL", "fresh", ATTACK))
        )
    }
    found = tuple(
        CountryState(
            country=country,
            name=country_name(country, "en"),
            state=state,
            authorities=2303 if state in known else 0,
            version=12 if state in known else None,
            confirmed_at=at(22) if state in known else None,
            log=logs.get(country) if state in known else None,
        )
        for country, state in states.items()
    )
    return {**frame("find"), "found": found, "states": states}


def statistics(*, found: bool) -> dict[str, Any]:
    """Give the statistics by authority, or what a wrong month leads to."""
    courses = (
        Course(sent=at(1), accepted=at(2), answered=at(21), due=at(22).date(), ended=True),
        Course(sent=at(1), accepted=at(9), answered=None, due=at(22).date(), ended=False),
    )
    measured = indicators(tally(courses, at(24)))
    lines = (
        Line(key="de-lageso", label=Text(text=f"{BERLIN.name} {ATTACK}", lang="en"), indicators=measured),
        Line(key="de-other", label=Text(text="Other", lang="en"), indicators=indicators(tally((), at(24)))),
    )
    months = {"first": "2026-01", "last": "2026-11"}
    return {
        **frame("statistics"),
        "found": Statistics(role="replying", by="authority", **months, total=measured, lines=lines) if found else None,
        "values": {"role": "replying", "by": "authority", **(months if found else {"first": ATTACK})},
        "errors": {} if found else {"first": wrong("error.month", t("statistics.first"))},
        "column": t("statistics.authority"),
        "roles": (option("replying", "Replying authority"), option("asking", "Requesting authority")),
        "bys": (option("month", "Month"), option("authority", "Authority in this country")),
        "table_href": "/statistics.csv?by=authority",
    }


def record_choices() -> dict[str, Any]:
    """Give what the form of an authority's record reads."""
    return {
        "written": ("de", "hu"),
        "name_langs": WRITING,
        "levels": (option("regional", "Regional"),),
        "areas": (option("pq", "Professional qualifications"),),
        "area_roles": (option("authority", "Competent authority"), option("coordinator", "Coordinator")),
        "types": (option("SDIMIC", "Coordinator of a region (SDIMIC)"),),
        "competence_lists": ((t("authority.list.activity"), (option("activity:crafts", f"Crafts {ATTACK}"),)),),
        "languages_of_pages": WRITING,
        "coordinators": (option("DE-state", f"Senat {ATTACK}"),),
        "values": {"name": ATTACK, "title.de": ATTACK, "area.pq": "authority", "v": "3", "free": ATTACK, "q": ATTACK},
        "picked": {"competences": frozenset({"activity:crafts"}), "languages": frozenset({"de"})},
        "errors": {
            "place": wrong("error.required", t("authority.field.place")),
            "areas": wrong("error.not-yours"),
            "competences": wrong("error.not-in-list"),
        },
    }


def authority_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give an authority's record, its form, its history and its end, a coordinator's list, and an invitation."""
    rows = tuple(
        Thing(label=t("authority.field.titles"), of="German", before=f"Alt {ATTACK}", after="Neu\nund", yours=of)
        for of in ("", ATTACK)
    )
    record = Thing(id="DE-zaek", name=f"Kammer {ATTACK}", name_lang="de", v=3)
    here = {**frame("authority"), "record": record, "base": "/authority/DE-zaek"}
    change = {"at": at(9), "reason": ATTACK, "fields": (), "kind": "edit"}
    told = tuple(
        Thing(change=Thing(seq=seq, by=by, undoable=undoable, **change), kind=t("authority.kind.edit"), rows=rows)
        for seq, by, undoable in ((2, ATTACK, True), (1, "", False))
    )
    form = {**here, **record_choices(), "whole": True, "changed": None}
    coordinating = {**frame("authorities"), **record_choices()}
    item = Thing(id="DE-a", name=ATTACK, name_lang="de", place="Berlin", areas=("Services",), state=en("Active"))
    listed = {
        **coordinating,
        "items": (item,),
        "total": 1,
        "invitations": (Thing(id="1", note=ATTACK, state=en("Invited"), at=at(9)),),
        "whose": (option("mine", "Only my cases"),),
        "states": (option("active", "Active"),),
        "filtered": True,
        "link": Thing(text=en("Give this link."), address="https://node.example/link/" + "x" * 43, name=ATTACK),
        "errors": {},
        "newer_href": None,
        "more_href": "/authorities?from=50",
    }
    account = Thing(name=ATTACK, login="carla")
    waiting = Thing(id="1", note=ATTACK, state="submitted", reason=ATTACK, updated_at=at(9), account=account)
    review = {**frame("authorities"), "state": en("Waiting"), "open": True, "rows": rows}
    invited = Thing(**{**waiting.__dict__, "state": "invited", "account": None, "reason": ""})
    touched = (
        Thing(row=2, id="DE-a", name=ATTACK, state="changed", rows=rows),
        Thing(row=3, id="DE-b", name="Amt", state="added", rows=()),
    )
    table = {
        **frame("authorities"),
        "table_size": 1024,
        "mapping_size": 1024,
        "cells": (),
        "looked": False,
        "counts": (("added", 1), ("changed", 1), ("unchanged", 0)),
        "changes": (),
        "more": 0,
        "token": "t",
    }
    return {
        "authority": (
            "authority.html",
            {**here, "title": hu("Kamara"), "description": en(ATTACK), "rows": rows, "edits": True, "ends": True},
        ),
        "authority-own": ("authority_own.html", {**frame("authority"), "names": {"DE-zaek": ATTACK}}),
        "authority-edit": ("authority_edit.html", form),
        "authority-changed": ("authority_edit.html", {**form, "whole": False, "changed": rows, "errors": {}}),
        "authority-history": (
            "authority_history.html",
            {
                **here,
                "changes": told,
                "newer_href": None,
                "more_href": "/x",
                "errors": {"reason.2": wrong("error.required", t("authority.reason"))},
            },
        ),
        "authority-end": (
            "authority_end.html",
            {**here, "values": {"v": "3", "reason": ATTACK}, "errors": {"valid_until": wrong("error.date")}},
        ),
        "authority-erase": (
            "authority_erase.html",
            {**here, "values": {"reason": ATTACK}, "errors": {"reason": wrong("error.still-linked")}},
        ),
        "authorities": ("authorities.html", listed),
        "authorities-empty": ("authorities.html", {**listed, "items": (), "invitations": (), "link": None, "total": 0}),
        "authorities-register": ("authorities_register.html", coordinating),
        "authorities-review": ("authorities_review.html", {**review, "registration": waiting}),
        "authorities-invited": ("authorities_review.html", {**review, "registration": invited, "rows": ()}),
        "invitation": (
            "invitation.html",
            {**frame("", None), **record_choices(), "token": "t", "by": ATTACK, "reason": ATTACK},
        ),
        "authority-table": (
            "authority_table.html",
            {**table, "looked": False, "errors": {"table": wrong("error.required")}},
        ),
        "authority-table-wrong": (
            "authority_table.html",
            {**table, "cells": (Thing(row="3", column=ATTACK, problem=hu(ATTACK)),)},
        ),
        "authority-table-looked": ("authority_table.html", {**table, "looked": True, "changes": touched, "more": 3}),
        "authority-table-same": ("authority_table.html", {**table, "looked": True}),
        "invitation-sent": ("invitation_over.html", {**frame("", None), "sent": True}),
        "invitation-used": ("invitation_over.html", {**frame("", None), "sent": False}),
    }


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


def render_all() -> dict[str, str]:
    """Render all sample pages: name -> HTML."""
    env = environment()
    pages = {**sign_in_pages(), **list_pages(), **operator_pages(), **authority_pages(), **ask_pages(), **case_pages()}
    pages |= subject_pages()
    return {name: env.get_template(template).render(context) for name, (template, context) in pages.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for page, html in render_all().items():
        (folder / f"{page}.html").write_text(html, encoding="utf-8")
