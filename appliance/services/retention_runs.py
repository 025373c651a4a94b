"""Runs of retention within a server: one at a time, their state for operators.

Owns the state; what a run does is left to ``appliance.services.retention``.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import structlog
from msgspec import Struct

from appliance.errors import ApplianceError, Conflict
from appliance.ports.clock import Clock
from appliance.services.retention import Progress, RetentionReport, RetentionService
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)


class RetentionState(Struct, frozen=True, kw_only=True):
    """The running or the last run since this server started."""

    state: Literal["idle", "running", "done", "failed"] = "idle"
    started_at: datetime | None = None
    progress: Progress = Progress(0, 0)
    report: RetentionReport | None = None
    error: str | None = None


class RetentionRuns:
    """Starts runs in the background and remembers the last."""

    def __init__(self, *, service: RetentionService, tasks: TaskGroup, clock: Clock) -> None:
        self._service = service
        self._tasks = tasks
        self._clock = clock
        self.state = RetentionState()

    async def run_daily(self) -> None:
        """Run to the end, as the daily job.

        Raises:
            ApplianceError: The run failed, or another is under way.
        """
        await self._run(asyncio.Event(), is_dry_run=False)

    async def start(self, *, is_dry_run: bool = False) -> RetentionState:
        """Start a run and return once it has begun.

        Raises:
            Conflict: Another is under way (``code="retention_running"``).
        """
        begun = asyncio.Event()

        async def run() -> Conflict | None:
            try:
                await self._run(begun, is_dry_run=is_dry_run)
            except Conflict as conflict:
                return conflict
            except ApplianceError as error:
                logger.error("retention_failed", error=error.message)
            return None

        running = self._tasks.start(run(), name="retention")
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done() and not running.cancelled() and (conflict := running.result()):
            raise conflict
        return self.state

    async def _run(self, begun: asyncio.Event, *, is_dry_run: bool) -> None:
        if self.state.state == "running":
            raise Conflict(
                "Retention is running already. Wait for its end.", code="retention_running"
            )
        earlier, started_at = self.state, self._clock.now()

        def tell(progress: Progress) -> None:
            self.state = RetentionState(state="running", started_at=started_at, progress=progress)
            begun.set()

        self.state = RetentionState(state="running", started_at=started_at)
        try:
            report = await self._service.run(is_dry_run=is_dry_run, on_progress=tell)
        except BaseException as error:
            is_elsewhere = isinstance(error, Conflict)
            self.state = earlier if is_elsewhere else self._failed(error, started_at)
            raise
        done = self.state.progress
        self.state = RetentionState(
            state="done", started_at=started_at, progress=done, report=report
        )

    def _failed(self, error: BaseException, started_at: datetime) -> RetentionState:
        told = (
            error.message
            if isinstance(error, ApplianceError)
            else "The run was stopped. The next one goes on."
        )
        return RetentionState(state="failed", started_at=started_at, error=told)
