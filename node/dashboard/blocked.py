"""What is shown in place of a case whose data are blocked or deleted, and how blocked data are seen with a reason."""

from http import HTTPStatus

from aiohttp import web

from node.dashboard.ask_details import told
from node.dashboard.form import Form
from node.dashboard.page import ACTOR, LANG, NODE, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.errors import NodeError
from node.service import blocking
from node.service.blocking import GROUNDS


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_post("/cases/{case}/see", see)


def show(request: web.Request, form: Form | None = None, faults: dict[str, str] | None = None) -> web.Response:
    """Show that a case is blocked or deleted; with the mistakes of the form where it came back."""
    node, texts = request.app[NODE], texts_of(request)
    actor = request[ACTOR]
    return render(
        request,
        "blocked",
        HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        section="work",
        case=blocking.blocked_case(node, actor, request.match_info["case"], request[LANG]),
        may_see=blocking.may_see(node, actor, request.match_info["case"]),
        grounds=tuple(Option(ground, texts.t(f"blocked.ground.{ground}")) for ground in GROUNDS),
        values=form.values() if form else {},
        errors=told(texts, faults or {}),
    )


async def see(request: web.Request) -> web.Response:
    """Take the reason, then show the case."""
    form, case_id = await checked_form(request), request.match_info["case"]
    try:
        await blocking.see(request.app[NODE], request[ACTOR], case_id, form["ground"], form["reason"])
    except NodeError as error:
        if error.code != "invalid":
            raise
        known = {"not-in-list": "error.choose", "too-long": "error.too-long"}
        return show(request, form, {name: known.get(code, "error.required") for name, code in error.fields.items()})
    return see_other(f"/cases/{case_id}")
