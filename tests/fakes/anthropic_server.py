"""An Anthropic that says what it is told, over the documented protocol on a loopback port.

Owns the routes, the stream's events and the faults; which requests it refuses is said by
``anthropic_rules``. What it says comes from a script.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.fakes import model_script
from tests.fakes.anthropic_rules import Body, FakeModel, Refused, Rules, dump
from tests.fakes.loopback_http import Exchange, LoopbackHttp, SeenRequest
from tests.fakes.model_script import HALVES, CutOff, Send, Stall

API_KEY = "sk-ant-api03-the-canary-sings-at-dawn"
STREAM_TYPE = "text/event-stream; charset=utf-8"
REQUEST_ID = "req_011CSHoEeqs5C35K2UUqR7Fy"
CALLS_WITH = "tool_use"


@dataclass(frozen=True)
class Say:
    """An answer: thinking, pieces of text, then tool calls, each in a block of its own.

    ``thinking`` comes in pieces, cut at each ``|``. ``input_tokens`` are those that no cache had a
    part in. ``more`` are events of kinds nobody has
    documented yet.
    """

    text: Sequence[str] = ()
    calls: Sequence[dict[str, Any]] = ()
    thinking: str = ""
    stop_reason: str | None = None
    input_tokens: int = 12
    output_tokens: int = 5
    cache_read: int = 0
    cache_write: int = 0
    cuts_last_call: bool = False
    more: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Refuse:
    """An error before anything is said."""

    status: int
    kind: str
    text: str = "no"
    cause: str | None = None
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class FailMidway:
    """What was said before an error event."""

    said: Say
    kind: str
    text: str = "Overloaded"


Step = Say | Refuse | Send | FailMidway | CutOff[Say] | Stall[Say]
Script = Callable[[dict[str, Any]], Step]


def play(steps: Sequence[Step]) -> Script:
    """Say ``steps`` one after another; a call beyond the last is the test's mistake."""
    return model_script.play(steps, beyond=Refuse(500, "api_error", "the script has no more steps"))


@dataclass
class FakeAnthropic:
    """Serves ``script`` while its context is open.

    ``calls`` are the bodies of the messages that were not refused, ``refusals`` what was wrong with
    the others. ``has_hung_up`` is set when a caller left before its answer was complete.
    ``piece_bytes`` is the size of the pieces in which a streamed body is sent: every event on its
    own by default. ``has_pings`` puts one behind every event.
    """

    script: Script
    models: Sequence[FakeModel] = (FakeModel(),)
    api_key: str | None = API_KEY
    piece_bytes: int | None = None
    has_pings: bool = True
    page_size: int = 2
    calls: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    has_call: asyncio.Event = field(default_factory=asyncio.Event)
    has_hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._rules = Rules(self.models)
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
        return self._http.url

    @property
    def connections(self) -> int:
        return self._http.connections

    @property
    def requests(self) -> list[SeenRequest]:
        return self._http.requests

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            self._check_headers(request)
            match request.method, request.path.split("/")[1:]:
                case "POST", ["v1", "messages"]:
                    await self._answer(exchange)
                case "GET", ["v1", "models"]:
                    await self._list_models(exchange)
                case "GET", ["v1", "models", name]:
                    await exchange.respond_json(200, _entry(self._find(name)))
                case _:
                    raise Refused("Not Found", status=404, kind="not_found_error")
        except Refused as refused:
            self.refusals.append(str(refused))
            step = Refuse(refused.status, refused.kind, str(refused))
            await _respond_error(exchange, step)

    def _check_headers(self, request: SeenRequest) -> None:
        given = {
            request.headers.get("x-api-key"),
            request.headers.get("authorization", "").removeprefix("Bearer "),
        }
        if self.api_key is not None and self.api_key not in given:
            raise Refused("invalid x-api-key", status=401, kind="authentication_error")
        if "anthropic-version" not in request.headers:
            raise Refused("anthropic-version: header is required")

    def _find(self, name: str) -> FakeModel:
        for model in self.models:
            if model.name == name:
                return model
        raise Refused(f"model: {name}", status=404, kind="not_found_error")

    async def _list_models(self, exchange: Exchange) -> None:
        query = parse_qs(urlsplit(exchange.request.target).query)
        names = [model.name for model in self.models]
        start = names.index(query["after_id"][0]) + 1 if "after_id" in query else 0
        page = self.models[start : start + self.page_size]
        await exchange.respond_json(
            200,
            {
                "data": [_entry(model) for model in page],
                "has_more": start + len(page) < len(names),
                "first_id": page[0].name if page else None,
                "last_id": page[-1].name if page else None,
            },
        )

    async def _answer(self, exchange: Exchange) -> None:
        body = self._rules.check(exchange.request.body)
        raw = exchange.request.json()
        self.calls.append(raw)
        self.has_call.set()
        step = self.script(raw)
        match step:
            case Refuse():
                await _respond_error(exchange, step)
            case Send():
                await exchange.respond(
                    step.status, step.body, content_type=step.content_type or STREAM_TYPE
                )
            case Say():
                await self._stream(exchange, self._events(body, step), ends=True)
            case FailMidway():
                error = {"type": "error", "error": {"type": step.kind, "message": step.text}}
                events = [*self._events(body, step.said)[:-2], error]
                await self._stream(exchange, events, ends=True)
            case CutOff():
                content = b"".join(_frame(event) for event in self._events(body, step.said))
                await exchange.start(200, content_type=STREAM_TYPE)
                await exchange.chunk(content[: step.after_bytes])
                exchange.cut()
            case Stall():
                if step.after_events is not None:
                    events = self._events(body, step.said)[: step.after_events]
                    pings = [{"type": "ping"}] * step.pings
                    await self._stream(exchange, [*events, *pings], ends=False)
                await exchange.wait_for_disconnect()
                self.has_hung_up.set()

    def _events(self, body: Body, said: Say) -> list[dict[str, Any]]:
        thought = said.thinking.replace("|", "")
        signature = self._rules.sign(body, thought) if thought else ""
        return answer_events(body.model, said, signature=signature, has_pings=self.has_pings)

    async def _stream(
        self, exchange: Exchange, events: Sequence[dict[str, Any]], *, ends: bool
    ) -> None:
        await exchange.start(200, content_type=STREAM_TYPE)
        for event in events:
            frame = _frame(event)
            size = self.piece_bytes or len(frame)
            for start in range(0, len(frame), size):
                await exchange.chunk(frame[start : start + size])
        if ends:
            await exchange.end()


