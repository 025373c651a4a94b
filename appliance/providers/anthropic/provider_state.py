"""A model's thinking, kept with its message until the turn is over.

Owns the form of ``provider_state``; when it is sent back is decided by ``request``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage

PROVIDER_NAME = "anthropic"
THINKING = ("thinking", "redacted_thinking")


def write_content(blocks: Sequence[JsonObject], *, model: str) -> JsonObject | None:
    """Return the state for an answer made of ``blocks``, ``None`` when there is nothing to keep.

    Only an answer that calls tools is followed by another call of the same turn.
    """
    kinds = {block["type"] for block in blocks}
    if "tool_use" not in kinds or kinds.isdisjoint(THINKING):
        return None
    return {"provider": PROVIDER_NAME, "model": model, "content": list(blocks)}


def read_content(message: ChatMessage, *, model: str) -> list[JsonObject] | None:
    """Return the blocks as ``model`` sent them, ``None`` if they are not those of ``message``."""
    state = message.provider_state
    if not state or (state.get("provider"), state.get("model")) != (PROVIDER_NAME, model):
        return None
    blocks = state.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return None
    called = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
    if called != [call.id for call in message.tool_calls]:
        return None
    return blocks
