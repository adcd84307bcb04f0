"""docs/openapi.yaml describes the JSON parts of the HTTP API as they are."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.ansible import ROOT
from support.frontend import HttpService

NODE = "10.255.255.245"
ADMIN = "127.0.0.1"
DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
# Paths below /rocks/ whose responses are text, and pages.
TEXT = {"/rocks/boot", "/rocks/kickstart", "/rocks/metrics"}
PAGES = (
    "/rocks/nodes",
    "/rocks/graph",
    "/rocks/generation",
    "/rocks/static",
    "/rocks/racks",
    "/rocks/search",
)


def validate(path: str, method: str, value: Any, part: str) -> None:
    """Check a value against the schema of a request or of its response with status 200."""
    operation = DOCUMENT["paths"][path][method]
    body = operation["requestBody"] if part == "request" else operation["responses"]["200"]
    schema = {**body["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def test_every_json_url_is_documented_with_its_method(service: HttpService) -> None:
    rules = {
        rule.rule: rule.methods or set()
        for rule in service.app.url_map.iter_rules()
        if rule.rule not in ("/", *TEXT) and not rule.rule.startswith(PAGES)
    }
    assert set(rules) == set(DOCUMENT["paths"])
    for path, operations in DOCUMENT["paths"].items():
        assert {method.upper() for method in operations} == rules[path] - {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["/rocks/status", "/rocks/health"])
def test_responses_match_their_schema(service: HttpService, order: Order, path: str) -> None:
    validate(path, "get", service.get(path, ADMIN).json(), "response")


def test_messages_and_answers_match_their_schemas(service: HttpService, order: Order) -> None:
    service.get("/rocks/kickstart", NODE)
    for message in (
        {"phase": "installing"},
        {"phase": "install", "done": 3, "total": 9, "steps": [{"phase": "format", "age": 4}]},
        {"phase": "installed"},
    ):
        event = {"order": order.uuid, **message}
        validate("/rocks/events", "post", event, "request")
        response = service.post("/rocks/events", NODE, **event)
        assert response.status == 200
        validate("/rocks/events", "post", response.json(), "response")
        if message["phase"] == "installing":
            response = service.post("/rocks/secrets", NODE, order=order.uuid)
            validate("/rocks/secrets", "post", response.json(), "response")
