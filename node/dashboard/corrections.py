"""The data administrator's page of a case: what is contested and corrected beside its data, and its deletion."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from node.dashboard.ask_details import told
from node.dashboard.form import Form
from node.dashboard.once import fresh, once
from node.dashboard.page import ACTOR, LANG, NODE, Option, Texts, render, see_other, texts_of
from node.dashboard.protection import ground_id
from node.dashboard.sign_in import checked_form
from node.domain.case_view import Correction
from node.errors import NodeError
from node.service import corrections
from node.service.corrections import GROUNDS, CaseCorrections, Statement
from node.service.idempotency import Answer
from protocol.content import Said
from protocol.erasure import GROUNDS as ERASE_GROUNDS


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/cases/{case}/corrections", page)
    for step, do in _STEPS.items():
        app.router.add_post(f"/cases/{{case}}/corrections/{step}", _doing(step, do))


async def page(request: web.Request) -> web.Response:
    """Show what was recorded beside a case."""
    return _show(request, {}, {}, "")


def _show(request: web.Request, values: dict[str, str], faults: dict[str, str], opened: str) -> web.Response:
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    case = corrections.read(node, actor, request.match_info["case"], request[LANG])
    return render(
        request,
        "corrections",
        HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        section="subjects",
        case=case,
        statements=tuple(_statement(texts, one) for one in case.statements),
        own=tuple(_statement(texts, one) for one in case.statements if one.ours),
        waiting=tuple(_contest(texts, one) for one in case.corrections if one.open and _is_ours(case, one.event)),
        made=tuple(_contest(texts, one) for one in case.corrections if one.open and _was_ours(case, one)),
        grounds=tuple(Option(ground, texts.t(f"correction.ground.{ground}")) for ground in GROUNDS),
        erase_grounds=tuple(Option(ground, texts.t(ground_id(ground))) for ground in ERASE_GROUNDS),
        may_erase=case.ended and actor.may("cases.erase", case.authority),
        writing=texts.writing(),
        own_lang=request[LANG],
        once=fresh(request),
        values=values,
        errors=told(texts, faults),
        open=opened,
    )


def _statement(texts: Texts, one: Statement) -> Option:
    side = texts.t(f"role.{one.side}")
    return Option(one.event, texts.plain(f"{one.text.text} · {side.text} · {texts.moment(one.at)}"))


def _contest(texts: Texts, one: Correction) -> Option:
    first = one.entries[0]
    return Option(one.id, texts.plain(f"{one.about.text} · {first.authority} · {texts.moment(first.at)}"))


def _is_ours(case: CaseCorrections, event: str) -> bool:
    return any(one.ours for one in case.statements if one.event == event)


def _was_ours(case: CaseCorrections, one: Correction) -> bool:
    return one.entries[0].side == case.side


Do = Callable[[web.Request, Form, str, Said | None], Awaitable[object]]


async def _contested(request: web.Request, form: Form, case_id: str, word: Said | None) -> None:
    event, ground = form["contest_event"], form["contest_ground"]
    await corrections.contest(request.app[NODE], request[ACTOR], case_id, event, ground, word)


async def _corrected(request: web.Request, form: Form, case_id: str, word: Said | None) -> None:
    """Record a correction; it answers the open contest of the same event, where there is one."""
    node, actor, event = request.app[NODE], request[ACTOR], form["correct_event"]
    held = corrections.read(node, actor, case_id, request[LANG])
    waiting = next((one.id for one in held.corrections if one.open and one.event == event), None)
    await corrections.correct(node, actor, case_id, event, word, waiting)


async def _settled(request: web.Request, form: Form, case_id: str, word: Said | None) -> None:
    await corrections.settle(request.app[NODE], request[ACTOR], case_id, form["settle_contest"], word)


async def _withdrawn(request: web.Request, form: Form, case_id: str, word: Said | None) -> None:
    await corrections.withdraw(request.app[NODE], request[ACTOR], case_id, form["withdraw_contest"], word)


_STEPS: Final[dict[str, Do]] = {
    "contest": _contested,
    "correct": _corrected,
    "settle": _settled,
    "withdraw": _withdrawn,
}


def _doing(step: str, do: Do) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        form, case_id = await checked_form(request), request.match_info["case"]
        faults: dict[str, str] = {}
        word = form.said_or_fault(f"{step}_text", form[f"{step}_language"] or request[LANG], faults)
        if faults:
            return _show(request, form.values(), faults, step)

        async def work() -> Answer:
            await do(request, form, case_id, word)
            return HTTPStatus.SEE_OTHER, b""

        try:
            await once(request, form, f"{step} {case_id}", work)
        except NodeError as error:
            if error.code != "invalid":
                raise
            found = {f"{step}_{name}": _mistake(code) for name, code in error.fields.items()}
            return _show(request, form.values(), found, step)
        return see_other(f"/cases/{case_id}/corrections", "flash.saved")

    return handler


def _mistake(code: str) -> str:
    return "error.required" if code == "missing" else "error.choose"
