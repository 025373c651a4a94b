"""What a tool receives and how its answer is read, the same for a webhook and a workflow.

Owns the ``_context`` and ``_integrations`` a call carries, the unwrapping of n8n's item lists and
what an error status means; sending is left to the kinds.

Source: "Tool webhooks" in the HTTP contract.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.secrets import hide
from appliance.domain.tool import ToolCall
from appliance.domain.tool_failures import FailureKind
from appliance.ports.integrations import WebhookAccess
from appliance.ports.tool_executor import ToolContext

MAX_SAID_CHARS = 300
_ITEM_KEYS = frozenset({"json", "binary", "pairedItem", "index", "error"})
_FOR_MACHINES = re.compile(
    r"[\n<>{}\\]|://|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[a-z][\w.-]*:\d{2,5}\b|\b(?:\w+\.)+\w+\(|"
    r"\b\w*(?:error|exception)\b|\b(?:https?|sql|traceback|localhost|stack|errno|null|undefined)\b|"
    r"\b[\w-]+\.(?:internal|local|lan|corp|py|js|ts|php|java|go|rb)\b|(?:^|\s)/\w+/\w|"
    r"\b\w*(?:password|passwd|secret|token|api[ _-]?key|bearer)\w*|\b[45]\d\d\b",
    re.I,
)
"""What stands in messages of programs to programmers, and in none to a shop's visitor."""


def build_call_context(call: ToolCall, context: ToolContext) -> JsonObject:
    """Return ``_context``: for whom and by which call a tool runs.

    ``identity`` are the claims of the visitor's token, absent where there is none.
    """
    call_context: JsonObject = {
        "tenant_id": context.tenant_id,
        "conversation_id": context.conversation_id,
        "call_id": call.id,
        "tool": call.name,
        "time_zone": context.time_zone,
    }
    if context.identity is not None:
        call_context["identity"] = context.identity.claims
    return call_context


def build_integrations(access: Mapping[str, WebhookAccess], *, is_shown: bool) -> JsonObject:
    """Return ``_integrations`` as an object with that one field, empty where none is mapped.

    Args:
        access: The mapped integrations, by their keys.
        is_shown: Whether it is for an operator's eyes, who sees no keys, or for the call itself.
    """
    listed: dict[str, JsonValue] = {}
    for key, integration in access.items():
        fields: JsonObject = msgspec.to_builtins(integration)
        if is_shown:
            fields["apiKey"] = hide(integration.api_key)
        listed[key] = fields
    return {"_integrations": listed} if listed else {}


def list_keys(access: Mapping[str, WebhookAccess]) -> list[str]:
    """Return the keys that a call carries, which its answer must not show."""
    return [integration.api_key for integration in access.values() if integration.api_key]


def unwrap_items(value: JsonValue) -> JsonValue:
    """Return the only item of a list of one, anything else unchanged.

    Items as n8n keeps them inside, ``{"json": {…}}`` with what belongs to the run, are what their
    ``json`` holds.
    """
    if not isinstance(value, list):
        return value
    if value and all(map(_is_item, value)):
        value = [item["json"] for item in value]
    return value[0] if len(value) == 1 else value


def _is_item(value: JsonValue) -> bool:
    return isinstance(value, dict) and "json" in value and value.keys() <= _ITEM_KEYS


def read_error_status(status: int, body: JsonValue) -> tuple[FailureKind, str | None]:
    """Return what a status of 300 or more means, and what the answer says of it to people.

    Only an answer that reports its failure as a tool's result does, with ``"success": false`` and a
    ``message``, speaks to people; what else stands in one is written for programmers.
    """
    said = _find_said(body)
    match status:
        case 404 | 410 if said:
            return "not_found", said
        case _ if said and 400 <= status < 500:
            return "refused", said
        case 425 | 429:
            return "unreachable", None
        case 307 | 308 | 401 | 402 | 403 | 404 | 405 | 407 | 410:
            return "not_available", None
        case _ if status != 408 and 400 <= status < 500:
            return "refused", None
    # Also behind 301 to 303: a form's receiver answers so when it has done its work.
    return "unknown", None


def _find_said(body: JsonValue) -> str | None:
    body = unwrap_items(body)
    if not isinstance(body, dict) or body.get("success") is not False:
        return None
    said = body.get("message")
    if not isinstance(said, str) or len(said := said.strip()) > MAX_SAID_CHARS:
        return None
    return said if said and _FOR_MACHINES.search(said) is None else None
