"""The OpenAPI 3.1 document, made from the table of routes and the models, so that it can't differ from them."""

import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from node.api.problem import MEDIA_TYPE, Problem
from node.api.route import PREFIX, File, Route, Upload

DOCUMENT_PATH: Final = "/openapi.json"
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {"$ref": "#/components/responses/Problem"}
_NAMES: Final = {"node__domain__case_view__Variable": "VariableView", "protocol__content__Variable": "Variable-Output"}
"""Models of one name, which pydantic tells apart by our modules."""
_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "A bearer token of a person or of a system."},
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The session of a person who has signed in (operation signIn), in the same header.",
    },
}
_Key = tuple[type[BaseModel], JsonSchemaMode]
_Schemas = Mapping[Any, dict[str, Any]]

_KEY_HEADER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A call that is repeated with the same key within 24 hours is done once and answered alike.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_UPLOAD: Final = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        }
    }
}


def document(routes: Iterable[Route]) -> bytes:
    """Return the document as JSON."""
    table = tuple(routes)
    schemas, components = models_json_schema(_models(table), ref_template=_REF)
    named = components["$defs"]
    for name in {_name_of(schemas[route.query, "validation"]) for route in table}:
        named.pop(name)  # their fields stand as parameters
    for schema in named.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    paths: dict[str, dict[str, Any]] = {}
    queries = {model: model.model_json_schema() for model in {route.query for route in table}}
    for route in table:
        operation = _operation(route, schemas, queries[route.query]["properties"])
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = operation
    paths[PREFIX + DOCUMENT_PATH] = {"get": _own_operation()}
    whole = {
        "openapi": "3.1.0",
        "info": _info(),
        "paths": paths,
        "components": {
            "schemas": named,
            "responses": {"Problem": _problem(schemas)},
            "securitySchemes": _SCHEMES,
        },
        "security": [{"token": []}],
    }
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    for qualified, plain in _NAMES.items():
        text = text.replace(qualified, plain)
    return text.encode()


def _info() -> dict[str, Any]:
    try:
        number = version("entente-node")
    except PackageNotFoundError:
        number = "0"
    return {
        "title": "Entente node: local API",
        "version": number,
        "description": "For national systems of one country: find authorities, ask, answer, follow cases.",
        "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    }


def _models(table: tuple[Route, ...]) -> list[_Key]:
    keys: dict[_Key, None] = {(Problem, "serialization"): None}
    for route in table:
        keys[route.query, "validation"] = None
        if route.body is not None and issubclass(route.body, BaseModel):
            keys[route.body, "validation"] = None
        if route.answer is not None and issubclass(route.answer, BaseModel):
            keys[route.answer, "serialization"] = None
    return list(keys)


def _name_of(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _operation(route: Route, schemas: _Schemas, query: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]
    if route.repeatable:
        parameters.append(_KEY_HEADER)
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": parameters,
        "responses": {str(route.status): _answer(route, schemas), "default": _PROBLEM},
    }
    if route.access != "token":
        operation["security"] = [] if route.access == "open" else [{"session": []}]
    if route.body is Upload:
        operation["requestBody"] = {"required": True, "content": _UPLOAD}
    elif route.body is not None and issubclass(route.body, BaseModel):
        content = {"application/json": {"schema": schemas[route.body, "validation"]}}
        operation["requestBody"] = {"required": not _may_be_empty(route.body), "content": content}
    return operation


def _may_be_empty(body: type[BaseModel]) -> bool:
    return not any(field.is_required() for field in body.model_fields.values())


def _answer(route: Route, schemas: _Schemas) -> dict[str, Any]:
    if route.answer is None:
        return {"description": "Done."}
    if issubclass(route.answer, File):
        return {"description": "The file.", "content": {"*/*": {"schema": {}}}}
    assert issubclass(route.answer, BaseModel)
    schema = schemas[route.answer, "serialization"]
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def _problem(schemas: _Schemas) -> dict[str, Any]:
    return {
        "description": "Refused, with a code; nothing was done unless the code says otherwise.",
        "content": {MEDIA_TYPE: {"schema": schemas[Problem, "serialization"]}},
    }


def _own_operation() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "readDescription",
        "summary": "Read this document",
        "security": [],
        "responses": {"200": {"description": "This document.", "content": content}},
    }
