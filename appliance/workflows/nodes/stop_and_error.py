"""The Stop and Error node: ends the workflow with the author's message.

Owns reading the message; how a failed run is reported is left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

import json

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import to_text
from appliance.workflows.items import Branches
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once("errorType", "errorMessage", "errorObject")
    if values.get("errorType", "errorMessage") == "errorObject":
        raise Rejected(_message_of(values.get("errorObject")), code="workflow_failed")
    message = to_text(values.get("errorMessage") or "An error occurred.")
    raise Rejected(message, code="workflow_failed")


def _message_of(error: JsonValue) -> str:
    if isinstance(error, str):
        try:
            error = json.loads(error)
        except ValueError:
            return to_text(error)
    if isinstance(error, dict):
        for key in ("message", "description", "error"):
            if isinstance(error.get(key), str):
                return str(error[key])
    return to_text(error)


KIND = NodeKind(type="n8n-nodes-base.stopAndError", min_version=1, max_version=1, run=_run)
