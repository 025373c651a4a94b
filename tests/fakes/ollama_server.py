"""An Ollama that says what it is told, over the documented protocol on a loopback port.

Owns the routes, the request checks and the faults; what it says comes from a script, or from
``obedient_model`` when it is run by hand: ``python -m tests.fakes.ollama_server --port 11434``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.fakes import model_script
from tests.fakes.loopback_http import Exchange, LoopbackHttp, SeenRequest
from tests.fakes.model_script import HALVES, CutOff, FailMidway, Send, Stall
from tests.fakes.obedient_model import ObedientModel

CREATED_AT = "2026-11-20T09:00:00.000000Z"
CHARS_PER_TOKEN = 4
STREAM_TYPE = "application/x-ndjson"


@dataclass(frozen=True)
class Say:
    """An answer: pieces of text, then tool calls, each in a chunk of its own."""

    text: Sequence[str] = ()
    calls: Sequence[dict[str, Any]] = ()
    thinking: str = ""
    done_reason: str = "stop"
    input_tokens: int | None = 12
    output_tokens: int | None = 5


@dataclass(frozen=True)
class Refuse:
    """An error before anything is said."""

    status: int
    error: str
    headers: Sequence[tuple[str, str]] = ()


Step = Say | Refuse | Send | FailMidway[Say] | CutOff[Say] | Stall[Say]
Script = Callable[[dict[str, Any]], Step]


@dataclass(frozen=True)
class FakeModel:
    """An installed model."""

    name: str
    capabilities: Sequence[str] = ("completion", "tools")
    context_length: int = 40_960
    size: int = 2_600_000_000
    remote_host: str | None = None


class _Function(msgspec.Struct):
    name: str
    arguments: dict[str, Any]


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str = ""
    tool_calls: list[_Call] = []
    tool_name: str | None = None
    tool_call_id: str | None = None


class _ToolFunction(msgspec.Struct):
    name: str
    parameters: dict[str, Any]
    description: str = ""


class _Tool(msgspec.Struct):
    type: str
    function: _ToolFunction


class _ChatBody(msgspec.Struct):
    """The request as Ollama parses it: known fields must have their type, others are ignored."""

    model: str
    messages: list[_Message] = []
    tools: list[_Tool] | None = None
    stream: bool = True
    format: Any = None
    think: bool | str | None = None
    truncate: bool = True
    shift: bool = True
    options: dict[str, Any] = {}


def play(steps: Sequence[Step]) -> Script:
    """Say ``steps`` one after another; a call beyond the last is the test's mistake."""
    return model_script.play(steps, beyond=Refuse(500, "the script has no more steps"))


