"""The Manual Trigger node: a run starts here with the given input as its one item.

Owns nothing else; n8n starts it with an empty item.
"""

from __future__ import annotations

from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    return [[Item(json=dict(context.state.trigger.body))]]


KIND = NodeKind(type="n8n-nodes-base.manualTrigger", min_version=1, max_version=1, run=_run)
