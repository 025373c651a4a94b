from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import structlog

from appliance.errors import Conflict, NotFound, StorageError
from appliance.ports.backups import Backup, BackupKind
from appliance.services.backups import BackupService
from appliance.tasks import TaskGroup

AT = datetime(2026, 3, 2, tzinfo=UTC)


class RecordedArchives:
    """Implements ``BackupArchives`` in memory; ``gate`` holds up what takes long."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.calls: list[str] = []
        self.error: Exception | None = None

    async def create(self, kind: BackupKind) -> Backup:
        return await self._work(f"create {kind}", kind)

    async def list_all(self) -> list[Backup]:
        return []

    async def verify(self, backup_id: str) -> Backup:
        return await self._work(f"verify {backup_id}", "manual")

    async def thin_out(self, *, keep_daily: int, installation_id: str | None) -> list[str]:
        self.calls.append(f"keep {keep_daily} of {installation_id}")
        return []

    async def _work(self, call: str, kind: BackupKind) -> Backup:
        self.calls.append(call)
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Backup(
            id="x",
            created_at=AT,
            kind=kind,
            size_bytes=1,
            is_encrypted=False,
            schema="0005",
            program_version="1",
            installation_id="me",
            verified_at=AT,
        )


@pytest.fixture
def archives() -> RecordedArchives:
    return RecordedArchives()


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    tasks = TaskGroup()
    yield tasks
    await tasks.drain(timeout_s=1)


def build(archives: RecordedArchives, tasks: TaskGroup, keep_daily: int = 7) -> BackupService:
    return BackupService(archives=archives, keep_daily=keep_daily, tasks=tasks)


async def test_a_backup_on_request_is_a_manual_one(archives: RecordedArchives, tasks: TaskGroup):
    service = build(archives, tasks)
    assert (await service.create()).kind == "manual"
    assert await service.list_all() == []
    assert archives.calls == ["create manual"]


async def test_old_ones_go_only_after_the_new_one_is_there(
    archives: RecordedArchives, tasks: TaskGroup
):
    await build(archives, tasks, 3).run_daily()
    assert archives.calls == ["create daily", "keep 3 of me"]
    archives.error = StorageError("The disk is full.")
    with pytest.raises(StorageError):
        await build(archives, tasks, 3).run_daily()
    assert archives.calls[2:] == ["create daily"]


async def test_zero_daily_backups_are_none(archives: RecordedArchives, tasks: TaskGroup):
    await build(archives, tasks, 0).run_daily()
    assert archives.calls == []


async def test_one_at_a_time(archives: RecordedArchives, tasks: TaskGroup):
    service = build(archives, tasks)
    archives.gate.clear()
    first = asyncio.create_task(service.create())
    await archives.begun.wait()
    for second in (service.create, lambda: service.verify("x")):
        with pytest.raises(Conflict) as caught:
            await second()
        assert (caught.value.code, caught.value.retry_after_s) == ("backup_in_progress", 30)
    archives.gate.set()
    await first
    await service.verify("x")
    assert archives.calls == ["create manual", "verify x"]


async def test_the_daily_one_waits_for_its_turn(archives: RecordedArchives, tasks: TaskGroup):
    service = build(archives, tasks)
    archives.gate.clear()
    first = asyncio.create_task(service.create())
    await archives.begun.wait()
    daily = asyncio.create_task(service.run_daily())
    await asyncio.sleep(0)
    archives.gate.set()
    await asyncio.gather(first, daily)
    assert archives.calls == ["create manual", "create daily", "keep 7 of me"]


async def test_it_goes_on_when_whoever_asked_leaves(archives: RecordedArchives, tasks: TaskGroup):
    service = build(archives, tasks)
    archives.gate.clear()
    asking = asyncio.create_task(service.create())
    await archives.begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(tasks) == 1
    archives.gate.set()
    await tasks.drain(timeout_s=1)
    await service.verify("x")


async def test_a_refusal_is_for_who_asked_and_not_for_the_log(
    archives: RecordedArchives, tasks: TaskGroup
):
    archives.error = NotFound("There is no such backup.")
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(NotFound):
            await build(archives, tasks).verify("x")
        await asyncio.sleep(0)
    assert logs == []
