"""What a tool of an MCP server returned, as any tool's result.

Owns choosing between structured and written content; fencing it off is left to who shows it to a
model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from appliance.domain.json_types import JsonValue

if TYPE_CHECKING:
    from mcp_types import CallToolResult


def read_result(result: CallToolResult) -> JsonValue:
    """Return the structured content, or the texts; JSON in a single text is decoded.

    What is no text (pictures, sounds, files) is named and left out.
    """
    if result.structured_content is not None:
        structured: JsonValue = result.structured_content
        return structured
    texts = [
        block.text if block.type == "text" else f"[left out: {block.type}]"
        for block in result.content
    ]
    if len(texts) != 1:
        return list[JsonValue](texts) or None
    try:
        decoded: JsonValue = msgspec.json.decode(texts[0])
    except (msgspec.DecodeError, RecursionError):
        return texts[0]
    return decoded if isinstance(decoded, dict | list) else texts[0]
