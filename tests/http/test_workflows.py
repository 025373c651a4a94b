"""Workflows as an operator imports, runs and removes them."""

from __future__ import annotations

import json

import pytest

from appliance.paths import bundled_workflows
from tests.http.clients import Operator, check_problem

pytestmark = pytest.mark.stored

BUNDLED = ("book_appointment", "check_inventory", "get_order_status")


def build_export(name: str, code: str, *, extra_node: str | None = None) -> dict:
    """Return an n8n export: a webhook, a code node, and the code's items as the answer."""
    nodes = [
        {
            "id": "1",
            "name": "Webhook",
            "type": "n8n-nodes-base.webhook",
            "typeVersion": 2,
            "position": [0, 0],
            "parameters": {"httpMethod": "POST", "path": name, "responseMode": "lastNode"},
        },
        {
            "id": "2",
            "name": "Reckon",
            "type": "n8n-nodes-base.code",
            "typeVersion": 2,
            "position": [200, 0],
            "parameters": {"jsCode": code},
        },
    ]
    if extra_node:
        nodes.append(
            {
                "id": "3",
                "name": "Strange",
                "type": extra_node,
                "typeVersion": 1,
                "position": [400, 0],
                "parameters": {},
            }
        )
    connections = {"Webhook": {"main": [[{"node": "Reckon", "type": "main", "index": 0}]]}}
    return {"name": name, "nodes": nodes, "connections": connections}


GREET = "return [{json: {greeting: `Hello ${$json.body.name}`}}];"


@pytest.fixture
def greeter(operator: Operator):
    made = operator.call("POST", "/workflows", build_export("greeter", GREET), status=201)
    yield made
    operator.http.delete(f"/workflows/{made['id']}")


def test_an_export_is_imported_and_run(operator, greeter):
    assert greeter["name"] == "greeter"
    assert greeter["webhook_path"] == "greeter"
    assert [node["name"] for node in greeter["nodes"]] == ["Webhook", "Reckon"]
    run = operator.call("POST", f"/workflows/{greeter['id']}/run", {"input": {"name": "Noa"}})
    assert run["output"] in ({"greeting": "Hello Noa"}, [{"greeting": "Hello Noa"}])
    assert [node["name"] for node in run["nodes"]] == ["Webhook", "Reckon"]
    assert all("output" not in node for node in run["nodes"])


def test_debugging_shows_what_each_node_gave(operator, greeter):
    body = {"input": {"name": "Noa"}, "debug": True}
    run = operator.call("POST", f"/workflows/{greeter['id']}/run", body)
    reckoned = next(node for node in run["nodes"] if node["name"] == "Reckon")
    assert [[item["json"] for item in branch] for branch in reckoned["output"]] == [
        [{"greeting": "Hello Noa"}]
    ]
    assert (reckoned["items"], reckoned["error"]) == (1, None)


def test_importing_again_replaces(operator, greeter):
    again = operator.call(
        "POST", "/workflows", build_export("greeter", "return [{json: {n: 2}}];"), status=201
    )
    assert again["id"] == greeter["id"]
    run = operator.call("POST", f"/workflows/{greeter['id']}/run", {"input": {}})
    assert run["output"] in ({"n": 2}, [{"n": 2}])


def test_the_definition_comes_back_as_it_went_in(operator, greeter):
    read = operator.call("GET", f"/workflows/{greeter['id']}")
    assert read["definition"] == build_export("greeter", GREET)
    listed = operator.call("GET", "/workflows")["items"]
    assert {"greeter", *BUNDLED} <= {workflow["name"] for workflow in listed}
    assert all("definition" not in workflow for workflow in listed)


def test_every_node_that_cannot_run_is_named(operator):
    export = build_export("strange", GREET, extra_node="n8n-nodes-base.telepathy")
    problem = check_problem(operator.http.post("/workflows", json=export), 400, "unsupported_node")
    assert "Strange" in json.dumps(problem)
    assert "telepathy" in json.dumps(problem)
    names = [workflow["name"] for workflow in operator.call("GET", "/workflows")["items"]]
    assert "strange" not in names


