"""The description of the interface is that of the interface."""

from __future__ import annotations

import re

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from services.cost_ledger.openapi import ROUTES, openapi_document


def test_every_route_is_described_and_nothing_else_is(client: FlaskClient) -> None:
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        # The cost page is for people, not for programs.
        if rule.endpoint != "static" and ".page." not in rule.endpoint
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = [(route.method, route.path) for route in ROUTES]
    assert len(described) == len(set(described))
    assert set(described) == served


def test_the_document_is_told_without_a_token(client: FlaskClient) -> None:
    response = client.get("/openapi.json", headers={"Authorization": ""})
    assert response.status_code == 200
    assert response.get_json() == openapi_document()


def test_only_open_routes_are_described_as_open(client: FlaskClient) -> None:
    for route in ROUTES:
        path = re.sub(r"{(budget_id)}", "1", route.path).replace("{key_id}", "9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001")
        path = path.replace("{name}", "daily")
        response = client.open(path.replace("{request_id}", "r"), method=route.method, headers={"Authorization": ""})
        assert (response.status_code != 401) is route.is_open, route.path


def test_every_schema_of_the_document_is_valid_and_finds_what_it_refers_to() -> None:
    document = openapi_document()
    for operations in document["paths"].values():
        for operation in operations.values():
            contents = [operation.get("requestBody", {}), *operation["responses"].values()]
            for schema in (one["schema"] for each in contents for one in each.get("content", {}).values() if one):
                Draft202012Validator.check_schema(schema)
    for reference in re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document)):
        assert reference in document["components"]["schemas"]
