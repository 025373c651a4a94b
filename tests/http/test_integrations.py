"""A shop's own system, connected over the admin side and asked on behalf of a visitor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from tests.fakes.loopback_http import SeenRequest
from tests.fakes.webhook_server import Answer, WebhookServer, reply_json
from tests.http.clients import Operator, Shop, Visitor, check_problem
from tests.http.running_server import RunningServer, serving

KEY = "key-of-the-warehouse-9876"
QUESTION = "Where is my order 777?"
BOOKING = "Book a table for 2 tomorrow at 19:00, my name is Dana, phone 0501234567"
ENDPOINT = {
    "endpoint_name": "order",
    "url_template": "/orders/{order_number}",
    "parameters": [{"name": "order_number", "location": "path", "required": True}],
    "response_mapping": "order.{status: state, courier: courier}",
    "cache_s": 60,
}


class Stage(NamedTuple):
    """A running server, a shop's system, and who talks to it."""

    server: RunningServer
    api: WebhookServer
    operator: Operator
    shop: Shop
    visitor: Visitor

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.operator.call(method, f"/tenants/{self.shop.id}{path}", body, status=status)

    def connect(self, **config: Any) -> str:
        """Connect the system with its endpoint; return the integration's id."""
        body = {
            "integration_type": "rest",
            "name": "Warehouse",
            "connection_config": {
                "base_url": f"http://{self.api.authority}",
                "auth": "header",
                "api_key": KEY,
                **config,
            },
        }
        made: str = self.call("POST", "/integrations", body, status=201)["id"]
        self.call("POST", f"/integrations/{made}/endpoints", ENDPOINT, status=201)
        return made

    def use(self, integration_id: str) -> None:
        """Let the order tool ask the system."""
        self.operator.use_tool(
            self.shop.id,
            "get_order_status",
            executor="integration",
            integration_mapping={"get_order_status": integration_id},
            custom_config={"endpoint": "order"},
        )


def answer(request: SeenRequest) -> Answer:
    if request.headers.get("x-api-key") != KEY:
        return reply_json({"message": "internal: bad key"}, 401)
    if request.path == "/orders/777":
        order = {"state": "on its way", "courier": "Yael", "margin": 8765.4375}
        return reply_json({"order": order})
    return reply_json({"message": "internal: nothing"}, 404)


@asynccontextmanager
async def connected(
    tmp_path: Any, respond: Callable[[SeenRequest], Answer] = answer
) -> AsyncIterator[Stage]:
    async with WebhookServer(respond=respond) as api:
        settings = {"CSAI_EGRESS_ALLOW": api.authority}
        async with serving(tmp_path, settings=settings) as server:

            def prepare() -> Stage:
                operator = Operator(server)
                shop = operator.make_shop("Warehouse Shop")
                return Stage(server, api, operator, shop, Visitor(server, shop.api_key))

            stage = await asyncio.to_thread(prepare)
            yield stage
            stage.visitor.http.close()
            stage.operator.http.close()


async def test_a_visitor_is_answered_from_the_shops_own_system(tmp_path):
    async with connected(tmp_path) as stage:

        def play() -> None:
            integration_id = stage.connect()
            stage.use(integration_id)
            reply = stage.visitor.ask(QUESTION)
            assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
            assert "on its way" in reply["message"]["content"]
            assert "Yael" in reply["message"]["content"]
            assert "8765.4375" not in json.dumps(reply)
            stage.visitor.say(QUESTION)
            log = stage.call("GET", f"/integrations/{integration_id}/logs")["items"]
            assert [line["outcome"] for line in log] == ["cached", "succeeded"]
            assert (log[1]["status"], log[1]["endpoint_name"]) == (200, "order")
            shown = json.dumps([log, stage.visitor.history()])
            assert KEY not in shown

        await asyncio.to_thread(play)
        [request] = stage.api.requests
        assert (request.method, request.target) == ("GET", "/orders/777")


