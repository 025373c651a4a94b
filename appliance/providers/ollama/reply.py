"""A streamed answer of Ollama, chunk by chunk, as model events.

Owns what chunks mean; waiting for them is left to ``chat_model``, the constrained form of calls to
``constrained``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from appliance.domain.ids import new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.message import TokenUsage
from appliance.domain.tool import ToolCall
from appliance.ports.chat_model import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.providers.ollama.http import OllamaError
from appliance.providers.ollama.wire import ReplyChunk, WireToolCall
from appliance.providers.thinking import ThinkingFilter

STREAM_ERROR_STATUS = 500

_chunks = msgspec.json.Decoder(ReplyChunk)


class MalformedReply(ValueError):
    """The answer breaks the protocol; never leaves the package."""


class ContentReader(Protocol):
    """Reads the model's text: prose for the visitor, or calls that it spells out."""

    def feed(self, text: str) -> str:
        """Take more text and return what of it the visitor may read now."""
        ...

    def finish(self) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest for the visitor and the calls that the text spelled out."""
        ...


class ProseReader:
    """Everything the model writes is for the visitor."""

    def feed(self, text: str) -> str:
        """Return ``text``."""
        return text

    def finish(self) -> tuple[str, tuple[ToolCall, ...]]:
        """Return nothing more."""
        return "", ()


class ReplyReader:
    """Turns the lines of one answer into events.

    Texts that arrived together become one ``TextDelta``. Calls are handed on at once; each gets an
    id that is unique among ``taken_call_ids`` and its siblings.
    """

    def __init__(
        self, *, model: str, content: ContentReader, taken_call_ids: Iterable[str]
    ) -> None:
        self.is_done = False
        self.failure: OllamaError | MalformedReply | None = None
        self._model = model
        self._content = content
        self._thinking = ThinkingFilter()
        self._call_ids = set(taken_call_ids)
        self._has_calls = False

    def feed(self, lines: Iterable[bytes]) -> list[ModelEvent]:
        """Return the events of ``lines``; the last line of the answer brings ``ModelFinished``.

        A line that reports an error or is no chunk sets ``failure``; what stood before it counts.
        """
        events: list[ModelEvent] = []
        texts: list[str] = []
        try:
            for line in lines:
                self._read_chunk(self._decode(line), texts, events)
                if self.is_done:
                    break
        except (OllamaError, MalformedReply) as exc:
            self.failure = exc
        self._flush(texts, events)
        return events

    def _read_chunk(self, chunk: ReplyChunk, texts: list[str], events: list[ModelEvent]) -> None:
        part = chunk.message
        if part is not None:
            if part.content:
                texts.append(self._content.feed(self._thinking.feed(part.content)))
            for wire_call in part.tool_calls or ():
                self._flush(texts, events)
                events.append(self._request(parse_call(wire_call)))
        if chunk.done:
            self._finish(chunk, texts, events)

    def _decode(self, line: bytes) -> ReplyChunk:
        try:
            chunk = _chunks.decode(line)
        except msgspec.DecodeError as exc:
            raise MalformedReply("a line is not a chunk of an answer") from exc
        if chunk.error is not None:
            raise OllamaError(STREAM_ERROR_STATUS, chunk.error)
        if chunk.message is None and not chunk.done:
            raise MalformedReply("a chunk has neither a message nor an end")
        return chunk

    def _finish(self, chunk: ReplyChunk, texts: list[str], events: list[ModelEvent]) -> None:
        texts.append(self._content.feed(self._thinking.finish()))
        rest, calls = self._content.finish()
        self.is_done = True
        texts.append(rest)
        self._flush(texts, events)
        events.extend(self._request(call) for call in calls)
        reason: FinishReason = "stop"
        if self._has_calls:
            reason = "tool_calls"
        elif chunk.done_reason == "length":
            reason = "length"
        events.append(
            ModelFinished(
                finish_reason=reason,
                model=chunk.model or self._model,
                usage=TokenUsage(
                    input_tokens=chunk.prompt_eval_count, output_tokens=chunk.eval_count
                ),
            )
        )

    def _request(self, call: ToolCall) -> ToolCallRequested:
        self._has_calls = True
        if not call.id or call.id in self._call_ids:
            call = msgspec.structs.replace(call, id=f"call_{new_id()}")
        self._call_ids.add(call.id)
        return ToolCallRequested(call=call)

    @staticmethod
    def _flush(texts: list[str], events: list[ModelEvent]) -> None:
        if text := "".join(texts):
            events.append(TextDelta(text=text))
        texts.clear()


def parse_call(wire_call: WireToolCall) -> ToolCall:
    """Return the call; its id is empty when the model gave none.

    Raises:
        MalformedReply: It has no name, or its arguments are no object.
    """
    arguments = wire_call.function.arguments
    if isinstance(arguments, str):
        arguments = _decode_object(arguments)
    if arguments is None:
        arguments = {}
    if not wire_call.function.name or not isinstance(arguments, dict):
        raise MalformedReply("a tool call has no name or no arguments")
    return ToolCall(id=wire_call.id or "", name=wire_call.function.name, arguments=arguments)


def _decode_object(text: str) -> JsonObject:
    try:
        return msgspec.json.decode(text or "{}", type=JsonObject)
    except msgspec.DecodeError as exc:
        raise MalformedReply("the arguments of a tool call are not JSON") from exc
