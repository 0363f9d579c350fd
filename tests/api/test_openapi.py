"""The description is valid, whole, and what the node serves."""

import json

from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from node.api.app import ROUTES
from tests.api.caller import described
from tests.api.conftest import Apis


def test_the_description_is_valid():
    """It is an OpenAPI 3.1 document, without names of our modules."""
    validate(described(), cls=OpenAPIV31SpecValidator)
    assert "__" not in json.dumps(described())


async def test_the_description_lists_every_route(apis: Apis):
    """What the router has under the prefix is described, and nothing else is."""
    app = apis.clients["DE"].server.app
    assert isinstance(app, web.Application)
    served = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    told = {(path, method) for path, operations in described()["paths"].items() for method in operations}
    assert told == served
    names = [route.operation for route in ROUTES]
    assert len(set(names)) == len(names)


async def test_the_node_serves_its_description(apis: Apis):
    """Anybody may read it, as JSON."""
    answer = await apis.nobody.send("GET", "openapi.json")
    assert answer.json == described()


def test_every_change_takes_a_key():
    """Each POST that does something takes an Idempotency-Key, signing in aside; no other method does."""
    for path, operations in described()["paths"].items():
        for method, operation in operations.items():
            keys = [one for one in operation.get("parameters", []) if one["name"] == "Idempotency-Key"]
            assert bool(keys) == (method == "post" and not path.endswith(("/search", "/session"))), (path, method)


def test_no_person_stands_in_an_address():
    """No query or path takes a person's name, login or date of birth; `person` and `token` are opaque ids."""
    taken = {
        one["name"]
        for operations in described()["paths"].values()
        for operation in operations.values()
        for one in operation.get("parameters", [])
        if one["in"] != "header"
    }
    assert taken == {
        *("lang", "limit", "offset", "q", "country", "area", "role", "complete", "state"),
        *("level", "region", "competence", "understands", "place"),
        *("by", "first", "last", "before", "after", "since", "number", "ended", "confidential", "part"),
        "kind",
        *("authority", "set", "draft", "sha256", "case", "file", "person", "token", "registration"),
    }
