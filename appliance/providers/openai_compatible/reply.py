"""A streamed answer, chunk by chunk, as model events.

Owns what chunks mean; waiting for them is left to ``chat_model``, calls within the text and the
mending of all calls to ``appliance.tool_spelling``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonValue
from appliance.domain.message import TokenUsage
from appliance.domain.tokens import estimate_tokens
from appliance.domain.tool import UNREADABLE_ARGUMENTS, ToolCall, ToolSpec
from appliance.domain.whole_characters import HalfJoiner, join_halves
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
from appliance.tool_spelling import AnswerReader, UnreadableAnswer, mend_call

CUT_BY_LENGTH = ("length", "max_tokens")
FAILED = ("error", "abort")


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

    def join_halves(self) -> _OpenCall:
        """Return the call in whole characters; its fragments may have parted some."""
        return _OpenCall(*map(join_halves, (self.id, self.name, self.arguments)))


class ReplyReader:
    """Turns the chunks of one answer into events; calls come whole, at the end.

    Args:
        model: Its name, until the answer says a more exact one.
        prompt: What was sent, for an estimate when the server does not count.
        content: Reads the model's text.
        tools: What may be called.
        taken_call_ids: The ids of earlier calls.
    """

    def __init__(
        self,
        *,
        model: str,
        prompt: JsonValue,
        content: AnswerReader,
        tools: Sequence[ToolSpec],
        taken_call_ids: Iterable[str],
    ) -> None:
        self.finish_reason: str | None = None
        self._model = model
        self._prompt = prompt
        self._content = content
        self._tools = tools
        self._halves = HalfJoiner()
        self._thinking = ThinkingFilter()
        self._call_ids = CallIds(taken_call_ids)
        self._calls: list[_OpenCall] = []
        self._places: dict[int | None, _OpenCall] = {}
        self._usage: Usage | None = None
        self._written: list[str] = []

    def feed(self, data: JsonValue) -> list[ModelEvent]:
        """Return the events of one chunk.

        Raises:
            MalformedReply: It is none.
        """
        try:
            chunk = msgspec.convert(data, Chunk)
            if chunk.model:
                self._model = join_halves(chunk.model)
            if chunk.usage is not None:
                self._usage = _read_usage(chunk.usage) or self._usage
            choices = [choice for choice in chunk.choices or () if not choice.index]
            return _say("".join([self._read_choice(choice) for choice in choices]))
        except (msgspec.ValidationError, RecursionError, UnreadableAnswer) as exc:
            raise MalformedReply("what arrived is no chunk of an answer") from exc

    def finish(self) -> list[ModelEvent]:
        """Return the last events; the answer is known to be whole.

        Raises:
            MalformedReply: The server gave up, or nothing that was said can be read.
        """
        if self.finish_reason in FAILED:
            raise MalformedReply("the server ended the answer because of a failure")
        is_cut = self.finish_reason in CUT_BY_LENGTH
        try:
            said = self._thinking.feed(self._halves.finish()) + self._thinking.finish()
            text = self._content.feed(said)
            rest, calls = self._content.finish(is_cut=is_cut)
        except UnreadableAnswer as exc:
            raise MalformedReply("the text is neither an answer nor a call") from exc
        events = _say(text + rest)
        wanted = (*calls, *self._read_calls(is_cut=is_cut))
        events += [
            ToolCallRequested(call=msgspec.structs.replace(call, id=self._call_ids.take(call.id)))
            for call in wanted
        ]
        events.append(
            ModelFinished(
                finish_reason="tool_calls" if wanted else self._reason(),
                model=self._model,
                usage=self._count_tokens(),
            )
        )
        return events

    def _read_calls(self, *, is_cut: bool) -> list[ToolCall]:
        named = [call.join_halves() for call in self._calls if call.name.strip()]
        if is_cut and named and not _is_json(named[-1].arguments):
            # Half a call is not what the model meant: it must not be mended and run.
            named.pop()
            if not named and not "".join(self._written).strip():
                raise MalformedReply("the answer ends within a call")
        return [read_call(call.id, call.name, call.arguments, self._tools) for call in named]

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
        written = self._halves.feed(_read_text(delta.content) + (delta.refusal or ""))
        self._written.append(written)
        return self._content.feed(self._thinking.feed(written))

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

    def _count_tokens(self) -> TokenUsage:
        usage = self._usage or Usage()
        details = usage.prompt_tokens_details
        told_input, told_output = usage.prompt_tokens, usage.completion_tokens
        if told_input is None:
            told_input = estimate_tokens(json.dumps(self._prompt, ensure_ascii=False))
        if told_output is None:
            called = "".join(call.name + call.arguments for call in self._calls)
            told_output = estimate_tokens("".join(self._written) + called)
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


def read_call(call_id: str, name: str, arguments: str, tools: Sequence[ToolSpec]) -> ToolCall:
    """Return the call, mended where the model wrote it carelessly.

    Arguments that cannot be read do not fail the answer: the agent refuses the call and the model
    hears why.
    """
    try:
        return mend_call(name, arguments, tools, call_id=call_id)
    except UnreadableAnswer:
        return ToolCall(id=call_id, name=name, arguments={UNREADABLE_ARGUMENTS: arguments})


def _say(text: str) -> list[ModelEvent]:
    return [TextDelta(text=text)] if text else []


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
