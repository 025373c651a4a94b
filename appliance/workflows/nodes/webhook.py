"""The Webhook node: a run starts here with the request as its one item.

Owns the item's shape; what the webhook answers is left to ``appliance.workflows.response``.
"""

from __future__ import annotations

from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, literal, one_of
from appliance.workflows.registry import NodeKind


def _check(node: Node) -> list[str]:
    is_binary = node.given.text("responseData") == "firstEntryBinary"
    return ["binary responses"] if is_binary else []


async def _run(context: NodeContext) -> Branches:
    trigger = context.state.trigger
    path = context.node.given.text("path")
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
    type="n8n-nodes-base.webhook",
    min_version=1,
    max_version=2.1,
    run=_run,
    parameters=one_of("responseMode", "onReceived", "lastNode", "responseNode")
    | one_of("options.responseContentType", "application/json")
    | literal(
        "path", "responseCode", "responseData", "options.responseData", "options.responseCode",
        "options.responsePropertyName", "options.noResponseBody", "options.responseHeaders",
    )
    | ignored(
        "httpMethod", "multipleMethods", "authentication", "requireExecuteAccess",
        "responseBinaryPropertyName", "options.allowedOrigins", "options.ignoreBots",
        "options.ipWhitelist", "options.rawBody", "options.binaryPropertyName",
    ),
    check=_check,
)  # fmt: skip
