"""A request in the form of the Messages API.

Owns turning messages, tools and limits into the arguments of the SDK's ``messages.create``; sending
them is left to ``api``.

The API refuses what this module never builds: sampling parameters, an assistant's words at the end,
forced tool choice, empty texts, and a tool result that is not at the beginning of the user turn
right behind its call. Thinking is sent back within the turn that produced it only: it is bound to
everything before it, and the system message tells another time in the next turn. docs/adr/0017
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import structlog

from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolSpec
from appliance.ports.chat_model import ChatRequest
from appliance.providers.anthropic.models import ModelFacts
from appliance.providers.anthropic.provider_state import read_content
from appliance.tool_spelling import describe_tool, fence_result

logger = structlog.get_logger(__name__)

OPENING = "(The visitor opened the chat.)"
"""Stands before a conversation that the shop began: a model's turn cannot be the first."""

_CALL_ID = re.compile(r"[^a-zA-Z0-9_-]")
_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REFUSED_AT_TOP = ("oneOf", "anyOf", "allOf", "not", "$schema", "$id")


def build_body(request: ChatRequest, *, model: str, facts: ModelFacts) -> JsonObject:
    """Return the arguments for a call of ``model``."""
    body: JsonObject = {
        "model": model,
        "max_tokens": facts.output_limit(request.max_output_tokens),
        "messages": build_messages(request.messages, model=model),
    }
    if system := build_system(request.messages):
        body["system"] = system
    if tools := build_tools(request.declared_tools):
        body["tools"] = tools
        if not request.tools:
            body["tool_choice"] = {"type": "none"}
    if facts.effort is not None:
        body["output_config"] = {"effort": facts.effort}
    return body


def build_system(messages: Sequence[ChatMessage]) -> list[JsonObject]:
    """Return the system message as blocks, the stable one marked for the prompt cache.

    What is cached begins with the tools, which stand before the system message.
    """
    blocks: list[JsonObject] = []
    for message in messages:
        if message.role != "system":
            continue
        stable = message.content[: message.stable_chars].strip()
        if stable:
            block = {"type": "text", "text": stable, "cache_control": {"type": "ephemeral"}}
            blocks.append(block)
        if rest := message.content[message.stable_chars :].strip():
            blocks.append({"type": "text", "text": rest})
    return blocks


def build_messages(messages: Sequence[ChatMessage], *, model: str) -> list[JsonObject]:
    """Return the conversation in alternating turns that begins with the visitor's."""
    said = [message for message in messages if message.role != "system"]
    turn_start = max((i for i, m in enumerate(said) if m.role == "user"), default=0)
    parts = [
        (_role(message), block)
        for position, message in enumerate(said)
        for block in _blocks(message, model if position > turn_start else None)
    ]
    turns: list[JsonObject] = [
        {"role": role, "content": [block for _, block in group]}
        for role, group in groupby(parts, key=lambda part: part[0])
    ]
    if turns and turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": OPENING}]})
    return turns


def _role(message: ChatMessage) -> str:
    return "assistant" if message.role == "assistant" else "user"


def _blocks(message: ChatMessage, thinking_model: str | None) -> Iterator[JsonObject]:
    """Yield the blocks of ``message``, with its thinking if ``thinking_model`` produced it."""
    if message.role == "tool":
        yield _result_block(message)
        return
    kept = read_content(message, model=thinking_model) if thinking_model else None
    if kept is not None:
        yield from kept
        return
    if message.content.strip():
        yield {"type": "text", "text": message.content}
    for call in message.tool_calls:
        yield {
            "type": "tool_use",
            "id": _call_id(call.id),
            "name": call.name,
            "input": call.arguments,
        }


def _result_block(message: ChatMessage) -> JsonObject:
    block: JsonObject = {"type": "tool_result", "tool_use_id": _call_id(message.tool_call_id or "")}
    if message.content.strip():
        block["content"] = fence_result(message.content)
    if message.is_error:
        block["is_error"] = True
    return block


def _call_id(call_id: str) -> str:
    """Return the id in the letters the API takes; other providers may have made up others."""
    return _CALL_ID.sub("_", call_id)


def build_tools(tools: Sequence[ToolSpec]) -> list[JsonObject]:
    """Return ``tools`` as definitions; one that the API cannot be told of is left out.

    What a schema loses here still counts: arguments are checked against the whole of it before a
    call runs.
    """
    return [
        {
            "name": tool.name,
            "description": describe_tool(tool),
            "input_schema": _schema(tool.parameters_schema),
        }
        for tool in tools
        if _can_be_told(tool)
    ]


def _can_be_told(tool: ToolSpec) -> bool:
    properties = tool.parameters_schema.get("properties") or {}
    unfit = sorted(name for name in properties if not _PROPERTY.fullmatch(name))
    if unfit:
        logger.warning(
            "tool_left_out",
            tool=tool.name,
            properties=unfit,
            detail="Claude takes parameter names of Latin letters, digits, '_', '.' and '-' only.",
        )
    return not unfit


def _schema(schema: JsonObject) -> JsonObject:
    kept = {key: value for key, value in schema.items() if key not in _REFUSED_AT_TOP}
    return {**kept, "type": "object"}
