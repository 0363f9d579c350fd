"""The page that asks once more before what can't be undone, or reaches far."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from node.dashboard.page import render
from node.domain.case_view import FreeText, Text
from translations.catalogue import Text as CatalogueText


@dataclass(frozen=True)
class Confirmation:
    """What is asked: `kind` names the texts, `subject` what it is about, `back` where "Cancel" leads.

    `fields` are posted again with the answer; `told` and `quote` are what goes along, such as the reason.
    `label` is what the button says, where the texts of the kind have none; not `final`: it can be undone.
    """

    kind: str
    subject: str
    back: str
    fields: Mapping[str, str] = field(default_factory=dict)
    told: Text | CatalogueText | None = None
    quote: FreeText | None = None
    label: CatalogueText | None = None
    final: bool = True


def confirm(request: web.Request, question: Confirmation, section: str) -> web.Response:
    """Show the page; its form posts to the same address."""
    return render(request, "confirm", section=section, question=question, action=request.path)
