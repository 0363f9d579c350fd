"""The reader's own choice about e-mails, and the page on which an address is confirmed."""

from typing import Final

from aiohttp import web

from node.dashboard import profile
from node.dashboard.page import ACTOR, NODE, Mistake, render, see_other, texts_of
from node.dashboard.sign_in import checked_form, wait_text
from node.domain.mail import MAX_ADDRESS_CHARS
from node.errors import NodeError
from node.service import mail_choice

_FAULTS: Final = {"malformed": "error.malformed", "not-in-list": "error.not-in-list"}


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_post("/profile/mail", choose)
    app.router.add_get("/profile/mail/{token}", confirm_page)
    app.router.add_post("/profile/mail/confirm", confirm)


async def choose(request: web.Request) -> web.Response:
    """Save to which address and when mails are sent, and what they tell."""
    form, texts = await checked_form(request), texts_of(request)
    topics = [name.removeprefix("topic_") for name in form.fields if name.startswith("topic_")]
    try:
        await mail_choice.choose(request.app[NODE], request[ACTOR], form["mail_address"], form["mail_how"], topics)
    except NodeError as error:
        if error.code not in ("invalid", "too-many"):
            raise
        shown = {
            f"mail_{field}": texts.t("error.too-long", n=MAX_ADDRESS_CHARS)
            if fault == "too-long"
            else texts.t(_FAULTS[fault])
            for field, fault in error.fields.items()
        }
        faults = shown or {"mail_address": wait_text(request, error)}
        label = texts.t("authority.field.email")
        return profile.show(request, {name: Mistake(text, label) for name, text in faults.items()}, form.values())
    return see_other("/profile#mail", "flash.saved")


async def confirm_page(request: web.Request) -> web.Response:
    """Show which address a link confirms; looking uses nothing up, since mail scanners open links."""
    token = request.match_info["token"]
    found = mail_choice.confirmable(request.app[NODE], request[ACTOR], token)
    return render(
        request, "mail_confirm", 200 if found else 403, section="profile", address=found, token=token if found else ""
    )


async def confirm(request: web.Request) -> web.Response:
    """Confirm the address."""
    form = await checked_form(request)
    try:
        await mail_choice.confirm(request.app[NODE], request[ACTOR], form["token"])
    except NodeError as error:
        if error.code != "link-invalid":
            raise
        return render(request, "mail_confirm", error.entry.status, section="profile", address=None, token="")
    return see_other("/profile#mail", "flash.saved")
