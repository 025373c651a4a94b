"""Calls that came as calls, with names and arguments as small models fill them in.

Owns the mending of native calls; calls that came as text are left to ``free_text``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.json_types import JsonValue
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.tool_spelling.call_shapes import build_call
from appliance.tool_spelling.reading import UnreadableAnswer
from appliance.tool_spelling.tool_names import KnownTools


def mend_call(
    name: str, arguments: JsonValue, tools: Sequence[ToolSpec], *, call_id: str = ""
) -> ToolCall:
    """Return the call with the exact name of the tool that it means and arguments of its types.

    ``arguments`` may be JSON text, also malformed; nothing at all is no arguments. A name that
    means no tool stays: the agent refuses it and tells the model which tools there are.

    Raises:
        UnreadableAnswer: There is no name, or the arguments are no object.
    """
    call = build_call(name, arguments, KnownTools(tools)) if name.strip() else None
    if call is None:
        raise UnreadableAnswer("a tool call has no name or no arguments")
    return ToolCall(id=call_id, name=call.name, arguments=call.arguments)
