"""What a tool receives and how its answer is read, the same for a webhook and a workflow.

Owns the ``_context`` a call carries and the unwrapping of n8n's item lists; sending is left to the
kinds.

Source: "Tool webhooks" in the HTTP contract.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import ToolCall
from appliance.ports.tool_executor import ToolContext


def build_call_context(call: ToolCall, context: ToolContext) -> JsonObject:
    """Return ``_context``: for whom and by which call a tool runs.

    ``identity`` are the claims of the visitor's token, absent where there is none.
    """
    call_context: JsonObject = {
        "tenant_id": context.tenant_id,
        "conversation_id": context.conversation_id,
        "call_id": call.id,
        "tool": call.name,
    }
    if context.identity is not None:
        call_context["identity"] = context.identity.claims
    return call_context


def unwrap_items(value: JsonValue) -> JsonValue:
    """Return the only item of a list of one, anything else unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
