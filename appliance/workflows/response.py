"""What a finished run answers with, by the Webhook node's response mode.

Owns n8n's rules for it; running is left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.engine import NodeRun
from appliance.workflows.node_context import RunState, WebhookResponse

STARTED = {"message": "Workflow was started"}


def build_response(state: RunState, node_runs: Sequence[NodeRun]) -> WebhookResponse:
    """Return the answer of a run that succeeded.

    A run that started from another trigger answers as a webhook does with all entries of the last
    node, or the only one.

    Raises:
        Rejected: The mode asks for something that the run did not produce (``workflow_failed``).
    """
    start = state.definition.nodes[state.definition.start]
    last = node_runs[-1].branches[0] if node_runs and node_runs[-1].branches else []
    rows = [item.json for item in last]
    if start.short_type != "webhook":
        return WebhookResponse(body=rows[0] if len(rows) == 1 else rows)
    mode = start.parameters.get("responseMode", "onReceived")
    options = start.parameters.get("options") or {}
    status = int(start.parameters.get("responseCode") or _option_code(options) or 200)
    if mode == "responseNode":
        if state.response is None:
            raise Rejected(
                "The workflow ended without reaching a Respond to Webhook node.",
                code="workflow_failed",
            )
        return state.response
    if mode == "onReceived":
        data = options.get("responseData", "")
        body: JsonValue = None if options.get("noResponseBody") else (data or STARTED)
        return WebhookResponse(body=body, status_code=status)
    return WebhookResponse(
        body=_last_node_body(start.parameters, rows, node_runs), status_code=status
    )


def _option_code(options: dict[str, JsonValue]) -> JsonValue:
    values = (options.get("responseCode") or {}).get("values") or {}
    code = values.get("responseCode")
    return values.get("customCode") if code == "customCode" else code


def _last_node_body(
    parameters: dict[str, JsonValue], rows: list[dict[str, JsonValue]], runs: Sequence[NodeRun]
) -> JsonValue:
    what = parameters.get("responseData", "firstEntryJson")
    if what == "noData":
        return None
    if what == "allEntries":
        return rows
    if not rows:
        raise Rejected(
            f"The last node, {runs[-1].name!r}, put out no item to answer with.",
            code="workflow_failed",
        )
    name = (parameters.get("options") or {}).get("responsePropertyName")
    if not name:
        return rows[0]
    value: JsonValue = rows[0]
    for part in str(name).split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