@dataclass
class FakeOllama:
    """Serves ``script`` while its context is open.

    ``chats`` are the bodies that reached ``/api/chat``, the first of which sets ``has_chat``.
    ``has_hung_up`` is set when a caller left before its answer was complete. ``library`` are the
    models that can be pulled. ``piece_bytes`` is the size of the pieces in which a streamed body
    is sent: every line on its own by default. ``is_old`` tells no capabilities,
    ``refuses_schemas`` is older still: a format is a word to it.
    """

    script: Script
    models: Sequence[FakeModel] = (FakeModel("qwen3:4b"),)
    library: Sequence[str] = ("llama4:8b",)
    piece_bytes: int | None = None
    port: int = 0
    is_old: bool = False
    refuses_schemas: bool = False
    chats: list[dict[str, Any]] = field(default_factory=list)
    has_chat: asyncio.Event = field(default_factory=asyncio.Event)
    has_hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._http = LoopbackHttp(self._handle, port=self.port)
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
        return self._http.url

    @property
    def connections(self) -> int:
        return self._http.connections

    @property
    def requests(self) -> list[SeenRequest]:
        return self._http.requests

    async def _handle(self, exchange: Exchange) -> None:
        match exchange.request.method, exchange.request.path:
            case "GET", "/api/version":
                await exchange.respond_json(200, {"version": "0.17.4"})
            case "GET", "/api/tags":
                await exchange.respond_json(200, {"models": [self._tag(m) for m in self.models]})
            case "GET", "/api/ps":
                await exchange.respond_json(200, {"models": []})
            case "POST", "/api/show":
                await self._show(exchange)
            case "POST", "/api/chat":
                await self._chat(exchange)
            case "POST", "/api/pull":
                await self._pull(exchange)
            case "DELETE", "/api/delete":
                await self._delete(exchange)
            case _:
                await exchange.respond(404, b"404 page not found", content_type="text/plain")

    def _tag(self, model: FakeModel) -> dict[str, Any]:
        tag: dict[str, Any] = {
            "name": model.name,
            "model": model.name,
            "modified_at": CREATED_AT,
            "size": model.size,
            "digest": "0" * 64,
            "details": {"format": "gguf", "family": "fake", "parameter_size": "4.0B"},
        }
        if not self.is_old:
            tag["capabilities"] = list(model.capabilities)
            tag["context_length"] = model.context_length
        if model.remote_host:
            tag["remote_host"] = model.remote_host
        return tag

    def _find(self, name: str) -> FakeModel | None:
        wanted = {name, f"{name}:latest"}
        return next((model for model in self.models if model.name in wanted), None)

    async def _show(self, exchange: Exchange) -> None:
        name = exchange.request.json()["model"]
        model = self._find(name)
        if model is None:
            await exchange.respond_json(404, {"error": f"model '{name}' not found"})
            return
        shown: dict[str, Any] = {
            "modelfile": "FROM fake",
            "template": "{{ .Tools }}" if "tools" in model.capabilities else "{{ .Prompt }}",
            "details": {"format": "gguf", "family": "fake"},
            "model_info": {
                "general.architecture": "fake",
                "fake.context_length": model.context_length,
            },
        }
        if not self.is_old:
            shown["capabilities"] = list(model.capabilities)
        await exchange.respond_json(200, shown)

    async def _pull(self, exchange: Exchange) -> None:
        name = exchange.request.json()["model"]
        lines: list[dict[str, Any]] = [{"status": "pulling manifest"}]
        if name in self.library:
            layer = {"status": "pulling 0badc0de", "digest": "sha256:0badc0de", "total": 2_000}
            lines += [{**layer, "completed": 500}, {**layer, "completed": 2_000}]
            lines += [{"status": "verifying sha256 digest"}, {"status": "success"}]
            self.models = [*self.models, FakeModel(name)]
        else:
            lines.append({"error": "pull model manifest: file does not exist"})
        encoded = [json.dumps(line).encode() + b"\n" for line in lines]
        await self._stream(exchange, encoded, ends=True)

    async def _delete(self, exchange: Exchange) -> None:
        name = exchange.request.json()["model"]
        model = self._find(name)
        if model is None:
            await exchange.respond_json(404, {"error": f"model '{name}' not found"})
            return
        self.models = [other for other in self.models if other is not model]
        await exchange.respond(200)

    async def _chat(self, exchange: Exchange) -> None:
        try:
            body = msgspec.json.decode(exchange.request.body, type=_ChatBody)
        except msgspec.DecodeError as exc:
            await exchange.respond_json(400, {"error": str(exc)})
            return
        raw = exchange.request.json()
        self.chats.append(raw)
        self.has_chat.set()
        refusal = self._refusal(body)
        step = refusal or self.script(raw)
        await self._perform(exchange, body, step)

    def _refusal(self, body: _ChatBody) -> Refuse | None:
        model = self._find(body.model)
        if model is None:
            return Refuse(404, f"model '{body.model}' not found")
        if body.tools and "tools" not in model.capabilities:
            return Refuse(400, f"registry.ollama.ai/library/{model.name} does not support tools")
        if body.think and "thinking" not in model.capabilities:
            return Refuse(400, f'"{model.name}" does not support thinking')
        if self.refuses_schemas and isinstance(body.format, dict):
            return Refuse(
                400,
                "json: cannot unmarshal object into Go struct field ChatRequest.format of type"
                " string",
            )
        window = body.options.get("num_ctx", 4096)
        size = sum(len(message.content) for message in body.messages) // CHARS_PER_TOKEN
        if not body.truncate and size > window:
            return Refuse(400, "the input length exceeds the context length")
        return None

    async def _perform(self, exchange: Exchange, body: _ChatBody, step: Step) -> None:
        match step:
            case Refuse():
                await exchange.respond_json(
                    step.status, {"error": step.error}, headers=step.headers
                )
            case Send():
                await exchange.respond(
                    step.status, step.body, content_type=step.content_type or STREAM_TYPE
                )
            case Say() if not body.stream:
                await exchange.respond_json(200, whole_answer(body.model, step))
            case Say():
                await self._stream(exchange, answer_lines(body.model, step), ends=True)
            case FailMidway():
                lines = answer_lines(body.model, step.said)[:-1]
                lines.append(json.dumps({"error": step.error}).encode() + b"\n")
                await self._stream(exchange, lines, ends=True)
            case CutOff():
                content = b"".join(answer_lines(body.model, step.said))
                await self._stream(exchange, [content[: step.after_bytes]], ends=False)
                exchange.cut()
            case Stall():
                if step.after_events is not None:
                    lines = answer_lines(body.model, step.said)[: step.after_events]
                    await self._stream(exchange, lines, ends=False)
                await exchange.wait_for_disconnect()
                self.has_hung_up.set()

    async def _stream(self, exchange: Exchange, lines: Sequence[bytes], *, ends: bool) -> None:
        await exchange.start(200, content_type=STREAM_TYPE)
        for line in lines:
            step = self.piece_bytes or max(len(line), 1)
            for start in range(0, len(line), step):
                await exchange.chunk(line[start : start + step])
        if ends:
            await exchange.end()


