"""Tenants, tools and messages to test with, each with nothing but what a test names."""

from __future__ import annotations

from typing import Any

from appliance.domain.ids import TenantId, ToolId, WorkflowId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.domain.tool import ExecutorKind, Risk, TenantTool, Tool, ToolCall, ToolSpec
from appliance.domain.workflow import StoredWorkflow
from tests.fakes.clock import SettableClock

ORDER_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"order_number": {"type": "string", "minLength": 1}},
    "required": ["order_number"],
    "additionalProperties": False,
}
BOOKING_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "date": {"type": "string", "format": "date"},
        "time": {"type": "string"},
        "party_size": {"type": "integer", "title": "Guests", "minimum": 1},
    },
    "required": ["date", "time"],
}
BOOKING: JsonObject = {"time": "19:00", "party_size": 4, "date": "2026-03-03"}


def build_tenant(**fields: Any) -> Tenant:
    """Return Bob's Pizza Shop, with ``fields`` set."""
    now = SettableClock().now()
    start = {"id": TenantId(new_id()), "name": "Bob's Pizza Shop", "created_at": now}
    return Tenant(**(start | {"updated_at": now} | fields))


def build_tool(
    name: str = "get_order_status",
    *,
    risk: Risk = "read",
    schema: JsonObject | None = None,
    **fields: Any,
) -> Tool:
    """Return a catalogue entry; writes take a booking, reads an order number."""
    default = ORDER_SCHEMA if risk == "read" else BOOKING_SCHEMA
    return Tool(
        id=ToolId(new_id()),
        tool_name=name,
        description=f"Does {name}.",
        parameters_schema=default if schema is None else schema,
        risk=risk,
        created_at=SettableClock().now(),
        **fields,
    )


def build_tenant_tool(
    tenant_id: TenantId,
    name: str = "get_order_status",
    *,
    risk: Risk = "read",
    executor: ExecutorKind = "workflow",
    **fields: Any,
) -> TenantTool:
    """Return a tenant's use of a new catalogue entry."""
    tool = build_tool(name, risk=risk)
    return TenantTool(tenant_id=tenant_id, tool=tool, executor=executor, **fields)


def build_spec(name: str = "get_order_status", *, risk: Risk = "read") -> ToolSpec:
    """Return the tool as a model sees it."""
    schema = ORDER_SCHEMA if risk == "read" else BOOKING_SCHEMA
    return ToolSpec(name=name, description=f"Does {name}.", parameters_schema=schema, risk=risk)


def call_order(call_id: str = "c1", number: str = "12345") -> ToolCall:
    """Return a call that reads an order's state."""
    return ToolCall(id=call_id, name="get_order_status", arguments={"order_number": number})


def call_booking(call_id: str = "w1", **arguments: Any) -> ToolCall:
    """Return a call that books a table."""
    return ToolCall(id=call_id, name="book_appointment", arguments=BOOKING | arguments)


def build_workflow(name: str = "get_order_status", **fields: Any) -> StoredWorkflow:
    """Return a stored workflow that nobody runs."""
    given = {"id": WorkflowId(new_id()), "definition": {}, "created_at": SettableClock().now()}
    return StoredWorkflow(name=name, **{**given, **fields})
