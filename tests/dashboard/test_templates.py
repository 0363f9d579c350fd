"""Templates: whole, escaped, labelled, without scripts or styles of their own, and all their texts exist."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.dashboard.sample_pages import render_all
from tests.dashboard.samples.values import ATTACK, DASHBOARD

PAGES = render_all()
TEMPLATES = sorted((DASHBOARD / "templates").glob("*.html"))
EMPTY_ELEMENTS = {"br", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """What a page consists of: elements with attributes, ids, and whether they nest rightly."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.feed(html)
        self.close()
        assert not self.stack, f"never closed: {self.stack}"

    def handle_starttag(self, tag, attrs):
        """Note an element, and that it is open."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY_ELEMENTS:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        """Close the element that was opened last."""
        assert self.stack, f"</{tag}> was never opened"
        assert self.stack.pop() == tag, f"</{tag}> closes something else"

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of these names."""
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(params=sorted(PAGES))
def html(request):
    """One sample page after the other."""
    return PAGES[request.param]


def test_page_is_well_formed_with_one_main_heading(html):
    """Each page nests rightly, has one h1, a language, a title, and no id twice."""
    page = Page(html)
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert page.all("html")[0]["lang"] == "en"
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_field_has_a_label_and_every_reference_its_target(html):
    """Each field has a label, in a table its headings, and labels, hints and mistakes point to what is there."""
    page = Page(html)
    ids = {attributes.get("id") for _, attributes in page.elements}
    labelled = {attributes.get("for") for attributes in page.all("label")}
    fields = [field for field in page.all("input", "select", "textarea") if field.get("type") != "hidden"]
    assert [field for field in fields if field.get("id") not in labelled and not field.get("aria-labelledby")] == []
    assert labelled <= ids
    for _, attributes in page.elements:
        for name in ("aria-describedby", "aria-labelledby"):
            assert set((attributes.get(name) or "").split()) <= ids
        href = attributes.get("href") or ""
        assert not href.startswith("#") or href[1:] in ids


def test_every_post_carries_the_anti_forgery_field(html):
    """Each form that posts holds the hidden field, and each form goes to our own node."""
    forms = re.findall(r"<form(.*?)>(.*?)</form>", html, re.DOTALL)
    for attributes, body in forms:
        assert 'action="/' in attributes
        assert 'method="get"' in attributes or 'name="csrf" value="f00d"' in body


def test_page_obeys_the_content_security_policy(html):
    """No script, no style, no handler and nothing from elsewhere stands in a page."""
    page = Page(html)
    assert page.all("script", "style", "iframe", "object", "base") == []
    for _, attributes in page.elements:
        assert [name for name in attributes if name == "style" or name.startswith("on")] == []
        for name in ("href", "src", "action"):
            assert not re.match(r"(?i)\s*(https?:|//|javascript:|data:)", attributes.get(name) or "")


def test_what_people_wrote_is_escaped(html):
    """Markup and quotes in names, answers and comments stay text."""
    assert "<script" not in html
    assert "<b>" not in html
    assert ATTACK not in html


def test_attack_reaches_the_pages():
    """The samples do carry the markup that must be escaped."""
    attacked = [name for name, html in PAGES.items() if "&lt;script&gt;" in html]
    assert len(attacked) > len(PAGES) / 2


def test_at_most_one_primary_button(html):
    """A page has one main action at most."""
    assert html.count("ecl-button--primary") <= 1


def test_text_in_another_language_is_marked():
    """A text that isn't in the page's language has its own `lang` and a visible mark."""
    assert (
        '<span lang="hu">Egészségügyi szakképesítések nyilvántartása</span><span class="ent-mark"'
        in (PAGES["case-sent"])
    )


def test_a_period_in_working_days_says_that_regional_holidays_count():
    """Beside the date by law stands how it was counted: which days are left out, and which aren't (ADR 0033)."""
    pages = [html for html in PAGES.values() if "Working days: " in html]
    assert pages
    assert all("Public holidays of regions and municipalities count as working days." in html for html in pages)


def test_mistake_is_tied_to_its_field_and_listed_on_top():
    """A mistake is read with its field, and the list above the form leads to it."""
    html = PAGES["case-decline-mistake"]
    assert 'aria-describedby="f-reason-error" aria-invalid="true"' in html
    assert '<a class="ecl-link" href="#f-reason">Reason – Fill in this field.</a>' in html
    assert '<details class="ent-fold" open>' in html


def test_missing_and_foreign_pages_look_alike():
    """Nothing on the page for a missing address names a case or a reason."""
    assert "not-found" in PAGES["not-found"]
    assert "exist" not in PAGES["not-found"]


def test_every_template_is_looked_at():
    """Each template is rendered by a sample, or is a part of one that is."""
    source = "\n".join(template.read_text(encoding="utf-8") for template in TEMPLATES)
    parts = set(re.findall(r'(?:extends|from|import|include) "([a-z_]+\.html)"', source))
    here = Path(__file__).parent
    samples = [here / "sample_pages.py", *(here / "samples").glob("*.py")]
    shown = {name for one in samples for name in re.findall(r'"([a-z_]+\.html)"', one.read_text(encoding="utf-8"))}
    assert {template.name for template in TEMPLATES} == parts | shown


def test_templates_hold_no_text_of_their_own():
    """Outside tags and expressions stand only the name of the system, signs and numbers."""
    for template in TEMPLATES:
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        bare = re.sub(r"<[^>]*>|[a-z-]+=\"[^\"]*\"", "", bare)
        assert set(re.findall(r"[^\W\d_]+", bare)) <= {"Entente"}, template.name
