"""Every page of the dashboard with sample data: long names, markup, quotes, two languages.

`python -m tests.dashboard.sample_pages FOLDER` writes them as files, to be looked at in a browser.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

from tests.dashboard.samples.asking import ask_pages
from tests.dashboard.samples.authorities import authority_pages
from tests.dashboard.samples.cases import case_pages
from tests.dashboard.samples.lists import list_pages
from tests.dashboard.samples.operation import operator_pages
from tests.dashboard.samples.subjects import subject_pages
from tests.dashboard.samples.values import ATTACK, en, environment, frame, t, wrong


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
