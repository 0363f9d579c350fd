"""The page of somebody who is invited to register an authority, and has no account yet."""

from aiohttp import web

from node.dashboard.authorities import account_of, form_of
from node.dashboard.authority_form import Filled, choices, mistakes_of, record_of, typed
from node.dashboard.form import read_form
from node.dashboard.page import NODE, Mistake, render, texts_of
from node.dashboard.profile import language_choices
from node.errors import NodeError
from node.service import find, registration
from node.service.registration import Registration


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/invitation/{token}", page)
    app.router.add_post("/invitation", submit)


async def page(request: web.Request) -> web.Response:
    """Show the form; looking uses nothing up, since mail scanners open links."""
    token = request.match_info["token"]
    try:
        opened = registration.invited(request.app[NODE], token)
    except NodeError:
        return render(request, "invitation_over", 403, sent=False)
    form = form_of(opened.record, request)
    return _show(request, opened, token, form)


def _show(
    request: web.Request,
    opened: Registration,
    token: str,
    form: Filled,
    errors: dict[str, Mistake] | None = None,
) -> web.Response:
    node, texts = request.app[NODE], texts_of(request)
    account = opened.account
    there = (
        {"login": account.login, "person_name": account.name, "person_language": account.language} if account else {}
    )
    written = sorted({name.partition(".")[2] for name in form.values if name.startswith(("title.", "description."))})
    return render(
        request,
        "invitation",
        422 if errors else 200,
        token=token,
        by=next(iter(find.names(node, [opened.coordinator]).values())),
        reason=opened.reason,
        written=tuple(written),
        values={"name_lang": texts.lang, **there, **form.values},
        picked=form.picked,
        errors=errors or {},
        languages_of_pages=language_choices(),
        **choices(node, texts),
    )


async def submit(request: web.Request) -> web.Response:
    """Send the record and the account to the coordinator."""
    form, node = await read_form(request, files=False), request.app[NODE]
    token, given = form["token"], typed(form)
    try:
        await registration.submit(node, token, record_of({}, given), account_of(form))
    except NodeError as error:
        if error.code == "link-invalid":
            return render(request, "invitation_over", 403, sent=False)
        if error.code != "invalid" or not error.fields:
            raise
        opened = registration.invited(node, token)
        return _show(request, opened, token, given, mistakes_of(error.fields, texts_of(request)))
    return render(request, "invitation_over", sent=True)
