"""Leaving a tenant's tool alone whose system does not answer, so that no visitor waits for it.

Owns which failures count; when a rest begins and ends is decided by ``circuit_breaker``.
"""

from __future__ import annotations

from typing import Final

import structlog

from appliance.agent.circuit_breaker import CircuitBreaker
from appliance.domain.ids import TenantId
from appliance.domain.tool import ExecutorKind, TenantTool, ToolOutcome
from appliance.errors import Unavailable
from appliance.ports.clock import Clock

logger = structlog.get_logger(__name__)

OVER_NETWORK: Final[frozenset[ExecutorKind]] = frozenset({"n8n_webhook", "integration"})
UNANSWERED: Final = frozenset({"unreachable", "no_answer", "unknown"})
DOWN_STATUSES: Final = frozenset({429, 502, 503, 504})
MAX_KEPT: Final = 1_000

_Place = tuple[TenantId, str, ExecutorKind, str | None]


class ToolBreakers:
    """One breaker for each tenant's tool that does not answer.

    What counts is silence: no connection, no answer in time, or one that says the system is down. A
    tool that answers with an error of its own may only have been asked for the wrong thing. A tool
    that is set to another address begins anew.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failing: dict[_Place, CircuitBreaker] = {}

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
        if tool.executor not in OVER_NETWORK:
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


def _is_silence(outcome: ToolOutcome) -> bool:
    if outcome.is_success or outcome.failure not in UNANSWERED:
        return False
    return outcome.status is None or outcome.status in DOWN_STATUSES


def _locate(tool: TenantTool) -> _Place:
    return (tool.tenant_id, tool.tool.id, tool.executor, tool.webhook_url)


def _name(tool: TenantTool) -> dict[str, str]:
    return {"tool": tool.tool.tool_name, "tenant_id": tool.tenant_id}
