"""A streamed answer of Ollama, chunk by chunk, as model events.

Owns what chunks mean; waiting for them is left to ``chat_model``, calls within the text to
``appliance.tool_spelling``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from appliance.domain.json_types import BROKEN_JSON
from appliance.domain.message import TokenUsage
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.ports.chat_model import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.providers.call_ids import CallIds
from appliance.providers.ollama.http import OllamaError
from appliance.providers.ollama.wire import ReplyChunk, WireToolCall
from appliance.providers.thinking import ThinkingFilter
from appliance.tool_spelling import AnswerReader, UnreadableAnswer, mend_call

STREAM_ERROR_STATUS = 500

_chunks = msgspec.json.Decoder(ReplyChunk)


class MalformedReply(ValueError):
    """The answer breaks the protocol; never leaves the package."""


class ReplyReader:
    """Turns the lines of one answer into events.

    Texts that arrived together become one ``TextDelta``. Calls are handed on at once; each gets an
    id that is unique among ``taken_call_ids`` and its siblings.
    """

    def __init__(
        self,
        *,
        model: str,
        content: AnswerReader,
        taken_call_ids: Iterable[str],
        tools: Sequence[ToolSpec] = (),
    ) -> None:
        self.is_done = False
        self.failure: OllamaError | MalformedReply | None = None
        self._model = model
        self._content = content
        self._tools = tools
        self._thinking = ThinkingFilter()
        self._call_ids = CallIds(taken_call_ids)
        self._calls: list[ToolCall] = []

    def feed(self, lines: Iterable[bytes]) -> list[ModelEvent]:
        """Return the events of ``lines``; the last line of the answer brings ``ModelFinished``.

        A line that reports an error or is no chunk sets ``failure``; what stood before it counts.
        """
        events: list[ModelEvent] = []
        written: list[str] = []
        try:
            try:
                for line in lines:
                    self._read_chunk(self._decode(line), written, events)
                    if self.is_done:
                        break
            finally:
                self._flush(written, events)
        except (OllamaError, MalformedReply) as exc:
            self.failure = exc
        except UnreadableAnswer as exc:
            self.failure = MalformedReply(str(exc))
        return events

    def _read_chunk(self, chunk: ReplyChunk, written: list[str], events: list[ModelEvent]) -> None:
        part = chunk.message
        if part is not None:
            if part.content:
                written.append(part.content)
            for wire_call in part.tool_calls or ():
                self._flush(written, events)
                events.append(self._request(self._parse_call(wire_call)))
        if chunk.done:
            self._flush(written, events)
            self._finish(chunk, events)

    def _decode(self, line: bytes) -> ReplyChunk:
        try:
            chunk = _chunks.decode(line)
        except BROKEN_JSON as exc:
            raise MalformedReply("a line is not a chunk of an answer") from exc
        if chunk.error is not None:
            raise OllamaError(STREAM_ERROR_STATUS, chunk.error)
        if chunk.message is None and not chunk.done:
            raise MalformedReply("a chunk has neither a message nor an end")
        return chunk

    def _finish(self, chunk: ReplyChunk, events: list[ModelEvent]) -> None:
        last = self._content.feed(self._thinking.finish())
        rest, calls = self._content.finish(is_cut=chunk.done_reason == "length")
        self.is_done = True
        if text := last + rest:
            events.append(TextDelta(text=text))
        made = [(call.name, call.arguments) for call in self._calls]
        for call in calls:
            # Some models make a call and write it into their text as well.
            if (call.name, call.arguments) not in made:
                events.append(self._request(call))
        reason: FinishReason = "stop"
        if self._calls:
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

    def _parse_call(self, wire_call: WireToolCall) -> ToolCall:
        function = wire_call.function
        return mend_call(function.name, function.arguments, self._tools, call_id=wire_call.id or "")

    def _request(self, call: ToolCall) -> ToolCallRequested:
        self._calls.append(call)
        return ToolCallRequested(
            call=msgspec.structs.replace(call, id=self._call_ids.take(call.id))
        )

    def _flush(self, written: list[str], events: list[ModelEvent]) -> None:
        """Hand on what may be shown of the texts that arrived together."""
        together = "".join(written)
        written.clear()
        if together and (text := self._content.feed(self._thinking.feed(together))):
            events.append(TextDelta(text=text))
