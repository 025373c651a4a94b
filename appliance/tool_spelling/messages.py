"""Tools for a model that knows them, and a conversation in words for one that does not.

Owns how tools, calls and results are spelled in either form; reading the answers is left to
``constrained_reader`` and ``free_reader``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolSpec
from appliance.tool_spelling.result_fence import escape_result, fence_result

SHOWN_EXAMPLES = 3


def build_constrained_messages(
    messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
) -> list[JsonObject]:
    """Return ``messages`` for a model that is held to ``build_schema`` while it writes."""
    spelled: list[JsonObject] = []
    for message in messages:
        content = message.content
        if message.role == "system" and tools:
            spelled.append(_say("system", _instruct(content, "constrained.md", tools)))
        elif message.role == "tool":
            result = {"tool": message.tool_name, "result": content}
            spelled.append(_say("user", escape_result(_encode(result))))
        elif message.role == "assistant" and (message.tool_calls or tools):
            if content:
                said = _encode({"reply": content}) if tools else content
                spelled.append(_say("assistant", said))
            spelled += [
                _say("assistant", _encode({"tool": call.name, "arguments": call.arguments}))
                for call in message.tool_calls
            ]
        else:
            spelled.append(_say(message.role, content))
    return spelled


def build_prompted_messages(
    messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
) -> list[JsonObject]:
    """Return ``messages`` for a model that writes what it likes.

    Neighbours of one role become one message: many templates insist that roles take turns.
    """
    spelled: list[JsonObject] = []
    for message in messages:
        role, content = message.role, message.content
        if role == "system" and tools:
            content = _instruct(content, "prompted.md", tools)
        elif role == "tool":
            result = {"name": message.tool_name, "result": content}
            role, content = "user", fence_result(_encode(result))
        for call in message.tool_calls:
            spelled_call = _encode({"name": call.name, "arguments": call.arguments})
            content = f"{content}\n<tool_call>{spelled_call}</tool_call>".lstrip("\n")
        if spelled and spelled[-1]["role"] == role:
            spelled[-1]["content"] += f"\n{content}"
        else:
            spelled.append(_say(role, content))
    return spelled


def describe_tool(tool: ToolSpec) -> str:
    """Return the description of ``tool`` with some of what visitors say when they need it."""
    if not tool.examples:
        return tool.description
    said = "; ".join(f'"{example}"' for example in tool.examples[:SHOWN_EXAMPLES])
    stop = "" if tool.description.endswith((".", "!", "?")) else "."
    return f"{tool.description}{stop} Visitors say, for example: {said}."


def build_function_tools(tools: Sequence[ToolSpec]) -> list[JsonObject]:
    """Return ``tools`` as function declarations, the form of OpenAI's protocol and Ollama's."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": describe_tool(tool),
                "parameters": tool.parameters_schema,
            },
        }
        for tool in tools
    ]


def _instruct(content: str, file_name: str, tools: Sequence[ToolSpec]) -> str:
    template = files(__package__).joinpath(file_name).read_text(encoding="utf-8")
    listed = "\n".join(
        f"- {tool.name}: {describe_tool(tool)} Arguments: {_encode(tool.parameters_schema)}"
        for tool in tools
    )
    return f"{content}\n\n{template.replace('{tools}', listed).strip()}"


def _say(role: str, content: str) -> JsonObject:
    return {"role": role, "content": content}


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
