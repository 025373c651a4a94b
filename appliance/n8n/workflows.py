"""A workflow as n8n tells it, down to the addresses of its webhooks.

Owns the reading of n8n's form; asking for it is left to ``client``.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from appliance.domain.json_types import JsonObject
from appliance.ports.n8n import N8nWebhook, N8nWorkflow

WEBHOOK_TYPE: Final = "n8n-nodes-base.webhook"


def read_workflow(told: JsonObject, url: str) -> N8nWorkflow:
    """Return the workflow; what is not told as n8n tells it is left out.

    Of a published workflow the published nodes count, which may be older than those in the editor.
    """
    is_active = told.get("active") is True
    active = told.get("activeVersion")
    nodes = active.get("nodes") if is_active and isinstance(active, dict) else None
    nodes = nodes if isinstance(nodes, list) else told.get("nodes")
    found = (_read_webhook(node, url) for node in nodes or () if isinstance(node, dict))
    return N8nWorkflow(
        id=str(told.get("id", "")),
        name=str(told.get("name", "")),
        is_active=is_active,
        webhooks=[webhook for webhook in found if webhook is not None],
    )


def _read_webhook(node: dict[str, Any], url: str) -> N8nWebhook | None:
    if node.get("type") != WEBHOOK_TYPE or node.get("disabled") is True:
        return None
    given = node.get("parameters")
    parameters: dict[str, Any] = given if isinstance(given, dict) else {}
    webhook_id = str(node.get("webhookId") or "")
    path = str(parameters.get("path") or webhook_id).strip("/")
    if not path:
        return None
    if ":" in path:  # with parts that a caller fills in, n8n puts the node's id before
        path = f"{webhook_id}/{path}"
    method = parameters.get("httpMethod", "GET")
    place = quote(path, safe="/:@!$&'()*+,;=~")
    return N8nWebhook(
        node=str(node.get("name", "")),
        method=", ".join(map(str, method)) if isinstance(method, list) else str(method),
        path=path,
        authentication=str(parameters.get("authentication", "none")),
        test_url=f"{url}/webhook-test/{place}",
        production_url=f"{url}/webhook/{place}",
    )
