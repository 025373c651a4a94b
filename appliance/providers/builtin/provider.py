"""The provider that answers without a language model.

Owns the ``ChatModel`` port and how an answer is streamed; what is answered is decided in
``dialogue``. It is the answerer of a fresh machine and the fallback when every model is down, so it
needs no network, no disk beyond its own texts and no time worth naming (docs/adr/0007).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator

from appliance.domain.ids import new_id
from appliance.domain.tenant import BusinessInfo
from appliance.domain.tool import ToolCall
from appliance.ports.chat_model import (
    ChatRequest,
    ModelDescription,
    ModelEvent,
    ModelFinished,
    ModelSignal,
    TextDelta,
    ToolCallRequested,
)
from appliance.providers.builtin.answers import Answer
from appliance.providers.builtin.conversation_state import PROVIDER, write_state
from appliance.providers.builtin.dialogue import Dialogue
from appliance.providers.builtin.knowledge import Knowledge, KnowledgeCache
from appliance.providers.builtin.tool_matching import ToolsetCache

_CHUNK = re.compile(r"\S+\s*|\s+")
_CHUNK_LENGTH = 24
_MANY_FAQS = 100


class BuiltinChatModel:
    """Answers from business information and offers tools as guided forms."""

    def __init__(self) -> None:
        self._knowledge = KnowledgeCache()
        self._toolsets = ToolsetCache()

    @property
    def name(self) -> str:
        """The provider's name."""
        return PROVIDER

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request`` as ``ChatModel.stream`` says; never fails and never waits."""
        knowledge = await self._know(request.briefing.business_info)
        dialogue = Dialogue(request, knowledge, self._toolsets.get(request.tools))
        answer = dialogue.answer()
        for text in split_text(answer.text):
            yield TextDelta(text=text)
        if answer.call_tool is not None:
            call = ToolCall(
                id=f"call_{new_id()}", name=answer.call_tool, arguments=answer.arguments
            )
            yield ToolCallRequested(call=call)
        yield ModelFinished(
            finish_reason="tool_calls" if answer.call_tool is not None else "stop",
            model=PROVIDER,
            provider_state=write_state(answer),
            citations=answer.citations,
            quick_replies=answer.quick_replies,
            signal=_find_signal(answer),
            asks_for=_find_asked(answer),
        )

    async def _know(self, info: BusinessInfo) -> Knowledge:
        known = self._knowledge.find(info)
        if known is not None:
            return known
        if len(info.faqs) > _MANY_FAQS:  # others must not wait for a large shop's index
            return self._knowledge.keep(info, await asyncio.to_thread(Knowledge, info))
        return self._knowledge.keep(info, Knowledge(info))

    async def context_length(self, model: str | None) -> int | None:
        """Return ``None``: nothing that it reads is too long."""
        return None

    async def list_models(self) -> list[ModelDescription]:
        """Return the one "model" there is."""
        return [ModelDescription(name=PROVIDER, capabilities=("tools",))]

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


def _find_signal(answer: Answer) -> ModelSignal | None:
    """Return what the turn should know of an answer: it found nothing, or a person is wanted."""
    if answer.intent == "human":
        return "wants_human"
    is_lost = answer.form is not None and answer.form.failures > 0
    return "unsure" if answer.intent == "unknown" or is_lost else None


def _find_asked(answer: Answer) -> ToolCall | None:
    """Return the call whose form is being filled in, with what is known."""
    form = answer.form
    if form is None or form.status != "asking" or form.asked is None:
        return None
    if form.values and not answer.arguments:
        return None  # a refusal asks for one value anew
    return ToolCall(id="", name=form.tool, arguments=answer.arguments)


def split_text(text: str) -> Iterator[str]:
    """Yield a text in pieces of a few words, none empty, that join to it again."""
    piece = ""
    for part in _CHUNK.findall(text):
        piece += part
        if len(piece) >= _CHUNK_LENGTH or "\n" in part:
            yield piece
            piece = ""
    if piece:
        yield piece
