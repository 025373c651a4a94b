"""A server that speaks OpenAI's protocol and says what it is told, on a loopback port.

Owns the routes, what each kind of server refuses, and the faults; what it says comes from a script.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from tests.fakes import model_script
from tests.fakes.loopback_http import Exchange, LoopbackHttp, SeenRequest
from tests.fakes.model_script import HALVES, CutOff, FailMidway, Send, Stall

CREATED = 1_795_000_000
CHARS_PER_TOKEN = 4
STREAM_TYPE = "text/event-stream"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Say:
    """An answer: pieces of text, then tool calls in fragments, the end, and the usage.

    ``arguments`` of a call may be text that is no JSON. ``finish_reason`` is chosen when it is not
    given; an empty one is never sent.
    """

    text: Sequence[str] = ()
    calls: Sequence[dict[str, Any]] = ()
    reasoning: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] | None = field(
        default_factory=lambda: {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    )
    is_closed_by_done: bool = True


@dataclass(frozen=True)
class Refuse:
    """An error before anything is said; a text becomes OpenAI's error object."""

    status: int
    error: str | dict[str, Any]
    headers: Sequence[tuple[str, str]] = ()


Step = Say | Refuse | Send | FailMidway[Say] | CutOff[Say] | Stall[Say]
Script = Callable[[dict[str, Any]], Step]
Kind = Literal["openai", "vllm", "llama.cpp", "bare"]


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Call(msgspec.Struct):
    id: str
    type: Literal["function"]
    function: _Function


class _Message(msgspec.Struct):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    tool_calls: list[_Call] | msgspec.UnsetType = msgspec.UNSET
    tool_call_id: str | None = None


class _ToolFunction(msgspec.Struct):
    name: str
    parameters: dict[str, Any]
    description: str = ""


class _Tool(msgspec.Struct):
    type: Literal["function"]
    function: _ToolFunction


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _ChatBody(msgspec.Struct, forbid_unknown_fields=True):
    """The request as OpenAI parses it: nothing it does not know."""

    model: str
    messages: list[_Message]
    tools: list[_Tool] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    response_format: dict[str, Any] | None = None


@dataclass(frozen=True)
class FakeModel:
    """A listed model; ``told`` are fields that only some servers add."""

    name: str
    context_length: int = 8192
    told: dict[str, Any] = field(default_factory=dict)


def play(steps: Sequence[Step]) -> Script:
    """Say ``steps`` one after another; a call beyond the last is the test's mistake."""
    return model_script.play(steps, beyond=Refuse(500, "the script has no more steps"))


