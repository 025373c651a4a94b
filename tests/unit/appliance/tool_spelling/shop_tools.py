"""The tools that the models of these tests are offered."""

from __future__ import annotations

from typing import Any

from appliance.domain.tool import ToolSpec

TEXT = {"type": "string"}


def build_tool(tool: str, required: tuple[str, ...] = (), /, **properties: Any) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name=tool, description=f"Does {tool}", parameters_schema=schema)


TOOLS = (
    build_tool("get_order_status", ("order_number",), order_number=TEXT),
    build_tool(
        "check_inventory",
        ("product",),
        product=TEXT,
        quantity={"type": "integer"},
        in_stock_only={"type": "boolean"},
    ),
    build_tool(
        "book_appointment",
        ("date", "time"),
        date={"type": "string", "format": "date"},
        time=TEXT,
        people={"type": "integer"},
        name=TEXT,
        note=TEXT,
    ),
    build_tool("get_opening_hours"),
    build_tool("cancel_order", ("order_number",), order_number=TEXT, reason=TEXT),
    build_tool(
        "find_products",
        tags={"type": "array", "items": TEXT},
        max_price={"type": "number"},
        filters={"type": "object", "properties": {"vegan": {"type": "boolean"}}},
    ),
)