async def test_a_bundled_workflow_tells_only_what_the_system_proves(tmp_path):
    def respond(request: SeenRequest) -> Answer:
        is_signed = request.headers.get("x-shop-key") == KEY
        return reply_json({} if is_signed else {"status": "no key", "reference": "none"})

    async with connected(tmp_path, respond) as stage:
        stage.server.expect("tool_failed")

        def play() -> None:
            integration_id = stage.connect(api_key_name="X-Shop-Key")
            for tool in ("get_order_status", "book_appointment"):
                mapping = {tool: integration_id}
                stage.operator.use_tool(stage.shop.id, tool, integration_mapping=mapping)
            assert "could not look that up" in stage.visitor.say(QUESTION)
            stage.visitor.ask(BOOKING)
            reply = stage.visitor.ask("yes")
            assert [tool["status"] for tool in reply["tools"]] == ["failed"]
            assert "cannot tell whether it was done" in reply["message"]["content"]

        await asyncio.to_thread(play)


async def test_a_system_that_fails_is_told_to_the_operator_not_the_visitor(tmp_path):
    async with connected(tmp_path) as stage:
        stage.server.expect("tool_failed")

        def play() -> None:
            integration_id = stage.connect()
            stage.use(integration_id)
            path = f"/integrations/{integration_id}"
            config = {"connection_config": {"api_key": "wrong-key-of-the-warehouse"}}
            stage.call("PATCH", path, config)
            reply = stage.visitor.ask(QUESTION)
            assert [tool["status"] for tool in reply["tools"]] == ["failed"]
            assert "credential" not in reply["message"]["content"]
            [line] = stage.call("GET", f"{path}/logs")["items"]
            assert (line["outcome"], line["status"]) == ("failed", 401)
            assert "refused the stored credential" in line["error"]
            assert "internal" not in line["error"]
            tested = stage.call("POST", f"{path}/test")
            assert (tested["success"], "refused" in tested["message"]) == (False, True)

        await asyncio.to_thread(play)


async def test_a_connection_is_tested_and_the_result_kept(tmp_path):
    async with connected(tmp_path) as stage:

        def play() -> None:
            integration_id = stage.connect(test_path="/orders/777")
            path = f"/integrations/{integration_id}"
            tested = stage.call("POST", f"{path}/test")
            assert tested["success"]
            assert tested["message"] == "The system answers and accepts the credential."
            [shown] = stage.call("GET", "/integrations")["items"]
            assert shown["last_sync_test_result"] == tested
            assert shown["last_sync_test_at"] is not None
            stage.call("PATCH", path, {"connection_config": {"test_path": "/nothing"}})
            tested = stage.call("POST", f"{path}/test")
            assert (tested["success"], "Set test_path" in tested["message"]) == (False, True)

        await asyncio.to_thread(play)


@pytest.mark.on_sqlite  # reads the file itself
async def test_a_secret_goes_in_and_never_comes_out(tmp_path):
    async with connected(tmp_path) as stage:

        def play() -> None:
            integration_id = stage.connect()
            path = f"/integrations/{integration_id}"
            [shown] = stage.call("GET", "/integrations")["items"]
            assert shown["connection_config"]["api_key"] == {"set": True, "hint": "...9876"}
            changed = stage.call("PATCH", path, {"connection_config": {"timeout_s": 3}})
            credential = {
                "credential_type": "smtp",
                "name": "Post",
                "values": {"user": "u", "password": KEY},
                "hosts": ["mail.example:465"],
            }
            made = stage.call("POST", "/credentials", credential, status=201)
            assert made["values"] == {
                "user": {"set": True, "hint": "..."},
                "password": {"set": True, "hint": "...9876"},
            }
            renamed = stage.call("PATCH", f"/credentials/{made['id']}", {"name": "Post 2"})
            seen = [shown, changed, made, renamed, stage.call("GET", "/credentials")]
            exported = stage.operator.http.get(f"/tenants/{stage.shop.id}/export")
            assert exported.status_code == 200
            logs = stage.operator.call("GET", "/logs?limit=200")
            assert KEY not in json.dumps([*seen, logs])
            assert KEY.encode() not in exported.content
            stage.call("DELETE", f"/credentials/{made['id']}", status=204)
            stage.call("DELETE", path, status=204)
            assert stage.call("GET", "/integrations")["items"] == []

        await asyncio.to_thread(play)
        stored = (stage.server.data_dir / "database" / "csai.sqlite3").read_bytes()
        assert KEY.encode() not in stored