async def _respond_error(exchange: Exchange, step: Refuse) -> None:
    error: dict[str, Any] = {"type": step.kind, "message": step.text}
    if step.cause is not None:
        error["details"] = {"error_code": step.cause}
    await exchange.respond_json(
        step.status,
        {"type": "error", "error": error, "request_id": REQUEST_ID},
        headers=[("request-id", REQUEST_ID), *step.headers],
    )


def _entry(model: FakeModel) -> dict[str, Any]:
    yes, no, effort = {"supported": True}, {"supported": False}, {"supported": model.knows_effort}
    capabilities: dict[str, Any] = {
        "batch": yes,
        "citations": yes,
        "code_execution": no,
        "context_management": {"supported": False},
        "effort": {**effort, "low": effort, "medium": effort, "high": effort, "max": effort},
        "image_input": yes,
        "pdf_input": yes,
        "server_tools": {**yes, "code_execution": no, "web_search": yes},
        "structured_outputs": yes,
        "thinking": {
            **yes,
            "types": {"adaptive": yes, "between_tools": no, "disabled": no, "enabled": no},
        },
    }
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name.title(),
        "created_at": "2026-10-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": model.context_length,
        "max_tokens": model.max_tokens,
        "capabilities": capabilities,
    }


def _frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {dump(event)}\n\n".encode(errors=HALVES)


def answer_size(model: str, said: Say) -> int:
    """Return the length of an answer's body without pings."""
    return sum(len(_frame(event)) for event in answer_events(model, said, has_pings=False))


def answer_events(
    model: str, said: Say, *, signature: str = "", has_pings: bool = True
) -> list[dict[str, Any]]:
    """Return the events of a streamed answer."""
    usage = {"input_tokens": said.input_tokens}
    if said.cache_read or said.cache_write:
        usage["cache_creation_input_tokens"] = said.cache_write
        usage["cache_read_input_tokens"] = said.cache_read
    message = {
        "id": "msg_014ZzR",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "usage": {**usage, "output_tokens": 1},
    }
    stop_reason = said.stop_reason or (CALLS_WITH if said.calls else "end_turn")
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason},
        "usage": {"output_tokens": said.output_tokens},
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    if has_pings:
        events.append({"type": "ping"})
    for index, (start, deltas, is_whole) in enumerate(_blocks(said, signature)):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += (
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        )
        if is_whole:
            events.append({"type": "content_block_stop", "index": index})
    return [*events, *said.more, end, {"type": "message_stop"}]


def _blocks(
    said: Say, signature: str
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], bool]]:
    if said.thinking:
        deltas = [{"type": "thinking_delta", "thinking": part} for part in said.thinking.split("|")]
        start = {"type": "thinking", "thinking": "", "signature": ""}
        yield start, [*deltas, {"type": "signature_delta", "signature": signature}], True
    if said.text:
        deltas = [{"type": "text_delta", "text": text} for text in said.text]
        yield {"type": "text", "text": ""}, deltas, True
    for position, call in enumerate(said.calls):
        pieces = _split_anywhere(dump(call["arguments"]) if call["arguments"] else "")
        is_whole = not said.cuts_last_call or position < len(said.calls) - 1
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        call_id = call.get("id") or f"toolu_{random.randbytes(12).hex()}"
        start = {"type": "tool_use", "id": call_id, "name": call["name"], "input": {}}
        yield start, deltas if is_whole else deltas[:-1], is_whole


def _split_anywhere(text: str) -> list[str]:
    """Return ``text`` in an empty piece, as the API begins, and up to three more."""
    chance = random.Random(text)
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    pieces = [text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]]
    return ["", *(piece for piece in pieces if piece)]
