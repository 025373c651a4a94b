"""A streamed answer of the Messages API, event by event, as model events.

Owns what events mean; waiting for them is left to ``chat_model``.
"""

from __future__ import annotations

import msgspec

from appliance.domain.json_types import JsonObject
from appliance.domain.message import TokenUsage
from appliance.domain.tool import ToolCall
from appliance.errors import ContextWindowExceeded
from appliance.ports.chat_model import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.providers.anthropic.failures import IN_STREAM, ApiError, BrokenAnswer
from appliance.providers.anthropic.provider_state import THINKING, write_content
from appliance.providers.anthropic.wire import StreamEvent, WireDelta, WireUsage

_events = msgspec.json.Decoder(StreamEvent)
_objects = msgspec.json.Decoder(JsonObject)

FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "content_filter",
}
"""``tool_use`` without a call that can be read is an answer that stopped. ``pause_turn`` belongs to
tools that run at the vendor, of which none are offered: such an answer is not complete."""


class _Block:
    """One block of the answer while its pieces arrive."""

    def __init__(self, start: JsonObject) -> None:
        self.start = start
        self.kind = start.get("type")
        self.texts = [str(start.get("text") or start.get("thinking") or "")]
        self.signature = str(start.get("signature") or "")
        self.json = ""
        self.is_whole = False

    def add(self, delta: WireDelta) -> None:
        self.texts.append(delta.text or delta.thinking)
        self.signature += delta.signature
        self.json += delta.partial_json

    def to_wire(self) -> JsonObject | None:
        """Return the block as it goes back, ``None`` if it is one that does not."""
        text = "".join(self.texts)
        if self.kind == "text":
            return {"type": "text", "text": text} if text.strip() else None
        if self.kind == "thinking":
            return {**self.start, "thinking": text, "signature": self.signature}
        if self.kind == "tool_use":
            return {key: self.start[key] for key in ("type", "id", "name")} | {"input": self.input}
        return self.start if self.kind in THINKING else None

    @property
    def input(self) -> JsonObject:
        """The arguments of a call.

        Raises:
            BrokenAnswer: They are not a JSON object.
        """
        try:
            return _objects.decode(self.json) if self.json else dict(self.start.get("input") or {})
        except (msgspec.DecodeError, TypeError, ValueError) as exc:
            raise BrokenAnswer("the arguments of a tool call are no JSON object") from exc

    def to_call(self) -> ToolCall:
        """Return the finished call of a tool."""
        call_id, name = self.start.get("id"), self.start.get("name")
        if not isinstance(call_id, str) or not isinstance(name, str) or not (call_id and name):
            raise BrokenAnswer("a tool call has no id or no name")
        return ToolCall(id=call_id, name=name, arguments=self.input)


class ReplyReader:
    """Turns the events of one answer of ``model`` into the port's.

    Calls come at the end, when it is known how the answer ended: those of an answer that was
    refused, and one that its length cut off, are not to be run.
    """

    def __init__(self, *, model: str) -> None:
        self.is_done = False
        self.has_begun = False
        self._model = model
        self._answered_by = model
        self._blocks: dict[int, _Block] = {}
        self._usage = WireUsage()
        self._stop_reason: str | None = None
        self._has_text = False

    def feed(self, data: str) -> list[ModelEvent]:
        """Return what the data of one event brings; ``message_stop`` brings the end.

        Raises:
            ApiError: The event reports an error.
            BrokenAnswer: It breaks the protocol.
            ContextWindowExceeded: The prompt left no room for an answer.
        """
        try:
            event = _events.decode(data)
        except msgspec.DecodeError as exc:
            raise BrokenAnswer("an event is not what the protocol says") from exc
        match event.type:
            case "message_start":
                self._start(event)
            case "content_block_start":
                return self._open_block(event)
            case "content_block_delta":
                return self._extend_block(event)
            case "content_block_stop":
                self._block(event).is_whole = True
            case "message_delta":
                self._end(event)
            case "message_stop":
                return self._finish()
            case "error":
                raise _read_error(event)
        return []  # a ping, or what a newer API says and an older client may ignore

    def _start(self, event: StreamEvent) -> None:
        if event.message is not None:
            self._answered_by = event.message.model or self._model
            self._count(event.message.usage)

    def _open_block(self, event: StreamEvent) -> list[ModelEvent]:
        block = _Block(event.content_block or {})
        self._blocks[event.index] = block
        self.has_begun = self.has_begun or block.kind in ("text", "tool_use")
        return self._say(block.texts[0]) if block.kind == "text" else []

    def _extend_block(self, event: StreamEvent) -> list[ModelEvent]:
        block = self._block(event)
        if event.delta is None:
            raise BrokenAnswer("a piece of a block is empty")
        block.add(event.delta)
        return self._say(event.delta.text) if block.kind == "text" else []

    def _block(self, event: StreamEvent) -> _Block:
        try:
            return self._blocks[event.index]
        except KeyError as exc:
            raise BrokenAnswer("a piece belongs to no block") from exc

    def _say(self, text: str) -> list[ModelEvent]:
        self._has_text = self._has_text or bool(text.strip())
        return [TextDelta(text=text)] if text else []

    def _end(self, event: StreamEvent) -> None:
        if event.usage is not None:
            self._count(event.usage)
        if event.delta is not None:
            self._stop_reason = event.delta.stop_reason or self._stop_reason

    def _finish(self) -> list[ModelEvent]:
        if self._stop_reason is None:
            raise BrokenAnswer("the answer ends without a reason")
        self.is_done = True
        reason = FINISH_REASONS.get(self._stop_reason, "stop")
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        if reason == "length":
            blocks = [block for block in blocks if block.is_whole]
        elif reason == "content_filter":
            blocks = []
        calls = [block.to_call() for block in blocks if block.kind == "tool_use"]
        if self._stop_reason == "model_context_window_exceeded" and not (calls or self._has_text):
            raise ContextWindowExceeded(
                f"The conversation leaves the model {self._model!r} no room for an answer."
            )
        finished = ModelFinished(
            finish_reason="tool_calls" if calls else reason,
            model=self._answered_by,
            usage=self._total(),
            provider_state=self._state(blocks) if calls else None,
        )
        return [*(ToolCallRequested(call=call) for call in calls), finished]

    def _state(self, blocks: list[_Block]) -> JsonObject | None:
        wire = [block.to_wire() for block in blocks]
        return write_content([block for block in wire if block is not None], model=self._model)

    def _count(self, usage: WireUsage) -> None:
        told = {name: count for name, count in msgspec.structs.asdict(usage).items() if count}
        self._usage = msgspec.structs.replace(self._usage, **told)

    def _total(self) -> TokenUsage:
        """Return the counts; the vendor's input is only what no cache had a part in."""
        read = self._usage.cache_read_input_tokens or 0
        written = self._usage.cache_creation_input_tokens or 0
        return TokenUsage(
            input_tokens=(self._usage.input_tokens or 0) + read + written,
            output_tokens=self._usage.output_tokens or 0,
            cached_input_tokens=read,
            cache_write_input_tokens=written,
        )


def _read_error(event: StreamEvent) -> ApiError:
    error = event.error
    if error is None:
        return ApiError(IN_STREAM)
    return ApiError(IN_STREAM, kind=error.type, cause=error.code, text=error.message)
