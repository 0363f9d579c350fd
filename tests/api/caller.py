"""A program that calls a node's API with a token, and holds every answer against the OpenAPI document."""

import io
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator

from node.api.app import ROUTES
from node.api.openapi import document
from node.api.problem import MEDIA_TYPE
from node.api.route import PREFIX


@cache
def described() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return json.loads(document(ROUTES))


@cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Return every described path as a pattern, those without parameters first."""
    paths = sorted(described()["paths"].items(), key=lambda entry: "{" in entry[0])
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"), operations) for path, operations in paths]


def hold(schema: dict[str, Any], value: Any) -> None:
    """Fail unless a value has the schema."""
    Draft202012Validator({**schema, "components": described()["components"]}).validate(value)


@dataclass
class Answer:
    """An answer with its JSON, if it is JSON."""

    status: int
    headers: Any
    raw: bytes
    json: Any = None

    @property
    def code(self) -> str:
        """The problem's code."""
        return self.json["code"]


@dataclass
class Caller:
    """One person's program."""

    client: TestClient
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: str) -> Answer:
        """Send JSON and check the answer."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self.send(method, path, params=query, json=body, headers=headers)

    async def get(self, path: str, **query: str) -> Any:
        """Read something that must be there."""
        answer = await self.call("GET", path, **query)
        assert answer.status == 200, answer.raw
        return answer.json

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **query: str) -> Any:
        """Do something that must succeed."""
        answer = await self.call("POST", path, body, key=key, **query)
        assert answer.status in (200, 201, 204), answer.raw
        return answer.json

    async def upload(
        self, path: str, data: bytes, name: str = "oklevél.pdf", media_type: str = "application/pdf", **headers: str
    ) -> Answer:
        """Send a file."""
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(data), filename=name, content_type=media_type)
        return await self.send("POST", path, data=form, headers=headers)

    async def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **how: Any) -> Answer:
        """Send anything and check that the answer is as described."""
        sent = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        async with self.client.request(method, f"{PREFIX}/{path}", headers=sent, **how) as response:
            raw = await response.read()
        answer = Answer(response.status, response.headers, raw)
        if response.content_type in ("application/json", MEDIA_TYPE):
            answer.json = json.loads(raw)
        check_described(method, f"{PREFIX}/{path}", answer)
        return answer


def check_described(method: str, path: str, answer: Answer) -> None:
    """Fail unless an answer is one that the document describes."""
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status >= 400:
        assert answer.headers["Content-Type"].startswith(MEDIA_TYPE)
        hold({"$ref": "#/components/schemas/Problem"}, answer.json)
        assert answer.json["type"] == f"urn:entente:problem:{answer.code}"
        return
    found = next(operations for pattern, operations in _patterns() if pattern.match(path))
    told = found[method.lower()]["responses"][str(answer.status)]
    content = told.get("content", {})
    assert bool(content) == bool(answer.raw)
    if "application/json" in content:
        hold(content["application/json"]["schema"], answer.json)
