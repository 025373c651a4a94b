"""An n8n of the operator's own, beside the appliance."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.background import Background
from tests.fakes.n8n_api import KEY, FakeN8n
from tests.http.clients import Operator, Visitor, check_problem
from tests.http.running_server import RunningServer
from tests.loopback import DIRECT

TOOL = "get_order_status"


def read_health(server: RunningServer) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{server.base_url}/health", **DIRECT).json()
    return answer


@pytest.fixture(scope="module")
def n8n():
    with Background().serve(FakeN8n()) as running:
        yield running


@pytest.fixture(scope="module")
def server(n8n, tmp_path_factory):
    settings = {"CSAI_N8N_URL": n8n.url, "CSAI_N8N_API_KEY": KEY}
    with RunningServer(tmp_path_factory.mktemp("n8n"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def owner(server):
    operator = Operator(server)
    yield operator
    operator.http.close()


def find_workflow(owner: Operator, name: str) -> str:
    found = owner.call("GET", "/workflows")["items"]
    return next(item["id"] for item in found if item["name"] == name)


def test_a_shipped_workflow_is_put_into_n8n_and_a_visitor_asks_it(server, owner, n8n):
    """On this machine, and without an entry in ``CSAI_EGRESS_ALLOW``."""
    assert owner.call("GET", "/n8n") == {"url": n8n.url, "is_usable": True, "detail": None}
    body = {"workflow_id": find_workflow(owner, TOOL)}
    made = owner.call("POST", "/n8n/workflows", body, status=201)
    assert (made["name"], made["is_active"]) == (TOOL, True)
    assert made["webhooks"][0]["production_url"] == f"{n8n.url}/webhook/{TOOL}"
    assert owner.call("GET", "/n8n/workflows")["items"] == [made]
    check_problem(owner.http.post("/n8n/workflows", json=body), 409, "n8n_workflow_exists")
    owner.call("POST", "/n8n/workflows", {**body, "replace": True, "publish": False}, status=201)
    assert owner.call("POST", f"/n8n/workflows/{made['id']}/publish")["is_active"] is True

    shop = owner.make_shop("n8n Shop")
    owner.use_tool(shop.id, TOOL, workflow=TOOL)
    choice = {"tenant_id": shop.id, "tool_id": owner.find_tool_id(TOOL)}
    used = owner.call("POST", f"/n8n/workflows/{made['id']}/use", choice)
    assert (used["executor"], used["webhook_url"]) == (
        "n8n_webhook",
        f"{n8n.url}/webhook/{TOOL}",
    )
    visitor = Visitor(server, shop.api_key)
    reply = visitor.ask("Where is my order 12345?")
    visitor.http.close()
    assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
    assert n8n.requests[-1].path == f"/webhook/{TOOL}"
    assert "x-n8n-api-key" not in n8n.requests[-1].headers


def test_no_tenants_tool_reaches_the_rest_of_n8n(server, owner, n8n):
    server.expect("tool_failed", "egress")
    shop = owner.make_shop("Curious Shop")
    owner.use_tool(shop.id, TOOL, webhook_url=f"{n8n.url}/webhook/../rest/owner/setup")
    path = f"/tenants/{shop.id}/tools/{owner.find_tool_id(TOOL)}/test"
    seen = len(n8n.requests)
    trial = owner.call("POST", path, {"parameters": {"order_number": "1"}})
    assert trial["success"] is False
    assert len(n8n.requests) == seen


def test_n8n_is_a_part_of_the_appliances_health(server):
    assert read_health(server)["components"]["n8n"] == {"status": "ok"}


def test_without_n8n_its_routes_name_the_setting(demo_server, operator):
    state = operator.call("GET", "/n8n")
    assert (state["url"], state["is_usable"]) == (None, False)
    assert "CSAI_N8N_URL" in state["detail"]
    answer = operator.http.get("/n8n/workflows")
    problem = check_problem(answer, answer.status_code, "n8n_not_set")
    assert "CSAI_N8N_URL" in problem["detail"]
    assert "n8n" not in read_health(demo_server)["components"]


def test_an_n8n_that_is_down_is_told_and_visitors_are_answered(tmp_path):
    with Background().serve(FakeN8n()) as n8n:
        url = n8n.url
    settings = {"CSAI_N8N_URL": url, "CSAI_N8N_API_KEY": KEY}
    with RunningServer(tmp_path, settings=settings) as server:
        server.expect("request_failed")
        health = read_health(server)
        assert (health["status"], health["components"]["n8n"]["status"]) == (
            "degraded",
            "unavailable",
        )
        assert url.removeprefix("http://") not in health["components"]["n8n"]["detail"]
        operator = Operator(server)
        check_problem(operator.http.get("/n8n/workflows"), 502, "n8n_unreachable")
        operator.http.close()