@dataclass
class FakeOpenAI:
    """Serves ``script`` under ``/v1`` while its context is open.

    Args:
        script: What it says.
        kind: ``openai`` is strict and wants ``max_completion_tokens``; ``vllm`` takes both; started
            without a tool parser it refuses tools (``has_tools``); ``llama.cpp`` knows no
            ``stream_options`` and, without ``--jinja``, no tools; ``bare`` takes neither, nor a
            temperature or a response format.
        models: What it lists.
        api_key: The only key it lets in; ``None`` lets in everybody without one.
        has_tools: Whether ``vllm`` and ``llama.cpp`` were started with tools.
        piece_bytes: The size of the pieces of a streamed body: each event on its own by default.
        is_terse: Whether chunks lack what no reader needs, so that there are fewer bytes to cut at.
        chats: The bodies that passed the checks of the protocol.
        has_chat: Set by the first of them.
        has_hung_up: Set when a caller left before its answer was complete.
    """

    script: Script
    kind: Kind = "openai"
    models: Sequence[FakeModel] = (FakeModel("gpt-fake"),)
    api_key: str | None = None
    has_tools: bool = True
    piece_bytes: int | None = None
    is_terse: bool = False
    chats: list[dict[str, Any]] = field(default_factory=list)
    has_chat: asyncio.Event = field(default_factory=asyncio.Event)
    has_hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._http = LoopbackHttp(self._handle)
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        return f"{self._http.url}/v1"

    @property
    def connections(self) -> int:
        return self._http.connections

    @property
    def requests(self) -> list[SeenRequest]:
        return self._http.requests

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        if not self._is_let_in(request):
            refusal = Refuse(401, _error("Incorrect API key provided.", code="invalid_api_key"))
            await self._perform(exchange, "", {}, refusal)
        elif (request.method, request.path) == ("GET", "/v1/models"):
            listed = [self._entry(model) for model in self.models]
            await exchange.respond_json(200, {"object": "list", "data": listed})
        elif (request.method, request.path) == ("POST", "/v1/chat/completions"):
            await self._chat(exchange)
        else:
            await exchange.respond(404, b'{"detail":"Not Found"}')

    def _is_let_in(self, request: SeenRequest) -> bool:
        given = request.headers.get("authorization")
        return given == (None if self.api_key is None else f"Bearer {self.api_key}")

    def _entry(self, model: FakeModel) -> dict[str, Any]:
        entry = {"id": model.name, "object": "model", "created": CREATED, "owned_by": "fake"}
        if self.kind == "vllm":
            entry["max_model_len"] = model.context_length
        elif self.kind == "llama.cpp":
            entry["meta"] = {"n_ctx_train": model.context_length, "n_params": 4_000_000_000}
        return {**entry, **model.told}

    async def _chat(self, exchange: Exchange) -> None:
        raw = exchange.request.json()
        try:
            body = msgspec.json.decode(exchange.request.body, type=_ChatBody)
        except msgspec.DecodeError as exc:
            refusal: Step | None = Refuse(400, _error(f"Invalid body: {exc}"))
            await self._perform(exchange, "", raw, refusal)
            return
        refusal = self._refusal(body)
        if refusal is None:
            self.chats.append(raw)
            self.has_chat.set()
        await self._perform(exchange, body.model, raw, refusal or self.script(raw))

    def _refusal(self, body: _ChatBody) -> Refuse | None:
        model = next((model for model in self.models if model.name == body.model), None)
        if model is None:
            message = f"The model `{body.model}` does not exist or you do not have access to it."
            return Refuse(404, _error(message, code="model_not_found"))
        size = sum(len(message.content or "") for message in body.messages) // CHARS_PER_TOKEN
        if size > model.context_length:
            return self._too_long(model, size)
        match self.kind:
            case "openai":
                return _refuse_as_openai(body)
            case "vllm":
                return None if self.has_tools or not body.tools else _refuse_tools_as_vllm()
            case "llama.cpp":
                return None if self.has_tools or not body.tools else _refuse_tools_as_llama()
            case "bare":
                return _refuse_as_bare(body)

    def _too_long(self, model: FakeModel, size: int) -> Refuse:
        if self.kind == "llama.cpp":
            message = "the request exceeds the available context size, try increasing it"
            error = {"code": 400, "message": message, "type": "exceed_context_size_error"}
            return Refuse(400, {"error": error})
        message = (
            f"This model's maximum context length is {model.context_length} tokens. However, your "
            f"messages resulted in {size} tokens. Please reduce the length of the messages."
        )
        if self.kind == "vllm":
            return Refuse(400, {"object": "error", "message": message, "code": 400})
        return Refuse(400, _error(message, code="context_length_exceeded", param="messages"))

    async def _perform(
        self, exchange: Exchange, model: str, body: dict[str, Any], step: Step
    ) -> None:
        options = body.get("stream_options") or {}
        has_usage = bool(options.get("include_usage")) and self.kind != "llama.cpp"

        def events(said: Say) -> list[bytes]:
            return answer_events(model, said, has_usage=has_usage, is_terse=self.is_terse)

        match step:
            case Refuse():
                error = step.error if isinstance(step.error, dict) else _error(step.error)
                await exchange.respond_json(step.status, error, headers=step.headers)
            case Send():
                await exchange.respond(
                    step.status, step.body, content_type=step.content_type or STREAM_TYPE
                )
            case Say():
                await self._stream(exchange, events(step), ends=True)
            case FailMidway():
                said = [event for event in events(step.said) if b'"delta"' in event][:-1]
                failure = b"data: " + json.dumps({"error": step.error}).encode() + b"\n\n"
                await self._stream(exchange, [*said, failure], ends=True)
            case CutOff():
                content = b"".join(events(step.said))
                await self._stream(exchange, [content[: step.after_bytes]], ends=False)
                exchange.cut()
            case Stall():
                if step.after_events is not None:
                    said = events(step.said)[: step.after_events]
                    await self._stream(exchange, said, ends=False)
                await exchange.wait_for_disconnect()
                self.has_hung_up.set()

    async def _stream(self, exchange: Exchange, events: Sequence[bytes], *, ends: bool) -> None:
        await exchange.start(200, content_type=STREAM_TYPE)
        for event in events:
            step = self.piece_bytes or max(len(event), 1)
            for start in range(0, len(event), step):
                await exchange.chunk(event[start : start + step])
        if ends:
            await exchange.end()


