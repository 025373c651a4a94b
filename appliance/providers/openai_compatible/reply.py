"""A streamed answer, chunk by chunk, as model events.

Owns what chunks mean; waiting for them is left to ``chat_model``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.message import TokenUsage
from appliance.domain.tokens import estimate_tokens
from appliance.domain.tool import ToolCall
from appliance.ports.chat_model import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.providers.call_ids import CallIds
from appliance.providers.openai_compatible.wire import (
    CallPiece,
    Choice,
    Chunk,
    FunctionPiece,
    Usage,
)
from appliance.providers.thinking import ThinkingFilter

CUT_BY_LENGTH = ("length", "max_tokens")


class MalformedReply(ValueError):
    """The answer breaks the protocol; never leaves the package."""


class _OpenCall(Struct):
    """A call whose fragments still arrive."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, piece: FunctionPiece) -> None:
        # Some servers repeat the whole name with every fragment.
        if piece.name and piece.name != self.name:
            self.name += piece.name
        if isinstance(piece.arguments, str):
            self.arguments += piece.arguments
        elif piece.arguments is not None:
            self.arguments += json.dumps(piece.arguments)


class ReplyReader:
    """Turns the chunks of one answer into events; calls come whole, at the end."""

    def __init__(self, *, model: str, prompt: JsonValue, taken_call_ids: Iterable[str]) -> None:
        self.finish_reason: str | None = None
        self._model = model
        self._prompt = prompt
        self._thinking = ThinkingFilter()
        self._call_ids = CallIds(taken_call_ids)
        self._calls: list[_OpenCall] = []
        self._places: dict[int | None, _OpenCall] = {}
        self._usage: Usage | None = None
        self._said_chars: list[str] = []

    def feed(self, data: JsonValue) -> list[ModelEvent]:
        """Return the events of one chunk.

        Raises:
            MalformedReply: It is none.
        """
        try:
            chunk = msgspec.convert(data, Chunk)
        except (msgspec.ValidationError, RecursionError) as exc:
            raise MalformedReply("what arrived is no chunk of an answer") from exc
        if chunk.model:
            self._model = chunk.model
        if chunk.usage is not None:
            self._usage = _read_usage(chunk.usage) or self._usage
        texts = [
            self._read_choice(choice) for choice in chunk.choices or () if choice.index in (None, 0)
        ]
        return self._say("".join(texts))

    def finish(self) -> list[ModelEvent]:
        """Return the last events; the answer is known to be whole."""
        events = self._say(self._thinking.finish())
        for call in self._calls:
            if call.name:
                arguments = read_arguments(call.arguments)
                named = ToolCall(
                    id=self._call_ids.take(call.id), name=call.name, arguments=arguments
                )
                events.append(ToolCallRequested(call=named))
        has_calls = any(isinstance(event, ToolCallRequested) for event in events)
        events.append(
            ModelFinished(
                finish_reason="tool_calls" if has_calls else self._reason(),
                model=self._model,
                usage=self._count_tokens(),
            )
        )
        return events

    def _reason(self) -> FinishReason:
        if self.finish_reason in CUT_BY_LENGTH:
            return "length"
        return "content_filter" if self.finish_reason == "content_filter" else "stop"

    def _read_choice(self, choice: Choice) -> str:
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        delta = choice.delta
        if delta is None:
            return ""
        for piece in delta.tool_calls or ():
            self._open_call(piece).add(piece.function or FunctionPiece())
        if delta.function_call is not None:
            self._open_call(CallPiece(index=0)).add(delta.function_call)
        return self._thinking.feed(_read_text(delta.content) + (delta.refusal or ""))

    def _open_call(self, piece: CallPiece) -> _OpenCall:
        """Return the call that ``piece`` belongs to: by its index, else by its id."""
        call = self._places.get(piece.index)
        is_other = call is not None and piece.id and call.id and piece.id != call.id
        if call is None or (is_other and piece.function is not None and piece.function.name):
            # Another id and name at a taken index: a server that numbers every call 0.
            call = self._places[piece.index] = _OpenCall()
            self._calls.append(call)
        call.id = call.id or piece.id or ""
        return call

    def _say(self, text: str) -> list[ModelEvent]:
        if not text:
            return []
        self._said_chars.append(text)
        return [TextDelta(text=text)]

    def _count_tokens(self) -> TokenUsage:
        usage = self._usage or Usage()
        details = usage.prompt_tokens_details
        told_input, told_output = usage.prompt_tokens, usage.completion_tokens
        if told_input is None:
            told_input = estimate_tokens(json.dumps(self._prompt, ensure_ascii=False))
        if told_output is None:
            called = "".join(call.name + call.arguments for call in self._calls)
            told_output = estimate_tokens("".join(self._said_chars) + called)
        return TokenUsage(
            input_tokens=told_input,
            output_tokens=told_output,
            cached_input_tokens=min(details.cached_tokens or 0, told_input) if details else 0,
        )


def _read_usage(data: JsonValue) -> Usage | None:
    """Return the usage, ``None`` when it is not told in the protocol's form."""
    try:
        return msgspec.convert(data, Usage)
    except (msgspec.ValidationError, RecursionError):
        return None


def _read_text(content: JsonValue) -> str:
    """Return the text of a content: a string, or parts of which some are reasoning."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(
        str(part.get("text") or "")
        for part in content
        if isinstance(part, dict) and part.get("type") == "text"
    )


def read_arguments(text: str) -> JsonObject:
    """Return the arguments of a call."""
    try:
        return msgspec.json.decode(text or "{}", type=JsonObject)
    except msgspec.DecodeError:
        return {"unreadable_arguments": text}
