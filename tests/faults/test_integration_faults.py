"""What ``docs/faults.md`` promises of shops' own systems that fail, at their real names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from appliance.agent.tool_runs import ToolRuns, TurnTally, build_result_text
from appliance.domain.ids import IntegrationId, TenantId
from appliance.domain.integration import Endpoint
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import Risk, ToolCall, ToolOutcome
from appliance.egress import EgressClient
from appliance.integrations.mcp import McpKind
from appliance.ports.integrations import Integration, OffersTools, WebhookAccess
from appliance.ports.tool_executor import ToolContext
from appliance.tasks import TaskGroup
from appliance.tools.integration import IntegrationExecutor
from tests.fakes import hostile_mcp, shopify_shop, woocommerce_shop
from tests.fakes.clock import SettableClock
from tests.fakes.hostile_mcp import (
    be_elsewhere,
    be_silent,
    older,
    redirect_away,
    refuse_the_key,
    reply_at_length,
    reply_endlessly,
    reply_well,
    reply_with_a_failure,
)
from tests.fakes.integrations import build_endpoint, build_integration
from tests.fakes.loopback_http import LoopbackHttp
from tests.fakes.shop_databases import OWNER, build_query
from tests.fakes.shop_databases import open_shop as open_database
from tests.fakes.shops import build_tenant_tool
from tests.fakes.webhook_server import Answer, Hang, Reply, reply_json
from tests.fakes.woocommerce_server import PAGE_404, refuse
from tests.faults.fault_table import read_tool_tables

ROWS = read_tool_tables().integrations
SECRETS = (
    "hunter2",
    "Shopify",
    "WooCommerce",
    "WordPress",
    "shpat_",
    "myshopify",
    "<",
    "200",
    "401",
    "503",
    "scope",
)
MOVED = Reply(status=302, headers=[("Location", "https://thief.example/")])
PAGE = Reply(body=b"<html>hunter2</html>", content_type="text/html")
HUGE = Reply(body=b" " * 10_000_000)


def graphql_error(code: str) -> Answer:
    return reply_json({"errors": [{"message": "hunter2", "extensions": {"code": code}}]})


SHOPIFY: Mapping[str, Answer] = {
    "token expired or revoked (401)": reply_json({"errors": "hunter2"}, 401),
    "no such shop (404)": reply_json({"errors": "hunter2"}, 404),
    "the shop is frozen (402)": reply_json({"errors": "hunter2"}, 402),
    "the app lacks a scope (200)": graphql_error("ACCESS_DENIED"),
    "throttled for long (200)": graphql_error("THROTTLED"),
    "failed within (200)": graphql_error("INTERNAL_SERVER_ERROR"),
    "overloaded (503)": Reply(status=503, body=b"hunter2"),
    "a web page in place of an answer": PAGE,
    "silence until the deadline": Hang(),
    "redirect (302)": MOVED,
    "an answer of 10 MB": HUGE,
}
WOOCOMMERCE: Mapping[str, Answer] = {
    "key revoked (401)": refuse(
        "woocommerce_rest_authentication_error", "Consumer key is invalid. hunter2", 401
    ),
    "the key's user may not (403)": refuse("woocommerce_rest_cannot_view", "hunter2", 403),
    "plain permalinks (404)": Reply(404, PAGE_404, content_type="text/html"),
    "too many requests (429)": Reply(status=429, body=b"hunter2"),
    "failed within (500)": Reply(status=500, body=b"hunter2"),
    "a web page in place of an answer": PAGE,
    "silence until the deadline": Hang(),
    "redirect (302)": MOVED,
    "an answer of 10 MB": HUGE,
}
MCP: Mapping[str, hostile_mcp.Reply] = {
    "credential refused (401)": refuse_the_key,
    "no server at the address (404)": be_elsewhere,
    "the tool says that it failed": reply_with_a_failure,
    "the tool is not what was approved": reply_well,
    "silence until the deadline": be_silent,
    "events without an end": reply_endlessly,
    "redirect (307)": redirect_away,
    "an answer of 10 MB": reply_at_length,
}
ORDER: JsonObject = {"order_number": "1001", "email": "dana@shop.example"}
DATABASE: Mapping[str, JsonObject] = {
    "a stored query that writes": {"query": "DELETE FROM orders"},
    "a view that writes": {"query": "SELECT * FROM wiping", "username": OWNER},
    "a table that is gone": {"query": "SELECT number FROM hunter2"},
    "a table that may not be read": {"query": "SELECT rolname FROM pg_authid"},
    "a value that does not fit": {"query": "SELECT 1 / length('')"},
    "a query that takes too long": {
        "query": "SELECT count(*) FROM generate_series(1, 100000000000)",
        "timeout_s": 0.3,
    },
    "more rows than allowed": {"max_rows": 2},
    "an answer of 50 MB": {"query": "SELECT lpad('x', 50000000)"},
    "a user who may do everything": {"username": "csai"},
    "a user it does not know": {"username": "hunter2"},
    "no such database": {"database": "hunter2"},
    "no TLS where it is required": {"tls": "require"},
    "address not allowed": {"host": "10.0.0.1", "port": 5432},
}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "Shopify": SHOPIFY,
    "WooCommerce": WOOCOMMERCE,
    "Database": DATABASE,
    "MCP": MCP,
}


class OneEndpoint:
    """Implements ``IntegrationAccess`` for one endpoint of one system."""

    def __init__(self, system: Integration, endpoint: Endpoint) -> None:
        self._system = system
        self._endpoint = endpoint

    async def call(
        self,
        tenant_id: TenantId,
        integration_id: IntegrationId,
        endpoint_name: str,
        arguments: JsonObject,
        *,
        risk: Risk,
        bound: Collection[str] = (),
    ) -> ToolOutcome:
        return await self._system.call(self._endpoint, arguments)

    async def describe(
        self, tenant_id: TenantId, mapping: Mapping[str, str]
    ) -> dict[str, WebhookAccess]:
        return {}


async def run(access: OneEndpoint, risk: Risk, arguments: JsonObject) -> ToolOutcome:
    """Return what the agent makes of a call."""
    runs = ToolRuns(
        executors={"integration": IntegrationExecutor(access)},
        turn_store=None,  # type: ignore[arg-type]  # there is no conversation to log in
        clock=SettableClock(),
        tasks=TaskGroup(),
    )
    tool = build_tenant_tool(
        TenantId("t"), "ask_shop", risk=risk, executor="integration",
        integration_mapping={"shop": "i"},
    )  # fmt: skip
    asked = ToolCall(id="c1", name="ask_shop", arguments=arguments)
    context = ToolContext(tenant_id=TenantId("t"))
    outcomes = await runs.run_all([asked], {"ask_shop": tool}, context, TurnTally(), lambda _: None)
    return outcomes["c1"]


async def play_shopify(folder: Path, answer: Answer, risk: Risk) -> ToolOutcome:
    async with shopify_shop.open_shop(folder, faults=[answer] * 3) as shop:
        system = shop.open(timeout_s=1.5 if isinstance(answer, Hang) else 15)
        if risk == "read":
            ready = shopify_shop.build_ready("find_order")
            return await run(OneEndpoint(system, ready), risk, ORDER)
        variant = "gid://shopify/ProductVariant/1"
        new = {"email": ORDER["email"], "product_id": variant, "quantity": 1}
        ready = shopify_shop.build_ready("create_order")
        return await run(OneEndpoint(system, ready), risk, new)


async def play_woocommerce(folder: Path, answer: Answer, risk: Risk) -> ToolOutcome:
    async with woocommerce_shop.open_shop(folder, faults=[answer] * 3) as shop:
        system = shop.open(timeout_s=1.5 if isinstance(answer, Hang) else 15)
        if risk == "read":
            ready = woocommerce_shop.build_ready("find_order")
            return await run(OneEndpoint(system, ready), risk, ORDER)
        new = {"email": ORDER["email"], "product_id": "1", "quantity": 1}
        ready = woocommerce_shop.build_ready("create_order")
        return await run(OneEndpoint(system, ready), risk, new)


async def play_database(folder: Path, fault: JsonObject, risk: Risk) -> ToolOutcome:
    async with open_database("postgresql", folder) as shop:
        fields = dict(fault)
        query = fields.pop("query", "SELECT number FROM orders")
        return await run(OneEndpoint(shop.open(**fields), build_query(query)), risk, {})


async def play_mcp(_: Path, reply: hostile_mcp.Reply, risk: Risk) -> ToolOutcome:
    async def tell(integration: object, offers: object) -> None:
        pass

    async with LoopbackHttp(older(reply)) as server:
        http = EgressClient([f"127.0.0.1:{server.port}"])
        kind = McpKind(http, {}, tell, SettableClock())
        config = {"url": f"{server.url}/mcp", "timeout_s": 1.5 if reply is be_silent else 15}
        system = kind.open(build_integration(config, integration_type="mcp"))
        assert isinstance(system, OffersTools)
        [offer] = await system.list_offers()
        approved = "another" if reply is reply_well else offer.fingerprint
        endpoint = build_endpoint(url_template="", risk=risk, offer=offer, approved=approved)
        outcome = await run(OneEndpoint(system, endpoint), risk, {})
        await kind.aclose()
        await http.aclose()
    return outcome


PLAYS: Mapping[str, Any] = {
    "Shopify": play_shopify,
    "WooCommerce": play_woocommerce,
    "Database": play_database,
    "MCP": play_mcp,
}


def test_every_row_is_played() -> None:
    played = [f"{system}: {fault}" for system, faults in FAULTS.items() for fault in faults]
    assert [row[0] for row in ROWS] == played


@pytest.mark.parametrize(
    ("fault", "reading", "writing", "sentence"), ROWS, ids=[row[0] for row in ROWS]
)
async def test_a_failing_system_is_told_as_the_table_says(
    tmp_path: Path, fault: str, reading: str, writing: str, sentence: str
) -> None:
    system, _, name = fault.partition(": ")
    risks: tuple[tuple[Risk, str], ...] = (("read", reading), ("write", writing))
    for risk, kind in risks:
        with structlog.testing.capture_logs() as logs:
            outcome = await PLAYS[system](tmp_path, FAULTS[system][name], risk)
        assert (f"`{outcome.failure}`", outcome.error) == (kind, sentence)
        loud = [line for line in logs if line["log_level"] != "info"]
        assert [(line["event"], line["failure"]) for line in loud] == [
            ("tool_failed", outcome.failure)
        ]
        text = build_result_text(outcome)
        assert [word for word in SECRETS if word in text] == []
