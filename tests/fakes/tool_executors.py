"""Tool executors that answer as a test says and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from appliance.domain.json_types import JsonValue
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.ports.tool_executor import ToolContext

Answer = Callable[[ToolCall], JsonValue | ToolOutcome]


class RecordingExecutor:
    """Implements ``ToolExecutor``; ``calls`` are those that began, ``finished`` those that ended.

    ``answer`` returns a result, a whole outcome, or raises. While ``gate`` is closed calls wait at
    it; ``begun`` is set as soon as one has come.
    """

    def __init__(
        self, answer: Answer = lambda _: {"status": "baking"}, *, kind: ExecutorKind = "workflow"
    ) -> None:
        self.calls: list[ToolCall] = []
        self.finished: list[ToolCall] = []
        self.contexts: list[ToolContext] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self._answer = answer
        self._kind = kind

    @property
    def kind(self) -> ExecutorKind:
        return self._kind

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        assert tool.tool.tool_name == call.name
        self.calls.append(call)
        self.contexts.append(context)
        self.begun.set()
        await self.gate.wait()
        self.finished.append(call)
        answered = self._answer(call)
        if isinstance(answered, ToolOutcome):
            return answered
        return ToolOutcome(is_success=True, output=answered, duration_ms=7, sent=call.arguments)
