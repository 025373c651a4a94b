"""The published contract: exactly the routes there are, and nothing secret."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from appliance.bootstrap import open_appliance
from appliance.logs import LogBuffer
from appliance.settings import load_settings
from appliance.web.openapi import UNSERVED_PATH
from tests.http.clients import Operator, Shop, check_problem
from tests.loopback import DIRECT

METHODS = {"get", "post", "put", "patch", "delete"}
UNLISTED = re.compile(
    UNSERVED_PATH + r".*|/demo|/schema/openapi\.json|/widget(-extras)?(\.[\w-]{8,16})?\.js(\.map)?"
)


@pytest.fixture(scope="module")
def document(demo_server) -> dict[str, Any]:
    answer = httpx.get(f"{demo_server.admin_url}/schema/openapi.json", **DIRECT)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def listed_operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
async def test_every_route_is_listed(document, tmp_path):
    settings = load_settings(
        {"data_dir": tmp_path / "data", "port": 0, "admin_port": 0, "llm_provider": "builtin"},
        environ={},
        working_dir=tmp_path,
    )
    async with open_appliance(settings, is_demo=True, log_buffer=LogBuffer()) as appliance:
        routes = {
            (method, route.path_format)
            for app in appliance.litestar_apps
            for route in app.routes
            for method in route.methods
            if method != "OPTIONS"
        }
    unlisted = {route for route in routes if UNLISTED.fullmatch(route[1])}
    assert routes - unlisted == listed_operations(document)
    assert len(unlisted) >= 4


def test_the_document_is_openapi_with_what_a_client_needs(document):
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], f"{method} {path}"
            assert operation["description"].endswith("."), f"{method} {path}"
            for given in operation.get("parameters", []):
                is_told = given["in"] != "query" or given.get("description")
                assert is_told, f"{method} {path}: {given['name']}"
            assert operation["operationId"]
            assert "default" in operation["responses"]
            slots = set(re.findall(r"\{(\w+)\}", path))
            given = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert given == slots
    ids = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    ]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(document):
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for item in value.values() for found in references(item)]
        if isinstance(value, list):
            return [found for item in value for found in references(item)]
        return []

    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_nothing_secret_is_in_the_document(document, demo_server, demo_key, operator: Operator):
    shop: Shop = operator.make_shop()
    text = httpx.get(f"{demo_server.admin_url}/schema/openapi.json", **DIRECT).text
    for secret in (
        demo_key,
        shop.api_key,
        shop.signing_secret,
        shop.id,
        operator.tokens["access_token"],
        demo_server.settings["CSAI_ADMIN_PASSWORD"],
        str(demo_server.data_dir),
        "Bob",
    ):
        assert secret not in text
    operator.call("DELETE", f"/tenants/{shop.id}")


def test_a_listed_operation_names_its_credential(document):
    for method, path in listed_operations(document):
        security = document["paths"][path][method.lower()]["security"]
        if path in ("/health", "/api/admin/login", "/api/admin/refresh"):
            assert security == []
        elif path.startswith("/api/admin/"):
            assert security == [{"access_token": []}]
        else:
            assert security == [{"publishable_key": []}]


@pytest.mark.parametrize("base", ["base_url", "admin_url"])
@pytest.mark.parametrize(
    "path", ["", "/", "/openapi.json", "/openapi.yml", "/swagger", "/redoc", "/elements"]
)
def test_the_frameworks_own_pages_are_not_served(demo_server, base, path):
    url = getattr(demo_server, base) + UNSERVED_PATH + path
    check_problem(httpx.get(url, **DIRECT), 404, "not_found")


def test_the_public_listener_publishes_no_contract(visitor):
    check_problem(visitor.http.get("/schema/openapi.json"), 404, "not_found")
