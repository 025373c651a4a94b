from __future__ import annotations

import asyncio

import pytest

from appliance.errors import Conflict, Unavailable
from appliance.services.retention_runs import RetentionRuns
from appliance.storage.tables import messages
from appliance.tasks import TaskGroup
from tests.contract.retention_contract import MemoryArchive
from tests.fakes.stored_history import StoredHistory, open_history


class HeldArchive(MemoryArchive):
    """Takes objects once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()

    async def put(self, name: str, content: bytes) -> None:
        await self.free.wait()
        await super().put(name, content)


async def make(history: StoredHistory, archive: MemoryArchive) -> tuple[RetentionRuns, TaskGroup]:
    await history.talk("s1")
    history.pass_days(31)
    tasks = TaskGroup()
    service = history.build_retention(archive)
    return RetentionRuns(service=service, tasks=tasks, clock=history.clock), tasks


async def test_a_run_goes_on_in_the_background_and_is_told_of():
    async with open_history() as history:
        archive = HeldArchive()
        runs, tasks = await make(history, archive)
        assert runs.state.state == "idle"
        state = await runs.start()
        assert state.state == "running"
        assert state.progress.total == 2
        with pytest.raises(Conflict, match="running already"):
            await runs.start()
        with pytest.raises(Conflict, match="running already"):
            await runs.run_daily()
        archive.free.set()
        await tasks.drain(timeout_s=10)
        assert runs.state.state == "done"
        assert runs.state.report is not None
        assert runs.state.report.tenants[0].messages == 2
        assert await history.count(messages) == 0


async def test_a_run_of_another_process_is_a_conflict_and_changes_no_state():
    async with open_history() as history:
        runs, _ = await make(history, MemoryArchive())
        async with history.temporary.database.retention.exclusively():
            with pytest.raises(Conflict):
                await runs.start()
        assert runs.state.state == "idle"
        await runs.run_daily()
        assert runs.state.state == "done"


async def test_a_failed_run_says_why():
    async with open_history() as history:
        archive = MemoryArchive()
        archive.is_broken = True
        runs, tasks = await make(history, archive)
        await runs.start()
        await tasks.drain(timeout_s=10)
        assert (runs.state.state, runs.state.error) == ("failed", "The archive cannot be reached.")
        with pytest.raises(Unavailable):
            await runs.run_daily()


async def test_a_run_that_is_stopped_with_the_server_goes_on_next_time():
    async with open_history() as history:
        archive = HeldArchive()
        runs, tasks = await make(history, archive)
        await runs.start()
        await tasks.drain(timeout_s=0)
        assert runs.state.state == "failed"
        archive.free.set()
        await runs.run_daily()
        assert await history.count(messages) == 0
        assert len(archive.list_ids()) == 2


async def test_a_dry_run_deletes_nothing():
    async with open_history() as history:
        runs, tasks = await make(history, MemoryArchive())
        await runs.start(is_dry_run=True)
        await tasks.drain(timeout_s=10)
        assert runs.state.report is not None
        assert runs.state.report.is_dry_run
        assert await history.count(messages) == 2
