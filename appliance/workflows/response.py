"""What a finished run answers with, by the Webhook node's response mode.

Owns n8n's rules for it; running is left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.engine import NodeRun
from appliance.workflows.node_context import RunState, WebhookResponse
from appliance.workflows.parameters import Parameters

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
    mode = start.given.text("responseMode") or "onReceived"
    options = start.given.group("options")
    status = _status(start.given, options)
    if mode == "responseNode":
        if state.response is None:
            raise Rejected(
                "The workflow ended without reaching a Respond to Webhook node.",
                code="workflow_failed",
            )
        return state.response
    if mode == "onReceived":
        text = options.text("responseData")
        body: JsonValue = None if options.flag("noResponseBody") else (text or STARTED)
    else:
        body = _last_node_body(start.given, rows, node_runs)
    return WebhookResponse(body=body, status_code=status, headers=read_headers(options))


def read_status(values: Parameters, name: str, default: int) -> int:
    """Return an HTTP status, also one written as text; 0 and an absent one are the default."""
    return values.integer(name, default, minimum=0, maximum=599) or default


def read_headers(options: Parameters) -> dict[str, str]:
    """Return the headers of a node's option ``responseHeaders``, names in small letters."""
    entries = options.groups("responseHeaders", "entries")
    return {e.text("name").lower(): e.text("value") for e in entries if e.text("name")}


def _status(given: Parameters, options: Parameters) -> int:
    chosen = options.group("responseCode", "values")
    is_custom = chosen.text("responseCode") == "customCode"
    newer = read_status(chosen, "customCode" if is_custom else "responseCode", 200)
    return read_status(given, "responseCode", newer)


def _last_node_body(
    given: Parameters, rows: list[dict[str, JsonValue]], runs: Sequence[NodeRun]
) -> JsonValue:
    what = given.text("responseData") or "firstEntryJson"
    if what == "noData":
        return None
    if what == "allEntries":
        return rows
    if not rows:
        raise Rejected(
            f"The last node, {runs[-1].name!r}, put out no item to answer with.",
            code="workflow_failed",
        )
    name = given.group("options").text("responsePropertyName")
    if not name:
        return rows[0]
    value: JsonValue = rows[0]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
