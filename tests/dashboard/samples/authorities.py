"""Sample pages of the directory: finding and changing authorities."""

from collections.abc import Mapping
from types import SimpleNamespace as Thing
from typing import Any

from tests.dashboard.samples.values import ATTACK, WRITING, at, en, frame, hu, option, t, wrong


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
