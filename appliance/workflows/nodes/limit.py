"""The Limit node: keeps the first or last items.

Owns nothing else.
"""

from __future__ import annotations

from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import read
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    count = max(0, values.integer("maxItems", 1))
    total = len(context.items)
    is_last = values.choice("keep", ("firstItems", "lastItems"), "firstItems") == "lastItems"
    first = max(0, total - count) if is_last else 0
    kept = range(first, min(first + count, total))
    return [[Item(json=context.items[index].json, origins=(Origin(index),)) for index in kept]]


KIND = NodeKind(
    type="n8n-nodes-base.limit",
    min_version=1,
    max_version=1,
    run=_run,
    parameters=read("maxItems", "keep"),
)
