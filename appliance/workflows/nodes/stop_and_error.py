"""The Stop and Error node: ends the workflow with the author's message.

Owns reading the message; how a failed run is reported is left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import parse_json, to_text
from appliance.workflows.items import Branches
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import read
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    if values.choice("errorType", ("errorMessage", "errorObject"), "errorMessage") == "errorObject":
        raise Rejected(_message_of(values.value("errorObject")), code="workflow_failed")
    message = values.text("errorMessage") or "An error occurred."
    raise Rejected(message, code="workflow_failed")


def _message_of(error: JsonValue) -> str:
    if isinstance(error, str):
        try:
            error = parse_json(error, "errorObject")
        except Rejected:
            return to_text(error)
    if isinstance(error, dict):
        for key in ("message", "description", "error"):
            if isinstance(error.get(key), str):
                return str(error[key])
    return to_text(error)


KIND = NodeKind(
    type="n8n-nodes-base.stopAndError",
    min_version=1,
    max_version=1,
    run=_run,
    parameters=read("errorType", "errorMessage", "errorObject"),
)
