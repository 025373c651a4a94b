"""Ollama's protocol as structs, and requests in its form.

Owns the shapes of ``/api/chat``, ``/api/show`` and ``/api/tags``; sending them is left to ``http``.

Source: the vendor's API documentation, as of Ollama 0.17.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.message import ChatMessage
from appliance.tool_spelling import fence_result


class CalledFunction(Struct, frozen=True):
    """The function of a call; some servers in between send the arguments as JSON text."""

    name: str = ""
    arguments: JsonValue = None


class WireToolCall(Struct, frozen=True):
    """One whole tool call."""

    function: CalledFunction
    id: str | None = None


class ReplyPart(Struct, frozen=True):
    """The message of one chunk."""

    content: str | None = None
    tool_calls: list[WireToolCall] | None = None


class ReplyChunk(Struct, frozen=True):
    """One line of a streamed answer."""

    model: str = ""
    message: ReplyPart | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int = 0
    eval_count: int = 0
    error: str | None = None


class ShownModel(Struct, frozen=True):
    """What ``/api/show`` says of a model."""

    capabilities: list[str] | None = None
    model_info: dict[str, JsonValue] | None = None
    template: str | None = None


class ModelDetails(Struct, frozen=True):
    """The details of an installed model."""

    context_length: int | None = None


class InstalledModel(Struct, frozen=True):
    """One entry of ``/api/tags``; ``remote_host`` marks a model that runs in a vendor's cloud."""

    name: str
    size: int = 0
    details: ModelDetails | None = None
    capabilities: list[str] | None = None
    context_length: int | None = None
    remote_host: str | None = None


class InstalledModels(Struct, frozen=True):
    """The answer of ``/api/tags``."""

    models: list[InstalledModel] | None = field(default=None)


def build_messages(messages: Sequence[ChatMessage]) -> list[JsonObject]:
    """Return ``messages`` as a model with native tools reads them."""
    return [_message(message) for message in messages]


def _message(message: ChatMessage) -> JsonObject:
    wire: JsonObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.role == "tool":
        wire["content"] = fence_result(message.content)
        wire["tool_name"] = message.tool_name or ""
        wire["tool_call_id"] = message.tool_call_id or ""
    return wire
