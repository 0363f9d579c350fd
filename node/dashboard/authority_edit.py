"""Changing an authority's record; the second of two editors sees what the first changed and keeps what was typed."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from directory_sync.authority import Authority
from node.dashboard.authority import href, record, section_of
from node.dashboard.authority_fields import Fields, Row
from node.dashboard.authority_form import Filled, choices, filled, merged, mistakes_of, record_of, typed
from node.dashboard.page import ACTOR, NODE, Mistake, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.authority_change import changes_between, fields_of
from node.errors import NodeError
from node.service import authority_edit, authority_history
from node.service.authority_edit import Why, record_faults
from translations.languages import LANGUAGES


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/authority/{authority}/edit", page)
    app.router.add_post("/authority/{authority}/edit", save)


async def page(request: web.Request) -> web.Response:
    """Show the form."""
    one = record(request)
    return _show(request, one, filled(one, request.app[NODE]), {})


def _show(
    request: web.Request,
    one: Authority,
    form: Filled,
    errors: Mapping[str, Mistake],
    changed: tuple[Row, ...] | None = None,
) -> web.Response:
    node, texts = request.app[NODE], texts_of(request)
    editor = authority_edit.editor_of(node, request[ACTOR])
    if not editor.sees_all_of(one):
        raise NodeError("forbidden")
    whole = editor.operator or editor.validating(one) is not None
    return render(
        request,
        "authority_edit",
        409 if changed is not None else 422 if errors else 200,
        section=section_of(request, one.id),
        record=one,
        base=href(one.id),
        whole=whole,
        changed=changed,
        written=tuple(sorted({*one.titles, *one.descriptions, *_region_names(one)} & set(LANGUAGES))),
        values={**form.values, "v": str(one.v)},
        picked=form.picked,
        errors=errors,
        **choices(node, texts),
    )


def _region_names(one: Authority) -> Mapping[str, str]:
    return one.region.names if one.region else {}


async def save(request: web.Request) -> web.Response:
    """Publish what was changed."""
    form, node, texts = await checked_form(request), request.app[NODE], texts_of(request)
    one, mine = record(request), typed(form)
    v = form.number("v") or 0
    if v != one.v:
        return _again(request, one, mine, v)
    try:
        await authority_edit.change(node, request[ACTOR], _new(one, mine), Why("edit", form["reason"]))
    except NodeError as error:
        if error.code == "stale":
            return _again(request, record(request), mine, v)
        if error.code not in ("invalid", "forbidden") or not error.fields:
            raise
        return _show(request, one, mine, mistakes_of(error.fields, texts))
    return see_other(href(one.id), "flash.saved")


def _new(one: Authority, form: Filled) -> Authority:
    try:
        return Authority.model_validate(record_of(one.model_dump(mode="json"), form))
    except ValidationError as error:
        raise NodeError("invalid", fields=record_faults(error)) from None


def _again(request: web.Request, now: Authority, mine: Filled, v: int) -> web.Response:
    """Show what another editor has changed since version `v`, beside what was typed; saving goes on top of it."""
    node = request.app[NODE]
    base = authority_history.version(node, now.id, v) or now
    yours = _typed_fields(base, mine)
    rows = Fields(texts_of(request)).rows(changes_between(base, now), yours)
    form = merged(filled(base, node), filled(now, node), mine)
    return _show(request, now, form, {}, rows)


def _typed_fields(base: Authority, mine: Filled) -> dict[str, str]:
    """Return what the form would make of the fields, as far as it is a record at all."""
    values: dict[str, Any] = record_of(base.model_dump(mode="json"), mine)
    try:
        return fields_of(Authority.model_validate(values))
    except ValidationError:
        return {}
