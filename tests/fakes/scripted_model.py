"""A ``ChatModel`` that plays a script.

Owns playing and recording; the events are written out by each test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence

from appliance.domain.message import TokenUsage
from appliance.domain.tool import ToolCall
from appliance.ports.chat_model import (
    ChatRequest,
    ModelDescription,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)

MODEL_NAME = "scripted-1"

ScriptedStep = Sequence[ModelEvent | Exception] | Exception


class ScriptedChatModel:
    """Answers the n-th request with the n-th step.

    A step is the events of one answer, an exception among them where the call fails, or just an
    exception. ``requests`` are what was asked; ``closed_early`` counts answers that their reader
    did not want to the end.
    """

    def __init__(self, steps: Iterable[ScriptedStep] = (), *, name: str = "scripted") -> None:
        self.requests: list[ChatRequest] = []
        self.closed_early = 0
        self.is_closed = False
        self._steps = list(steps)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def add(self, step: ScriptedStep) -> None:
        """Append one more step."""
        self._steps.append(step)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        position = len(self.requests)
        self.requests.append(request)
        if position >= len(self._steps):
            raise AssertionError(f"the script has no step {position}: {request.messages[-1]!r}")
        step = self._steps[position]
        is_whole = False
        try:
            for event in [step] if isinstance(step, Exception) else step:
                await asyncio.sleep(0)
                if isinstance(event, Exception):
                    is_whole = True
                    raise event
                is_whole = isinstance(event, ModelFinished)
                yield event
        finally:
            self.closed_early += not is_whole

    async def context_length(self, model: str | None) -> int | None:
        return None

    async def list_models(self) -> list[ModelDescription]:
        return [ModelDescription(name=MODEL_NAME, capabilities=("completion", "tools"))]

    async def aclose(self) -> None:
        self.is_closed = True


def say(*texts: str, usage: TokenUsage | None = None) -> list[ModelEvent]:
    """Return the step of an answer in words."""
    finished = ModelFinished(
        finish_reason="stop", model=MODEL_NAME, usage=usage or TokenUsage(input_tokens=10)
    )
    return [*(TextDelta(text=text) for text in texts), finished]


def ask(*calls: ToolCall, text: str = "", usage: TokenUsage | None = None) -> list[ModelEvent]:
    """Return the step of an answer that asks for tools, perhaps with some text before."""
    finished = ModelFinished(
        finish_reason="tool_calls", model=MODEL_NAME, usage=usage or TokenUsage(input_tokens=10)
    )
    texts = [TextDelta(text=text)] if text else []
    return [*texts, *(ToolCallRequested(call=call) for call in calls), finished]
