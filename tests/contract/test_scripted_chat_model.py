from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.domain.tool import ToolCall
from appliance.errors import Unavailable
from appliance.ports.chat_model import (
    ChatModel,
    FinishReason,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from tests.contract.chat_model_contract import Dictated, NativeCallsContract
from tests.fakes.scripted_model import MODEL_NAME, ScriptedChatModel


def build_events(answer: Dictated) -> list[ModelEvent]:
    calls = [
        ToolCallRequested(call=ToolCall(id=f"call_{n}", name=name, arguments=arguments))
        for n, (name, arguments) in enumerate(answer.calls)
    ]
    reason: FinishReason = "length" if answer.is_cut_by_length else "stop"
    finished = ModelFinished(
        finish_reason="tool_calls" if calls else reason, model=MODEL_NAME, usage=answer.usage
    )
    return [*(TextDelta(text=text) for text in answer.texts), *calls, finished]


class TestScriptedChatModel(NativeCallsContract):
    @asynccontextmanager
    async def open(self, *answers: Dictated) -> AsyncIterator[ChatModel]:
        yield ScriptedChatModel([build_events(answer) for answer in answers])

    @asynccontextmanager
    async def open_cut(self, answer: Dictated, offset: int) -> AsyncIterator[ChatModel]:
        events = build_events(answer)
        if offset >= len(events):
            yield ScriptedChatModel([events])
        else:
            yield ScriptedChatModel([[*events[:offset], Unavailable("The script is cut here.")]])

    def wire_size(self, answer: Dictated) -> int:
        return len(build_events(answer))
