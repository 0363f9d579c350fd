"""Data protection of the reader's authorities: orders to delete cases, and who saw blocked data and why."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web

from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.form import Form
from node.dashboard.page import ACTOR, LANG, NODE, Mistake, Option, Texts, around, place_in, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.case_view import Text
from node.domain.day import day_in
from node.errors import NodeError
from node.service import blocking, erasure_orders
from node.service.case_texts import CaseTexts
from node.service.erasure_orders import Meant, OrderedBy
from protocol.erasure import GROUNDS
from translations.catalogue import Text as CatalogueText

_PAGE: Final = 50
_GROUND_TEXTS: Final = {"consent": "blocked.ground.consent"}
_MISTAKES: Final = {
    "not-found": "protection.unknown",
    "wrong-state": "protection.running",
    "case-erased": "blocked.erased",
}


@dataclass(frozen=True)
class _Order:
    number: str
    area: Text
    ground: CatalogueText | None
    by: OrderedBy
    at: datetime
    here: datetime | None
    there: datetime | None


@dataclass(frozen=True)
class _Sight:
    number: str
    person: str
    ground: CatalogueText
    reason: str | None
    at: datetime


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/protection", page)
    app.router.add_post("/protection/order", order)


async def page(request: web.Request) -> web.Response:
    """Show orders and sights."""
    return _show(request, Form(), {})


def _show(request: web.Request, form: Form, errors: dict[str, Mistake]) -> web.Response:
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    areas = CaseTexts(node, request[LANG])
    ordered, more_orders = erasure_orders.listing(node, actor, _PAGE, place_in(request, "orders"))
    orders = tuple(
        _Order(one.number, areas.area_title(one.area), _ground(texts, one.ground), one.by, one.at, one.here, one.there)
        for one in ordered
    )
    seen, more_sights = blocking.seen_by(node, actor, _PAGE, place_in(request, "sights"))
    sights = tuple(
        _Sight(one.number, one.person, texts.t(f"blocked.ground.{one.ground}"), one.reason, one.at) for one in seen
    )
    return render(
        request,
        "protection",
        HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        section="protection",
        may_order=actor.may("cases.erase"),
        meant=_meant(request, form["number"]) if "case" in errors else (),
        grounds=tuple(Option(ground, texts.t(ground_id(ground))) for ground in GROUNDS),
        orders=orders,
        around_orders=around(request, "/protection", more_orders, "orders"),
        sights=sights,
        around_sights=around(request, "/protection", more_sights, "sights"),
        values=form.values(),
        errors=errors,
    )


def _meant(request: web.Request, number: str) -> tuple[Option, ...]:
    """Return the cases that a number may mean, by what tells them apart."""
    node, texts = request.app[NODE], texts_of(request)
    areas = CaseTexts(node, request[LANG])

    def words(one: Meant) -> str:
        case, since = one.case, texts.day(day_in(node.country, one.since))
        state = texts.t(f"state.{case.state}").text
        named = (texts.country_name(case.counterpart), case.their_name, areas.area_title(case.area).text, since, state)
        return " · ".join(named)

    found = erasure_orders.meant(node, request[ACTOR], number)
    return tuple(Option(one.case.id, texts.plain(words(one))) for one in found)


def ground_id(ground: str) -> str:
    """Return the text that names a ground to delete."""
    return _GROUND_TEXTS.get(ground, f"protection.ground.{ground}")


def _ground(texts: Texts, ground: str | None) -> CatalogueText | None:
    return texts.t(ground_id(ground)) if ground else None


async def order(request: web.Request) -> web.Response:
    """Take an order, once it was confirmed."""
    form, texts = await checked_form(request), texts_of(request)
    node, actor, number, ground = request.app[NODE], request[ACTOR], form["number"], form["ground"]
    errors = {} if ground in GROUNDS else {"ground": Mistake(texts.t("error.choose"), texts.t("blocked.ground"))}
    try:
        erasure_orders.numbered(node, actor, number, form["case"])
    except NodeError as error:
        if error.fields.get("number") == "ambiguous":
            errors["case"] = Mistake(texts.t("protection.several"), texts.t("protection.which"))
        elif error.code in _MISTAKES:
            said = texts.t(_MISTAKES[error.code] if number else "error.required")
            errors["number"] = Mistake(said, texts.t("protection.number"))
        else:
            raise
    if errors:
        return _show(request, form, errors)
    if form["confirmed"] != "yes":
        fields = {"number": number, "ground": ground, "case": form["case"]}
        label = texts.t("confirm.delete-draft.button")
        told = texts.t(ground_id(ground))
        named = [one.text.text for one in _meant(request, number) if one.value == form["case"]]
        subject = " · ".join((number, *named))
        return confirm(request, Confirmation("erase", subject, "/protection", fields, told, label=label), "protection")
    await erasure_orders.give(node, actor, number, ground, form["case"])
    return see_other("/protection", "flash.erasure")
