"""Claude, answered by Anthropic's API or a server that speaks its protocol.

Owns one call of a model: the request, its deadlines and the end; the pieces of the protocol live in
the sibling modules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError, Unavailable
from appliance.ports.chat_model import ChatRequest, ModelDescription, ModelEvent
from appliance.ports.clock import Clock
from appliance.providers.anthropic.failures import BrokenAnswer, Server
from appliance.providers.anthropic.models import ModelFacts, load_models, read_facts
from appliance.providers.anthropic.provider_state import PROVIDER_NAME
from appliance.providers.anthropic.reply import ReplyReader
from appliance.providers.anthropic.request import build_body
from appliance.providers.anthropic.wire import ModelEntry
from appliance.providers.deadlines import Countdown, Deadlines
from appliance.tasks import TaskGroup

if TYPE_CHECKING:
    from appliance.providers.anthropic.api import AnthropicApi, EventStream

VENDOR_URL = "https://api.anthropic.com"
CONNECT_S = 5.0
LOOKUP_TIMEOUT_S = 5.0
END_OF_BODY_S = 0.5
API_MODULE = "appliance.providers.anthropic.api"


class AnthropicChatModel:
    """Implements ``ChatModel`` with the API at ``base_url``.

    Args:
        base_url: The vendor's address, or that of a gateway that speaks its protocol.
        api_key: The operator's key; ``None`` for a gateway that wants none.
        default_model: The model for requests that name none; ``None`` takes the file's.
        clock: Measures deadlines.
        deadlines: How long to wait.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        default_model: str | None,
        clock: Clock,
        *,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._server = Server(base_url=base_url, is_vendor=base_url == VENDOR_URL)
        self._api_key = api_key
        self._default_model = default_model or load_models().default_model
        self._clock = clock
        self._deadlines = deadlines or Deadlines(connect_s=CONNECT_S)
        self._facts = dict(load_models().models)
        self._api: AnthropicApi | None = None
        self._loading = asyncio.Lock()
        self._tasks = TaskGroup()

    @property
    def name(self) -> str:
        """The provider's name."""
        return PROVIDER_NAME

    def load_soon(self) -> None:
        """Begin to import the SDK, so that the first visitor need not wait for it."""
        self._tasks.start(self._load_api(), name="load-anthropic-sdk")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request`` as ``ChatModel.stream`` promises."""
        countdown = Countdown(self._deadlines, self._clock)
        model = request.model or self._default_model
        reader = ReplyReader(model=model)
        body = build_body(request, model=model, facts=self._facts_of(model))
        api = await self._load_api()
        with api.translate_failures(model=model):
            async with asyncio.timeout(countdown.left_s()):
                answer = await api.open_events(body)
            async with aclosing(answer):
                while not reader.is_done:
                    for event in await self._read_events(answer, reader, countdown.left_s()):
                        yield event
                    if reader.has_begun:  # what it only thinks is no first token
                        countdown.note_progress()

    async def context_length(self, model: str | None) -> int | None:
        """Return how much ``model`` takes; one that is not in the file is asked about once."""
        name = model or self._default_model
        if name not in self._facts:
            self._facts[name] = load_models().unknown
            with suppress(ApplianceError):
                self._learn(await self._ask_about(name), name)
        return self._facts_of(name).context_length_tokens

    async def list_models(self) -> list[ModelDescription]:
        """Return the account's models, the newest first."""
        api = await self._load_api()
        with api.translate_failures(model=self._default_model):
            async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                entries = await api.list_models()
        for entry in entries:
            self._learn(entry, entry.id)
        return [
            ModelDescription(
                name=entry.id,
                capabilities=("completion", "tools"),
                context_length_tokens=self._facts_of(entry.id).context_length_tokens,
            )
            for entry in entries
        ]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._tasks.drain(timeout_s=0)
        if self._api is not None:
            await self._api.aclose()

    async def _load_api(self) -> AnthropicApi:
        """Import the SDK on first use, in a thread: it takes a second and more."""
        async with self._loading:
            if self._api is None:
                try:
                    self._api = await asyncio.to_thread(self._build_api)
                except ImportError as exc:
                    raise Unavailable(
                        "Anthropic's SDK is not installed whole; install the appliance again.",
                        code="sdk_missing",
                    ) from exc
            return self._api

    def _build_api(self) -> AnthropicApi:
        api: AnthropicApi = import_module(API_MODULE).AnthropicApi(
            self._server, self._api_key, connect_timeout_s=self._deadlines.connect_s
        )
        return api

    async def _read_events(
        self, answer: EventStream, reader: ReplyReader, timeout_s: float
    ) -> list[ModelEvent]:
        async with asyncio.timeout(timeout_s):
            data = await answer.read()
        if data is None:
            raise BrokenAnswer("the answer ends too early")
        events = reader.feed(data)
        if reader.is_done:
            await self._finish(answer)
        return events

    async def _finish(self, answer: EventStream) -> None:
        with suppress(TimeoutError):  # closing the answer hangs up
            async with asyncio.timeout(END_OF_BODY_S):
                await answer.finish()

    async def _ask_about(self, name: str) -> ModelEntry:
        api = await self._load_api()
        with api.translate_failures(model=name):
            async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                return await api.find_model(name)

    def _learn(self, entry: ModelEntry, name: str) -> None:
        if name not in load_models().models:
            self._facts[name] = read_facts(entry)

    def _facts_of(self, model: str) -> ModelFacts:
        return self._facts.get(model) or load_models().unknown
