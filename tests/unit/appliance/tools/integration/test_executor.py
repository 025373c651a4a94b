from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.domain.ids import TenantId, ToolId
from appliance.domain.tool import TenantTool, Tool, ToolCall, ToolOutcome
from appliance.ports.tool_executor import ToolContext
from appliance.tools.integration import IntegrationExecutor
from tests.fakes.integrations import ScriptedIntegrations

TENANT = TenantId("tenant-1")
CALL = ToolCall(id="call_7", name="get_order_status", arguments={"order_number": "12345"})
CONTEXT = ToolContext(tenant_id=TENANT)


def build_tool(mapping: dict[str, str], **config: Any) -> TenantTool:
    tool = Tool(
        id=ToolId("tool-1"),
        tool_name="get_order_status",
        description="Look up an order",
        parameters_schema={"type": "object"},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return TenantTool(
        tenant_id=TENANT,
        tool=tool,
        executor="integration",
        integration_mapping=mapping,
        custom_config=config,
        risk_override="write",
    )


@pytest.mark.parametrize(
    ("mapping", "config", "integration", "endpoint"),
    [
        ({"shop": "i-1"}, {}, "i-1", "get_order_status"),
        ({"shop": "i-1"}, {"endpoint": "orders"}, "i-1", "orders"),
        ({"shop": "i-1", "erp": "i-2"}, {"integration": "erp"}, "i-2", "get_order_status"),
    ],
)
async def test_the_mapped_endpoint_is_asked(
    mapping: dict[str, str], config: dict[str, Any], integration: str, endpoint: str
) -> None:
    outcome = ToolOutcome(is_success=True, output={"status": "shipped"})
    access = ScriptedIntegrations(outcome)
    executor = IntegrationExecutor(access)
    assert executor.kind == "integration"
    assert await executor.execute(build_tool(mapping, **config), CALL, CONTEXT) == outcome
    assert access.asked == [(TENANT, integration, endpoint, CALL.arguments, "write")]


async def test_the_integration_is_told_which_arguments_are_proved() -> None:
    access = ScriptedIntegrations()
    tool = build_tool({"shop": "i-1"}, identity={"email": "email"})
    await IntegrationExecutor(access).execute(tool, CALL, CONTEXT)
    assert access.bound == {"email"}


@pytest.mark.parametrize(
    ("mapping", "config"),
    [
        ({}, {}),
        ({"shop": "i-1", "erp": "i-2"}, {}),
        ({"shop": "i-1"}, {"integration": "erp"}),
        ({"shop": "i-1"}, {"integration": 1}),
        ({"shop": "i-1"}, {"endpoint": ["orders"]}),
    ],
)
async def test_a_tool_that_is_not_set_up_asks_nobody(
    mapping: dict[str, str], config: dict[str, Any]
) -> None:
    access = ScriptedIntegrations()
    outcome = await IntegrationExecutor(access).execute(
        build_tool(mapping, **config), CALL, CONTEXT
    )
    assert (outcome.failure, access.asked) == ("not_available", [])
    assert "custom_config" in (outcome.error or "") or "integration_mapping" in (
        outcome.error or ""
    )
