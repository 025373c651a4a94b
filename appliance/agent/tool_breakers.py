"""Leaving a tenant's tool alone whose system does not answer, so that no visitor waits for it.

Owns which failures count; when a rest begins and ends is decided by ``circuit_breaker``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from appliance.agent.circuit_breaker import CircuitBreaker
from appliance.domain.ids import TenantId
from appliance.domain.integration import choose_endpoint
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.errors import Unavailable
from appliance.ports.clock import Clock
from appliance.ports.tool_executor import ToolContext, ToolExecutor

logger = structlog.get_logger(__name__)

OVER_NETWORK: Final[frozenset[ExecutorKind]] = frozenset({"n8n_webhook", "integration"})
UNANSWERED: Final = frozenset({"unreachable", "no_answer", "unknown"})
DOWN_STATUSES: Final = frozenset({429, 502, 503, 504})
MAX_KEPT: Final = 1_000

_Place = tuple[TenantId, str, ExecutorKind, str | None]


class ToolBreakers:
    """One breaker for each tenant's tool that does not answer.

    What counts is silence: no connection, no answer in time, or one that says the system is down. A
    tool that answers with an error of its own may only have been asked for the wrong thing, and one
    that was not asked at all has not been silent. A tool that is set to another address,
    integration or endpoint begins anew.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failing: dict[_Place, CircuitBreaker] = {}

    def guard(
        self, executors: Mapping[ExecutorKind, ToolExecutor]
    ) -> dict[ExecutorKind, ToolExecutor]:
        """Return the executors, of which those over the network leave silent tools alone."""
        return {
            kind: _Guarded(executor, self, self._clock) if kind in OVER_NETWORK else executor
            for kind, executor in executors.items()
        }

    def find_trouble(self, tool: TenantTool) -> str | None:
        """Return the operator's sentence when a tool is left alone, or only tried by one call."""
        breaker = self._failing.get(_locate(tool))
        return None if breaker is None or breaker.status == "closed" else breaker.describe()

    def refuse(self, tool: TenantTool) -> ToolOutcome | None:
        """Return what comes of a call while the tool rests; ``None`` when it may be called."""
        breaker = self._failing.get(_locate(tool))
        if breaker is None:
            return None
        if breaker.status == "open":
            return ToolOutcome(
                is_success=False, failure="unreachable", error=breaker.describe(), attempts=0
            )
        breaker.begin()
        return None

    def note(self, tool: TenantTool, outcome: ToolOutcome, *, began_at: float) -> None:
        """Note what came of a call that began at ``began_at``, by the monotonic clock."""
        if tool.executor not in OVER_NETWORK or outcome.attempts == 0:
            return
        place = _locate(tool)
        if not _is_silence(outcome):
            breaker = self._failing.pop(place, None)
            if breaker is not None and breaker.note_success():
                logger.info("tool_breaker_closed", **_name(tool))
            return
        breaker = self._failing.setdefault(place, CircuitBreaker(self._clock))
        error = Unavailable(outcome.error or "It does not answer.")
        if breaker.note_failure(error, began_at=began_at):
            logger.warning(
                "tool_breaker_opened",
                **_name(tool),
                rest_s=round(breaker.retry_after_s),
                error=outcome.error,
            )
        if len(self._failing) > MAX_KEPT:
            del self._failing[next(iter(self._failing))]

    def note_trial(self, tool: TenantTool, outcome: ToolOutcome, *, began_at: float) -> None:
        """Note what came of an operator's call: an answer ends the rest, silence begins none."""
        if not _is_silence(outcome):
            self.note(tool, outcome, began_at=began_at)


class _Guarded:
    """Implements ``ToolExecutor`` by another one that is not asked while the tool rests."""

    def __init__(self, executor: ToolExecutor, breakers: ToolBreakers, clock: Clock) -> None:
        self._executor = executor
        self._breakers = breakers
        self._clock = clock

    @property
    def kind(self) -> ExecutorKind:
        return self._executor.kind

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        resting = self._breakers.refuse(tool)
        if resting is not None:
            return resting
        began_at = self._clock.monotonic()
        outcome = await self._executor.execute(tool, call, context)
        self._breakers.note(tool, outcome, began_at=began_at)
        return outcome


def _is_silence(outcome: ToolOutcome) -> bool:
    if outcome.is_success or outcome.failure not in UNANSWERED:
        return False
    return outcome.status is None or outcome.status in DOWN_STATUSES


def _locate(tool: TenantTool) -> _Place:
    address = tool.webhook_url
    if tool.executor == "integration":
        choice = choose_endpoint(tool)
        if not isinstance(choice, str):
            address = f"{tool.integration_mapping[choice.integration]}/{choice.endpoint}"
    return (tool.tenant_id, tool.tool.id, tool.executor, address)


def _name(tool: TenantTool) -> dict[str, str]:
    return {"tool": tool.tool.tool_name, "tenant_id": tool.tenant_id}
