"""What the server does once a day by itself: when, in which order, and what was missed.

Owns the schedule and the record of runs; what a job does is left to its owner. See docs/adr/0014.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

import structlog
from msgspec import Struct

from appliance.domain.json_types import JsonObject
from appliance.errors import ApplianceError, StorageError
from appliance.ports.clock import Clock
from appliance.ports.repositories import SettingStore

logger = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 30.0
JUMP: Final = timedelta(minutes=5)
"""How far the wall clock may leave the steady one before it counts as set to another time."""

HOLD_AFTER_JUMP_S: Final = 6 * 3600.0
"""How long nothing runs after that: a clock that is wrong by a day must not age any data."""

RETRY_AFTER: Final = timedelta(hours=1)
"""When a run that the process did not survive is tried again: no start may die of it each time."""

_RECORD: Final = "maintenance:"


class DailyJob(Struct, frozen=True, kw_only=True):
    """Something to do each day. ``run`` may be cancelled, and may find its work half done."""

    name: str
    run: Callable[[], Awaitable[None]]


class MaintenanceSchedule:
    """Runs jobs each day at one local time, one after the other, in the given order.

    A machine that was off at that time makes up for it once after its next start. A job that fails
    is logged, the others go on, and it is tried again the next day.

    Args:
        jobs: In the order in which they run.
        at: The local time of day.
        settings: Keeps when each job ran.
        clock: Tells the time; its steady side must go on while the machine sleeps.
        time_zone: Instead of the machine's.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        *,
        jobs: Sequence[DailyJob],
        at: time,
        settings: SettingStore,
        clock: Clock,
        time_zone: tzinfo | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._jobs = tuple(jobs)
        self._at = at
        self._settings = settings
        self._clock = clock
        self._time_zone = time_zone
        self._sleep = sleep
        self._offset = self._read_offset()
        self._held_until = float("-inf")

    async def run_forever(self) -> None:
        """Run what is due, again and again, until cancelled."""
        while True:
            await self._sleep(CHECK_EVERY_S)
            try:
                await self.run_due()
            except StorageError as error:
                logger.error("maintenance_not_checked", error=error.message)

    async def run_due(self) -> list[str]:
        """Run the jobs that are due now and return their names.

        Raises:
            StorageError: The records of runs cannot be read or written.
        """
        if self._is_clock_in_doubt():
            return []
        ran: list[str] = []
        for job in self._jobs:
            if await self._is_due(job):
                await self._run(job)
                ran.append(job.name)
        return ran

    async def _is_due(self, job: DailyJob) -> bool:
        now = self._clock.now()
        record = await self._settings.get(_RECORD + job.name) or {}
        started_at, ended_at = _read_time(record, "started_at"), _read_time(record, "ended_at")
        latest = max(filter(None, (started_at, ended_at)), default=None)
        if latest is None or latest > now:
            # New here, or noted by a clock that was ahead: the next time of day is the first.
            await self._note(job, started_at=now, ended_at=now)
            return False
        is_unfinished = started_at is not None and (ended_at is None or ended_at < started_at)
        if is_unfinished and now - latest >= RETRY_AFTER:
            return True
        return not is_unfinished and latest < self._latest_moment(now)

    async def _run(self, job: DailyJob) -> None:
        started_at = self._clock.now()
        await self._note(job, started_at=started_at, ended_at=None)
        logger.info("maintenance_started", job=job.name)
        error_text: str | None = None
        try:
            await job.run()
        except ApplianceError as error:
            error_text = error.message
            logger.error("maintenance_failed", job=job.name, error=error.message)
        except Exception as error:
            # The boundary of a background job: it fails alone, and the log tells why.
            error_text = type(error).__name__
            logger.exception("maintenance_failed", job=job.name)
        else:
            logger.info("maintenance_ended", job=job.name)
        await self._note(
            job, started_at=started_at, ended_at=self._clock.now(), error_text=error_text
        )

    async def _note(
        self,
        job: DailyJob,
        *,
        started_at: datetime,
        ended_at: datetime | None,
        error_text: str | None = None,
    ) -> None:
        record: JsonObject = {
            "started_at": started_at.isoformat(),
            "ended_at": ended_at.isoformat() if ended_at else None,
            "error": error_text,
        }
        await self._settings.put(_RECORD + job.name, record)

    def _latest_moment(self, now: datetime) -> datetime:
        """Return the last time of day that has passed, in UTC."""
        day = now.astimezone(self._time_zone).date()
        moments = (
            datetime.combine(day - timedelta(days=back), self._at, tzinfo=self._time_zone)
            for back in (0, 1)
        )
        # Without a zone the combined time is naive, which means local time to ``astimezone``.
        today, yesterday = (moment.astimezone(UTC) for moment in moments)
        return today if today <= now else yesterday

    def _read_offset(self) -> timedelta:
        """Return how far the wall clock is from the steady one; it changes when that is set."""
        return self._clock.now() - datetime.fromtimestamp(self._clock.monotonic(), UTC)

    def _is_clock_in_doubt(self) -> bool:
        offset = self._read_offset()
        if abs(offset - self._offset) > JUMP:
            logger.warning(
                "clock_jumped",
                seconds=round((offset - self._offset).total_seconds()),
                hold_s=HOLD_AFTER_JUMP_S,
            )
            self._held_until = self._clock.monotonic() + HOLD_AFTER_JUMP_S
            self._offset = offset
        return self._clock.monotonic() < self._held_until


def _read_time(record: JsonObject, name: str) -> datetime | None:
    value = record.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else None