@pytest.mark.parametrize(
    "export", [{}, {"name": "x"}, {"name": "x", "nodes": "many", "connections": {}}, {"nodes": []}]
)
def test_what_is_no_export_is_refused(operator, export):
    answer = operator.http.post("/workflows", json=export)
    assert answer.status_code == 400
    check_problem(answer, 400, answer.json()["code"])


def test_a_failing_node_is_told_of_and_not_a_server_error(operator):
    made = operator.call(
        "POST", "/workflows", build_export("broken", "throw new Error('no flour')"), status=201
    )
    run = operator.call("POST", f"/workflows/{made['id']}/run", {"input": {}})
    assert "no flour" in run["error"]
    failed = next(node for node in run["nodes"] if node["name"] == "Reckon")
    assert "no flour" in failed["error"]
    operator.call("DELETE", f"/workflows/{made['id']}", status=204)


def test_bundled_workflows_are_read_run_and_kept(operator):
    listed = {item["name"]: item for item in operator.call("GET", "/workflows")["items"]}
    for name in BUNDLED:
        path = f"/workflows/{listed[name]['id']}"
        shipped = json.loads((bundled_workflows() / f"{name}.json").read_bytes())
        assert operator.call("GET", path)["definition"] == shipped
        assert listed[name]["is_bundled"] is True
        check_problem(operator.http.delete(path), 409, "workflow_is_bundled")
        check_problem(
            operator.http.post("/workflows", json=build_export(name, GREET)),
            409,
            "workflow_name_taken",
        )


def test_a_run_sees_one_tenants_rows_or_none(operator):
    listed = {item["name"]: item["id"] for item in operator.call("GET", "/workflows")["items"]}
    path = f"/workflows/{listed['get_order_status']}/run"
    tenant_id = operator.find_tenant_id("Bob's Pizza Shop")
    asked = {"input": {"order_number": "12345"}}
    of_shop = operator.call("POST", path, {**asked, "tenant_id": tenant_id})
    assert "31.5" in json.dumps(of_shop["output"])
    of_nobody = operator.call("POST", path, asked)
    assert "31.5" not in json.dumps(of_nobody)
    unknown = operator.http.post(path, json={**asked, "tenant_id": "nobody"})
    check_problem(unknown, 404, "tenant_not_found")


def test_a_workflow_that_runs_a_tool_stays(operator, shop):
    made = operator.call("POST", "/workflows", build_export("mine", GREET), status=201)
    operator.use_tool(shop.id, "get_order_status", workflow=made["id"])
    refused = operator.http.delete(f"/workflows/{made['id']}")
    problem = check_problem(refused, 409, "workflow_in_use")
    assert "'get_order_status'" in problem["detail"]
    operator.use_tool(shop.id, "get_order_status", workflow="get_order_status")
    operator.call("DELETE", f"/workflows/{made['id']}", status=204)


DEEP = "let deep = 1; for (let n = 0; n < LEVELS; n++) deep = {a: deep}; return [{json: {deep}}];"


def test_an_answer_nested_too_deeply_is_told_of(operator):
    for levels, is_fine in ((90, True), (300, False)):
        export = build_export("deep", DEEP.replace("LEVELS", str(levels)))
        made = operator.call("POST", "/workflows", export, status=201)
        path, body = f"/workflows/{made['id']}/run", {"input": {}, "debug": True}
        run = operator.call("POST", path, body)
        told = "Its answer is JSON that is nested more than 100 levels deep."
        assert run.get("error") == (None if is_fine else told)
        assert ("output" in run["nodes"][-1]) is is_fine
        operator.call("DELETE", f"/workflows/{made['id']}", status=204)


def test_endless_code_is_stopped(operator):
    made = operator.call(
        "POST", "/workflows", build_export("endless", "while (true) {}"), status=201
    )
    run = operator.call("POST", f"/workflows/{made['id']}/run", {"input": {}})
    assert run["error"]
    assert run["duration_ms"] < 20_000  # it has 5 s of the processor, or 15 s by the clock
    assert operator.http.get("/me").status_code == 200
    operator.call("DELETE", f"/workflows/{made['id']}", status=204)
