"""Refusals as `application/problem+json` (RFC 9457): every error of a call becomes one of the codes."""

import traceback
from typing import Final

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from node.clock import new_uuid
from node.errors import NodeError, from_protocol
from node.service.node import Node
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.api")

MEDIA_TYPE: Final = "application/problem+json"
NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_MAX_FIELDS: Final = 50
_MAX_PLACE: Final = 100
_UNAUTHORISED: Final = 401
_TOO_LARGE: Final = 413
_TOO_MANY: Final = 429
_CODES: Final = {
    "missing": "missing",
    "extra_forbidden": "unknown-field",
    "string_too_long": "too-long",
    "too_long": "too-long",
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
}
_HTTP: Final = {401: "not-signed-in", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}


class Problem(BaseModel):
    """Why a call was refused; `fields` names the inputs at fault (path → code), `instance` is in the log."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    hint: str
    fields: dict[str, str]


def answer(node: Node, operation: str, error: Exception) -> web.Response:
    """Return the answer to a call that ended with an error."""
    instance = f"urn:uuid:{new_uuid(node.entropy)}"
    refusal = _refusal(error)
    if refusal is None:
        log.error("call-failed", operation=operation, instance=instance, error=type(error).__name__, at=_where(error))
        refusal = NodeError("internal")
    elif refusal.entry.fault == "node":
        log.warning("call-refused", operation=operation, instance=instance, code=refusal.code)
    body = Problem(
        type=f"urn:entente:problem:{refusal.code}",
        title=refusal.entry.meaning,
        status=refusal.entry.status,
        detail=refusal.message,
        instance=instance,
        code=refusal.code,
        hint=refusal.hint,
        fields=refusal.fields,
    )
    response = web.Response(
        status=refusal.entry.status, body=body.model_dump_json(), content_type=MEDIA_TYPE, headers=NO_STORE
    )
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    if refusal.entry.status == _UNAUTHORISED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="entente"'
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    if refusal.entry.status in (_UNAUTHORISED, _TOO_LARGE, _TOO_MANY):
        response.force_close()  # the rest of the body isn't worth reading
    return response


def _refusal(error: Exception) -> NodeError | None:
    """Return the error in our codes; None for what nobody foresaw."""
    if isinstance(error, NodeError):
        return error
    if isinstance(error, ProtocolError):
        return from_protocol(error)
    if isinstance(error, web.HTTPException):
        return NodeError(_HTTP.get(error.status, "invalid"))
    return None


def invalid(error: ValidationError, what: str) -> NodeError:
    """Return the refusal of a body or query that hasn't its shape."""
    fields = {}
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_FIELDS]:
        place = ".".join(str(step) for step in fault["loc"])[:_MAX_PLACE] or what
        fields[place] = _CODES.get(fault["type"], "malformed")
    return NodeError("invalid", f"The {what} hasn't the right shape.", fields=fields)


def _where(error: Exception) -> list[str]:
    """Return where it happened, without the message: that may quote what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
