"""A local model served by Ollama.

Owns one call of a model: the request, its deadlines, the retry without native tools and the end;
the pieces of the protocol live in the sibling modules.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from appliance.domain.json_types import JsonObject
from appliance.errors import UpstreamError
from appliance.ports.chat_model import ChatRequest, ModelDescription, ModelEvent
from appliance.ports.clock import Clock
from appliance.providers.deadlines import Countdown, Deadlines
from appliance.providers.ollama.context_window import WindowSizes
from appliance.providers.ollama.failures import (
    cannot_hold_format,
    cannot_think,
    lacks_native_tools,
    translate_error,
)
from appliance.providers.ollama.http import (
    LineStream,
    OllamaError,
    OllamaHttp,
    broken_response,
)
from appliance.providers.ollama.library import OllamaLibrary
from appliance.providers.ollama.models import ModelFacts, ModelShelf
from appliance.providers.ollama.reply import MalformedReply, ReplyReader
from appliance.providers.ollama.wire import build_messages
from appliance.providers.unopened_thinking import ThinkingHabits
from appliance.tool_spelling import (
    ToolForm,
    build_constrained_messages,
    build_function_tools,
    build_prompted_messages,
    build_schema,
    choose_reader,
)

PROVIDER_NAME = "ollama"


class OllamaChatModel:
    """Implements ``ChatModel`` with the Ollama at ``base_url``.

    Args:
        base_url: Where Ollama listens; from the operator's settings, so it may be on loopback.
        default_model: The model for requests that name none; ``None`` takes the best installed.
        clock: Measures deadlines and the age of cached facts.
        deadlines: How long to wait.
        keep_alive: How long Ollama keeps the model in memory after an answer.
        max_window_tokens: The largest context window to ask for: memory grows with it.
        max_default_size_bytes: The largest model to take without being told to.
    """

    def __init__(
        self,
        base_url: str,
        default_model: str | None,
        clock: Clock,
        *,
        deadlines: Deadlines | None = None,
        keep_alive: str = "30m",
        max_window_tokens: int = 32_768,
        max_default_size_bytes: int = 12_000_000_000,
    ) -> None:
        self._deadlines = deadlines or Deadlines()
        self._clock = clock
        self._keep_alive = keep_alive
        self._http = OllamaHttp(base_url, connect_timeout_s=self._deadlines.connect_s)
        self._shelf = ModelShelf(
            self._http,
            clock,
            default_model=default_model,
            max_default_size_bytes=max_default_size_bytes,
        )
        self._habits = ThinkingHabits()
        self._windows = WindowSizes(max_window_tokens=max_window_tokens)
        self.library = OllamaLibrary(self._http, on_change=self._shelf.forget)

    @property
    def name(self) -> str:
        """The provider's name."""
        return PROVIDER_NAME

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request`` as ``ChatModel.stream`` promises."""
        countdown = Countdown(self._deadlines, self._clock)
        facts = await self._shelf.choose(request.model)
        try:
            lines, reader = await self._open(request, facts, countdown)
            async with aclosing(lines):
                while not reader.is_done:
                    for event in await self._read_events(lines, reader, countdown):
                        yield event
                    if reader.failure is not None:
                        raise reader.failure
                    countdown.note_progress()
        except OllamaError as exc:
            if exc.status == 404:
                self._shelf.forget()
            raise translate_error(exc, model=facts.name, base_url=self._http.base_url) from exc
        except MalformedReply as exc:
            raise broken_response(self._http.base_url) from exc

    async def context_length(self, model: str | None) -> int | None:
        """Return the largest window that is asked for of ``model``."""
        try:
            facts = await self._shelf.choose(model)
        except UpstreamError:
            return None
        return self._windows.ceiling(facts.context_length)

    async def list_models(self) -> list[ModelDescription]:
        """Return the installed models, by name."""
        return await self._shelf.describe_all()

    async def check(self) -> str:
        """Return the name of the model that answers requests that name none.

        Raises:
            Unavailable: Ollama does not answer.
            Rejected: The configured model is not installed, or none is.
        """
        self._shelf.forget()
        return (await self._shelf.choose(None)).name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _open(
        self, request: ChatRequest, facts: ModelFacts, countdown: Countdown
    ) -> tuple[LineStream, ReplyReader]:
        """Start the answer, each time with less that the model turned out not to know."""
        form: ToolForm = "native" if facts.has_native_tools else "constrained"
        sends_think = facts.can_think
        while True:
            body = self._build_body(request, facts, form=form, sends_think=sends_think)
            try:
                lines = await self._http.open_lines("/api/chat", body, timeout_s=countdown.left_s())
            except OllamaError as exc:
                if form == "native" and lacks_native_tools(exc):
                    form = "constrained"
                elif "format" in body and cannot_hold_format(exc):
                    form = "prompted"
                elif sends_think and cannot_think(exc):
                    sends_think = False
                else:
                    raise
                continue
            reader = ReplyReader(
                model=facts.name,
                content=self._habits.read(choose_reader(request.tools, form), facts.name),
                tools=request.tools,
                taken_call_ids=(
                    call.id for message in request.messages for call in message.tool_calls
                ),
            )
            return lines, reader

    def _build_body(
        self, request: ChatRequest, facts: ModelFacts, *, form: ToolForm, sends_think: bool
    ) -> JsonObject:
        body: JsonObject = {"model": facts.name, "stream": True, "keep_alive": self._keep_alive}
        tools = request.tools
        match form:
            case "native":
                body["messages"] = build_messages(request.messages)
                if tools:
                    body["tools"] = build_function_tools(tools)
            case "constrained":
                body["messages"] = build_constrained_messages(request.messages, tools)
                if tools:
                    body["format"] = build_schema(tools)
            case "prompted":
                body["messages"] = build_prompted_messages(request.messages, tools)
        # Written once, to be measured and sent.
        read = {
            part: msgspec.json.encode(body[part]) for part in ("messages", "tools") if part in body
        }
        body.update((part, msgspec.Raw(text)) for part, text in read.items())
        # Without these two Ollama drops the oldest messages and says nothing.
        body["truncate"] = False
        body["shift"] = False
        if sends_think:
            body["think"] = False
        body["options"] = {
            "temperature": request.temperature,
            "num_predict": request.max_output_tokens,
            "num_ctx": self._windows.choose(
                facts.name,
                prompt_text=b"".join(read.values()),
                max_output_tokens=request.max_output_tokens,
                context_length=facts.context_length,
            ),
        }
        return body

    async def _read_events(
        self, lines: LineStream, reader: ReplyReader, countdown: Countdown
    ) -> list[ModelEvent]:
        received = await lines.read(timeout_s=countdown.left_s())
        if not received:
            raise broken_response(self._http.base_url)
        events = reader.feed(received)
        if reader.is_done:
            await lines.finish()
        return events
