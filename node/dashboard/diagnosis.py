"""This node, for its operator: findings with what mends them, what ends when, and what is kept as evidence."""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from node.dashboard.page import ACTOR, NODE, Texts, render, texts_of
from node.service import report
from node.service.report import Evidence
from translations import languages

_LEVELS: Final = ("fail", "warn", "ok")
COMMAND: Final = "entente doctor"


def add_routes(app: web.Application) -> None:
    """Add the page of this file."""
    app.router.add_get("/node", page)


async def page(request: web.Request) -> web.Response:
    """Look at this node and show what is found, the worst first."""
    found = await report.read(request.app[NODE], request[ACTOR])
    texts = texts_of(request)
    return render(
        request,
        "node",
        section="node",
        command=COMMAND,
        findings={level: tuple(one for one in found.findings if one.level == level) for level in _LEVELS},
        endings=found.endings,
        proofs=_named(texts, found.proofs),
        refusals=_named(texts, found.refusals),
    )


def _named(texts: Texts, kept: Iterable[Evidence]) -> tuple[tuple[str, Evidence], ...]:
    """Name the country of each; a proof against the list itself has the document's name."""
    return tuple((_name(texts, one.issuer), one) for one in kept)


def _name(texts: Texts, issuer: str) -> str:
    return texts.country_name(issuer) if issuer in languages.COUNTRIES else issuer
