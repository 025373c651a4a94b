"""The Webhook node: a run starts here with the request as its one item.

Owns the item's shape; what the webhook answers is left to ``appliance.workflows.response``.
"""

from __future__ import annotations

from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind

_RESPONSE_MODES = ("onReceived", "lastNode", "responseNode")


def _check(node: Node) -> list[str]:
    problems = []
    mode = node.parameters.get("responseMode", "onReceived")
    if mode not in _RESPONSE_MODES:
        problems.append(f"response mode {mode!r}")
    if node.parameters.get("responseData") == "firstEntryBinary":
        problems.append("binary responses")
    return problems


async def _run(context: NodeContext) -> Branches:
    trigger = context.state.trigger
    path = str(context.literal("path", ""))
    request = {
        "headers": {"content-type": "application/json", **trigger.headers},
        "params": {},
        "query": trigger.query,
        "body": trigger.body,
        "webhookUrl": f"http://localhost/webhook/{path}",
        "executionMode": "production",
    }
    return [[Item(json=request)]]


KIND = NodeKind(
    type="n8n-nodes-base.webhook", min_version=1, max_version=2.1, run=_run, check=_check
)
