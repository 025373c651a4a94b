from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from appliance.domain.argument_checks import find_misfits, find_unsafe_pattern
from appliance.errors import ConfigurationError
from appliance.integrations.shopify.ready_endpoints import READY_ENDPOINTS as SHOPIFY
from appliance.integrations.woocommerce.ready_endpoints import READY_ENDPOINTS as WOOCOMMERCE
from appliance.workflows.bundled import (
    load_bundled,
    load_data_tables,
    load_demo_config,
    load_demo_rows,
    load_integration_tools,
    load_workflow_settings,
)
from appliance.workflows.definition import parse_definition

FOLDER = Path(__file__).parents[4] / "bundled-workflows"
EVERY_WORKFLOWS = {"api_key_name", "fields", "idempotent"}
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # still 1 March in New York


def test_every_bundled_tool_has_a_workflow_that_can_run():
    tools = load_bundled(FOLDER)
    assert [tool.tool_name for tool in tools] == [
        "book_appointment", "cancel_appointment", "check_availability", "check_delivery_area",
        "check_inventory", "create_support_ticket", "get_business_hours", "get_order_status",
        "place_order", "process_return", "request_callback", "reschedule_appointment",
    ]  # fmt: skip
    for tool in tools:
        definition = parse_definition(tool.workflow)
        assert definition.name == tool.tool_name
        assert definition.webhook_path == tool.tool_name
        assert set(tool.workflow) == {"id", "name", "nodes", "connections", "settings"}
        assert all(re.fullmatch(r"[\w.+-]+", node["id"]) for node in tool.workflow["nodes"])


SHIPPED = [*load_bundled(FOLDER), *load_integration_tools(FOLDER)]


def test_tools_of_integrations_ask_ready_endpoints_of_every_shop_system():
    tools = {tool.tool_name: tool for tool in load_integration_tools(FOLDER)}
    for ready in (SHOPIFY, WOOCOMMERCE):
        endpoints = {endpoint.endpoint_name: endpoint for endpoint in ready}
        assert set(tools) <= set(endpoints)
        for name, tool in tools.items():
            endpoint, schema = endpoints[name], tool.parameters_schema
            assert tool.risk == endpoint.risk
            asked = {one.name for one in endpoint.parameters if one.required}
            assert asked <= set(schema["required"])
            proved = {one.name for one in endpoint.parameters if one.from_identity}
            marked = {k for k, part in schema["properties"].items() if "x-identity" in part}
            assert proved == marked


def test_schemas_are_valid_and_accept_their_own_examples():
    for tool in SHIPPED:
        schema = tool.parameters_schema
        jsonschema.Draft202012Validator.check_schema(schema)
        for name, part in schema["properties"].items():
            assert part["title"], name
            assert part["description"], name
            for example in part["examples"]:
                jsonschema.Draft202012Validator(part).validate(example)
        assert set(schema["required"]) <= set(schema["properties"])


def test_examples_are_in_english_and_hebrew():
    for tool in SHIPPED:
        hebrew = [text for text in tool.examples if re.search("[א-ת]", text)]
        assert len(hebrew) >= 3
        assert len(tool.examples) - len(hebrew) >= 10
        assert len(set(tool.examples)) == len(tool.examples)


def test_demo_rows_fit_their_tables():
    rows = load_demo_rows(FOLDER, NOW, time_zone="America/New_York")
    tables = {table.name: table for table in load_data_tables(FOLDER)}
    assert set(rows) == set(tables)
    for name, found in rows.items():
        columns = {column.name for column in tables[name].columns}
        assert found
        assert all(set(row) <= columns for row in found)
    assert "{" not in json.dumps([list(row.values()) for found in rows.values() for row in found])


def test_demo_rows_are_moved_to_the_shops_present():
    rows = load_demo_rows(FOLDER, NOW, time_zone="America/New_York")
    order = next(row for row in rows["orders"] if row["order_number"] == "12345")
    assert order["estimated_delivery"] == "2026-03-02T04:20:00.000Z"
    assert order["placed_at"] == "2026-03-02T03:25:00.000Z"
    old = next(row for row in rows["orders"] if row["order_number"] == "12320")
    assert old["placed_at"] == "2026-02-28T23:05:00.000Z"
    assert rows["bookings"][0]["date"] == "2026-03-01"
    assert rows["bookings"][2]["date"] == "2026-03-02"


def test_the_settings_declared_are_those_of_the_workflows():
    declared = load_workflow_settings(FOLDER)
    assert set(declared) == {tool.tool_name for tool in load_bundled(FOLDER)}
    for tool in load_bundled(FOLDER):
        schema = declared[tool.tool_name]
        jsonschema.Draft202012Validator.check_schema(schema)
        assert find_unsafe_pattern(schema) is None
        assert all(setting["description"] for setting in schema["properties"].values())
        [node] = [node for node in tool.workflow["nodes"] if node["name"] == "Settings"]
        given = node["parameters"]["assignments"]["assignments"]
        defaults = {item["name"]: item["value"] for item in given}
        assert set(schema["properties"]) - EVERY_WORKFLOWS == set(defaults)
        for item in given:
            value = item["value"]
            if item["type"] in ("object", "array"):
                value = json.loads(value)
            assert find_misfits({item["name"]: value}, schema) == [], item["name"]


def test_the_demos_configuration_names_bundled_tools():
    assert set(load_demo_config(FOLDER)) <= {tool.tool_name for tool in load_bundled(FOLDER)}


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="No bundled workflows"):
        load_bundled(tmp_path)
    (tmp_path / "x.tool.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"x\.json"):
        load_bundled(tmp_path)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"x\.tool\.json"):
        load_bundled(tmp_path)
