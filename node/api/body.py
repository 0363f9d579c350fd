"""Reading what a caller sent: never more than allowed, and JSON that only one reading fits."""

import asyncio
import hashlib
from typing import Final
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from node.api.problem import invalid
from node.api.route import MAX_JSON, Query, Route, Upload
from node.errors import NodeError
from protocol.encoding import strict_json
from protocol.limits import KIB, MAX_BLOB
from protocol.problems import ProtocolError

_FRAME: Final = 64 * KIB
"""What a form may weigh besides the file in it."""
_CHUNK: Final = 256 * KIB


async def read_body(request: web.Request, route: Route) -> tuple[BaseModel | Upload | None, str]:
    """Return the body in the route's shape, and the SHA-256 of what was sent (for repeated calls).

    Raises `too-large`, `unsupported-media`, and `invalid` with the fields at fault.
    """
    limit = MAX_BLOB + _FRAME if route.body is Upload else route.limit
    if (request.content_length or 0) > limit:
        raise NodeError("too-large", f"The body has at most {limit} bytes.")
    try:
        if route.body is Upload:
            upload = await _read_upload(request)
            return upload, _digest(upload.name.encode(), upload.media_type.encode(), upload.data)
        data = await _read_all(request, limit)
    except (web.RequestPayloadError, ConnectionError):
        raise NodeError("invalid", "The body ended too early.") from None
    if route.body is None:
        if data not in (b"", b"{}"):
            raise NodeError("invalid", "This call takes no body.")
        return None, _digest(b"")
    assert issubclass(route.body, BaseModel)
    return await _parse(request, data, route.body, limit), _digest(data)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


async def _read_all(request: web.Request, limit: int) -> bytes:
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > limit:
            raise NodeError("too-large", f"The body has at most {limit} bytes.")
    return bytes(data)


async def _parse(request: web.Request, data: bytes, shape: type[BaseModel], limit: int) -> BaseModel:
    if data and request.content_type != "application/json":
        raise NodeError("unsupported-media", "The body must be JSON.", "Content-Type: application/json.")
    data = data or b"{}"
    if len(data) <= MAX_JSON:
        return parse_json(data, shape, limit)
    return await asyncio.get_running_loop().run_in_executor(None, parse_json, data, shape, limit)


def parse_json(data: bytes, shape: type[BaseModel], limit: int = MAX_JSON) -> BaseModel:
    """Parse JSON in a shape: no duplicate keys, no deep nesting, no unknown fields at any level."""
    try:
        strict_json(data, limit=limit)
        return shape.model_validate_json(data, strict=True, extra="forbid")
    except ProtocolError as error:
        raise NodeError("invalid", f"The body can't be read: {error.detail}.", fields={"body": "malformed"}) from None
    except ValidationError as error:
        raise invalid(error, "body") from None


async def _read_upload(request: web.Request) -> Upload:
    if request.content_type != "multipart/form-data":
        raise NodeError("unsupported-media", "A file comes as multipart/form-data, in the field `file`.")
    try:
        form = await request.multipart()
        part = await form.next()
        if not isinstance(part, BodyPartReader) or part.name != "file" or not part.filename:
            raise NodeError("invalid", "The file is missing.", fields={"file": "missing"})
        data = await _read_part(part)
        media_type = part.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        name = _plain_name(part.filename)
        if await form.next() is not None:
            raise NodeError("invalid", "One file at a time.", fields={"body": "unknown-field"})
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError):
        raise NodeError("invalid", "The form can't be read.", fields={"file": "malformed"}) from None
    return Upload(name, media_type, data)


def _plain_name(sent: str) -> str:
    """Return a file's name; many clients send it percent-encoded (RFC 7578 section 4.2)."""
    try:
        name = unquote(sent, errors="strict")
    except UnicodeDecodeError:
        name = sent
    return name.encode("utf-8", "replace").decode()


async def _read_part(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        data += chunk
        if len(data) > MAX_BLOB:
            raise NodeError("too-large", f"An attachment has at most {MAX_BLOB} bytes.")
    return bytes(data)


def read_query(request: web.Request, shape: type[Query]) -> Query:
    """Return the query in its shape; raises `invalid` with the parameters at fault."""
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if name in values:
            raise NodeError("invalid", "A parameter is there twice.", fields={name[:100]: "duplicate"})
        values[name] = value
    try:
        return shape.model_validate_strings(values)
    except ValidationError as error:
        raise invalid(error, "query") from None
