from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from appliance.errors import NotFound
from appliance.storage.backups import background
from appliance.storage.backups.background import BackgroundArchives, run_aside
from appliance.storage.backups.progress import Progress
from tests.fakes.backups import INSTALLATION, PASSPHRASE, Installation


async def test_backups_are_made_beside_the_event_loop(installation: Installation):
    archives = BackgroundArchives(installation.archives(PASSPHRASE))
    made = await archives.create("daily")
    assert await archives.list_all() == [made]
    assert (await archives.verify(made.id)).id == made.id
    assert await archives.thin_out(keep_daily=1, installation_id=INSTALLATION) == []
    with pytest.raises(NotFound):
        await archives.verify("nothing")


async def test_the_thread_gives_way_to_others():
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def look() -> tuple[str, int]:
        own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return threading.current_thread().name, own

    name, niceness = await run_aside(look, threading.Event())
    assert name == "backup"
    if sys.platform == "linux":
        assert niceness == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


async def test_an_error_comes_to_who_waits():
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_aside(fail, threading.Event())


async def test_a_caller_that_leaves_stops_the_work_and_waits_for_it():
    stop, began = threading.Event(), threading.Event()
    report = Progress(stop=stop).part(1)
    cleaned: list[str] = []

    def work() -> None:
        began.set()
        try:
            while True:
                stop.wait(5)
                report(0, 1)
        finally:
            cleaned.append("up")

    task = asyncio.create_task(run_aside(work, stop))
    await asyncio.to_thread(began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == ["up"]


async def test_work_that_ends_in_spite_of_a_stop_is_no_error():
    stop, began, gate = threading.Event(), threading.Event(), threading.Event()

    def work() -> int:
        began.set()
        gate.wait(5)
        return 1

    task = asyncio.create_task(run_aside(work, stop))
    await asyncio.to_thread(began.wait, 5)
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background, "STOP_WAIT_S", 0.05)
    began, gate = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        began.set()
        gate.wait(30)

    task = asyncio.create_task(run_aside(work, threading.Event()))
    await asyncio.to_thread(began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert threads[0].is_alive()
    assert threads[0].daemon  # or the process could not end
    gate.set()
    threads[0].join(5)


async def test_a_backup_that_is_cancelled_leaves_nothing(installation: Installation):
    archives = BackgroundArchives(installation.archives())
    task = asyncio.create_task(archives.create("manual"))
    await asyncio.to_thread(wait_for, installation.paths.work)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(installation.paths.backups.iterdir()) == []
    assert list(installation.paths.work.iterdir()) == []


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.001)
