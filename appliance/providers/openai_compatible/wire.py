"""OpenAI's chat protocol as structs, and requests in its form.

Owns the shapes of ``/chat/completions`` and ``/models``, read leniently since every server fills
them differently; sending them is left to ``sdk``, what a server does not take to ``dialect``.

Source: the vendor's API reference, and what vLLM, llama.cpp's server and LM Studio answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.message import ChatMessage
from appliance.tool_spelling import fence_result


class FunctionPiece(Struct, frozen=True):
    """Some of a function call; arguments are JSON text, from some servers an object."""

    name: str | None = None
    arguments: JsonValue = None


class CallPiece(Struct, frozen=True):
    """A fragment of a tool call."""

    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class Delta(Struct, frozen=True):
    """What a chunk adds. Reasoning has fields of its own, which are not read."""

    content: JsonValue = None
    refusal: str | None = None
    tool_calls: list[CallPiece] | None = None
    function_call: FunctionPiece | None = None


class Choice(Struct, frozen=True):
    """One of the answers; only the first is ever asked for."""

    index: int | None = None
    delta: Delta | None = None
    finish_reason: str | None = None


class CachedTokens(Struct, frozen=True):
    """Which part of the prompt was read from the server's cache."""

    cached_tokens: int | None = None


class Usage(Struct, frozen=True):
    """Tokens of the whole call."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: CachedTokens | None = None


class Chunk(Struct, frozen=True):
    """One event of a streamed answer; the one with the usage has no choices."""

    model: str | None = None
    choices: list[Choice] | None = None
    usage: JsonValue = None


class ModelMeta(Struct, frozen=True):
    """What llama.cpp's server says of its model."""

    n_ctx: int | None = None
    n_ctx_train: int | None = None


class ListedModel(Struct, frozen=True):
    """One entry of ``/models``; each server has its own word for the context length."""

    id: str
    meta: ModelMeta | None = None
    max_model_len: int | None = None
    loaded_context_length: int | None = None
    context_window: int | None = None
    context_length: int | None = None
    max_context_length: int | None = None


class ListedModels(Struct, frozen=True):
    """The answer of ``/models``."""

    data: list[ListedModel] = field(default_factory=list)


def build_messages(messages: Sequence[ChatMessage]) -> list[JsonObject]:
    """Return ``messages`` as a model with native tools reads them."""
    return [_message(message) for message in messages]


def _message(message: ChatMessage) -> JsonObject:
    wire: JsonObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": json.dumps(call.arguments, ensure_ascii=False),
                },
            }
            for call in message.tool_calls
        ]
    if message.role == "tool":
        wire["content"] = fence_result(message.content)
        wire["tool_call_id"] = message.tool_call_id or ""
    return wire
