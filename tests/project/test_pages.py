"""The reference pages of docs/ say what the code says."""

import runpy

import pytest

from tests.project.tree import ROOT, text_of

PAGES = runpy.run_path(str(ROOT / "docs/make_pages.py"))["PAGES"]


@pytest.mark.parametrize("page", PAGES)
def test_each_reference_page_is_current(page):
    """A command, key, code or limit that changes changes its page: python docs/make_pages.py."""
    assert text_of(f"docs/{page}") == PAGES[page]()