@pytest.fixture
def path(operator, shop) -> str:
    made = operator.call(
        "POST",
        f"/tenants/{shop.id}/integrations",
        {
            "integration_type": "rest",
            "name": "Shop",
            "connection_config": {
                "base_url": "https://shop.example",
                "auth": "bearer",
                "api_key": KEY,
            },
        },
        status=201,
    )
    return f"/tenants/{shop.id}/integrations/{made['id']}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"connection_config": {"base_url": "x"}}, "connection_config.base_url"),
        ({"connection_config": {"odd": 1}}, "connection_config.odd"),
        ({"connection_config": {"base_url": "https://thief.example"}}, "connection_config.api_key"),
        ({"name": ""}, "name"),
        ({"integration_type": "shopify"}, "integration_type"),
    ],
)
def test_a_change_that_does_not_fit_names_the_field(operator, path, body, field):
    problem = check_problem(operator.http.patch(path, json=body), 400, "validation_failed")
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"endpoint_name": "../x"}, "endpoint_name"),
        ({"url_template": "https://thief.example"}, "url_template"),
        ({"response_mapping": "a["}, "response_mapping"),
        ({"cache_s": -1}, "cache_s"),
        ({"method": "TRACE"}, "method"),
        ({"parameters": [{"name": "a", "location": "cookie"}]}, "parameters.0.location"),
        ({"parameters": [{"name": "a", "odd": 1}]}, "parameters.0.odd"),
    ],
)
def test_an_endpoint_that_does_not_fit_names_the_field(operator, path, fields, field):
    answered = operator.http.post(f"{path}/endpoints", json={"endpoint_name": "a", **fields})
    problem = check_problem(answered, 400, "validation_failed")
    assert problem["errors"][0]["field"] == field


def test_an_endpoint_is_made_changed_and_removed(operator, path):
    made = operator.call("POST", f"{path}/endpoints", {**ENDPOINT, "cache_s": 5}, status=201)
    assert (made["risk"], made["method"], made["cache_s"]) == ("read", "GET", 5)
    one = f"{path}/endpoints/{made['id']}"
    changed = operator.call("PATCH", one, {"description": "Looks up an order"})
    assert changed == {**made, "description": "Looks up an order"}
    assert operator.call("GET", f"{path}/endpoints")["items"] == [changed]
    taken = operator.http.post(f"{path}/endpoints", json=ENDPOINT)
    check_problem(taken, 409, "endpoint_name_taken")
    operator.call("DELETE", one, status=204)
    check_problem(operator.http.delete(one), 404, "endpoint_not_found")


def test_an_integration_in_use_stays(operator, shop, path):
    operator.call("POST", f"{path}/endpoints", ENDPOINT, status=201)
    integration_id = path.rpartition("/")[2]
    choice = {
        "executor": "integration",
        "integration_mapping": {"get_order_status": integration_id},
        "custom_config": {"endpoint": "order"},
    }
    operator.use_tool(shop.id, "get_order_status", **choice)
    problem = check_problem(operator.http.delete(path), 409, "integration_in_use")
    assert "get_order_status" in problem["detail"]
    tool_id = operator.find_tool_id("get_order_status")
    operator.call("DELETE", f"/tenants/{shop.id}/tools/{tool_id}", status=204)
    operator.call("DELETE", path, status=204)


def test_a_tool_without_anything_to_run_it_is_refused(operator, shop):
    tool_id = operator.find_tool_id("get_order_status")
    for body, field in (
        ({"executor": "builtin"}, "executor"),
        ({"executor": "integration"}, "custom_config"),
        (
            {"integration_mapping": {"get_order_status": "nowhere"}},
            "integration_mapping.get_order_status",
        ),
    ):
        answered = operator.http.put(f"/tenants/{shop.id}/tools/{tool_id}", json=body)
        problem = check_problem(answered, 400, "validation_failed")
        assert problem["errors"][0]["field"] == field
