"""The tool catalogue, and what a shop uses of it."""

from __future__ import annotations

import json
import time

import pytest

from tests.http.clients import Operator, check_problem
from tests.http.stored_rows import write_rows

pytestmark = pytest.mark.stored

TOOL = {
    "tool_name": "find_gift_card",
    "description": "Find a gift card by its code.",
    "parameters_schema": {
        "type": "object",
        "required": ["code"],
        "properties": {"code": {"type": "string", "description": "The code."}},
    },
    "category": "gifts",
    "risk": "read",
    "required_integrations": [{"key": "cards", "required": False}],
    "examples": ["What is left on my gift card?"],
}

HOOK = "https://n8n.example/webhook/x"
SLOW_PATTERN = "^([A-Za-z0-9]+-?)+$"


@pytest.fixture
def tool(operator: Operator):
    made = operator.call("POST", "/tools", TOOL, status=201)
    yield made
    operator.http.delete(f"/tools/{made['id']}")


def test_a_tool_has_all_its_fields(operator, tool):
    assert {name: tool[name] for name in TOOL} == TOOL
    assert operator.call("GET", f"/tools/{tool['id']}") == tool
    assert tool in operator.call("GET", "/tools?limit=200")["items"]


def test_the_bundled_tools_are_in_the_catalogue(operator):
    names = [tool["tool_name"] for tool in operator.call("GET", "/tools?limit=200")["items"]]
    assert {"get_order_status", "check_inventory", "book_appointment"} <= set(names)
    assert len(names) == len(set(names))


