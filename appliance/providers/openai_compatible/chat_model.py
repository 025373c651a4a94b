"""A model behind a server that speaks OpenAI's protocol.

Owns one call of a model: the request, its deadlines, the retries with less that the server turned
out not to take, and the end; the pieces of the protocol live in the sibling modules.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from appliance.domain.json_types import JsonValue
from appliance.errors import Unavailable
from appliance.ports.chat_model import ChatRequest, ModelDescription, ModelEvent
from appliance.ports.clock import Clock
from appliance.providers.deadlines import Countdown, Deadlines
from appliance.providers.openai_compatible.dialect import KnownDialects
from appliance.providers.openai_compatible.failures import translate_error
from appliance.providers.openai_compatible.models import ModelCatalogue
from appliance.providers.openai_compatible.reply import MalformedReply, ReplyReader
from appliance.providers.openai_compatible.server import (
    END,
    Server,
    ServerError,
    broken_response,
)
from appliance.providers.unopened_thinking import ThinkingHabits
from appliance.tool_spelling import choose_reader

if TYPE_CHECKING:
    from appliance.providers.openai_compatible.sdk import ChunkStream

PROVIDER_NAME = "openai_compatible"
TAIL_S = 2.0
"""How long the token counts behind a whole answer may take; without them they are estimated."""


class OpenAICompatibleChatModel:
    """Implements ``ChatModel`` with the server at ``base_url``.

    Args:
        base_url: Where the server answers, with its ``/v1``; ``None`` is OpenAI itself. From the
            operator's settings, so it may be on loopback.
        api_key: The key, ``None`` for a server that asks for none.
        default_model: The model for requests that name none; ``None`` takes the first listed.
        clock: Measures deadlines and the age of what is remembered.
        deadlines: How long to wait.
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        default_model: str | None,
        clock: Clock,
        *,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._deadlines = deadlines or Deadlines(connect_s=5.0)
        self._clock = clock
        self._server = Server(base_url, api_key, connect_timeout_s=self._deadlines.connect_s)
        self._catalogue = ModelCatalogue(self._server, clock, default_model=default_model)
        self._habits = ThinkingHabits()
        self._dialects = KnownDialects(clock, is_vendors=self._server.is_vendors)

    @property
    def name(self) -> str:
        """The provider's name."""
        return PROVIDER_NAME

    def load_soon(self) -> None:
        """Begin to import the SDK, so that the first visitor need not wait for it."""
        self._server.load_soon()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request`` as ``ChatModel.stream`` promises."""
        countdown = Countdown(self._deadlines, self._clock)
        model = await self._catalogue.choose(request.model)
        try:
            chunks, reader = await self._open(request, model, countdown)
            async with aclosing(chunks):
                while (chunk := await self._read(chunks, reader, countdown)) is not END:
                    for event in reader.feed(chunk):
                        yield event
                    countdown.note_progress()
                for event in reader.finish():
                    yield event
        except ServerError as exc:
            if exc.status == 404:
                self._catalogue.forget()
            raise translate_error(exc, model=model, server=self._server) from exc
        except MalformedReply as exc:
            raise broken_response(self._server.base_url) from exc

    async def context_length(self, model: str | None) -> int | None:
        """Return what the server tells of ``model``; most tell nothing."""
        return await self._catalogue.context_length(model)

    async def list_models(self) -> list[ModelDescription]:
        """Return the models that the server lists, in its order."""
        return await self._catalogue.describe_all()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    async def _open(
        self, request: ChatRequest, model: str, countdown: Countdown
    ) -> tuple[ChunkStream, ReplyReader]:
        """Start the answer, each time without what the server refused by name."""
        dialect = self._dialects.get(model)
        while True:
            body = dialect.build_body(request, model)
            try:
                chunks = await self._server.open_chat(body, timeout_s=countdown.left_s())
            except ServerError as exc:
                simpler = dialect.without_refused(exc, body)
                if simpler is None:
                    raise
                dialect = simpler
                continue
            self._dialects.remember(model, dialect)
            reader = ReplyReader(
                model=model,
                prompt=[body["messages"], body.get("tools")],
                content=self._habits.read(choose_reader(request.tools, dialect.form), model),
                tools=request.tools,
                taken_call_ids=(
                    call.id for message in request.messages for call in message.tool_calls
                ),
            )
            return chunks, reader

    async def _read(
        self, chunks: ChunkStream, reader: ReplyReader, countdown: Countdown
    ) -> JsonValue:
        """Return the next chunk, or ``END`` behind a whole answer."""
        is_whole = reader.finish_reason is not None
        left_s = countdown.left_s()
        try:
            chunk = await chunks.read(timeout_s=min(left_s, TAIL_S) if is_whole else left_s)
        except (Unavailable, ServerError):
            # Everything was said; what breaks off here is the count of tokens.
            if is_whole:
                return END
            raise
        if chunk is END and not is_whole and not chunks.is_done:
            raise broken_response(self._server.base_url)
        return chunk