def answer_lines(model: str, said: Say) -> list[bytes]:
    """Return the NDJSON lines of a streamed answer."""
    messages: list[dict[str, Any]] = []
    if said.thinking:
        messages.append({"role": "assistant", "content": "", "thinking": said.thinking})
    messages += [{"role": "assistant", "content": text} for text in said.text]
    messages += [
        {"role": "assistant", "content": "", "tool_calls": [_wire_call(call, index)]}
        for index, call in enumerate(said.calls)
    ]
    chunks: list[dict[str, Any]] = [
        {"model": model, "created_at": CREATED_AT, "message": message, "done": False}
        for message in messages
    ]
    last = {"role": "assistant", "content": ""}
    chunks.append({**_ending(model, said), "message": last})
    return [json.dumps(chunk, ensure_ascii=False).encode(errors=HALVES) + b"\n" for chunk in chunks]


def whole_answer(model: str, said: Say) -> dict[str, Any]:
    """Return the answer to a request with ``stream: false``."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(said.text)}
    if said.thinking:
        message["thinking"] = said.thinking
    if said.calls:
        message["tool_calls"] = [_wire_call(call, index) for index, call in enumerate(said.calls)]
    return {**_ending(model, said), "message": message}


def _wire_call(call: dict[str, Any], index: int) -> dict[str, Any]:
    function = {"index": index, "name": call["name"], "arguments": call["arguments"]}
    return {"id": call["id"], "function": function} if "id" in call else {"function": function}


def _ending(model: str, said: Say) -> dict[str, Any]:
    ending: dict[str, Any] = {
        "model": model,
        "created_at": CREATED_AT,
        "done": True,
        "done_reason": said.done_reason,
        "total_duration": 180_000_000,
        "load_duration": 20_000_000,
        "prompt_eval_duration": 40_000_000,
        "eval_duration": 120_000_000,
    }
    if said.input_tokens is not None:
        ending["prompt_eval_count"] = said.input_tokens
    if said.output_tokens is not None:
        ending["eval_count"] = said.output_tokens
    return ending


async def serve_obedient(port: int) -> None:
    """Serve the obedient model until cancelled."""
    model = ObedientModel()

    def answer(body: dict[str, Any]) -> Step:
        text, calls = model.answer(body["messages"], body.get("tools") or [])
        return Say(text=text, calls=calls)

    async with FakeOllama(answer, port=port) as fake:
        print(f"A fake Ollama answers at {fake.url}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run the fake by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=11434, help="0 takes a free one")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_obedient(parser.parse_args().port))


if __name__ == "__main__":
    main()