def test_a_name_is_given_once(operator, tool):
    answer = operator.http.post("/tools", json=TOOL)
    assert answer.status_code == 409
    check_problem(answer, 409, answer.json()["code"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tool_name": "with space"}, "tool_name"),
        ({"tool_name": ""}, "tool_name"),
        ({"description": ""}, "description"),
        ({"risk": "harmless"}, "risk"),
        ({"parameters_schema": {"type": "nonsense"}}, "parameters_schema"),
        ({"parameters_schema": []}, "parameters_schema"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_field_that_does_not_fit_is_named(operator, fields, field):
    answer = operator.http.post("/tools", json={**TOOL, "tool_name": "other", **fields})
    problem = check_problem(answer, 400, "validation_failed")
    assert problem["errors"][0]["field"].startswith(field)


def with_pattern(pattern: str) -> dict:
    """Return the schema of ``TOOL`` with a code of this pattern."""
    code = {"type": "string", "title": "Gift card code", "pattern": pattern}
    return {**TOOL["parameters_schema"], "properties": {"code": code}}


def test_a_pattern_that_could_freeze_the_server_is_not_saved(operator, tool):
    unsafe = {"parameters_schema": with_pattern(SLOW_PATTERN)}
    named = {**TOOL, **unsafe, "tool_name": "other"}
    for answer in (
        operator.http.post("/tools", json=named),
        operator.http.patch(f"/tools/{tool['id']}", json=unsafe),
        operator.http.post("/tools/import", json=named),
    ):
        [error] = check_problem(answer, 400, "validation_failed")["errors"]
        assert error["field"] == "parameters_schema"
        assert "properties.code.pattern" in error["message"]
        assert "'^[A-Za-z0-9-]{1,64}$'" in error["message"]
    assert operator.call("GET", f"/tools/{tool['id']}") == tool


def test_such_a_pattern_that_was_stored_before_is_never_run(
    operator, shop, shopper, tool, demo_server
):
    operator.use_tool(shop.id, TOOL["tool_name"], workflow="get_order_status")
    write_rows(
        demo_server.database,
        "UPDATE tools SET parameters_schema = ? WHERE id = ?",
        json.dumps(with_pattern(SLOW_PATTERN)),
        tool["id"],
    )
    operator.call("PATCH", f"/tenants/{shop.id}/tools/{tool['id']}", {"enabled": True})
    hostile = "A1" * 16 + "_"
    shopper.ask("What is left on my gift card?")
    began = time.monotonic()
    shopper.ask(hostile)
    path = f"/tenants/{shop.id}/tools/{tool['id']}/test"
    answer = operator.http.post(path, json={"parameters": {"code": hostile}})
    assert time.monotonic() - began < 5
    [error] = check_problem(answer, 400, "validation_failed")["errors"]
    assert "properties.code.pattern is not run" in error["message"]


def test_a_tool_is_changed_and_removed(operator, shop, tool):
    operator.use_tool(shop.id, TOOL["tool_name"], webhook_url="https://n8n.example/webhook/x")
    changed = operator.call("PATCH", f"/tools/{tool['id']}", {"risk": "write"})
    assert changed == {**tool, "risk": "write"}
    operator.call("DELETE", f"/tools/{tool['id']}", status=204)
    check_problem(operator.http.get(f"/tools/{tool['id']}"), 404, "tool_not_found")
    assert operator.call("GET", f"/tenants/{shop.id}/tools")["items"] == []


def test_a_shop_uses_a_tool(operator, shop, tool):
    path = f"/tenants/{shop.id}/tools/{tool['id']}"
    choice = {
        "enabled": True,
        "executor": "n8n_webhook",
        "webhook_url": "https://n8n.example/webhook/x",
        "custom_config": {"timeout_s": 5},
    }
    used = operator.call("PUT", path, choice)
    assert {name: used[name] for name in choice} == choice
    assert (used["tool_name"], used["risk"]) == (TOOL["tool_name"], "read")
    assert operator.call("GET", f"/tenants/{shop.id}/tools")["items"] == [used]
    off = operator.call("PATCH", path, {"enabled": False})
    assert off == {**used, "enabled": False}
    replaced = operator.call("PUT", path, {"workflow": "get_order_status"})
    assert (replaced["executor"], replaced["webhook_url"]) == ("workflow", None)
    assert replaced["custom_config"] == {}
    operator.call("DELETE", path, status=204)
    check_problem(operator.http.delete(path), 404, "tool_not_found")


@pytest.mark.parametrize(
    ("tool_name", "choice", "field"),
    [
        ("check_availability", {"custom_config": {"slot_minutes": "abc"}}, "slot_minutes"),
        ("check_availability", {"custom_config": {"unknown_setting": 1}}, "unknown_setting"),
        (
            "check_availability",
            {"custom_config": {"opening_hours": {"mon": "25:00-26:00"}}},
            "opening_hours.mon",
        ),
        (
            "get_order_status",
            {"webhook_url": HOOK, "custom_config": {"timeout_s": -1}},
            "timeout_s",
        ),
        (
            "get_order_status",
            {
                "webhook_url": HOOK,
                "custom_config": {"credential": {"type": "httpHeaderAuth", "name": "none"}},
            },
            "credential",
        ),
    ],
)
def test_a_setting_that_does_not_fit_is_not_saved(operator, shop, tool_name, choice, field):
    path = f"/tenants/{shop.id}/tools/{operator.find_tool_id(tool_name)}"
    before = operator.call("GET", f"/tenants/{shop.id}/tools")["items"]
    problem = check_problem(operator.http.put(path, json=choice), 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [f"custom_config.{field}"]
    assert operator.call("GET", f"/tenants/{shop.id}/tools")["items"] == before


def test_a_workflow_that_is_not_there_is_refused_and_one_that_has_gone_is_told(
    operator, shop, demo_server
):
    tool_id = operator.find_tool_id("get_order_status")
    path = f"/tenants/{shop.id}/tools/{tool_id}"
    chosen = {"executor": "workflow", "workflow": "nosuch"}
    problem = check_problem(operator.http.put(path, json=chosen), 400, "validation_failed")
    [error] = problem["errors"]
    assert (error["field"], "'nosuch'" in error["message"]) == ("workflow", True)
    operator.call("PUT", path, {})
    row = "UPDATE tenant_tools SET workflow = 'nosuch' WHERE tenant_id = ? AND tool_id = ?"
    write_rows(demo_server.database, row, shop.id, tool_id)
    listed = operator.call("GET", f"/tenants/{shop.id}/tools")["items"]
    [trouble] = [item["trouble"] for item in listed if item["tool_id"] == tool_id]
    assert "There is no workflow 'nosuch'." in trouble
    assert operator.call("PATCH", path, {"enabled": False})["workflow"] == "nosuch"


def test_a_tool_switched_off_is_not_offered(operator, shop, shopper):
    """Without its order tool, the shop's assistant has nothing to look the order up with."""
    operator.use_tool(shop.id, "get_order_status", workflow="get_order_status", enabled=False)
    assert shopper.ask("Where is my order 12345?")["tools"] == []


def test_a_trial_runs_the_tool_as_the_assistant_would(operator):
    tenant_id = operator.find_tenant_id("Bob's Pizza Shop")
    path = f"/tenants/{tenant_id}/tools/{operator.find_tool_id('get_order_status')}/test"
    trial = operator.call("POST", path, {"parameters": {"order_number": "12345"}})
    assert trial["success"] is True
    assert trial["result"]["order_number"] == "12345"
    assert trial["error"] is None
    assert trial["attempts"] == 1
    assert trial["sent"]["order_number"] == "12345"


def test_a_trial_with_wrong_parameters_says_so(operator):
    tenant_id = operator.find_tenant_id("Bob's Pizza Shop")
    path = f"/tenants/{tenant_id}/tools/{operator.find_tool_id('get_order_status')}/test"
    answer = operator.http.post(path, json={"parameters": {"order_number": 5}})
    problem = check_problem(answer, 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["parameters"]


def test_a_trial_that_changes_something_is_asked_for_expressly(operator, shop):
    operator.use_tool(shop.id, "get_order_status", workflow="get_order_status", risk="destructive")
    path = f"/tenants/{shop.id}/tools/{operator.find_tool_id('get_order_status')}/test"
    body = {"parameters": {"order_number": "12345"}}
    problem = check_problem(operator.http.post(path, json=body), 400, "confirmation_needed")
    assert [error["field"] for error in problem["errors"]] == ["confirm"]
    assert operator.call("POST", path, {**body, "confirm": True})["success"] is True


def test_definitions_are_carried_over_by_file(operator, shop):
    exported = operator.http.get("/tools/export?tool=get_order_status")
    assert exported.headers["content-disposition"] == 'attachment; filename="tools.json"'
    file = exported.json()
    [tool] = file["tools"]
    tool["tool_name"] = "carried_over"
    path = "/tools/import"
    assert operator.call("POST", f"{path}?dry_run=true", file)["created"] == ["carried_over"]
    check_problem(operator.http.get("/tools/export?tool=carried_over"), 404, "tool_not_found")
    assert operator.call("POST", path, file)["created"] == ["carried_over"]
    operator.use_tool(shop.id, "carried_over", workflow="get_order_status")
    tool["risk"] = "write"
    done = operator.call("POST", path, tool)
    assert done["replaced"] == [{"tool_name": "carried_over", "changed": ["risk"]}]
    [used] = operator.call("GET", f"/tenants/{shop.id}/tools")["items"]
    assert (used["risk"], used["workflow"]) == ("write", "get_order_status")
    tool["risk"] = "harmless"
    problem = check_problem(operator.http.post(path, json=file), 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["tools.0.risk"]
    operator.call("DELETE", f"/tools/{operator.find_tool_id('carried_over')}", status=204)
