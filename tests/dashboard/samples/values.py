"""Sample data that several pages show: long names, markup, quotes, two languages."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from node.domain.case_view import (
    Answer,
    Attachment,
    CaseSummary,
    CaseView,
    Choice,
    Column,
    Columns,
    Due,
    FreeText,
    Message,
    Party,
    Period,
    Question,
    ReadCell,
    Table,
    Text,
    TimelineEntry,
    Variable,
)
from node.service.urgency import UrgentCase
from translations.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[3]
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
