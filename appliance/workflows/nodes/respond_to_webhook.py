"""The Respond to Webhook node: answers the caller and hands its items on.

Owns building the answer; when it is sent is left to ``appliance.workflows.response``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonValue
from appliance.workflows.conversions import parse_json
from appliance.workflows.items import Branches, Item, pass_through
from appliance.workflows.node_context import NodeContext, WebhookResponse
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind
from appliance.workflows.response import read_headers, read_status

_KINDS = ("firstIncomingItem", "allIncomingItems", "json", "text", "noData", "redirect")


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    if context.state.response is None:
        context.state.response = _build(context, values)
    return [pass_through(context.items)]


def _build(context: NodeContext, values: Parameters) -> WebhookResponse:
    kind = context.node.given.text("respondWith") or "firstIncomingItem"
    options = values.group("options")
    headers = read_headers(options)
    status = read_status(options, "responseCode", 307 if kind == "redirect" else 200)
    if kind == "redirect":
        headers["location"] = values.text("redirectURL")
        return WebhookResponse(body=None, status_code=status, headers=headers)
    body = _body(kind, values, context.items)
    key = options.text("responseKey")
    if key and kind in ("firstIncomingItem", "allIncomingItems"):
        body = {key: body}
    return WebhookResponse(body=body, status_code=status, headers=headers)


def _body(kind: str, values: Parameters, items: list[Item]) -> JsonValue:
    if kind == "firstIncomingItem":
        return items[0].json if items else {}
    if kind == "allIncomingItems":
        return [item.json for item in items]
    if kind == "text":
        return values.text("responseBody")
    if kind == "noData":
        return None
    body = values.value("responseBody")
    return parse_json(body, "the response body") if isinstance(body, str) else body


KIND = NodeKind(
    type="n8n-nodes-base.respondToWebhook",
    min_version=1,
    max_version=1.5,
    run=_run,
    parameters=one_of("respondWith", *_KINDS)
    | read(
        "responseBody", "redirectURL", "options.responseCode", "options.responseHeaders",
        "options.responseKey",
    )
    | ignored("payload", "responseDataSource", "inputFieldName", "options.enableStreaming"),
)  # fmt: skip
