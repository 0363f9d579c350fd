"""Sample pages of lists: work, drafts, approvals, audit, people and the like."""

from collections.abc import Mapping
from types import SimpleNamespace as Thing
from typing import Any

from node.dashboard.work import Section
from node.domain.case_view import (
    Text,
)
from node.domain.indicators import Course, indicators, tally
from node.service.statistics import Line, Statistics
from tests.dashboard.samples.operation import countries
from tests.dashboard.samples.values import (
    ATTACK,
    BERLIN,
    BUDAPEST,
    WRITING,
    at,
    due,
    en,
    frame,
    hu,
    option,
    summary,
    t,
    urgent,
    wrong,
)


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
