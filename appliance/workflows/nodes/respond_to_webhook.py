"""The Respond to Webhook node: answers the caller and hands its items on.

Owns building the answer; when it is sent is left to ``appliance.workflows.response``.
"""

from __future__ import annotations

import json

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import to_text
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item, pass_through
from appliance.workflows.node_context import NodeContext, WebhookResponse
from appliance.workflows.registry import NodeKind

_KINDS = ("firstIncomingItem", "allIncomingItems", "json", "text", "noData", "redirect")


def _check(node: Node) -> list[str]:
    kind = node.parameters.get("respondWith", "firstIncomingItem")
    return [] if kind in _KINDS else [f"responding with {kind!r}"]


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once("respondWith", "responseBody", "redirectURL", "options")
    if context.state.response is None:
        context.state.response = _build(context, values)
    return [pass_through(context.items)]


def _build(context: NodeContext, values: JsonObject) -> WebhookResponse:
    kind = values.get("respondWith", "firstIncomingItem")
    options = values.get("options") or {}
    entries = (options.get("responseHeaders") or {}).get("entries") or []
    headers = {str(pair["name"]).lower(): to_text(pair.get("value")) for pair in entries}
    status = int(options.get("responseCode") or 200)
    if kind == "redirect":
        return WebhookResponse(
            body=None,
            status_code=int(options.get("responseCode") or 307),
            headers={**headers, "location": to_text(values.get("redirectURL"))},
        )
    body = _body(str(kind), values.get("responseBody"), context.items)
    key = options.get("responseKey")
    if key and kind in ("firstIncomingItem", "allIncomingItems"):
        body = {str(key): body}
    return WebhookResponse(body=body, status_code=status, headers=headers)


def _body(kind: str, body: JsonValue, items: list[Item]) -> JsonValue:
    if kind == "firstIncomingItem":
        return items[0].json if items else {}
    if kind == "allIncomingItems":
        return [item.json for item in items]
    if kind == "text":
        return to_text("" if body is None else body)
    if kind == "noData":
        return None
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError as exc:
        raise Rejected(f"the response body is not valid JSON: {exc}") from exc


KIND = NodeKind(
    type="n8n-nodes-base.respondToWebhook", min_version=1, max_version=1.5, run=_run, check=_check
)
