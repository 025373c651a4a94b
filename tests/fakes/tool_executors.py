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
    it; ``wait_for_calls`` returns when so many more have come.
    """

    def __init__(
        self, answer: Answer = lambda _: {"status": "baking"}, *, kind: ExecutorKind = "workflow"
    ) -> None:
        self.calls: list[ToolCall] = []
        self.finished: list[ToolCall] = []
        self.contexts: list[ToolContext] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._arrivals = asyncio.Semaphore(0)
        self._answer = answer
        self._kind = kind

    @property
    def kind(self) -> ExecutorKind:
        return self._kind

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        assert tool.tool.tool_name == call.name
        self.calls.append(call)
        self.contexts.append(context)
        self._arrivals.release()
        await self.gate.wait()
        self.finished.append(call)
        answered = self._answer(call)
        if isinstance(answered, ToolOutcome):
            return answered
        return ToolOutcome(is_success=True, output=answered, duration_ms=7, sent=call.arguments)

    async def wait_for_calls(self, count: int = 1) -> None:
        """Return when ``count`` more calls have begun."""
        for _ in range(count):
            await self._arrivals.acquire()
