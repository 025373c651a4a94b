"""A field that nobody knows is refused by name, in every body and at every depth of it.

The bodies come from the published contract, so a new route is tried without being listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.http.clients import check_problem
from tests.loopback import DIRECT

UNKNOWN = "no_such_field"
JSON = "application/json"
FREE_FORM = {
    "BusinessInfo.contact",
    "BusinessInfo.hours",
    "BusinessInfo.policies",
    "CredentialChanges.values",
    "FormBody.values",
    "IntegrationChanges.connection_config",
    "NewCredential.values",
    "NewIntegration.connection_config",
    "NewTenant.widget_config",
    "NewTool.parameters_schema",
    "RunBody.input",
    "TenantChanges.widget_config",
    "TenantToolChanges.custom_config",
    "TenantToolChanges.integration_mapping",
    "TenantToolChoice.custom_config",
    "TenantToolChoice.integration_mapping",
    "TestCallBody.identity",
    "TestCallBody.parameters",
    "ColumnChanges.titles",
    "NewColumn.titles",
    "ToolChanges.parameters_schema",
    "TrialBody.identity",
    "post /api/admin/tools/import",
    "patch /api/admin/tenants/{tenant_id}/tables/{table_id}/rows/{row_id}",
    "post /api/admin/tenants/{tenant_id}/tables/{table_id}/rows",
    "post /api/admin/workflows",
}
"""The maps whose keys are the caller's own."""


class Contract:
    """The published document, as far as request bodies go."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]
        self.bodies = {
            (method, path): operation["requestBody"]["content"][JSON]["schema"]
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if JSON in operation.get("requestBody", {}).get("content", {})
        }

    def objects(
        self, schema: dict[str, Any], *, name: str, steps: tuple[str | int, ...] = ()
    ) -> Iterator[tuple[str, dict[str, Any], tuple[str | int, ...]]]:
        """Yield every object of a body: its name, its schema and the steps that lead to it."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self._schemas[name]
        for choice in schema.get("oneOf", ()):
            yield from self.objects(choice, name=name, steps=steps)
        if schema.get("type") == "array":
            yield from self.objects(schema["items"], name=name, steps=(*steps, 0))
        if schema.get("type") == "object":
            yield name, schema, steps
            for key, value in schema.get("properties", {}).items():
                yield from self.objects(value, name=f"{name}.{key}", steps=(*steps, key))


def build_body(steps: tuple[str | int, ...]) -> Any:
    """Return the smallest body with an unknown field behind ``steps``."""
    body: Any = {UNKNOWN: 1}
    for step in reversed(steps):
        body = [body] if step == 0 else {step: body}
    return body


@pytest.fixture(scope="module")
def contract(demo_server) -> Contract:
    url = f"{demo_server.admin_url}/schema/openapi.json"
    return Contract(httpx.get(url, **DIRECT).json())


def test_every_object_of_a_body_is_closed_or_free_on_purpose(contract):
    free = set()
    for (method, path), schema in contract.bodies.items():
        for name, found, _ in contract.objects(schema, name=f"{method} {path}"):
            if found.get("additionalProperties") is not False:
                assert not found.get("properties"), f"{method} {path}: {name}"
                free.add(name)
    assert free == FREE_FORM


def test_every_object_of_every_body_refuses_an_unknown_field(
    contract, demo_server, demo_key, operator
):
    tried = 0
    for (method, path), schema in contract.bodies.items():
        is_admin = path.startswith("/api/admin/")
        url = (demo_server.admin_url if is_admin else demo_server.base_url) + path
        headers = {
            "X-API-Key": demo_key,
            "Authorization": operator.http.headers["Authorization"],
        }
        for name, _, steps in contract.objects(schema, name=f"{method} {path}"):
            if name in FREE_FORM:
                continue
            answer = httpx.request(
                method,
                re.sub(r"{\w+}", "x", url),
                json=build_body(steps),
                headers=headers,
                **DIRECT,
            )
            problem = check_problem(answer, 400, "validation_failed")
            field = ".".join(str(step) for step in (*steps, UNKNOWN))
            assert problem["errors"] == [{"field": field, "message": "Unknown field."}]
            tried += 1
    assert tried > len(contract.bodies)
