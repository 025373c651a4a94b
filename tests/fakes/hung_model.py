"""A ``ChatModel`` that falls silent and keeps no deadline of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from appliance.ports.chat_model import ChatRequest, ModelEvent, TextDelta
from tests.fakes.scripted_model import ScriptedChatModel


class HungChatModel(ScriptedChatModel):
    """Says ``texts``, then nothing for ever; ``is_left`` once nobody waits any more."""

    def __init__(self, *texts: str, name: str = "hung") -> None:
        super().__init__(name=name)
        self.is_left = False
        self._texts = texts

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        try:
            for text in self._texts:
                yield TextDelta(text=text)
            await asyncio.Event().wait()
        finally:
            self.is_left = True