def _error(message: str, *, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _refuse_as_openai(body: _ChatBody) -> Refuse | None:
    if body.max_tokens is not None:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead."
        )
        return Refuse(400, _error(message, code="unsupported_parameter", param="max_tokens"))
    return None


def _refuse_tools_as_vllm() -> Refuse:
    message = (
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    )
    return Refuse(400, {"object": "error", "message": message, "code": 400})


def _refuse_tools_as_llama() -> Refuse:
    message = "tools param requires --jinja flag"
    return Refuse(500, {"error": {"code": 500, "message": message, "type": "server_error"}})


def _refuse_as_bare(body: _ChatBody) -> Refuse | None:
    """Refuse one parameter after the other, as servers with a strict schema do."""
    for name in ("stream_options", "temperature", "tools", "response_format"):
        if getattr(body, name) is not None:
            problem = {"loc": ["body", name], "msg": "Extra inputs are not permitted"}
            return Refuse(422, {"detail": [problem]})
    return None


def answer_events(
    model: str, said: Say, *, has_usage: bool = True, is_terse: bool = False
) -> list[bytes]:
    """Return the server-sent events of a streamed answer."""
    deltas: list[dict[str, Any]] = []
    if said.reasoning:
        deltas.append({"content": None, "reasoning_content": said.reasoning})
    deltas += [{"content": text} for text in said.text]
    for index, call in enumerate(said.calls):
        deltas += _call_deltas(index, call)
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    reason = said.finish_reason
    if reason is None:
        reason = "tool_calls" if said.calls else "stop"
    if reason:
        choices.append({"index": 0, "delta": {}, "finish_reason": reason})
    head: dict[str, Any] = {"model": model}
    if not is_terse:
        head |= {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED}
    chunks: list[dict[str, Any]] = [{**head, "choices": [choice]} for choice in choices]
    if said.usage is not None and has_usage:
        chunks.append({**head, "choices": [], "usage": said.usage})
    events = [
        b"data: %b\n\n"
        % json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode(errors=HALVES)
        for chunk in chunks
    ]
    return [*events, DONE] if said.is_closed_by_done else events


def _call_deltas(index: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a call in two fragments: its name, and its arguments cut in the middle."""
    arguments = call["arguments"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    middle = len(arguments) // 2
    head: dict[str, Any] = {"index": index, "type": "function"}
    if "id" in call:
        head["id"] = call["id"]
    head["function"] = {"name": call["name"], "arguments": arguments[:middle]}
    tail = {"index": index, "function": {"arguments": arguments[middle:]}}
    return [{"tool_calls": [head]}, {"tool_calls": [tail]}]
