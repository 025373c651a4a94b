from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import structlog

from appliance.errors import StorageError
from appliance.services.maintenance import (
    CHECK_EVERY_S,
    HOLD_AFTER_JUMP_S,
    DailyJob,
    MaintenanceSchedule,
)
from tests.fakes.clock import SettableClock
from tests.fakes.sqlite_database import TemporaryDatabase

HOUR = 3600.0
DAY = 24 * HOUR
BERLIN = ZoneInfo("Europe/Berlin")


class Recorder:
    """Jobs that note when they ran."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        self.temporary = temporary
        self.clock: SettableClock = temporary.clock
        self.ran: list[tuple[str, datetime]] = []
        self.error: Exception | None = None

    def job(self, name: str) -> DailyJob:
        async def run() -> None:
            self.ran.append((name, self.clock.now()))
            if self.error is not None:
                raise self.error

        return DailyJob(name=name, run=run)

    def schedule(
        self, *names: str, jobs: list[DailyJob] | None = None, **options: object
    ) -> MaintenanceSchedule:
        """Return a schedule as a start of the server makes it."""
        given: dict[str, object] = {"at": time(3, 30), "time_zone": UTC, **options}
        return MaintenanceSchedule(
            jobs=jobs or [self.job(name) for name in names or ("a",)],
            settings=self.temporary.database.settings,
            clock=self.clock,
            **given,  # type: ignore[arg-type]
        )


@pytest.fixture
def recorder(temporary: TemporaryDatabase) -> Recorder:
    return Recorder(temporary)  # its clock stands at 09:30 on the 2nd of March


async def run_for(schedule: MaintenanceSchedule, clock: SettableClock, hours: float) -> None:
    """Let time pass in steps of a quarter of an hour, each with a check."""
    for _ in range(round(hours * 4)):
        clock.advance(HOUR / 4)
        await schedule.run_due()


async def test_a_new_installation_waits_for_its_first_time_of_day(recorder: Recorder):
    schedule = recorder.schedule()
    await run_for(schedule, recorder.clock, 17.75)
    assert recorder.ran == []
    await run_for(schedule, recorder.clock, 0.5)
    assert recorder.ran == [("a", datetime(2026, 3, 3, 3, 30, tzinfo=UTC))]


async def test_each_job_runs_once_a_day_in_the_given_order(recorder: Recorder):
    await run_for(recorder.schedule("b", "a"), recorder.clock, 72)
    days = [(name, at.day, at.time()) for name, at in recorder.ran]
    assert days == [(name, day, time(3, 30)) for day in (3, 4, 5) for name in ("b", "a")]


async def test_what_was_missed_is_made_up_for_once_after_the_next_start(recorder: Recorder):
    await recorder.schedule().run_due()
    recorder.clock.advance(5 * DAY)
    schedule = recorder.schedule()
    assert await schedule.run_due() == ["a"]
    await run_for(schedule, recorder.clock, 12)
    assert len(recorder.ran) == 1
    await run_for(schedule, recorder.clock, 12)
    assert len(recorder.ran) == 2


async def test_a_start_on_the_same_day_repeats_nothing(recorder: Recorder):
    await run_for(recorder.schedule(), recorder.clock, 24)
    for _ in range(3):
        await run_for(recorder.schedule(), recorder.clock, 1)
    assert len(recorder.ran) == 1


async def test_a_failing_job_is_logged_and_the_next_one_runs(recorder: Recorder):
    recorder.error = StorageError("The disk is full.")
    with structlog.testing.capture_logs() as logs:
        await run_for(recorder.schedule("a", "b"), recorder.clock, 24)
    assert [name for name, _ in recorder.ran] == ["a", "b"]
    failed = [entry for entry in logs if entry["event"] == "maintenance_failed"]
    assert [(entry["job"], entry["error"]) for entry in failed] == [
        ("a", "The disk is full."),
        ("b", "The disk is full."),
    ]


async def test_a_defect_in_a_job_is_no_end_of_the_schedule(recorder: Recorder):
    schedule = recorder.schedule()
    recorder.error = ZeroDivisionError()
    await run_for(schedule, recorder.clock, 24)
    recorder.error = None
    await run_for(schedule, recorder.clock, 24)
    assert len(recorder.ran) == 2


async def test_a_run_that_the_process_did_not_survive_is_repeated_after_an_hour(
    recorder: Recorder,
):
    started = asyncio.Event()

    async def run_for_ever() -> None:
        started.set()
        await asyncio.Event().wait()

    schedule = recorder.schedule(jobs=[DailyJob(name="a", run=run_for_ever)])
    await schedule.run_due()
    recorder.clock.advance(DAY)
    running = asyncio.create_task(schedule.run_due())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    schedule = recorder.schedule()
    await run_for(schedule, recorder.clock, 0.75)
    assert recorder.ran == []
    await run_for(schedule, recorder.clock, 2)
    assert len(recorder.ran) == 1


@pytest.mark.parametrize("jump_s", [DAY, 400 * DAY, -DAY])
async def test_nothing_runs_soon_after_the_clock_was_set(recorder: Recorder, jump_s: float):
    schedule = recorder.schedule()
    await schedule.run_due()
    recorder.clock.jump(jump_s)
    with structlog.testing.capture_logs() as logs:
        await run_for(schedule, recorder.clock, HOLD_AFTER_JUMP_S / HOUR - 0.25)
    assert recorder.ran == []
    assert [entry["event"] for entry in logs].count("clock_jumped") == 1


async def test_a_clock_that_was_wrong_for_an_hour_changes_nothing(recorder: Recorder):
    schedule = recorder.schedule()
    await schedule.run_due()
    recorder.clock.jump(DAY)
    await run_for(schedule, recorder.clock, 1)
    recorder.clock.jump(-DAY)
    await run_for(schedule, recorder.clock, 24)
    assert [at.date().isoformat() for _, at in recorder.ran] == ["2026-03-03"]


async def test_a_clock_that_stays_is_believed_in_the_end(recorder: Recorder):
    schedule = recorder.schedule()
    await schedule.run_due()
    recorder.clock.jump(DAY)
    await run_for(schedule, recorder.clock, 24)
    assert recorder.ran[0][1] == datetime(2026, 3, 3, 15, 45, tzinfo=UTC)


async def test_small_corrections_of_the_clock_are_none(recorder: Recorder):
    schedule = recorder.schedule()
    for _ in range(24):
        recorder.clock.jump(60)
        await run_for(schedule, recorder.clock, 1)
        recorder.clock.jump(-60)
    assert len(recorder.ran) == 1


async def test_a_record_from_the_future_is_not_waited_for(recorder: Recorder):
    """A clock that was years ahead has noted a run; the right one must not wait for years."""
    recorder.clock.jump(800 * DAY)
    await run_for(recorder.schedule(), recorder.clock, 24)
    recorder.clock.jump(-800 * DAY)
    recorder.ran.clear()
    await run_for(recorder.schedule(), recorder.clock, 24)
    assert len(recorder.ran) == 1


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), time(2, 30), "2026-03-29T01:30"),  # it is skipped
        (datetime(2026, 10, 24, 12, tzinfo=UTC), time(2, 30), "2026-10-25T00:30"),  # it is twice
        (datetime(2026, 6, 1, 12, tzinfo=UTC), time(0, 0), "2026-06-01T22:00"),
    ],
)
async def test_the_time_of_day_is_local_also_when_clocks_change(
    recorder: Recorder, day: datetime, at: time, expected: str
):
    recorder.clock.jump((day - recorder.clock.now()).total_seconds())
    schedule = recorder.schedule(at=at, time_zone=BERLIN)
    await run_for(schedule, recorder.clock, 20)
    assert [at.strftime("%Y-%m-%dT%H:%M") for _, at in recorder.ran] == [expected]


async def test_without_a_zone_it_is_the_machines(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    local = datetime(2026, 3, 2, 12, 0).astimezone()
    schedule = recorder.schedule(at=time(12, 0), time_zone=None)
    recorder.clock.jump((local - timedelta(hours=1) - recorder.clock.now()).total_seconds())
    schedule = recorder.schedule(at=time(12, 0), time_zone=None)
    await run_for(schedule, recorder.clock, 2)
    assert [at for _, at in recorder.ran] == [local.astimezone(UTC)]


async def test_it_goes_on_when_the_database_cannot_be_read(recorder: Recorder):
    naps: list[float] = []
    done = asyncio.Event()

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            done.set()
            await asyncio.Event().wait()

    schedule = recorder.schedule(sleep=nap)
    await recorder.temporary.database.close()
    with structlog.testing.capture_logs() as logs:
        running = asyncio.create_task(schedule.run_forever())
        await done.wait()
        await end(running)
    assert naps == [CHECK_EVERY_S] * 3
    assert [entry["event"] for entry in logs] == ["maintenance_not_checked"] * 2


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_ends_the_job_that_runs(recorder: Recorder):
    started, ended = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def nap(_: float) -> None:
        await asyncio.sleep(0)
        recorder.clock.advance(DAY)

    sleep: Callable[[float], Awaitable[None]] = nap
    schedule = recorder.schedule(jobs=[DailyJob(name="a", run=run)], sleep=sleep)
    running = asyncio.create_task(schedule.run_forever())
    await started.wait()
    await end(running)
    assert ended.is_set()
